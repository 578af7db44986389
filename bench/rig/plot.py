"""Lines over a few measured points, written as an SVG by hand: no library, and the same bytes for the same figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WIDTH: Final = 400
HEIGHT: Final = 260
LEFT: Final = 56
RIGHT: Final = 12
TOP: Final = 34
BOTTOM: Final = 70
COLOURS: Final = ("#1f4e79", "#d1495b", "#2e7d4f", "#b7791f")
STEPS: Final = (1, 2, 2.5, 5, 10)
LINES: Final = 5  # of the grid, at most


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    values: Sequence[float]  # one for every point of the axis


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    lines: Sequence[Line]


def draw(target: Path, axis: str, points: Sequence[float], panels: Sequence[Panel], *, columns: int = 2) -> None:
    """Write panels beside and below each other; all share the axis, which begins at 0."""
    rows = -(-len(panels) // columns)
    width, height = columns * WIDTH, rows * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="11" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        x, y = number % columns * WIDTH, number // columns * HEIGHT
        parts += [f'<g transform="translate({x},{y})">', *_panel(panel, axis, points), "</g>"]
    target.write_text("\n".join([*parts, "</svg>", ""]))


def _panel(panel: Panel, axis: str, points: Sequence[float]) -> list[str]:
    most, step = _scale(max(value for line in panel.lines for value in line.values))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: float, value: float) -> tuple[float, float]:
        return LEFT + point / max(points) * wide, TOP + (1 - value / most) * high

    parts = [f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{panel.title}</text>']
    for tick in range(round(most / step) + 1):
        y = at(0, tick * step)[1]
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick * step:g}</text>')
    for point in points:
        parts.append(f'<text x="{at(point, 0)[0]:.1f}" y="{TOP + high + 16}" text-anchor="middle">{point:g}</text>')
    parts.append(f'<text x="{LEFT + wide / 2:.1f}" y="{TOP + high + 31}" text-anchor="middle">{axis}</text>')
    for number, line in enumerate(panel.lines):
        colour, placed = COLOURS[number], [at(*pair) for pair in zip(points, line.values, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        x, y = LEFT + number % 2 * wide / 2, HEIGHT - 22 + number // 2 * 14
        parts.append(f'<rect x="{x:.1f}" y="{y - 8}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14:.1f}" y="{y + 1}">{line.name}</text>')
    return parts


def _scale(highest: float) -> tuple[float, float]:
    """Where an axis ends and how far its grid lines are apart, in round numbers."""
    size = 10.0 ** len(str(int(highest))) / 1_000
    while True:
        for step in STEPS:
            if step * size * LINES >= highest:
                return -(-highest // (step * size)) * step * size, step * size
        size *= 10
