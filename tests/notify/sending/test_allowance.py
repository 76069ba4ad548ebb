"""A stranger's mailbox gets no flood of letters, whatever is sent and decided in its name."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from time_machine import travel

from services.notify.desk import letter_words
from services.notify.sending import allowance
from services.notify.sending.mailing import send_due
from services.submission import receipt
from shared.clock import utcnow
from shared.ids import new_id
from shared.links import receipts
from shared.models import DecisionKind, Letter, LetterState, MailCount
from shared.models.notify import WITHHELD
from tests.factories import a_council, a_rule, an_idea

# One mailbox.
SPELLINGS = [
    *("a.nna@gmail.com", "anna+1@gmail.com", "ANNA@gmail.com", "an.na+x@googlemail.com"),
    *("anna@gmail.com", "a.n.n.a@gmail.com", "anna+2@GMAIL.com", "Anna+3+4@googlemail.com"),
]


@pytest.fixture
def rejected(desk, session):
    """Ideas with these addresses, all rejected."""

    def reject(addresses):
        a_rule(session)
        council = a_council(session)
        ideas = [
            an_idea(session, council, text=f"Idé nummer {n}", email=address, submitted=False)
            for n, address in enumerate(addresses)
        ]
        for idea in ideas:
            desk.wait_for(idea)
            desk.decide(idea, DecisionKind.REJECT, rule_code="spam")
        desk.deliver()
        desk.ripen()
        return ideas

    return reject


def states(desk):
    return sorted((each.state.value, each.error or "") for each in desk.letters())


def test_eight_ideas_in_a_strangers_name_make_three_letters(
    rejected, desk, server, settings, session
):
    ideas = rejected(SPELLINGS)
    assert send_due(settings) == 3
    assert len(server.taken) == 3
    assert states(desk) == [("cancelled", WITHHELD)] * 5 + [("sent", "")] * 3
    assert letter_words.say_reason(WITHHELD) not in {"", letter_words.say_reason("no such reason")}
    # Nobody is forgotten, and whoever has the receipt reads it there.
    withheld = {each.idea_id for each in desk.letters() if each.error == WITHHELD}
    for idea in ideas:
        token = receipts.issue_receipt(session, settings.secret_key, idea.id, idea.receipt_nonce)
        seen = receipt.read_receipt(session, token)
        assert seen is not None
        assert seen.is_withheld == (idea.id in withheld)
        assert seen.rule is not None
    # No address, nor what it can be told by on another day, is kept.
    kept = b"".join(session.scalars(select(MailCount.place)))
    assert b"anna" not in kept


def test_the_next_day_begins_anew(rejected, desk, server, settings):
    with travel("2026-06-10T10:00:00Z", tick=False):
        rejected(SPELLINGS[:4])
        assert send_due(settings) == 3
    with travel("2026-06-10T22:01:00Z", tick=False):
        rejected(SPELLINGS[:4])
        assert send_due(settings) == 3


def test_another_mailbox_has_its_own(rejected, server, settings):
    rejected(["anna@stad.example"] * 4 + ["a.nna@stad.example", "bo@stad.example"])
    assert send_due(settings) == 5


def test_all_that_is_below_one_domain_is_one(settings):
    """Whoever owns it owns what stands before it, and one server may take mail for all of it."""

    def places(domain: str) -> set[bytes]:
        return set(allowance._limits(settings, f"anna@{domain}"))

    for one, other in (
        ("a.stad.example", "b.stad.example"),
        ("a.stad.example", "stad.example"),
        ("x.y.z.stad.example", "w.stad.example"),
        ("a.stad.co.uk", "b.stad.co.uk"),
    ):
        assert places(one) & places(other), (one, other)
    for one, other in (
        ("a.example", "b.example"),
        ("stad.co.uk", "by.co.uk"),
        ("anna.pp.se", "bo.pp.se"),
        ("gmail.com", "mail.gmail.com"),
    ):
        assert not places(one) & places(other), (one, other)
    assert len(places(f"{'a.' * 100}example")) == 4


def test_a_domain_gets_so_many_and_one_of_everybodys_more(rejected, server, settings, monkeypatch):
    monkeypatch.setattr(allowance, "TO_A_DOMAIN", 4)
    rejected([f"a{n}@ensam.example" for n in range(6)] + [f"a{n}@gmail.com" for n in range(6)])
    assert send_due(settings) == 10


def test_what_takes_back_an_earlier_letter_leaves(desk, session, server, settings, rejected):
    rejected(["anna@stad.example"] * 2)
    idea = an_idea(session, text="Den tredje", email="anna@stad.example", submitted=False)
    desk.wait_for(idea)
    decision = desk.decide(idea, DecisionKind.REJECT, rule_code="spam")
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 3
    desk.undo(decision)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert desk.letters()[-1].template == "corrected"


def test_a_letter_that_is_tried_again_counts_once(rejected, desk, server, settings):
    rejected(["anna@stad.example"] * 3)
    server.to_recipient["anna@stad.example"] = "450 not now"
    for _ in range(3):
        assert send_due(settings) == 0
        desk.ripen()
    server.to_recipient.clear()
    assert send_due(settings) == 3


def test_workers_at_once_make_no_fourth(rejected, desk, server, settings):
    rejected(SPELLINGS)
    at_once = threading.Barrier(4)

    def work():
        at_once.wait()
        send_due(settings)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert len(server.taken) == 3


def test_letters_to_staff_and_old_counts(unit, module_settings):
    idea = an_idea(unit, email="anna@stad.example", submitted=False)

    def letter(**about):
        return Letter(
            id=new_id(),
            template="received",
            language="sv",
            message_id=f"<{new_id()}@stad.example>",
            due_at=utcnow(),
            state=LetterState.CLAIMED,
            **about,
        )

    with travel("2026-06-10T10:00:00Z", tick=False):
        to_staff = letter(staff_id=new_id())
        assert all(allowance.take_allowance(unit, to_staff, module_settings) for _ in range(9))
        assert unit.scalar(select(func.count()).select_from(MailCount)) == 0
        first = letter(idea_id=idea.id)
        assert allowance.take_allowance(unit, first, module_settings)
        assert allowance.take_allowance(unit, first, module_settings)
        assert unit.scalar(select(func.count()).select_from(MailCount)) == 2
    with travel("2026-06-12T10:00:01Z", tick=False):
        assert allowance.take_allowance(unit, letter(idea_id=idea.id), module_settings)
        # Those of the day before yesterday go.
        assert allowance.forget_old_counts(unit) == 2
        assert unit.scalar(select(func.count()).select_from(MailCount)) == 2
    # Another key, another hash.
    other = replace(module_settings, secret_key="another key, also long enough to be one")
    here, there = (
        allowance._limits(each, "anna@stad.example") for each in (module_settings, other)
    )
    assert not set(here) & set(there)
