#!/bin/sh
# Compile every lock together: dev.lock first, then each service's subset held to the same versions.
set -eu
cd "$(dirname "$0")/.."
lock() {
    uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-annotate --no-config "$@"
}
lock --group dev -o requirements/dev.lock
for service in fetcher predictor executor trailing postmortem paper_exchange operator; do
    lock --group "$service" --constraint requirements/dev.lock -o "requirements/$service.lock"
done
