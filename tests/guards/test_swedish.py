"""Swedish that stumbles does not come back: words that were given up stand in no text."""

import re

import pytest

from radslag.translations import collect_texts

# What is not said, and what is said instead.
GIVEN_UP = {
    r"kön?s?|köer(na)?": "Att granska",
    r"maskera\w*": "maska",
    r"troligen skräp": "Troligt skräp",
    r"(en |be om )ny titt|tredje titt": "ny prövning, bedömning",
    r"slå(r|s)? av|slog av": "stäng av",
    r"lämnar huset": "skickas vidare",
    r"bokföring\w*": "Avstämning",
    r"datorn såg": "Automatiska kontroller",
    r"står \w+ publikt|redan publik": "visas för alla, redan publicerad",
    r"tomt betyder": "Lämna tomt om",
    r"förseglingen": "Visa originalet",
    r"undanhållna": "testtexter",
    r"den är en annan|adress är en annan": "Fel adress",
    r"deskens?": "Rådslag",
    r"rutkod\w*": "QR-kod",
    r"rena? idéer?": "idéer utan fynd",
    # What is sent to see that it arrives is a test; the verb, of what is tried out, is "prova".
    r"prov(et|en|ens|brev\w*)?": "test, testbrev",
    r"testa(r|s|d|t|de|ts)?": "prova",
}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    found = [
        form
        for message in collect_texts()
        if message.id
        for form in ([message.id] if isinstance(message.id, str) else message.id)
    ]
    assert len(found) > 1000
    return found


@pytest.mark.parametrize("word", GIVEN_UP)
def test_words_that_were_given_up_do_not_come_back(texts, word):
    pattern = re.compile(rf"(?<!\w)(?:{word})(?!\w)", re.IGNORECASE)
    assert [text for text in texts if pattern.search(text)] == [], GIVEN_UP[word]
