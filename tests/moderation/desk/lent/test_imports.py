"""Importing an old page at the desk: read, looked at, decided on, followed, taken back."""

import io
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from time_machine import travel

from radslag import destroying
from radslag.import_tools import TOOLS
from services.moderation.people import accounts
from services.submission import imports, published
from services.submission.imports import runs, store
from services.submission.imports.desk import import_views
from services.submission.imports.runs import NotNowError
from shared import db
from shared.models import (
    AuditEntry,
    Council,
    Decision,
    DecisionKind,
    Fate,
    Idea,
    IdeaStatus,
    Import,
    ImportLine,
    ImportState,
    Letter,
    Original,
    OutboxDelivery,
    Role,
)
from tests.factories import a_council, an_idea, count
from tests.moderation.conftest import PASSWORD, Desk
from tests.notify.deliveries import hand_over

TICK = timedelta(microseconds=1)
PAGE = """Om sidan

19 november, 2021

Carl säger:

Hoppas att staden lyssnar.

18 november, 2021

Anonym säger:

Ring mig på 070-174 06 35 om bänken.
"""
ROWS = "id,text,created_at,author\n"
CSV = f"{ROWS}1,En bänk,2021-11-19,Kim\n2,En gunga,2021-11-20,\n"
WXR = """<rss xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<item><wp:status>{status}</wp:status>
<wp:comment><wp:comment_id>7</wp:comment_id><wp:comment_author>Kim</wp:comment_author>
<wp:comment_date_gmt>2021-11-19 10:00:00</wp:comment_date_gmt>
<wp:comment_content>En bänk</wp:comment_content>
<wp:comment_approved>1</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_id>8</wp:comment_id><wp:comment_author>Bo</wp:comment_author>
<wp:comment_date_gmt>2021-11-19 11:00:00</wp:comment_date_gmt>
<wp:comment_content>Hemligt</wp:comment_content>
<wp:comment_approved>spam</wp:comment_approved></wp:comment></item></channel></rss>"""


@pytest.fixture
def admin(app, settings, session) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    a_council(session, slug="parken", title="Parken")
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


def upload(admin, body: str | bytes, name: str = "sida.csv", **more: str):
    raw = body.encode() if isinstance(body, str) else body
    fields = {"council": "parken", "form": "", "encoding": "", "pasted": "", **more}
    return admin.post("/imports/new", file=(io.BytesIO(raw), name), **fields)


@pytest.fixture
def read(admin, session, settings):
    """Read a file and look at it; return where its page is."""

    def done(body: str | bytes, name: str = "sida.csv", **more: str) -> str:
        answer = upload(admin, body, name, **more)
        assert answer.status_code == 303, answer.text
        work(settings)
        return answer.location

    return done


def work(settings) -> int:
    """Let the worker do all that is left; return in how many steps."""
    steps = 0
    while hand_over_one(settings):
        steps += 1
    return steps


def hand_over_one(settings) -> int:
    with db.Session() as session:
        waits = select(OutboxDelivery.id).where(
            OutboxDelivery.consumer == "submission.import", OutboxDelivery.done_at.is_(None)
        )
        if session.scalars(waits).first() is None:
            return 0
    return hand_over("submission.import", runs.work_on, settings, TOOLS)


def run_of(session) -> Import:
    session.rollback()
    session.expire_all()
    return session.scalars(select(Import)).one()


def said(page) -> str:
    return " ".join(page.select_one("body").text.split())


def rows(page) -> list[str]:
    return [" ".join(each.text.split()) for each in page.select("tbody tr")]


def public(session) -> list[str]:
    session.rollback()
    session.expire_all()
    chosen = select(Idea.public_text).where(Idea.status == IdeaStatus.PUBLISHED)
    return sorted(session.scalars(chosen.order_by(Idea.received_at)))


def test_nothing_is_brought_in_before_somebody_has_seen_who_says_what(
    admin, read, session, settings
):
    place = read(PAGE, "sida.txt")
    page = admin.get(place)
    assert count(session, Idea) == 0
    assert "Inget är hämtat än: bestäm nedan" in said(page)
    first, second = rows(page)
    # The earliest is brought in first; each with its line, its day, who and what.
    assert first.startswith("9 18 november 2021 · Anonym: Ring mig på 070-174 06 35")
    assert "Personuppgifter" in first
    assert second.startswith("3 19 november 2021 · Carl: Hoppas att staden lyssnar.")
    assert all("blir en ny idé" in each for each in (first, second))
    assert "Rad 1: härifrån till rad 2 räknas som sidans inledning" in said(page)
    assert len(rows(admin.get(f"{place}?show=found"))) == 1
    assert admin.get(f"{place}?show=nonsense", 404)


