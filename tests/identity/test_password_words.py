"""A new password is not made of what everybody knows of this person: her names, her employer, the place."""

import httpx
from sqlalchemy import insert

from app.identity.password_words import words_about
from app.networks.models import AllianceMunicipality
from tests.identity.conftest import Login
from tests.people import accept, mailed_token
from tests.world import World


async def test_the_words_are_hers_and_her_organisations(world: World, anna: Login) -> None:
    company = await world.company("Officine Gherardina")
    person = await world.employee(company)
    other = await world.company("Tessitura Moderna")
    lead = await world.organisation(["municipality"], name="Comune capofila")
    alliance_id = await world.found_alliance("Alleanza", lead, provider=await world.provider(accredited=False))
    await world.execute(insert(AllianceMunicipality).values(alliance_id=alliance_id, istat_code="016077"))
    async with world.work() as session:
        assert await words_about(session, f"employee{person.number}@example.test") == [
            "Albino",
            "Anna",
            f"Esempio{person.number}",
            "Officine Gherardina",
        ]
        assert await words_about(session, "nobody@example.test", employee_id=person.employee_id) == [
            "Anna",
            f"Esempio{person.number}",
        ]
        assert await words_about(session, "nobody@example.test", organisation_id=other.id) == [
            "Albino",
            "Tessitura Moderna",
        ]
    await world.membership(anna.id, lead.id, "coordinator")
    async with world.work() as session:
        assert await words_about(session, anna.email) == ["Albino", "Clusone", "Comune capofila"]


async def test_whoever_is_reset_or_invited_cannot_use_them(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    company = await world.company("Officine Gherardina")
    await world.membership(anna.id, company.id, "payroll")
    password = {"password": "Gherardina.1990.Officine"}
    before = await world.execute("SELECT id, password_hash FROM user_account ORDER BY id")
    await client.post("/v1/auth/password_resets", json={"email": anna.email})
    link = f"/v1/auth/password_resets/{await mailed_token(world, anna.email)}/accept"
    refused = await client.post(link, json=password)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "password_too_common")
    invited = {"email": "nuova@example.test", "roles": ["payroll"]}
    admin, headers = await world.login("capo@example.test")
    await world.membership(admin, company.id, "admin")
    url = f"/v1/organisations/{company.public_id}/members"
    assert (await client.post(url, json=invited, headers=headers)).status_code == 201
    joining = await accept(client, await mailed_token(world, "nuova@example.test"), password["password"])
    assert (joining.status_code, joining.json()["errors"][0]["code"]) == (422, "password_too_common")
    after = await world.execute("SELECT id, password_hash FROM user_account WHERE id <> :id ORDER BY id", id=admin)
    assert after == before
    # For somebody of another house these words are no worse than others.
    await world.login("berta@example.com")
    await client.post("/v1/auth/password_resets", json={"email": "berta@example.com"})
    link = f"/v1/auth/password_resets/{await mailed_token(world, 'berta@example.com')}/accept"
    assert (await client.post(link, json=password)).status_code == 204
