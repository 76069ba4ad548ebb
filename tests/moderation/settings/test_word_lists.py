"""Words that staff added: they work from the next batch on, until removed or expired."""

from datetime import timedelta

from services.moderation.checking import equipping
from services.moderation.checks import Code, Subject, checks_with, run_all
from shared.clock import utcnow
from shared.models import WordListEntry

TEXT = "Ni är riktiga kvastar på kommunen"


def codes(session):
    checks = checks_with(equipping.read_equipment(session))
    return {finding.code for finding in run_all(Subject(TEXT), checks).findings}


def test_an_added_word_is_found_until_it_is_removed(session):
    assert Code.INSULT not in codes(session)
    entry = WordListEntry(list="insult", language="sv", term="kvastar", match="exact")
    session.add(entry)
    session.flush()
    assert Code.INSULT in codes(session)
    entry.removed_at = utcnow()
    session.flush()
    assert Code.INSULT not in codes(session)


def test_an_allowed_word_is_left_in_peace_and_an_expired_one_says_nothing(session):
    today = utcnow().date()
    session.add_all(
        [
            WordListEntry(list="insult", language="sv", term="kvastar", match="exact"),
            WordListEntry(
                list="hate",
                language="sv",
                term="kommunen",
                match="exact",
                expires_on=today - timedelta(days=1),
            ),
        ]
    )
    session.flush()
    assert Code.HATE not in codes(session)
    session.add(WordListEntry(list="allow", language="sv", term="kvastar", match="exact"))
    session.flush()
    assert Code.INSULT not in codes(session)
