"""What a person reads for a decision: one template per code, in Italian and English."""

import tomllib
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from app.actor import Locale
from app.rules.book import DATA_FOLDER

DecisionCode = Literal[
    "category_not_covered",
    "rule_unsigned",
    "not_for_self",
    "not_for_relatives",
    "not_a_relative",
    "relative_not_eligible",
    "beneficiary_not_dependent",
    "beneficiary_not_elderly_or_certified",
    "not_reimbursable",
    "payment_form_not_allowed",
    "rule_not_in_programme",
    "fringe_needs_consent",
    "allowed",
]
"""In the order in which they are looked for: each check presumes the ones before it."""
ReadingNote = Literal["reading_strict", "reading_lenient"]
AlternativeCode = Literal[
    "pay_directly", "pay_by_voucher", "pay_by_reimbursement", "use_fringe", "other_credit", "own_money"
]


@dataclass(frozen=True)
class Text:
    """A sentence in both languages of the platform."""

    it: str
    en: str

    def in_locale(self, locale: Locale) -> str:
        """The sentence in that language."""
        return self.it if locale == "it" else self.en

    def __add__(self, other: "Text") -> "Text":
        return Text(self.it + other.it, self.en + other.en)

    def format(self, it: dict[str, object], en: dict[str, object]) -> "Text":
        """The sentence with its placeholders filled, each language with its own words."""
        return Text(self.it.format_map(it), self.en.format_map(en))


TEMPLATES: dict[DecisionCode | ReadingNote | AlternativeCode, Text] = TypeAdapter(
    dict[DecisionCode | ReadingNote | AlternativeCode, Text]
).validate_python(tomllib.loads((DATA_FOLDER / "reasons.toml").read_text(encoding="utf-8")))
