"""A22: nothing that HR obtains names a lot, in a body, in a cursor or in SQL; no client's own word comes back."""

import base64

import httpx
from sqlalchemy import text

from tests.credit.stage import Stage
from tests.grants.desk import Desk


async def test_no_lot_stands_in_a_cursor(fresh_client: httpx.AsyncClient, fresh_stage: Stage) -> None:
    world, desk = fresh_stage.world, Desk(fresh_client, fresh_stage.company)
    await world.employments(desk.company, 3, category="impiegati")
    programme_id = await desk.programme(employee_category="impiegati")
    drafted = await desk.grant(programme_id, each_cents=100_00)
    assert (await desk.approve(drafted["id"])).json()["status"] == "active"
    seen, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = (await desk.get(f"/grants/{drafted['id']}/lines", limit=1, **more)).json()
        seen += [line["employee_id"] for line in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        opened = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        for row in await world.execute("SELECT id, employee_id FROM lot"):
            for hidden in (row.id, row.employee_id):
                assert hidden.bytes not in opened
                assert str(hidden).encode() not in opened
    assert seen == sorted(set(seen))
    assert len(seen) == 3


async def test_hr_in_sql_reads_no_lot_of_a_line(stage: Stage) -> None:
    await stage.lot(100_00)
    async with stage.database.begin("beatrice_hr") as session:
        columns = (await session.execute(text("SELECT * FROM grant_line"))).keys()
    assert set(columns) == {"grant_id", "employee_id", "company_id", "amount_cents"}


async def test_an_unknown_field_is_not_repeated(desk: Desk) -> None:
    for body, pointer in (
        ({"amount_cents": 100, "RGGPLA90M09A533B": 1}, "/?"),
        ({"RGGPLA90M09A533B": 1}, "/?"),
    ):
        refused = await desk.post("/top_ups", body)
        assert refused.status_code == 422
        assert pointer in [error["pointer"] for error in refused.json()["errors"]]
        assert "RGGPLA90M09A533B" not in refused.text
