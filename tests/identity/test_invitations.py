import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids, sealing
from app.db import Database
from app.errors import AppError, Invalid, RateLimited
from app.identity.errors import ActivationCodeWrong, InvalidCredentials, TokenInvalid
from app.identity.invitations import (
    EmployeeInvitation,
    Redeemed,
    invite_employees,
    invite_member,
    pending_activation_codes,
    redeem_invitation,
)
from app.organisations import members
from tests.identity.conftest import NEW_PASSWORD, Login
from tests.people import mailed_token
from tests.world import START, Party, World
from tests.world.given import PASSWORD

EMAIL = "carla@example.com"


@pytest.fixture
async def company(world: World) -> Party:
    return await world.company("Orobia Stampi")


async def employment(world: World, company: Party) -> UUID:
    (employee_id,) = await world.employments(company, 1)
    return employee_id


async def invite(world: World, company: Party, employee_id: UUID, email: str = EMAIL) -> str:
    """Invite as company routes do, with their database role; return the mailed token."""
    async with world.database.begin("beatrice_hr") as session:
        await invite_employees(session, [EmployeeInvitation(email, company.id, company.name, employee_id)])
    return await mailed_token(world, email.lower())


async def invite_to(world: World, party: Party, *roles: str, email: str = EMAIL) -> str:
    async with world.database.begin() as session:
        await invite_member(
            session,
            email=email,
            organisation_id=party.id,
            organisation_name=party.name,
            roles=roles,
            invited_by=party.users.get("manager"),
            locale="en",
        )
    return await mailed_token(world, email)


@asynccontextmanager
async def request(database: Database) -> AsyncIterator[AsyncSession]:
    """A unit of work that ends as a request does: errors that commit keep what was written."""
    async with database.session() as session:
        try:
            yield session
        except AppError as error:
            await (session.commit() if error.commits else session.rollback())
            raise
        await session.commit()


async def redeem(database: Database, token: str, password: str = PASSWORD, code: str | None = None) -> Redeemed:
    async with request(database) as session:
        await session.execute(text("SELECT set_config('role', 'beatrice_app', true)"))
        redeemed = await redeem_invitation(session, token, password, code, "it", address="192.0.2.7")
        if redeemed.roles:
            await members.admit(session, redeemed)
        return redeemed


async def stored(world: World) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for statement in (
        "SELECT id, email, password_hash, locale FROM user_account ORDER BY id",
        "SELECT id, user_id, organisation_id, role, granted_by FROM role_grant ORDER BY id",
        "SELECT id, ended_at, accepted_by FROM invitation ORDER BY id",
    ):
        rows += [tuple(row) for row in await world.execute(statement)]
    return rows


async def test_an_employee_gets_a_login_once(world: World, company: Party) -> None:
    employee_id = await employment(world, company)
    token = await invite(world, company, employee_id, "Carla@Example.com")
    assert await world.scalar("SELECT expires_at - created_at FROM invitation") == timedelta(days=14)
    redeemed = await redeem(world.database, token)
    assert redeemed == Redeemed(redeemed.user_id, company.id, employee_id, ())
    user = (await world.execute("SELECT email, locale FROM user_account WHERE id = :id", id=redeemed.user_id))[0]
    assert tuple(user) == (EMAIL, "it")
    ended = await world.execute("SELECT ended_at IS NULL AS open, accepted_by FROM invitation")
    assert [tuple(row) for row in ended] == [(False, redeemed.user_id)]
    audit = await world.execute("SELECT actor_id, organisation_id, action FROM audit_entry WHERE actor_kind = 'user'")
    assert [tuple(row) for row in audit] == [(redeemed.user_id, company.id, "invitation.accept")]
    before = await stored(world)
    with pytest.raises(TokenInvalid):
        await redeem(world.database, token)
    assert await stored(world) == before


async def test_mail_and_table_show_no_more_than_needed(world: World, company: Party) -> None:
    token = await invite(world, company, await employment(world, company))
    mail = (await world.execute("SELECT subject, text FROM outgoing_mail"))[0]
    assert mail.subject == "Il tuo invito a Beatrice"
    assert f"/invitations/{token}" in mail.text
    assert token not in str(await world.execute("SELECT * FROM invitation"))


async def test_a_new_invitation_replaces_the_pending_one(world: World, company: Party) -> None:
    employee_id = await employment(world, company)
    first = await invite(world, company, employee_id)
    second = await invite(world, company, employee_id, "new@example.com")
    with pytest.raises(TokenInvalid):
        await redeem(world.database, first)
    assert (await redeem(world.database, second)).employee_id == employee_id


