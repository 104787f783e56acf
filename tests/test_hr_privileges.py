"""All that the database role of company routes may do, by name: what is added must be added here, and argued for."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Cluster

EMPLOYEE = (
    "agreement_code category contract contract_ends_on email ended_noted_at ended_on external_id family_name"
    " fiscal_code_index given_name hired_on probation_ends_on sealed_fiscal_code unpaid_leave"
)
READABLE = {
    "agreement_line": "*",
    "attempt_count": "*",
    "clock_offset": "*",
    "company": "*",
    "company_return": "*",
    "credit_grant": "*",
    "credit_source": "*",
    "employee": "*",
    "grant_line": "*",
    "grant_revocation": "*",
    "invitation": "employee_id ended_at id organisation_id",
    "municipality": "*",
    "organisation": "id name",
    "procrastinate_jobs": "id",
    "programme": "*",
    "revoked_line": "*",
    "top_up": "*",
}
INSERTABLE = {
    "attempt_count": "*",
    "credit_grant": "*",
    "credit_source": "*",
    "employee": f"company_id created_at id {EMPLOYEE}",
    "grant_line": "*",
    "grant_revocation": "*",
    "idempotency_key": "*",
    "invitation": "*",
    "ledger.account": "created_at id kind owner_id",
    "ledger.transfer": "amount_cents cause_id created_at event_at from_account_id id reason to_account_id",
    "lot": "*",
    "outgoing_mail": "*",
    "procrastinate_events": "*",
    "procrastinate_jobs": "*",
    "programme": "*",
    "revoked_line": "*",
    "top_up": "*",
}
CHANGEABLE = {
    "attempt_count": "*",
    "credit_grant": "*",
    "credit_source": "*",
    # What HR changed is dated for whoever reads the list again: nobody else writes that column.
    "employee": f"{EMPLOYEE} updated_at version",
    "grant_revocation": "approved_at approved_by withdrawn_at",
    "invitation": "ended_at",
    "programme": "*",
    # To take back what was announced: the guard lets it do nothing else.
    "top_up": "resolved_at resolved_by status",
}
FUNCTIONS = {
    "amounts_identify",
    "extend_lots",
    "is_employed",
    "is_returns_day",
    "least_line_cents",
    "least_people",
    "ledger.company_balance",
    "may_return_to_company",
    "midnight_of",
    "open_request",
    "operator_name",
    "person_behind",
    "plain_text",
    "quarter_of",
    "record_act",
    "record_event",
    "refuse_credit",
    "returns_day",
    "revoke_lots",
}


@pytest.fixture(scope="module")
def catalogue(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    with cluster.admin(cluster.template) as connection:
        yield connection


def powers(catalogue: psycopg.Connection[Any], power: str) -> dict[str, str]:
    """The columns by table, `*` for all, in every schema of ours."""
    found = catalogue.execute(
        """
        SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname,
            CASE WHEN bool_and(has_column_privilege('beatrice_hr', c.oid, a.attnum, %(power)s)) THEN '*'
                ELSE string_agg(a.attname, ' ' ORDER BY a.attname COLLATE "C")
                    FILTER (WHERE has_column_privilege('beatrice_hr', c.oid, a.attnum, %(power)s)) END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname IN ('public', 'ledger', 'care') AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
        GROUP BY 1
        HAVING bool_or(has_column_privilege('beatrice_hr', c.oid, a.attnum, %(power)s))
        """,
        {"power": power},
    )
    return dict(found.fetchall())


@pytest.mark.parametrize(
    ("power", "allowed"), [("SELECT", READABLE), ("INSERT", INSERTABLE), ("UPDATE", CHANGEABLE), ("REFERENCES", {})]
)
def test_hr_touches_these_columns_and_no_others(
    catalogue: psycopg.Connection[Any], power: str, allowed: dict[str, str]
) -> None:
    by_name = {table: " ".join(sorted(columns.split())) for table, columns in allowed.items()}
    assert powers(catalogue, power) == by_name


@pytest.mark.parametrize("power", ["DELETE", "TRUNCATE", "TRIGGER"])
def test_hr_removes_nothing(catalogue: psycopg.Connection[Any], power: str) -> None:
    found = catalogue.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('public', 'ledger', 'care') AND c.relkind IN ('r', 'v', 'm', 'p')"
        " AND has_table_privilege('beatrice_hr', c.oid, %s)",
        (power,),
    )
    assert found.fetchall() == []


def test_hr_calls_these_functions_and_no_others(catalogue: psycopg.Connection[Any]) -> None:
    """Those of extensions and of the queue are their makers', and work with HR's own rights."""
    found = catalogue.execute(
        "SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || p.proname, p.prosecdef"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname IN ('public', 'ledger', 'care') AND p.prorettype <> 'trigger'::regtype"
        " AND has_function_privilege('beatrice_hr', p.oid, 'EXECUTE')"
        " AND has_schema_privilege('beatrice_hr', n.oid, 'USAGE')"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    ).fetchall()
    assert {name for name, _ in found if not name.startswith("procrastinate_")} == FUNCTIONS
    assert [name for name, definer in found if definer and name.startswith("procrastinate_")] == []