def test_it_is_brought_in_by_a_worker_and_told_line_by_line(admin, read, session, settings):
    place = read(PAGE, "sida.txt")
    answer = admin.post(f"{place}/begin")
    assert (answer.status_code, answer.location) == (303, place)
    assert "0 av 2 rader" in said(admin.get(place))
    assert count(session, Idea) == 0
    assert work(settings) == 1
    page = admin.get(place)
    assert "Inhämtad." in said(page)
    numbers = [each.text for each in page.select("tbody .number")]
    session.rollback()
    ideas = session.scalars(select(Idea).order_by(Idea.received_at)).all()
    assert numbers == [idea.number for idea in ideas]
    assert public(session) == ["Hoppas att staden lyssnar.", "Ring mig på 070-174 06 35 om bänken."]
    assert [d.kind for d in session.scalars(select(Decision))] == [DecisionKind.IMPORT] * 2
    assert count(session, Letter) == 0
    # The words are in one place: with the idea, and what came in its sealed original.
    lines = session.scalars(select(ImportLine).order_by(ImportLine.place)).all()
    assert {(line.text, line.author, line.raw) for line in lines} == {(None, None, None)}
    assert [line.idea_id for line in lines] == [idea.id for idea in ideas]
    originals = session.scalars(select(Original.body)).all()
    assert any(b"Carl s\xc3\xa4ger:" in body for body in originals)
    # Checked as every import is, behind nobody who waits.
    queued = session.scalars(
        select(OutboxDelivery.queue).where(OutboxDelivery.consumer == "moderation.check")
    )
    assert list(queued) == ["bulk"] * 2
    # Again it is all known, and adds nothing.
    again = read(PAGE, "sida.txt")
    assert "Allt i filen finns redan." in said(admin.get(again))
    assert "finns redan" in rows(admin.get(again))[0]
    assert not admin.get(again).select("form[action$=begin]")
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [each for each in actions if each.startswith("import.")] == [
        *("import.read", "import.begun", "import.read"),
    ]
    assert "Hämtade in sida.txt." in admin.get("/audit").text


def test_what_was_not_public_waits_and_what_was_not_approved_stays_out(
    admin, read, session, settings
):
    place = read(WXR.format(status="private"), "export.xml")
    page = admin.get(place)
    assert "väntar på granskning: var inte offentlig" in rows(page)[0]
    assert "en kommentar som inte var godkänd" in said(page)
    admin.post(f"{place}/begin")
    work(settings)
    session.rollback()
    idea = session.scalars(select(Idea)).one()
    assert (idea.status, idea.signals) == (IdeaStatus.RECEIVED, {"not_public_before": 1})
    assert public(session) == []


def test_lines_that_may_be_read_wrongly_ask_for_a_yes(admin, read, session, settings):
    doubtful = PAGE.replace("Hoppas att", "Bo säger: hej\nHoppas att")
    place = read(doubtful, "sida.txt")
    assert "det står ”säger:” inne i en text" in said(admin.get(place))
    admin.post(f"{place}/begin")
    assert run_of(session).state is ImportState.READY
    assert "Det gick inte nu" in said(admin.get(place))
    admin.post(f"{place}/begin", as_read="1")
    assert run_of(session).state is ImportState.RUNNING
    work(settings)
    assert len(public(session)) == 2


def test_an_id_with_other_words_stops_all_of_it(admin, read, session, settings):
    admin.post(f"{read(CSV)}/begin")
    work(settings)
    changed = f"{ROWS}1,En annan bänk,2021-11-19,Kim\n2,En gunga,2021-11-20,\n3,Ny,2021-11-21,\n"
    place = read(changed)
    page = admin.get(place)
    assert "En rad har samma id" in said(page)
    assert [each.rsplit(" – ", 1)[1] for each in rows(page)] == [
        "går inte: samma id finns redan med andra ord",
        "finns redan",
        "blir en ny idé",
    ]
    assert not page.select("form[action$=begin]")
    admin.post(f"{place}/begin")
    assert work(settings) == 0
    assert public(session) == ["En bänk", "En gunga"]


