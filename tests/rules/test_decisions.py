"""E7 and E8 of the worked examples, and every way to be refused."""

from dataclasses import replace
from datetime import date
from typing import TypeVar, get_args

import pytest

from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period, Relation, age
from app.rules.book import RuleBook, book_in_force
from app.rules.decisions import Decision, Question, decide
from app.rules.rows import PaymentForm, Row

BOOK = book_in_force()
RowT = TypeVar("RowT", bound=Row)

SELF = BeneficiaryFacts(relation="self", birth_date=date(1984, 5, 2))
MOTHER = BeneficiaryFacts(relation="parent", birth_date=date(1948, 2, 10), cohabitation=(Period(date(2020, 1, 1)),))
MOTHER_IN_LAW = BeneficiaryFacts(
    relation="parent_in_law", birth_date=date(1946, 1, 5), cohabitation=(Period(date(2026, 3, 1)),)
)
CHILD = BeneficiaryFacts(relation="child", birth_date=date(2019, 6, 1))
HOME_HELP = Question(
    category="home_help",
    beneficiary=MOTHER_IN_LAW,
    payment_form="direct",
    on=date(2026, 3, 12),
    reading="strict",
    refuse_unsigned=False,
)
PHYSIOTHERAPY = replace(HOME_HELP, category="physiotherapy", beneficiary=MOTHER)


def answer(question: Question) -> Decision:
    return decide(question, BOOK)[0]


def signed(row: RowT) -> RowT:
    return replace(row, signed_off_by="Studio Paghe", signed_off_on=date(2026, 1, 2))


def signed_book() -> RuleBook:
    return RuleBook(
        rules=tuple(signed(row) for row in BOOK.rules),
        relations=tuple(signed(row) for row in BOOK.relations),
        parameters=tuple(signed(row) for row in BOOK.parameters),
        categories=tuple(
            replace(category, covers=tuple(signed(cover) for cover in category.covers)) for category in BOOK.categories
        ),
    )


# --- E7: same service, other letter


def test_physiotherapy_for_oneself_is_never_reimbursed_and_may_be_booked_directly() -> None:
    decision = answer(replace(PHYSIOTHERAPY, beneficiary=SELF, payment_form="reimbursement"))
    assert (decision.code, decision.allowed, decision.rule_code) == ("not_reimbursable", False, "C2_F")
    assert [(each.code, each.payment_form, each.rule_code) for each in decision.alternatives] == [
        ("pay_directly", "direct", "C2_F"),
        ("use_fringe", "direct", "C3_FRINGE"),
        ("pay_by_voucher", "voucher", "C2_F"),
        ("use_fringe", "voucher", "C3_FRINGE"),
        ("own_money", None, None),
    ]


def test_physiotherapy_for_oneself_is_paid_directly_under_an_unconfirmed_rule() -> None:
    decision = answer(replace(PHYSIOTHERAPY, beneficiary=SELF))
    assert (decision.code, decision.rule_code, decision.status) == ("allowed", "C2_F", "unconfirmed")


@pytest.mark.parametrize("form", get_args(PaymentForm))
def test_physiotherapy_for_the_cohabiting_mother_of_78_is_c2_f_ter(form: PaymentForm) -> None:
    decision = answer(replace(PHYSIOTHERAPY, payment_form=form))
    assert (decision.code, decision.rule_code, decision.status) == ("allowed", "C2_F_TER", "confirmed")
    assert decision.valid_on == date(2026, 3, 12)
    assert decision.citation == (
        "art. 51 c. 2 lett. f-ter TUIR (D.P.R. 917/1986), introdotta dalla L. 208/2015 art. 1 c. 190; "
        "art. 12 c. 4-ter TUIR (D.Lgs. 192/2025); art. 433 c.c.; prassi su art. 51 c. 2 lett. f-ter TUIR"
    )
    assert decision.reason.it == (
        "Ammesso il 12/03/2026: Fisioterapia rientra in «Assistenza ai familiari anziani o non autosufficienti». "
        "Vive con te, o la mantieni: è ciò che la legge chiede, letta in modo restrittivo."
    )
    assert decision.reason.in_locale("en") == (
        'Allowed on 2026-03-12: Physiotherapy falls under "Care of elderly or non-self-sufficient relatives". '
        "Strict reading: cohabitation or maintenance is on record for that day."
    )


# --- E8: relatives by date


@pytest.mark.parametrize(
    ("on", "code"),
    [(date(2026, 2, 12), "relative_not_eligible"), (date(2026, 3, 1), "allowed"), (date(2026, 3, 12), "allowed")],
)
def test_mother_in_law_counts_from_the_day_she_moves_in(on: date, code: str) -> None:
    decision = answer(replace(HOME_HELP, on=on))
    assert (decision.code, decision.reading) == (code, "strict")


