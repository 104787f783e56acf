import unicodedata

import pytest

from app import config
from app.identity import passwords
from tests.world.given import PASSWORD

HOME = "192.0.2.1/32"


async def test_hashes_are_argon2id_salted_and_verify() -> None:
    first, second = await passwords.hash_password(PASSWORD, HOME), passwords.hash_now(PASSWORD)
    assert first != second
    assert first.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert await passwords.verify(PASSWORD, first, HOME) == (True, None)
    assert await passwords.verify(PASSWORD, second, HOME) == (True, None)
    assert await passwords.verify(PASSWORD + " ", first, HOME) == (False, None)


async def test_composed_and_decomposed_text_is_one_password() -> None:
    text = "perché la città è così bella"
    assert await passwords.verify(unicodedata.normalize("NFD", text), passwords.hash_now(text), HOME) == (True, None)


@pytest.mark.parametrize("stored", [None, "", "!", "$argon2id$broken", "$2b$12$abc"])
async def test_what_is_no_hash_matches_nothing(stored: str | None) -> None:
    assert await passwords.verify("nobody has this password", stored, HOME) == (False, None)


async def test_a_raised_cost_gives_a_new_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    old = passwords.hash_now(PASSWORD)
    monkeypatch.setenv("BEATRICE_PASSWORD_HASH_TIME_COST", "2")
    config.settings.cache_clear()
    assert config.settings().password_hash_time_cost == 2
    right, new = await passwords.verify(PASSWORD, old, HOME)
    assert right
    assert new is not None
    assert new.startswith("$argon2id$v=19$m=64,t=2,p=1$")
    monkeypatch.undo()
    config.settings.cache_clear()