def test_what_another_import_was_quicker_with_is_looked_at_again_before_it_comes_in(
    admin, read, session, settings
):
    more = CSV.replace("En bänk", "En bänk vid ån") + "3,En lampa,2021-11-21,\n"
    first, mended, longer = read(CSV), read(more), read(f"{CSV}3,En lampa,2021-11-21,\n")
    admin.post(f"{first}/begin")
    work(settings)
    admin.post(f"{mended}/begin")
    assert "Något har ändrats sedan filen gicks igenom" in said(admin.get(mended))
    work(settings)
    page = admin.get(mended)
    assert "En rad har samma id" in said(page)
    assert not page.select("form[action$=begin]")
    # What is known now is told before the rest comes in, and asked for once more.
    admin.post(f"{longer}/begin")
    work(settings)
    assert public(session) == ["En bänk", "En gunga"]
    assert "finns redan: 2" in said(admin.get(longer)).lower()
    admin.post(f"{longer}/begin")
    work(settings)
    assert public(session) == ["En bänk", "En gunga", "En lampa"]
    actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc())))[:3]
    assert actions == ["import.begun", "import.looked_again", "import.looked_again"]


def test_what_was_quicker_than_the_worker_leaves_the_words_for_their_time(
    admin, read, session, settings
):
    place = read(CSV)
    admin.post(f"{place}/begin")
    council = session.scalars(select(Council)).one()
    entries = imports.read_entries(
        CSV.replace("En bänk", "En bänk vid ån").encode(), "csv", settings.timezone
    ).entries
    store.bring_in(session, council, entries[:1], timezone=settings.timezone, accept=TOOLS.accept)
    session.commit()
    work(settings)
    assert public(session) == ["En bänk vid ån", "En gunga"]
    page = admin.get(place)
    assert "finns bara här. De raderas" in said(page)
    kept = select(ImportLine.text).where(ImportLine.text.is_not(None))
    assert session.scalars(kept).all() == ["En bänk"]
    run = run_of(session)
    later = timedelta(days=settings.import_days)
    with travel(run.ended_at + later - TICK, tick=False):
        assert destroying.forget_imports(session, settings) == 0
    with travel(run.ended_at + later, tick=False):
        assert destroying.forget_imports(session, settings) == 1
        assert destroying.forget_imports(session, settings) == 0
    session.commit()
    assert session.scalars(kept).all() == []
    assert run.state is ImportState.DONE
    page = admin.get(place)
    assert "finns bara här" not in said(page)
    assert "hämtades inte: samma id finns redan med andra ord" in said(page)


@pytest.mark.parametrize("is_looked_at", [True, False])
def test_a_file_that_nobody_decides_about_is_put_aside_and_forgotten(
    admin, session, settings, is_looked_at
):
    place = upload(admin, CSV).location
    if is_looked_at:
        work(settings)
    assert "Om ingen bestämmer något läggs filen åt sidan" in said(admin.get(place))
    run = run_of(session)
    end = run.made_at + timedelta(days=settings.import_days)
    with travel(end - TICK, tick=False):
        assert destroying.forget_imports(session, settings) == 0
    with travel(end, tick=False):
        assert destroying.forget_imports(session, settings) == 1
        assert destroying.forget_imports(session, settings) == 0
    session.commit()
    assert run_of(session).state is ImportState.PUT_ASIDE
    words = select(ImportLine.text, ImportLine.author, ImportLine.raw, ImportLine.content_type)
    assert set(session.execute(words).all()) == {(None, None, None, "")}
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.staff_id, entry.after) == ("import.forgotten", None, {"entries": 2})
    # What a worker still has to do of it is nothing.
    work(settings)
    assert run_of(session).state is ImportState.PUT_ASIDE
    page = admin.get(place)
    assert "Om ingen bestämmer" not in said(page)
    assert "som inte blev idéer raderades" in said(admin.get("/audit"))


def test_the_same_id_twice_in_a_file_is_told_as_it_will_be(
    admin, read, session, settings, monkeypatch
):
    monkeypatch.setattr(runs, "_AT_A_TIME", 2)
    twice = f"{CSV}1,En bänk,2021-11-21,Kim\n2,Något annat,2021-11-22,\n4,Ny,2021-11-23,\n"
    page = admin.get(read(twice))
    assert [each.rsplit(" – ", 1)[1][:10] for each in rows(page)] == [
        *("blir en ny", "blir en ny", "finns reda", "går inte: ", "blir en ny"),
    ]


