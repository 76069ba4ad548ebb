"""Staff enter what somebody said: one at a time, many at once, and what they print."""

import io
import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from services.moderation.people import accounts
from services.submission.slips.desk import slip_form
from shared.models import AuditEntry, Council, Idea, IdeaStatus, IdeaText, QueueEntry, Role, Slip
from tests.factories import a_council, count
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.desk.test_kept_words import come_back, filled_in
from tests.submission.conftest import check_page

COMMON = {"council": "motesplatser", "channel": "meeting", "form_key": "a form"}


@pytest.fixture
def council(desk, session) -> Council:
    made = a_council(session, slug="motesplatser", title="Mötesplatser", publishes_clear=True)
    session.commit()
    return made


def said(page) -> str:
    return " ".join(page.select_one("main").text.split())


def seen(desk, answer, status=200):
    assert answer.status_code == status, answer.text
    page = desk.page(answer)
    for each in page.select("[data-keys-switch]"):
        each.decompose()  # Its label is around it, as no field of a form has it.
    check_page(page)
    return page


def as_sent(page) -> dict[str, list[str]]:
    """Return the fields of the form on a page, as a browser sends them without its button."""
    form = page.select("main form")[-1]
    fields: dict[str, list[str]] = {}
    for each in form.select("input[name], textarea, select"):
        if each.name == "select":
            chosen = each.select_one("option[selected]") or {"value": ""}
            value = chosen["value"]
        else:
            value = each.get("value", "") if each.name == "input" else each.text
        if each.name == "textarea":
            value = value.removeprefix("\n")
        fields.setdefault(each["name"], []).append(value)
    return fields


def audit(session) -> list[tuple[str, dict]]:
    session.rollback()
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [(entry.action, entry.after) for entry in entries]


def texts(page) -> list[str]:
    return [each.text.removeprefix("\n") for each in page.select("[name=slip_text]")]


def test_one_after_another_by_keyboard(desk, session, council):
    """What the next one has in common with the last is filled in, and its text has the focus."""
    form = seen(desk, desk.client.get("/slips", base_url=desk.base))
    typed = COMMON | {"form_key": as_sent(form)["form_key"][0], "day": "2026-01-02"}
    answer = desk.post("/slips", **typed, text="En bänk", author="Kim", do="next")
    assert answer.status_code == 303
    following = seen(desk, desk.client.get(answer.location, base_url=desk.base))
    idea = session.scalars(select(Idea)).one()
    assert f"{idea.number} är inskriven" in said(following)
    assert following.select_one("textarea[autofocus]")["id"] == "text"
    again = as_sent(following)
    assert {name: again[name] for name in ("council", "channel", "day", "text", "author")} == {
        "council": ["motesplatser"],
        "channel": ["meeting"],
        "day": ["2026-01-02"],
        "text": [""],
        "author": [""],
    }
    assert again["form_key"] != [typed["form_key"]]
    # A hurried hand sends it twice: the same idea, and one line in the log.
    assert desk.post("/slips", **typed, text="En bänk", author="Kim").location == answer.location
    assert audit(session) == [
        ("slips.entered", {"number": 1, "council": "motesplatser", "channel": "meeting"})
    ]
    shown = said(desk.get(f"/ideas/{idea.number}"))
    assert "Inskriven av Moa (Möte)" in shown
    assert "kom in 2 januari 2026" in shown


def test_what_cannot_be_entered_comes_back_with_every_word(desk, session, council):
    typed = {**COMMON, "day": "2026-01-02", "text": "En <bänk>", "author": "Kim", "email": ""}
    wrong = {
        "council": "finns-inte",
        "channel": "pigeon",
        "day": "2999-01-01",
        "text": "x",
        "author": "a\tb\x07",
        "email": "nowhere",
    }
    for field, value in wrong.items():
        page = seen(desk, desk.post("/slips", **typed | {field: value}), 422)
        assert [each["href"] for each in page.select("[role=alert] a")] == [f"#{field}"]
        kept = typed | {field: value}
        if field in {"council", "channel"}:
            del kept[field]  # A list shows only what it has.
        assert filled_in(page).items() >= kept.items()
    assert count(session, Idea) == 0


