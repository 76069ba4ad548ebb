"""Files for import out of strange programs: read, or refused with what is wrong and what to do."""

import codecs
from zoneinfo import ZoneInfo

import pytest

from services.submission import imports
from services.submission.imports.entries import ImportFileError

CITY = ZoneInfo("Europe/Stockholm")
TABLE = "id{0}text{0}author{0}created_at{1}\r\n1{0}En bänk, tack{0}Åsa{0}2021-11-19{1}\r\n"


def read(data: bytes, form: str = "csv", encoding: str | None = None):
    return imports.read_entries(data, form, CITY, encoding)


@pytest.mark.parametrize("beyond", ["", ";", ";;;"])
@pytest.mark.parametrize("first", ["", "sep=;\r\n", '"sep=;"\r\n', "SEP=;\n"])
@pytest.mark.parametrize("name", ["id", "ID", " Id ", '"ID"'])
@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("cp1252", "cp1252"),
        ("utf-16-le", "utf-16-le"),
    ],
)
def test_a_table_of_excel_is_read(beyond, first, name, encoding, told):
    text = first + TABLE.format(";", beyond).replace("id;", f"{name};", 1)
    (entry,) = read(text.encode(encoding), encoding=told).entries
    assert (entry.id, entry.form.text, entry.form.author) == ("1", "En bänk, tack", "Åsa")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("form", ["csv", "json", "page", "wxr"])
def test_letters_of_two_bytes_without_a_mark_are_named(encoding, form):
    """Without å they are UTF-8, too, with a zero beside each letter."""
    with pytest.raises(ImportFileError, match="UTF-16"):
        read("id;text;created_at\r\n1;En bank;2021-11-19\r\n".encode(encoding), form)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (TABLE.format(";", "").encode("cp1252"), "--encoding cp1252"),
        (codecs.BOM_UTF16_LE + b"i", "this is not utf-16"),
        (b"id;text;created_at\r\n1;a;b;c\r\n", "not as many cells"),
        (b"id;text\r\n1;a\r\n", "columns are missing: created_at"),
        (b"id;id;text;created_at\r\n", "stand twice: id"),
        (b"id;text;created_at\r\n1;a;2021-13-19\r\n", "not a moment"),
        (b"id;text;created_at\r\n1;a;9999-12-31T23:59:59-12:00\r\n", "outside the calendar"),
        (b"id;text;created_at\r\n1;a;0001-01-01T00:00:00+12:00\r\n", "outside the calendar"),
        (b'id;text;created_at\r\n1;"a;2021-11-19\r\n', "line 2: "),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(data, says):
    with pytest.raises(ImportFileError, match=says) as refused:
        read(data)
    assert str(refused.value).startswith("line ")


def doubts(data: bytes, form: str, encoding: str | None = None) -> list[tuple[int, str]]:
    return [(each.line, each.reason) for each in read(data, form, encoding).doubts]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        *(("utf-8", "cp1252"), ("utf-8", "latin-1"), ("cp850", "cp1252"), ("mac-roman", "cp1252")),
        *(("cp1252", "latin-1"), ("cp850", "latin-1"), ("mac-roman", "latin-1")),
    ],
)
def test_letters_in_a_wrong_encoding_stop_an_import(written, read_as):
    """Read without a fault, and published under names that nobody has."""
    quote = "”" if (written, read_as) == ("cp1252", "latin-1") else ""
    text = f"id;text;author;created_at\n1;b;A;2021-11-19\n2;Små träd för Åre{quote};Bo;2021-11-19\n"
    try:
        data = text.encode(written)
        data.decode(read_as)
    except UnicodeError:
        text = text.replace("Å", "å")
        data = text.encode(written)
    ((line, reason),) = doubts(data, "csv", read_as)
    assert line == 3
    assert "wrong encoding" in reason
    assert doubts(text.encode(), "csv") == []


def test_a_sign_that_was_lost_before_is_told():
    ((line, _reason),) = doubts(
        "id;text;created_at\n1;F\ufffdr m\ufffdnga;2021-11-19".encode(), "csv"
    )
    assert line == 2


def test_what_people_write_is_in_the_right_encoding():
    said = "”Öl” sa „Åsa‟ – Jušić, São Paulo, ÃO… €5 †1632 naïve Œuvre Š"
    assert doubts(f"id;text;created_at\n1;{said};2021-11-19".encode(), "csv") == []


