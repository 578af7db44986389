"""Trained models on disk: `<home>/models/<version>/`, and the name of the one in use in `<home>/models/current`.

1. A version is a function of the data and the parameters: the same training writes the same version.
2. `current` changes in one step, after everything that it names is on the disk.
3. Models with other features, or with a byte changed, are refused with a sentence that says so.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.errors import Misconfigured
from libs.common.units import Instant, Timeframe
from services.predictor.core.feature_table import NAMES

MANIFEST: Final = "model.json"
METRICS: Final = "metrics.json"
CURRENT: Final = "current"


class Part(BaseModel):
    """One timeframe's model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    digest: str  # of the file's bytes
    data: str  # digest of the bars that it learnt from
    temperature: float


class Manifest(BaseModel):
    """What a version is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    features: tuple[str, ...]
    parts: Mapping[Timeframe, Part]
    parameters: Mapping[str, str | int | float]
    rounds: int
    symbols: tuple[str, ...]
    trained_until: Instant


class ModelStore:
    """The models of one home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "models"

    @property
    def current(self) -> str | None:
        """The version in use; None before the first training."""
        file = self.folder / CURRENT
        return file.read_text().strip() if file.exists() else None

    @property
    def versions(self) -> Sequence[str]:
        """Every version that is whole, sorted by name."""
        return sorted(path.parent.name for path in self.folder.glob(f"m-*/{MANIFEST}"))

    def save(
        self, manifest: Manifest, models: Mapping[Timeframe, bytes], metrics: Mapping[str, Mapping[str, float | int]]
    ) -> None:
        """Write a version and switch to it."""
        draft = self.folder / f".{manifest.version}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for timeframe, model in models.items():
            write(draft / manifest.parts[timeframe].file, model)
        write(draft / METRICS, json.dumps(metrics, indent=2, sort_keys=True).encode())
        write(draft / MANIFEST, manifest.model_dump_json(indent=2).encode())
        final = self.folder / manifest.version
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        self.use(manifest.version)

    def use(self, version: str) -> None:
        """Make `version` the current one, in one step; also the way back to an old one."""
        if version not in self.versions:
            raise Misconfigured(f"there is no model {version}: there are {', '.join(self.versions) or 'none'}")
        draft = self.folder / f".{CURRENT}.draft"
        write(draft, version.encode())
        draft.replace(self.folder / CURRENT)

    def load(self) -> tuple[Manifest, Mapping[Timeframe, bytes]] | None:
        """Return the current version, checked; None if there is none. Raises Misconfigured if it cannot be used."""
        version = self.current
        if version is None:
            return None
        folder = self.folder / version
        try:
            manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
            models = {timeframe: (folder / part.file).read_bytes() for timeframe, part in manifest.parts.items()}
        except (OSError, ValidationError) as error:
            raise Misconfigured(f"{folder} is not a whole model ({error}): {REMEDY}") from error
        check_features(folder, manifest.features)
        for timeframe, part in manifest.parts.items():
            if digest_of(models[timeframe]) != part.digest:
                raise Misconfigured(f"{folder / part.file} is not what was trained, its digest differs: {REMEDY}")
        return manifest, models


REMEDY: Final = "run `ironkeel train`, or remove models/current to train at the next start"


def check_features(folder: Path, names: Sequence[str]) -> None:
    """Raise Misconfigured unless the model was trained on this program's features, in their order."""
    if tuple(names) == NAMES:
        return
    lacking, foreign = sorted(set(NAMES) - set(names)), sorted(set(names) - set(NAMES))
    difference = f"it lacks {lacking}, and has {foreign} instead" if lacking or foreign else "their order differs"
    raise Misconfigured(f"{folder} was trained on other features, {difference}: {REMEDY}")


def digest_of(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def version_of(data: Mapping[Timeframe, str], parameters: Mapping[str, str | int | float], rounds: int) -> str:
    """Name what is trained on these bars with these parameters, before it is trained."""
    causes = json.dumps([dict(data), dict(parameters), rounds, NAMES], sort_keys=True)
    return f"m-{blake2b(causes.encode(), digest_size=6).hexdigest()}"


def write(path: Path, data: bytes) -> None:
    """Write a file that is on the disk when this returns."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
