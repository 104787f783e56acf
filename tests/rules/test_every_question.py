"""Every kind of care, relation and form on every day on which the law changes: one answer, with its reasons."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period, Relation, Relative
from app.rules.book import RuleBook, load
from app.rules.decisions import Decision, Question, Reading, decide
from app.rules.rows import PaymentForm, Row, RuleCode

BOOK = load()
CATEGORIES = [category.code for category in BOOK.categories]
RELATIONS: list[Relation] = ["self", *get_args(Relative)]
CERTIFIED = (Certificate("non_self_sufficient", Period(date(2000, 1, 1))),)
BOUNDS = sorted(
    {
        day
        for row in BOOK.rows()
        for day in (
            row.valid_from - timedelta(days=1),
            row.valid_from,
            row.valid_to,
            row.valid_to and row.valid_to + timedelta(days=1),
        )
        if day is not None
    }
)


def facts(relation: Relation, *, near: bool) -> BeneficiaryFacts:
    """Return somebody who fulfils every condition, or none."""
    if not near:
        return BeneficiaryFacts(relation)
    home = (Period(date(2000, 1, 1)),)
    return BeneficiaryFacts(relation, date(1930, 1, 1), home, home, frozenset(range(2010, 2040)), CERTIFIED)


def ask(category: str, beneficiary: BeneficiaryFacts, form: PaymentForm, on: date, reading: Reading) -> Question:
    return Question(
        category=category,
        beneficiary=beneficiary,
        payment_form=form,
        on=on,
        reading=reading,
        refuse_unsigned=False,
        allow_fringe=True,
    )


def check(question: Question, decisions: tuple[Decision, ...], book: RuleBook = BOOK) -> None:
    """One answer per rule that covers the care that day; the yes rests on exactly one row of each kind."""
    found = book.category(question.category, question.on)
    codes = [each.rule_code for each in decisions]
    assert sorted(map(str, codes)) == sorted(found.rule_codes if found else ["None"])
    allowed = [each.allowed for each in decisions]
    assert allowed == sorted(allowed, reverse=True)
    for each in decisions:
        assert each.allowed == (each.code == "allowed")
        assert each.valid_on == question.on
        assert all((each.reason.it, each.reason.en))
        assert "{" not in each.reason.it + each.reason.en
        assert each.alternatives[-1].code == "own_money"
        if each.rule_code is not None:
            check_rows(each, each.rule_code, question, book)
        else:
            assert (each.code, each.citation) == ("category_not_covered", "")


def check_rows(decision: Decision, code: RuleCode, question: Question, book: RuleBook) -> None:
    on = question.on
    rules = [row for row in book.rules if row.code == code and row.holds(on)]
    covers = [
        cover
        for category in book.categories
        if category.code == question.category
        for cover in category.covers
        if cover.rule_code == code and cover.holds(on)
    ]
    assert (len(rules), len(covers)) == (1, 1)
    assert rules[0].citation in decision.citation
    if decision.allowed:
        assert question.payment_form in (covers[0].payment_forms or rules[0].payment_forms)
        assert rules[0].for_self if question.beneficiary.relation == "self" else rules[0].for_relatives
        if "unconfirmed" in (rules[0].status, covers[0].status):
            assert decision.status == "unconfirmed"


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_question_has_one_answer(category: str) -> None:
    """On the last days before and the first days after some row of the book begins or ends."""
    for relation, form, on in product(RELATIONS, get_args(PaymentForm), BOUNDS):
        question = ask(category, facts(relation, near=True), form, on, "strict")
        check(question, decide(question, BOOK))


@settings(max_examples=100, deadline=None)
@given(
    category=st.sampled_from(CATEGORIES),
    relation=st.sampled_from(RELATIONS),
    form=st.sampled_from(get_args(PaymentForm)),
    on=st.dates(date(2014, 1, 1), date(2032, 12, 31)),
    near=st.booleans(),
)
def test_who_is_allowed_strictly_is_allowed_leniently(
    category: str, relation: Relation, form: PaymentForm, on: date, *, near: bool
) -> None:
    strict = ask(category, facts(relation, near=near), form, on, "strict")
    lenient = replace(strict, reading="lenient")
    for question in (strict, lenient):
        check(question, decide(question, BOOK))
    yes = [{each.rule_code for each in decide(question, BOOK) if each.allowed} for question in (strict, lenient)]
    assert yes[0] <= yes[1]


def changes(row: Row) -> list[tuple[date, date]]:
    """Return the pairs of days between which the row begins, and ends."""
    begins = (row.valid_from - timedelta(days=1), row.valid_from)
    return [begins] if row.valid_to is None else [begins, (row.valid_to, row.valid_to + timedelta(days=1))]


@pytest.mark.parametrize("row", list(BOOK.rows()), ids=lambda row: row.id)
def test_a_row_holds_from_its_first_day_to_its_last(row: Row) -> None:
    held = [tuple(row in _held(on) for on in pair) for pair in changes(row)]
    assert held == [(False, True), (True, False)][: len(held)]


def _held(on: date) -> list[Row]:
    """Return the rows that the book gives by their names on that day."""
    covers = (cover for category in BOOK.categories_on(on) for cover in category.covers)
    relations = (row for relation in RELATIONS if (row := BOOK.relation(relation, on)))
    parameters = (BOOK.parameter(row.name, on) for row in BOOK.parameters if row.holds(on))
    return [*BOOK.rules_on(on), *relations, *parameters, *BOOK.agreements_on(on), *covers]
