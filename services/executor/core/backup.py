"""Snapshots of positions and session: when one is due, what it is called, and which are old enough to go.

1. Time here is wall time: a snapshot is for a person who looks back after an accident, and a replay at 1,800 times the
   speed would throw fourteen market days away within minutes.
2. Number and size are bounded: at most one in LEAST_MS, all of the last hour, the last of every hour before that, for
   KEPT_MS, and never more than LARGEST bytes. The newest one always stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from libs.common.units import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Instant
from services.executor.core.kept import Kept

FOLDER: Final = "backup"  # in the home
LEAST_MS: Final = 10 * SECOND_MS
LONGEST_MS: Final = DAY_MS
KEPT_MS: Final = 14 * DAY_MS
LARGEST: Final = 64 << 20
HALF: Final = ".new"  # what a write that is under way ends with
_END: Final = ".json"
_TIME: Final = "%Y-%m-%dT%H-%M-%S.%f"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGEST: Final = 12


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The name of one, read: `state` is the same as long as nothing has changed but prices."""

    name: str
    at: Instant
    state: str


def state_of(open_here: Sequence[Kept], closed: int) -> str:
    """What a snapshot is about: every change of a position, and every closed trade, makes another one."""
    facts = [(kept.position.position_id, kept.position.version, str(kept.closing)) for kept in open_here]
    return blake2b(repr((sorted(facts), closed)).encode(), digest_size=_DIGEST // 2).hexdigest()


def name_of(at: Instant, state: str) -> str:
    """A file's name that sorts by time."""
    when = _EPOCH + timedelta(milliseconds=at)
    return f"{when.strftime(_TIME)[:-3]}Z-{state}{_END}"


def parse(name: str) -> Snapshot | None:
    """Read a name of ours; None for anything else."""
    when, _, rest = name.partition("Z-")
    state = rest.removesuffix(_END)
    if state == rest or len(state) != _DIGEST or not state.isalnum():
        return None
    try:
        at = datetime.strptime(when, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Snapshot(name, Instant((at - _EPOCH) // timedelta(milliseconds=1)), state)


def newest(names: Sequence[str]) -> Snapshot | None:
    return max(filter(None, map(parse, names)), key=lambda found: (found.at, found.name), default=None)


def is_due(last: Snapshot | None, state: str, now: Instant) -> bool:
    """Whether to take one now: at every change, but not too often; without one, once a day."""
    if last is None:
        return True
    return now - last.at >= (LONGEST_MS if last.state == state else LEAST_MS)


def stale(sizes: Mapping[str, int], now: Instant) -> Sequence[str]:
    """Return the files to delete, given names with their sizes; what is not ours is left alone."""
    halves = [name for name in sizes if name.endswith(HALF) and _is_abandoned(name, now)]
    found = sorted(filter(None, map(parse, sizes)), key=lambda one: (one.at, one.name), reverse=True)
    gone, hours, room = [], set[int](), LARGEST
    for one in found:
        room -= sizes[one.name]
        hour, recent = one.at // HOUR_MS, now - one.at < HOUR_MS
        if one is not found[0] and (now - one.at > KEPT_MS or room < 0 or (not recent and hour in hours)):
            gone.append(one.name)
        hours.add(hour)
    return halves + gone


def _is_abandoned(name: str, now: Instant) -> bool:
    begun = parse(name.removesuffix(HALF))
    return begun is not None and now - begun.at > MINUTE_MS
