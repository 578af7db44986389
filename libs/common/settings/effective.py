"""The configuration in force: every key, its value with secrets masked, and where it came from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from libs.common.settings import Settings
from libs.common.settings.sections import SECTIONS
from libs.common.settings.sources import Layer, is_secret

MASK: Final = "***"


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    key: str  # section.key, as users write it
    value: str
    origin: str  # default, file, env or flag
    meaning: str


def effective(settings: Settings, sources: Mapping[str, Layer] | None = None) -> Sequence[EffectiveValue]:
    """Every key in order of declaration; a secret that is set shows as ***."""
    rows: list[EffectiveValue] = []
    for section, model in SECTIONS.items():
        held = getattr(settings, section)
        for name, info in model.model_fields.items():
            key = info.alias or name
            origin = _origin(section, key, sources or {})
            rows.append(EffectiveValue(f"{section}.{key}", shown(getattr(held, name)), origin, info.description or ""))
    return rows


def shown(value: object) -> str:
    """`value` as a person writes it in ironkeel.toml's or the environment's natural form."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def config_hash(settings: Settings) -> str:
    """Twelve characters that change when any setting but a secret changes."""
    plain = {
        section: {
            name: to_jsonable_python(getattr(getattr(settings, section), name))
            for name, info in model.model_fields.items()
            if not is_secret(info)
        }
        for section, model in SECTIONS.items()
    }
    return hashlib.blake2b(repr(plain).encode(), digest_size=6).hexdigest()


def _origin(section: str, key: str, sources: Mapping[str, Layer]) -> str:
    said = [name for name, layer in sources.items() if key in layer.values.get(section, {})]
    return said[-1] if said else "default"
