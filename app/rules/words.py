"""What a row says, in plain words and both languages: for the adviser's table, the API and the page."""

from datetime import date
from functools import singledispatch

from app.money import euro
from app.rules.reasons import Text
from app.rules.rows import (
    Agreement,
    Category,
    Cover,
    Parameter,
    PaymentForm,
    Relation,
    RelativeCounts,
    RelativesCondition,
    Row,
    Rule,
)

FORMS: dict[PaymentForm, Text] = {
    "direct": Text("pagamento diretto", "direct payment"),
    "voucher": Text("voucher", "voucher"),
    "reimbursement": Text("rimborso", "reimbursement"),
}
RELATIVES: dict[RelativesCondition, Text] = {
    "none": Text("i familiari", "relatives"),
    "fiscally_dependent": Text("i familiari fiscalmente a carico", "fiscally dependent relatives"),
    "elderly_or_certified": Text(
        "i familiari anziani o con un certificato di non autosufficienza",
        "relatives who are elderly or hold a certificate of non-self-sufficiency",
    ),
}
COUNTS: dict[RelativeCounts, Text] = {
    "always": Text("Conta come familiare.", "Counts as a relative."),
    "if_cohabiting_or_maintained": Text(
        "Conta chi quel giorno convive con il dipendente o riceve da lui un mantenimento che nessun giudice ha ordinato"
        " (lettura restrittiva); con la lettura estensiva contano tutti.",
        "Counts who that day lives with the employee or receives maintenance that no court ordered (strict reading);"
        " under the lenient reading everybody does.",
    ),
    "never": Text("Non conta come familiare.", "Does not count as a relative."),
}
MONTHS = Text(
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "January February March April May June July August September October November December",
)


@singledispatch
def title(row: Row) -> Text:
    """What the row is about. A cover is about its rule code here: its category says its own name."""
    raise TypeError(row)


@singledispatch
def said(row: Row) -> Text:
    """What the row says of it."""
    raise TypeError(row)


@title.register
def _(row: Rule | Relation | Agreement) -> Text:
    return Text(row.name, row.name_en)


@title.register
def _(row: Parameter) -> Text:
    return Text(row.title, row.title_en)


@title.register
def _(row: Cover) -> Text:
    return Text(row.rule_code, row.rule_code)


@said.register
def _(row: Rule) -> Text:
    who = [Text("il dipendente", "the employee")] * row.for_self + [
        RELATIVES[row.relatives_condition]
    ] * row.for_relatives
    last = Text(
        " Solo entro la soglia annua e con il consenso della persona, dopo ogni altra regola.",
        " Only within the yearly limit and with the person's consent, after every other rule.",
    )
    text = Text("Per ", "For ") + _listed(who) + Text(": ", ": ") + _forms(row.payment_forms) + Text(".", ".")
    return text + last if row.last_resort else text


@said.register
def _(row: Relation) -> Text:
    return COUNTS[row.counts]


@said.register
def _(row: Cover) -> Text:
    if row.payment_forms is None:
        return Text("Può pagarla, come dice la regola.", "May pay for it, as the rule says.")
    return Text("Può pagarla solo con: ", "May pay for it only by: ") + _forms(row.payment_forms) + Text(".", ".")


@said.register
def _(row: Parameter) -> Text:
    if isinstance(row.value, str):
        return _day(row.value)
    match row.kind:
        case "cents":
            return _money(row.value)
        case "bps":
            return Text(f"{euro(row.value)} %", f"{row.value / 100:.2f} %")
        case _:
            return Text(f"{row.value} anni", f"{row.value} years")


@said.register
def _(row: Agreement) -> Text:
    available, until, amount = _the(_day(row.available_by)), _the(_day(row.usable_until)), _money(row.amount_cents)
    start, end = _the(_day(row.window_start)), _the(_day(row.window_end))
    following = row.usable_in == "next_year"
    months = row.fixed_term_min_months
    it = [
        f"{amount.it} l'anno, a disposizione entro {available.it}, da usare entro {until.it}"
        + " dell'anno dopo" * following,
        f"per chi è in forza {start.it} o assunto entro {end.it}",
        *["chi è in prova lo riceve quando la prova finisce"] * row.probation_excluded,
        *([f"a termine: almeno {months} mesi nell'anno civile"] if months else []),
        *["escluso chi è in aspettativa non retribuita per tutto quel periodo"] * row.unpaid_leave_excluded,
        "part-time: in proporzione" if row.part_time_prorated else "part-time: per intero",
        *["una volta sola nell'anno"] * row.once_a_year,
    ]
    en = [
        f"{amount.en} a year, available by {available.en}, usable until {until.en}" + " of the next year" * following,
        f"for who is in force on {start.en} or hired until {end.en}",
        *["who is in probation gets it when it ends"] * row.probation_excluded,
        *([f"fixed term: at least {months} months of the calendar year"] if months else []),
        *["not for who is on unpaid leave throughout that period"] * row.unpaid_leave_excluded,
        "part-time: in proportion" if row.part_time_prorated else "part-time: in full",
        *["once a year"] * row.once_a_year,
    ]
    return Text("; ".join(it) + ".", "; ".join(en) + ".")


def category_name(category: Category) -> Text:
    """How a category is called."""
    return Text(category.name, category.name_en)


def _money(cents: int) -> Text:
    return Text(f"{euro(cents)} euro", f"{cents / 100:,.2f} euro")


def _day(text: str) -> Text:
    month, _, day = text.partition("-")
    it, en = (names.split()[int(month) - 1] for names in (MONTHS.it, MONTHS.en))
    if day == "last":
        return Text(f"ultimo giorno di {it}", f"the last day of {en}")
    return Text(f"{int(day)}° {it}" if day == "01" else f"{int(day)} {it}", f"{int(day)} {en}")


def _the(day: Text) -> Text:
    """A day with its article, which Italian chooses by the sound."""
    return Text(f"l'{day.it}" if day.it.startswith(("ultimo", "8 ", "11 ")) else f"il {day.it}", day.en)


def _forms(forms: tuple[PaymentForm, ...]) -> Text:
    listed = _listed([FORMS[form] for form in forms])
    return listed if "reimbursement" in forms else listed + Text(", mai rimborso", ", never reimbursement")


def _listed(texts: list[Text]) -> Text:
    *others, last = texts
    if not others:
        return last
    return Text(", ".join(each.it for each in others), ", ".join(each.en for each in others)) + Text(
        f" e {last.it}", f" and {last.en}"
    )


def day_text(day: date) -> Text:
    """A date as people write it."""
    return Text(f"{day:%d/%m/%Y}", day.isoformat())
