"""What is good once is good once for two at the same instant, too."""

from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import invitations, resets, roles, second_factor, sessions, throttle
from services.moderation.people.roles import LastAdministratorError
from services.moderation.people.throttle import Tried
from services.moderation.settings import answer_templates, councils, face, rules
from services.moderation.settings.answer_templates import Draft
from services.moderation.settings.council_form import facts_of
from services.moderation.settings.rules import Wording
from services.moderation.settings.versioned import MovedError
from shared.clock import utcnow
from shared.links import account_links
from shared.models import (
    AuditEntry,
    Council,
    LinkKind,
    LoginAttempt,
    PasswordReset,
    RecoveryCode,
    Role,
    Rule,
    Staff,
    StaffSession,
)
from tests.factories import a_council, a_member_of_staff, a_rule
from tests.in_turn import in_turn

PASSWORD = "ett långt lösenord för prov"


@pytest.fixture
def settings(module_settings):
    return module_settings


@pytest.fixture
def engine(module_engine):
    return module_engine


@pytest.fixture
def kept(module_engine):
    """A session to arrange with what the two shall see."""
    with SqlSession(module_engine, expire_on_commit=False) as opened:
        yield opened


def totp_of(kept, settings, staff) -> pyotp.TOTP:
    second_factor.begin_second_factor(kept, settings, staff)
    return pyotp.TOTP(second_factor.read_pending_secret(kept, settings, staff)[0])


@pytest.fixture
def bo(kept) -> Staff:
    staff = a_member_of_staff(kept, password_hash="x")
    kept.commit()
    return staff


class TestSecondFactor:
    @pytest.fixture
    def factor(self, kept, settings, bo):
        totp = totp_of(kept, settings, bo)
        codes = second_factor.confirm_second_factor(
            kept, settings, bo, totp.at(utcnow() - timedelta(seconds=second_factor.STEP_S))
        )
        kept.commit()
        return totp, codes

    def test_one_code_lets_one_in(self, engine, settings, bo, factor):
        code = factor[0].now()
        met = in_turn(engine, lambda s: second_factor.check_code(s, settings, bo.id, code))
        assert (met.first, met.second, met.waited) == (True, False, True)

    def test_a_code_that_was_read_before_it_waited_is_read_again(
        self, engine, settings, bo, factor
    ):
        code = factor[0].now()

        def knowing(session: SqlSession) -> bool:
            seen = session.get_one(second_factor.SecondFactor, bo.id)
            taken = second_factor.check_code(session, settings, bo.id, code)
            assert seen in session  # held by who read it: the session would not read it anew
            return taken

        met = in_turn(engine, lambda s: second_factor.check_code(s, settings, bo.id, code), knowing)
        assert (met.first, met.second) == (True, False)

    def test_one_recovery_code_lets_one_in(self, engine, kept, settings, bo, factor):
        code = factor[1][0]
        met = in_turn(engine, lambda s: second_factor.check_code(s, settings, bo.id, code))
        assert (met.first, met.second, met.waited) == (True, False, True)
        assert second_factor.read_state(kept, bo.id).codes_left == 9

    def test_one_first_code_turns_it_on_once(self, engine, kept, settings, bo):
        code = totp_of(kept, settings, bo).now()
        kept.commit()
        met = in_turn(engine, lambda s: second_factor.confirm_second_factor(s, settings, bo, code))
        assert len(met.first) == second_factor.RECOVERY_CODES
        assert met.second is None
        left = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.staff_id == bo.id)
        assert kept.scalar(left) == second_factor.RECOVERY_CODES


def test_an_invitation_makes_one_account(engine, kept, settings, bo):
    invitation = invitations.invite_person(
        kept, settings, email=f"ny-{bo.id}@example.org", role=Role.READER, by=bo.id
    )
    token = account_links.make_account_token(
        settings.secret_key, LinkKind.INVITATION, invitation.nonce
    )
    kept.commit()

    def accept(session: SqlSession) -> Staff | None:
        found = invitations.find_invitation(session, token)
        return found and invitations.accept_invitation(
            session, found, email="", password=PASSWORD, name=""
        )

    met = in_turn(engine, accept)
    assert isinstance(met.first, Staff)
    assert met.second is None


