import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from libs.common.errors import Misconfigured
from libs.common.settings import load
from libs.common.settings.sections import Venue
from libs.common.units import Timeframe


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of ours and no ironkeel.toml in sight."""
    for name in [name for name in os.environ if name.startswith("IRONKEEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_file_and_environment_every_key_has_its_default() -> None:
    settings = load()
    assert settings.exchange.venue is Venue.PAPER
    assert settings.paper.balance == Decimal(500)
    assert settings.service.home == Path("data")


def test_the_file_overrides_defaults_the_environment_overrides_the_file_and_flags_override_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("ironkeel.toml").write_text("[risk]\nmax_positions = 3\nleverage = 4\n[paper]\nseed = 1\n")
    monkeypatch.setenv("IRONKEEL_RISK__LEVERAGE", "6")
    monkeypatch.setenv("IRONKEEL_PAPER__SEED", "2")
    settings = load({"paper.seed": "9"})
    assert (settings.risk.max_positions, settings.risk.leverage, settings.paper.seed) == (3, Decimal(6), 9)


def test_a_named_configuration_file_is_read_and_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[paper]\nseed = 11\n")
    monkeypatch.setenv("IRONKEEL_CONFIG", str(other))
    assert load().paper.seed == 11
    other.unlink()
    with pytest.raises(Misconfigured, match=r"IRONKEEL_CONFIG = .*other.toml: cannot be read"):
        load()


def test_a_file_that_is_not_toml_is_refused_with_its_line() -> None:
    Path("ironkeel.toml").write_text("[paper\n")
    with pytest.raises(Misconfigured, match=r"ironkeel.toml: not TOML: .*line 1"):
        load()


@pytest.mark.parametrize("written", ["BTCUSDT,ETHUSDT", "BTCUSDT, ETHUSDT", '["BTCUSDT", "ETHUSDT"]'])
def test_a_list_is_written_with_commas_or_as_json(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__SYMBOLS", written)
    assert load().market.symbols == ("BTCUSDT", "ETHUSDT")


def test_one_symbol_is_a_list_of_one_and_top_n_stays_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__SYMBOLS", "BTCUSDT")
    assert load().market.symbols == ("BTCUSDT",)
    monkeypatch.setenv("IRONKEEL_MARKET__SYMBOLS", "top:12")
    assert load().market.symbols == "top:12"


def test_timeframes_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__TIMEFRAMES", "15m,1h")
    assert load().market.timeframes == (Timeframe.M15, Timeframe.H1)


def test_ironkeel_home_is_short_for_the_service_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_HOME", "/somewhere")
    assert load().service.home == Path("/somewhere")


def test_paper_from_and_to_are_named_as_users_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_PAPER__FROM", "2025-09-15")
    monkeypatch.setenv("IRONKEEL_PAPER__SPEED", "max")
    settings = load()
    assert (settings.paper.start, settings.paper.speed) == ("2025-09-15", "max")


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k-123\n")
    monkeypatch.setenv("IRONKEEL_EXCHANGE__API_KEY_FILE", str(tmp_path / "key"))
    assert load().exchange.api_key.get_secret_value() == "k-123"


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a")
    monkeypatch.setenv("IRONKEEL_EXCHANGE__API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("IRONKEEL_EXCHANGE__API_KEY", "b")
    with pytest.raises(Misconfigured, match="keep one of them"):
        load()


def test_only_secrets_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_PAPER__SEED_FILE", "/etc/hostname")
    with pytest.raises(Misconfigured, match=r"paper.seed_file .*unknown key; did you mean seed\?"):
        load()


def test_all_errors_are_told_at_once_with_key_value_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ironkeel.toml").write_text('[risk]\nleverage = 300\nleverag = 3\n[service]\nlog_level = "loud"\n')
    monkeypatch.setenv("IRONKEEL_PAPER__SPEED", "fast")
    monkeypatch.setenv("IRONKEEL_RIKS__LEVERAGE", "3")
    monkeypatch.setenv("IRONKEEL_EXCHANGE__API_SECRET_FILE", "/does/not/exist")
    with pytest.raises(Misconfigured) as caught:
        load()
    said = str(caught.value)
    for part in (
        "risk.leverage = 300: should be less than or equal to 25 [Leverage set at the venue.]",
        "risk.leverag = 3: unknown key; did you mean leverage?",
        "service.log_level = 'loud': should be 'debug', 'info', 'warning' or 'error'",
        "paper.speed (from IRONKEEL_PAPER__SPEED) = 'fast'",
        "riks (from IRONKEEL_RIKS__LEVERAGE): unknown section; did you mean risk?",
        "IRONKEEL_EXCHANGE__API_SECRET_FILE = /does/not/exist: the secret cannot be read",
    ):
        assert part in said


@pytest.mark.parametrize("name", ["IRONKEEL_FOO", "IRONKEEL_EXCHANGE", "IRONKEEL_REDIS__URI"])
def test_an_unknown_variable_is_refused_by_its_own_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(Misconfigured, match=rf"from {name}\b"):
        load()


@pytest.mark.parametrize("name", ["IRONKEEL_EXCHANGE__API_SECRTE", "IRONKEEL_EXCHANGE__APIKEY"])
def test_a_misspelt_secret_is_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "hunter2")
    with pytest.raises(Misconfigured) as caught:
        load()
    assert "hunter2" not in str(caught.value)
    assert name in str(caught.value)


def test_real_money_must_be_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_EXCHANGE__VENUE", "bybit")
    with pytest.raises(Misconfigured, match="i_accept_real_money"):
        load()
    monkeypatch.setenv("IRONKEEL_EXCHANGE__I_ACCEPT_REAL_MONEY", "true")
    assert load().exchange.venue is Venue.LIVE


def test_a_live_market_goes_at_speed_one_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_PAPER__MARKET", "live")
    assert load().paper.speed == 1
    for speed in ("60", "max"):
        monkeypatch.setenv("IRONKEEL_PAPER__SPEED", speed)
        with pytest.raises(Misconfigured, match=f"paper.speed = {speed}: must be 1 for paper.market live"):
            load()


@pytest.mark.parametrize("key", ["from", "to"])
def test_a_live_market_has_no_dates(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("IRONKEEL_PAPER__MARKET", "live")
    monkeypatch.setenv(f"IRONKEEL_PAPER__{key.upper()}", "2025-09-15")
    with pytest.raises(Misconfigured, match=f"paper.{key} = 2025-09-15: must be empty for paper.market live"):
        load()


@pytest.mark.parametrize(
    ("key", "value"), [("UPSTREAM_URL", "ws://a"), ("UPSTREAM_URL", "https://a/v5"), ("UPSTREAM_WS_URL", "https://a")]
)
def test_an_upstream_is_an_address_without_a_path(monkeypatch: pytest.MonkeyPatch, key: str, value: str) -> None:
    monkeypatch.setenv(f"IRONKEEL_PAPER__{key}", value)
    with pytest.raises(Misconfigured, match=rf"paper\.{key.lower()}"):
        load()


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("MIN_AGE_DAYS", "-1", "greater than or equal to 0"),
        ("MIN_AGE_DAYS", "1.5", "valid integer"),
        ("MAX_SPREAD", "1.1", "less than or equal to 1"),
        ("MIN_VOLATILITY", "much", "valid decimal"),
        ("MAX_VOLATILITY", "11", "less than or equal to 10"),
    ],
)
def test_a_filter_beyond_its_bounds_is_refused_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(f"IRONKEEL_MARKET__{key}", value)
    with pytest.raises(Misconfigured, match=rf"market\.{key.lower()}.*{value}.*{allowed}"):
        load()


def test_the_least_volatility_is_at_most_the_largest_unless_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__MIN_VOLATILITY", "2")
    with pytest.raises(Misconfigured, match=r"market\.min_volatility = 2: must be at most market\.max_volatility"):
        load()
    monkeypatch.setenv("IRONKEEL_MARKET__MAX_VOLATILITY", "0")
    assert load().market.min_volatility == 2


def test_settings_are_frozen() -> None:
    settings = load()
    with pytest.raises(ValidationError):
        setattr(settings.paper, "seed", 3)  # noqa: B010


def test_json_that_is_broken_is_refused_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__SYMBOLS", json.dumps(["BTCUSDT"])[:-1])
    with pytest.raises(Misconfigured, match=r"market.symbols \(from IRONKEEL_MARKET__SYMBOLS\)"):
        load()


def test_no_symbols_at_all_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__SYMBOLS", "[]")
    with pytest.raises(Misconfigured, match=r"market\.symbols"):
        load()
