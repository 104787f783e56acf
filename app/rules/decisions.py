"""May credit pay for this care, for this person, on this day, and under which rule code."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, get_args

from app.actor import Locale
from app.rules.beneficiary import BeneficiaryFacts, age, is_certified, lives_with_or_is_maintained
from app.rules.book import RuleBook
from app.rules.errors import RulesNotSigned
from app.rules.reasons import TEMPLATES, AlternativeCode, DecisionCode, ReadingNote, Text
from app.rules.rows import Category, Cover, PaymentForm, Relation, RelativeCounts, Row, Rule, RuleCode, Status

Reading = Literal["strict", "lenient"]

_CHECKS: tuple[DecisionCode, ...] = (
    *(code for code in get_args(DecisionCode) if code != "rule_unsigned"),
    "rule_unsigned",
)
"""The refusal furthest down is the one nearest to a yes; what nobody may decide yet could be one."""
_FORMS: tuple[tuple[PaymentForm, AlternativeCode], ...] = (
    ("direct", "pay_directly"),
    ("voucher", "pay_by_voucher"),
    ("reimbursement", "pay_by_reimbursement"),
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked. `rule_codes` are those of the programme or lot, None for any; `on` is the day of the care."""

    category: str
    beneficiary: BeneficiaryFacts
    payment_form: PaymentForm
    on: date
    reading: Reading
    refuse_unsigned: bool
    rule_codes: frozenset[str] | None = None
    allow_fringe: bool = False


@dataclass(frozen=True)
class Alternative:
    """What else could pay."""

    code: AlternativeCode
    payment_form: PaymentForm | None
    rule_code: RuleCode | None
    reason: Text


@dataclass(frozen=True)
class Decision:
    """A yes or no with its grounds. `reading` is how the law on relatives was read, whether or not it mattered."""

    code: DecisionCode
    allowed: bool
    rule_code: RuleCode | None
    reason: Text
    citation: str
    valid_on: date
    status: Status
    reading: Reading
    alternatives: tuple[Alternative, ...] = ()
    unsigned: tuple[str, ...] = ()
    """The rows that keep it from being made (`rule_unsigned`)."""


def decide(question: Question, book: RuleBook) -> tuple[Decision, ...]:
    """One decision per rule code of the category, the answer first: the preferred yes, else the no nearest to a yes.

    Never empty. `C3_FRINGE` is a yes only with `allow_fringe`, and only ever after every other rule code. A decision
    rests on every row it used: it is `confirmed` only if all of them are, and with `refuse_unsigned` an unsigned row
    makes it `rule_unsigned`, which comes before every other no: who signs might make it a yes.
    """
    decisions = _by_rule_code(question, book)
    if not decisions[0].allowed:
        lawful = _other_ways(question, book)
    else:
        lawful = tuple(
            _alternative(_form_code(question.payment_form), question.payment_form, decision.rule_code)
            for decision in decisions
            if decision.allowed
        )
    own_money = _alternative("own_money", None, None)
    return tuple(
        replace(
            decision,
            alternatives=(
                *(each for each in lawful if not decision.allowed or each.rule_code != decision.rule_code),
                own_money,
            ),
        )
        for decision in decisions
    )


def require_decided(answers: Iterable[Decision]) -> None:
    """Refuse (RulesNotSigned) where no answer is a yes and one waits for an adviser: nobody pays for a missing word."""
    given = list(answers)
    rows = dict.fromkeys(row for answer in given for row in answer.unsigned)
    if rows and not any(answer.allowed for answer in given):
        raise RulesNotSigned(rows=list(rows))


def _by_rule_code(question: Question, book: RuleBook) -> tuple[Decision, ...]:
    category = book.category(question.category, question.on)
    pairs = [] if category is None else [(cover, book.rule(cover.rule_code, question.on)) for cover in category.covers]
    decisions = [
        _Examination(question, book, category, rule, cover).decision()
        for cover, rule in pairs
        if category is not None and rule is not None
    ]
    if not decisions:
        return (_not_covered(question),)
    last_resort = {rule.code for _, rule in pairs if rule is not None and rule.last_resort}
    return tuple(sorted(decisions, key=lambda one: _rank(one, last_resort)))


def _rank(decision: Decision, last_resort: AbstractSet[RuleCode]) -> tuple[bool, bool, int]:
    """Order a yes before a no, the last resort last, and of two that refuse the one that came further."""
    by_resort = decision.allowed and decision.rule_code in last_resort
    return not decision.allowed, by_resort, -_CHECKS.index(decision.code)


def _not_covered(question: Question) -> Decision:
    words: dict[str, object] = {"on": question.on}
    return Decision(
        code="category_not_covered",
        allowed=False,
        rule_code=None,
        reason=TEMPLATES["category_not_covered"].format(words, words),
        citation="",
        valid_on=question.on,
        status="confirmed",
        reading=question.reading,
    )


