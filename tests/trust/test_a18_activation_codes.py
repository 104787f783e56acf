"""A18: ten wrong codes are ten wrong codes, however many invitations HR sends."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from app import clock
from app.db import Database
from app.identity import activation_codes, invitations
from app.identity.errors import ActivationBlocked, ActivationCodeWrong
from app.identity.invitations import EmployeeInvitation, pending_activation_codes
from tests.identity.conftest import NEW_PASSWORD
from tests.people import mailed_token
from tests.production import in_force
from tests.world import Party, World

WRONG = "A" * activation_codes.LENGTH


@pytest.fixture(autouse=True)
def codes_are_asked_for() -> Iterator[None]:
    with in_force():
        yield


async def invite(world: World, company: Party, employee_id: UUID, email: str) -> tuple[str, str]:
    """Return the link's token and the code of the letter."""
    async with world.database.begin("beatrice_hr") as session:
        invited = EmployeeInvitation(
            email=email, organisation_id=company.id, organisation_name=company.name, employee_id=employee_id
        )
        await invitations.invite_employees(session, [invited])
    async with world.database.begin() as session:
        pending = {one.employee_id: one.code for one in await pending_activation_codes(session, company.id)}
    return await mailed_token(world, email), pending[employee_id]


async def redeem(database: Database, token: str, code: str) -> UUID | None:
    async with database.begin() as session:
        try:
            redeemed = await invitations.redeem_invitation(session, token, NEW_PASSWORD, code, "it")
        except ActivationCodeWrong:
            await session.commit()  # as the edge does: the count stands
            raise
        return redeemed.employee_id


async def fail(world: World, token: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ActivationCodeWrong):
            await redeem(world.database, token, WRONG)


async def test_a_new_invitation_gives_no_new_tries(world: World) -> None:
    company = await world.company()
    person = await world.employee(company)
    await world.execute("UPDATE employee SET user_id = NULL WHERE id = :id", id=person.employee_id)
    token, _ = await invite(world, company, person.employee_id, "dora@example.com")
    await fail(world, token, 6)
    token, code = await invite(world, company, person.employee_id, "dora2@example.com")
    await fail(world, token, activation_codes.TRIES - 6)
    with pytest.raises(ActivationBlocked):
        await redeem(world.database, token, code)
    # neither an hour nor another invitation helps: the help desk does
    token, code = await invite(world, company, person.employee_id, "dora3@example.com")
    await world.execute("UPDATE activation_failure SET last_failed_at = last_failed_at - interval '1 year'")
    with pytest.raises(ActivationBlocked):
        await redeem(world.database, token, code)
    async with world.database.begin() as session:
        assert await activation_codes.forgive(session, company.id, person.employee_id) == 1
    spelt = f"{code[:4]} {code[4:8]}-{code[8:].lower()}"
    assert await redeem(world.database, token, spelt) == person.employee_id


async def test_a_company_has_tries_as_a_whole(world: World) -> None:
    company, other = await world.company(), await world.company()
    first, second = await world.employee(company), await world.employee(company)
    stranger = await world.employee(other)
    await world.execute("UPDATE employee SET user_id = NULL")
    async with world.work() as session:
        for _ in range(activation_codes.TRIES_PER_COMPANY):
            failed = {"employee_id": first.employee_id, "company_id": company.id, "now": clock.real()}
            await activation_codes.COUNT_FAILURE.run(session, **failed)
    token, code = await invite(world, company, second.employee_id, "dora@example.com")
    with pytest.raises(ActivationBlocked):
        await redeem(world.database, token, code)
    token, code = await invite(world, other, stranger.employee_id, "ezio@example.com")
    assert await redeem(world.database, token, code) == stranger.employee_id


def test_a_code_has_65_bits() -> None:
    codes = {activation_codes.new_code() for _ in range(100)}
    assert (len(codes), {len(code) for code in codes}) == (100, {13})