def test_an_invitation_withdrawn_meanwhile_makes_none(engine, kept, settings, bo):
    invitation = invitations.invite_person(
        kept, settings, email=f"ny-{bo.id}@example.org", role=Role.READER, by=bo.id
    )
    token = account_links.make_account_token(
        settings.secret_key, LinkKind.INVITATION, invitation.nonce
    )
    kept.commit()
    met = in_turn(
        engine,
        lambda s: invitations.withdraw_invitation(s, invitation.id, by=bo.id),
        lambda s: invitations.find_invitation(s, token),
    )
    assert (met.first, met.second, met.waited) == (True, None, True)


def test_a_mailed_link_sets_one_password(engine, kept, settings, bo):
    resets.ask_reset(kept, settings, bo.email)
    reset = kept.scalars(select(PasswordReset).where(PasswordReset.staff_id == bo.id)).one()
    token = account_links.make_account_token(settings.secret_key, LinkKind.RESET, reset.nonce)
    kept.commit()

    def use(session: SqlSession) -> bool:
        found = resets.find_reset(session, token)
        if found is not None:
            resets.use_reset(session, *found, PASSWORD)
        return found is not None

    met = in_turn(engine, use)
    assert (met.first, met.second, met.waited) == (True, False, True)


@pytest.mark.parametrize("act", ["disable", "change_role"])
def test_two_administrators_cannot_put_one_another_out(engine, kept, act):
    pair = [a_member_of_staff(kept, Role.ADMIN) for _ in range(2)]
    kept.commit()

    def put_out(staff_id):
        def act_on(session: SqlSession) -> None:
            staff = session.get_one(Staff, staff_id)
            if act == "disable":
                roles.disable_account(session, staff, by=None)
            else:
                roles.change_role(session, staff, Role.READER, by=None)

        return act_on

    met = in_turn(engine, put_out(pair[0].id), put_out(pair[1].id))
    assert met.waited
    assert isinstance(met.second, LastAdministratorError)
    open_ones = select(Staff.id).where(Staff.role == Role.ADMIN, Staff.disabled_at.is_(None))
    assert kept.scalars(open_ones).all() == [pair[1].id]
    for each in pair:  # the next one begins with none
        kept.refresh(each)
        each.role = Role.READER
    kept.commit()


@pytest.mark.parametrize("same", ["account", "source"])
def test_attempts_are_counted_one_by_one(engine, kept, settings, same):
    """The last that may be made, from two sources at one account, or from one at two."""
    limit = Tried.LETTER.at_account if same == "account" else Tried.LETTER.from_source
    key = f"{same}-of-two"
    pairs = [(key, f"x{n}") if same == "account" else (f"x{n}", key) for n in range(limit + 1)]
    for pair in pairs[: limit - 1]:
        assert throttle.count_attempt(kept, settings, Tried.LETTER, *pair)
        kept.commit()
    met = in_turn(
        engine,
        lambda s: throttle.count_attempt(s, settings, Tried.LETTER, *pairs[limit - 1]),
        lambda s: throttle.count_attempt(s, settings, Tried.LETTER, *pairs[limit]),
    )
    assert (met.first, met.second, met.waited) == (True, False, True)


def test_attempts_at_two_accounts_from_two_sources_do_not_wait_for_one_another(engine, settings):
    met = in_turn(
        engine,
        lambda s: throttle.count_attempt(s, settings, Tried.LETTER, "one", "here"),
        lambda s: throttle.count_attempt(s, settings, Tried.LETTER, "two", "there"),
    )
    assert (met.first, met.second, met.waited) == (True, True, False)


