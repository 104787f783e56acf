import unicodedata

import pytest

from app.errors import Invalid
from app.identity.password_rules import DEMO_PASSWORD, check

EMAIL = "anna.rossi@example.com"
NAVE = "perché la città è così bella"


@pytest.mark.parametrize(
    "password",
    [
        "quattro gatti sul tetto rosso",
        "k9#Lm2$Pq8@Vz4!",
        "solo lettere minuscole vanno bene",
        "918273645546372819-tre",
        "🐘🦒🐙🦊🐼🐸🦉🐝🦋🐞🦀🐬🐳🦭🦥",
        "我们的家在山谷里河水很清凉夏天",
        NAVE,
        "la valle seriana ha " + "àèìòùç€ßøñ" * 8,
        "il fiume serio " + "".join(chr(0x4E00 + n) for n in range(241)),
        "la password migliore e lunga",
        # A strong sentence stays one when it is said twice.
        "quattro gatti sul tetto quattro gatti sul tetto ",
        # Her name is no secret, the rest is.
        "anna porta tre capre a valbondione",
    ],
)
def test_accepted(password: str) -> None:
    assert check(password, EMAIL) == unicodedata.normalize("NFC", password)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("abcd efgh ijkl", "password_too_short"),
        ("k9#Lm2$Pq8@Vz4", "password_too_short"),
        # 15 code points decomposed, 14 composed.
        ("k9Lm2Pq8Vz4wte\u0300", "password_too_short"),
        ("il fiume serio " + "".join(chr(0x4E00 + n) for n in range(242)), "password_too_long"),
        ("aaaaaaaaaaaaaaaa", "password_repetitive"),
        ("AbAbAbAbAbAbAbAb", "password_repetitive"),
        ("albinoalbinoalbino", "password_repetitive"),
        ("gandino2gandino2", "password_repetitive"),
        ("123456789012345", "password_too_common"),
        ("098765432109876", "password_too_common"),
        ("abcdefghijklmnop", "password_too_common"),
        ("qwertyuiopasdfgh", "password_too_common"),
        ("POIUYTREWQLKJHGFDSA", "password_too_common"),
        ("1qaz2wsx3edc4rfv", "password_too_common"),
        ("passwordpassword1", "password_too_common"),
        ("Password123456789", "password_too_common"),
        ("Beatrice-Welfare-2026", "password_too_common"),
        ("Benvenuto.Beatrice!", "password_too_common"),
        ("CorrectHorseBatteryStaple", "password_too_common"),
        ("Nel Mezzo Del Cammin", "password_too_common"),
        # Decoration does not help, nor do the person's own words, nor what follows a long weak beginning.
        ("nel-mezzo_del.cammin!", "password_too_common"),
        ("Password!2026!Beatrice!", "password_too_common"),
        ("Amministratore Utente 1!", "password_too_common"),
        ("rossi anna rossi anna 7", "password_too_common"),
        ("passwordpassword" * 2 + "k9#Lm2$Pq8@Vz4!", "password_too_common"),
        # Out of the list of common passwords: as it stands, in other letters, decorated, repeated.
        ("myfamilyisthebest123", "password_too_common"),
        ("MyFamilyIsTheBest123", "password_too_common"),
        ("!1myfamilyisthebest12345678", "password_too_common"),
        ("myfamilyisthebest123" * 2, "password_repetitive"),
        ("musicisfuckingspongebob313", "password_too_common"),
        # Two characters only, though in no pattern.
        ("1212211221121221", "password_repetitive"),
        ("anna.rossi@example.com", "password_is_email"),
        ("Anna.Rossi@Example.com!", "password_is_email"),
        ("anna.rossi.12.98", "password_is_email"),
        ("quattro gatti\nsul tetto", "control_character"),
        ("quattro gatti\x00sul tetto", "control_character"),
        ("quattro gatti \x9f sul tetto", "control_character"),
        ("quattro gatti \ud800 sul tetto", "control_character"),
    ],
)
def test_refused(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(password, EMAIL, (), "/new_password")
    [error] = refused.value.members["errors"]
    assert (error["pointer"], error["code"]) == ("/new_password", code)


def test_the_persons_own_words_protect_only_others() -> None:
    assert check("Oprandi-Gherardina-1990", EMAIL) == "Oprandi-Gherardina-1990"
    with pytest.raises(Invalid) as refused:
        check("Oprandi-Gherardina-1990", "gherardina.oprandi@example.com")
    assert refused.value.members["errors"][0]["code"] == "password_too_common"


WORDS = ("Officine Gherardina Oprandi", "Castione della Presolana")


@pytest.mark.parametrize("password", ["OfficineOprandi1990!", "castione-presolana-24020", "presolanacastione"])
def test_names_of_employer_and_place_are_tried_first(password: str) -> None:
    assert check(password, EMAIL) == password
    with pytest.raises(Invalid) as refused:
        check(password, EMAIL, WORDS)
    assert refused.value.members["errors"][0]["code"] == "password_too_common"
    assert check("tre capre salgono a castione della presolana", EMAIL, WORDS)


def test_one_password_however_it_was_typed() -> None:
    decomposed = unicodedata.normalize("NFD", NAVE)
    assert decomposed != NAVE
    assert check(decomposed, EMAIL) == NAVE


def test_the_demo_password_is_for_the_sandbox() -> None:
    assert check(DEMO_PASSWORD, EMAIL) == DEMO_PASSWORD


@pytest.mark.usefixtures("production")
def test_the_demo_password_is_refused_in_production() -> None:
    with pytest.raises(Invalid) as refused:
        check(DEMO_PASSWORD, EMAIL)
    assert refused.value.members["errors"][0]["code"] == "password_too_common"
