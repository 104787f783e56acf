"""Two at once, on real commits."""

import asyncio

import httpx

from tests.world import World

ANNAS = "anna@example.com"


async def test_of_changes_to_one_version_one_is_made(fresh_client: httpx.AsyncClient, fresh_world: World) -> None:
    operator, party = await fresh_world.operator(), await fresh_world.provider()
    url = f"/v1/operator/organisations/{party.public_id}"
    headers = dict(operator.headers["operator"])
    for attempt in range(1, 6):
        headers["If-Match"] = f'"{attempt}"'
        names = [f"Nome {attempt} {number}" for number in range(3)]
        answers = await asyncio.gather(
            *[fresh_client.patch(url, json={"name": name}, headers=headers) for name in names]
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
        stored = [answer.json()["name"] for answer in answers if answer.status_code == 200]
        assert await fresh_world.execute("SELECT name, version FROM organisation WHERE id = :id", id=party.id) == [
            (stored[0], attempt + 1)
        ]


async def test_two_administrators_cannot_both_be_the_last_to_go(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    party = await fresh_world.organisation(["provider"], ("manager", "admin"))
    url = f"/v1/organisations/{party.public_id}/members"
    listed = (await fresh_client.get(url, headers=party.headers["admin"])).json()["data"]
    answers = await asyncio.gather(
        *[fresh_client.post(f"{url}/{one['id']}/end", headers=party.headers[one["role"]]) for one in listed]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await fresh_world.execute("SELECT 1 FROM role_grant WHERE until_at IS NULL")) == 1