def test_mother_in_law_no_longer_counts_after_she_moved_out() -> None:
    moved_out = replace(MOTHER_IN_LAW, cohabitation=(Period(date(2026, 3, 1), date(2026, 9, 30)),))
    codes = {
        on: answer(replace(HOME_HELP, beneficiary=moved_out, on=on)).code
        for on in (date(2026, 9, 30), date(2026, 10, 1))
    }
    assert codes == {date(2026, 9, 30): "allowed", date(2026, 10, 1): "relative_not_eligible"}


def test_a_strict_refusal_leaves_only_own_money() -> None:
    decision = answer(replace(HOME_HELP, on=date(2026, 2, 12)))
    assert (decision.rule_code, decision.status) == ("C2_F_TER", "unconfirmed")
    assert [each.code for each in decision.alternatives] == ["own_money"]


@pytest.mark.parametrize("on", [date(2026, 2, 12), date(2026, 3, 12), date(2026, 11, 12)])
def test_the_lenient_reading_allows_all_and_is_recorded(on: date) -> None:
    moved_out = replace(MOTHER_IN_LAW, cohabitation=(Period(date(2026, 3, 1), date(2026, 9, 30)),))
    decision = answer(replace(HOME_HELP, beneficiary=moved_out, on=on, reading="lenient"))
    assert (decision.code, decision.rule_code, decision.reading) == ("allowed", "C2_F_TER", "lenient")
    living_together = on == date(2026, 3, 12)
    assert decision.status == ("confirmed" if living_together else "unconfirmed")
    assert ("Lenient reading" in decision.reason.en) is not living_together


@pytest.mark.parametrize(
    "relation", ["parent", "child_in_law", "parent_in_law", "sibling", "grandparent", "grandchild"]
)
def test_before_2025_every_relative_counts_and_from_2025_only_by_living_together(relation: Relation) -> None:
    living_alone = BeneficiaryFacts(relation=relation, birth_date=date(1940, 1, 1))
    codes = [
        answer(replace(HOME_HELP, beneficiary=living_alone, on=on)).code
        for on in (date(2024, 12, 31), date(2025, 1, 1))
    ]
    assert codes == ["allowed", "relative_not_eligible"]


def test_maintenance_counts_like_living_together() -> None:
    maintained = replace(MOTHER_IN_LAW, cohabitation=(), maintained=(Period(date(2026, 1, 1), date(2026, 1, 31)),))
    codes = [
        answer(replace(HOME_HELP, beneficiary=maintained, on=on)).code for on in (date(2026, 1, 31), date(2026, 2, 1))
    ]
    assert codes == ["allowed", "relative_not_eligible"]


@pytest.mark.parametrize("relation", ["spouse", "child"])
def test_spouse_and_children_need_not_live_together(relation: Relation) -> None:
    beneficiary = BeneficiaryFacts(relation=relation, birth_date=date(1950, 1, 1))
    assert answer(replace(HOME_HELP, beneficiary=beneficiary)).code == "allowed"


@pytest.mark.parametrize("on", [date(2024, 6, 1), date(2026, 6, 1)])
def test_who_is_no_relative_in_law_is_never_covered(on: date) -> None:
    neighbour = replace(MOTHER, relation="other")
    decisions = decide(replace(HOME_HELP, beneficiary=neighbour, on=on, reading="lenient", allow_fringe=True), BOOK)
    assert {decision.code for decision in decisions} == {"not_a_relative"}


# --- elderly or certified


@pytest.mark.parametrize(
    ("on", "rule_code"), [(date(2026, 7, 14), "C2_F"), (date(2026, 7, 15), "C2_F_TER"), (date(2026, 7, 16), "C2_F_TER")]
)
def test_elderly_from_the_75th_birthday(on: date, rule_code: str) -> None:
    father = replace(MOTHER, birth_date=date(1951, 7, 15))
    assert answer(replace(PHYSIOTHERAPY, beneficiary=father, on=on)).rule_code == rule_code


def test_a_certificate_counts_while_it_is_valid() -> None:
    certificate = Certificate("non_self_sufficient", Period(date(2026, 2, 1), date(2026, 6, 30)))
    brother = replace(MOTHER, relation="sibling", birth_date=date(1990, 1, 1), certificates=(certificate,))
    codes = [
        answer(replace(PHYSIOTHERAPY, beneficiary=brother, on=on)).rule_code
        for on in (date(2026, 1, 31), date(2026, 2, 1), date(2026, 6, 30), date(2026, 7, 1))
    ]
    assert codes == ["C2_F", "C2_F_TER", "C2_F_TER", "C2_F"]


