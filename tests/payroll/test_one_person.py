"""HR and payroll on one login: the staff is told once, by a mail that names nobody, and may read why."""

import httpx

from app.db import Database
from app.jobs import run_sweeps
from app.payroll.jobs import SWEEPS
from tests.world import Caller, World

REASON = "La collega delle paghe è in congedo fino a giugno."
MAILS = "SELECT recipient, text FROM outgoing_mail WHERE subject LIKE '%segue personale e paghe'"


async def test_the_staff_is_told_once_and_reads_why(
    fresh_world: World, fresh_worker: Database, fresh_client: httpx.AsyncClient
) -> None:
    world, client = fresh_world, fresh_client
    company, other = await world.company("Orobia Stampi"), await world.company()
    anna, elsewhere = await world.employee(company), await world.employee(other)
    assert await run_sweeps(fresh_worker, SWEEPS) == {}
    await world.membership(company.users["hr"], company.id, "payroll", REASON)
    assert await run_sweeps(fresh_worker, SWEEPS) == {"payroll.tell_staff": 1}
    assert await run_sweeps(fresh_worker, SWEEPS) == {}
    (mail,) = await world.execute(MAILS)
    email = await world.scalar("SELECT email FROM user_account WHERE id = :id", id=anna.user_id)
    assert (mail.recipient, REASON in mail.text, "/me/payroll_access" in mail.text) == (email, False, True)
    (mine,) = (await Caller(client, anna.headers).get("/me/payroll_access"))["employers"]
    assert (mine["company_name"], mine["reason"], mine["since"] is None) == ("Orobia Stampi", REASON, False)
    (theirs,) = (await Caller(client, elsewhere.headers).get("/me/payroll_access"))["employers"]
    assert (theirs["since"], theirs["reason"]) == (None, None)
    ended = "UPDATE role_grant SET until_at = granted_at WHERE role = 'payroll' AND reason = :reason"
    await world.execute(ended, reason=REASON)
    (over,) = (await Caller(client, anna.headers).get("/me/payroll_access"))["employers"]
    assert (over["since"], over["reason"]) == (None, None)
