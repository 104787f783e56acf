"""Two at once, on real commits."""

import asyncio

import httpx

from tests.employees.test_import import file, row, send
from tests.people import accept, employees_url, hire, mailed_token, snapshot
from tests.world import World
from tests.world.people import fiscal_code

ANNAS = "anna@example.com"


async def test_two_equal_files_create_once(fresh_client: httpx.AsyncClient, fresh_world: World) -> None:
    company = await fresh_world.company()
    content = file(*[row(number) for number in range(50)])
    answers = await asyncio.gather(*[send(fresh_client, company, content) for _ in range(3)])
    assert sorted(answer.json()["created"] for answer in answers) == [0, 0, 50]
    assert sorted(answer.json()["unchanged"] for answer in answers) == [0, 50, 50]
    assert len(await snapshot(fresh_world)) == 50


async def test_an_invitation_is_accepted_once_while_hr_changes_the_address(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    company = await fresh_world.company()
    employee = await hire(fresh_client, company, email=ANNAS)
    token = await mailed_token(fresh_world, ANNAS)
    address = employees_url(company, f"/{employee['id']}")
    accepted, again, changed, invited = await asyncio.gather(
        accept(fresh_client, token),
        accept(fresh_client, token),
        fresh_client.patch(
            address, json={"email": "hr@example.com"}, headers={**company.headers["hr"], "If-Match": '"1"'}
        ),
        fresh_client.post(f"{address}/invite", headers=company.headers["hr"]),
    )
    statuses = sorted((accepted.status_code, again.status_code))
    assert statuses in ([200, 404], [200, 409], [404, 404])
    assert changed.status_code in {200, 409, 412}
    assert invited.status_code in {200, 409}
    linked, email = (await fresh_world.execute("SELECT user_id, email FROM employee"))[0]
    if statuses == [404, 404]:
        assert (linked, email) == (None, "hr@example.com" if changed.status_code == 200 else ANNAS)
    else:
        assert linked is not None
        assert email is None
        assert changed.status_code != 200
    people = await fresh_world.execute("SELECT count(*) FROM care.beneficiary")
    assert people == [(0 if linked is None else 1,)]


async def test_many_invited_again_twice_at_once_have_one_link_each(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    await fresh_world.operator()
    company = await fresh_world.company()
    named = []
    for number in range(6):
        given = {"fiscal_code": fiscal_code(number), "email": f"person{number}@example.com"}
        named.append((await hire(fresh_client, company, **given))["id"])
    path, headers = employees_url(company, "/invite"), company.headers["hr"]
    orders = [named, named[::-1], named[:3]]
    answers = await asyncio.gather(
        *(fresh_client.post(path, json={"employee_ids": order}, headers=headers) for order in orders)
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert all(result["invited"] for answer in answers for result in answer.json()["results"])
    live = "SELECT employee_id FROM invitation WHERE ended_at IS NULL AND employee_id IS NOT NULL"
    assert len(await fresh_world.execute(live)) == len(named)
