from datetime import timedelta
from typing import Any

import httpx
import pytest

from app import ids
from tests.catalogue.shop import ALBINO, BERGAMO, CLUSONE, NOW, base, publish, slot
from tests.world import Party, World

AT_SITE: dict[str, Any] = {"mode": "appointment", "service_area": [], "min_age": None}


@pytest.fixture
async def coop(world: World) -> Party:
    await world.set_now(NOW)
    return await world.provider("Cooperativa Esempio")


@pytest.fixture
async def shelf(client: httpx.AsyncClient, coop: Party) -> dict[str, dict[str, Any]]:
    """Five offerings; their names in order: assistenza, baby, centro, fisioterapia, nido."""
    rows = {
        "sad": {},
        "baby": {
            "name": "Baby sitter serale", "description": "Una persona di fiducia", "category": "babysitting",
            "unit": "hour", "price_cents": 1200, "service_area": [BERGAMO], "min_age": 0, "max_age": 14,
        },
        "camp": {
            **AT_SITE, "name": "Centro estivo È Primavera", "description": "100% gioco_libero", "mode": "session",
            "category": "summer_camp", "unit": "week", "price_cents": 9000, "min_age": 6, "max_age": 12,
        },
        "physio": {
            **AT_SITE, "name": "Fisioterapia", "description": "Seduta", "category": "physiotherapy", "unit": "session",
            "price_cents": 4000,
        },
        "nursery": {
            **AT_SITE, "name": "Nido Arcobaleno", "description": "Per bambini", "category": "nursery", "unit": "day",
            "price_cents": 3000, "max_age": 3,
        },
    }  # fmt: skip
    return {key: await publish(client, coop, **changes) for key, changes in rows.items()}


async def found(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **query: Any) -> list[str]:
    answer = await client.get("/v1/offerings", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [row["name"].split()[0].lower() for row in answer.json()["data"]]


async def test_an_item_has_exactly_the_fields_of_the_contract(
    client: httpx.AsyncClient, coop: Party, shelf: dict[str, dict[str, Any]]
) -> None:
    expected = {
        "id": shelf["sad"]["id"],
        "name": "Assistenza domiciliare",
        "description": "Igiene, pasti e compagnia a casa",
        "category": "home_help",
        "mode": "home_visit",
        "unit": "visit",
        "price_cents": 2250,
        "provider_id": coop.public_id,
        "provider_name": "Cooperativa Esempio",
        "service_area": [ALBINO, CLUSONE],
        "min_age": 18,
        "max_age": None,
        "confirmation": "provider",
        "cancellation": {"free_until_hours": 24, "late_fee_bps": 5000, "no_show_fee_bps": 10000},
        "access": "free",
    }
    listed = await client.get("/v1/offerings", params={"category": "home_help"})
    assert listed.json() == {"data": [expected], "next_cursor": None, "prev_cursor": None, "total": None}
    assert (await client.get(f"/v1/offerings/{shelf['sad']['id']}")).json() == expected
    absent = await client.get(f"/v1/offerings/{ids.encode('off', ids.new_id())}")
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["assistenza", "baby", "centro", "fisioterapia", "nido"]),
        ({"category": "nursery"}, ["nido"]),
        ({"category": "astrology"}, []),
        ({"mode": "session"}, ["centro"]),
        ({"mode": "stay"}, []),
        ({"municipality": ALBINO}, ["assistenza", "centro", "fisioterapia", "nido"]),
        ({"municipality": BERGAMO}, ["baby", "centro", "fisioterapia", "nido"]),
        ({"municipality": "058091"}, ["centro", "fisioterapia", "nido"]),
        ({"age": 2}, ["baby", "fisioterapia", "nido"]),
        ({"age": 12}, ["baby", "centro", "fisioterapia"]),
        ({"age": 80}, ["assistenza", "fisioterapia"]),
        ({"max_price_cents": 2250}, ["assistenza", "baby"]),
        ({"max_price_cents": 2249}, ["baby"]),
        ({"max_price_cents": 0}, []),
        ({"municipality": ALBINO, "age": 10, "mode": "session"}, ["centro"]),
    ],
)
async def test_filters(client: httpx.AsyncClient, query: dict[str, Any], names: list[str]) -> None:
    assert await found(client, **query) == names


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("fisioterapia", ["fisioterapia"]),
        ("FISIOTERAPIE", ["fisioterapia"]),
        ("riabilitazione", ["fisioterapia"]),
        ("physiotherapy", ["fisioterapia"]),
        ("babysitter", ["baby"]),
        ("baby sitter", ["baby"]),
        ("Baby-Sitting", ["baby"]),
        ("babysiter", ["baby"]),
        ("fisoterapia", ["fisioterapia"]),
        ("asilo nido", ["nido"]),
        ("bimbi", ["nido"]),
        ("primavéra", ["centro"]),
        ("e' primavera", ["centro"]),
        ("casa igiene", ["assistenza"]),
        ("SAD", ["assistenza"]),
        ("casa -igiene", []),
        ('"igiene pasti"', ["assistenza"]),
        ("fisioterapia or nido", ["fisioterapia", "nido"]),
        ("", ["assistenza", "baby", "centro", "fisioterapia", "nido"]),
        ("%", []),
        ("_", []),
        (".*", []),
        ("%%%_", []),
        ("100%", ["centro"]),
        ("nid_", ["nido"]),
        ("f%a", []),
        ("'); DROP TABLE offering; --", []),
        ("& | ! ( ) <-> :*", []),
        ("\\", []),
        ("il", []),
        ("zzzzqqq", []),
    ],
)
async def test_words(client: httpx.AsyncClient, words: str, names: list[str]) -> None:
    assert await found(client, q=words) == names