def test_notes_of_a_meeting_are_looked_at_before_anything_is_stored(desk, session, council):
    """The whole way: 30 pasted, 30 wait, the two alike as one group, and none is public."""
    notes = [*DIFFERENT.splitlines(), ALIKE, ALIKE]
    assert len(notes) == 30
    pasted = "\r\n".join(f"- {note}" for note in notes)
    page = desk.page(desk.post("/slips/several", **COMMON, pasted=pasted, do="read"))
    assert texts(page) == notes
    assert "Det blir 30 idéer. Inget är sparat än." in said(page)
    assert count(session, Idea) == 0
    # Enter in a field sends the first button of the form, which stores nothing.
    assert page.select("main form button")[0]["value"] == "show"
    fields = as_sent(page)
    saved = desk.post("/slips/several", **fields, do="save")
    assert saved.status_code == 303
    assert desk.post("/slips/several", **fields, do="save").location == saved.location
    session.rollback()
    ideas = session.scalars(select(Idea).order_by(Idea.id)).all()
    assert len(ideas) == count(session, Slip) == 30
    assert "0 av 30 är kontrollerade" in said(desk.get(saved.location))
    check(session, *ideas)
    session.rollback()
    assert set(session.scalars(select(Idea.status))) == {IdeaStatus.WAITING}
    groups = session.scalars(select(QueueEntry.fold).where(QueueEntry.closed_at.is_(None))).all()
    assert len(groups) == 30
    assert sum(groups.count(each) == 2 for each in set(groups)) == 1
    shown = seen(desk, desk.client.get(saved.location, base_url=desk.base))
    assert "Alla är kontrollerade." in said(shown)
    assert len(shown.select(".rows li")) == 30
    assert [after["number"] for _action, after in audit(session)] == [30]


ALIKE = "Fler bänkar längs vattnet vid Norra hamnen"
DIFFERENT = """\
Bussen mot sjukhuset borde gå även på söndagar
Klipp gräset mindre ofta så att bina får blommor
Ett utomhusgym som äldre kan använda
Sänk avgiften på kulturskolan
Biblioteket kan väl ha öppet till tio på torsdagar
Måla övergångsstället vid förskolan på nytt
Det behövs en toalett på stranden
Ordna loppis i stadsparken varje månad
Lär ut simning gratis till vuxna
Odlingslådor på gårdarna i Adolfsberg
Lyktorna i tunneln är trasiga sedan i våras
En bastu vid pålsjöbadet för alla
Gör kartan över cykelvägar lättare att hitta
Sopkärl för batterier i varje mataffär
Låt ungdomar vara med och planera festivalen
Skridskobana på torget om vintern
Hundarna behöver en egen rastgård
Plantera träd som ger skugga vid hållplatserna
Mer konst av lokala konstnärer i kommunhuset
Skolmaten borde lagas på plats
Tydligare skyltar till vårdcentralen
Filmkväll under bar himmel i augusti
Sätt upp fågelholkar med barnen
Parkeringen vid stationen räcker inte
Fritidsgården ska ha öppet på loven
Språkcafé för nyanlända och pensionärer
En brygga dit man kommer med rullstol
Samla in idéer också på somaliska"""


def test_a_person_mends_how_it_was_cut(desk, session, council):
    page = desk.page(
        desk.post("/slips/several", **COMMON, cut="blanks", pasted="Ett\n\nTvå\nTre\n\nFyra")
    )
    assert texts(page) == ["Ett", "Två\nTre", "Fyra"]

    def press(act):
        answer = desk.post("/slips/several", **as_sent(page), do=act)
        return seen(desk, answer)

    page = press("part-1")
    assert texts(page) == ["Ett", "Två", "Tre", "Fyra"]
    page = press("join-1")
    assert texts(page) == ["Ett\nTvå", "Tre", "Fyra"]
    page = press("drop-2")
    assert texts(page) == ["Ett\nTvå", "Tre", "Fyra"]
    assert "Det blir 2 idéer. Inget är sparat än. 1 tas inte med." in said(page)
    assert count(session, Idea) == 0
    page = press("keep-2")
    page = press("drop-0")
    desk.post("/slips/several", **as_sent(page), do="save")
    session.rollback()
    stored = session.scalars(select(IdeaText.text).order_by(IdeaText.idea_id)).all()
    assert stored == ["Tre", "Fyra"]


