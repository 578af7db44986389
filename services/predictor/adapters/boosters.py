"""XGBoost as the policy's `Models`: one booster a timeframe, asked for many rows at once."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import xgboost
from numpy.typing import NDArray

from libs.common.errors import Misconfigured
from libs.common.units import Instant, Timeframe
from services.predictor.adapters.model_store import Manifest, ModelStore
from services.predictor.core.calibration import tempered


class Boosters:
    def __init__(self, manifest: Manifest, models: Mapping[Timeframe, bytes]) -> None:
        self._manifest = manifest
        self._boosters = {timeframe: booster_of(model) for timeframe, model in models.items()}

    @classmethod
    def load(cls, store: ModelStore, timeframes: tuple[Timeframe, ...]) -> Self | None:
        """The current version, if there is one; raises Misconfigured if it cannot judge `timeframes`."""
        stored = store.load()
        if stored is None:
            return None
        lacking = [timeframe for timeframe in timeframes if timeframe not in stored[0].parts]
        if lacking:
            raise Misconfigured(f"model {stored[0].version} has no part for {', '.join(lacking)}: run `ironkeel train`")
        return cls(*stored)

    @property
    def version(self) -> str:
        return self._manifest.version

    @property
    def trained_until(self) -> Instant:
        return self._manifest.trained_until

    def probabilities(self, timeframe: Timeframe, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        answer: NDArray[np.float32] = self._boosters[timeframe].inplace_predict(rows)
        return tempered(answer.astype(np.float64), self._manifest.parts[timeframe].temperature)


def booster_of(model: bytes) -> xgboost.Booster:
    """Load a model's bytes; one thread, because a second gains nothing on so few rows."""
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(model))
    booster.set_param({"nthread": 1})
    return booster