@pytest.mark.parametrize("token", ["", "unknown", "è", "x" * 5000])
async def test_unknown_tokens(world: World, token: str) -> None:
    with pytest.raises(TokenInvalid):
        await redeem(world.database, token)


async def test_an_invitation_expires(world: World, company: Party) -> None:
    token = await invite(world, company, await employment(world, company))
    await world.execute("UPDATE invitation SET expires_at = :now", now=clock.real())
    before = await stored(world)
    with pytest.raises(TokenInvalid):
        await redeem(world.database, token)
    assert await stored(world) == before


async def test_a_new_password_follows_the_rules(world: World, company: Party) -> None:
    token = await invite(world, company, await employment(world, company))
    before = await stored(world)
    with pytest.raises(Invalid):
        await redeem(world.database, token, "short")
    assert await stored(world) == before
    await redeem(world.database, token)


async def test_an_existing_login_is_linked_by_its_own_password_only(world: World, company: Party, anna: Login) -> None:
    employee_id = await employment(world, company)
    token = await invite(world, company, employee_id, anna.email)
    before = await stored(world)
    with pytest.raises(InvalidCredentials):
        await redeem(world.database, token, NEW_PASSWORD)
    assert await stored(world) == before
    assert [row.attempts for row in await world.execute("SELECT attempts FROM attempt_count")] == [1, 1, 1]
    assert await redeem(world.database, token) == Redeemed(anna.id, company.id, employee_id, ())
    assert await world.scalar("SELECT count(*) FROM user_account WHERE email = :email", email=anna.email) == 1


@pytest.mark.usefixtures("few_tries")
async def test_guessing_a_password_by_invitation_is_limited(world: World, company: Party, anna: Login) -> None:
    token = await invite(world, company, await employment(world, company), anna.email)
    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await redeem(world.database, token, "wrong")
    with pytest.raises(RateLimited):
        await redeem(world.database, token)


async def test_members_get_their_roles(world: World, anna: Login) -> None:
    party = await world.provider()
    token = await invite_to(world, party, "staff", "manager", "staff", email=anna.email)
    subject = await world.scalar("SELECT subject FROM outgoing_mail")
    assert subject == "Una nuova organizzazione nel tuo accesso Beatrice"
    await world.membership(anna.id, party.id, "staff")
    redeemed = await redeem(world.database, token)
    assert redeemed == Redeemed(anna.id, party.id, None, ("manager", "staff"), party.users["manager"])
    roles = await world.execute("SELECT role FROM role_grant WHERE user_id = :id ORDER BY role", id=anna.id)
    assert [row.role for row in roles] == ["manager", "staff"]


async def test_a_new_member_gets_a_login_and_the_newest_offer_counts(world: World) -> None:
    party = await world.provider()
    first = await invite_to(world, party, "manager")
    second = await invite_to(world, party, "staff")
    with pytest.raises(TokenInvalid):
        await redeem(world.database, first)
    redeemed = await redeem(world.database, second)
    roles = await world.execute("SELECT role FROM role_grant WHERE user_id = :id", id=redeemed.user_id)
    assert [row.role for row in roles] == ["staff"]


