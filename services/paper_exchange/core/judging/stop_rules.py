"""Whether every position had its stop, and no stop ever gave ground back.

Spells without a stop are found in the rows of the positions; the exchange's own list of them is only compared, and
believed in one thing that no row tells: how long the exchange was up meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Final

from services.paper_exchange.core.judging.audit_rows import Audit, AuditNaked, AuditPosition, Key
from services.paper_exchange.core.judging.round_trips import Walk
from services.paper_exchange.core.judging.rule import Rule, named

GRACE_MS: Final = 2_000  # exchange uptime within which a lost stop, or a foreign position's first, must be back


@dataclass(frozen=True, slots=True)
class Spell:
    """A position without a stop, as its rows show it; `until` is None while it still is."""

    key: Key
    since: int
    since_wall: int
    from_the_first_fill: bool
    until: int | None = None
    until_wall: int | None = None

    def ended(self, row: AuditPosition) -> "Spell":
        return Spell(self.key, self.since, self.since_wall, self.from_the_first_fill, row.time, row.wall)

    @property
    def told(self) -> str:
        return f"{named(self.key)} from {self.since} to {self.until or 'now'}"


def never_loosened(rows: Sequence[AuditPosition]) -> Rule:
    """A stop that was lost comes back no looser than it was."""
    best: dict[Key, tuple[str, Decimal]] = {}
    loosened = []
    for row in rows:
        side, tightest = best.get(row.key, (row.side, None))
        if not row.size or side != row.side:  # flat, or turned without a row in between
            best.pop(row.key, None)
            tightest = None
        if not row.size or not row.stop:
            continue
        stop = Decimal(row.stop)
        if tightest is not None and (stop < tightest if row.side == "Buy" else stop > tightest):
            loosened.append(f"{named(row.key)} {row.side} {tightest} -> {stop} at {row.time}")
        else:
            best[row.key] = (row.side, stop)
    return Rule("no stop ever loosened", f"{len(rows)} position rows", tuple(loosened))


def never_naked(books: Audit, seen: Walk) -> Rule:
    """No position of ours from its first fill on, and none for longer than the grace."""
    spells = naked_spells(books.positions)
    listed = _listed(books.naked)
    ours = {(trip.key, trip.opened_at) for trip in seen.trips if trip.is_ours}
    naked = []
    for key, found in spells.items():
        for spell, row in zip_longest(found, listed.get(key, ())):
            if spell is None:
                break
            up_ms = _up_ms(spell, row, books)
            first = spell.from_the_first_fill and (key, spell.since) in ours
            if first or up_ms > GRACE_MS:
                naked.append(f"{spell.told}: {up_ms} ms of uptime{', from its first fill' if first else ''}")
    counted = sum(len(each) for each in spells.values())
    return Rule("no position naked", f"{counted} spells without a stop", tuple(naked))


def naked_as_listed(books: Audit) -> Rule:
    """The exchange's list of spells without a stop is what the rows of its positions show."""
    spells, listed = naked_spells(books.positions), _listed(books.naked)
    wrong = []
    for key in sorted(spells.keys() | listed.keys()):
        for spell, row in zip_longest(spells.get(key, ()), listed.get(key, ())):
            shown = None if spell is None else (spell.since, spell.until)
            told = None if row is None else (row.since, row.until)
            if shown != told:
                wrong.append(f"{named(key)}: the rows show {shown}, the list tells {told}")
    return Rule("spells without a stop as listed", f"{len(books.naked)} listed", tuple(wrong))


def naked_spells(rows: Sequence[AuditPosition]) -> dict[Key, list[Spell]]:
    """Find the spells without a stop of each position, in order."""
    found: dict[Key, list[Spell]] = {}
    sides: dict[Key, str] = {}
    for row in rows:
        spells = found.setdefault(row.key, [])
        running = spells[-1] if spells and spells[-1].until is None else None
        bare = bool(row.size) and not row.stop
        if running is not None and not bare:
            spells[-1] = running.ended(row)
        elif running is None and bare:
            begins = sides.get(row.key, "") != row.side
            spells.append(Spell(row.key, row.time, row.wall, begins))
        sides[row.key] = row.side if row.size else ""
    return {key: spells for key, spells in found.items() if spells}


def _listed(rows: Sequence[AuditNaked]) -> dict[Key, list[AuditNaked]]:
    found: dict[Key, list[AuditNaked]] = {}
    for row in rows:
        found.setdefault(row.key, []).append(row)
    for spells in found.values():
        spells.sort(key=lambda spell: (spell.since, spell.until is None, spell.until or 0))
    return found


def _up_ms(spell: Spell, listed: AuditNaked | None, books: Audit) -> int:
    """Exchange uptime of a spell; wall time where the exchange does not list it, for then it may not be believed."""
    if listed is not None and (listed.since, listed.until) == (spell.since, spell.until):
        return listed.up_ms
    newest = max([row.wall for row in books.positions[-1:]] + [row.wall for row in books.fills[-1:]])
    return (spell.until_wall or newest) - spell.since_wall
