"""Write the fixture of every schema that has none yet, from its builder."""

import orjson

from libs.common.contracts.registry import encode
from tests.contract.messages.test_fixtures import FIXTURES
from tests.support.builders import ONE_OF_EACH


def main() -> None:
    for schema, build in ONE_OF_EACH.items():
        path = FIXTURES / f"{schema}.json"
        if not path.exists():
            _, body = encode(build())
            path.write_bytes(orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
