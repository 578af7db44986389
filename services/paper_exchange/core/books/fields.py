"""Reads the fields of a request the way the venue does: leniently about form, strictly about sense."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from pydantic import JsonValue

from libs.common.units import Symbol
from services.paper_exchange.core.books.refusals import bad

Json = dict[str, JsonValue]
_LONGEST: Final = 40  # characters of a number or a name
_MAGNITUDE: Final = 18  # powers of ten
_LARGEST_WHOLE: Final = 10**15  # an instant of the year 33658; sums of two still fit where they are kept
_NUMBER: Final = re.compile(r"\d+(\.\d*)?([eE][+-]?\d{1,2})?", re.ASCII)
_LINK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")
Choice = TypeVar("Choice", bound=StrEnum)


class Fields:
    """A request's parameters; every reader raises Refused (10001) naming the field that cannot be read."""

    def __init__(self, values: Mapping[str, JsonValue]) -> None:
        self.values = values

    def has(self, name: str) -> bool:
        value = self.values.get(name)
        return value is not None and value != ""

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise bad(f"params error: {name} invalid")
        return str(value)

    def word(self, name: str) -> str:
        """What was sent under `name` if it is text on one line, cut short, for the record; never refuses."""
        value = self.values.get(name)
        return value[:_LONGEST] if isinstance(value, str) and value.isprintable() else ""

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise bad(f"params error: {name} required")
        return value

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        value = self.text(name)
        if not value and default is not None:
            return default
        try:
            return kind(value)
        except ValueError:
            raise bad(f"params error: {name} invalid") from None

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        if value is None or value == "":
            return False
        if str(value).lower() in {"true", "false"}:
            return str(value).lower() == "true"
        raise bad(f"params error: {name} invalid")

    def number(self, name: str) -> Decimal | None:
        """A finite number, not negative, or None when it is not given."""
        text = self.text(name)
        if not text:
            return None
        if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
            raise bad(f"params error: {name} invalid")
        value = Decimal(text)
        if abs(value.adjusted()) > _MAGNITUDE:
            raise bad(f"params error: {name} invalid")
        return value

    def price(self, name: str) -> Decimal | None:
        """Like `number`, and zero means that there is none."""
        return self.number(name) or None

    def whole(self, name: str, default: int | None = None) -> int | None:
        value = self.number(name)
        if value is None:
            return default
        if value != value.to_integral_value() or value >= _LARGEST_WHOLE:
            raise bad(f"params error: {name} invalid")
        return int(value)

    def limit(self, *, most: int, usual: int) -> int:
        """How many rows a page may have; more than the most is the most."""
        limit = self.whole("limit", usual)
        if not limit:
            raise bad(f"params error: limit must be 1 to {most}")
        return min(limit, most)

    def objects(self, name: str) -> Sequence[Json]:
        """A list of objects, such as the orders of a batch."""
        value = self.values.get(name)
        if not isinstance(value, list):
            raise bad(f"params error: {name} invalid")
        found = [item for item in value if isinstance(item, dict)]
        if len(found) < len(value):
            raise bad(f"params error: {name} invalid")
        return found

    def symbol(self) -> Symbol:
        return Symbol(self.required("symbol"))

    def link_id(self) -> str:
        value = self.text("orderLinkId")
        if value and not _LINK_ID.fullmatch(value):
            raise bad("params error: OrderLinkId invalid")
        return value

    def linear(self) -> None:
        """Refuse what is not about USDT perpetuals."""
        if self.required("category") != "linear":
            raise bad("params error: category only supports linear")
