"""What stands in a header is what arrives in it, on whatever Python: read as raw bytes."""

import re
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.notify.mail import headers

_ODD = st.sampled_from(
    ["\r\n", "\n", "\r\nBcc: x@y.example", "\r\n\r\n", "=?utf-8?q?=0D=0A?=", "=?", "?=", "\x00"]
)
WORDS = st.lists(
    st.one_of(_ODD, st.text(max_size=12), st.text("abcåäö", min_size=1, max_size=90)), max_size=14
).map(" ".join)


def lines(header: headers.Header) -> list[str]:
    return header.fold(policy=_Policy()).split("\r\n")  # type: ignore[arg-type]


class _Policy:
    linesep = "\r\n"


def unfolded(header: headers.Header) -> str:
    """What a reader sees: line ends out (RFC 5322 §2.2.3), then encoded words (RFC 2047)."""
    _name, value = "".join(lines(header)).split(": ", 1)
    return str(make_header(decode_header(value)))


@given(WORDS)
@example("Larm: Arbete blir liggande: kontroller av idéer och 2 till, som har väntat i sju timmar")
@example("Alarm: Work is left undone: checks of ideas and two others that have waited for hours")
@example("x" * 300)
@example("=?utf-8?q?=0D=0ABcc=3A_x?=")
@example("Council =?utf-8?q?=2C?= two")
@example("å" * 300)
def test_a_subject_arrives_as_it_was_written(words):
    header = headers.make_text_header("Subject", words)
    *folded, last = lines(header)
    assert last == ""
    assert all(re.fullmatch(r" ?[!-~](?:[ -~]*[!-~])?", line) for line in folded)
    assert all(line.startswith(" ") for line in folded[1:])
    assert all(len(line) <= headers.LINE for line in folded)
    # Nothing of what a stranger wrote is an encoded word to whoever reads it.
    said = unfolded(header)
    assert said == str(header) if str(header) else said == '""'


@given(WORDS)
@example('Råd, "slag" <x@y.example>')
@example("=?utf-8?q?a=2C_=3Cx=40y.example=3E=2C?=")
@example("=?utf-8?q?a=2C?=")
@example('Plain, "quoted" <x@y.example>')
def test_a_name_is_no_address(name):
    header = headers.make_mailbox_header(
        "From", "a@stad.example", headers.make_text_header("From", name)
    )
    folded = lines(header)[:-1]
    assert all(line.startswith(" ") for line in folded[1:])
    value = "".join(folded).removeprefix("From: ")
    assert value.endswith("<a@stad.example>") or value == "a@stad.example"
    if "=?" in value:
        # Only words of our own are encoded, and they say what was written.
        assert unfolded(header) == str(header)
    quoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", value).removesuffix("<a@stad.example>")
    assert value == "a@stad.example" or not set(quoted) & set('@<>,;:"')


@pytest.mark.parametrize("value", ["", "a b", "a\r\nb", "a\nb", "å", "<a>\r\nBcc: x@y.example"])
def test_a_word_that_is_more_than_one_is_refused(value):
    with pytest.raises(ValueError, match="header"):
        headers.make_token_header("List-Id", value)
    with pytest.raises(ValueError, match="Message-ID"):
        headers.message_id(f"<{value}>")


def test_no_header_is_made_of_two_lines():
    for written in ("a\nBcc: x@y.example", "a\r\n b", "a\n", "a\n \n b", "", "a\x00"):
        with pytest.raises(ValueError, match="header"):
            headers.Header("Subject", "a", written)
