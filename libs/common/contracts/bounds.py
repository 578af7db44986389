"""What a field of a message may hold at most: a reader meets nothing that its arithmetic or its store cannot bear.

A value outside is Poison where it is read and a bug where it is written.
"""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from libs.common.units import MINUTE_MS, Fraction, Instant, Price, Qty, Symbol

LATEST: Final = 253_402_300_799_999  # the last millisecond of the year 9999
MOST: Final = 10**15
LEAST: Final = Decimal("1E-15")  # of what something is divided by
EXACT: Final = 2**53  # whole numbers up to here survive every JSON reader

Moment = Annotated[Instant, Field(ge=0, le=LATEST)]
Minute = Annotated[Instant, Field(ge=0, le=LATEST, multiple_of=MINUTE_MS)]
Count = Annotated[int, Field(ge=0, le=EXACT)]
VenueSymbol = Annotated[Symbol, StringConstraints(pattern=r"^[A-Z0-9]{1,20}$")]
SymbolOrAll = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,20}$")]  # "" is all of them
PositivePrice = Annotated[Price, Field(ge=LEAST, lt=MOST)]
PriceRange = Annotated[Price, Field(ge=0, lt=MOST)]  # of a market that stands still it is 0
Quantity = Annotated[Qty, Field(ge=0, lt=MOST)]
Ratio = Annotated[Fraction, Field(gt=-MOST, lt=MOST)]
Share = Annotated[Fraction, Field(ge=LEAST, le=1)]
Name = Annotated[str, StringConstraints(max_length=120, pattern=r"^[^\x00]*$")]  # no store takes a NUL everywhere
Words = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]
