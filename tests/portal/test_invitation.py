"""The page that a mailed invitation leads to: who invites, what it asks for, and why it may be too late."""

from datetime import timedelta

import httpx
import pytest

from app import clock, config
from tests.people import accept, hire, mailed_token
from tests.portal.browsing import Browsing, told
from tests.world import Party, World

CARLA = "carla@example.test"


@pytest.fixture
async def token(client: httpx.AsyncClient, world: World, company: Party) -> str:
    await hire(client, company, email=CARLA)
    return await mailed_token(world, CARLA)


async def test_it_says_who_invites_and_asks_no_more_than_is_needed(
    client: httpx.AsyncClient, token: str, company: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await client.get(f"/v1/auth/invitations/{token}")
    assert answer.status_code == 200
    assert {**answer.json(), "expires_at": None} == {
        "state": "open",
        "organisation_name": company.name,
        "kind": "employment",
        "has_login": False,
        "activation_code_required": False,
        "expires_at": None,
    }
    page = told(await Browsing(client, {}).get(f"/invitations/{token}"))
    assert f"{company.name} ti invita a usare il tuo credito di welfare." in page
    assert "Scegli una password" in page
    assert "Codice di attivazione" not in page
    monkeypatch.setitem(vars(config.settings()), "mode", "production")
    assert (await client.get(f"/v1/auth/invitations/{token}")).json()["activation_code_required"] is True


async def test_a_short_password_is_said_beside_its_field(client: httpx.AsyncClient, token: str) -> None:
    refused = await Browsing(client, {}).send(f"/invitations/{token}", {"password": "corta"})
    assert (refused.status_code, "aria-invalid" in refused.text) == (422, True)
    assert 'minlength="15"' in refused.text


async def test_who_has_a_login_is_asked_for_its_password(client: httpx.AsyncClient, world: World, token: str) -> None:
    assert (await accept(client, token)).status_code == 200
    other = await world.company()
    await hire(client, other, email=CARLA, fiscal_code="RCCMNL83S18D969H")
    second = await mailed_token(world, CARLA)
    page = told(await Browsing(client, {}).get(f"/invitations/{second}"))
    assert f"{other.name} ti invita" in page
    assert "Hai già un accesso con questo indirizzo" in page


async def test_a_used_a_replaced_an_expired_and_an_unknown_link_are_told_apart(
    client: httpx.AsyncClient, world: World, company: Party, token: str
) -> None:
    stranger = Browsing(client, {})

    async def said(of: str) -> tuple[int, str]:
        page = await stranger.get(f"/invitations/{of}")
        assert '<form method="post" action="/invitations' not in page.text
        return page.status_code, told(page)

    await world.execute("UPDATE invitation SET expires_at = :then", then=clock.real() - timedelta(seconds=1))
    status, words = await said(token)
    assert (status, "Questo invito è scaduto." in words) == (410, True)
    await world.execute("UPDATE invitation SET expires_at = :then", then=clock.real() + timedelta(days=1))
    assert (await accept(client, token)).status_code == 200
    status, words = await said(token)
    assert (status, "Questo invito è già stato usato" in words) == (410, True)
    await world.execute("UPDATE invitation SET accepted_by = NULL")
    status, words = await said(token)
    assert (status, "ne è arrivato uno più nuovo" in words) == (410, True)
    assert company.name in words
    status, words = await said("x" * 43)
    assert (status, "Il collegamento non vale più" in words) == (404, True)
    unknown = await client.get("/v1/auth/invitations/" + "x" * 43)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "token_invalid")
