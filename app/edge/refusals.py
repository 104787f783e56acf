"""What a refusal of the database means in public: the constraint's own error, else by class of SQLSTATE."""

import structlog
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import AppError, Busy, Conflict, InternalError, Invalid, NotFound, error_classes

log = structlog.get_logger()
RETRYABLE = (pg.SerializationFailure, pg.DeadlockDetected, pg.LockNotAvailable)
UNAVAILABLE = (
    pg.QueryCanceled,
    pg.IdleInTransactionSessionTimeout,
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.TooManyConnections,
    pg.DiskFull,
)


def constraint_name(error: BaseException) -> str | None:
    """Return the constraint a database refusal names."""
    original = getattr(error, "orig", error)
    return original.diag.constraint_name if isinstance(original, pg.Error) else None


def retryable(error: DBAPIError) -> bool:
    return isinstance(error.orig, RETRYABLE)


def from_database(error: Exception) -> AppError:
    """Translate a database refusal; what nobody foresaw is InternalError and logged without values."""
    name = constraint_name(error)
    if name is not None:
        for candidate in error_classes():
            if name in candidate.constraints:
                return candidate()
    original = getattr(error, "orig", error)
    if isinstance(error, PoolTimeout) or isinstance(original, UNAVAILABLE + RETRYABLE):
        return Busy()
    for kind, refusal in (
        (pg.ForeignKeyViolation, NotFound()),
        (pg.IntegrityError, Conflict()),
        (pg.DataError, Invalid("", "unacceptable_value", "a value cannot be stored")),
        (pg.OperationalError, Busy()),
    ):
        if isinstance(original, kind):
            log.warning("database_refusal", sqlstate=getattr(original, "sqlstate", None), constraint=name)
            return refusal
    log.error("database_error", sqlstate=getattr(original, "sqlstate", None), error_class=type(original).__name__)
    return InternalError()