def test_a_file_is_looked_at_like_what_was_pasted(desk, session, council):
    def send(body, **more):
        file = (io.BytesIO(body), "lappar.csv")
        return desk.post("/slips/several", **COMMON, file=file, do="read", **more)

    page = seen(desk, send("text;namn;ort\nBåt över ån;Åsa;Ån\nx;;\n".encode("cp1252")))
    assert texts(page) == ["Båt över ån", "x"]
    assert "se efter att å, ä och ö stämmer" in said(page)
    assert "De här kolumnerna följer inte med: ort." in said(page)
    assert [each["href"] for each in page.select("[role=alert] a")] == ["#slip-text-1"]
    refused = seen(desk, desk.post("/slips/several", **as_sent(page), do="save"), 422)
    assert texts(refused) == ["Båt över ån", "x"]
    assert count(session, Idea) == 0
    fields = as_sent(desk.page(desk.post("/slips/several", **as_sent(refused), do="drop-1")))
    assert desk.post("/slips/several", **fields, do="save").status_code == 303
    session.rollback()
    assert session.scalars(select(IdeaText.author)).all() == ["Åsa"]
    for body, line in (
        (b"namn\nKim\n", "Rad 1:"),
        (b"text,namn\nEn\n", "Rad 2:"),
        (b"text\n", "ingen rad"),
    ):
        page = seen(desk, send(body), 422)
        assert line in page.select_one("#file-error").text
    # Which of the two was meant is for a person to say; what was pasted stays.
    page = seen(desk, send(b"text\nEn b\xc3\xa4nk\n", pasted="En lampa"), 422)
    assert filled_in(page)["pasted"] == "En lampa"


def test_more_than_a_person_looks_through_is_not_taken_and_stays(
    desk, session, council, monkeypatch
):
    monkeypatch.setattr(slip_form, "MOST_SLIPS", 3)
    monkeypatch.setattr(slip_form, "MOST_CHARACTERS", 40)
    for much in ("En bänk\n" * 3 + "Ett", "x" * 41):
        page = seen(desk, desk.post("/slips/several", **COMMON, pasted=much, do="read"), 422)
        assert "för mycket på en gång" in page.select_one("#pasted-error").text
        assert filled_in(page)["pasted"] == much
        sent = {"slip_text": much.split("\n"), "do": "save"}
        page = seen(desk, desk.post("/slips/several", **COMMON, **sent), 422)
        assert [each["href"] for each in page.select("[role=alert] a")] == ["#slips"]
        assert texts(page) == much.split("\n")
    assert count(session, Idea) == 0
    most = ["En bänk", "Två bänkar", "x" * 23]
    assert texts(desk.page(desk.post("/slips/several", **COMMON, pasted="\n".join(most)))) == most


def test_a_page_of_the_widest_signs_is_not_too_large(desk, council):
    """Each is twelve signs on its way here, and all of them reach the page."""
    wide = ["🌳" * 1999] * 20
    answer = desk.post("/slips/several", **COMMON, slip_text=wide, do="show")
    assert answer.status_code == 200
    assert texts(desk.page(answer)) == wide


def test_what_holds_nothing_or_came_too_late_is_not_saved(desk, session, council):
    def refuse(field, *rows, **more):
        sent = {"slip_text": list(rows), "do": "save", **more}
        page = seen(desk, desk.post("/slips/several", **COMMON, **sent), 422)
        assert [each["href"] for each in page.select("[role=alert] a")] == [field]
        return page

    refuse("#slips")
    refuse("#slips", "En bänk", slip_left_out=["1"])
    session.execute(update(Council).values(open_until=datetime(2020, 1, 1, tzinfo=UTC)))
    session.commit()
    refuse("#day", "En bänk")
    page = refuse(
        "#slip-day-1", "x", "En bänk", slip_left_out=["1", ""], slip_day=["", "2026-01-02"]
    )
    assert page.select_one("#slip-day-1")["value"] == "2026-01-02"
    assert count(session, Idea) == 0


