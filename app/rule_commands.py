"""The commands `beatrice rules`: reading the rows of law, and signing them off."""

import sys
from datetime import datetime
from typing import Annotated

import structlog
import typer
from rich.console import Console

from app import clock
from app.actor import Locale
from app.command_line import err, out, told
from app.config import settings
from app.rules import signatures
from app.rules.book import book_in_force, signature_file
from app.rules.table import rows_on, sheet

log = structlog.get_logger()
rules = typer.Typer(help="The rules of law as dated data.", no_args_is_help=True)
PRINTED_WIDTH = 160


@rules.command("show")
@told
def show(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day; today if left out.")
    ] = None,
    language: Annotated[Locale, typer.Option("--language", help="The language of the table.")] = "it",
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Only rows that nobody signed.")] = False,  # noqa: FBT002
    names: Annotated[bool, typer.Option("--names", help="Only what `sign-off` takes, one row a line.")] = False,  # noqa: FBT002
) -> None:
    """Print every row of law that holds on a day: what it says, since when, its status, sign-off and citation."""
    book, day = book_in_force(), on.date() if on else clock.today()
    rows = rows_on(book, day, unsigned_only=unsigned)
    if names:
        sys.stdout.writelines(f"{signatures.named(row)}\n" for row in rows)
        return
    width = None if sys.stdout.isatty() else PRINTED_WIDTH
    Console(file=sys.stdout, width=width, highlight=False).print(sheet(book, rows, language))


@rules.command("sign-off")
@told
def sign_off(
    names: Annotated[list[str], typer.Argument(help="The rows, as `beatrice rules show --names` prints them.")],
    by: Annotated[str, typer.Option("--by", help="Who answers for them: shown to everybody.")],
) -> None:
    """Record that an adviser answers for rows as they were read; one that was changed since is refused."""
    made = signatures.made(names, book_in_force().rows(), by, clock.day_of(clock.real()))
    signatures.append(signature_file(), made)
    out.print(f"{made[0].by} signed {len(made)} rows off in {signature_file()}.", soft_wrap=True, markup=False)
    out.print("What serves reads it when it starts: start it again.")


def tell_unsigned() -> None:
    """Say before serving which rows of today nobody signed: production lets them decide nothing."""
    unsigned = book_in_force().unsigned_on(clock.today())
    if settings().sandbox or not unsigned:
        return
    log.warning("rules_not_signed", count=len(unsigned))
    said = [f"Nobody has signed {len(unsigned)} rows of law that hold today; credit pays nothing that rests on them:"]
    said += [f"  {row.id}" for row in unsigned]
    said.append("An adviser reads them with `beatrice rules show` and signs them with `beatrice rules sign-off`.")
    err.print("\n".join(said), soft_wrap=True, markup=False)
