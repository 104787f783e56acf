"""The rows of one day as lines of text, for the adviser who reads and signs them off."""

from collections.abc import Iterator
from datetime import date

from app.rules.book import RuleBook
from app.rules.rows import Row


def lines_on(book: RuleBook, on: date) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Row, what it says, validity, status, sign-off, citation: rule codes, parameters, then what covers a category."""
    for rule in book.rules_on(on):
        yield _line(f"rule {rule.code}", f"{rule.name_en}: {', '.join(rule.payment_forms)}", rule)
    for parameter in book.parameters:
        if parameter.holds(on):
            yield _line(f"parameter {parameter.name}", f"{parameter.value} ({parameter.kind})", parameter)
    for category in book.categories_on(on):
        for cover in category.covers:
            forms = ", ".join(cover.payment_forms) if cover.payment_forms is not None else "as the rule"
            yield _line(f"category {category.code}", f"{cover.rule_code}: {forms}", cover)


def _line(name: str, says: str, row: Row) -> tuple[str, str, str, str, str, str]:
    validity = f"{row.valid_from} - {row.valid_to or ''}".rstrip()
    signed = f"{row.signed_off_by} {row.signed_off_on}" if row.signed else "unsigned"
    return name, says, validity, row.status, signed, row.citation
