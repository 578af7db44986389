from pathlib import Path

import pytest

from ironkeel.local.home import Home, open_home
from ironkeel.local.world import World, archive, claim, is_resumed, read_world, world_of
from libs.common.errors import Misconfigured
from libs.common.settings import Settings
from libs.common.settings.sections import ExchangeSection, PaperSection, Venue

SYNTHETIC = World("paper", "synthetic", 7, "")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = open_home(tmp_path / "home")
    home.make()
    return home


def test_a_new_home_belongs_to_the_first_world_and_resumes_it(home: Home) -> None:
    assert not is_resumed(home, SYNTHETIC)
    assert read_world(home) is None, "a start that is refused later must leave the home free"
    claim(home, SYNTHETIC)
    assert read_world(home) == SYNTHETIC
    assert is_resumed(home, SYNTHETIC)


@pytest.mark.parametrize(
    "other",
    [
        World("paper", "replay:/data", 7, ""),
        World("paper", "synthetic", 8, ""),
        World("paper", "synthetic", 7, "2025-09-15"),
        World("bybit-demo", "", 0, ""),
    ],
)
def test_another_world_is_refused_naming_both(home: Home, other: World) -> None:
    claim(home, SYNTHETIC)
    with pytest.raises(Misconfigured) as caught:
        is_resumed(home, other)
    assert str(SYNTHETIC) in str(caught.value)
    assert str(other) in str(caught.value)
    assert read_world(home) == SYNTHETIC


def test_fresh_keeps_every_former_home(home: Home) -> None:
    assert archive(home) is None
    for number in (1, 2):
        claim(home, SYNTHETIC)
        (home.path / "ledger.db").write_text(str(number))
        assert archive(home) == home.path.with_name(f"home.old-{number}")
        assert not home.path.exists()
        home.make()
    assert (home.path.with_name("home.old-1") / "ledger.db").read_text() == "1"
    assert (home.path.with_name("home.old-2") / "ledger.db").read_text() == "2"


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"venue": "paper"}'])
def test_a_broken_world_file_is_named(home: Home, content: str) -> None:
    home.world.write_text(content)
    with pytest.raises(Misconfigured, match=r"world\.json: cannot be read"):
        is_resumed(home, SYNTHETIC)


def test_a_paper_world_is_market_seed_and_beginning_and_a_real_one_is_its_venue() -> None:
    paper = PaperSection.model_validate({"market": "replay:/p", "seed": 3, "from": "2025-09-15"})
    assert world_of(Settings(paper=paper)) == World("paper", "replay:/p", 3, "2025-09-15")
    real = Settings(exchange=ExchangeSection(venue=Venue.DEMO), paper=paper)
    assert world_of(real) == World("bybit-demo", "", 0, "")