def test_a_worker_that_dies_is_followed_by_one_that_goes_on(admin, session, settings, monkeypatch):
    monkeypatch.setattr(runs, "_AT_A_TIME", 2)
    many = ROWS + "".join(f"{n},Text {n},2021-11-{n:02},\n" for n in range(1, 6))
    place = upload(admin, many).location
    assert work(settings) == 3
    admin.post(f"{place}/begin")
    assert hand_over_one(settings)
    assert "2 av 5 rader" in said(admin.get(place))

    def die(*_args, **_more):
        raise MemoryError

    monkeypatch.setattr(runs.store, "bring_in", die)
    with pytest.raises(MemoryError):
        hand_over_one(settings)
    assert count(session, Idea) == 2
    monkeypatch.undo()
    monkeypatch.setattr(runs, "_AT_A_TIME", 2)
    # Told twice over, each line is brought in once.
    admin.post(f"{place}/go-on")
    work(settings)
    assert public(session) == [f"Text {n}" for n in range(1, 6)]
    assert run_of(session).state is ImportState.DONE
    assert admin.post(f"{place}/go-on").status_code == 303
    assert work(settings) == 0


def test_one_that_was_given_up_says_so_and_goes_on_when_asked(admin, session, settings, read):
    place = read(CSV)
    admin.post(f"{place}/begin")
    session.rollback()
    delivery = session.scalars(
        select(OutboxDelivery).order_by(OutboxDelivery.id.desc()).limit(1)
    ).one()
    delivery.failed_at = run_of(session).begun_at
    session.commit()
    page = admin.get(place)
    assert "står still" in said(page)
    assert not page.select("progress")
    admin.post(f"{place}/go-on")
    assert "står still" not in said(admin.get(place))
    hand_over_waiting(session, settings)
    assert run_of(session).state is ImportState.DONE


def hand_over_waiting(session, settings) -> None:
    """As the relay does: what was given up is offered to nobody."""
    session.rollback()
    for given_up in session.scalars(
        select(OutboxDelivery).where(OutboxDelivery.failed_at.is_not(None))
    ):
        given_up.done_at = given_up.failed_at
        given_up.failed_at = None
    session.commit()
    work(settings)


class TestTakingBack:
    @pytest.fixture
    def brought(self, admin, read, session, settings) -> str:
        place = read(CSV)
        admin.post(f"{place}/begin")
        work(settings)
        session.rollback()
        return place

    def test_takes_all_of_it_out_of_sight_and_a_mended_file_can_come(
        self, admin, read, session, settings, brought
    ):
        first = session.scalars(select(Idea).order_by(Idea.received_at)).first()
        admin.post(f"{brought}/take-back")
        assert run_of(session).state is ImportState.DONE
        assert "Kryssa i" in said(admin.get(brought))
        admin.post(f"{brought}/take-back", sure="1")
        assert "Tas tillbaka nu." in said(admin.get(brought))
        work(settings)
        assert "Återtagen." in said(admin.get(brought))
        assert all("återtagen" in each for each in rows(admin.get(brought)))
        assert public(session) == []
        made = session.scalars(
            select(Decision).where(Decision.kind == DecisionKind.TAKE_BACK)
        ).all()
        assert len(made) == 2
        assert {each.status_after for each in made} == {IdeaStatus.WITHDRAWN}
        assert all(each.staff_id == run_of(session).taken_back_by for each in made)
        assert count(session, Letter) == 0
        assert "Återtagen med sin import" in said(admin.get(f"/ideas/{first.number}"))
        # Nobody is told that a writer has taken it back.
        with db.PublicSession() as seen:
            assert published.find_idea(seen, "parken", first.number) is None
        # Again changes nothing.
        admin.post(f"{brought}/take-back", sure="1")
        assert work(settings) == 0
        mended = read(f"{ROWS}1,En stor bänk,2021-11-19,Kim\n2,En gunga,2021-11-20,\n")
        admin.post(f"{mended}/begin")
        work(settings)
        assert public(session) == ["En gunga", "En stor bänk"]

    def test_whatever_was_decided_since_and_what_others_sent_in_comes_back(
        self, admin, session, settings, brought
    ):
        first, second = session.scalars(select(Idea).order_by(Idea.received_at))
        council = session.get_one(Council, first.council_id)
        other = an_idea(
            session, council, text="Bänk!", status=IdeaStatus.MERGED, merged_into=first.id,
            counts_as_support=True,
        )  # fmt: skip
        session.commit()
        admin.post(f"{brought}/take-back", sure="1")
        work(settings)
        session.rollback()
        session.expire_all()
        assert (other.status, other.merged_into) == (IdeaStatus.WAITING, None)
        assert {first.status, second.status} == {IdeaStatus.WITHDRAWN}

    def test_one_that_cannot_go_on_is_stopped_and_taken_back_as_far_as_it_came(
        self, admin, read, session, settings, monkeypatch
    ):
        monkeypatch.setattr(runs, "_AT_A_TIME", 1)
        place = read(CSV)
        admin.post(f"{place}/begin")
        hand_over_one(settings)
        assert public(session) == ["En bänk"]
        admin.post(f"{place}/take-back", sure="1")
        work(settings)
        assert run_of(session).state is ImportState.TAKEN_BACK
        assert (public(session), count(session, Idea)) == ([], 1)
        assert {each.text for each in session.scalars(select(ImportLine))} == {None}

    @pytest.mark.usefixtures("brought")
    def test_what_came_by_other_ways_is_never_taken(self, session, settings):
        run = run_of(session)
        line = session.scalars(select(ImportLine).where(ImportLine.place == 0)).one()
        own = an_idea(session, text="Min egen")
        line.idea_id = own.id
        session.commit()
        with db.Session.begin() as writing:
            runs.take_back(writing, run.id, by=run.made_by)
        work(settings)
        session.expire_all()
        assert session.get_one(Idea, own.id).status is IdeaStatus.RECEIVED


