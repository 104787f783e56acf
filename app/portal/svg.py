"""Pictures drawn here: the map of an alliance from its municipalities' points, and bars; each has a table beside it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import segno
from markupsafe import Markup
from segno import helpers

from app.portal.boundaries import Borders

WIDTH = 600
TALL = 160
"""The height of a chart's columns."""
FEW = 12
"""So many columns keep each its name on a small screen."""
MARGIN = 60.0
"""Around the outermost points, in the map's own units."""
REACH_DEGREES = 4.2 / 111.2
"""How far a municipality's cell reaches at most: 4.2 kilometres, in degrees of latitude."""
CORNERS = 12
CLASSES = 5
PAYEE_LENGTH = 70
Point = tuple[float, float]


@dataclass(frozen=True)
class Spot:
    """A municipality on the map: where, how much there is of it, and where a click leads."""

    code: str
    """ISTAT's."""
    name: str
    lon: float
    lat: float
    amount: int
    href: str


@dataclass(frozen=True)
class Cell:
    """A drawn municipality: an SVG path, its class of colour (0 nothing .. 5 most)."""

    spot: Spot
    path: str
    shade: int
    chosen: bool


@dataclass(frozen=True)
class Map:
    """Cells in a box of `width` by `height`."""

    width: int
    height: int
    cells: Sequence[Cell]

    @property
    def legend(self) -> Sequence[tuple[int, int, int]]:
        """Each class of colour that is there, with its least and its most."""
        found: dict[int, list[int]] = {}
        for cell in self.cells:
            found.setdefault(cell.shade, []).append(cell.spot.amount)
        return [(shade, min(amounts), max(amounts)) for shade, amounts in sorted(found.items())]


def territory(spots: Sequence[Spot], borders: Borders, chosen: str | None = None) -> Map:
    """Draw each municipality in its borders; where they are unknown, what is nearer to its point than to another's.

    (Voronoi cells, cut by bisectors.)
    """
    if not spots:
        return Map(WIDTH, 0, ())
    drawn = [corner for spot in spots for ring in borders.get(spot.code, ()) for corner in ring]
    place, scale = _plan([(spot.lon, spot.lat) for spot in spots] + drawn)
    points = [place((spot.lon, spot.lat)) for spot in spots]
    height = round(max(y for _, y in [*points, *map(place, drawn)]) + MARGIN)
    reach = min(REACH_DEGREES * scale, MARGIN)
    cells = []
    for index, (spot, shade) in enumerate(zip(spots, _shades([spot.amount for spot in spots]), strict=True)):
        rings = [list(map(place, ring)) for ring in borders.get(spot.code, ())] or [_cell(index, points, reach)]
        cells.append(Cell(spot, "".join(map(_path, rings)), shade, spot.code == chosen))
    return Map(WIDTH, height, cells)


def _plan(degrees: Sequence[Point]) -> tuple[Callable[[Point], Point], float]:
    """Return where a longitude and latitude lies in a box that holds all of these, and how many units a degree has.

    Degrees east are squeezed by the cosine of the latitude.
    """
    squeeze = math.cos(math.radians(sum(lat for _, lat in degrees) / len(degrees)))
    west, north = min(lon for lon, _ in degrees), max(lat for _, lat in degrees)
    span = max((max(lon for lon, _ in degrees) - west) * squeeze, 0.01)
    scale = (WIDTH - 2 * MARGIN) / span
    return lambda point: ((point[0] - west) * squeeze * scale + MARGIN, (north - point[1]) * scale + MARGIN), scale


def _cell(index: int, points: Sequence[Point], reach: float) -> list[Point]:
    x, y = points[index]
    turns = (2 * math.pi * corner / CORNERS for corner in range(CORNERS))
    cell = [(x + reach * math.cos(turn), y + reach * math.sin(turn)) for turn in turns]
    for other, (u, v) in enumerate(points):
        if other != index and math.hypot(u - x, v - y) < 2 * reach:
            cell = _nearer(cell, (x, y), (u, v))
    return cell


def _nearer(cell: Sequence[Point], mine: Point, theirs: Point) -> list[Point]:
    """Cut a convex cell at the bisector of two points (Sutherland-Hodgman with one edge)."""
    normal = (theirs[0] - mine[0], theirs[1] - mine[1])
    limit = (theirs[0] ** 2 + theirs[1] ** 2 - mine[0] ** 2 - mine[1] ** 2) / 2
    over = [normal[0] * x + normal[1] * y - limit for x, y in cell]
    kept: list[Point] = []
    for place, side in enumerate(over):
        here, before, side_before = cell[place], cell[place - 1], over[place - 1]
        if (side <= 0) != (side_before <= 0):
            share = side_before / (side_before - side)
            kept.append((before[0] + (here[0] - before[0]) * share, before[1] + (here[1] - before[1]) * share))
        if side <= 0:
            kept.append(here)
    return kept


def _path(cell: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in cell) + "Z"


def _shades(amounts: Sequence[int]) -> list[int]:
    """Return a class for each amount: quantiles of what is not nothing."""
    ranked = sorted(amount for amount in amounts if amount)
    return [0 if not amount else 1 + ranked.index(amount) * CLASSES // len(ranked) for amount in amounts]


def bar(parts: Mapping[str, int], label: str) -> Markup:
    """Draw the parts of a whole side by side; the names are classes of the style sheet."""
    whole = sum(parts.values()) or 1
    drawn, left = [], 0.0
    for name, amount in parts.items():
        width = 100 * amount / whole
        drawn.append(
            Markup('<rect class="part-{}" x="{:.2f}" y="0" width="{:.2f}" height="8"/>').format(name, left, width)
        )
        left += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("").join(drawn))


def transfer_code(payee: str, iban: str, cents: int, reference: str) -> Markup:
    """Draw a bank transfer as the square that banking apps read (European Payments Council, EPC069-12)."""
    code = helpers.make_epc_qr(payee[:PAYEE_LENGTH], iban, Decimal(cents) / 100, reference=reference)
    return Markup(code.svg_inline(omitsize=True, svgclass="code", lineclass=None))  # noqa: S704 - no text of anybody's


def columns(bars: Sequence[tuple[str, int, int]], parts: tuple[str, str] = ("spent", "held")) -> Markup:
    """Draw a column for each of some days or months, of two parts, the first below; the table is beside it."""
    highest = max((below + above for _, below, above in bars), default=0) or 1
    step = WIDTH / max(len(bars), 1)
    drawn = []
    for place, (name, below, above) in enumerate(bars):
        left, low, high = place * step, below * TALL / highest, above * TALL / highest
        drawn.append(
            Markup(
                '<rect class="part-{9}" x="{0:.1f}" y="{1:.1f}" width="{4:.1f}" height="{2:.1f}"/>'
                '<rect class="part-{10}" x="{0:.1f}" y="{3:.1f}" width="{4:.1f}" height="{5:.1f}"/>'
                '<text x="{6:.1f}" y="{7}">{8}</text>'
            ).format(
                left, TALL - low, low, TALL - low - high, step * 0.7, high, left + step * 0.35, TALL + 16, name, *parts
            )
        )
    many = " many" if len(bars) > FEW else ""
    return Markup('<svg class="columns{}" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>').format(
        many, WIDTH, TALL + 20, Markup("").join(drawn)
    )


def square(text: str) -> Markup:
    """Draw the square that a telephone's camera reads."""
    return Markup(segno.make(text).svg_inline(omitsize=True, svgclass="code", lineclass=None))  # noqa: S704 - paths only
