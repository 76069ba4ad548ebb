"""What a form tool delivers is stored before it is answered, and becomes an idea once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, update
from standardwebhooks import Webhook

from services.submission.hooks import inbox, sources
from services.submission.hooks.inbox import MAX_BODY_BYTES
from services.submission.hooks.mapping import FieldMap, Part
from shared import db
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import FormDelivered
from shared.delivery.outbox import StaleBatchError
from shared.models import (
    Contact,
    Council,
    FormMapping,
    Idea,
    IdeaText,
    InboxFault,
    InboxItem,
    InboxState,
    Original,
    OutboxDelivery,
    OutboxEvent,
    Precision,
    Source,
)
from tests.factories import a_council
from tests.in_turn import in_turn
from tests.submission.hooks.conftest import a_tool
from tests.submission.test_api import problem

TEXT = {"text": "Fler bänkar.", "epost": "kim@example.org", "author": "Kim", "okänt": "x"}


def count(session, table=Idea) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(table))


def items(session) -> list[InboxItem]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(InboxItem).order_by(InboxItem.id)))


def save_map(tool, **by) -> None:
    with db.Session.begin() as session:
        source = sources.lock_source(session, tool.source.id)
        version, _none = sources.mapping_of(session, source.id)
        sources.save_mapping(session, source, FieldMap(**by), seen_version=version, by=None)


def test_the_newest_version_of_a_mapping_is_the_one_in_force(tool, session):
    for key in ("önskan", "svar", "ord"):
        save_map(tool, text=(Part(key),))
    version, by = sources.mapping_of(session, tool.source.id)
    assert (version, by.text) == (3, (Part("ord"),))


def test_a_delivery_is_stored_raw_with_its_event_and_then_answered(tool, session):
    body = b'{ "text": "Fler b\\u00e4nkar.", "x": [1] }'
    answer = tool.post(data=body, content_type="application/json; charset=utf-8")
    assert (answer.status_code, answer.mimetype) == (202, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    [item] = items(session)
    assert answer.json == {"id": str(item.id)}
    assert (item.body, item.content_type) == (body, "application/json; charset=utf-8")
    assert (item.state, item.source_id, item.idea_id) == ("received", tool.source.id, None)
    [event] = session.scalars(select(OutboxEvent))
    assert (event.kind, event.subject_id) == ("FormDelivered", item.id)
    [delivery] = session.scalars(select(OutboxDelivery))
    assert (delivery.consumer, delivery.queue) == ("submission.form", "forms")
    assert count(session) == 0


def test_the_worker_makes_an_idea_as_the_form_does(tool, session):
    body = json.dumps(TEXT).encode()
    tool.post(data=body, content_type="application/json")
    assert tool.work() == 1
    [idea] = session.scalars(select(Idea))
    assert (idea.source, idea.status, idea.precision) == (Source.HOOK, "received", "instant")
    text = session.scalars(select(IdeaText)).one()
    assert (text.text, text.author) == ("Fler bänkar.", "Kim")
    assert session.scalars(select(Contact.email)).one() == "kim@example.org"
    # What nobody chose stands in the sealed original, and the words stand nowhere else.
    original = session.scalars(select(Original)).one()
    assert (original.body, original.content_type) == (body, "application/json")
    [item] = items(session)
    assert (item.state, item.idea_id, item.body) == ("mapped", idea.id, None)
    assert (item.mapping_version, item.left_out) == (None, [])
    kinds = list(session.scalars(select(OutboxEvent.kind).order_by(OutboxEvent.id)))
    assert kinds == ["FormDelivered", "IdeaSubmitted"]
    assert tool.work() == 0


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"json": {"Idé": "En bänk"}}, "En bänk"),
        (
            {"json": {"title": "Bänk", "content": "En bänk", "fields": {"a": "b"}}},
            "Bänk\n\nEn bänk",
        ),
        ({"data": {"meddelande": "En bänk"}}, "En bänk"),
        ({"data": {"förslag": "En bänk"}, "content_type": "multipart/form-data"}, "En bänk"),
    ],
)
def test_json_and_both_kinds_of_forms_are_taken(tool, session, sent, text):
    assert tool.post(**sent).status_code == 202
    tool.work()
    assert session.scalars(select(IdeaText.text)).one() == text


@pytest.mark.parametrize("secret", ["whsec_", "fel"])
def test_without_the_secret_nothing_is_stored_and_nothing_told(tool, session, secret):
    refused = tool.post(secret=secret, json=TEXT)
    strangers = tool.client.post(
        "/hooks/forms/finns-inte", json=TEXT, headers={"Authorization": f"Bearer {tool.secret}"}
    )
    odd = tool.client.post("/hooks/forms/å%00", json=TEXT, headers={"X-Api-Key": tool.secret})
    told = [problem(each, 401) for each in (refused, strangers, odd)]
    assert told[0] == told[1] == told[2]
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert count(session, InboxItem) == 0


def test_the_secret_of_another_source_is_none(tool, settings, session, council):
    other = a_tool(tool.client, settings, council, "Ett annat")
    problem(tool.post(secret=other.secret, json=TEXT), 401)
    assert count(session, InboxItem) == 0


def test_two_secrets_are_good_while_one_is_changed(tool, settings, session):
    def change() -> str:
        with db.Session.begin() as writing:
            source = sources.lock_source(writing, tool.source.id)
            sources.change_secret(source, settings)
            return sources.show_secret(source, settings)

    new = change()
    assert [tool.post(secret=each, json=TEXT).status_code for each in (tool.secret, new)] == [
        202,
        202,
    ]
    with db.Session.begin() as writing:
        writing.execute(update(type(tool.source)).values(old_until=utcnow() - timedelta(seconds=1)))
    assert [tool.post(secret=each, json=TEXT).status_code for each in (tool.secret, new)] == [
        401,
        202,
    ]
    newest = change()
    statuses = [tool.post(secret=s, json=TEXT).status_code for s in (tool.secret, new, newest)]
    assert statuses == [401, 202, 202]


def test_a_source_that_is_off_says_so_to_those_who_know_it(tool, session):
    with db.Session.begin() as writing:
        sources.turn_source(sources.lock_source(writing, tool.source.id), on=False)
    assert "avstängt" in problem(tool.post(json=TEXT), 403)["detail"]
    problem(tool.post(secret="fel", json=TEXT), 401)
    assert count(session, InboxItem) == 0


def test_256_kb_are_taken_and_no_more(tool, session):
    def body(length: int) -> bytes:
        made = b'{"text": "Fler b.", "x": "%s"}'
        return made % (b"x" * (length - len(made) + 2))

    most, more = body(MAX_BODY_BYTES), body(MAX_BODY_BYTES + 1)
    assert len(most) == 256 * 1024
    assert tool.post(data=most, content_type="application/json").status_code == 202
    told = problem(tool.post(data=more, content_type="application/json"), 413)
    assert "256 kB" in told["detail"]
    assert count(session, InboxItem) == 1


def test_what_cannot_be_read_is_stored_and_refused(tool, session):
    for _ in range(2):
        told = problem(tool.post(data=b"{", content_type="application/json", key="1"), 400)
    [item] = items(session)
    assert told["id"] == str(item.id)
    assert (item.state, item.fault, item.body) == ("failed", "unreadable", b"{")
    assert tool.work() == 0
    # Mended, it may come under the same id.
    assert tool.post(json=TEXT, key="1").status_code == 202
    tool.work()
    assert count(session) == 1


def test_the_same_delivery_twice_is_one_idea_of_this_source(tool, settings, session, council):
    first, again = (tool.post(json=TEXT, key="1") for _ in range(2))
    assert (first.status_code, first.json) == (again.status_code, again.json)
    tool.work()
    assert tool.post(json=TEXT, key="1").json == first.json
    other = a_tool(tool.client, settings, council, "Ett annat")
    assert other.post(json=TEXT, key="1").json != first.json
    # Without an id both are kept; whether they are alike the checks say.
    for _ in range(2):
        tool.post(json=TEXT)
    tool.work()
    assert count(session) == 4


def test_other_words_under_the_same_id_wait_for_a_person(tool, session):
    first = tool.post(json=TEXT, key="1").json
    other = tool.post(json={"text": "Något annat"}, key="1")
    assert (other.status_code, other.json == first) == (202, False)
    tool.work()
    mapped, waits = items(session)
    assert (mapped.state, waits.state, waits.fault) == ("mapped", "failed", "key_reused")
    with db.Session.begin() as writing:
        assert inbox.try_again(writing, tool.source.id) == 1
    tool.work()
    assert count(session) == 2


def test_a_signed_delivery_is_known_by_its_webhook_id(tool, session):
    body = json.dumps(TEXT)
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(tool.secret).sign("msg_1", now, body),
    }
    sent = {"data": body, "content_type": "application/json"}
    first, again = (tool.client.post(tool.path, headers=headers, **sent) for _ in range(2))
    assert (first.status_code, first.json) == (202, again.json)
    assert tool.client.post(tool.path, headers=headers, data="{}").status_code == 401


def test_the_same_id_at_the_same_instant_is_stored_once(app, tool, session):
    together = Barrier(5)

    def post(_number: int) -> dict:
        together.wait()
        headers = {"X-Api-Key": tool.secret, "Idempotency-Key": "1"}
        return app.test_client().post(tool.path, json=TEXT, headers=headers).json

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(post, range(5)))
    assert all(each == answers[0] for each in answers)
    assert count(session, InboxItem) == 1


def test_a_field_may_hold_the_id(tool, session):
    save_map(tool, text=(Part("text"),), delivery="nr")
    for text, number in (("En bänk", 1), ("En bänk", 1), ("Två bänkar", 1), ("En bänk", 2)):
        tool.post(json={"text": text, "nr": number})
    tool.work()
    assert [(each.state, each.fault) for each in items(session)] == [
        ("mapped", None),
        ("repeated", None),
        ("failed", "key_reused"),
        ("mapped", None),
    ]
    first, repeated = items(session)[:2]
    assert (repeated.same_as, repeated.body) == (first.id, None)
    assert count(session) == 2
    # The words of the second one are those of the first, and stand in its original.
    with db.Session() as reading:
        assert inbox.read_item(reading, tool.source.id, repeated.id) == inbox.read_item(
            reading, tool.source.id, first.id
        )


def test_what_is_not_obvious_waits_until_the_mapping_is_mended(tool, session):
    tool.post(
        json={"Vad önskar du?": "En bänk", "Var?": "Parken", "namn": "Kim", "när": "2026-11-02"}
    )
    tool.work()
    [item] = items(session)
    assert (item.state, item.fault, item.mapping_version) == ("failed", InboxFault.NO_TEXT, None)
    assert count(session) == 0
    parts = (Part("vad önskar du?"), Part("var?", "Plats"))
    save_map(tool, text=parts, author="namn", date="när")
    with db.Session.begin() as writing:
        assert inbox.try_again(writing, tool.source.id) == 1
        assert inbox.try_again(writing, tool.source.id) == 0
    tool.work()
    [item] = items(session)
    assert (item.state, item.fault, item.mapping_version) == ("mapped", None, 1)
    text = session.scalars(select(IdeaText)).one()
    assert (text.text, text.author) == ("En bänk\n\nPlats: Parken", "Kim")
    idea = session.scalars(select(Idea)).one()
    assert (idea.received_at, idea.precision) == (
        datetime(2026, 11, 2, 11, tzinfo=UTC),
        Precision.DAY,
    )
    assert idea.stored_at > idea.received_at


def test_a_field_may_name_the_council_by_address_or_title(client, settings, session, council):
    a_council(session, slug="andra", title="Andra rådet")
    a_council(session, slug="lika", title="Lika")
    a_council(session, slug="lika-2", title="LIKA")
    a_council(session, slug="stangt", open_until=utcnow() - timedelta(days=1))
    session.commit()
    tool = a_tool(client, settings, None)
    said = ("Andra", "ANDRA RÅDET", "finns inte", "", "lika", "lika-2", "stangt")
    for each in said:
        tool.post(json={"text": "En bänk", "council": each})
    tool.work()
    slugs = dict(session.execute(select(Council.id, Council.slug)).all())
    councils = dict(session.execute(select(Idea.id, Idea.council_id)).all())
    assert [
        slugs[councils[each.idea_id]] if each.idea_id else str(each.fault)
        for each in items(session)
    ] == ["andra", "andra", "no_council", "no_council", "no_council", "lika-2", "closed_council"]


def test_the_council_of_a_source_is_not_changed_by_a_field(tool, session, council):
    a_council(session, slug="andra")
    session.commit()
    tool.post(json={"text": "En bänk", "council": "andra"})
    tool.work()
    assert session.scalars(select(Idea.council_id)).one() == council.id


def test_one_that_cannot_be_mapped_holds_up_none_of_its_batch(tool, session):
    for text in ("En bänk", "x", "Två bänkar", "y" * 2001, "Tre bänkar"):
        tool.post(json={"text": text})
    assert tool.work() == 5
    assert [each.fault for each in items(session)] == [None, "too_short", None, "too_long", None]
    assert count(session) == 3


def test_what_is_left_out_is_noted(tool, session):
    tool.post(json=TEXT | {"epost": "inte en adress"})
    tool.work()
    assert items(session)[0].left_out == ["email"]
    assert count(session, Contact) == 0


def test_a_worker_that_dies_in_the_middle_leaves_no_half_and_makes_no_double(tool, session):
    for number in range(3):
        tool.post(json={"text": f"Bänk {number}", "nr": number})
    batch = inbox.new_id()
    with db.Session.begin() as writing:
        writing.execute(update(OutboxDelivery).values(batch=batch))
    claimed = outbox.claim_batch(batch)
    with db.Session() as dying:
        inbox.map_deliveries(dying, batch, claimed, tool.settings)
        dying.flush()
    assert count(session) == 0
    assert {each.state for each in items(session)} == {InboxState.RECEIVED}
    # The next one has it; the one that was thought dead comes back, and changes nothing.
    assert tool.work() == 3
    with pytest.raises(StaleBatchError), db.Session.begin() as writing:
        inbox.map_deliveries(writing, batch, claimed, tool.settings)
    assert count(session) == 3


def test_an_event_that_comes_again_makes_no_second_idea(tool, session):
    tool.post(json=TEXT)
    tool.work()
    with db.Session.begin() as writing:
        writing.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.consumer == "submission.form")
            .values(done_at=None)
        )
    assert tool.work() == 1
    assert count(session) == 1


def test_put_aside_waits_for_nobody_and_is_not_lost(tool, session):
    tool.post(json={"namn": "Kim"})
    tool.work()
    [item] = items(session)
    with db.Session.begin() as writing:
        assert inbox.put_aside(writing, tool.source.id, item.id)
        assert not inbox.put_aside(writing, tool.source.id, item.id)
        assert inbox.try_again(writing, tool.source.id) == 0
    [item] = items(session)
    assert (item.state, item.fault, item.body) == ("put_aside", None, b'{"namn": "Kim"}')


def test_only_one_of_two_who_save_a_mapping_at_once_does(tool, session):
    save_map(tool, text=(Part("a"),))
    by = FieldMap((Part("b"),))
    with db.Session() as writing:
        source = sources.lock_source(writing, tool.source.id)
        with pytest.raises(sources.MovedError):
            sources.save_mapping(writing, source, by, seen_version=0, by=None)
    assert count(session, FormMapping) == 1


@pytest.mark.parametrize("title", ["", " ", "!!!", "x" * 81, "a\u0000b", "日本"])
def test_a_name_that_makes_no_address_is_none(settings, session, title):
    with pytest.raises(sources.BadTitleError):
        sources.add_source(session, settings, title, None, by=None)


def test_names_that_make_one_address_are_one(settings, session):
    made = sources.add_source(session, settings, "Önskemål  på webben", None, by=None)
    assert (made.slug, made.title) == ("onskemal-pa-webben", "Önskemål på webben")
    with pytest.raises(sources.TitleTakenError):
        sources.add_source(session, settings, "ÖNSKEMÅL, på webben!", None, by=None)
    assert sources.find_source(session, "önskemål på webben") is made


def test_how_it_goes_with_a_source_is_counted_and_seen(tool, session):
    with db.Session() as reading:
        assert sources.read_going(reading, tool.source.id).last_seen_at is None
    tool.post(json=TEXT)
    tool.post(json={})
    tool.work()
    tool.post(json=TEXT)
    with db.Session() as reading:
        going = sources.read_going(reading, tool.source.id)
    assert going.last_seen_at == items(session)[-1].received_at
    assert {state.value: number for state, number in going.counts.items() if number} == {
        "received": 1,
        "mapped": 1,
        "failed": 1,
    }


def test_two_workers_that_have_one_delivery_at_one_instant_make_one_idea(tool, session):
    tool.post(json=TEXT)
    [item] = items(session)
    with db.Session.begin() as writing:
        outbox.record_event(writing, FormDelivered(item.id))
    batches = [inbox.new_id(), inbox.new_id()]
    deliveries = session.scalars(select(OutboxDelivery.id).order_by(OutboxDelivery.id)).all()
    for batch, delivery in zip(batches, deliveries, strict=True):
        with db.Session.begin() as writing:
            writing.execute(
                update(OutboxDelivery).where(OutboxDelivery.id == delivery).values(batch=batch)
            )
    session.rollback()

    def work(batch):
        claimed = outbox.claim_batch(batch)
        return lambda unit: inbox.map_deliveries(unit, batch, claimed, tool.settings)

    first, second = map(work, batches)
    told = in_turn(db.Session.kw["bind"], first, second)
    assert (told.first, told.second, told.waited) == (None, None, True)
    assert count(session) == 1
