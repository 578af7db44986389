from pathlib import Path

import pytest

from libs.common.errors import Misconfigured
from libs.common.units import Instant, Timeframe
from services.predictor.adapters.model_store import Manifest, ModelStore, Part, digest_of, version_of
from services.predictor.core.feature_table import NAMES

M15 = Timeframe.M15


def manifest(version: str = "m-1", features: tuple[str, ...] = NAMES, model: bytes = b"trees") -> Manifest:
    part = Part(file="15m.ubj", digest=digest_of(model), data="bars", temperature=1.5)
    return Manifest(
        version=version,
        features=features,
        parts={M15: part},
        parameters={"eta": 0.05},
        rounds=3,
        symbols=("BTCUSDT",),
        trained_until=Instant(5),
    )


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    made = ModelStore(tmp_path)
    made.save(manifest(), {M15: b"trees"}, {"15m": {"skill": 0.01}})
    return made


def test_before_the_first_training_there_is_no_model(tmp_path: Path) -> None:
    assert ModelStore(tmp_path).load() is None


def test_what_was_saved_is_current_and_comes_back(store: ModelStore) -> None:
    assert store.load() == (manifest(), {M15: b"trees"})
    assert '"skill": 0.01' in (store.folder / "m-1" / "metrics.json").read_text()


def test_one_can_go_back_to_an_older_version(store: ModelStore) -> None:
    store.save(manifest("m-2"), {M15: b"trees"}, {})
    assert (store.current, store.versions) == ("m-2", ["m-1", "m-2"])
    store.use("m-1")
    assert store.current == "m-1"


def test_a_version_that_does_not_exist_is_refused(store: ModelStore) -> None:
    with pytest.raises(Misconfigured, match="there is no model m-9: there are m-1"):
        store.use("m-9")


def test_a_model_with_other_features_is_refused_and_says_which(store: ModelStore) -> None:
    store.save(manifest("m-2", ("astrology", *NAMES[1:])), {M15: b"trees"}, {})
    with pytest.raises(Misconfigured, match=r"lacks \['return_1'\], and has \['astrology'\]"):
        store.load()


def test_features_in_another_order_are_other_features(store: ModelStore) -> None:
    store.save(manifest("m-2", NAMES[::-1]), {M15: b"trees"}, {})
    with pytest.raises(Misconfigured, match="their order differs"):
        store.load()


def test_a_changed_byte_is_noticed(store: ModelStore) -> None:
    (store.folder / "m-1" / "15m.ubj").write_bytes(b"treez")
    with pytest.raises(Misconfigured, match=r"15m\.ubj is not what was trained"):
        store.load()


@pytest.mark.parametrize("file", ["15m.ubj", "model.json"])
def test_a_missing_file_is_named(store: ModelStore, file: str) -> None:
    (store.folder / "m-1" / file).unlink()
    with pytest.raises(Misconfigured, match=f"m-1 is not a whole model.*{file}.*ironkeel train"):
        store.load()


def test_a_crash_before_the_switch_leaves_the_old_version_in_use(store: ModelStore) -> None:
    draft = store.folder / ".m-2.draft"
    draft.mkdir()
    (draft / "15m.ubj").write_bytes(b"half")
    assert store.load() == (manifest(), {M15: b"trees"})
    store.save(manifest("m-2"), {M15: b"trees"}, {})
    assert store.current == "m-2"


def test_a_version_names_data_parameters_and_rounds() -> None:
    version = version_of({M15: "bars"}, {"eta": 1}, 3)
    assert version == version_of({M15: "bars"}, {"eta": 1}, 3)
    others = {version_of({M15: "b"}, {"eta": 1}, 3), version_of({M15: "bars"}, {"eta": 2}, 3)}
    assert len({version, *others, version_of({M15: "bars"}, {"eta": 1}, 4)}) == 4