def test_nothing_is_done_that_does_not_fit(admin, read, session, settings):
    place = read(CSV)
    for act in ("take-back", "go-on"):
        admin.post(f"{place}/{act}", sure="1")
        assert "Det gick inte nu" in said(admin.get(place))
        assert run_of(session).state is ImportState.READY
    admin.post(f"{place}/put-aside")
    assert "Inget hämtades in" in said(admin.get(place))
    assert all("hämtades inte in" in each for each in rows(admin.get(place)))
    admin.post(f"{place}/begin")
    assert run_of(session).state is ImportState.PUT_ASIDE
    assert work(settings) == 0
    # Its words are forgotten.
    session.rollback()
    assert {(each.text, each.raw) for each in session.scalars(select(ImportLine))} == {(None, None)}
    for act in ("begin", "put-aside", "take-back", "go-on"):
        gone = f"/imports/00000000-0000-4000-8000-000000000000/{act}"
        assert admin.post(gone, sure="1").status_code == 404
    assert admin.get("/imports/00000000-0000-4000-8000-000000000000", 404)


def test_a_file_that_is_being_looked_at_can_be_put_aside(admin, session, settings):
    place = upload(admin, CSV).location
    assert "gås igenom" in said(admin.get(place))
    admin.post(f"{place}/begin")
    assert run_of(session).state is ImportState.CHECKING
    admin.post(f"{place}/put-aside")
    work(settings)
    assert run_of(session).state is ImportState.PUT_ASIDE


def test_of_one_council_one_is_at_work_at_a_time(admin, read, session, settings):
    first = read(CSV)
    second = read(f"{ROWS}9,Ett träd,2021-11-19,\n")
    admin.post(f"{first}/begin")
    admin.post(f"{second}/begin")
    assert "Det gick inte nu" in said(admin.get(second))
    work(settings)
    admin.post(f"{second}/begin")
    work(settings)
    assert public(session) == ["En bänk", "En gunga", "Ett träd"]


UNREADABLE = (
    (b"", "sida.csv", {}, "file", "Välj en fil"),
    (b" \n", "sida.csv", {}, "file", "Välj en fil"),
    (CSV, "sida.csv", {"council": "finns-inte"}, "council", "Välj ett råd"),
    (CSV, "sida.doc", {}, "form", "Säg vad filen är"),
    (f"{ROWS}1,,2021-11-19,\n", "sida.csv", {}, "file", "Rad 2: ett inlägg har ingen text."),
    ("id;text\n1;a\n", "sida.csv", {}, "file", "Rad 1: de här kolumnerna saknas: created_at"),
    ("En bänk".encode("cp1252") + b"\xe4", "sida.txt", {}, "encoding", "cp1252"),
    ("Hej", "sida.txt", {}, "file", "inget inlägg hittades"),
    ("<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", "x.xml", {}, "file", "en dokumenttyp tas inte emot"),
    ("[" * 100_000, "x.json", {}, "file", "Rad 1"),
    ("[]", "x.json", {}, "file", "finns inget att hämta in"),
    (CSV, "sida.csv", {"form": "wxr"}, "file", "Rad 1"),
)  # fmt: skip


