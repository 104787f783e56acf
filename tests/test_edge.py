"""Who is let in: tokens, keys and roles, and what a refusal looks like."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app import clock, ids
from app.edge.permissions import API_KEY_SCOPES
from tests.world import Party, World

Headers = dict[str, str]


@pytest.fixture
async def company(world: World) -> Party:
    return await world.company()


def account(company: Party) -> str:
    return f"/v1/companies/{company.public_id}/account"


def problem(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    return body


async def test_no_token_is_401_with_a_challenge(client: httpx.AsyncClient, company: Party) -> None:
    answer = await client.get(account(company))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert problem(answer) == {
        "type": "http://127.0.0.1:8000/errors/unauthorised",
        "title": "Non autenticato",
        "status": 401,
        "code": "unauthorised",
        "detail": "Invia un token di sessione o una chiave API validi come `Authorization: Bearer`.",
        "errors": [],
    }


async def test_every_unusable_token_gets_the_same_answer(
    client: httpx.AsyncClient, company: Party, world: World
) -> None:
    token = company.headers["hr"]["Authorization"].removeprefix("Bearer ")
    plain = problem(await client.get(account(company)))
    unusable = [
        "Bearer unknown",
        "Bearer ",
        "Bearer",
        "",
        f"Basic {token}",
        f"Token {token}",
        token,
        f"Bearer {token}x",
        f"Bearer {token[:-1]}",
        f"Bearer  {token}",
        f"Bearer {token},{token}",
        f"Bearer {token.upper()}",
        "Bearer " + "x" * 201,
        "Bearer \u00e9",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    ]
    for value in unusable:
        answer = await client.get(account(company), headers=[(b"authorization", value.encode("utf-8"))])
        assert (value, answer.status_code, problem(answer)) == (value, 401, plain)
    assert (await client.get(account(company), headers={"Authorization": f"bearer {token}"})).status_code == 200
    del world


async def test_a_bad_token_is_refused_on_public_routes_too(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/categories")).status_code == 200
    assert (await client.get("/v1/categories", headers={"Authorization": "Bearer unknown"})).status_code == 401


async def test_a_token_in_the_url_is_no_token(client: httpx.AsyncClient, company: Party) -> None:
    token = company.headers["hr"]["Authorization"].removeprefix("Bearer ")
    answer = await client.get(f"{account(company)}?access_token={token}")
    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid")
    assert token not in answer.text


async def test_a_stranger_learns_401_before_anything_about_the_request(
    client: httpx.AsyncClient, company: Party
) -> None:
    path = f"/v1/companies/{company.public_id}/top_ups"
    for content, kind in ((b"{", "application/json"), (b"", "text/plain"), (b"x" * 70_000, "application/json")):
        answer = await client.post(path, content=content, headers={"Content-Type": kind})
        assert (answer.status_code, problem(answer)["code"]) == (401, "unauthorised")


async def test_a_foreign_tenant_and_an_absent_one_are_the_same_404(
    client: httpx.AsyncClient, company: Party, world: World
) -> None:
    other, provider = await world.company(), await world.provider()
    hr = company.headers["hr"]
    answers = [
        await client.get(f"/v1/companies/{tenant}/account", headers=hr)
        for tenant in (
            other.public_id,
            provider.public_id,
            ids.encode("org", ids.new_id()),
            ids.encode("emp", company.id),
            "nonsense",
            str(company.id),
            f"urn:uuid:{company.id}",
            company.public_id.upper(),
            f"{company.public_id}x",
        )
    ]
    bodies = [problem(answer) for answer in answers]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert all(body == bodies[0] for body in bodies)


async def test_a_provider_is_no_company_to_its_own_people(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider()
    answer = await client.get(account(provider), headers=provider.headers["manager"])
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")


async def test_a_role_without_the_permission_is_403(client: httpx.AsyncClient, company: Party) -> None:
    path = f"/v1/companies/{company.public_id}/top_ups"
    headers = company.headers["payroll"] | {"Idempotency-Key": "k"}
    answer = await client.post(path, json={"amount_cents": 100}, headers=headers)
    assert (answer.status_code, problem(answer)["code"]) == (403, "forbidden")


async def test_operator_routes_say_403_to_people_and_401_to_strangers(
    client: httpx.AsyncClient, company: Party
) -> None:
    path = "/v1/operator/ledger/trial_balance"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=company.headers["hr"])).status_code == 403


# On the very next request


async def test_a_revoked_or_expired_session_fails_at_once(
    client: httpx.AsyncClient, company: Party, world: World
) -> None:
    hr = company.headers["hr"]
    for column, value in (("revoked_at", clock.real()), ("expires_at", clock.real() - timedelta(seconds=1))):
        before = await world.scalar(f"SELECT {column} FROM session_token WHERE user_id = :id", id=company.users["hr"])
        assert (await client.get(account(company), headers=hr)).status_code == 200
        change = f"UPDATE session_token SET {column} = :value WHERE user_id = :id"
        await world.execute(change, value=value, id=company.users["hr"])
        assert (await client.get(account(company), headers=hr)).status_code == 401
        await world.execute(change, value=before, id=company.users["hr"])
        assert (await client.get(account(company), headers=hr)).status_code == 200


async def test_session_life_is_real_time_not_business_time(
    client: httpx.AsyncClient, company: Party, world: World
) -> None:
    await world.execute("UPDATE session_token SET expires_at = :at", at=clock.real() + timedelta(hours=1))
    await world.set_now(clock.real() + timedelta(days=365))
    assert (await client.get(account(company), headers=company.headers["hr"])).status_code == 200


async def test_an_ended_role_fails_at_once(client: httpx.AsyncClient, company: Party, world: World) -> None:
    hr = company.headers["hr"]
    assert (await client.get(account(company), headers=hr)).status_code == 200
    await world.execute(
        "UPDATE role_grant SET until_at = :at WHERE user_id = :id", at=clock.real(), id=company.users["hr"]
    )
    assert (await client.get(account(company), headers=hr)).status_code == 404
    assert (await client.get("/v1/me", headers=hr)).json()["memberships"] == []


async def test_a_revoked_or_expired_key_fails_at_once(client: httpx.AsyncClient, company: Party, world: World) -> None:
    key = await world.api_key(company, ["account:read"])
    for change in ("revoked_at = :at", "revoked_at = NULL, expires_at = :at"):
        assert (await client.get(account(company), headers=key)).status_code == 200
        await world.execute(f"UPDATE api_key SET {change}", at=clock.real() - timedelta(seconds=1))
        assert (await client.get(account(company), headers=key)).status_code == 401
        await world.execute(
            "UPDATE api_key SET revoked_at = NULL, expires_at = :at", at=clock.real() + timedelta(hours=1)
        )


# Keys


async def test_a_key_opens_its_scopes_in_its_organisation_only(
    client: httpx.AsyncClient, company: Party, world: World
) -> None:
    other = await world.company()
    key = await world.api_key(company, ["account:read"])
    assert (await client.get(account(company), headers=key)).status_code == 200
    lacking = await client.get(f"/v1/companies/{company.public_id}/top_ups", headers=key)
    assert (lacking.status_code, problem(lacking)["code"]) == (403, "forbidden")
    assert (await client.get(account(other), headers=key)).status_code == 404
    assert (await client.get("/v1/operator/networks", headers=key)).status_code == 403


async def test_a_key_is_no_person(client: httpx.AsyncClient, company: Party, world: World) -> None:
    key = await world.api_key(company, sorted(API_KEY_SCOPES))
    for path in ("/v1/me", "/v1/me/wallet", "/v1/me/bookings", "/v1/me/contact"):
        answer = await client.get(path, headers=key)
        assert (path, answer.status_code, problem(answer)["code"]) == (path, 403, "forbidden")
    members = await client.get(f"/v1/organisations/{company.public_id}/members", headers=key)
    assert members.status_code == 403


async def test_a_key_of_the_operator_is_not_the_operator(client: httpx.AsyncClient, world: World) -> None:
    operator = await world.operator()
    key = await world.api_key(operator, sorted(API_KEY_SCOPES))
    assert (await client.get("/v1/operator/organisations", headers=key)).status_code == 403


async def test_roles_in_two_organisations_do_not_add_up(
    client: httpx.AsyncClient, company: Party, world: World
) -> None:
    """HR here and payroll there stays payroll there."""
    other = await world.company()
    await world.membership(company.users["hr"], other.id, "payroll")
    path = f"/v1/companies/{other.public_id}/top_ups"
    headers = company.headers["hr"] | {"Idempotency-Key": "k"}
    answer = await client.post(path, json={"amount_cents": 100}, headers=headers)
    assert (answer.status_code, problem(answer)["code"]) == (403, "forbidden")
    assert (await client.get(account(other), headers=company.headers["hr"])).status_code == 200
