"""What rows say in plain words, in the adviser's table, in the API and on the page."""

from dataclasses import replace
from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from app.rules.book import RuleBook, load
from app.rules.rows import Agreement, Row
from app.rules.signatures import Signature
from app.rules.table import rows_on, sheet
from app.rules.words import said, title

DAY = date(2026, 3, 15)
BOOK = load()


def row(row_id: str) -> Row:
    return next(each for each in BOOK.rows() if each.id == row_id)


@pytest.mark.parametrize(
    ("row_id", "it", "en"),
    [
        (
            "rule/C2_F/2016-01-01",
            "Per il dipendente e i familiari: pagamento diretto e voucher, mai rimborso.",
            "For the employee and relatives: direct payment and voucher, never reimbursement.",
        ),
        (
            "rule/C2_F_TER/2016-01-01",
            (
                "Per i familiari anziani o con un certificato di non autosufficienza: pagamento diretto, "
                "voucher e rimborso."
            ),
            (
                "For relatives who are elderly or hold a certificate of non-self-sufficiency: direct payment,"
                " voucher and reimbursement."
            ),
        ),
        (
            "rule/C3_FRINGE/2016-01-01",
            (
                "Per il dipendente e i familiari: pagamento diretto e voucher, mai rimborso. Solo entro la "
                "soglia annua e con il consenso della persona, dopo ogni altra regola."
            ),
            (
                "For the employee and relatives: direct payment and voucher, never reimbursement. Only within"
                " the yearly limit and with the person's consent, after every other rule."
            ),
        ),
        ("relation/spouse/2016-01-01", "Conta come familiare.", "Counts as a relative."),
        ("relation/other/2016-01-01", "Non conta come familiare.", "Does not count as a relative."),
        ("limit/fringe_limit_cents/2028-01-01", "258,23 euro", "258.23 euro"),
        ("limit/fringe_limit_cents/2025-01-01", "1.000,00 euro", "1,000.00 euro"),
        ("limit/bonus_contribution_bps/2025-01-01", "9,19 %", "9.19 %"),
        ("limit/elderly_age/2016-01-01", "75 anni", "75 years"),
        ("limit/fringe_previous_year_until/2016-01-01", "12 gennaio", "12 January"),
        (
            "category/home_rent/C3_FRINGE/2025-01-01",
            "Può pagarla solo con: rimborso.",
            "May pay for it only by: reimbursement.",
        ),
        (
            "category/home_help/C2_F/2016-01-01",
            "Può pagarla, come dice la regola.",
            "May pay for it, as the rule says.",
        ),
        (
            "agreement/metalworkers/2026-01-01",
            (
                "250,00 euro l'anno, a disposizione entro l'ultimo giorno di febbraio, da usare entro il 31 "
                "maggio dell'anno dopo; per chi è in forza il 1° giugno o assunto entro il 31 dicembre; chi è"
                " in prova lo riceve quando la prova finisce; a termine: almeno 3 mesi nell'anno civile; "
                "escluso chi è in aspettativa non retribuita per tutto quel periodo; part-time: per intero; "
                "una volta sola nell'anno."
            ),
            (
                "250.00 euro a year, available by the last day of February, usable until 31 May of the next "
                "year; for who is in force on 1 June or hired until 31 December; who is in probation gets it "
                "when it ends; fixed term: at least 3 months of the calendar year; not for who is on unpaid "
                "leave throughout that period; part-time: in full; once a year."
            ),
        ),
    ],
)
def test_a_row_says_in_both_languages(row_id: str, it: str, en: str) -> None:
    assert (said(row(row_id)).it, said(row(row_id)).en) == (it, en)


def test_an_agreement_without_conditions_says_none() -> None:
    terms = row("agreement/confapi/2025-01-01")
    assert isinstance(terms, Agreement)
    bare = replace(
        terms, probation_excluded=False, fixed_term_min_months=0, unpaid_leave_excluded=False, once_a_year=False
    )
    assert said(replace(bare, part_time_prorated=True)).it == (
        "200,00 euro l'anno, a disposizione entro l'ultimo giorno di febbraio, da usare entro il 31 "
        "dicembre; per chi è in forza il 1° gennaio o assunto entro il 31 dicembre; part-time: in "
        "proporzione."
    )


def test_every_row_has_its_words() -> None:
    for each in BOOK.rows():
        assert all((title(each).it, title(each).en, said(each).it, said(each).en)), each.id
    with pytest.raises(TypeError):
        said(Row(valid_from=DAY, citation="c", source="s", status="confirmed"))


def printed(book: RuleBook, on: date = DAY, *, unsigned_only: bool = False) -> str:
    file = StringIO()
    Console(file=file, width=400).print(sheet(book, rows_on(book, on, unsigned_only=unsigned_only), "it"))
    return file.getvalue()


def test_the_table_shows_what_holds_that_day_and_who_answers_for_it() -> None:
    signed_book = replace(
        BOOK,
        rules=tuple(replace(each, signed_off_by="Studio Paghe", signed_off_on=date(2026, 1, 2)) for each in BOOK.rules),
        lapsed=(Signature(row="limit/elderly_age/2016-01-01", sha256="0", by="Studio Paghe", on=date(2026, 1, 2)),),
    )
    table = printed(signed_book)
    assert [word in table for word in ("Regole:", "Familiari", "Limiti,", "Contratti collettivi", "Servizi,")] == [
        True
    ] * 5
    assert "relation/parent/2025-01-01" in table
    assert "relation/parent/2016-01-01" not in table
    assert "limit/fringe_limit_cents/2025-01-01" in table
    assert "limit/fringe_limit_cents/2028-01-01" not in table
    assert "dal 01/01/2025 al 31/12/2027" in table
    assert table.count("firmata da Studio Paghe il 02/01/2026") == 6
    assert "DA CONFERMARE" in table
    assert "fonte: blog.beneficy.com" in table
    assert "La firma di Studio Paghe (02/01/2026) su limit/elderly_age/2016-01-01 non vale più" in table
    assert "Regole:" not in printed(signed_book, unsigned_only=True)
    assert "Regole:" not in printed(BOOK, date(1950, 1, 1))