def test_clearing_away_makes_nobody_wait(engine, kept, settings, bo):
    long_ago = utcnow() - timedelta(days=3)
    for _ in range(3):
        kept.get_one(StaffSession, begin(kept, bo)).begun_at = long_ago
        kept.add(LoginAttempt(email_hash=b"a", source_hash=b"b", at=long_ago))
        kept.add(
            PasswordReset(
                nonce=b"n" * 16, sha256=long_ago.isoformat().encode() + bytes([_]),
                created_at=long_ago, expires_at=long_ago,
            )
        )  # fmt: skip
    kept.commit()
    for act in (
        lambda s: begin(s, s.get_one(Staff, bo.id)),
        lambda s: resets.ask_reset(s, settings, "nobody@example.org"),
    ):
        assert not in_turn(engine, act).waited
    pairs = iter([("clear-1", "clear-1"), ("clear-2", "clear-2")])
    met = in_turn(engine, lambda s: throttle.count_attempt(s, settings, Tried.LETTER, *next(pairs)))
    assert (met.first, met.second, met.waited) == (True, True, False)


def begin(session: SqlSession, staff: Staff):
    return sessions.begin_session(session, staff, via=sessions.PASSWORD, browser="")


class TestSettings:
    """Of two who saw the same and change it at one instant the second is told."""

    @pytest.fixture
    def ada(self, kept) -> Staff:
        return a_member_of_staff(kept, Role.READER)

    def test_a_council(self, engine, kept, ada):
        council = a_council(kept, title="Före")
        kept.commit()
        facts = facts_of(council)

        def change(title: str):
            new = replace(facts, title=title)
            return lambda s: councils.change_council(
                s, council.slug, new, seen_version=1, by=ada.id
            )

        met = in_turn(engine, change("Ett"), change("Två"))
        assert isinstance(met.second, MovedError)
        assert met.waited
        kept.refresh(council)
        assert (council.title, council.version) == ("Ett", 2)

    def test_ideas_come_in_while_their_council_is_being_changed(self, engine, kept, ada):
        council = a_council(kept)
        kept.commit()
        # As the foreign key of each idea does it.
        come_in = (
            select(Council.id)
            .where(Council.id == council.id)
            .with_for_update(read=True, key_share=True)
        )
        new = replace(facts_of(council), title="Ett")
        for change in (
            lambda s: councils.change_council(s, council.slug, new, seen_version=1, by=ada.id),
            lambda s: face.remove_council_picture(s, council.slug, by=ada.id),
        ):
            met = in_turn(engine, change, lambda s: s.scalar(come_in))
            assert (met.second, met.waited) == (council.id, False)

    def test_an_answer_template(self, engine, kept, ada):
        draft = Draft(None, "sv", "Före", "Text")
        template = answer_templates.create_template(kept, draft, by=ada.id)
        kept.commit()

        def change(title: str):
            new = Draft(None, "sv", title, "Text")
            return lambda s: answer_templates.change_template(
                s, template.id, new, seen_version=1, by=ada.id
            )

        met = in_turn(engine, change("Ett"), change("Två"))
        assert isinstance(met.second, MovedError)
        for act, action in (
            (answer_templates.retire_template, "answer_template.retired"),
            (answer_templates.restore_template, "answer_template.restored"),
        ):
            assert in_turn(engine, lambda s, act=act: act(s, template.id, by=ada.id)).waited
            logged = select(func.count()).where(
                AuditEntry.action == action, AuditEntry.subject_id == str(template.id)
            )
            assert kept.scalar(logged) == 1

    def test_a_rule_also_one_that_has_no_wording_yet(self, engine, kept, ada):
        a_rule(kept, "spam")
        kept.commit()
        for code, seen in (("spam", 1), ("insult", 0)):

            def word(title: str, code=code, seen=seen):
                wording = Wording(title, "Text", title, "Text")
                return lambda s: rules.reword_rule(
                    s, code, wording, None, seen_version=seen, by=ada.id
                )

            met = in_turn(engine, word("Ett"), word("Två"))
            assert isinstance(met.second, MovedError), met.second
            assert met.waited
            titles = select(Rule.title_sv).where(Rule.code == code).order_by(Rule.version.desc())
            assert kept.scalars(titles).first() == "Ett"

    def test_two_councils_with_one_address_are_one(self, engine, kept, ada):
        facts = facts_of(a_council(kept))
        kept.commit()
        met = in_turn(engine, lambda s: councils.create_council(s, "samma", facts, by=ada.id))
        assert isinstance(met.second, councils.SlugTakenError)