def test_words_outlive_the_session_of_who_typed_them(desk, council):
    typed = {**COMMON, "text": "En bänk", "author": "Kim", "email": "kim@example.org"}
    assert filled_in(come_back(desk, "/slips", **typed)).items() >= typed.items()
    pasted = {**COMMON, "pasted": "Ett\nTvå", "cut": "blanks"}
    assert filled_in(come_back(desk, "/slips/several", **pasted)).items() >= pasted.items()


def test_rows_outlive_the_session_with_what_was_left_out(desk, council):
    rows = {"slip_text": ["Ett", "Två", "Tre"], "slip_author": ["", "", "Kim"]}
    left_out = {"slip_left_out": ["", "1", ""]}
    answer = desk.post("/slips/several", **COMMON, **rows, **left_out, csrf_token="of before")
    fields = as_sent(seen(desk, answer, 400))
    assert {name: fields[name] for name in (*rows, *left_out)} == rows | left_out
    assert fields["form_key"] == ["a form"]


@pytest.mark.usefixtures("council")
class TestPrinted:
    def test_a_receipt_is_for_who_entered_it(self, app, settings, desk, session):
        answer = desk.post("/slips", **COMMON, text="En <bänk>", do="receipt")
        page = seen(desk, desk.client.get(answer.location, base_url=desk.base))
        assert "En <bänk>" in page.select_one(".sheet blockquote").text
        link = page.select_one(".sheet .sheet-link").text
        assert re.fullmatch(r"http://localhost:8000/receipts/[\w-]{43}", link)
        assert page.select_one(".sheet .qr-frame[role=img] svg")
        accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
        session.commit()
        other = Desk(app, settings)
        other.sign_in("ada@example.org")
        other.get(answer.location, 404)
        batch = session.scalars(select(Slip.batch_id)).one()
        assert not other.get(f"/slips/batches/{batch}").select("a[href$=receipt]")
        assert desk.get(f"/slips/batches/{batch}").select("a[href$=receipt]")

    def test_a_council_has_a_form_of_paper(self, desk):
        assert desk.get("/slips/paper").select("a[href='/slips/paper/motesplatser']")
        page = seen(desk, desk.client.get("/slips/paper/motesplatser", base_url=desk.base))
        assert "http://localhost:8000/councils/motesplatser" in said(page)
        assert page.select_one(".sheet svg")
        assert "allmän handling" in said(page)
        desk.get("/slips/paper/finns-inte", 404)

    def test_a_sheet_speaks_as_who_gets_it_or_as_was_chosen_for_it(self, desk, session):
        session.execute(update(Council).values(language="en"))
        session.commit()
        answer = desk.post("/slips", **COMMON, text="A bench", do="receipt")
        for path in (answer.location, "/slips/paper/motesplatser"):
            page = desk.get(path)
            assert page.select_one("html")["lang"] == "sv"
            sheet = page.select_one(".sheet")
            assert sheet["lang"] == "en"
            assert "A person reads your idea" in sheet.text
            chosen = desk.get(f"{path}?lang=sv").select_one(".sheet")
            assert chosen["lang"] == "sv"
            assert "En person läser din idé" in chosen.text


def test_the_log_says_what_was_entered(app, settings, desk, session, council):
    desk.post("/slips/several", **COMMON, slip_text=["Ett lås", "Två lås"], do="save")
    numbers = session.scalars(select(Idea.number).order_by(Idea.id)).all()
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    session.commit()
    admin = Desk(app, settings)
    admin.sign_in("ada@example.org")
    shown = said(admin.get("/audit"))
    assert f"Skrev in {numbers[0]} och 1 till åt den som sade det." in shown
    assert "Mötesplatser" in shown
    assert "lås" not in json.dumps([after for _action, after in audit(session)])
