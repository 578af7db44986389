"""What is wrong with the settings, said so that it can be put right: key, value, what is allowed."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from libs.common.settings.sections import SECTIONS
from libs.common.settings.sources import field_of, is_secret


def complaints(error: ValidationError, names: Mapping[tuple[str, ...], str]) -> Sequence[str]:
    """One line for each wrong key; `names` tells how the user wrote it where that differs."""
    reasons: dict[tuple[str, ...], list[str]] = {}
    values: dict[tuple[str, ...], object] = {}
    for problem in error.errors(include_url=False):
        where = tuple(str(part) for part in problem["loc"][:2])
        reasons.setdefault(where, []).append(_reason(where, problem))
        values.setdefault(where, problem["input"] if len(problem["loc"]) <= 2 else values.get(where, problem["input"]))
    return [_line(where, values[where], said, names) for where, said in sorted(reasons.items())]


def _line(where: tuple[str, ...], value: object, reasons: Sequence[str], names: Mapping[tuple[str, ...], str]) -> str:
    written = ", ".join(sorted(name for place, name in names.items() if place[: len(where)] == where and where))
    label = ".".join(part for part in where if part) + (f" (from {written})" if written else "")
    declared = field_of(*where) if len(where) == 2 else None
    shown = "" if isinstance(value, dict) or not where else f" = {'***' if _hides(where, declared) else repr(value)}"
    allowed = f" [{declared.description}]" if declared and declared.description else ""
    return f"{label}{shown}: {'; or '.join(dict.fromkeys(reasons))}{allowed}".removeprefix(": ")


def _hides(where: tuple[str, ...], declared: FieldInfo | None) -> bool:
    """A misspelt secret is a secret too."""
    if declared is not None:
        return is_secret(declared)
    near = get_close_matches(where[-1], [key for section in SECTIONS for key in _keys(section)], n=3)
    return any(is_secret(field_of(section, key)) for section in SECTIONS for key in near)


def _reason(where: tuple[str, ...], problem: Mapping[str, Any]) -> str:
    if problem["type"] != "extra_forbidden":
        return str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    known = list(SECTIONS) if len(where) == 1 else _keys(where[0])
    near = get_close_matches(where[-1], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"unknown {'section' if len(where) == 1 else 'key'}; {hint}"


def _keys(section: str) -> list[str]:
    return [info.alias or name for name, info in SECTIONS[section].model_fields.items()]
