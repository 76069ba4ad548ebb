"""What form tools send, read as keys and texts; what is not what it says is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submission.hooks.bodies import MOST_KEYS, UnreadableBodyError, fold_key, read_body

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=XX"


def parts(*of: bytes) -> bytes:
    return b"".join(b"--XX\r\n" + each + b"\r\n" for each in of) + b"--XX--\r\n"


def part(name: str, value: str, more: str = "") -> bytes:
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}'.encode()


@pytest.mark.parametrize(
    ("body", "kind", "read"),
    [
        (b'{"text": "a"}', "application/json", {"text": "a"}),
        (b'{"text": "a"}', "Application/JSON ; charset=utf-8", {"text": "a"}),
        (b'{"text": "a"}', "application/problem+json", {"text": "a"}),
        ('{"a": "å"}'.encode("utf-16"), "application/json", {"a": "å"}),
        (b'\xef\xbb\xbf{"a": "b"}', "application/json", {"a": "b"}),
        (b'{"a": 1, "b": true, "c": null, "d": 1.5}', "application/json",
         {"a": "1", "b": "true", "c": "", "d": "1.5"}),
        (b'{"a": ["x", "y", 2], "b": []}', "application/json", {"a": "x, y, 2"}),
        (b'{"a": {"b": {"c": "x"}}}', "application/json", {"a.b.c": "x"}),
        (b'{"a": [{"q": "x"}, {"q": "y"}]}', "application/json", {"a.0.q": "x", "a.1.q": "y"}),
        (b'{"a": [{"name": "n", "v": "x"}, {"name": "m", "v": "y"}]}', "application/json",
         {"a.n.name": "n", "a.n.v": "x", "a.m.name": "m", "a.m.v": "y"}),
        # Two of one name are known by their places.
        (b'{"a": [{"name": "n"}, {"name": "n"}]}', "application/json",
         {"a.0.name": "n", "a.1.name": "n"}),
        (b'{"a": [{"text": "x", "field": {"ref": "wish"}}]}', "application/json",
         {"a.wish.text": "x", "a.wish.field.ref": "wish"}),
        (b'[{"a": "x"}]', "application/json", {"0.a": "x"}),
        (b'"x"', "application/json", {"": "x"}),
        (b"a=x+y&b=%C3%A5&b=z&c=", FORM, {"a": "x y", "b": "å, z", "c": ""}),
        (b"a=%E5", f"{FORM}; charset=iso-8859-1", {"a": "å"}),
        # As `curl -d` sends what was typed.
        ("text=Fler bänkar & träd=å%C3%A5".encode(), FORM, {"text": "Fler bänkar ", " träd": "åå"}),
        (b"a=\xe5%E5", f"{FORM}; charset=windows-1252", {"a": "åå"}),
        # An old page, whose form says nothing of how it is written.
        (b"text=B%E4nkar+%96+tack&f%F6rnamn=%C5sa", FORM,
         {"text": "Bänkar – tack", "förnamn": "Åsa"}),
        (b"a=\xe5", FORM, {"a": "å"}),
        (parts(b'Content-Disposition: form-data; name="id\xe9"\r\n\r\n\xe5'), PARTS, {"idé": "å"}),
        (b"", FORM, {}),
        (parts(part("a", "x\r\ny"), part("idé", "å")), PARTS, {"a": "x\r\ny", "idé": "å"}),
        (parts(part("a", "x")), 'multipart/form-data; boundary="XX"', {"a": "x"}),
        (parts(part("a", "x"), part("f", "\0", '; filename="b.png"')), PARTS, {"a": "x"}),
        (parts(part("a", "x"), part("f", "\0", '; filename=""')), PARTS, {"a": "x"}),
        (parts(part("a%22b", "x")), PARTS, {'a"b': "x"}),
        (b"--XX--\r\n", PARTS, {}),
        # Written by hand, and with a line for those whose program reads no parts.
        (parts(part("a", "x\r\ny")).replace(b"\r\n", b"\n"), PARTS, {"a": "x\r\ny"}),
        (b"Of several parts.\r\n" + parts(part("a", "x")) + b"\r\nEnd", PARTS, {"a": "x"}),
    ],
)  # fmt: skip
def test_keys_and_texts_are_read(body, kind, read):
    assert read_body(body, kind) == read
    assert list(read_body(body, kind)) == list(read)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b'{"a": NaN}', "application/json"),
        (b"[" * 20_000, "application/json"),
        (b"text=x", "application/json"),
        # Cut in the middle of a letter: one whole letter says that it was to be UTF-8.
        (b"a=%C3%A5%C3", FORM),
        ("a=å".encode()[:-1] + "ä".encode(), FORM),
        # No letter of anything.
        (b"a=%81", FORM),
        (b"a=%61", f"{FORM}; charset=klingon"),
        (b"&".join(b"a%d=x" % n for n in range(MOST_KEYS + 1)), FORM),
        (b"[" + b",".join([b'{"a":1}'] * (MOST_KEYS + 1)) + b"]", "application/json"),
        (parts(part("a", "x")), "multipart/form-data"),
        (parts(part("a", "x")), "multipart/form-data; boundary=YY"),
        (b"--XX\r\n" + part("a", "x"), PARTS),
        (parts(b"no head"), PARTS),
        (parts(b"Content-Disposition: form-data\r\n\r\nx"), PARTS),
        (parts(b'Content-Disposition: form-data; name="a"\r\n\r\n\xc3\xa5\xe5'), PARTS),
        (b"hej", "text/plain"),
        (b"hej", ""),
    ],
)
def test_what_is_not_what_it_says_is_refused_without_its_words(body, kind):
    with pytest.raises(UnreadableBodyError) as refused:
        read_body(body, kind)
    assert str(refused.value) == ""
    assert refused.value.__cause__ is None


def test_keys_are_composed_and_compared_without_case():
    decomposed = unicodedata.normalize("NFD", "Förslag é")
    assert list(read_body(f'{{"{decomposed}": "x"}}'.encode(), "application/json")) == ["Förslag é"]
    assert fold_key(decomposed) == fold_key("FÖRSLAG É") == "förslag é"
    assert fold_key(" Förslag\r\né\u00a0") == "förslag é"


@given(
    st.binary(max_size=60),
    st.sampled_from(
        ["application/json", FORM, PARTS, f"{FORM}; charset=utf-7", PARTS + "; charset=\x00"]
    ),
)
def test_whatever_comes_is_read_or_refused(body, kind):
    try:
        read = read_body(body, kind)
    except UnreadableBodyError:
        return
    assert all(isinstance(each, str) for pair in read.items() for each in pair)
