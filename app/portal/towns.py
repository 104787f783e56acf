"""Municipalities on forms: people write their names, the product keeps their codes."""

import re
from collections.abc import Sequence

from starlette.requests import Request

from app.edge.at import Place
from app.errors import Invalid
from app.portal.lists import listed
from app.search import endpoints as search
from app.territory import endpoints as territory
from app.territory.names import search_key
from app.territory.schemas import MunicipalityRead

NAMED = re.compile(r"(?P<code>[0-9]{6})|(?P<name>[^()]+)(?:\((?P<province>[A-Za-z]{2})\))?")
AT_ONCE = territory.MOST_NAMES


async def names(at: Place, request: Request) -> dict[str, str]:
    """Return the names of the municipalities that offerings serve, by their codes."""
    found = await search.offering_municipality_list(at, await listed(request, "name"))
    return {row.istat_code: f"{row.name} ({row.province})" for row in found.data}


async def code_of(at: Place, request: Request, said: str, field: str) -> str:
    """Return the code of the municipality that a field names."""
    return (await codes_of(at, request, [said], field))[0]


async def codes_of(at: Place, request: Request, said: Sequence[str], field: str) -> list[str]:
    """Return the code of each municipality that a field names: `Castro (BG)`, `Castro` where there is one, or a code.

    One statement finds fifty.
    """
    asked = [match for text in said if (match := NAMED.fullmatch(text.strip()))]
    wanted = sorted({search_key(match["name"]) for match in asked if match["name"]})
    found: list[MunicipalityRead] = []
    for first in range(0, len(wanted), AT_ONCE):
        part = wanted[first : first + AT_ONCE]
        found += (await territory.municipality_list(at, await listed(request, "name"), name=part)).data
    codes = [code for match in asked for code in _fitting(match, found)]
    if len(asked) != len(said) or any(len(_fitting(match, found)) != 1 for match in asked):
        raise Invalid(f"/{field}", "municipality", "not one municipality")
    return codes


def _fitting(match: re.Match[str], found: Sequence[MunicipalityRead]) -> list[str]:
    if match["code"]:
        return [match["code"]]
    key, province = search_key(match["name"]), (match["province"] or "").upper()
    return [row.istat_code for row in found if search_key(row.name) == key and province in {"", row.province.upper()}]