def test_a_quote_that_is_missing_puts_nobody_s_words_under_another_name():
    rows = (
        'id,text,author,created_at\n1,"Fler bänkar,Anna,2021-01-01\n'
        '2,Färre bilar,Bo,2021-01-02\n3,Mer grönt","Carl",2021-01-03\n'
    )
    assert [line for line, _reason in doubts(rows.encode(), "csv")] == [2, 3]
    fine = 'id,text,created_at\n1,"Fler bänkar, träd, och\nbelysning sedan 2021-01-01",2021-01-03\n'
    assert doubts(fine.encode(), "csv") == []


def test_nothing_is_lost_between_two_values_of_one_name():
    twice = b'{"id": "1", "text": "Ett", "created_at": "2021-01-01", "text": "Tva"}'
    with pytest.raises(ImportFileError, match="line 1: an entry says the same name twice"):
        read(twice, "json")


PAGE = "19 november, 2021\n\nCarl säger:\n\nHoppas att staden lyssnar.\n\n{}\n\nFler bänkar.\n"


@pytest.mark.parametrize(
    "begins",
    [
        *(
            "Anna Ek, 20 november 2021",
            "20 november 2021 – Anna",
            "ANNA 2021-11-20",
            "Anna (Nov 20, 2021",
        ),
        *(
            "igår\n\nAnna tycker:",
            "en måndag\n\nAnna undrar:",
            "den nittonde november\n\nAnna svarar:",
        ),
        *(
            "20 november 2021\n\nAnna tycker",
            "20/11 2021\nAnna:",
            "Anna säger: Fler bänkar",
            "säger:",
        ),
        *("20 november, 2021\vAnna säger:\vHej", "2021-11-20 18:42\nAnna"),
    ],
)
def test_however_somebody_else_begins_a_page_their_words_are_no_other_s(begins):
    """Written in a way that is not read: then it is told, with its line."""
    assert doubts(PAGE.format(begins).encode(), "page")


@pytest.mark.parametrize(
    "goes_on",
    [
        *(
            "Det var mycket bättre 2019.",
            "Mötet den 20 november 2021 var bra.",
            "Så här:",
            "1. Bänkar:",
        ),
        *(
            "Vi ses på mötet som hålls den 20 november 2021",
            "sedan 20 november 2021",
            "Hälsningar Anna",
        ),
    ],
)
def test_what_somebody_goes_on_to_say_is_theirs(goes_on):
    assert doubts(PAGE.format(goes_on).encode(), "page") == []


WXR = (
    '<rss xmlns:wp="http://wordpress.org/export/1.2/"><channel><item><wp:status>publish</wp:status>'
    "<wp:comment><wp:comment_id>1</wp:comment_id><wp:comment_author><![CDATA[{}]]>"
    "</wp:comment_author><wp:comment_date_gmt>2021-11-19 18:30:00</wp:comment_date_gmt>"
    "<wp:comment_content><![CDATA[Hej {}]]></wp:comment_content>"
    "<wp:comment_approved>1</wp:comment_approved></wp:comment></item></channel></rss>"
)


@pytest.mark.parametrize(
    "number", ["&#" + "1" * 5000 + ";", "&#x" + "f" * 5000, "&#xD800;", "&#0;"]
)
def test_no_sign_that_a_commenter_made_up_stops_an_import(number):
    """Anybody could write there, and Python reads no number of thousands of digits."""
    (entry,) = read(WXR.format(number, number).encode(), "wxr").entries
    assert (entry.form.text, entry.form.author) == ("Hej \ufffd", "\ufffd")


@pytest.mark.parametrize(
    ("about", "was_public"),
    [
        ("<wp:post_type>post</wp:post_type>", True),
        ("<wp:post_type>invanarrad</wp:post_type>", True),
        ("<wp:post_type>feedback</wp:post_type>", False),
        ("<wp:post_type><![CDATA[ shop_order ]]></wp:post_type>", False),
        ("<wp:post_password>x</wp:post_password>", False),
        ("<wp:status>private</wp:status>", False),
        ("<wp:status>future</wp:status>", False),
        ("<wp:status>inherit</wp:status>", False),
        ("<wp:status>Publish</wp:status>", False),
    ],
)
def test_what_had_no_page_for_readers_waits(about, was_public):
    """Also where what makes it so stands below the comment, or later once more."""
    told = WXR.format("Kim", "då").replace("</item>", f"{about}</item>")
    (entry,) = read(told.encode(), "wxr").entries
    assert entry.was_public is was_public


def test_a_line_of_blanks_is_read_once():
    """Where a name ends and the blanks after it begin may be tried in as many ways as there are."""
    blanks = f"a{' ' * 300_000}b"
    with pytest.raises(ImportFileError, match="more than 20000 characters"):
        read(PAGE.format(f"20 november, 2021\n\n{blanks}").encode(), "page")
