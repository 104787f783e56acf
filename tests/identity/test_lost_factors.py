"""Who lost device and recovery codes gets back in through two other people, or a day later; a code of hers ends it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from app import cli, ids
from tests.identity.conftest import NEW_PASSWORD, Login, log_in
from tests.identity.test_second_factor import Watch, enrol, factors, log_in_with, watch
from tests.people import mailed_token, snapshot
from tests.world import Party, World
from tests.world.given import PASSWORD

__all__ = ["watch"]
DAY = timedelta(hours=24)


class House:
    """A provider whose manager Anna lost her device; two administrators."""

    def __init__(self, party: Party, anna: Login, secret: str, admins: list[dict[str, str]]) -> None:
        self.party, self.anna, self.secret, self.admins = party, anna, secret, admins

    async def ask(self, client: httpx.AsyncClient, world: World, headers: dict[str, str]) -> httpx.Response:
        role = await world.scalar(
            "SELECT id FROM role_grant WHERE user_id = :user AND organisation_id = :id",
            user=self.anna.id,
            id=self.party.id,
        )
        url = f"/v1/organisations/{self.party.public_id}/members/{ids.encode('mem', role)}/remove_second_factor"
        return await client.post(url, headers=headers)


@pytest.fixture
async def house(client: httpx.AsyncClient, world: World, anna: Login, watch: Watch) -> House:
    party = await world.provider()
    await world.membership(anna.id, party.id, "manager")
    secret, _ = await enrol(client, anna, watch)
    admins = []
    for name in ("capo", "vice"):
        user_id, headers = await world.login(f"{name}@example.test")
        await world.membership(user_id, party.id, "admin")
        admins.append(headers)
    watch.now += timedelta(seconds=30)
    return House(party, anna, secret, admins)


async def reset(client: httpx.AsyncClient, world: World, email: str, password: str = NEW_PASSWORD) -> None:
    await client.post("/v1/auth/password_resets", json={"email": email})
    token = await mailed_token(world, email)
    done = await client.post(f"/v1/auth/password_resets/{token}/accept", json={"password": password})
    assert done.status_code == 204, done.text


async def state(world: World) -> list[list[Any]]:
    return [await snapshot(world, table) for table in ("second_factor", "second_factor_removal", "outgoing_mail")]


async def test_two_others_and_the_mailbox_open_the_way_back(
    client: httpx.AsyncClient, world: World, house: House
) -> None:
    asked = await house.ask(client, world, house.admins[0])
    assert (asked.status_code, asked.json()["status"]) == (200, "asked")
    assert asked.json()["effective_at"] == "2026-12-01T12:00:40Z"
    before = await state(world)
    again = await house.ask(client, world, house.admins[0])
    assert (again.status_code, again.json()["state"]) == (409, "asked")
    assert (await house.ask(client, world, house.anna.headers)).status_code == 403
    assert (await house.ask(client, world, house.party.headers["staff"])).status_code == 403
    assert await state(world) == before
    # Asked is not approved: a new password alone is no way around.
    await reset(client, world, house.anna.email)
    assert (await log_in(client, house.anna.email, NEW_PASSWORD)).json()["code"] == "second_factor_required"
    approved = await house.ask(client, world, house.admins[1])
    assert approved.json() == {**asked.json(), "status": "approved", "effective_at": "2026-11-30T12:00:40Z"}
    assert (await log_in(client, house.anna.email, NEW_PASSWORD)).json()["code"] == "second_factor_required"
    await reset(client, world, house.anna.email, "sei volpi nel bosco nero")
    assert (await log_in(client, house.anna.email, "sei volpi nel bosco nero")).status_code == 200
    assert (await factors(world), await snapshot(world, "second_factor_removal")) == ([], [])
    told = await world.execute(
        "SELECT recipient FROM outgoing_mail WHERE text LIKE '%ha chiesto%di togliere%' ORDER BY recipient"
    )
    managers = await world.scalar("SELECT email FROM user_account WHERE id = :id", id=house.party.users["manager"])
    assert {row.recipient for row in told} == {house.anna.email, "capo@example.test", "vice@example.test", managers}
    acts = await world.execute("SELECT action FROM audit_entry WHERE action LIKE 'second_factor.%remov%' ORDER BY id")
    assert [row.action for row in acts] == [
        "second_factor.ask_removal", "second_factor.approve_removal", "second_factor.remove_lost"
    ]  # fmt: skip


@pytest.mark.parametrize(("after", "status"), [(DAY - timedelta(seconds=1), 401), (DAY, 200), (15 * DAY, 401)])
async def test_a_day_does_for_the_second_person(
    client: httpx.AsyncClient, world: World, house: House, watch: Watch, after: timedelta, status: int
) -> None:
    await house.ask(client, world, house.admins[0])
    watch.now += after
    await reset(client, world, house.anna.email)
    assert (await log_in(client, house.anna.email, NEW_PASSWORD)).status_code == status


async def test_a_code_of_hers_ends_the_request(
    client: httpx.AsyncClient, world: World, house: House, watch: Watch
) -> None:
    await house.ask(client, world, house.admins[0])
    assert (await log_in_with(client, house.anna, watch.codes(house.secret, 0)[0])).status_code == 200
    assert await snapshot(world, "second_factor_removal") == []
    watch.now += DAY
    await reset(client, world, house.anna.email)
    assert (await log_in(client, house.anna.email, NEW_PASSWORD)).json()["code"] == "second_factor_required"


async def test_who_works_elsewhere_too_and_who_operates_are_not_theirs(
    client: httpx.AsyncClient, world: World, house: House
) -> None:
    operator = await world.operator()
    other = await world.provider(accredited=False)
    await world.membership(house.anna.id, other.id, "staff")
    before = await state(world)
    assert (await house.ask(client, world, house.admins[0])).status_code == 403
    assert await state(world) == before
    assert (await house.ask(client, world, operator.headers["operator"])).status_code == 200
    before = await state(world)
    # Once she is the operator's own, nobody reaches her by way of another organisation either.
    await world.membership(house.anna.id, operator.id, "finance")
    assert (await house.ask(client, world, operator.headers["operator"])).status_code == 403
    assert await state(world) == before
    colleagues = House(operator, house.anna, house.secret, [])
    ended = "UPDATE role_grant SET until_at = from_at WHERE user_id = :id AND organisation_id <> :operator"
    await world.execute(ended, id=house.anna.id, operator=operator.id)
    admin_id, admin = await world.login("prima@example.test")
    await world.membership(admin_id, operator.id, "admin")
    assert (await colleagues.ask(client, world, admin)).status_code == 403
    assert await state(world) == before


async def test_what_was_asked_ends_with_the_right_to_ask(client: httpx.AsyncClient, world: World, house: House) -> None:
    await house.ask(client, world, house.admins[0])
    url = f"/v1/organisations/{house.party.public_id}/members"
    listed = (await client.get(url, headers=house.admins[1])).json()["data"]
    capo = next(one["id"] for one in listed if one["email"] == "capo@example.test")
    assert (await client.post(f"{url}/{capo}/end", headers=house.admins[1])).status_code == 200
    assert await snapshot(world, "second_factor_removal") == []


async def test_the_database_wants_two_others_or_a_day(client: httpx.AsyncClient, world: World, house: House) -> None:
    await house.ask(client, world, house.admins[0])
    before = await state(world)
    for change, guard in (
        ("effective_at = requested_at", "second_factor_removal_waits"),
        ("approved_by = requested_by, effective_at = requested_at", "approved_by_a_third"),
        ("approved_by = user_id, effective_at = requested_at", "approved_by_a_third"),
    ):
        with pytest.raises(IntegrityError, match=guard):
            await world.execute(f"UPDATE second_factor_removal SET {change}")
    with pytest.raises(IntegrityError, match="second_factor_removal_by_another"):
        await world.execute(
            "INSERT INTO second_factor_removal (user_id, organisation_id, requested_by, requested_at, effective_at)"
            " SELECT requested_by, organisation_id, requested_by, requested_at, effective_at FROM second_factor_removal"
        )
    assert await state(world) == before


async def test_a_command_does_it_for_the_operators_own(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    await enrol(client, anna, watch)
    async with world.work() as session:
        await cli.remove_at_once(session, cli.SYSTEM, anna.id)
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 200
    told = await world.scalar(
        "SELECT text FROM outgoing_mail WHERE recipient = :to ORDER BY id DESC LIMIT 1", to=anna.email
    )
    assert "non chiede più un codice" in told
    acts = "SELECT actor_kind FROM audit_entry WHERE action = 'second_factor.remove_lost'"
    assert [tuple(row) for row in await world.execute(acts)] == [("system",)]
