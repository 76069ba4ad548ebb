"""Rules of what the desk keeps: drawn samples, who watched, word lists; each at its edge.

All of it in one database in which hardly anything is ever committed.
"""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from time_machine import travel

from services.moderation.checking import equipping, switches
from services.moderation.checks import links
from services.moderation.checks.learned_spam.spam_model import load_shipped_model
from services.moderation.checks.wording.lexicon import Term
from services.moderation.decisions.entries import open_entry
from services.moderation.desk import words
from services.moderation.desk.records import sample_views, supervision
from services.moderation.samples import drawing
from services.moderation.settings import audit, word_lists
from services.moderation.spam import spam_versions
from shared import db, lanes
from shared.models import (
    AuditEntry,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Judgement,
    Reason,
    Role,
    Sample,
    SampleShare,
    Sampling,
    Staff,
    TextKind,
    WordListEntry,
)
from shared.pages import qr
from tests.databases import copied
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea, open_reasons
from tests.moderation.desk.records.test_records_reading import decision

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
SETTLED = NOW - timedelta(minutes=2)
KEY = "a key"
ZONE = ZoneInfo("Europe/Stockholm")


@pytest.fixture(scope="module")
def database_url(servers):
    with copied(servers[0], "desk_records") as url:
        yield url


class TestDraw:
    @pytest.fixture(autouse=True)
    def everything(self, session, moa, carl):  # noqa: ARG002 - one decides, the other could look
        """All that can be drawn is, from before all of these decisions on."""
        session.add(SampleShare(share=1.0, changed_at=NOW - timedelta(days=9)))
        session.add(Sampling(id=1, drawn_until=NOW - timedelta(hours=1)))
        session.flush()

    def decided(self, session, by, at=SETTLED, kind=DecisionKind.PUBLISH, idea=None, **about):
        idea = idea or an_idea(session, status=IdeaStatus.WAITING)
        return decision(session, idea, by, kind, decided_at=at, **about)

    def drawn(self, session, now=NOW) -> set[UUID]:
        session.flush()
        number = drawing.draw_samples(session, KEY, now)
        found = set(session.scalars(select(Sample.decision_id).where(Sample.drawn_at == now)))
        assert len(found) == number
        return found

    @pytest.mark.parametrize(
        ("at", "is_drawn"),
        [
            (SETTLED + A_MOMENT, False),
            (SETTLED, True),
            # What was being committed during the last draw is looked at again.
            (NOW - timedelta(minutes=70) + A_MOMENT, True),
            (NOW - timedelta(minutes=70), False),
        ],
    )
    def test_is_of_what_settled_since_the_last_time(self, session, moa, at, is_drawn):
        made = self.decided(session, moa, at)
        assert self.drawn(session) == ({made.id} if is_drawn else set())
        assert session.get_one(Sampling, 1).drawn_until == SETTLED
        assert open_reasons(session, made.idea_id) == ([Reason.SAMPLE] if is_drawn else [])
        # Nothing twice, and never back again.
        assert self.drawn(session, NOW - timedelta(minutes=5)) == set()
        assert session.get_one(Sampling, 1).drawn_until == SETTLED

    def test_looks_a_day_back_the_first_time(self, session, moa):
        session.delete(session.get_one(Sampling, 1))
        session.flush()
        first = NOW - timedelta(days=1, minutes=10)
        self.decided(session, moa, first)
        made = self.decided(session, moa, first + A_MOMENT)
        assert self.drawn(session) == {made.id}

    @pytest.mark.parametrize(
        ("kind", "is_drawn"),
        [
            ("publish", True),
            ("reject", True),
            ("mask", True),
            ("keep", False),
            ("merge", False),
            ("reopen", False),
        ],
    )
    def test_is_of_what_judges_a_text(self, session, moa, kind, is_drawn):
        about = {
            "reject": {"rule_id": a_rule(session).id},
            "merge": {"into_id": an_idea(session).id},
        }.get(kind, {})
        made = self.decided(session, moa, kind=DecisionKind(kind), **about)
        assert self.drawn(session) == ({made.id} if is_drawn else set())

    def test_is_of_what_people_decided_and_stands_about_what_is_there(self, session, moa):
        self.decided(session, None)
        undone = self.decided(session, moa)
        about = session.get_one(Idea, undone.idea_id)
        self.decided(session, moa, kind=DecisionKind.UNDO, idea=about, undoes=undone.id)
        withdrawn = an_idea(session, status=IdeaStatus.WITHDRAWN)
        self.decided(session, moa, idea=withdrawn)
        destroyed = an_idea(session, destroyed_at=NOW)
        self.decided(session, moa, idea=destroyed)
        assert self.drawn(session) == set()

    @pytest.mark.parametrize(
        ("role", "is_closed", "is_drawn"),
        [
            (Role.READER, False, False),
            (Role.MODERATOR, False, True),
            (Role.ADMIN, False, True),
            (Role.MODERATOR, True, False),
        ],
    )
    def test_needs_somebody_else_who_may_decide(
        self, session, moa, carl, role, is_closed, is_drawn
    ):
        others = Staff.id.not_in([moa.id, carl.id])
        session.execute(Staff.__table__.update().where(others).values(disabled_at=NOW))
        carl.role, carl.disabled_at = role, NOW if is_closed else None
        made = self.decided(session, moa)
        assert self.drawn(session) == ({made.id} if is_drawn else set())

    @pytest.mark.parametrize(
        ("changed", "is_drawn"), [(A_MOMENT, True), (timedelta(), False), (-A_MOMENT, False)]
    )
    def test_a_share_counts_from_its_moment_on(self, session, moa, changed, is_drawn):
        session.add(SampleShare(share=0.0, changed_at=SETTLED + changed))
        made = self.decided(session, moa)
        assert self.drawn(session) == ({made.id} if is_drawn else set())

    def test_without_a_share_it_is_the_usual_one(self):
        assert drawing._share_at([], NOW) == drawing.DEFAULT_SHARE
        assert drawing._share_at([(NOW + A_MOMENT, 1.0)], NOW) == drawing.DEFAULT_SHARE
        assert drawing._share_at([(NOW, 0.5), (NOW - A_MOMENT, 1.0)], NOW) == 0.5

    def test_a_lot_lies_between_nothing_and_all_and_is_drawn_below_the_share(
        self, session, moa, monkeypatch
    ):
        assert all(0 <= drawing.draw_lot(KEY, uuid4()) < 1 for _ in range(100))
        self.decided(session, moa)
        monkeypatch.setattr(drawing, "draw_lot", lambda _key, _id: 0.5)
        for share, number in ((0.5, 0), (0.51, 1)):
            session.add(SampleShare(share=share, changed_at=NOW - timedelta(days=8)))
            assert len(self.drawn(session, NOW + timedelta(minutes=number))) == number

    def test_of_an_act_on_many_the_lowest_lots_are_few_also_over_several_draws(self, session, moa):
        act, other = uuid4(), uuid4()
        made = [self.decided(session, moa, bulk_id=act).id for _ in range(8)]
        alone = [self.decided(session, moa, bulk_id=other).id for _ in range(5)]
        lowest = sorted(made, key=lambda each: drawing.draw_lot(KEY, each))[:5]
        assert drawing.MOST_OF_BULK == 5
        assert self.drawn(session) == {*lowest, *alone}
        self.decided(session, moa, bulk_id=act)
        assert self.drawn(session, NOW + timedelta(minutes=1)) == set()

    @pytest.mark.parametrize(("version", "is_drawn"), [(1, True), (2, False)])
    def test_what_was_drawn_and_undone_is_drawn_again_for_the_same_text(
        self, session, moa, version, is_drawn
    ):
        first = self.decided(session, moa)
        idea = session.get_one(Idea, first.idea_id)
        assert self.drawn(session) == {first.id}
        self.decided(session, moa, kind=DecisionKind.UNDO, idea=idea, undoes=first.id)
        session.add(SampleShare(share=0.0, changed_at=NOW - timedelta(days=8)))
        again = self.decided(session, moa, idea=idea, text_version=version)
        later = NOW + timedelta(minutes=1)
        assert self.drawn(session, later) == ({again.id} if is_drawn else set())

    def test_a_sample_that_was_answered_makes_no_other_certain(self, session, moa, carl):
        first = self.decided(session, moa)
        self.drawn(session)
        sample = session.scalars(select(Sample)).one()
        sample.judgement, sample.answered_by, sample.answered_at = Judgement.PUBLISH, carl.id, NOW
        session.add(SampleShare(share=0.0, changed_at=NOW - timedelta(days=8)))
        self.decided(session, moa, idea=session.get_one(Idea, first.idea_id))
        assert self.drawn(session, NOW + timedelta(minutes=1)) == set()

    def test_an_idea_has_one_open_sample(self, session, moa):
        first = self.decided(session, moa)
        self.decided(session, moa, idea=session.get_one(Idea, first.idea_id))
        assert len(self.drawn(session)) == 1

    @pytest.mark.parametrize(
        ("after", "is_void"),
        [(timedelta(days=60), False), (timedelta(days=60) + A_MOMENT, True)],
    )
    def test_what_nobody_found_the_time_for_is_void_after_sixty_days(
        self, session, moa, after, is_void
    ):
        made = self.decided(session, moa)
        self.drawn(session)
        drawing.forget_the_void(session, NOW + after)
        sample = session.scalars(select(Sample).execution_options(populate_existing=True)).one()
        assert sample.voided_at == (NOW + after if is_void else None)
        assert open_reasons(session, made.idea_id) == ([] if is_void else [Reason.SAMPLE])

    @pytest.mark.parametrize("what", ["undone", "withdrawn", "destroyed", "nothing"])
    def test_what_there_is_nothing_to_compare_with_is_void_unless_answered(
        self, session, moa, carl, what
    ):
        made = [self.decided(session, moa) for _ in range(2)]
        self.drawn(session)
        answered = session.scalars(select(Sample).where(Sample.decision_id == made[1].id)).one()
        answered.judgement, answered.answered_by = Judgement.PUBLISH, carl.id
        answered.answered_at = NOW
        open_entry(session, made[0].idea_id, Reason.REPORT, 350)
        for each in made:
            idea = session.get_one(Idea, each.idea_id)
            if what == "undone":
                self.decided(session, moa, kind=DecisionKind.UNDO, idea=idea, undoes=each.id)
            elif what == "withdrawn":
                idea.status = IdeaStatus.WITHDRAWN
            elif what == "destroyed":
                idea.destroyed_at = NOW
        session.flush()
        drawing.forget_the_void(session, NOW)
        session.expire_all()
        rows = session.scalars(select(Sample).where(Sample.voided_at.is_not(None))).all()
        assert [each.decision_id for each in rows] == ([] if what == "nothing" else [made[0].id])
        # The sample's entry alone is closed.
        left = {Reason.REPORT} | ({Reason.SAMPLE} if what == "nothing" else set())
        assert set(open_reasons(session, made[0].idea_id)) == left

    def test_two_who_draw_do_it_one_after_the_other(self, session):
        session.rollback()
        with db.Session.begin() as own:
            own.add(Sampling(id=1, drawn_until=NOW))
        try:
            drawing.draw_samples(session, KEY, NOW)
            with db.Session() as other:
                other.execute(text("SET LOCAL lock_timeout = '20ms'"))
                with pytest.raises(OperationalError, match="lock timeout"):
                    drawing.draw_samples(other, KEY, NOW)
        finally:
            session.rollback()
            with db.Session.begin() as own:
                own.execute(text("DELETE FROM sampling"))


