"""The rows of one day as tables of text, for the adviser who reads and signs them off."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby

from rich.console import Group
from rich.table import Table
from rich.text import Text as Plain

from app.actor import Locale
from app.rules.book import RuleBook
from app.rules.reasons import Text
from app.rules.rows import Cover, Row
from app.rules.words import category_name, day_text, said, title

SUBJECTS = {
    "rule": Text("Regole: per chi e come pagano", "Rules: for whom and how they pay"),
    "relation": Text("Familiari", "Relatives"),
    "limit": Text("Limiti, giorni e aliquote", "Limits, days and rates"),
    "agreement": Text("Contratti collettivi", "Collective agreements"),
    "category": Text("Servizi, e le regole che possono pagarli", "Care, and the rules that may pay for it"),
}
COLUMNS = (
    Text("riga", "row"),
    Text("che cosa dice", "what it says"),
    Text("vale", "holds"),
    Text("stato e firma", "status and sign-off"),
    Text("norma e fonte", "law and source"),
)
STATUS = {"confirmed": Text("confermata", "confirmed"), "unconfirmed": Text("DA CONFERMARE", "UNCONFIRMED")}


def rows_on(book: RuleBook, on: date, *, unsigned_only: bool = False) -> list[Row]:
    """The rows that hold on a day, or those of them that nobody signed."""
    return [row for row in book.rows() if row.holds(on) and not (unsigned_only and row.signed)]


def sheet(book: RuleBook, rows: list[Row], locale: Locale) -> Group:
    """Return rows as one table per subject, and which signatures hold no more."""
    tables: list[Table | Plain] = []
    for subject, of_subject in groupby(rows, key=lambda row: row.subject):
        table = Table(title=SUBJECTS[subject].in_locale(locale), title_justify="left", show_lines=True, expand=True)
        for column, ratio in zip(COLUMNS, (4, 5, 2, 3, 5), strict=True):
            table.add_column(column.in_locale(locale), ratio=ratio, overflow="fold")
        for row in of_subject:
            table.add_row(*(Plain(cell.in_locale(locale)) for cell in _cells(book, row)))
        tables.append(table)
    return Group(*tables, *(Plain(text.in_locale(locale)) for text in _lapsed(book)))


def _cells(book: RuleBook, row: Row) -> tuple[Text, ...]:
    about = title(row)
    if isinstance(row, Cover):
        names = {category.code: category_name(category) for category in book.categories}
        about = names[row.category] + Text(" — ", " — ") + about
    start, until = day_text(row.valid_from), row.valid_to and day_text(row.valid_to)
    holds = Text(f"dal {start.it}", f"from {start.en}")
    source = Text(f"\nfonte: {row.source}", f"\nsource: {row.source}")
    return (
        Text(row.id, row.id),
        about + Text("\n", "\n") + said(row),
        holds + Text(f" al {until.it}", f" to {until.en}") if until else holds,
        STATUS[row.status] + Text("\n", "\n") + _signed(row),
        Text(row.citation, row.citation) + source,
    )


def _signed(row: Row) -> Text:
    if row.signed_off_by is None or row.signed_off_on is None:
        return Text("NON FIRMATA", "NOT SIGNED")
    on = day_text(row.signed_off_on)
    return Text(f"firmata da {row.signed_off_by} il {on.it}", f"signed by {row.signed_off_by} on {on.en}")


def _lapsed(book: RuleBook) -> Iterator[Text]:
    for each in book.lapsed:
        on = day_text(each.on)
        yield Text(
            f"La firma di {each.by} ({on.it}) su {each.row} non vale più: la riga è cambiata o non c'è.",
            f"The signature of {each.by} ({on.en}) on {each.row} holds no more: the row changed or is gone.",
        )
