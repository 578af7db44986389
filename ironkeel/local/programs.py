"""What one machine runs: which processes, with which settings, and who may know which secret."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from libs.common.settings import CONFIG_VARIABLE, PREFIX, Settings
from libs.common.settings.effective import shown
from libs.common.settings.sections import SECTIONS, Venue
from libs.common.settings.sources import is_secret

SERVICES: Final = ("fetcher", "predictor", "executor", "trailing", "postmortem")
SCALABLE: Final = frozenset({"fetcher", "predictor", "executor", "trailing", "postmortem"})
REDIS: Final = "redis"
PAPER_EXCHANGE: Final = "paper_exchange"

# Who is told which secret: one hand on the money.
CONFIDANTS: Final[Mapping[str, frozenset[str]]] = {
    "exchange.api_key": frozenset({"executor"}),
    "exchange.api_secret": frozenset({"executor"}),
    "executor.ledger_url": frozenset({"executor"}),
    "api.token": frozenset({"executor"}),
    "paper.api_key": frozenset({"executor", PAPER_EXCHANGE}),
    "paper.api_secret": frozenset({"executor", PAPER_EXCHANGE}),
    "redis.url": frozenset(SERVICES),
}

# Lockstep: nothing may depend on the wall, so nothing is conflated, spaced or limited by it.
LOCKSTEP: Final[Mapping[str, str]] = {
    "fetcher.price_interval_ms": "0",
    "executor.stop_interval_ms": "0",
    "executor.workers": "1",
    "paper.limits": "off",
}


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process; `group` is what stops together: services, then exchange, then store."""

    name: str
    group: str
    command: Sequence[str]
    environment: Mapping[str, str]
    secret: frozenset[str] = frozenset()  # names in `environment` whose values are written to no file

    @property
    def secrets(self) -> Mapping[str, str]:
        return {name: self.environment[name] for name in sorted(self.secret)}


def programs(settings: Settings, *, scale: Mapping[str, int], redis_command: Sequence[str] | None) -> list[Program]:
    """Every process of the system; `redis_command` None means that Redis runs elsewhere."""
    found = [Program(REDIS, "store", redis_command, {})] if redis_command else []
    if settings.exchange.venue is Venue.PAPER:
        found.append(_service(settings, PAPER_EXCHANGE, PAPER_EXCHANGE, "exchange"))
    for service in SERVICES:
        for number in range(1, scale.get(service, 1) + 1):
            found.append(_service(settings, service, replica_name(service, number), "services"))
    return found


def replica_name(service: str, number: int) -> str:
    """fetcher, fetcher-2, fetcher-3: the first one has the plain name and the fixed port."""
    return service if number == 1 else f"{service}-{number}"


def service_of(name: str) -> str:
    return name.partition("-")[0]


def environment(settings: Settings, service: str, instance: str) -> dict[str, str]:
    """The settings of one process: what differs from the defaults, and only the secrets it is trusted with.

    The configuration file is not read again by children: it may hold keys that are not theirs.
    """
    told = {CONFIG_VARIABLE: "/dev/null"}
    for section, model in SECTIONS.items():
        held = getattr(settings, section)
        for name, info in model.model_fields.items():
            key = f"{section}.{info.alias or name}"
            value = getattr(held, name)
            if value != info.default and service in CONFIDANTS.get(key, {service}):
                told[variable(key)] = value.get_secret_value() if isinstance(value, SecretStr) else shown(value)
    told[variable("service.instance")] = instance
    return told


def variable(key: str) -> str:
    """The environment's name of `section.key`."""
    return PREFIX + key.replace(".", "__").upper()


SECRET_VARIABLES: Final = frozenset(
    variable(f"{section}.{info.alias or name}")
    for section, model in SECTIONS.items()
    for name, info in model.model_fields.items()
    if is_secret(info)
)


def _service(settings: Settings, service: str, instance: str, group: str) -> Program:
    command = (sys.executable, "-m", f"services.{service}.main")
    # Many threads that spin cost more than they give: a fit took ten times as long on a busy machine.
    threads = {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
    told = environment(settings, service, instance)
    return Program(instance, group, command, {**told, **threads}, SECRET_VARIABLES & told.keys())
