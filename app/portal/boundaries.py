"""True borders of municipalities, where an operator points at a boundary file: ISTAT's, as GeoJSON in WGS 84.

No such file comes with the product. Without one the map draws cells around the municipalities' points.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from app.config import settings

CODES = ("istat_code", "com_istat_code", "PRO_COM_T", "PRO_COM")
"""What the property with the six digits is called, in files of this project, of openpolis, of ISTAT."""
FINEST_DEGREES = 0.0008
"""Corners nearer to the last one than some eighty metres are left out: a map is 600 units wide."""
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Ring = Sequence[tuple[float, float]]
Borders = Mapping[str, Sequence[Ring]]
"""By ISTAT code: closed lines of longitude and latitude."""


class BoundaryFileError(ValueError):
    """The file is no GeoJSON of municipalities; what is wrong with it."""


class _Polygon(BaseModel):
    type: Literal["Polygon"]
    coordinates: list[list[tuple[Longitude, Latitude]]]


class _MultiPolygon(BaseModel):
    type: Literal["MultiPolygon"]
    coordinates: list[list[list[tuple[Longitude, Latitude]]]]


class _Feature(BaseModel):
    properties: dict[str, object]
    geometry: Annotated[_Polygon | _MultiPolygon, Field(discriminator="type")]


class _Collection(BaseModel):
    type: Literal["FeatureCollection"]
    features: Annotated[list[_Feature], Field(min_length=1)]


@cache
def in_force() -> Borders:
    """Return the borders of the installation, read once; none where the setting names no file."""
    return {} if settings().boundaries is None else load(settings().boundaries)


def load(path: Path) -> Borders:
    """Read a boundary file; BoundaryFileError says what it lacks."""
    try:
        found = _Collection.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise BoundaryFileError(f"{path.name}: {error.strerror}") from error
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise BoundaryFileError(f"{path.name}: {place}: {error.errors()[0]['msg']}") from error
    except ValueError as error:
        raise BoundaryFileError(f"{path.name}: not JSON") from error
    return {_code(path, feature): tuple(_thin(ring) for ring in _rings(feature)) for feature in found.features}


def _code(path: Path, feature: _Feature) -> str:
    said = next((str(feature.properties[name]) for name in CODES if name in feature.properties), "")
    if not said.isdecimal():
        raise BoundaryFileError(f"{path.name}: a feature has no ISTAT code of a municipality ({', '.join(CODES)})")
    return said.zfill(6)


def _rings(feature: _Feature) -> Iterator[Ring]:
    shape = feature.geometry
    for polygon in [shape.coordinates] if isinstance(shape, _Polygon) else shape.coordinates:
        yield from polygon


def _thin(ring: Ring) -> Ring:
    kept: list[tuple[float, float]] = []
    for corner in ring:
        if not kept or math.dist(corner, kept[-1]) >= FINEST_DEGREES:
            kept.append(corner)
    return kept
