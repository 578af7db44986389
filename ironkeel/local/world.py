"""A home belongs to one world: the same one resumes where it stood, another is refused."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ironkeel.local.home import Home
from libs.common.errors import Misconfigured
from libs.common.settings import Settings
from libs.common.settings.sections import Venue


@dataclass(frozen=True, slots=True)
class World:
    """What a home's books, ledger and models are about; real venues have no seed and no beginning."""

    venue: str
    market: str
    seed: int
    start: str

    def __str__(self) -> str:
        if self.venue != Venue.PAPER:
            return f"venue {self.venue}"
        since = f" from {self.start}" if self.start else ""
        return f"venue {self.venue}, market {self.market}, seed {self.seed}{since}"


def world_of(settings: Settings) -> World:
    if settings.exchange.venue is not Venue.PAPER:
        return World(settings.exchange.venue.value, "", 0, "")
    return World(Venue.PAPER.value, settings.paper.market, settings.paper.seed, settings.paper.start)


def read_world(home: Home) -> World | None:
    try:
        told = json.loads(home.world.read_text("utf-8"))
        return World(told["venue"], told["market"], told["seed"], told["from"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(f"{home.world}: cannot be read ({error}); `--fresh` archives the home") from error


def is_resumed(home: Home, world: World) -> bool:
    """Whether the home is this world's already, False for nobody's. Raises Misconfigured when it is another's."""
    known = read_world(home)
    if known is not None and known != world:
        raise Misconfigured(
            f"home {home.path} belongs to another world ({known}) than the one asked for ({world}): "
            "choose another --home, or archive this one with --fresh"
        )
    return known is not None


def claim(home: Home, world: World) -> None:
    """Make the home this world's, for good."""
    told = {"from" if key == "start" else key: value for key, value in asdict(world).items()}
    home.world.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def archive(home: Home) -> Path | None:
    """Move a home that holds anything out of the way, to `<home>.old-<n>`; returns where it is now."""
    if not home.world.exists():
        return None
    taken = {path.name for path in home.path.parent.glob(f"{home.path.name}.old-*")}
    number = next(n for n in range(1, len(taken) + 2) if f"{home.path.name}.old-{n}" not in taken)
    target = home.path.with_name(f"{home.path.name}.old-{number}")
    try:
        home.path.rename(target)
    except OSError as error:
        raise Misconfigured(f"home {home.path}: cannot be archived as {target}: {error.strerror}") from error
    return target
