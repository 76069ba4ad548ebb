"""Which language a text is in, what is too short to tell, and what an idea's own council reads."""

import csv
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks import Code, Severity, Subject, language, writing
from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.language import identify_language
from shared.i18n import speak_language


def found(text: str, council: str = "sv") -> str | None:
    findings = list(language.run(Subject(text, council_language=council)))
    assert len(findings) <= 1
    return str(findings[0].params["language"]) if findings else None


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("sv", "Vi vill ha fler bänkar i parken"),
        ("sv", "Göteborg behöver en ny simhall"),
        ("no", "Vi trenger flere benker ved sjøen"),
        ("no", "Eg ønskjer meg ein ny leikeplass"),
        ("da", "Vi har brug for flere bænke i parken"),
        ("en", "More benches in the park please"),
        ("de", "Ich hätte gerne mehr Bänke im Park"),
        ("fi", "Haluamme lisää penkkejä puistoon"),
        ("so", "Waxaan rabnaa in la helo kuraas badan"),
        ("pl", "Potrzebujemy więcej ławek w parku"),
        ("tr", "Parka daha fazla bank istiyoruz"),
        ("bs", "Trebamo više klupa u parku"),
        ("sr", "Треба нам више клупа у парку"),
        ("ru", "Нам нужно больше скамеек в парке"),
        ("uk", "Привіт, нам потрібно більше лавок"),
        ("es", "Necesitamos más bancos en el parque"),
        ("fr", "Nous voulons plus de bancs"),
        ("ar", "نحتاج إلى المزيد من المقاعد في الحديقة"),
        ("fa", "ما به نیمکت های بیشتری در پارک نیاز داریم"),
        ("ur", "میں اردو بولتا ہوں اور یہاں رہتا ہوں"),
        ("ps", "موږ په پارک کې ډېرې څوکۍ غواړو"),
        # Kurmanji and Sorani.
        ("ku", "Em dixwazin li parkê bêtir rûniştek hebin"),
        ("ku", "هەموو مرۆڤەکان بە ئازادی لەدایک دەبن"),
        ("ti", "ሰላም ናይ ኣብ ከተማ"),
        ("am", "ሰላም ለሁሉም አዲስ አበባ"),
        ("th", "สวัสดีครับ ผมอยากได้ม้านั่ง"),
        ("zh", "我们需要更多的公园"),
        ("ja", "公園をもっと増やしてください"),
    ],
)
def test_languages_are_told(code, text):
    assert identify_language(text).code == code


@pytest.mark.parametrize(
    "text",
    ["", "ok", "Hej", "First!", "12345 !!!", "😀😀😀", "https://a.example/in/the/of/and", "@the"],
)
def test_too_short_to_tell_is_an_answer(text):
    assert identify_language(text).code is None
    assert found(text) is None


def test_what_staff_read_is_told_and_what_they_may_not_read_asks_a_little_more():
    english, polish = (
        next(language.run(Subject(text)))
        for text in ("More benches in the park please", "Potrzebujemy więcej ławek w parku")
    )
    assert (english.severity, polish.severity) == (Severity.INFO, Severity.LOW)
    # A language is the smallest of signs.
    assert max(english.score, polish.score) <= 0.2
    assert (english.code, english.spans) == (Code.LANGUAGE, ())


def test_the_language_of_the_council_is_what_counts():
    swedish = "Vi vill ha fler bänkar i parken och vid vattnet"
    assert (found(swedish), found(swedish, "en")) == (None, "sv")
    assert found("We would like more benches in the park", "en") is None
    assert found("Eg ønskjer meg ein ny leikeplass", "nn") is None
    assert found("Vi ønsker oss flere benker ved sjøen", "nb") is None


@pytest.mark.parametrize(
    "text",
    [
        "Foodcourt på Avenyn",
        "Way out West borde flytta",
        "Sveriges coolaste skatepark, Golden sk8!",
        "Hus på avenyn",
        "Mer kollektivtrafik",
        "Brunnsparken",
        "Lägg en pub vid Müllers plats och kalla den The Old Ship Inn",
        "Skylta även på arabiska: مرحبا بكم",
    ],
)
def test_swedish_with_names_and_loans_is_swedish_or_untold(text):
    assert found(text) is None


@pytest.mark.parametrize(
    ("tongue", "sentence"),
    [
        ("sv", "Texten verkar vara skriven på bosniska, kroatiska eller serbiska."),
        ("en", None),
    ],
)
def test_three_names_of_one_answer(tongue, sentence):
    finding = next(language.run(Subject("Trebamo više klupa u parku jer nema gdje sjesti")))
    with speak_language(tongue):
        assert sentence is None or explain_finding(finding, "") == sentence
        assert explain_finding(finding, "")


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
def test_any_text_has_an_answer(text):
    share = identify_language(text).share
    assert 0 <= share <= 1 + 1e-9
    assert found(text) is None or found(text) == identify_language(text).code


@pytest.mark.parametrize(
    "piece", ["a", "och ", "å", "ا", "ە ", "и ", "漢", "😀", "the och og ", "a\u030a"]
)
def test_the_work_does_not_grow_with_the_text(piece, monkeypatch):
    """What is compared is a beginning: a text ten times as long costs no more."""
    seen = []
    script_of = writing.script_of
    monkeypatch.setattr(
        writing, "script_of", lambda text: seen.append(len(text)) or script_of(text)
    )
    for times in (100, 1000):
        identify_language(piece * (2 * times))
    assert max(seen) < 600


def test_no_swedish_idea_is_called_anything_else(shared_data):
    path = shared_data / "goteborgsforslaget" / "ideas_2017_2020.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 910
    wrong = [row["id"] for row in rows if found(row["text"])]
    wrong_titles = [row["id"] for row in rows if found(row["title"])]
    assert len(wrong) + len(wrong_titles) <= 2


UDHR = {
    "arb": "ar",
    "bos_latn": "bs",
    "dan": "da",
    "deu_1996": "de",
    "eng": "en",
    "fin": "fi",
    "kmr": "ku",
    "nno": "no",
    "nob": "no",
    "pes_1": "fa",
    "pol": "pl",
    "som": "so",
    "swe": "sv",
    "tur": "tr",
}


def articles(path) -> Iterator[str]:
    space = "{http://www.unhchr.ch/udhr}"
    for article in ET.parse(path).getroot().iter(f"{space}article"):
        for para in article.iter(f"{space}para"):
            yield re.sub(r"\s+", " ", para.text or "").strip()


@pytest.mark.parametrize("key", UDHR)
def test_a_declaration_in_fourteen_languages(shared_data, key):
    """Whole sentences of 60 characters and more; shorter ones are measured by bench/language.py."""
    texts = [
        text for text in articles(shared_data / "language" / f"udhr_{key}.xml") if len(text) >= 60
    ]
    assert len(texts) >= 30
    told = [identify_language(text[:200]).code for text in texts]
    assert told.count(UDHR[key]) / len(told) >= 0.94
