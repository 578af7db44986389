"""What a field of a message may hold at most: a reader meets nothing that its arithmetic or its store cannot bear.

A value outside is Poison where it is read and a bug where it is written.
"""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from libs.common.units import MINUTE_MS, Instant, Price, Qty, Symbol

LATEST: Final = 253_402_300_799_999  # the last millisecond of the year 9999
MOST: Final = 10**15
EXACT: Final = 2**53  # whole numbers up to here survive every JSON reader

Moment = Annotated[Instant, Field(ge=0, le=LATEST)]
Minute = Annotated[Instant, Field(ge=0, le=LATEST, multiple_of=MINUTE_MS)]
Count = Annotated[int, Field(ge=0, le=EXACT)]
VenueSymbol = Annotated[Symbol, StringConstraints(pattern=r"^[A-Z0-9]{1,20}$")]
PositivePrice = Annotated[Price, Field(gt=0, lt=MOST)]
PriceRange = Annotated[Price, Field(ge=0, lt=MOST)]  # of a market that stands still it is 0
Quantity = Annotated[Qty, Field(ge=0, lt=MOST)]
