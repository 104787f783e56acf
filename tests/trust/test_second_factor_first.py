"""Nobody does anything in a role that needs a second factor before a code of one was given (ASVS 6.3.3)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pyotp
import pytest
from sqlalchemy.exc import DBAPIError

from app import clock, config, ids
from app.edge.permissions import SECOND_FACTOR_ROLES
from app.identity import sessions
from tests.identity.conftest import somebody
from tests.world import World

START = datetime(2026, 11, 30, 12, 0, 10, tzinfo=UTC)
OPEN = ("/v1/me", "/v1/me/contact", "/v1/me/sessions", "/v1/me/wallet", "/v1/me/bookings")


@pytest.fixture(autouse=True)
def demanded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ask in the sandbox as production does; real time stands still."""
    monkeypatch.setattr(clock, "real", lambda: START)
    monkeypatch.setenv("BEATRICE_STEP_UP", "true")
    config.settings.cache_clear()
    yield
    monkeypatch.undo()
    config.settings.cache_clear()


async def answer(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> tuple[int, str | None]:
    got = await client.get(url, headers=headers)
    return got.status_code, got.json().get("code")


async def test_every_role_that_needs_it_is_shut_before_a_code_was_given(
    client: httpx.AsyncClient, world: World
) -> None:
    company, provider, operator = await world.company(), await world.provider(), await world.operator()
    alliance = ids.encode("all", await world.alliance())
    admin_id, admin = await world.login("capo@example.test")
    await world.membership(admin_id, company.id, "admin")
    cases = {
        ("hr", f"/v1/companies/{company.public_id}/employees"): company.headers["hr"],
        ("hr_approver", f"/v1/companies/{company.public_id}/grants"): company.headers["hr_approver"],
        ("payroll", f"/v1/companies/{company.public_id}/account"): company.headers["payroll"],
        ("admin", f"/v1/organisations/{company.public_id}/members"): admin,
        ("manager", f"/v1/providers/{provider.public_id}/bookings"): provider.headers["manager"],
        ("coordinator", f"/v1/alliances/{alliance}/memberships"): world.coordinator,
        ("operator", "/v1/operator/organisations"): operator.headers["operator"],
        ("registrar", f"/v1/organisations/{company.public_id}/members"): operator.headers["operator"],
        ("finance", "/v1/operator/settlement_runs"): operator.headers["finance"],
    }
    assert {role for role, _ in cases} - {"registrar"} == SECOND_FACTOR_ROLES
    for (role, url), headers in cases.items():
        assert await answer(client, url, headers) == (403, "second_factor_missing"), role
    bookings = f"/v1/providers/{provider.public_id}/bookings"
    assert await answer(client, bookings, provider.headers["staff"]) == (200, None)
    # Who is a stranger there learns no more than before.
    assert await answer(client, f"/v1/companies/{company.public_id}/employees", provider.headers["manager"]) == (
        404,
        "not_found",
    )


async def test_enrolling_opens_the_role_in_this_session_and_no_other(client: httpx.AsyncClient, world: World) -> None:
    company, anna = await world.company(), await somebody(world)
    await world.membership(anna.id, company.id, "hr")
    async with world.work() as session:
        token = await sessions.begin(session, anna.id)
    elsewhere = {"Authorization": f"Bearer {token.access_token}"}
    employees = f"/v1/companies/{company.public_id}/employees"
    assert [(await client.get(url, headers=anna.headers)).status_code for url in OPEN] == [200] * len(OPEN)
    assert await answer(client, employees, anna.headers) == (403, "second_factor_missing")
    secret = (await client.post("/v1/me/totp", headers=anna.headers)).json()["secret"]
    assert await answer(client, employees, anna.headers) == (403, "second_factor_missing")
    code = {"code": pyotp.TOTP(secret).at(START)}
    confirmed = await client.post("/v1/me/totp/confirm", json=code, headers=anna.headers)
    assert confirmed.status_code == 200
    assert await answer(client, employees, anna.headers) == (200, None)
    assert await answer(client, employees, elsewhere) == (403, "second_factor_missing")
    # Who gives the second factor up stands before the door again, in every session.
    gone = {"otp": confirmed.json()["recovery_codes"][0]}
    assert (await client.post("/v1/me/totp/remove", json=gone, headers=anna.headers)).status_code == 204
    assert await answer(client, employees, anna.headers) == (403, "second_factor_missing")


async def test_the_database_knows_no_such_session_of_a_person_without_one(world: World) -> None:
    anna = await somebody(world)
    count = "SELECT count(*) FROM session_token WHERE second_factor"
    with pytest.raises(DBAPIError, match="has no second factor"):
        await world.execute("UPDATE session_token SET second_factor = true WHERE user_id = :id", id=anna.id)
    assert await world.scalar(count) == 0