class TestShare:
    @pytest.mark.parametrize("share", [0, 0.05, 1])
    def test_is_from_nothing_to_all_and_the_newest_stands(self, session, moa, share):
        assert drawing.read_share(session) == 0.05
        drawing.set_share(session, 0.5, moa.id)
        drawing.set_share(session, share, moa.id)
        session.flush()
        assert drawing.read_share(session) == share
        kept = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        assert (kept.staff_id, kept.before, kept.after) == (
            moa.id,
            {"share": 0.5},
            {"share": share},
        )

    @pytest.mark.parametrize("share", [-0.0001, 1.0001, float("nan"), float("inf")])
    def test_of_anything_else_is_refused(self, session, moa, share):
        with pytest.raises(ValueError, match="0 to 1"):
            drawing.set_share(session, share, moa.id)
        assert session.scalars(select(SampleShare)).all() == []

    @pytest.mark.parametrize(
        ("share", "told"), [(0.05, "5"), (0.025, "2,5"), (1, "100"), (0, "0"), (0.1234, "12,34")]
    )
    def test_is_written_in_per_cent(self, share, told):
        assert sample_views._percent(share) == told


class TestSupervision:
    DAY = date(2026, 11, 25)
    MIDNIGHT = datetime(2026, 11, 24, 23, tzinfo=UTC)

    @pytest.fixture(autouse=True)
    def first_idea(self, session) -> Idea:
        return an_idea(session, stored_at=datetime(2026, 1, 5, 12, tzinfo=UTC))

    def seen(self, session, day=DAY) -> list[tuple[str, int, bool]]:
        session.flush()
        [found] = supervision.read_days(session, day, day, ZONE)
        assert found.decided == sum(each.decided for each in found.seen)
        return [(each.who, each.decided, each.said) for each in found.seen]

    @pytest.mark.parametrize(
        ("at", "counts"),
        [
            (MIDNIGHT - A_MOMENT, False),
            (MIDNIGHT, True),
            (MIDNIGHT + timedelta(days=1) - A_MOMENT, True),
            (MIDNIGHT + timedelta(days=1), False),
        ],
    )
    def test_who_decided_on_a_day_in_the_city_has_looked(
        self, session, moa, first_idea, at, counts
    ):
        decision(session, first_idea, moa, decided_at=at)
        decision(session, first_idea, None, decided_at=at)
        assert self.seen(session) == ([("Moa", 1, False)] if counts else [])

    def test_each_person_is_told_once_who_came_first_first(self, session, moa, first_idea):
        nameless = a_member_of_staff(session, email="bo@example.org")
        namesake = a_member_of_staff(session, name="Moa")
        for minutes, who in enumerate((namesake, nameless, namesake, moa)):
            at = self.MIDNIGHT + timedelta(minutes=minutes)
            decision(session, first_idea, who, decided_at=at)
        assert self.seen(session) == [
            ("Moa", 2, False),
            ("bo@example.org", 1, False),
            ("Moa", 1, False),
        ]
        first = supervision.read_days(session, self.DAY, self.DAY, ZONE)[0].seen[0]
        assert (first.first, first.last) == (self.MIDNIGHT, self.MIDNIGHT + timedelta(minutes=2))

    def test_who_says_so_has_looked_and_it_stands_there_once(self, session, moa, carl):
        assert not supervision.has_said(session, moa.id, self.DAY)
        with travel(self.MIDNIGHT, tick=False):
            for _ in range(2):
                supervision.note_supervision(session, moa.id, self.DAY)
                session.flush()
            supervision.note_supervision(session, carl.id, self.DAY)
            # Somebody did something else to what is called as this day is.
            eva = a_member_of_staff(session)
            subject = ("other", self.DAY.isoformat())
            audit.record_change(session, by=eva.id, action="other.done", subject=subject)
            session.flush()
        assert supervision.has_said(session, moa.id, self.DAY)
        assert not supervision.has_said(session, moa.id, self.DAY - timedelta(days=1))
        assert sorted(self.seen(session)) == [("Carl", 0, True), ("Moa", 0, True)]
        assert not supervision.has_said(session, eva.id, self.DAY)
        rows = session.scalars(select(AuditEntry.subject_kind)).all()
        assert sorted(rows) == ["other", "supervision", "supervision"]

    @pytest.mark.parametrize(
        ("day", "is_working"),
        [
            ("2026-11-25", True),
            ("2026-11-28", False),  # a Saturday
            ("2026-11-29", False),  # a Sunday
            ("2026-05-01", False),
            ("2026-04-30", True),
            ("2026-06-19", False),  # midsommarafton, a Friday
            ("2026-12-24", False),
            ("2026-12-31", False),
        ],
    )
    def test_is_missed_on_working_days_alone(self, session, moa, first_idea, day, is_working):
        day = date.fromisoformat(day)
        [found] = supervision.read_days(session, day, day, ZONE)
        assert (found.is_working, found.is_missed) == (is_working, is_working)
        decision(session, first_idea, moa, decided_at=supervision.find_day_bounds(day, ZONE)[0])
        [found] = supervision.read_days(session, day, day, ZONE)
        assert not found.is_missed

    def test_begins_with_the_day_of_the_first_idea(self, session):
        days = supervision.read_days(session, date(2026, 1, 1), date(2026, 1, 7), ZONE)
        assert [each.day.day for each in days] == [7, 6, 5]
        assert supervision.read_days(session, date(2026, 1, 1), date(2026, 1, 4), ZONE) == []
        session.rollback()
        assert supervision.read_days(session, date(2026, 1, 1), date(2026, 1, 7), ZONE) == []


