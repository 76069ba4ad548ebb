"""The frame: checks run apart, findings hold no words, every code explains itself."""

import logging
from uuid import UUID

import pytest

from services.moderation.checks import (
    CHECK_VERSIONS,
    CHECKS,
    Check,
    Code,
    Finding,
    Severity,
    Subject,
    run_all,
)
from services.moderation.checks.duplicates import HINT, copy_finding
from services.moderation.checks.explanations import explain_finding, name_finding
from shared.i18n import gettext, speak_language

EARLIER = UUID("01930000-0000-7000-8000-000000000001")


def test_a_check_that_raises_is_unchecked_and_tells_no_words(caplog):
    def broken(subject):
        yield Finding("broken", Code.LINK, Severity.LOW, 0.1)
        raise RuntimeError(subject.text)

    subject = Subject("Hemligt namn: Kanariefågel, mejla x@y.se")
    with caplog.at_level(logging.DEBUG):
        result = run_all(subject, [Check("broken", 1, broken), *CHECKS])
    assert result.unchecked == ("broken",)
    assert [f.code for f in result.findings if f.check != "broken"] == [Code.EMAIL]
    assert len(caplog.records) == 1
    assert "Kanariefågel" not in str(vars(caplog.records[0]))
    assert "RuntimeError at test_frame.py" in vars(caplog.records[0])["error"]


def test_findings_come_worst_first():
    text = "Kolla goteborg.se, ring 070-174 06 05. Jag heter Li och är 9 år."
    findings = run_all(Subject(text)).findings
    assert [f.code for f in findings] == [Code.CHILD, Code.PHONE, Code.LINK]


def test_names_of_checks_are_unique_and_have_versions():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert set(CHECK_VERSIONS) == {check.name for check in CHECKS} | {"duplicates"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": 1.5},
        {"score": float("nan")},
        {"score": 0.5, "spans": ((3, 3),)},
        {"score": 0.5, "spans": ((-1, 3),)},
        {"score": 0.5, "spans": ((0, 3), (2, 4))},
    ],
)
def test_a_finding_that_breaks_the_rules_is_refused(wrong):
    with pytest.raises(ValueError, match=r"share|spans"):
        Finding("spam", Code.LINK, Severity.LOW, **wrong)


def test_severities_have_an_order():
    assert sorted(Severity, key=lambda s: s.rank) == ["info", "low", "medium", "high"]


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("field", ["text", "author"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_every_code_has_a_title_and_a_sentence(code, field, count):
    spans = ((0, 3), (5, 9))[:count]
    finding = Finding("x", code, Severity.LOW, 0.6, field, spans, {"number": "R-2021-000003"})
    for language in ("sv", "en"):
        with speak_language(language):
            assert name_finding(code)
            sentence = explain_finding(finding, "Abc, defg.")
            assert sentence[0].isupper() or sentence[0].isdigit()
            assert sentence.endswith(".")
            assert "%(" not in sentence
            assert sentence.count(". ") == 0
            # A text that was destroyed cannot be quoted, and the sentence still stands.
            assert explain_finding(finding, "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Mejla x@y.se!", "Texten innehåller en mejladress: ”x@y.se”."),
        ("x@y.se eller a@b.nu", "Texten innehåller 2 mejladresser: ”x@y.se”, ”a@b.nu”."),
        ("Ring 042-10 50 00", "Texten innehåller ett telefonnummer: ”042-10 50 00”."),
        ("Jag är 811218-9876", "Texten innehåller ett personnummer: ”811218-9876”."),
        (
            "Hej! Jag heter Minna och är 11 år.Jag tycker",
            "Ett barns namn och ålder står i texten: ”Minna”, ”11 år”.",
        ),
        ("Jag är 11 år.", "Den som skriver verkar vara ett barn: ”11 år”."),
        ("Se goteborg.se", "Texten innehåller en länk: ”goteborg.se”."),
        ("Jaaaaaa!", "Tecken eller ord upprepas många gånger: ”aaaaaa”."),
        ("Klicka  här nu", "En fras är vanlig i reklam och skräppost: ”Klicka här”."),
    ],
)
def test_sentences_quote_the_words_at_the_spans(text, sentence):
    assert explain_finding(run_all(Subject(text)).findings[0], text) == sentence


def test_a_quote_cannot_disturb_the_sentence():
    text = "a\u202eb\nc" + "d" * 200
    finding = Finding("spam", Code.REPETITION, Severity.LOW, 0.2, spans=((0, len(text)),))
    sentence = explain_finding(finding, text)
    assert "\u202e" not in sentence
    assert "\n" not in sentence
    assert len(sentence) < 120


@pytest.mark.parametrize(
    ("kind", "score", "code", "severity", "sentence"),
    [
        ("exact", 1.0, "exact", "medium", "Samma text som %(number)s, som kom in först."),
        ("near", 0.93, "near", "medium", "Nästan samma text som %(number)s, som kom in först."),
        ("contained", 0.97, "near", "medium", "En del av texten är densamma som i %(number)s."),
        ("contained", HINT, "near", "info", "En kort del av texten liknar %(number)s."),
    ],
)
def test_a_copy_names_the_idea_that_was_first(kind, score, code, severity, sentence):
    number = "R-2021-000003"
    finding = copy_finding(kind=kind, score=score, number=number, similar_to=EARLIER, text="a" * 20)
    assert (finding.code, finding.severity, finding.similar_to) == (code, severity, EARLIER)
    assert finding.spans == (((0, 20),) if kind == "exact" else ())
    assert explain_finding(finding, "x" * 20) == gettext(sentence, number=number)