def test_what_cannot_be_read_is_said_at_its_field_and_nothing_is_kept(admin, session):
    for body, name, more, field, says in UNREADABLE:
        answer = upload(admin, body, name, **more)
        assert answer.status_code == 422, body
        assert says in admin.page(answer).select_one(f"#{field}-error").text
    session.rollback()
    assert count(session, Import) == 0


def test_a_page_can_be_pasted_and_comes_back_when_something_is_wrong(admin, session, settings):
    refused = upload(admin, b"", "", pasted=PAGE, council="")
    assert refused.status_code == 422
    page = admin.page(refused)
    assert page.select_one("#pasted").text.strip() == PAGE.strip()
    taken = upload(admin, b"", "", pasted=PAGE.replace("\n", "\r\n"))
    assert taken.status_code == 303
    assert run_of(session).total == 2
    assert run_of(session).file_name == "inklistrad text"


def test_an_encoding_is_as_it_is_told(admin, read, session):
    place = read(CSV.replace("Kim", "Åke").encode("cp1252"), "sida.csv", encoding="cp1252")
    assert "Åke: En bänk" in rows(admin.get(place))[0]


def test_limits_are_said_in_words(admin, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(import_views, "MAX_ENTRIES", 1)
        assert "Filen har 2 inlägg" in upload(admin, CSV).text
        patched.setattr(import_views, "MAX_FILE_BYTES", 10)
        assert "Filen är för stor" in upload(admin, CSV).text
    large = admin.client.post(
        "/imports/new",
        data=b"x" * (import_views.LARGER_BODIES["/imports/"] + 1),
        content_type="multipart/form-data; boundary=x",
        headers=admin.headers,
        base_url=admin.base,
    )
    assert large.status_code == 413
    assert "en gammal sida 8 MB" in large.text
    padded = '{"id":"1","text":"En bänk","created_at":"2021-11-19","x":"%s"}' % ("y" * 300_000)
    assert upload(admin, padded, "x.json").status_code == 303
    # Elsewhere nothing is larger than before.
    assert admin.post("/forms/new", title="x" * 300_000).status_code == 413


def test_a_name_of_a_file_is_a_name_and_nothing_else(admin, session):
    for given, kept in (
        ("../../etc/sida.csv", "sida.csv"),
        ("C:/Mina/sida.csv", "sida.csv"),
        ("<b>\u202egnp.csv", "<b>gnp.csv"),
        ("x" * 300 + ".csv", ("x" * 300)[:120]),
    ):
        answer = upload(admin, CSV, given, form="csv")
        assert answer.status_code == 303
        run = session.get_one(Import, UUID(answer.location.rpartition("/")[2]))
        assert run.file_name == kept
    assert "<b>gnp" in admin.get("/imports").select_one("main").text


def test_long_files_are_read_in_pages(admin, read, monkeypatch):
    monkeypatch.setattr(import_views, "_LINES_ON_A_PAGE", 2)
    many = ROWS + "".join(f"{n},Text {n},2021-11-{n:02},\n" for n in range(1, 6))
    place = read(many)
    seen, page = [], admin.get(place)
    while True:
        seen += rows(page)
        following = page.select("a[rel=next]")
        if not following:
            break
        page = admin.get(following[0]["href"].partition("#")[0])
    assert [each.partition("Text ")[2][0] for each in seen] == list("12345")


def test_it_speaks_english_too(admin, read):
    place = read(PAGE.replace("Hoppas", "Bo säger: hej\nHoppas"), "sida.txt")
    page = admin.get(f"{place}?lang=en")
    assert 'there is a "säger:" inside a text' in said(page)
    assert "becomes a new idea" in said(page)


def test_a_run_that_does_not_fit_is_refused_below_the_pages_too(admin, read, session):
    read(CSV)
    run = run_of(session)
    with db.Session.begin() as writing:
        for act in (
            lambda: runs.take_back(writing, run.id, by=run.made_by),
            lambda: runs.go_on(writing, run.id),
        ):
            with pytest.raises(NotNowError):
                act()
    assert {each.fate for each in session.scalars(select(ImportLine))} == {Fate.NEW}
