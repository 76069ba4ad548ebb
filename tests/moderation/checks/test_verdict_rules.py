"""What findings mean together, over every pair of them; held against the tables of `verdict`."""

from itertools import combinations_with_replacement

import pytest

from services.moderation.checks import Code, Finding, Severity, worst_first
from services.moderation.checks.finding import join_spans
from services.moderation.checks.verdict import (
    SPAM_THRESHOLD,
    Combined,
    Lane,
    combine_findings,
    lane_of,
    spam_score,
)
from shared.models import Outcome

SPAM = {
    *("link", "shouting", "repetition", "phrase", "offer", "invisible", "mixed_script"),
    *("gibberish", "learned_spam", "burst", "honeypot", "time_trap", "listed", "language"),
}
HARM = {
    *("email", "phone", "personnummer", "child", "person_name", "address", "account", "plate"),
    *("handle", "sensitive", "threat", "hate", "insult", "profanity", "self_harm", "accusation"),
    "learned_tone",
}
NEITHER = {"exact", "near", "semantic", "not_public_before"}
ORDER = ("info", "low", "medium", "high")


def of(code, severity, score):
    return Finding("check", Code(code), Severity(severity), score)


def by_the_table(findings, unchecked):
    """The docstring of `verdict`, written down once more."""
    left = 1.0
    for finding in findings:
        if finding.code in SPAM:
            left *= 1 - finding.score
    harm = max((ORDER.index(f.severity) for f in findings if f.code in HARM), default=0)
    worst = max((ORDER.index(f.severity) for f in findings), default=0)
    if 1 - left >= 0.75:
        outcome = "likely_spam"
    else:
        outcome = "attention" if unchecked or worst >= 2 else "clear"
    if harm == 3:
        lane = 400
    elif outcome == "likely_spam":
        lane = 50
    elif harm == 2:
        lane = 300
    elif unchecked:
        lane = 250
    else:
        lane = 200 if outcome == "attention" else 100
    strongest = max((f.score for f in findings if ORDER.index(f.severity) == worst), default=0)
    return outcome, lane + int(9 * strongest)


def test_every_code_is_a_sign_of_spam_or_of_harm_or_of_neither():
    assert {code.value for code in Code} == SPAM | HARM | NEITHER


@pytest.mark.parametrize("unchecked", [(), ("spam",)])
def test_every_two_findings_mean_what_the_table_says(unchecked):
    single = [of(c, s, x) for c in Code for s in Severity for x in (0.0, 0.5, 1.0)]
    some = [of(c, s, 0.5) for c in ("link", "email", "threat", "near") for s in Severity]
    sets = [[], *([each] for each in single)]
    sets += [list(pair) for pair in combinations_with_replacement(some, 2)]
    sets += [[each, other] for each in single for other in some]
    wrong = [
        (findings, combine_findings(findings, unchecked))
        for findings in sets
        if tuple(combine_findings(findings, unchecked)) != by_the_table(findings, unchecked)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("score", "outcome"), [(0.7499, "attention"), (0.75, "likely_spam"), (0.7501, "likely_spam")]
)
def test_spam_begins_exactly_at_the_threshold(score, outcome):
    assert SPAM_THRESHOLD == 0.75
    assert combine_findings([of("phrase", "medium", score)]).outcome == outcome


def test_two_halves_are_three_quarters():
    halves = [of("link", "low", 0.5), of("offer", "low", 0.5)]
    assert spam_score(halves) == 0.75
    assert combine_findings(halves).outcome is Outcome.LIKELY_SPAM
    assert spam_score([*halves, of("email", "high", 1.0)]) == 0.75


def test_another_threshold_is_for_trying_out():
    [found] = [[of("phrase", "medium", 0.6)]]
    assert combine_findings(found, spam_threshold=0.6).outcome is Outcome.LIKELY_SPAM
    assert combine_findings(found, spam_threshold=0.61).outcome is Outcome.ATTENTION


def test_the_priority_counts_the_score_of_the_worst_finding_only():
    assert combine_findings([of("email", "medium", 1.0)]).priority == 309
    assert combine_findings([of("email", "medium", 0.99)]).priority == 308
    assert combine_findings([of("email", "medium", 0.3), of("phone", "low", 0.9)]).priority == 302
    assert (
        combine_findings([of("email", "medium", 0.3), of("exact", "medium", 0.9)]).priority == 308
    )
    assert combine_findings([]).priority == 100


@pytest.mark.parametrize(
    ("priority", "lane"),
    [
        (0, Lane.LIKELY_SPAM),
        (49, Lane.LIKELY_SPAM),
        (59, Lane.LIKELY_SPAM),
        (99, Lane.LIKELY_SPAM),
        (100, Lane.ORDINARY),
        (199, Lane.ORDINARY),
        (200, Lane.ATTENTION),
        (249, Lane.ATTENTION),
        (250, Lane.UNCHECKED),
        (299, Lane.UNCHECKED),
        (300, Lane.CARE),
        (399, Lane.CARE),
        (400, Lane.URGENT),
        (409, Lane.URGENT),
    ],
)
def test_a_lane_begins_at_its_number(priority, lane):
    assert lane_of(priority) is lane
    assert Combined(Outcome.CLEAR, priority).lane is lane


def test_findings_are_sorted_by_severity_then_score_then_place():
    def at(severity, score, field, spans, code):
        return Finding("check", Code(code), Severity(severity), score, field, spans)

    ordered = [
        at("high", 0.1, "text", ((9, 10),), "threat"),
        at("medium", 0.9, "text", (), "phone"),
        at("medium", 0.5, "author", ((5, 6),), "email"),
        at("medium", 0.5, "text", ((1, 2),), "phone"),
        at("medium", 0.5, "text", ((3, 4),), "email"),
        at("medium", 0.5, "text", ((3, 4),), "phone"),
        at("low", 1.0, "text", (), "link"),
        at("info", 1.0, "text", (), "link"),
    ]
    assert worst_first(reversed(ordered)) == tuple(ordered)
    assert worst_first(ordered) == tuple(ordered)


@pytest.mark.parametrize(
    ("spans", "made_one"),
    [
        ([], ()),
        ([(3, 4), (0, 1)], ((0, 1), (3, 4))),
        ([(0, 2), (2, 3)], ((0, 3),)),  # they touch
        ([(0, 2), (3, 4)], ((0, 2), (3, 4))),  # one character between them
        ([(0, 9), (2, 3)], ((0, 9),)),  # one inside another
        ([(0, 3), (2, 5), (5, 6), (7, 8)], ((0, 6), (7, 8))),
    ],
)
def test_spans_that_touch_or_overlap_are_one(spans, made_one):
    assert join_spans(spans) == made_one


@pytest.mark.parametrize("score", [0, 0.5, 1])
def test_a_finding_at_the_edge_of_the_rules_is_taken(score):
    finding = Finding("spam", Code.LINK, Severity.LOW, score, spans=((0, 1), (1, 2), (5, 9)))
    assert finding.spans == ((0, 1), (1, 2), (5, 9))


@pytest.mark.parametrize("score", [-0.01, 1.01])
def test_a_score_outside_is_refused(score):
    with pytest.raises(ValueError, match="share"):
        Finding("spam", Code.LINK, Severity.LOW, score)


@pytest.mark.parametrize("spans", [((4, 3),), ((3, 5), (0, 1)), ((0, 5), (4, 6)), ((5, 5),)])
def test_spans_out_of_order_are_refused(spans):
    with pytest.raises(ValueError, match="spans"):
        Finding("spam", Code.LINK, Severity.LOW, 0.5, spans=spans)
