import httpx
import pytest

from tests.catalogue.shop import NOW
from tests.world import Party, World


@pytest.fixture
async def coop(world: World) -> Party:
    await world.set_now(NOW)
    return await world.provider("Cooperativa Esempio")


async def test_providers_by_name(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    await world.provider("Àncora")
    await world.provider("asilo Zefiro")
    seen = []
    cursor = None
    for _ in range(3):
        params = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/providers", params=params)).json()
        seen += [row["name"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (["Àncora", "asilo Zefiro", coop.name], None)
    company = await world.company()
    assert (await client.get(f"/v1/providers/{company.public_id}")).status_code == 404


@pytest.mark.usefixtures("coop")
async def test_categories_of_the_day(client: httpx.AsyncClient) -> None:
    categories = {row["code"]: row for row in (await client.get("/v1/categories")).json()["data"]}
    assert categories["home_help"] == {
        "code": "home_help",
        "name": "Assistenza domiciliare (SAD)",
        "name_en": "Home help",
        "rule_codes": ["C2_F_TER", "C2_F", "C3_FRINGE"],
        "units": ["visit", "hour"],
    }
    first = (await client.get("/v1/categories", params={"limit": 10})).json()
    rest = (await client.get("/v1/categories", params={"limit": 100, "cursor": first["next_cursor"]})).json()
    assert [row["code"] for row in first["data"] + rest["data"]] == sorted(categories)
