import pytest

from libs.common.settings import Settings, layers, load
from libs.common.settings.effective import config_hash, effective
from libs.common.settings.sections import SECTIONS, ExchangeSection, PaperSection


def test_every_key_is_listed_with_where_its_value_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_RISK__MAX_POSITIONS", "3")
    flags = {"paper.seed": "9"}
    rows = {row.key: row for row in effective(load(flags), layers(flags))}
    assert len(rows) == sum(len(section.model_fields) for section in SECTIONS.values())
    assert (rows["risk.max_positions"].value, rows["risk.max_positions"].origin) == ("3", "env")
    assert (rows["paper.seed"].value, rows["paper.seed"].origin) == ("9", "flag")
    assert (rows["paper.from"].value, rows["paper.from"].origin) == ("", "default")
    assert rows["market.timeframes"].value == "15m,30m,1h"


def test_a_secret_that_is_set_is_masked_and_one_that_is_not_is_empty() -> None:
    settings = Settings(exchange=ExchangeSection.model_validate({"api_key": "hunter2"}))
    rows = {row.key: row.value for row in effective(settings)}
    assert (rows["exchange.api_key"], rows["exchange.api_secret"]) == ("***", "")


def test_the_hash_tells_configurations_apart_and_ignores_secrets() -> None:
    plain = config_hash(Settings())
    assert plain == config_hash(Settings(exchange=ExchangeSection.model_validate({"api_key": "k"})))
    assert plain != config_hash(Settings(paper=PaperSection(seed=8)))
