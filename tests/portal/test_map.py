"""The map: cells around points, or the borders that an operator gave; how many services reach each municipality."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.portal import boundaries, svg
from app.portal.boundaries import BoundaryFileError
from tests.conftest import Beatrice
from tests.portal.browsing import Browsing, told
from tests.world import Caller, World
from tests.world.given import ALBINO

CLUSONE, GANDINO = "016077", "016108"
SQUARE = [[9.75, 45.75], [9.8503, 45.75], [9.8504, 45.7501], [9.85, 45.85], [9.75, 45.85], [9.75, 45.75]]


def feature(code: object, name: str = "istat_code") -> dict[str, Any]:
    return {"type": "Feature", "properties": {name: code}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}


def stored(folder: Path, *features: dict[str, Any]) -> Path:
    file = folder / "borders.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return file


def test_codes_of_any_origin_are_read_and_near_corners_left_out(tmp_path: Path) -> None:
    found = boundaries.load(
        stored(tmp_path, feature("016004"), feature(16077, "PRO_COM"), feature("016108", "PRO_COM_T"))
    )
    assert sorted(found) == [ALBINO, CLUSONE, GANDINO]
    assert found[ALBINO] == ([(9.75, 45.75), (9.8503, 45.75), (9.85, 45.85), (9.75, 45.85), (9.75, 45.75)],)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ('{"type": "FeatureCollection", "features": []}', "features: List should have at least 1 item"),
        (json.dumps({"type": "FeatureCollection", "features": [feature("Albino")]}), "no ISTAT code"),
        (json.dumps({"type": "FeatureCollection", "features": [feature("1") | {"geometry": None}]}), "geometry"),
        (json.dumps({"type": "FeatureCollection", "features": [feature("1")]}).replace("9.8503", "540000.5"), "180"),
    ],
)
def test_a_file_that_is_no_boundary_file_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "borders.geojson"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BoundaryFileError, match=said):
        boundaries.load(file)
    with pytest.raises(BoundaryFileError, match=r"missing\.geojson: No such file"):
        boundaries.load(tmp_path / "missing.geojson")


def test_borders_are_drawn_where_they_are_known() -> None:
    spots = [svg.Spot("1", "Uno", 9.8, 45.8, 3, "/1"), svg.Spot("2", "Due", 9.9, 45.8, 0, "/2")]
    plain, bordered = (svg.territory(spots, borders, "2") for borders in ({}, {"1": [SQUARE]}))
    assert [(cell.spot.name, cell.shade, cell.chosen) for cell in plain.cells] == [("Uno", 1, False), ("Due", 0, True)]
    assert bordered.cells[0].path.count("L") == len(SQUARE) - 1
    assert bordered.cells[1].path.count("L") > len(SQUARE) - 1
    assert plain.legend == bordered.legend == [(0, 0, 0), (1, 3, 3)]
    assert svg.territory([], {}) == svg.Map(600, 0, ())


async def test_a_municipality_that_nothing_reaches_is_on_the_map(client: httpx.AsyncClient, world: World) -> None:
    lead = await world.organisation(["municipality"], ("coordinator",))
    operator = Caller(client, (await world.operator()).headers["operator"])
    network = await operator.post("/operator/networks", {"name": "ATS di prova"})
    wanted = {"network_id": network["id"], "name": "Due comuni", "lead_organisation_id": lead.public_id}
    alliance = await operator.post("/operator/alliances", {**wanted, "municipalities": [ALBINO, CLUSONE]})
    provider = await world.provider()
    await world.offering(provider, service_area=[ALBINO])
    listed = (await operator.get("/offerings/municipalities", alliance_id=alliance["id"]))["data"]
    assert [(row["istat_code"], row["offering_count"]) for row in listed] == [(ALBINO, 1), (CLUSONE, 0)]
    assert (round(listed[0]["latitude"], 1), round(listed[0]["longitude"], 1)) == (45.8, 9.8)
    page = await Browsing(client, {}).get(f"/offerings?q=aiuto&municipality={CLUSONE}")
    assert "Servizi che arrivano in ogni comune" in told(page)
    assert f'href="/offerings?q=aiuto&amp;municipality={ALBINO}" tabindex="-1"><path class="s1"' in page.text
    assert '<path class="s0 here"' in page.text
    chosen = await Browsing(client, {}).get(f"/offerings?alliance={alliance['id']}")
    assert (chosen.status_code, '<details class="mapped" open>' in chosen.text) == (200, True)
    people = Browsing(client, lead.headers["coordinator"])
    assert "Dove arrivano i servizi" in told(await people.get(f"/alliances/{alliance['id']}"))


def test_a_start_with_a_file_that_is_none_says_so(beatrice: Beatrice, tmp_path: Path) -> None:
    boundaries.in_force.cache_clear()
    started = beatrice("openapi", BEATRICE_BOUNDARIES=str(tmp_path / "nowhere.geojson"))
    boundaries.in_force.cache_clear()
    assert (started.exit_code, "nowhere.geojson: No such file or directory" in started.output) == (1, True)