class TestWordLists:
    def add(self, session, by, term="kvast", expires_on=None, **about) -> WordListEntry:
        made = Term(**{"list": "insult", "term": term, "language": "sv"} | about)
        return word_lists.add_entry(session, made, comment="x", expires_on=expires_on, by=by.id)

    def standing(self, session) -> set[tuple[str, str, str]]:
        found = word_lists.standing_words(session)
        return {(name, t.term, t.language) for name, terms in found.items() for t in terms}

    @pytest.mark.parametrize(("days", "stands"), [(-1, False), (0, True), (1, True), (None, True)])
    def test_a_word_stands_through_its_last_day(self, session, moa, days, stands):
        last = None if days is None else NOW.date() + timedelta(days=days)
        with travel(NOW, tick=False):
            self.add(session, moa, expires_on=last)
            assert self.standing(session) == ({("insult", "kvast", "sv")} if stands else set())
            [entry] = word_lists.list_entries(session, "insult")
            assert entry.is_expired is not stands

    @pytest.mark.parametrize(
        ("last", "stands"), [(date(2026, 11, 24), False), (date(2026, 11, 25), True)]
    )
    def test_the_day_ends_in_the_city_and_not_an_hour_later(self, session, moa, last, stands):
        """At half past midnight it is yesterday in UTC, and the word of yesterday works no more."""
        with travel(datetime(2026, 11, 25, 0, 30, tzinfo=ZONE), tick=False):
            self.add(session, moa, expires_on=last)
            assert bool(self.standing(session)) is stands
            [entry] = word_lists.list_entries(session, "insult")
            assert entry.is_expired is not stands

    def test_only_the_newest_of_a_spelling_stands_and_others_beside_it(self, session, moa, carl):
        first = self.add(session, moa)
        others = [
            self.add(session, moa, list="hate"),
            self.add(session, moa, language=""),
            self.add(session, moa, term="kvastar"),
        ]
        second = self.add(session, carl, weight=0.3)
        assert (first.removed_at is not None, first.removed_by) == (True, carl.id)
        assert [each.removed_at for each in others] == [None, None, None]
        third = self.add(session, moa, weight=0.6)
        assert second.removed_by == moa.id
        # The first one's end is as it was written down.
        assert (first.removed_by, third.removed_at) == (carl.id, None)
        assert len(word_lists.standing_words(session)["insult"]) == 3

    def test_a_word_is_tried_without_the_one_that_it_would_replace(self, session, moa):
        """The list has all forms of "kvast"; of the word alone, "kvastar" would no more be one."""
        an_idea(session, text="Flera kvastar", submitted=False)
        an_idea(session, text="En kvast", submitted=False)
        self.add(session, moa, match="forms")
        alone = Term("insult", "kvast", "sv", match="exact")
        [lost] = word_lists.try_out(session, alone).changed
        assert [piece.text for piece in lost.pieces if piece.refs] == ["kvastar"]
        # Beside it, nothing would change: another list or language replaces nothing.
        assert word_lists.try_out(session, Term("insult", "kvast", "", match="exact")).changed == []

    def test_removed_once_it_stays_as_it_was_removed(self, session, moa, carl):
        row = self.add(session, moa)
        word_lists.remove_entry(session, row.id, by=carl.id)
        at = row.removed_at
        word_lists.remove_entry(session, row.id, by=moa.id)
        session.flush()
        assert (row.removed_by, row.removed_at, self.standing(session)) == (carl.id, at, set())
        kept = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(each.action, each.staff_id) for each in kept] == [
            ("word.added", moa.id),
            ("word.removed", carl.id),
        ]
        assert kept[0].after["term"] == kept[1].before["term"] == "kvast"
        with pytest.raises(LookupError):
            word_lists.remove_entry(session, 999_999, by=moa.id)

    def test_a_list_shows_its_own_the_newest_first_with_names(self, session, moa, carl):
        nameless = a_member_of_staff(session, email="bo@example.org")
        row = self.add(session, moa, term="ett")
        word_lists.remove_entry(session, row.id, by=nameless.id)
        self.add(session, carl, term="två")
        self.add(session, carl, term="tre", list="hate")
        told = [
            (each.row.term, each.owner, each.removed_by)
            for each in word_lists.list_entries(session, "insult")
        ]
        assert told == [("två", "Carl", ""), ("ett", "Moa", "bo@example.org")]

    def test_is_tried_on_the_newest_ideas_and_on_what_stands_of_them(self, session, monkeypatch):
        monkeypatch.setattr(word_lists, "TRIED_ON", 4)
        council = a_council(session)
        old = an_idea(session, council, text="En kvast till")
        published = {"status": IdeaStatus.PUBLISHED, "public_version": 1, "public_text": "x"}
        told = [
            an_idea(session, council, text="Skön kvast", author="Bo Kvast", submitted=False),
            an_idea(
                session,
                council,
                text="Kvast!",
                public_author="",
                published_at=NOW,
                **published,
            ),
        ]
        corrected = an_idea(session, council, text="Ännu en kvast")
        session.add(
            IdeaText(
                idea_id=corrected.id,
                version=2,
                kind=TextKind.CORRECTION,
                text="En bänk",
                folded="en bank",
            )
        )
        session.flush()
        corrected.text_version = 2
        an_idea(session, council, text="En gunga")
        destroyed = an_idea(session, council, text="Kvast", destroyed_at=NOW)
        session.flush()
        trial = word_lists.try_out(session, Term("insult", "kvast", "sv"))
        assert (trial.ideas, trial.marks, trial.published) == (4, True, 1)
        assert [each.number for each in trial.changed] == [idea.number for idea in told[::-1]]
        marked = [piece.text for piece in trial.changed[1].pieces if piece.refs]
        # The author's name is read, too.
        assert marked == ["kvast", "Kvast"]
        assert trial.by_status == [(IdeaStatus.PUBLISHED, 1), (IdeaStatus.RECEIVED, 1)]
        assert not word_lists.try_out(session, Term("allow", "kvast", "sv")).marks
        assert old.number != destroyed.number

    def test_beside_itself_it_would_change_nothing(self, session, moa):
        an_idea(session, text="En kvast")
        self.add(session, moa, weight=0.6)
        same = Term("insult", "kvast", "sv", weight=0.6)
        assert word_lists.try_out(session, same).changed == []
        # Another weight marks in another way, and stands instead of the one that is.
        for weight in (0.3, 1.0):
            other = Term("insult", "kvast", "sv", weight=weight)
            assert len(word_lists.try_out(session, other).changed) == 1

    @pytest.mark.parametrize(
        ("before", "after", "shown"),
        [(60, 60, "{b}kvast{a}"), (61, 60, "…{b}kvast{a}"), (60, 61, "{b}kvast{a}…")],
    )
    def test_an_excerpt_has_sixty_letters_on_either_side(self, before, after, shown):
        text_of = "x" * before + "kvast" + "y" * after
        pieces = word_lists._excerpt(text_of, ((before, before + 5),))
        told = "".join(piece.text for piece in pieces)
        assert told == shown.format(b="x" * 60, a="y" * 60)


