"""Lookups inside a batch: what is found and missed reaches the verdict, and off is off."""

from dataclasses import replace

import pytest
from celery import Celery, current_app
from sqlalchemy import select

from services.moderation import tasks
from services.moderation.checking import switches
from services.moderation.lookups import asking
from services.moderation.lookups.batch import Looked, look_up_texts, read_texts
from services.moderation.lookups.breaker import Breaker
from shared import db
from shared.config import Settings
from shared.delivery import outbox, queues, relay
from shared.delivery.events import IdeaSubmitted
from shared.models import FindingRow, IdeaStatus, Outcome, Role, Source, Verdict
from tests.factories import a_council, a_member_of_staff, an_idea
from tests.moderation.lookups.service_nearby import SPAM


@pytest.fixture
def worker(settings: Settings, way, monkeypatch) -> Celery:
    """Celery as a worker has it, with the services nearby in its settings."""
    mine = replace(
        settings,
        akismet_key=way.akismet_key,
        akismet_url=way.akismet_url,
        stopforumspam_url=way.stopforumspam_url,
        bad_hosts=way.bad_hosts,
    )
    current_app.conf.radslag_settings = mine
    for name in asking._breakers:
        monkeypatch.setitem(asking._breakers, name, Breaker())
    return current_app


def run(session) -> None:
    session.commit()
    with db.Session.begin() as fresh:
        offers = [offer for queue in queues.ALL for offer in relay._regroup(fresh, queue)]
    for offer in offers:
        if offer.consumer is queues.CHECK:
            tasks.check_ideas(batch=str(offer.batch))
    session.expire_all()


def switch_on(session, *names: str) -> None:
    admin = a_member_of_staff(session, Role.ADMIN)
    for name in names:
        switches.switch_check(session, name, is_on=True, by=admin.id)


def codes(session, idea) -> set[tuple[str, str]]:
    rows = select(FindingRow.check_name, FindingRow.code).where(FindingRow.idea_id == idea.id)
    return {(check, code) for check, code in session.execute(rows)}


def test_off_as_shipped(session, worker, nearby):
    idea = an_idea(session, text=f"{SPAM} http://evil.example/", email="ada@example.org")
    run(session)
    assert nearby.connections == 0
    assert session.get_one(Verdict, (idea.id, 1)).unchecked == []


def test_what_they_say_reaches_the_verdict(session, worker, nearby):
    switch_on(session, "akismet", "urlhaus")
    spam = an_idea(session, text=f"Se {SPAM} på http://evil.example/ genast")
    clean = an_idea(session, text="Fler bänkar längs vattnet vid Norra hamnen.")
    run(session)
    assert {("akismet", "listed"), ("urlhaus", "listed")} <= codes(session, spam)
    assert session.get_one(Verdict, (spam.id, 1)).outcome is Outcome.LIKELY_SPAM
    assert session.get_one(Verdict, (clean.id, 1)).outcome is Outcome.CLEAR
    # Not switched on, so not asked.
    assert {asked.path for asked in nearby.asked} == {"/1.1/comment-check", "/list.txt"}


def test_a_service_that_is_down_is_never_clean(session, worker, nearby):
    nearby.behaviour = "500"
    switch_on(session, "akismet")
    idea = an_idea(session, text="Fler bänkar längs vattnet vid Norra hamnen.")
    run(session)
    verdict = session.get_one(Verdict, (idea.id, 1))
    assert (verdict.unchecked, verdict.outcome) == (["akismet"], Outcome.ATTENTION)
    with db.Session() as reading:
        assert switches.unchecked_lately(reading) == {"akismet": 1}


def test_what_was_withdrawn_or_brought_in_is_not_sent(session, worker, nearby):
    switch_on(session, "akismet", "stopforumspam")
    council = a_council(session)
    withdrawn = an_idea(session, council, email="ada@example.org")
    withdrawn.status = IdeaStatus.WITHDRAWN
    an_idea(session, council, source=Source.IMPORT, source_id="1")
    run(session)
    assert nearby.connections == 0
    rows = session.scalars(select(Verdict.unchecked)).all()
    assert [list(row) for row in rows] == [[], []]


def test_a_text_that_came_meanwhile_is_unchecked_until_it_is_asked_about(session, way):
    switch_on(session, "akismet")
    idea = an_idea(session)
    session.commit()
    deliveries = [outbox.Delivery(1, idea.id, {}, 1)]
    with db.Session() as reading:
        asked = read_texts(reading, deliveries, switches.lookups_on(reading))
    assert list(asked.questions) == [(idea.id, 1)]
    looked = look_up_texts(way, asked, budget_s=5)
    assert looked.of(idea).unchecked == ()
    idea.text_version = 2
    assert looked.of(idea).unchecked == ("akismet",)
    assert Looked().of(idea).unchecked == ()


def test_given_up_names_what_should_have_run_and_no_other(session, worker):
    admin = a_member_of_staff(session, Role.ADMIN)
    switches.switch_check(session, "language", is_on=False, by=admin.id)
    switches.switch_check(session, "akismet", is_on=True, by=admin.id)
    idea = an_idea(session)
    session.commit()
    from services.moderation.checking import verdicts

    with db.Session.begin() as writing:
        verdicts.give_up(writing, idea.id, {"text_version": 1})
    unchecked = set(session.get_one(Verdict, (idea.id, 1)).unchecked)
    assert "akismet" in unchecked
    assert unchecked.isdisjoint({"language", "stopforumspam", "urlhaus"})


def test_a_local_check_that_is_off_does_not_run(session, worker):
    admin = a_member_of_staff(session, Role.ADMIN)
    idea = an_idea(session, text="Mejla kanarie@example.org om bänkarna vid vattnet.")
    run(session)
    assert ("personal_data", "email") in codes(session, idea)
    switches.switch_check(session, "personal_data", is_on=False, by=admin.id)
    outbox.record_event(session, IdeaSubmitted(idea.id, 1))
    run(session)
    assert codes(session, idea) == set()
    assert session.get_one(Verdict, (idea.id, 1)).unchecked == []
