from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from libs.common.candle_panel import CANDLE
from libs.common.errors import Misconfigured
from libs.common.units import Timeframe
from services.predictor.adapters.boosters import Boosters
from services.predictor.adapters.model_store import ModelStore
from services.predictor.core.features import rows_of
from services.predictor.training.main import main
from tests.support.candles import BEGINNING, walk

FRAMES = (Timeframe.M15, Timeframe.M30, Timeframe.H1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with 700 candles of two symbols in every timeframe."""
    folder = tmp_path / "candles" / "live"
    folder.mkdir(parents=True)
    for timeframe in FRAMES:
        for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
            table = pd.DataFrame(walk(700, seed=seed, step_ms=timeframe.ms), columns=pd.Index(CANDLE))
            table.astype({"ts": "int64"}).to_parquet(folder / f"{symbol}-{timeframe}.parquet")
    monkeypatch.setenv("IRONKEEL_HOME", str(tmp_path))
    yield tmp_path


def test_a_full_training_leaves_a_model_that_can_be_asked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--full", "--rounds", "3"]) == 0
    said = capsys.readouterr().out
    assert "training 15m: 100 %" in said
    assert "1h trained: " in said
    models = Boosters.load(ModelStore(home), FRAMES)
    assert models is not None
    assert models.version in said
    assert models.trained_until == BEGINNING + 700 * Timeframe.H1.ms
    rows = rows_of(walk(200))[-3:].astype(np.float32)
    answers = models.probabilities(Timeframe.M15, rows)
    assert answers.sum(axis=1) == pytest.approx(np.ones(3))
    assert models.probabilities(Timeframe.M15, rows[1:2]).tobytes() == answers[1:2].tobytes()


def test_the_same_candles_train_the_same_version_and_other_rounds_another(home: Path) -> None:
    store, versions = ModelStore(home), []
    for rounds in ("2", "2", "3"):
        assert main(["--full", "--rounds", rounds]) == 0
        versions.append(store.current)
    assert versions[0] == versions[1] != versions[2]


def test_candles_after_the_given_moment_are_not_seen(home: Path) -> None:
    until = BEGINNING + 600 * Timeframe.M15.ms
    assert main(["--full", "--rounds", "2", "--until", str(until)]) == 1  # an hour's candles: too few by then
    assert ModelStore(home).current is None


def test_a_home_without_candles_is_told_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path)]) == 1
    assert "no candles of 15m, 30m, 1h in" in capsys.readouterr().err


def test_a_model_that_lacks_a_timeframe_cannot_be_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONKEEL_MARKET__TIMEFRAMES", '["15m", "30m"]')
    assert main(["--full", "--rounds", "2"]) == 0
    with pytest.raises(Misconfigured, match="has no part for 1h"):
        Boosters.load(ModelStore(home), FRAMES)


def test_wrong_settings_end_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("IRONKEEL_PREDICTOR__FIRST_ROUNDS", "many")
    assert main(["--full"]) == 2
    assert "first_rounds" in capsys.readouterr().err