def test_neither_elderly_nor_certified_is_said_where_only_that_rule_could_reimburse() -> None:
    father = replace(MOTHER, birth_date=date(1960, 1, 1))
    decisions = decide(replace(PHYSIOTHERAPY, beneficiary=father, payment_form="reimbursement"), BOOK)
    assert {decision.rule_code: decision.code for decision in decisions} == {
        "C2_F_TER": "beneficiary_not_elderly_or_certified",
        "C2_F": "not_reimbursable",
        "C3_FRINGE": "not_reimbursable",
    }
    assert "75 anni" in decisions[-1].reason.it


def test_an_unknown_birth_date_is_not_elderly() -> None:
    father = replace(MOTHER, birth_date=None)
    assert answer(replace(PHYSIOTHERAPY, beneficiary=father)).rule_code == "C2_F"


@pytest.mark.parametrize(
    ("on", "years"), [(date(2025, 2, 28), 72), (date(2025, 3, 1), 73), (date(2028, 2, 28), 75), (date(2028, 2, 29), 76)]
)
def test_age_of_one_born_on_29_february(on: date, years: int) -> None:
    assert age(BeneficiaryFacts(relation="parent", birth_date=date(1952, 2, 29)), on) == years


# --- the other rules


@pytest.mark.parametrize("category", ["nursery", "summer_camp", "winter_camp", "play_centre", "school_meals"])
def test_childrens_care_is_c2_f_bis_in_every_form(category: str) -> None:
    for form in get_args(PaymentForm):
        question = replace(HOME_HELP, category=category, beneficiary=CHILD, payment_form=form)
        decision = answer(question)
        assert (decision.code, decision.rule_code, decision.status) == ("allowed", "C2_F_BIS", "confirmed")


def test_babysitting_is_unconfirmed() -> None:
    decision = answer(replace(HOME_HELP, category="babysitting", beneficiary=CHILD))
    assert (decision.code, decision.rule_code, decision.status) == ("allowed", "C2_F_BIS", "unconfirmed")


def test_c2_f_bis_is_not_for_the_employee() -> None:
    decisions = decide(replace(HOME_HELP, category="nursery", beneficiary=SELF), BOOK)
    assert {each.rule_code: each.code for each in decisions} == {
        "C2_F_BIS": "not_for_self",
        "C3_FRINGE": "fringe_needs_consent",
    }


def test_a_transport_pass_asks_for_a_fiscally_dependent_relative_of_that_year() -> None:
    dependent = replace(CHILD, dependent_years=frozenset({2026}))
    question = replace(HOME_HELP, category="transport_pass", beneficiary=dependent, rule_codes=frozenset({"C2_D_BIS"}))
    decisions = {
        on.year: next(each for each in decide(replace(question, on=on), BOOK) if each.rule_code == "C2_D_BIS").code
        for on in (date(2025, 12, 31), date(2026, 1, 1), date(2027, 1, 1))
    }
    assert decisions == {2025: "beneficiary_not_dependent", 2026: "allowed", 2027: "beneficiary_not_dependent"}
    assert answer(replace(question, beneficiary=SELF)).code == "allowed"


@pytest.mark.parametrize(
    ("form", "code"),
    [("direct", "allowed"), ("voucher", "payment_form_not_allowed"), ("reimbursement", "not_reimbursable")],
)
def test_a_long_term_care_policy_is_paid_to_the_insurer_for_the_employee_only(form: PaymentForm, code: str) -> None:
    question = replace(HOME_HELP, category="long_term_care_policy", beneficiary=SELF, payment_form=form)
    decisions = {each.rule_code: each.code for each in decide(question, BOOK)}
    assert decisions["C2_F_QUATER"] == code
    relative = {each.rule_code: each.code for each in decide(replace(question, beneficiary=MOTHER), BOOK)}
    assert relative["C2_F_QUATER"] == "not_for_relatives"


def test_fringe_is_never_chosen_without_a_yes_and_is_always_last() -> None:
    only_fringe = replace(HOME_HELP, rule_codes=frozenset({"C3_FRINGE"}))
    refused = answer(only_fringe)
    assert (refused.code, refused.rule_code) == ("fringe_needs_consent", "C3_FRINGE")
    agreed = answer(replace(only_fringe, allow_fringe=True))
    assert (agreed.code, agreed.rule_code) == ("allowed", "C3_FRINGE")
    for category in BOOK.categories_on(HOME_HELP.on):
        decisions = decide(replace(HOME_HELP, category=category.code, beneficiary=CHILD, allow_fringe=True), BOOK)
        yes = [each.rule_code for each in decisions if each.allowed]
        assert "C3_FRINGE" not in yes[:-1], category.code


