"""How every command answers: where it writes, and how it says what went wrong."""

import signal
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import NoReturn, ParamSpec

import psycopg
import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.console import Console
from sqlalchemy.exc import OperationalError

import migrations
from app.portal.boundaries import BoundaryFileError
from app.rules.book import RuleDataError
from app.rules.signatures import SignatureError
from app.serving import Refused
from migrations.roles import RolesMissingError

FORESEEN = (
    Refused,
    RolesMissingError,
    migrations.UnknownHistoryError,
    RuleDataError,
    SignatureError,
    BoundaryFileError,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
P = ParamSpec("P")


def told(function: Callable[P, None]) -> Callable[P, None]:
    """Let a command's foreseeable failures be a message and exit code 1, never a traceback."""

    @wraps(function)
    def guarded(*arguments: P.args, **options: P.kwargs) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        try:
            function(*arguments, **options)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
        except FORESEEN as error:
            fail(str(error))
        except ValidationError as error:
            fail("\n".join(_setting(item) for item in error.errors(include_input=False, include_url=False)))
        except (psycopg.OperationalError, OperationalError) as error:
            cause = getattr(error, "orig", error)
            if isinstance(cause, psycopg.errors.LockNotAvailable):
                fail("A table is in use: run the command again.")
            fail(f"The database cannot be reached: {str(cause).splitlines()[0]}")

    return guarded


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def fail(message: str) -> NoReturn:
    """End the command with a message and exit code 1."""
    err.print(message, soft_wrap=True, markup=False)
    raise typer.Exit(1)


def _setting(item: ErrorDetails) -> str:
    name = ".".join(str(part) for part in item["loc"])
    prefix = "" if not name or name.isupper() else "BEATRICE_"
    return f"{prefix}{name.upper()}: {item['msg']}" if name else str(item["msg"])
