"""The verdict as a table, one line a rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks import Code, Finding, Severity, Subject, run_all
from services.moderation.checks.verdict import HARM_CODES, SPAM_CODES, combine_findings


def of(code, severity, score=0.5):
    return Finding("check", Code(code), Severity(severity), score)


@pytest.mark.parametrize(
    ("findings", "unchecked", "outcome", "lane"),
    [
        ([], [], "clear", 100),  # nothing found
        ([of("link", "info", 0.1)], [], "clear", 100),  # one link is usual
        ([of("shouting", "low", 0.25)], [], "clear", 100),  # bad manners alone are no crime
        ([of("near", "info")], [], "clear", 100),  # a hint asks for nothing
        ([of("exact", "medium", 1)], [], "attention", 200),  # a copy is for a person to decide
        ([of("phrase", "medium", 0.6)], [], "attention", 200),  # one phrase proves nothing
        ([of("phrase", "medium", 0.84)], [], "likely_spam", 50),  # two do
        ([of("phrase", "medium", 0.6), of("link", "low", 0.4)], [], "likely_spam", 50),
        ([of("exact", "medium", 1), of("near", "medium", 1)], [], "attention", 200),  # not spam
        ([of("email", "medium", 0.95)], [], "attention", 300),
        ([of("personnummer", "high", 1)], [], "attention", 400),  # before everything else
        ([of("child", "high", 0.95)], [], "attention", 400),
        ([of("child", "medium", 0.7)], [], "attention", 300),  # an age without a name
        ([of("child", "high", 0.95), of("phrase", "medium", 0.9)], [], "likely_spam", 400),
        ([of("phone", "medium", 0.9), of("phrase", "medium", 0.9)], [], "likely_spam", 50),
        ([of("threat", "high", 0.9), of("phrase", "medium", 0.9)], [], "likely_spam", 400),
        ([of("insult", "medium", 0.8)], [], "attention", 300),
        ([of("person_name", "low", 0.5)], [], "clear", 100),  # many ideas name somebody
        ([], ["spam"], "attention", 250),  # what was not checked is never clear
        ([of("email", "medium", 0.95)], ["spam"], "attention", 300),
        ([of("phrase", "medium", 0.9)], ["duplicates"], "likely_spam", 50),
    ],
)
def test_the_verdict(findings, unchecked, outcome, lane):
    verdict = combine_findings(findings, unchecked)
    assert verdict.outcome == outcome
    assert lane <= verdict.priority <= lane + 9
    assert verdict.lane == lane


FINDINGS = st.lists(
    st.builds(of, st.sampled_from(Code), st.sampled_from(Severity), st.floats(0, 1)), max_size=6
)


@given(FINDINGS, st.randoms())
def test_the_order_of_findings_does_not_matter(findings, chance):
    shuffled = list(findings)
    chance.shuffle(shuffled)
    assert combine_findings(findings).outcome == combine_findings(shuffled).outcome
    assert combine_findings(findings).priority == combine_findings(shuffled).priority


@given(FINDINGS)
def test_only_signs_of_spam_make_spam(findings):
    others = [f for f in findings if f.code not in SPAM_CODES]
    assert combine_findings(others).outcome != "likely_spam"
    assert combine_findings(findings, ["a check"]).outcome != "clear"
    assert not SPAM_CODES & HARM_CODES


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Bygg en lekplats vid stranden i Råå.", "clear"),
        ("Läs mer på goteborg.se om hur de gör.", "clear"),
        ("TÄNK PÅ MILJÖN NÄR NI BYGGER NYA VÄGAR!!!!!!", "clear"),
        ("Tjäna pengar hemifrån! Klicka här: https://bit.ly/abc", "likely_spam"),
        ("Make money online, check out my channel www.pengar.biz", "likely_spam"),
        ("Mejla mig på anna@example.se", "attention"),
    ],
)
def test_whole_texts(text, outcome):
    assert combine_findings(run_all(Subject(text)).findings).outcome == outcome
