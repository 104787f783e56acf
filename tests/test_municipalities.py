"""The municipality table: whole, consistent, and equal to the ISTAT boundaries where those are at hand."""

import csv
import math
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = ROOT / "migrations" / "data"
REFERENCE = ROOT.parent / "shared" / "data" / "municipalities.csv"

Row = dict[str, str]

# Renamed or respelt since the boundaries of June 2023 were published.
RENAMED = {
    "001199": ("Pont Canavese", "Pont-Canavese"),
    "005014": ("Calliano Monferrato", "Calliano"),
    "005056": ("Grana Monferrato", "Grana"),
    "005077": ("Montemagno Monferrato", "Montemagno"),
    "017158": ("Puegnago del Garda", "Puegnago sul Garda"),
    "018026": ("Campospinoso Albaredo", "Campospinoso"),
    "021053": ("Montagna sulla strada del vino", "Montagna/Montan"),
    "068033": ("Popoli Terme", "Popoli"),
}
MERGED = {"005122", "012144", "013256", "024128", "025075", "028108"}


def _read(path: Path, delimiter: str) -> dict[str, Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["istat_code"]: row for row in csv.DictReader(file, delimiter=delimiter)}


@pytest.fixture(scope="module")
def municipalities() -> dict[str, Row]:
    return _read(DATA / "municipalities.tsv", "\t")


@pytest.fixture(scope="module")
def reference() -> dict[str, Row]:
    if not REFERENCE.exists():
        pytest.skip("the ISTAT boundary points (../shared/data/municipalities.csv) are not on this machine")
    return _read(REFERENCE, ",")


def _kilometres(one: Row, other: Row) -> float:
    phi_1, phi_2 = math.radians(float(one["latitude"])), math.radians(float(other["latitude"]))
    half_lambda = math.radians(float(other["longitude"]) - float(one["longitude"])) / 2
    chord = math.sin((phi_2 - phi_1) / 2) ** 2 + math.cos(phi_1) * math.cos(phi_2) * math.sin(half_lambda) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(chord))


def test_file_is_plain_and_sorted() -> None:
    raw = (DATA / "municipalities.tsv").read_bytes()
    assert raw.endswith(b"\n")
    assert b"\r" not in raw
    lines = raw.decode("utf-8").splitlines()
    assert lines[0] == "istat_code\tname\tprovince\tprovince_name\tregion\tcadastral_code\tlatitude\tlongitude"
    assert len(lines) == 1 + 7896
    assert all(line.count("\t") == 7 for line in lines)
    assert all(earlier[:6] < later[:6] for earlier, later in pairwise(lines[1:]))


def test_codes_are_unique_and_well_formed(municipalities: dict[str, Row]) -> None:
    assert len(municipalities) == 7896
    assert all(re.fullmatch(r"\d{6}", code) for code in municipalities)
    assert all(re.fullmatch(r"[A-Z]\d{3}", row["cadastral_code"]) for row in municipalities.values())
    assert len({row["cadastral_code"] for row in municipalities.values()}) == 7896
    assert all(row["name"] == row["name"].strip() != "" for row in municipalities.values())


def test_provinces_and_regions(municipalities: dict[str, Row]) -> None:
    provinces = {(row["province"], row["province_name"], row["region"]) for row in municipalities.values()}
    assert len(provinces) == len({province for province, _, _ in provinces}) == 107
    assert len({region for _, _, region in provinces}) == 20
    assert ("BG", "Bergamo", "Lombardia") in provinces
    assert ("NA", "Napoli", "Campania") in provinces
    assert Counter(row["province"] for row in municipalities.values())["BG"] == 243


def test_points_lie_in_italy_and_two_are_unknown(municipalities: dict[str, Row]) -> None:
    unknown = {code for code, row in municipalities.items() if not row["latitude"] and not row["longitude"]}
    assert unknown == {"010053", "096013"}
    known = [row for code, row in municipalities.items() if code not in unknown]
    assert all(35.4 < float(row["latitude"]) < 47.1 for row in known)
    assert all(6.6 < float(row["longitude"]) < 18.6 for row in known)
    assert len({(row["latitude"], row["longitude"]) for row in known}) == len(known)


def test_demo_alliance_is_complete(municipalities: dict[str, Row]) -> None:
    alliance = _read(DATA / "beatrice_alliance.tsv", "\t")
    assert Counter(row["district"] for row in alliance.values()) == {"Albino": 18, "Clusone": 24}
    for code, row in alliance.items():
        assert (municipalities[code]["name"], municipalities[code]["province"]) == (row["name"], "BG")
    centre = municipalities["016077"]
    assert all(_kilometres(municipalities[code], centre) < 35 for code in alliance)


def test_chosen_points_name_known_municipalities(municipalities: dict[str, Row]) -> None:
    chosen = _read(DATA / "chosen_points.tsv", "\t")
    assert len(chosen) == 213
    assert set(chosen) <= set(municipalities)


def test_same_municipalities_as_the_boundaries(municipalities: dict[str, Row], reference: dict[str, Row]) -> None:
    assert set(municipalities) - set(reference) == MERGED
    assert len(set(municipalities) & set(reference)) == 7890
    for code in set(municipalities) & set(reference):
        ours, theirs = municipalities[code], reference[code]
        assert (ours["province"], ours["region"]) == (theirs["province"], theirs["region"])
        if theirs["cadastral_code"] != "N.d.":
            assert ours["cadastral_code"] == theirs["cadastral_code"]
        if code in RENAMED:
            assert (ours["name"], theirs["name"]) == RENAMED[code]
        else:
            # The boundaries append the second language: "Bolzano/Bozen", "Sgonico-Zgonik".
            assert theirs["name"] == ours["name"] or re.match(re.escape(ours["name"]) + "[/-]", theirs["name"])


def test_points_agree_with_the_boundaries(municipalities: dict[str, Row], reference: dict[str, Row]) -> None:
    both = [code for code in set(municipalities) & set(reference) if municipalities[code]["latitude"]]
    distances = [_kilometres(municipalities[code], reference[code]) for code in both]
    assert len(distances) == 7888
    # Large and split territories have an inner point far from the town; a namesake would be farther.
    assert sum(distance <= 8 for distance in distances) == 7796
    assert max(distances) < 30
