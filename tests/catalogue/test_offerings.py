from typing import Any, get_args

import httpx
import pytest

from app import ids
from app.catalogue.models import VAT_BPS, VatCode
from tests.catalogue.shop import ALBINO, BERGAMO, CLUSONE, NOW, OFFERING, base, publish
from tests.world import Party, World, problem


@pytest.fixture
async def coop(world: World) -> Party:
    await world.set_now(NOW)
    return await world.provider("Cooperativa Esempio")


async def test_a_new_offering_is_answered_in_full_and_priced_from_today(client: httpx.AsyncClient, coop: Party) -> None:
    answer = await client.post(f"{base(coop)}/offerings", json=OFFERING, headers=coop.headers["manager"])
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    made = answer.json()
    offering_id = made.pop("id")
    assert made == {
        **OFFERING,
        "provider_id": coop.public_id,
        "site_id": None,
        "access": "free",
        "status": "active",
        "external_id": None,
        "metadata": {},
        "version": 1,
        "created_at": made["created_at"],
    }
    read = await client.get(f"{base(coop)}/offerings/{offering_id}", headers=coop.headers["staff"])
    assert read.json() == {"id": offering_id, **made}
    prices = await client.get(f"{base(coop)}/offerings/{offering_id}/prices", headers=coop.headers["staff"])
    [price] = prices.json()["data"]
    assert price.pop("id").startswith("prc_")
    assert price == {"offering_id": offering_id, "price_cents": 2250, "valid_from": "2026-11-23", "valid_to": None}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"category": "astrology"}, "/category", "unknown_category"),
        ({"unit": "night"}, "/unit", "unit_not_of_category"),
        ({"category": "home_rent", "unit": "month"}, "/unit", "unit_not_of_category"),
        ({"mode": "stay"}, "/mode", "literal_error"),
        ({"mode": "enrolment"}, "/mode", "literal_error"),
        ({"mode": "on_request"}, "/mode", "literal_error"),
        ({"service_area": []}, "/service_area", "area_missing"),
        ({"service_area": [ALBINO, ALBINO]}, "/service_area", "duplicate"),
        ({"service_area": [ALBINO, "999999"]}, "/service_area", "unknown_municipality"),
        ({"service_area": ["16004"]}, "/service_area/0", "string_pattern_mismatch"),
        ({"min_age": 10, "max_age": 9}, "/max_age", "max_below_min"),
        ({"site_id": "ste_01h455vb4pex5vsknk084sn02q"}, "/site_id", "unknown_site"),
        ({"price_cents": 0}, "/price_cents", "greater_than_equal"),
        ({"price_cents": 100_000_001}, "/price_cents", "less_than_equal"),
        ({"price_cents": "2250"}, "/price_cents", "int_type"),
        ({"price_cents": True}, "/price_cents", "int_type"),
        ({"response_hours": 0}, "/response_hours", "greater_than_equal"),
        ({"vat_code": "vat_4"}, "/vat_code", "literal_error"),
        ({"name": "  "}, "/name", "blank"),
        ({"colour": "red"}, "/?", "extra_forbidden"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_published(
    client: httpx.AsyncClient, world: World, coop: Party, changes: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await client.post(f"{base(coop)}/offerings", json={**OFFERING, **changes}, headers=coop.headers["manager"])
    assert answer.status_code == 422
    assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)
    assert await world.scalar("SELECT count(*) FROM offering") == 0
    assert await world.scalar("SELECT count(*) FROM price") == 0


async def test_staff_reads_but_does_not_publish(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    answer = await client.post(f"{base(coop)}/offerings", json=OFFERING, headers=coop.headers["staff"])
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await world.scalar("SELECT count(*) FROM offering") == 0
    assert (await client.post(f"{base(coop)}/offerings", json=OFFERING)).status_code == 401


async def test_an_api_key_publishes_with_its_scope_only(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    writer = await world.api_key(coop, ["catalogue:write", "catalogue:read"])
    reader = await world.api_key(coop, ["catalogue:read"])
    assert (await client.post(f"{base(coop)}/offerings", json=OFFERING, headers=reader)).status_code == 403
    assert (await client.post(f"{base(coop)}/offerings", json=OFFERING, headers=writer)).status_code == 201
    listed = await client.get(f"{base(coop)}/offerings", headers=reader)
    assert [row["name"] for row in listed.json()["data"]] == ["Assistenza domiciliare"]


async def test_a_foreign_offering_is_as_absent_as_one_that_never_was(
    client: httpx.AsyncClient, world: World, coop: Party
) -> None:
    other = await world.provider("Altra")
    made = await publish(client, coop)
    never = ids.encode("off", ids.new_id())
    for suffix in ("", "/prices", "/slots"):
        foreign = await client.get(f"{base(other)}/offerings/{made['id']}{suffix}", headers=other.headers["manager"])
        absent = await client.get(f"{base(other)}/offerings/{never}{suffix}", headers=other.headers["manager"])
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert problem(foreign) == problem(absent)
    stranger = await client.get(f"{base(coop)}/offerings/{made['id']}", headers=other.headers["manager"])
    assert stranger.status_code == 404
    changed = await client.patch(
        f"{base(other)}/offerings/{made['id']}",
        json={"name": "Mia"},
        headers={**other.headers["manager"], "If-Match": '"1"'},
    )
    assert changed.status_code == 404
    price = await client.post(
        f"{base(other)}/offerings/{made['id']}/prices",
        json={"price_cents": 1, "valid_from": "2027-01-01"},
        headers=other.headers["manager"],
    )
    assert price.status_code == 404
    assert await world.execute("SELECT name, version FROM offering") == [("Assistenza domiciliare", 1)]
    assert await world.scalar("SELECT count(*) FROM price") == 1
    assert (await client.get(f"{base(other)}/offerings", headers=other.headers["manager"])).json() == {
        "data": [],
        "next_cursor": None,
        "prev_cursor": None,
        "total": None,
    }


async def test_change_keeps_what_is_absent_and_clears_what_is_null(client: httpx.AsyncClient, coop: Party) -> None:
    made = await publish(client, coop, external_id="sad-1")
    answer = await client.patch(
        f"{base(coop)}/offerings/{made['id']}",
        json={
            "name": "SAD serale",
            "min_age": None,
            "service_area": [BERGAMO],
            "metadata": {"k": "v"},
            "cancellation": {"free_until_hours": 48, "late_fee_bps": 0, "no_show_fee_bps": 1},
        },
        headers={**coop.headers["manager"], "If-Match": '"1"'},
    )
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json() == {
        **made,
        "version": 2,
        "name": "SAD serale",
        "min_age": None,
        "service_area": [BERGAMO],
        "metadata": {"k": "v"},
        "cancellation": {"free_until_hours": 48, "late_fee_bps": 0, "no_show_fee_bps": 1},
    }


@pytest.mark.parametrize(
    ("headers", "changes", "status", "code"),
    [
        ({}, {"name": "x"}, 428, "precondition_required"),
        ({"If-Match": '"2"'}, {"name": "x"}, 412, "precondition_failed"),
        ({"If-Match": "*"}, {"name": "x"}, 400, "malformed_precondition"),
        ({"If-Match": '"stale"'}, {"name": "x"}, 412, "precondition_failed"),
        ({"If-Match": '"1"'}, {"name": None}, 422, "invalid"),
        ({"If-Match": '"1"'}, {"category": "nursery"}, 422, "invalid"),
        ({"If-Match": '"1"'}, {"price_cents": 1}, 422, "invalid"),
        ({"If-Match": '"1"'}, {"service_area": []}, 422, "invalid"),
        ({"If-Match": '"1"'}, {"max_age": 17}, 422, "invalid"),
    ],
)
async def test_a_refused_change_changes_nothing(
    client: httpx.AsyncClient, coop: Party, headers: dict[str, str], changes: dict[str, Any], status: int, code: str
) -> None:
    made = await publish(client, coop)
    url = f"{base(coop)}/offerings/{made['id']}"
    answer = await client.patch(url, json=changes, headers={**coop.headers["manager"], **headers})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    read = await client.get(url, headers=coop.headers["manager"])
    assert (read.json(), read.headers["etag"]) == (made, '"1"')


async def test_what_has_no_version_is_tagged_by_its_content(client: httpx.AsyncClient, coop: Party) -> None:
    made = await publish(client, coop)
    url = f"/v1/offerings/{made['id']}"
    first, again = [(await client.get(url)).headers["etag"] for _ in range(2)]
    changed = await client.patch(
        f"{base(coop)}/offerings/{made['id']}",
        json={"name": "Altro nome"},
        headers=coop.headers["manager"] | {"If-Match": '"1"'},
    )
    assert changed.status_code == 200
    assert first == again != (await client.get(url)).headers["etag"]
    assert first.startswith('"sha256-')
    assert (await client.get("/v1/offerings")).headers["etag"].startswith('W/"sha256-')


async def test_a_withdrawn_offering_leaves_the_public_catalogue(client: httpx.AsyncClient, coop: Party) -> None:
    made = await publish(client, coop)
    url = f"{base(coop)}/offerings/{made['id']}"
    assert (await client.get(f"/v1/offerings/{made['id']}")).status_code == 200
    await client.patch(url, json={"status": "inactive"}, headers={**coop.headers["manager"], "If-Match": '"1"'})
    assert (await client.get(f"/v1/offerings/{made['id']}")).status_code == 404
    assert (await client.get(f"/v1/offerings/{made['id']}/slots")).status_code == 404
    assert (await client.get("/v1/offerings")).json()["data"] == []
    assert (await client.get(url, headers=coop.headers["staff"])).json()["status"] == "inactive"


async def test_sites_belong_to_their_provider(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    other = await world.provider("Altra")
    body = {"name": "Sede", "street": "Via Mazzini 1", "postcode": "24021", "istat_code": ALBINO}
    answer = await client.post(f"{base(coop)}/sites", json=body, headers=coop.headers["manager"])
    assert answer.status_code == 201
    site = answer.json()
    assert site == {"id": site["id"], **body, "external_id": None, "metadata": {}, "version": 1}
    assert (await client.get(f"{base(coop)}/sites", headers=coop.headers["staff"])).json()["data"] == [site]
    assert (await client.get(f"{base(other)}/sites", headers=other.headers["staff"])).json()["data"] == []
    foreign = await client.get(f"{base(other)}/sites/{site['id']}", headers=other.headers["manager"])
    never = await client.get(f"{base(other)}/sites/{ids.encode('ste', ids.new_id())}", headers=other.headers["manager"])
    assert (foreign.status_code, problem(foreign)) == (404, problem(never))
    made = await publish(
        client, coop, mode="session", category="physiotherapy", unit="session", site_id=site["id"], service_area=[]
    )
    assert (made["site_id"], made["service_area"]) == (site["id"], [])
    stolen = await client.post(
        f"{base(other)}/offerings", json={**OFFERING, "site_id": site["id"]}, headers=other.headers["manager"]
    )
    assert stolen.json()["errors"] == [
        {"pointer": "/site_id", "code": "unknown_site", "detail": "non è una sede di questo ente"}
    ]
    moved = await client.patch(
        f"{base(coop)}/sites/{site['id']}",
        json={"istat_code": CLUSONE},
        headers={**coop.headers["manager"], "If-Match": '"1"'},
    )
    assert (moved.json(), moved.headers["etag"]) == ({**site, "istat_code": CLUSONE, "version": 2}, '"2"')
    stale = await client.patch(
        f"{base(coop)}/sites/{site['id']}", json={"name": "x"}, headers={**coop.headers["manager"], "If-Match": '"1"'}
    )
    assert stale.status_code == 412
    nowhere = await client.patch(
        f"{base(coop)}/sites/{site['id']}",
        json={"istat_code": "999999"},
        headers={**coop.headers["manager"], "If-Match": '"2"'},
    )
    assert nowhere.json()["errors"][0]["code"] == "unknown_municipality"


async def test_an_open_ended_price_ends_the_one_before_it(client: httpx.AsyncClient, coop: Party) -> None:
    made = await publish(client, coop)
    url = f"{base(coop)}/offerings/{made['id']}/prices"
    answer = await client.post(
        url, json={"price_cents": 2400, "valid_from": "2027-01-01"}, headers=coop.headers["manager"]
    )
    assert answer.status_code == 201
    assert {key: answer.json()[key] for key in ("price_cents", "valid_from", "valid_to")} == {
        "price_cents": 2400,
        "valid_from": "2027-01-01",
        "valid_to": None,
    }
    first = await client.get(url, params={"limit": 1}, headers=coop.headers["staff"])
    second = await client.get(
        url, params={"limit": 1, "cursor": first.json()["next_cursor"]}, headers=coop.headers["staff"]
    )
    rows = first.json()["data"] + second.json()["data"]
    assert [(row["price_cents"], row["valid_from"], row["valid_to"]) for row in rows] == [
        (2250, "2026-11-23", "2026-12-31"),
        (2400, "2027-01-01", None),
    ]
    assert second.json()["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"price_cents": 100, "valid_from": "2026-11-22"}, 422, "invalid"),
        ({"price_cents": 100, "valid_from": "2026-12-02", "valid_to": "2026-12-01"}, 422, "invalid"),
        ({"price_cents": 100, "valid_from": "2026-11-23"}, 409, "price_overlap"),
        ({"price_cents": 100, "valid_from": "2026-12-01", "valid_to": "2026-12-24"}, 409, "price_overlap"),
        ({"price_cents": 0, "valid_from": "2027-01-01"}, 422, "invalid"),
    ],
)
async def test_a_price_that_overlaps_or_changes_the_past_is_refused(
    client: httpx.AsyncClient, world: World, coop: Party, body: dict[str, Any], status: int, code: str
) -> None:
    made = await publish(client, coop)
    answer = await client.post(
        f"{base(coop)}/offerings/{made['id']}/prices", json=body, headers=coop.headers["manager"]
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await world.execute("SELECT price_cents, valid_to FROM price") == [(2250, None)]


async def test_the_profile_is_public_and_its_managers_own(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    other = await world.provider("Altra")
    read = await client.get(base(coop))
    assert read.json() == {
        "id": coop.public_id,
        "name": "Cooperativa Esempio",
        "description": "",
        "phone": "+39035000000",
        "email": None,
        "sites": [],
    }
    changes = {"phone": "+39 0346 12345", "email": "info@coop.example", "description": "Dal 1984"}
    refused = await client.patch(
        base(coop), json=changes, headers={**other.headers["manager"], "If-Match": read.headers["etag"]}
    )
    assert refused.status_code == 404
    staff = await client.patch(base(coop), json=changes, headers={**coop.headers["staff"], "If-Match": '"1"'})
    assert staff.status_code == 403
    assert (await client.get(base(coop))).json() == read.json()
    answer = await client.patch(
        base(coop), json=changes, headers={**coop.headers["manager"], "If-Match": read.headers["etag"]}
    )
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json() == {**read.json(), **changes}


async def test_writing_leaves_an_audit_row(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    made = await publish(client, coop)
    written = "SELECT action, actor_id, organisation_id, object_id FROM audit_entry WHERE actor_kind = 'user'"
    assert await world.execute(written) == [
        ("offering.create", coop.users["manager"], coop.id, ids.decode("off", made["id"]))
    ]


@pytest.mark.parametrize("listing", ["sites", "offerings", "offerings/{id}/prices", "offerings/{id}/slots"])
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("colour=red", 422, "invalid"),
        ("limit=0", 422, "invalid"),
        ("limit=1000000000", 422, "invalid"),
        ("limit=1&limit=2", 400, "repeated_parameter"),
        ("cursor=AAAA", 400, "bad_cursor"),
    ],
)
async def test_lists_refuse_what_they_do_not_know(
    client: httpx.AsyncClient, coop: Party, listing: str, query: str, status: int, code: str
) -> None:
    made = await publish(client, coop)
    url = f"{base(coop)}/{listing.format(id=made['id'])}"
    answer = await client.get(f"{url}?{query}", headers=coop.headers["staff"])
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_providers_own_lists_page(client: httpx.AsyncClient, world: World, coop: Party) -> None:
    other = await world.provider("Altra")
    for number in range(3):
        await publish(client, coop, name=f"Servizio {number}")
    await publish(client, other, name="Altrui")
    url = f"{base(coop)}/offerings"
    first = await client.get(url, params={"limit": 2}, headers=coop.headers["staff"])
    cursor = first.json()["next_cursor"]
    second = await client.get(url, params={"limit": 2, "cursor": cursor}, headers=coop.headers["staff"])
    rows = first.json()["data"] + second.json()["data"]
    assert [row["name"] for row in rows] == ["Servizio 0", "Servizio 1", "Servizio 2"]
    assert second.json()["next_cursor"] is None
    stolen = await client.get(url, params={"limit": 2, "cursor": cursor}, headers=coop.headers["manager"])
    assert (stolen.status_code, stolen.json()["code"]) == (400, "bad_cursor")


def test_every_vat_code_has_a_rate() -> None:
    assert tuple(VAT_BPS) == get_args(VatCode)