async def test_many_at_once(world: World, company: Party) -> None:
    employees = [await employment(world, company) for _ in range(3)]
    await invite(world, company, employees[0])
    async with world.database.begin("beatrice_hr") as session:
        await invite_employees(session, [])
        await invite_employees(
            session,
            [
                EmployeeInvitation(f"person{n}@example.com", company.id, company.name, employee_id)
                for n, employee_id in enumerate(employees)
            ],
        )
    assert await world.scalar("SELECT count(*) FROM invitation WHERE ended_at IS NULL") == 3
    for n, employee_id in enumerate(employees):
        token = await mailed_token(world, f"person{n}@example.com")
        assert (await redeem(world.database, token)).employee_id == employee_id


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT email FROM user_account",
        "SELECT password_hash FROM user_account",
        "SELECT token_hash FROM session_token",
        "SELECT token_hash FROM invitation",
        "SELECT sealed_activation_code FROM invitation",
        "SELECT accepted_by FROM invitation",
        "UPDATE invitation SET email = 'hr@example.com'",
        "UPDATE user_account SET email = 'hr@example.com'",
        # Attack
        "INSERT INTO password_reset (token_hash) VALUES ('')",
        "SELECT text FROM outgoing_mail",
        "SELECT user_id FROM role_grant",
        "SELECT token_hash FROM api_key",
        "SELECT tax_code FROM organisation",
        "SELECT iban FROM bank_account",
        "SELECT 1 FROM accreditation",
        "SELECT 1 FROM alliance_membership",
        "SELECT 1 FROM event",
        "SELECT 1 FROM audit_entry",
        "SELECT sealed_answer FROM idempotency_key",
        "SELECT args FROM procrastinate_jobs",
    ],
)
async def test_company_routes_cannot_read_or_take_a_login(world: World, statement: str) -> None:
    async with world.database.session() as session:
        await session.execute(text("SELECT set_config('role', 'beatrice_hr', true)"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            await session.execute(text(statement))
        await session.rollback()


INVITE = (
    # Attack
    "INSERT INTO invitation (id, token_hash, email, organisation_id, employee_id, roles, created_at, expires_at)"
    " VALUES (:id, :hash, 'hr@example.com', :organisation, :employee, :roles, :at, :at)"
)


@pytest.mark.parametrize(
    "kind", ["roles at a provider", "roles at home", "an employee with roles", "another's employee"]
)
async def test_company_routes_invite_nobody_but_their_employees(world: World, company: Party, kind: str) -> None:
    provider = await world.provider()
    other = await world.company()
    employee = None
    organisation, roles = provider.id, ["manager"]
    if kind == "roles at home":
        organisation = company.id
    if kind == "an employee with roles":
        organisation, employee = company.id, await employment(world, company)
    if kind == "another's employee":
        organisation, employee, roles = company.id, await employment(world, other), []
    before = await stored(world)
    values = {"id": ids.new_id(), "hash": b"x" * 32, "organisation": organisation, "employee": employee, "at": START}
    async with world.database.session() as session:
        await session.execute(text("SELECT set_config('role', 'beatrice_hr', true)"))
        with pytest.raises(DBAPIError, match=r"invites employees only|employee_or_roles|employee_id_fkey"):
            await session.execute(text(INVITE), {**values, "roles": roles})
        await session.rollback()
    assert await stored(world) == before


@pytest.mark.usefixtures("production")
async def test_outside_the_sandbox_an_employment_needs_the_letters_code(world: World, company: Party) -> None:
    employee_id = await employment(world, company)
    token = await invite(world, company, employee_id)
    async with world.database.begin() as session:
        [pending] = await pending_activation_codes(session, company.id)
        assert await pending_activation_codes(session, ids.new_id()) == []
    assert pending.employee_id == employee_id
    assert re.fullmatch("[A-Z2-7]{13}", pending.code)
    mail = await world.scalar("SELECT text FROM outgoing_mail")
    assert pending.code not in mail
    before = await stored(world)
    for code in (None, "", pending.code[::-1], pending.code[:12], "١٢٣٤٥٦٧٨"):
        with pytest.raises(ActivationCodeWrong):
            await redeem(world.database, token, code=code)
    assert await stored(world) == before
    assert (await redeem(world.database, token, code=pending.code)).employee_id == employee_id
    async with world.database.begin() as session:
        assert await pending_activation_codes(session, company.id) == []


@pytest.mark.usefixtures("production")
async def test_members_need_no_code(world: World) -> None:
    token = await invite_to(world, await world.provider(), "staff")
    assert (await redeem(world.database, token)).roles == ("staff",)


async def test_a_code_is_sealed_for_its_own_invitation(world: World, company: Party) -> None:
    sealed = sealing.encrypt("activation_code", b"12345678", ids.new_id().bytes)
    assert b"12345678" not in sealed
    await invite(world, company, await employment(world, company))
    assert await world.scalar("SELECT sealed_activation_code FROM invitation") is None


async def test_one_link_opened_many_times_at_once_makes_one_login(fresh_database: Database, fresh_world: World) -> None:
    company = await fresh_world.company()
    token = await invite(fresh_world, company, await employment(fresh_world, company))
    results = await asyncio.gather(*(redeem(fresh_database, token) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, Redeemed) for result in results) == 1
    assert {type(result) for result in results} <= {Redeemed, TokenInvalid, InvalidCredentials}
    count = "SELECT count(*) FROM user_account WHERE email = :email"
    assert await fresh_world.scalar(count, email=EMAIL) == 1
