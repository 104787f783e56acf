"""Endpoints as an organisation's people make and change them: who may choose what, and a secret that is shown once."""

import base64
from typing import Any

import httpx
import pytest

from app import config, ids, sealing
from app.events.vocabulary import ALL_TYPES
from app.webhooks import actions
from tests.world import Party, World

URL = "https://hooks.example.org/beatrice"


def path(party: Party, *rest: str) -> str:
    return "/".join((f"/v1/organisations/{party.public_id}/webhook_endpoints", *rest))


async def create(client: httpx.AsyncClient, party: Party, role: str = "manager", **body: Any) -> httpx.Response:
    values = {"url": URL, "event_types": ["booking.confirmed"], **body}
    return await client.post(path(party), json=values, headers=party.headers[role])


async def stored(world: World) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await world.execute("SELECT * FROM webhook_endpoint ORDER BY id")]


async def test_the_secret_is_shown_once_and_kept_sealed(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider(accredited=False)
    types = ["slot.cancelled", "booking.requested", "slot.cancelled"]
    made = await create(client, provider, description="gestionale", event_types=types)
    assert made.status_code == 201
    shown = made.json()
    assert len(base64.b64decode(shown["secret"].removeprefix("whsec_"))) == 32
    assert shown | {"id": "", "secret": "", "created_at": ""} == {
        "id": "", "url": URL, "description": "gestionale", "event_types": ["booking.requested", "slot.cancelled"],
        "status": "active", "disabled_reason": None, "disabled_at": None, "failing_since": None, "previous_until": None,
        "created_by": ids.encode("usr", provider.users["manager"]), "created_at": "", "secret": "",
    }  # fmt: skip
    headers = provider.headers["manager"]
    read = await client.get(path(provider, shown["id"]), headers=headers)
    assert read.json() == {name: value for name, value in shown.items() if name != "secret"}
    assert (await client.get(path(provider), headers=headers)).json()["data"] == [read.json()]
    (row,) = await world.execute("SELECT id, sealed_secret FROM webhook_endpoint")
    assert (
        base64.b64encode(sealing.decrypt("webhook_secret", row.sealed_secret, row.id.bytes)).decode() in shown["secret"]
    )
    mail = "SELECT text FROM outgoing_mail WHERE recipient LIKE 'manager%'"
    assert "(hooks.example.org) a cui Beatrice comunica: booking.requested, slot.cancelled." in await world.scalar(mail)


@pytest.mark.parametrize("url", ["http://example.org/", "https://10.0.0.1/", "https://metadata/", "https://a@b.org/"])
async def test_only_public_addresses_and_nothing_is_stored(client: httpx.AsyncClient, world: World, url: str) -> None:
    provider = await world.provider(accredited=False)
    answer = await create(client, provider, url=url)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "url_not_allowed")
    assert answer.json()["errors"][0]["pointer"] == "/url"
    assert await stored(world) == []


async def test_the_sandbox_calls_its_own_machine_unless_it_is_told_not_to(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = await world.provider(accredited=False)
    assert (await create(client, provider, url="http://127.0.0.1:9000/")).status_code == 201
    strict = config.Settings(webhook_loopback=False)
    monkeypatch.setattr(actions, "settings", lambda: strict)
    assert (await create(client, provider, url="http://127.0.0.1:9000/")).status_code == 422


async def test_nobody_chooses_what_she_may_not_see(client: httpx.AsyncClient, world: World) -> None:
    """Where a company is a provider too, its administrator gets no event of care, nor turns one to herself."""
    mixed = await world.organisation(["company", "provider"], ("manager", "admin"))
    care = await create(client, mixed, event_types=["booking.confirmed"])
    assert care.status_code == 201
    wrong = await create(client, mixed, "admin", event_types=["grant.active", "booking.confirmed"])
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/event_types/0"]
    assert (await create(client, mixed, "admin", event_types=["grant.active"])).status_code == 201
    before = await stored(world)
    own = path(mixed, care.json()["id"])
    asked = [
        client.patch(
            own, json={"url": "https://hr.example.org/"}, headers=mixed.headers["admin"] | {"If-Match": '"1"'}
        ),
        client.post(f"{own}/rotate_secret", headers=mixed.headers["admin"]),
        client.post(f"{own}/test", headers=mixed.headers["admin"]),
        client.delete(own, headers=mixed.headers["admin"]),
        client.get(f"{own}/deliveries", headers=mixed.headers["admin"]),
    ]
    assert [(await each).status_code for each in asked] == [403] * 5
    assert await stored(world) == before


async def test_each_kind_of_organisation_has_its_types(client: httpx.AsyncClient, world: World) -> None:
    company = await world.organisation(["company"], ("admin", "hr"))
    provider = await world.organisation(["provider"], ("manager",))
    taken = {
        name: [
            each
            for each in ALL_TYPES
            if (await create(client, party, role, event_types=[each])).status_code == 201
        ]
        for name, party, role in (("company", company, "admin"), ("provider", provider, "manager"))
    }  # fmt: skip
    assert taken == {
        "company": ["employee.joined", "grant.active", "top_up.confirmed", "webhook_endpoint.tested"],
        "provider": [
            each for each in ALL_TYPES if each.startswith(("booking.", "slot.", "settlement.", "webhook_endpoint."))
        ],
    }
    assert (await create(client, company, "hr", event_types=["grant.active"])).status_code == 403
    assert (await create(client, company, "admin", event_types=["slot.opened"])).status_code == 422


async def test_changing_needs_the_version_and_says_what_is_wrong(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider(accredited=False)
    own = path(provider, (await create(client, provider)).json()["id"])
    headers = provider.headers["manager"]

    async def change(body: dict[str, Any], version: int) -> httpx.Response:
        return await client.patch(own, json=body, headers=headers | {"If-Match": f'"{version}"'})

    changed = await change({"url": "https://other.example.org/", "event_types": ["slot.cancelled"]}, 1)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["event_types"] == ["slot.cancelled"]
    before = await stored(world)
    assert (await change({"url": URL}, 1)).status_code == 412
    assert (await change({"url": "https://10.0.0.1/"}, 2)).status_code == 422
    assert (await change({"event_types": ["grant.active"]}, 2)).status_code == 422
    assert (await change({"enabled": None}, 2)).status_code == 422
    assert (await change({}, 2)).status_code == 200
    assert await stored(world) == before
    off = await change({"enabled": False, "description": None}, 2)
    assert (off.json()["status"], off.json()["disabled_reason"]) == ("disabled", "person")
    assert (await client.post(f"{own}/test", headers=headers)).json()["code"] == "state_conflict"


async def test_keys_do_not_manage_endpoints(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider(accredited=False)
    key = await world.api_key(provider, ["events:read", "bookings:read"])
    answer = await client.post(path(provider), json={"url": URL, "event_types": ["booking.confirmed"]}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await stored(world) == []
