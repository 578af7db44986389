import pytest

from ironkeel.local.programs import environment, programs, service_of
from libs.common.settings import Settings, load
from libs.common.settings.sections import ExchangeSection, RiskSection, Venue

SECRETS = {
    "exchange.api_key": "venue-key",
    "exchange.api_secret": "venue-secret",
    "paper.api_key": "paper-key",
    "paper.api_secret": "paper-secret",
    "api.token": "api-token",
    "redis.url": "redis://:redis-word@h",
    "executor.ledger_url": "postgresql://ledger-word@h",
}


def names(settings: Settings, **scale: int) -> list[str]:
    return [p.name for p in programs(settings, scale=scale, redis_command=("redis-server",))]


def test_everything_that_one_machine_runs_is_listed_in_the_order_of_the_stop_groups() -> None:
    assert names(Settings()) == [
        "redis", "paper_exchange", "fetcher", "predictor", "executor", "trailing", "postmortem",
    ]  # fmt: skip


def test_a_real_venue_needs_no_paper_exchange_and_a_given_redis_none_of_ours() -> None:
    settings = Settings(exchange=ExchangeSection(venue=Venue.DEMO))
    found = [p.name for p in programs(settings, scale={}, redis_command=None)]
    assert found == ["fetcher", "predictor", "executor", "trailing", "postmortem"]


def test_replicas_are_numbered_and_know_their_own_names() -> None:
    found = {p.name: p for p in programs(Settings(), scale={"fetcher": 3}, redis_command=None)}
    for name in ("fetcher", "fetcher-2", "fetcher-3"):
        assert found[name].environment["IRONKEEL_SERVICE__INSTANCE"] == name
        assert found[name].command[-1] == "services.fetcher.main"
        assert service_of(name) == "fetcher"


@pytest.mark.parametrize(
    ("service", "known"),
    [
        ("executor", {*SECRETS}),
        ("paper_exchange", {"paper.api_key", "paper.api_secret"}),
        ("fetcher", {"redis.url"}),
        ("predictor", {"redis.url"}),
        ("trailing", {"redis.url"}),
        ("postmortem", {"redis.url"}),
    ],
)
def test_each_process_is_told_only_its_own_secrets(service: str, known: set[str]) -> None:
    told = environment(load(SECRETS), service, service)
    held = {key for key, secret in SECRETS.items() if secret in told.values()}
    assert held == known


def test_every_secret_that_a_process_is_told_is_marked_as_one() -> None:
    for program in programs(load(SECRETS), scale={"fetcher": 2}, redis_command=("redis-server",)):
        held = {name for name, value in program.environment.items() if value in SECRETS.values()}
        assert set(program.secrets) == held
        assert all(program.secrets[name] == program.environment[name] for name in held)


def test_a_child_reads_the_settings_that_it_was_started_with(monkeypatch: pytest.MonkeyPatch) -> None:
    started = load({"risk.leverage": "3", "market.symbols": "BTCUSDT,ETHUSDT", "paper.speed": "max"})
    for name, value in environment(started, "executor", "executor").items():
        monkeypatch.setenv(name, value)
    read = load()
    assert read.risk == started.risk != RiskSection()
    assert (read.market, read.paper) == (started.market, started.paper)