@dataclass(frozen=True)
class _Examination:
    """One rule code put to one question."""

    question: Question
    book: RuleBook
    category: Category
    rule: Rule
    cover: Cover

    def decision(self) -> Decision:
        """Pass every check or name the first that fails."""
        rows = self._rows()
        note = self._reading_note()
        unsigned = self.question.refuse_unsigned and not all(row.signed for row in rows)
        code = self._programme_failure() or "rule_unsigned" if unsigned else self._first_failure()
        confirmed = all(row.status == "confirmed" for row in rows)
        if note == "reading_lenient" or code == "relative_not_eligible":
            confirmed = False  # the two readings differ here, and which of them is right is open
        reason = TEMPLATES[code].format(self._words("it"), self._words("en"))
        return Decision(
            code=code,
            allowed=code == "allowed",
            rule_code=self.rule.code,
            reason=reason + TEMPLATES[note] if note is not None and code == "allowed" else reason,
            citation=_citation(rows),
            valid_on=self.question.on,
            status="confirmed" if confirmed else "unconfirmed",
            reading=self.question.reading,
            unsigned=tuple(row.id for row in rows if not row.signed) if code == "rule_unsigned" else (),
        )

    def _first_failure(self) -> DecisionCode:
        return self._person_failure() or self._payment_failure() or "allowed"

    def _person_failure(self) -> DecisionCode | None:
        relation = self.question.beneficiary.relation
        if relation == "self":
            return None if self.rule.for_self else "not_for_self"
        if not self.rule.for_relatives:
            return "not_for_relatives"
        if self._relation() is None or self._counts() == "never":
            return "not_a_relative"
        if self._reading_matters() and self.question.reading == "strict" and not self._lives_with():
            return "relative_not_eligible"
        return self._condition_failure()

    def _condition_failure(self) -> DecisionCode | None:
        beneficiary, on = self.question.beneficiary, self.question.on
        if self.rule.relatives_condition == "fiscally_dependent" and on.year not in beneficiary.dependent_years:
            return "beneficiary_not_dependent"
        if self.rule.relatives_condition == "elderly_or_certified":
            years = age(beneficiary, on)
            elderly = years is not None and years >= self.book.parameter("elderly_age", on).integer
            if not elderly and not is_certified(beneficiary, on):
                return "beneficiary_not_elderly_or_certified"
        return None

    def _payment_failure(self) -> DecisionCode | None:
        forms = self.cover.payment_forms or self.rule.payment_forms
        if self.question.payment_form not in forms:
            return "not_reimbursable" if self.question.payment_form == "reimbursement" else "payment_form_not_allowed"
        if failure := self._programme_failure():
            return failure
        return "fringe_needs_consent" if self.rule.last_resort and not self.question.allow_fringe else None

    def _programme_failure(self) -> DecisionCode | None:
        codes = self.question.rule_codes
        return None if codes is None or self.rule.code in codes else "rule_not_in_programme"

    def _reading_matters(self) -> bool:
        """Whether the law of that day asks more of this relative than to be one (since 1 January 2025)."""
        return self._counts() == "if_cohabiting_or_maintained"

    def _relation(self) -> Relation | None:
        return self.book.relation(self.question.beneficiary.relation, self.question.on)

    def _counts(self) -> RelativeCounts | None:
        relation = self._relation()
        return None if relation is None else relation.counts

    def _lives_with(self) -> bool:
        return lives_with_or_is_maintained(self.question.beneficiary, self.question.on)

    def _reading_note(self) -> ReadingNote | None:
        if not self._reading_matters():
            return None
        if self._lives_with():
            return "reading_strict" if self.question.reading == "strict" else None
        return "reading_lenient" if self.question.reading == "lenient" else None

    def _rows(self) -> Sequence[Row]:
        rows: list[Row] = [self.rule, self.cover]
        if relation := self._relation():
            rows.append(relation)
        if self.rule.relatives_condition == "elderly_or_certified":
            rows.append(self.book.parameter("elderly_age", self.question.on))
        return rows

    def _words(self, locale: Locale) -> dict[str, object]:
        words: dict[str, object] = {
            "on": self.question.on,
            "rule": self.rule.name if locale == "it" else self.rule.name_en,
            "category": self.category.name if locale == "it" else self.category.name_en,
        }
        if self.rule.relatives_condition == "elderly_or_certified":
            words["limit"] = self.book.parameter("elderly_age", self.question.on).integer
        return words


def _citation(rows: Sequence[Row]) -> str:
    """The citations once each; one that only repeats the beginning of another is left out."""
    texts = list(dict.fromkeys(row.citation for row in rows))
    return "; ".join(text for text in texts if not any(other != text and other.startswith(text) for other in texts))


def _other_ways(question: Question, book: RuleBook) -> tuple[Alternative, ...]:
    """Every lawful way to pay with credit: in another form, from another programme, or from the fringe limit."""
    ways: list[Alternative] = []
    for form, form_code in _FORMS:
        widest = replace(question, payment_form=form, rule_codes=None, allow_fringe=True)
        for decision in _by_rule_code(widest, book):
            if not decision.allowed or decision.rule_code is None:
                continue
            rule = book.rule(decision.rule_code, question.on)
            in_programme = question.rule_codes is None or decision.rule_code in question.rule_codes
            code: AlternativeCode = form_code if in_programme else "other_credit"
            if in_programme and rule is not None and rule.last_resort:
                code = "use_fringe"
            ways.append(_alternative(code, form, decision.rule_code))
    return tuple(ways)


def _form_code(payment_form: PaymentForm) -> AlternativeCode:
    return dict(_FORMS)[payment_form]


def _alternative(code: AlternativeCode, form: PaymentForm | None, rule_code: RuleCode | None) -> Alternative:
    return Alternative(code, form, rule_code, TEMPLATES[code])
