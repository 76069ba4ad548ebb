"""Whatever is sent in: no check raises, and spans lie inside the text."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.moderation.checks import Code, Subject, run_all
from services.moderation.checks.explanations import explain_finding

# Arbitrary characters, lone surrogates among them, between pieces that checks react to.
PIECES = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(
        [
            *(
                "a@b.se",
                "070-1740605",
                "811218-9876",
                "jag heter ",
                "Minna",
                " är 11 år",
                "går i 4B ",
            ),
            *(
                "https://bit.ly/x",
                "www.a.se",
                "klicka här",
                "AAAAAA ",
                "NU NU NU NU ",
                "/Li 9 år\n",
            ),
            *("😀", "e\u0301", "\u202e", "سلام ", "\u200d", "1", " ", ".", "-", "(at)", "+46 "),
        ]
    ),
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)


# The first text waits until the models are read.
@given(TEXTS, TEXTS)
# Two readings of the lines, of which only one has a name beside the age.
@example("I 1A/A0 1ÅR\r0", "0")
def test_no_check_raises_and_spans_lie_inside(text, author):
    result = run_all(Subject(text, author))
    assert result.unchecked == ()
    for finding in result.findings:
        held = text if finding.field == "text" else author
        for start, end in finding.spans:
            assert 0 <= start < end <= len(held)
            assert held[start:end].strip()
        # Numbers and codes, never words of the resident's.
        assert all(
            name in {"kind", "language", "service"}
            for name, value in finding.params.items()
            if isinstance(value, str)
        )
        assert explain_finding(finding, held)
    kinds = Counter(
        (finding.code, finding.field, finding.params.get("kind")) for finding in result.findings
    )
    assert all(count == 1 for count in kinds.values())


AROUND = st.sampled_from(["😀", "e\u0301", "שלום", "سلام", "👩‍🚀", "\u202e", "\ufeff", "𝐀", "—"])


@given(st.lists(AROUND, max_size=6).map(" ".join), st.lists(AROUND, max_size=6).map(" ".join))
def test_spans_slice_to_what_is_claimed_in_any_surroundings(before, after):
    text = f"{before} Jag heter Minna och är 11 år. Mejla a@b.se eller se www.c.se nu {after}"
    marked = {
        finding.code: [text[start:end] for start, end in finding.spans]
        for finding in run_all(Subject(text)).findings
    }
    assert marked[Code.CHILD] == ["Minna", "11 år"]
    assert marked[Code.EMAIL] == ["a@b.se"]
    assert marked[Code.LINK] == ["www.c.se"]


@pytest.mark.parametrize(
    "text",
    [
        "😀" * 2000,
        "a" * 2000,
        "@" * 2000,
        "a@" * 1000,
        "1 " * 1000,
        "1." * 1000,
        "http://" * 285,
        "Jag heter Anna, " * 125,
        "Anna Berg " * 200,
        "jag är två tre fyra fem " * 80,
        "(((((" * 400,
        "\u202e" * 2000,
        "\n" * 2000,
    ],
)
def test_bad_input_ends(text):
    assert run_all(Subject(text, text)).unchecked == ()
