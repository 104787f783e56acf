"""What the ledger refuses, by the name of the guard that refused it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import IntegrityError

from app.errors import AppError


class InsufficientFunds(AppError, status=409, code="insufficient_funds"):
    """The account does not have this much available."""


class HoldEnded(AppError, status=409, code="hold_ended"):
    """This reservation of money has already ended."""


class AlreadyReversed(AppError, status=409, code="already_reversed"):
    """This movement of money was already reversed."""


class Refused(Exception):
    """An instruction that no correct caller gives; `guard` names the constraint or rule."""

    def __init__(self, guard: str) -> None:
        super().__init__(f"the ledger refused an instruction: {guard}")
        self.guard = guard


CONFLICTS: dict[str, type[AppError]] = {
    "account_no_overdraft": InsufficientFunds,
    "hold_end_pkey": HoldEnded,
    "transfer_hold_id_key": HoldEnded,
    "transfer_reverses_id_key": AlreadyReversed,
}
"""Guards which two correct callers can meet by racing or spending; every other one is a mistake."""


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what a broken guard means; the transaction (or savepoint) is lost either way."""
    try:
        yield
    except IntegrityError as error:
        guard = error.orig.diag.constraint_name if isinstance(error.orig, psycopg.Error) else None
        if guard in CONFLICTS:
            raise CONFLICTS[guard] from error
        raise Refused(guard or "unnamed") from error
