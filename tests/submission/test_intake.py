import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from time_machine import travel

from services.submission import intake
from services.submission.forms import IdeaForm
from shared import db
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import IdeaSubmitted
from shared.ids import next_number
from shared.links import receipts
from shared.models import (
    Contact,
    Council,
    Idea,
    IdeaStatus,
    IdeaText,
    IdempotencyKey,
    Original,
    OutboxDelivery,
    OutboxEvent,
    Source,
)
from tests.databases import run_in
from tests.factories import a_council

FORM = IdeaForm("Fler bänkar.", "Kim", "kim@example.org")


def arrival(body: bytes = b"text=Fler", key: str | None = None) -> intake.Arrival:
    return intake.Arrival(Source.FORM, body, "application/x-www-form-urlencoded", key=key)


def receive(settings, council: Council, form: IdeaForm = FORM, **how: object) -> intake.Received:
    return intake.receive_idea(db.run_alone, settings, council.slug, form, arrival(**how))


def test_everything_of_an_idea_is_there_after_one_transaction(session, settings, council):
    body = b"text=Fler+b%C3%A4nkar.&email=kim%40example.org"
    received = receive(settings, council, body=body)

    idea = session.get_one(Idea, received.idea_id)
    assert (idea.status, idea.source, idea.language) == (IdeaStatus.RECEIVED, Source.FORM, "sv")
    assert idea.number == received.number
    original = session.get_one(Original, idea.id)
    assert (original.body, original.sha256) == (body, hashlib.sha256(body).digest())
    version = session.get_one(IdeaText, (idea.id, 1))
    assert (version.text, version.author) == ("Fler bänkar.", "Kim")
    assert session.get_one(Contact, idea.id).email == "kim@example.org"
    assert receipts.find_receipt(session, received.token) == idea.id
    assert received.token == receipts.make_receipt_token(settings.secret_key, idea.receipt_nonce)
    event = session.scalars(select(OutboxEvent)).one()
    assert (event.kind, event.subject_id) == ("IdeaSubmitted", idea.id)
    delivery = session.scalars(select(OutboxDelivery)).one()
    assert (delivery.queue, delivery.sent_at, delivery.done_at) == ("checks", None, None)


def test_the_event_holds_no_words(session, settings, council):
    receive(settings, council)
    payload = json.dumps(session.scalars(select(OutboxEvent)).one().payload)
    assert "bänkar" not in payload
    assert "kim" not in payload.lower()


def test_no_address_makes_no_contact(session, settings, council):
    receive(settings, council, IdeaForm("Fler bänkar."))
    assert session.scalar(select(func.count()).select_from(Contact)) == 0


def test_what_fails_leaves_nothing(session, settings, council):
    def fail() -> None:
        with db.Session.begin() as unit:
            intake.receive_idea(run_in(unit), settings, council.slug, FORM, arrival())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    for table in (Idea, Original, IdeaText, Contact, OutboxEvent, OutboxDelivery):
        assert session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize("slug", ["finns-inte", "", "a\x00b", "../x", "Å"])
def test_an_unknown_council_takes_nothing(session, settings, slug):
    with pytest.raises(intake.UnknownCouncilError):
        receive(settings, Council(slug=slug))


@pytest.mark.parametrize(
    ("opens_in", "closes_in", "is_open"),
    [
        (None, None, True),
        (-1, None, True),
        (None, 1, True),
        (-1, 1, True),
        (1, None, False),
        (None, -1, False),
    ],
)
def test_a_council_is_open_between_its_bounds(session, settings, opens_in, closes_in, is_open):
    def moment(hours):
        return None if hours is None else utcnow() + timedelta(hours=hours)

    council = a_council(session, open_from=moment(opens_in), open_until=moment(closes_in))
    session.commit()
    if is_open:
        receive(settings, council)
        return
    with pytest.raises(intake.ClosedCouncilError):
        receive(settings, council)


def test_the_same_key_and_words_give_the_same_answer(session, settings, council):
    first = receive(settings, council, key="k")
    again = receive(settings, council, key="k")
    assert again == intake.Received(first.idea_id, first.number, first.token, replayed=True)
    assert session.scalar(select(func.count()).select_from(Idea)) == 1


def test_the_same_key_gives_the_same_answer_after_the_council_has_closed(
    session, settings, council
):
    first = receive(settings, council, key="k")
    council.open_until = utcnow() - timedelta(seconds=1)
    session.commit()
    assert receive(settings, council, key="k").idea_id == first.idea_id


@pytest.mark.parametrize(
    "other",
    [
        IdeaForm("Färre bänkar.", "Kim", "kim@example.org"),
        IdeaForm("Fler bänkar.", None, "kim@example.org"),
        IdeaForm("Fler bänkar.", "Kim", "annan@example.org"),
    ],
)
def test_the_same_key_with_another_body_is_refused(session, settings, council, other):
    receive(settings, council, key="k")
    with pytest.raises(intake.KeyReusedError):
        receive(settings, council, other, key="k")
    assert session.scalar(select(func.count()).select_from(Idea)) == 1


