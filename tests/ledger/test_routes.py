"""Every way that money goes is named with its reason: the application can make no other, least of all to the bank."""

from itertools import product
from typing import Any

import psycopg
import pytest

from app.ids import new_id
from app.ledger.models import KINDS
from tests.conftest import Cluster

AT = "2026-11-23T08:00:00Z"
TO_THE_BANK = ("provider_earned", "provider_payable", "provider_in_transit")
SEND = (
    "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)"
    " SELECT %s, payer.id, payee.id, 100, %s, %s, %s FROM ledger.account payer, ledger.account payee"
    " WHERE (payer.kind, payer.owner_id) = (%s, %s) AND (payee.kind, payee.owner_id) = (%s, %s)"
)


@pytest.fixture
def routes(cluster: Cluster, shared_database_name: str) -> Any:
    """As the application, with an account of each kind for two owners; and what the database names."""
    with cluster.admin(shared_database_name) as connection:
        connection.autocommit = False
        named = connection.execute("SELECT reason, from_kind, to_kind, how, within FROM ledger.route").fetchall()
        connection.execute("SET LOCAL ROLE beatrice_app")
        owners = (new_id(), new_id())
        for kind, owner in product(KINDS, owners):
            opened = "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (%s, %s, %s, %s)"
            connection.execute(opened, [new_id(), kind, owner, AT])
        yield connection, owners, named
        connection.rollback()


def refused(connection: psycopg.Connection[Any], *values: object) -> str | None:
    """Try a transfer, and take it back; return the guard that refused it."""
    connection.execute("SAVEPOINT before")
    try:
        connection.execute(SEND, [new_id(), values[0], AT, AT, *values[1:]])
    except psycopg.Error as error:
        return error.diag.constraint_name
    finally:
        connection.execute("ROLLBACK TO before")
    return None


def test_of_all_ways_to_a_provider_and_the_bank_only_these_are_open(routes: Any) -> None:
    """Attack: credit, fees, the fund or another provider's money, called by any reason that there is."""
    connection, (mine, _), named = routes
    reasons = sorted({reason for reason, *_ in named} | {"gift"})
    ways = product(reasons, KINDS, TO_THE_BANK)
    found = {way for way in ways if way[1] != way[2] and refused(connection, *way[:2], mine, way[2], mine) is None}
    assert found == {
        ("completed", "provider_earned", "provider_payable"),
        ("fee_payable", "provider_earned", "provider_payable"),
        ("adjusted", "provider_payable", "provider_earned"),
        ("payout", "provider_payable", "provider_in_transit"),
    }


def test_what_a_provider_is_owed_is_not_moved_to_another(routes: Any) -> None:
    connection, (mine, other), named = routes
    within = [(reason, source, target) for reason, source, target, _, within in named if within]
    assert len(within) == 5
    for reason, source, target in within:
        assert refused(connection, reason, source, mine, target, other) == "transfer_route"


def test_a_capture_or_a_reversal_is_no_plain_transfer(routes: Any) -> None:
    connection, (mine, _), named = routes
    plain = {(reason, source, target) for reason, source, target, how, _ in named if how == "plain"}
    others = {(reason, source, target) for reason, source, target, how, _ in named if how != "plain"}
    assert (len(plain), len(others), plain & others) == (17, 8, set())
    for reason, source, target in others:
        if source != target:
            assert refused(connection, reason, source, mine, target, mine) == "transfer_route"


def test_nobody_but_the_owner_names_ways(routes: Any) -> None:
    connection, *_ = routes
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT FROM ledger.route")
