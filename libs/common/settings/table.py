"""The README's table of settings, written from their declarations, so that it cannot be out of date."""

from typing import Final

from libs.common.settings import Settings
from libs.common.settings.effective import effective
from libs.common.settings.sources import field_of, is_secret

BEGIN: Final = "<!-- settings: begin -->"
END: Final = "<!-- settings: end -->"


def settings_table() -> str:
    """Every key with its default and its sentence, as a Markdown table in order of declaration."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for row in effective(Settings()):
        section, _, key = row.key.partition(".")
        secret = " (secret)" if is_secret(field_of(section, key)) else ""
        default = f"`{row.value}`" if row.value and not secret else "–"
        rows.append(f"| `{row.key}` | {default} | {row.meaning}{secret} |")
    return "\n".join(rows)


def with_current_table(text: str) -> str:
    """`text` with what stands between the marks replaced; raises ValueError without the marks."""
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{settings_table()}\n{END}{after}"
