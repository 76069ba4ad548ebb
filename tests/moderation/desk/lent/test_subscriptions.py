"""Who gets which digests when: each for themselves, administrators for all; looks and tests."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.moderation.people import accounts
from services.notify.digests import readers, runs
from services.notify.digests.schedules import Schedule
from shared.clock import utcnow
from shared.lanes import Lane
from shared.models import (
    AuditEntry,
    Digest,
    DigestPosition,
    DigestRun,
    Letter,
    LetterState,
    QueueEntry,
    Reason,
    Rhythm,
    Role,
    Staff,
    Subscription,
)
from tests.factories import a_council, an_idea
from tests.moderation.conftest import PASSWORD, Desk

DAILY = {"rhythm": "daily", "hour": "13", "weekdays": ["1", "2", "3", "4", "5", "6", "7"]}


@pytest.fixture
def admin(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    accounts.add_staff(session, "rut@example.org", Role.READER, PASSWORD, name="Rut")
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


@pytest.fixture
def moa(session, desk):
    return session.scalar(select(Staff.id).where(Staff.name == "Moa"))


def id_of(session, name):
    return session.scalar(select(Staff.id).where(Staff.name == name))


def chosen(page, name):
    return [each["value"] for each in page.select(f"[name={name}][checked]")]


def selected(page, name):
    return page.select_one(f"[name={name}] option[selected]")["value"]


def reader(session, staff_id):
    session.expire_all()
    return readers.find_reader(session, staff_id)


def test_each_chooses_for_themselves(desk, session, moa):
    page = desk.get("/subscriptions")
    assert (chosen(page, "rhythm"), selected(page, "hour")) == (["daily"], "7")
    assert page.select_one("#others") is None
    assert desk.post(f"/subscriptions/{moa}", **DAILY).status_code == 303
    page = desk.get("/subscriptions")
    assert selected(page, "hour") == "13"
    assert reader(session, moa).schedule == Schedule(hour=13)
    desk.post(f"/subscriptions/{moa}", rhythm="off")
    assert session.get(Subscription, moa).wanted is False
    assert readers.list_readers(session) == []
    page = desk.get("/subscriptions")
    assert chosen(page, "rhythm") == ["off"]
    # What was chosen before is there when it is wanted again.
    assert selected(page, "hour") == "13"


def test_every_choice_is_kept(desk, session, moa):
    one, _other = a_council(session), a_council(session)
    session.commit()
    answer = desk.post(
        f"/subscriptions/{moa}",
        rhythm="hours",
        hour="8",
        every_hours="4",
        until_hour="16",
        weekdays=["1", "3"],
        weekday="5",
        working_days_only="1",
        council_ids=[str(one.id)],
        lanes=["urgent", "re-review", "made-up"],
        language="en",
        calm_note="1",
    )
    assert answer.status_code == 303
    kept = reader(session, moa)
    assert kept.schedule == Schedule(Rhythm.HOURS, 8, 4, 16, frozenset({1, 3}), 5, True)
    assert kept.wanted == readers.Wanted.of([one.id], [Lane.URGENT, Lane.RE_REVIEW])
    assert (kept.language, kept.calm_note) == ("en", True)
    page = desk.get("/subscriptions")
    assert chosen(page, "weekdays") == ["1", "3"]
    assert chosen(page, "council_ids") == [str(one.id)]
    assert sorted(chosen(page, "lanes")) == ["re-review", "urgent"]
    assert chosen(page, "calm_note") == ["1"]
    assert selected(page, "language") == "en"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hour": ""}, "hour"),
        ({"hour": "24"}, "hour"),
        ({"hour": "-1"}, "hour"),
        ({"hour": "sju"}, "hour"),
        ({"weekdays": []}, "weekdays"),
        ({"rhythm": "ibland"}, "rhythm"),
        ({"rhythm": "weekly", "weekday": "8"}, "weekday"),
        ({"rhythm": "hours", "every_hours": "5", "until_hour": "23"}, "every_hours"),
        ({"rhythm": "hours", "every_hours": "2", "until_hour": "12"}, "until_hour"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_the_rest_is_kept(
    desk, session, moa, wrong, field
):
    answer = desk.post(f"/subscriptions/{moa}", **{**DAILY, "lanes": ["urgent"], **wrong})
    assert answer.status_code == 422
    page = desk.page(answer)
    assert page.select_one(f"#{field}-error").text
    assert page.select_one(f".notice-wrong a[href='#{field}']")
    assert page.select_one(f"#{field}")
    assert chosen(page, "lanes") == ["urgent"]
    assert session.get(Subscription, moa) is None


def test_a_field_that_the_rhythm_does_not_ask_for_is_no_fault(desk, session, moa):
    assert desk.post(f"/subscriptions/{moa}", rhythm="off", hour="x").status_code == 303
    answer = desk.post(
        f"/subscriptions/{moa}", rhythm="weekly", hour="9", weekday="5", until_hour="3"
    )
    assert answer.status_code == 303
    assert reader(session, moa).schedule == Schedule(Rhythm.WEEKLY, hour=9, weekday=5)


def test_administrators_choose_for_all_and_it_is_written_down(admin, session, moa):
    ada = id_of(session, "Ada")
    page = admin.get("/subscriptions")
    # A reader decides nothing, so gets no list of what waits.
    assert [each.text for each in page.select(".rows h3")] == ["Moa"]
    assert "varje dag 07:00" in page.select_one(".rows").text
    assert "Moa" in admin.get(f"/subscriptions/{moa}").h1.text
    assert admin.post(f"/subscriptions/{moa}", **{**DAILY, "hour": "6"}).status_code == 303
    [entry] = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == str(moa)))
    assert (entry.staff_id, entry.before, entry.after) == (ada, {"hour": 7}, {"hour": 6})
    assert "sammanfattningar via mejl" in admin.get("/audit").text


def test_the_log_says_a_choice_in_the_words_of_its_page(admin, moa):
    """The rows stand in the order of the form, and nothing is left as it is stored."""
    changed = {
        "rhythm": "weekly",
        "hour": "6",
        "weekday": "5",
        "weekdays": ["1", "3"],
        "working_days_only": "1",
        "language": "sv",
    }
    assert admin.post(f"/subscriptions/{moa}", **changed).status_code == 303
    line = admin.get("/audit?kind=staff").select_one(".log li:has(details)")
    assert "Ändrade vilka sammanfattningar via mejl Moa får." in line.text
    rows = [[each.text for each in row.select("th, td")] for row in line.select("tbody tr")]
    assert rows == [
        ["Hur ofta", "En gång om dagen", "En gång i veckan"],
        ["Klockslag", "7", "6"],
        ["Dagar", "måndag, tisdag, onsdag, torsdag, fredag, lördag, söndag", "måndag, onsdag"],
        ["Veckodag", "måndag", "fredag"],
        ["Bara arbetsdagar", "nej", "ja"],
        ["Språk", "Kontots språk", "svenska"],
    ]


def test_nobody_chooses_for_others(admin, desk, session):
    ada = id_of(session, "Ada")
    assert desk.post(f"/subscriptions/{ada}", **DAILY).status_code == 404
    desk.get(f"/subscriptions/{ada}", 404)
    for who in (uuid4(), id_of(session, "Rut")):
        assert admin.post(f"/subscriptions/{who}", **DAILY).status_code == 404
        admin.get(f"/subscriptions/{who}", 404)
    assert session.scalars(select(Subscription)).all() == []


def test_a_new_rhythm_waits_for_its_first_hour(desk, session, settings, moa):
    session.get_one(Staff, moa).created_at = utcnow() - timedelta(days=30)
    session.commit()
    every_hour = {**DAILY, "rhythm": "hours", "hour": "0", "every_hours": "1", "until_hour": "23"}
    desk.post(f"/subscriptions/{moa}", **every_hour)
    now = utcnow()
    assert readers.list_due(session, settings.timezone, now) == []
    later = now + timedelta(hours=2)
    assert [each.reader.id for each in readers.list_due(session, settings.timezone, later)] == [moa]
    # Other councils or lanes are no new rhythm: what was owed is owed.
    desk.post(f"/subscriptions/{moa}", **every_hour, lanes=["urgent"])
    session.expire_all()
    assert session.get_one(Subscription, moa).chosen_at < now


@pytest.fixture
def waiting(session):
    idea = an_idea(session, text="Rosa elefanter på torget.", submitted=False)
    session.add(QueueEntry(idea_id=idea.id, reason=Reason.NEW, priority=400))
    session.commit()
    return idea


def test_the_preview_shows_the_letter_walled_in_and_changes_nothing(desk, session, waiting):
    answer = desk.client.get("/subscriptions/preview", base_url=desk.base)
    page = desk.page(answer)
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    frame = page.select_one("iframe")
    assert "allow-scripts" not in frame["sandbox"]
    assert "allow-same-origin" not in frame["sandbox"]
    assert waiting.number in page.select_one("pre").text
    letter = desk.client.get(frame["src"], base_url=desk.base)
    policy = letter.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox " in policy
    assert waiting.number in letter.text
    assert "elefanter" not in answer.text + letter.text
    for table in (Digest, DigestRun, DigestPosition, Letter):
        assert session.scalars(select(table)).all() == []


def test_a_test_goes_to_oneself_and_counts_as_nothing_told(desk, session, settings, moa, waiting):
    assert desk.post("/subscriptions/test").status_code == 303
    assert "moa@example.org" in desk.get("/subscriptions").select_one(".flash").text
    assert desk.post("/subscriptions/test").status_code == 303
    letter = session.scalars(select(Letter)).one()
    assert (letter.staff_id, letter.state) == (moa, LetterState.WAITING)
    # A run leaves it alone, and tells what it told.
    session.get_one(Staff, moa).created_at = utcnow() - timedelta(days=30)
    session.commit()
    [told] = runs.run_scheduled(session, settings, utcnow())
    session.commit()
    assert (told.new, told.waiting) == (1, 1)
    session.expire_all()
    assert letter.state is LetterState.WAITING


def test_the_queue_says_when_the_next_one_comes(desk, session, waiting):
    assert "Inget brev än, nästa " in desk.get("/").select_one(".digest-line").text
    assert "Inget brev än, nästa " in desk.get("/subscriptions").select_one(".digest-status").text


def test_a_reader_has_no_such_line(admin, app, settings):
    rut = Desk(app, settings)
    rut.sign_in("rut@example.org")
    assert rut.get("/").select_one(".digest-line") is None