class TestEquipment:
    """What the checks work with is read again when something changed, and only then."""

    def test_is_read_again_after_each_kind_of_change(self, session, moa):
        seen = [equipping.read_equipment(session)]

        def read_anew() -> bool:
            session.flush()
            seen.append(equipping.read_equipment(session))
            # Asked again, it is the very same.
            assert equipping.read_equipment(session) is seen[-1]
            return seen[-1] is not seen[-2]

        assert not read_anew()
        term = Term("insult", "kvast", "sv")
        word = word_lists.add_entry(session, term, comment="x", expires_on=None, by=moa.id)
        assert read_anew()
        word_lists.remove_entry(session, word.id, by=moa.id)
        assert read_anew()
        for is_on in (False, True):
            switches.switch_check(session, "language", is_on=is_on, by=moa.id)
            assert read_anew()
            assert ("language" in seen[-1].off) is not is_on
        # The first one that is stored brings the shipped one along, which is put in use.
        spam_versions.add_version(session, load_shipped_model(), figures={}, note="x", use=False)
        assert read_anew()
        for version in (2, 1):
            spam_versions.activate_version(session, version)
            assert read_anew()
            assert seen[-1].spam_model.version == version

    def test_knows_the_citys_own_sites(self, session, settings):
        assert session.info["hosts"] == settings.own_hosts
        sites = equipping.read_equipment(session).own_sites
        assert "localhost" not in sites
        assert sites == links.name_sites(settings.own_hosts) != frozenset()

    def test_is_read_again_when_a_day_begins_in_the_city(self, session):
        """Words expire with the day; what UTC calls midnight is no beginning."""
        midnight = datetime(2026, 11, 25, tzinfo=ZONE)
        with travel(midnight - A_MOMENT, tick=False) as clock:
            evening = equipping.read_equipment(session)
            clock.move_to(midnight)
            morning = equipping.read_equipment(session)
            assert morning is not evening
            clock.move_to(datetime(2026, 11, 25, 0, 30, tzinfo=UTC))
            assert equipping.read_equipment(session) is morning


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "mindre än en minut"),
        (59, "mindre än en minut"),
        (60, "1 minut"),
        (3599, "59 minuter"),
        (3600, "1 timme"),
        (48 * 3600 - 1, "47 timmar"),
        (48 * 3600, "2 dagar"),
    ],
)
def test_how_long_something_took_is_said_roughly(seconds, told):
    assert words.say_duration(seconds) == told


def test_everything_has_its_own_name():
    for said, kinds in (
        (lanes.name_reason, Reason),
        (words.say_status, IdeaStatus),
        (words.say_decision, DecisionKind),
        (words.say_role, Role),
    ):
        names = [said(each) for each in kinds]
        assert len(set(names)) == len(names)
        assert all(names)


def test_a_qr_code_is_drawn_black_on_white_without_styles_or_scripts():
    drawn = qr.qr_code("otpauth://totp/R%C3%A5dslag?secret=ABC&issuer=<script>")
    assert drawn.startswith("<svg")
    assert 'class="qr"' in drawn
    assert '"#fff"' in drawn
    assert "style=" not in drawn
    assert "script" not in drawn
    assert qr.qr_code("a") != qr.qr_code("b")
