"""What a field of the venue's answers may look like, and how an answer is held against a table of such kinds."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Kind: TypeAlias = "Callable[[Any], bool] | Mapping[str, Kind] | list[Kind]"
Shape: TypeAlias = Mapping[str, Kind]

_NUMBER: Final = re.compile(r"(-(?!0(\.0*)?$))?(0|[1-9]\d*)(\.\d+)?")
_MS: Final = re.compile(r"1\d{12}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def text(value: Any) -> bool:
    return isinstance(value, str)


def number(value: Any) -> bool:
    """A decimal as a string: no exponent, no plus, no minus zero, nothing empty."""
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def amount(value: Any) -> bool:
    """A number that may be missing, which is the empty string."""
    return value == "" or number(value)


def ms(value: Any) -> bool:
    """An instant as a string."""
    return isinstance(value, str) and _MS.fullmatch(value) is not None


def moment(value: Any) -> bool:
    """An instant as a string; "" or "0" when there was none."""
    return value in ("", "0") or ms(value)


def int_ms(value: Any) -> bool:
    return whole(value) and _MS.fullmatch(str(value)) is not None


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def sequence(value: Any) -> bool:
    """A cross sequence, which the venue writes as a number in one place and as a string in another."""
    return whole(value) or (isinstance(value, str) and value.isdigit())


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def maybe_uuid(value: Any) -> bool:
    return value == "" or uuid(value)


def nothing(value: Any) -> bool:
    return value is None


def fees(value: Any) -> bool:
    """The fee of each coin; only what was filled has one."""
    return isinstance(value, dict) and all(text(coin) and number(fee) for coin, fee in value.items())


def permissions(value: Any) -> bool:
    """What a key may do; the venue adds to the list without notice."""
    known = {"ContractTrade", "Spot", "Wallet", "Options", "Derivatives", "Exchange"}
    return isinstance(value, dict) and value.keys() >= known and all(isinstance(each, list) for each in value.values())


def one_of(words: str) -> Kind:
    """One of the words; an empty one is written as a dash."""
    allowed = {"" if word == "-" else word for word in words.split()}

    def is_one(value: Any) -> bool:
        return value in allowed

    is_one.__name__ = f"one of {words}"
    return is_one


def exactly(expected: Any) -> Kind:
    def is_it(value: Any) -> bool:
        return type(value) is type(expected) and value == expected

    is_it.__name__ = f"exactly {expected!r}"
    return is_it


def each(names: str, kind: Kind) -> dict[str, Kind]:
    """The same kind for every one of `names`."""
    return dict.fromkeys(names.split(), kind)


def differences(answer: Any, kind: Kind, where: str = "") -> list[str]:
    """Every field that is missing, that is not the venue's, or that is not of its kind."""
    if isinstance(kind, Mapping):
        if not isinstance(answer, dict):
            return [f"{where or 'answer'}: {answer!r} is no object"]
        missing = [f"{where}.{name}: missing" for name in kind.keys() - answer.keys()]
        extra = [f"{where}.{name}: not the venue's" for name in answer.keys() - kind.keys()]
        inside = (differences(answer[name], kind[name], f"{where}.{name}") for name in kind if name in answer)
        return sorted([*missing, *extra, *(problem for found in inside for problem in found)])
    if isinstance(kind, list):
        return _columns(answer, kind, where)
    return [] if kind(answer) else [f"{where}: {answer!r} is not {kind.__name__}"]


def _columns(answer: Any, kind: list[Kind], where: str) -> list[str]:
    """A list of one kind is any number of it; of several, a row of just these columns."""
    if not isinstance(answer, list):
        return [f"{where}: {answer!r} is no list"]
    if len(kind) > 1 and len(answer) != len(kind):
        return [f"{where}: {len(answer)} columns instead of {len(kind)}"]
    kinds = kind if len(kind) > 1 else kind * len(answer)
    found = (differences(value, one, f"{where}[{place}]") for place, (value, one) in enumerate(zip(answer, kinds)))  # noqa: B905
    return [problem for problems in found for problem in problems]