def test_fringe_stays_last_even_where_a_category_lists_it_first() -> None:
    book = replace(
        BOOK, categories=tuple(replace(category, covers=category.covers[::-1]) for category in BOOK.categories)
    )
    question = replace(HOME_HELP, allow_fringe=True)
    assert [each.rule_code for each in decide(question, book)] == ["C2_F", "C2_F_TER", "C3_FRINGE"]


@pytest.mark.parametrize("category", ["household_utilities", "home_rent", "mortgage_interest"])
def test_fringe_reimburses_household_bills_only(category: str) -> None:
    question = replace(HOME_HELP, category=category, beneficiary=SELF, allow_fringe=True)
    assert answer(replace(question, payment_form="reimbursement")).code == "allowed"
    assert answer(question).code == "payment_form_not_allowed"
    after = replace(question, payment_form="reimbursement", on=date(2028, 1, 1))
    assert answer(after).code == "category_not_covered"


def test_a_programme_without_the_rule_refuses_and_says_other_credit_could_pay() -> None:
    decision = answer(replace(PHYSIOTHERAPY, rule_codes=frozenset({"C2_F_BIS"})))
    assert (decision.code, decision.rule_code) == ("rule_not_in_programme", "C2_F_TER")
    assert ("other_credit", "direct", "C2_F_TER") in [
        (each.code, each.payment_form, each.rule_code) for each in decision.alternatives
    ]


def test_a_programme_may_lack_the_preferred_rule() -> None:
    decision = answer(replace(PHYSIOTHERAPY, rule_codes=frozenset({"C2_F", "C3_FRINGE"})))
    assert (decision.code, decision.rule_code) == ("allowed", "C2_F")


@pytest.mark.parametrize("category", ["pottery", ""])
def test_an_unknown_category_is_not_covered(category: str) -> None:
    decisions = decide(replace(HOME_HELP, category=category), BOOK)
    assert [(each.code, each.rule_code) for each in decisions] == [("category_not_covered", None)]
    assert decisions[0].reason.it == "Nessuna regola permette di pagare questa spesa con il credito il 12/03/2026."
    assert [each.code for each in decisions[0].alternatives] == ["own_money"]


def test_before_the_law_nothing_is_covered() -> None:
    assert answer(replace(HOME_HELP, on=date(2015, 12, 31))).code == "category_not_covered"


# --- sign-off


def test_production_refuses_to_decide_on_unsigned_rows() -> None:
    decisions = decide(replace(PHYSIOTHERAPY, refuse_unsigned=True), BOOK)
    assert {each.code for each in decisions} == {"rule_unsigned"}
    assert [each.code for each in decisions[0].alternatives] == ["own_money"]


def test_signed_rows_decide_in_production() -> None:
    question = replace(PHYSIOTHERAPY, refuse_unsigned=True)
    decision = decide(question, signed_book())[0]
    assert (decision.code, decision.rule_code) == ("allowed", "C2_F_TER")


def unsigned(row: RowT) -> RowT:
    return replace(row, signed_off_by=None, signed_off_on=None)


@pytest.mark.parametrize(
    ("changed", "c2_f"),
    [
        (
            {
                "parameters": tuple(
                    unsigned(row) if row.name == "elderly_age" else signed(row) for row in BOOK.parameters
                )
            },
            "allowed",
        ),
        (
            {"relations": tuple(unsigned(row) if row.relation == "parent" else signed(row) for row in BOOK.relations)},
            "rule_unsigned",
        ),
    ],
    ids=["elderly_age", "parent"],
)
def test_one_unsigned_row_is_enough_to_refuse(changed: dict[str, tuple[Row, ...]], c2_f: str) -> None:
    question = replace(PHYSIOTHERAPY, refuse_unsigned=True)
    decisions = {each.rule_code: each.code for each in decide(question, replace(signed_book(), **changed))}
    assert (decisions["C2_F_TER"], decisions["C2_F"]) == ("rule_unsigned", c2_f)


def test_what_nobody_signed_comes_before_every_no_but_not_before_a_yes() -> None:
    book = replace(
        signed_book(), rules=tuple(unsigned(row) if row.code == "C2_F" else signed(row) for row in BOOK.rules)
    )
    refused = replace(PHYSIOTHERAPY, beneficiary=SELF, refuse_unsigned=True)
    assert [each.code for each in decide(refused, book)] == ["rule_unsigned", "fringe_needs_consent", "not_for_self"]
    assert [each.code for each in decide(replace(refused, allow_fringe=True), book)][:2] == ["allowed", "rule_unsigned"]
    other_credit = replace(refused, rule_codes=frozenset({"C3_FRINGE"}))
    assert {each.rule_code: each.code for each in decide(other_credit, book)} == {
        "C3_FRINGE": "fringe_needs_consent",
        "C2_F": "rule_not_in_programme",
        "C2_F_TER": "not_for_self",
    }
