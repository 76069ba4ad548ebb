"""The catalogs: complete, and saying the same parameters as the Swedish texts."""

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from radslag import translations


@pytest.fixture
def catalogs(tmp_path, monkeypatch):
    """A catalog of its own, to be filled by the test."""
    monkeypatch.setattr(translations, "LOCALE_DIR", tmp_path)
    path = tmp_path / "en" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)

    def fill(texts: dict[str, str]) -> None:
        catalog = Catalog(locale="en")
        for swedish, english in texts.items():
            catalog.add(swedish, english, flags=["python-format"] if "%(" in swedish else [])
        with path.open("wb") as file:
            write_po(file, catalog)

    return fill


def test_what_is_not_translated_is_named(catalogs, monkeypatch):
    texts = Catalog()
    texts.add("Sidan finns inte")
    texts.add("%(n)s länkar", flags=["python-format"])
    monkeypatch.setattr(translations, "collect_texts", lambda: texts)

    catalogs({"Sidan finns inte": "There is no such page"})
    assert translations.find_missing() == ["en: not translated: '%(n)s länkar'"]

    catalogs({"Sidan finns inte": "There is no such page", "%(n)s länkar": "%(count)s links"})
    assert len(translations.find_missing()) == 1

    catalogs({"Sidan finns inte": "There is no such page", "%(n)s länkar": "%(n)s links"})
    assert translations.find_missing() == []


def test_the_texts_of_code_and_templates_are_found():
    texts = {message.id for message in translations.collect_texts() if message.id}
    assert "Sidan finns inte" in texts
