from app.search import synonyms


def test_every_phrase_is_plain_and_in_one_group_only() -> None:
    phrases = [phrase for group in synonyms.GROUPS for phrase in group]
    assert phrases == [synonyms.plain(phrase) for phrase in phrases]
    assert len(phrases) == len(set(phrases))
    assert all(len(group) > 1 for group in synonyms.GROUPS)


def test_plain_drops_case_accents_and_signs() -> None:
    assert synonyms.plain("  Città-d'ÀRTE_%  ") == "citta d arte"


def test_a_phrase_is_replaced_where_it_stands_as_whole_words() -> None:
    groups = [("tata", "baby sitter"), ("nido", "asilo nido")]
    assert synonyms.variants("Baby-Sitter serale", groups) == ["Baby-Sitter serale", "tata serale"]
    assert synonyms.variants("asilo nido", groups) == ["asilo nido", "nido"]
    assert synonyms.variants("statale", groups) == ["statale"]


def test_operators_are_taken_as_they_are() -> None:
    for query in ('"tata"', "tata or nido", "casa -tata"):
        assert synonyms.variants(query) == [query]


def test_wordings_are_bounded() -> None:
    assert len(synonyms.variants(" ".join(group[0] for group in synonyms.GROUPS))) == synonyms.MAX_VARIANTS


def test_any_wording_may_be_found_whatever_sign_the_first_ends_with() -> None:
    assert synonyms.any_of(["Baby-Sitter!"]) == "Baby-Sitter!"
    assert synonyms.any_of(["Baby-Sitter (&_", "tata"]) == "Baby-Sitter or tata"