async def test_a_name_counts_more_than_a_description(client: httpx.AsyncClient, coop: Party) -> None:
    await publish(client, coop, name="Altro", description="anche logopedia")
    await publish(client, coop, name="Logopedia", description="Seduta")
    assert await found(client, q="logopedia") == ["logopedia", "altro"]


@pytest.mark.parametrize("query", [{}, {"q": "visita"}, {"q": "vissita"}])
async def test_pages_follow_each_other_without_gap_or_repetition(
    client: httpx.AsyncClient, coop: Party, query: dict[str, str]
) -> None:
    names = {f"Visita {letter} {number}" for letter in "abc" for number in range(3)} | {"Visita", "Visìta"}
    for name in names:
        await publish(client, coop, name=name)
    seen: list[str] = []
    cursor = None
    for _ in range(6):
        params = {**query, "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/offerings", params=params)).json()
        seen += [row["name"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert (len(seen), set(seen)) == (11, names)
    if not query:
        assert [name.replace("ì", "i") for name in seen] == sorted(name.replace("ì", "i") for name in names)


@pytest.mark.usefixtures("shelf")
async def test_a_cursor_holds_for_its_own_list_only(client: httpx.AsyncClient) -> None:
    cursor = (await client.get("/v1/offerings", params={"limit": 1})).json()["next_cursor"]
    for params in (
        {"limit": 1, "cursor": cursor, "category": "nursery"},
        {"limit": 1, "cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B")},
        {"limit": 1, "cursor": "x" + cursor},
        {"limit": 1, "cursor": ""},
        {"limit": 1, "cursor": "àà"},
    ):
        answer = await client.get("/v1/offerings", params=params)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor"), params
    elsewhere = await client.get("/v1/providers", params={"cursor": cursor})
    assert elsewhere.status_code == 400


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("colour=red", 422, "invalid"),
        ("limit=0", 422, "invalid"),
        ("limit=1000000000", 422, "invalid"),
        ("limit=ten", 422, "invalid"),
        ("mode=stay&mode=session", 400, "repeated_parameter"),
        ("mode=teleport", 422, "invalid"),
        ("age=-1", 422, "invalid"),
        ("age=131", 422, "invalid"),
        ("age=99999999999999999999999999", 422, "invalid"),
        ("municipality=16004", 422, "invalid"),
        ("municipality=Albino", 422, "invalid"),
        ("provider_id=off_01h455vb4pex5vsknk084sn02q", 422, "invalid"),
        ("date_from=2026-02-30", 422, "invalid"),
        ("date_from=2026-12-02&date_to=2026-12-01", 422, "invalid"),
        ("max_price_cents=-1", 422, "invalid"),
        ("q=" + "x" * 201, 422, "invalid"),
        ("q=%00", 422, "invalid"),
    ],
)
async def test_a_query_that_means_nothing_is_refused(
    client: httpx.AsyncClient, query: str, status: int, code: str
) -> None:
    answer = await client.get(f"/v1/offerings?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "red" not in answer.text.replace("required", "").replace("unreadable", "")


async def test_a_period_asks_for_a_free_slot_in_it(
    client: httpx.AsyncClient, world: World, coop: Party, shelf: dict[str, dict[str, Any]]
) -> None:
    await slot(client, coop, shelf["sad"]["id"], 24.1)
    soon = await slot(client, coop, shelf["physio"]["id"], 23)
    full = await slot(client, coop, shelf["nursery"]["id"], 48)
    await world.take_seats(ids.decode("slt", full["id"]), full["capacity"])
    cancelled = await slot(client, coop, shelf["camp"]["id"], 48)
    await world.execute("UPDATE slot SET status = 'cancelled' WHERE id = :id", id=ids.decode("slt", cancelled["id"]))
    assert soon["starts_at"] == "2026-11-24T07:00:00Z"
    # 24 hours of notice: the visit in 24 hours may just be booked, the treatment in 23 hours not.
    assert await found(client, date_from="2026-11-24", date_to="2026-11-24") == ["assistenza"]
    assert await found(client, date_from="2026-11-25") == []
    assert await found(client, date_to="2026-11-23") == []
    assert await found(client, date_to="2026-11-30") == ["assistenza"]
    assert await found(client, date_from="1900-01-01", date_to="2199-12-31") == ["assistenza"]
    await world.set_now(NOW + timedelta(minutes=7))
    assert await found(client, date_from="2026-11-24") == []


async def test_who_sees_what(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    await publish(client, coop, name="Aperto")
    hidden = await publish(client, coop, name="Solo aziende", audience="companies")
    await publish(client, coop, name="Rete", audience="alliance")
    company = await world.company()
    employee = await world.employee(company)
    key = await world.api_key(coop, ["catalogue:read"])
    everything = ["aperto", "solo"]  # the employer is in no alliance
    assert await found(client) == ["aperto"]
    assert await found(client, q="aziende") == []
    assert await found(client, employee.headers) == everything
    assert await found(client, employee.headers, q="aziende") == ["solo"]
    assert await found(client, coop.headers["manager"]) == ["aperto"]
    assert await found(client, key) == ["aperto"]
    for suffix in ("", "/slots"):
        url = f"/v1/offerings/{hidden['id']}{suffix}"
        assert (await client.get(url)).status_code == 404
        assert (await client.get(url, headers=employee.headers)).status_code == 200
    assert (await client.get("/v1/offerings", headers={"Authorization": "Bearer nonsense"})).status_code == 401
    await world.execute("UPDATE employee SET ended_on = '2026-11-23'")
    assert await found(client, employee.headers) == everything
    await world.execute("UPDATE employee SET ended_on = '2026-11-22'")
    assert await found(client, employee.headers) == ["aperto"]
    await world.execute("UPDATE employee SET hired_on = '2026-11-24', ended_on = NULL")
    assert await found(client, employee.headers) == ["aperto"]


async def test_the_price_is_todays(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    made = await publish(client, coop)
    await client.post(
        f"{base(coop)}/offerings/{made['id']}/prices",
        json={"price_cents": 2400, "valid_from": "2026-11-24"},
        headers=coop.headers["manager"],
    )
    await world.execute("UPDATE price SET valid_to = '2026-11-25' WHERE price_cents = 2400")
    url = f"/v1/offerings/{made['id']}"
    assert (await client.get(url)).json()["price_cents"] == 2250
    await world.set_now(NOW.replace(hour=22, minute=59))
    assert (await client.get(url)).json()["price_cents"] == 2250
    await world.set_now(NOW.replace(hour=23))
    assert (await client.get(url)).json()["price_cents"] == 2400
    await world.set_now(NOW + timedelta(days=2))
    assert (await client.get(url)).status_code == 404
    own = await client.get(f"{base(coop)}/offerings/{made['id']}", headers=coop.headers["staff"])
    assert own.json()["price_cents"] is None
