"""Figures 4 and 10: a bulk grant over the same rows by hand, and an import with invitations followed by a grant.

On a database of its own that nobody has analysed: what a new installation does on its first day.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import httpx
import psycopg
from sqlalchemy.engine import make_url

from app import ids
from app.db import create_database
from app.sandbox import embedded_postgres
from tests.bench.stage import NOW, make_database, running_api, running_server
from tests.world import Party, World
from tests.world.given import PROGRAMME
from tests.world.people import fiscal_code

DATABASE = "granting"
EACH_CENTS = 250_00
PEOPLE = 2_000
MANY = 20_000
HEAD = "external_id,given_name,family_name,fiscal_code,category,hired_on,email\n"
BY_HAND: Sequence[LiteralString] = (
    (
        "UPDATE credit_grant SET status = 'active', approved_by = %(by)s, approved_at = %(at)s, activated_at = %(at)s,"
        " version = version + 1 WHERE id = %(grant)s"
    ),
    (
        "CREATE TEMP TABLE made ON COMMIT DROP AS SELECT gen_random_uuid() AS id, employee_id, amount_cents"
        " FROM grant_line WHERE grant_id = %(grant)s"
    ),
    "INSERT INTO ledger.account (id, kind, owner_id, created_at) SELECT id, 'lot', id, %(at)s FROM made",
    (
        "INSERT INTO lot (id, source_id, company_id, employee_id, grant_id, kind, amount_cents, valid_from, expires_on,"
        " created_at) SELECT made.id, g.programme_id, g.company_id, made.employee_id, g.id, 'grant', made.amount_cents,"
        " '2026-11-23', '2026-12-31', %(at)s FROM made, credit_grant g WHERE g.id = %(grant)s"
    ),
    (
        "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at,"
        " cause_id)"
        " SELECT gen_random_uuid(), company.account_id, made.id, made.amount_cents, 'granted', %(at)s, %(at)s, g.id"
        " FROM made, credit_grant g JOIN company ON company.organisation_id = g.company_id WHERE g.id = %(grant)s"
    ),
)
"""The rows of an approval, set-based and with every guard on."""


@dataclass(frozen=True)
class Granting:
    """What was measured, in seconds."""

    people: int
    many: int
    import_s: float
    draft_s: float
    approve_s: float
    hand_s: float
    many_draft_s: float
    many_approve_s: float

    @property
    def over_hand(self) -> float:
        return self.hand_s / self.approve_s

    @property
    def first_day_s(self) -> float:
        return self.import_s + self.draft_s + self.approve_s

    def lines(self) -> list[str]:
        return [
            (
                f"figure 4: approving a grant of {self.people} over hand {self.over_hand:.2f} (good 0.8, goal 0.9);"
                f" {self.people / self.approve_s:.0f} employees/s"
            ),
            (
                f"figure 4: {self.many} on a database nobody has analysed, drafted in {self.many_draft_s:.2f} s,"
                f" approved in {self.many_approve_s:.2f} s (good under 4 s, goal 2 s)"
            ),
            (
                f"figure 10: {self.people} imported with invitations in {self.import_s:.2f} s, drafted in"
                f" {self.draft_s:.2f} s, approved in {self.approve_s:.2f} s: {self.first_day_s:.2f} s"
                " (good 1 s, goal 0.8 s)"
            ),
        ]


class Office:
    """HR and its approver of one company, at the API."""

    def __init__(self, port: int, company: Party) -> None:
        base = f"http://127.0.0.1:{port}/v1/companies/{company.public_id}"
        self.client = httpx.Client(base_url=base, timeout=120)
        self.company = company

    def timed(self, path: str, role: str = "hr", **sent: Any) -> tuple[float, dict[str, Any]]:
        headers = self.company.headers[role] | {"Idempotency-Key": ids.new_id().hex} | sent.pop("headers", {})
        began = time.perf_counter()
        answer = self.client.post(path, headers=headers, **sent)
        took = time.perf_counter() - began
        assert answer.is_success, answer.text
        return took, answer.json()

    def bring_in(self, count: int) -> float:
        rows = (
            f"{n},Anna,Riva,{fiscal_code(n)},operai,2024-01-01,anna{n}@example.test\n"
            for n in range(1000, 1000 + count)
        )
        return self.timed("/employees/import", content=HEAD + "".join(rows), headers={"Content-Type": "text/csv"})[0]

    def draft(self, category: str) -> tuple[float, str]:
        programme = self.timed("/programmes", json=PROGRAMME | {"employee_category": category})[1]
        took, grant = self.timed("/grants", json={"programme_id": programme["id"], "each_cents": EACH_CENTS})
        return took, str(grant["id"])

    def approve(self, grant_id: str) -> float:
        took, grant = self.timed(f"/grants/{grant_id}/approve", "hr_approver")
        assert grant["status"] == "active", grant
        return took


async def measure_granting(
    server: embedded_postgres.Server, people: int = PEOPLE, many: int = MANY, repeat: int = 3
) -> Granting:
    """Import and grant on a fresh database; the best of some approvals in turn with the same by hand."""
    make_database(server, DATABASE)
    database = create_database(server.url(DATABASE, "beatrice_app"), pool_size=1)
    world = World(database)
    await world.operator()
    await world.set_now(NOW)
    company = await world.company()
    with running_api(server, DATABASE) as api:
        office = Office(api.port, company)
        await world.fund(company, EACH_CENTS * ((2 * repeat + 1) * people + many))
        import_s = office.bring_in(people)
        drafts, approvals, hands = [], [], []
        for _ in range(repeat):
            took, grant_id = office.draft("operai")
            drafts.append(took)
            approvals.append(office.approve(grant_id))
            hands.append(by_hand(server, company, office.draft("operai")[1]))
        await world.employments(company, many, category="tutti")
        many_draft_s, grant_id = office.draft("tutti")
        many_approve_s = office.approve(grant_id)
    await database.dispose()
    return Granting(people, many, import_s, drafts[0], min(approvals), min(hands), many_draft_s, many_approve_s)


def by_hand(server: embedded_postgres.Server, company: Party, grant_id: str) -> float:
    """Write the rows of an approval with hand-made statements; return the seconds."""
    url = make_url(server.url(DATABASE)).set(drivername="postgresql").render_as_string(hide_password=False)
    values = {"grant": ids.decode("grt", grant_id), "by": company.users["hr_approver"], "at": NOW}
    with psycopg.connect(url) as connection:
        began = time.perf_counter()
        for statement in BY_HAND:
            connection.execute(statement, values)
        connection.commit()
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--many", type=int, default=MANY)
    given = parser.parse_args()
    with running_server() as server:
        for line in asyncio.run(measure_granting(server, given.people, given.many)).lines():
            print(line)  # noqa: T201 - a command


if __name__ == "__main__":
    main()
