"""Where settings come from: ironkeel.toml, then the environment, then the command line.

The environment is read in natural forms: lists as `BTCUSDT,ETHUSDT` or as JSON, and every secret also from the file
that `IRONKEEL_SECTION__KEY_FILE` names. A wrong name is kept, so that it is refused like a wrong key in the file.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from libs.common.settings.sections import SECTIONS

PREFIX: Final = "IRONKEEL_"
HOME_VARIABLE: Final = "IRONKEEL_HOME"  # short for IRONKEEL_SERVICE__HOME
CONFIG_VARIABLE: Final = "IRONKEEL_CONFIG"  # path of ironkeel.toml; ./ironkeel.toml by default
DEFAULT_FILE: Final = Path("ironkeel.toml")

Nested = dict[str, Any]  # section -> key -> raw value; a wrong name may hold anything


@dataclass(slots=True)
class Layer:
    """What one source says, and what is wrong with how it says it."""

    values: Nested = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    names: dict[tuple[str, ...], str] = field(default_factory=dict)  # (section, key) -> as the user wrote it


def read_file(environ: Mapping[str, str]) -> Layer:
    """Read ironkeel.toml; none is fine unless IRONKEEL_CONFIG names one."""
    named = environ.get(CONFIG_VARIABLE)
    path = Path(named) if named else DEFAULT_FILE
    try:
        return Layer(tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        return Layer(problems=[f"{path}: not TOML: {error}"])
    except (OSError, UnicodeDecodeError) as error:
        return Layer(problems=[f"{CONFIG_VARIABLE} = {named}: cannot be read: {error}"] if named else [])


def read_environment(environ: Mapping[str, str]) -> Layer:
    """Read every IRONKEEL_ variable; an unknown one becomes an unknown key."""
    layer = Layer()
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in (HOME_VARIABLE, CONFIG_VARIABLE):
            _take(layer, name, environ[name])
    if HOME_VARIABLE in environ:
        layer.values.setdefault("service", {}).setdefault("home", environ[HOME_VARIABLE])
        layer.names.setdefault(("service", "home"), HOME_VARIABLE)
    return layer


def read_flags(flags: Mapping[str, str]) -> Layer:
    """Read `section.key` pairs from the command line, in the same natural forms."""
    layer = Layer()
    for name, text in flags.items():
        section, _, key = name.partition(".")
        layer.values.setdefault(section, {})[key] = natural(section, key, text)
    return layer


def merged(*layers: Layer) -> Nested:
    """Later layers override earlier ones, key by key."""
    result: Nested = {}
    for layer in layers:
        for section, values in layer.values.items():
            if isinstance(values, dict) and isinstance(result.get(section), dict):
                result[section] = {**result[section], **values}
            else:
                result[section] = values
    return result


def natural(section: str, key: str, text: str) -> object:
    """`text` as the field of this name wants it: a list where a list is meant, else the text itself."""
    declared = field_of(section, key)
    if declared is None or not is_list(declared.annotation) or text.startswith("top:"):
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return [part.strip() for part in text.split(",") if part.strip()]


def field_of(section: str, key: str) -> FieldInfo | None:
    """The declaration of a key as users write it (`paper.from`, not the attribute's name)."""
    fields = SECTIONS[section].model_fields if section in SECTIONS else {}
    return next((info for name, info in fields.items() if (info.alias or name) == key), None)


def is_list(annotation: object) -> bool:
    if get_origin(annotation) is Annotated:
        return is_list(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(is_list(arm) for arm in get_args(annotation))
    return get_origin(annotation) is tuple


def is_secret(info: FieldInfo | None) -> bool:
    return info is not None and info.annotation is SecretStr


def _take(layer: Layer, name: str, text: str) -> None:
    section, _, key = name.removeprefix(PREFIX).lower().partition("__")
    plain = key.removesuffix("_file")
    if plain != key and is_secret(field_of(section, plain)):
        if f"{name.removesuffix('_FILE')}" in layer.names.values():
            layer.problems.append(f"{name}: {name.removesuffix('_FILE')} is set too; keep one of them")
        key, text = plain, _secret_from(layer, name, Path(text))
    layer.names[(section, key)] = name
    values = layer.values.setdefault(section, {})
    values[key] = natural(section, key, text)


def _secret_from(layer: Layer, name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        layer.problems.append(f"{name} = {path}: the secret cannot be read: {error}")
        return ""