def test_the_same_key_in_another_council_is_another_body(session, settings, council):
    receive(settings, council, key="k")
    other = a_council(session)
    session.commit()
    with pytest.raises(intake.KeyReusedError):
        receive(settings, other, key="k")


def test_a_key_is_forgotten_after_a_day(session, settings, council):
    first = receive(settings, council, key="k")
    session.scalars(select(IdempotencyKey)).one().stored_at -= timedelta(hours=25)
    session.commit()
    assert receive(settings, council, key="k").idea_id != first.idea_id

    session.expire_all()
    session.scalars(select(IdempotencyKey)).one().stored_at -= timedelta(hours=25)
    intake.forget_old_keys(session)
    assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


def test_posts_with_one_key_at_the_same_instant_make_one_idea(session, settings, council):
    together = Barrier(6)

    def post(_number: int) -> intake.Received:
        together.wait()
        return receive(settings, council, key="samma")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, range(6)))
    assert len({answer.token for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert session.scalar(select(func.count()).select_from(Idea)) == 1
    assert session.scalar(select(func.count()).select_from(OutboxEvent)) == 1


def rows_of(session, idea_id) -> dict[str, dict[str, object]]:
    """Everything that is stored of an idea, by table; what differs by nature is left out."""
    apart = {"id", "idea_id", "seq", "number", "receipt_nonce", "sha256", "event_id", "subject_id"}
    found: dict[str, dict[str, object]] = {}
    for table in (Idea, Original, IdeaText, Contact, OutboxEvent, OutboxDelivery):
        key = {Idea: "id", OutboxEvent: "subject_id"}.get(table, "idea_id")
        asked = select(table.__table__)
        if table is OutboxDelivery:
            asked = asked.join(OutboxEvent, OutboxEvent.id == OutboxDelivery.event_id)
            asked = asked.where(OutboxEvent.subject_id == idea_id)
        else:
            asked = asked.where(table.__table__.c[key] == idea_id)
        (row,) = session.execute(asked).mappings()
        found[table.__tablename__] = {
            name: value
            for name, value in row.items()
            if name not in apart and not name.endswith("_at") and name != "payload"
        }
    return found


def test_the_database_stores_what_the_import_would(session, settings, council):
    received = receive(settings, council)
    stored = intake.store_idea(
        session, council, FORM, arrival(), received_at=utcnow(), timezone=settings.timezone
    )
    session.add(Contact(idea_id=stored.id, email=FORM.email))
    outbox.record_event(session, IdeaSubmitted(stored.id, stored.text_version))
    session.flush()
    assert rows_of(session, received.idea_id) == rows_of(session, stored.id)


def test_an_answer_that_was_lost_is_given_again(settings, council, session):
    def run_twice(statement, parameters):
        first = db.run_alone(statement, parameters)
        assert db.run_alone(statement, parameters) == first
        return first

    received = intake.receive_idea(run_twice, settings, council.slug, FORM, arrival())
    assert not received.replayed
    for table in (Idea, Original, IdeaText, Contact, OutboxEvent, OutboxDelivery):
        assert session.scalar(select(func.count()).select_from(table)) == 1


def test_a_connection_that_was_lost_loses_no_idea(settings, council, session):
    receive(settings, council)
    session.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    )
    receive(settings, council)
    assert session.scalar(select(func.count()).select_from(Idea)) == 2


def test_a_statement_that_fails_is_not_tried_again_and_leaves_nothing(settings, council, session):
    tried = []

    def run(statement, parameters):
        tried.append(parameters)
        [idea] = json.loads(parameters["posted"])
        spoiled = json.dumps([{**idea, "content_type": None}])
        return db.run_alone(statement, {**parameters, "posted": spoiled})

    with pytest.raises(IntegrityError):
        intake.receive_idea(run, settings, council.slug, FORM, arrival(key="k"))
    assert len(tried) == 1
    for table in (Idea, IdeaText, IdempotencyKey, OutboxEvent):
        assert session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize("drawn", [1, 999_999, 1_000_000, 123_456_789])
def test_numbers_are_written_as_everywhere(settings, council, session, drawn):
    asked = text("SELECT setval('idea_numbers', :drawn, false)")
    session.execute(asked, {"drawn": drawn})
    session.commit()
    number = receive(settings, council).number
    session.execute(asked, {"drawn": drawn})
    assert number == next_number(session, utcnow(), settings.timezone)


@pytest.mark.parametrize(
    ("moment", "year"), [("2026-12-31T22:59:59+00:00", 2026), ("2026-12-31T23:00:00+00:00", 2027)]
)
def test_the_year_of_a_number_is_the_citys(settings, council, moment, year):
    with travel(moment, tick=False):
        assert receive(settings, council).number.startswith(f"R-{year}-")
