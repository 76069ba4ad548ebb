"""The city's published rules as administrators word them: a new version, never a changed one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, func, literal, select, text
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.settings import admin_forms, audit
from services.moderation.settings.admin_forms import FieldError
from services.moderation.settings.versioned import MovedError
from shared.clock import utcnow
from shared.i18n import gettext as _
from shared.models import Decision, Rule
from shared.models.rule import CODES, place_rule

MAX_TITLE = 80
MAX_TEXT = 1000
# Counting stops here: the page must not grow slow with the years.
MOST_COUNTED = 1000
NAMES = ("title_sv", "text_sv", "title_en", "text_en", "in_force_from")

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('wording of rules'))")


@dataclass(frozen=True, slots=True)
class Wording:
    """What a rule says, in both languages."""

    title_sv: str
    text_sv: str
    title_en: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a rule, and how many decisions name it (at most MOST_COUNTED + 1)."""

    rule: Rule
    decisions: int


@dataclass(frozen=True, slots=True)
class History:
    """A rule: what is in force, what will be, and what was or never came to be in force.

    The one that stands may say that the rule is retired.
    """

    code: str
    standing: Version | None
    coming: list[Version]
    earlier: list[Version]

    @property
    def newest(self) -> int:
        """The number of the newest version; 0 for a rule that has none."""
        every = [*self.coming, *self.earlier, *([self.standing] if self.standing else [])]
        return max((each.rule.version for each in every), default=0)


class SameError(Exception):
    """The new wording is the one that stands."""


class LastRuleError(Exception):
    """Without this rule there is none left, and nothing could be rejected."""


def list_rules(session: SqlSession) -> list[History]:
    """Return every rule of the list, and those that the list once had."""
    versions: dict[str, list[Version]] = {code: [] for code in CODES}
    used = (
        select(literal(1))
        .where(Decision.rule_id == Rule.id)
        .limit(MOST_COUNTED + 1)
        .correlate(Rule)
        .subquery()
    )
    counted = select(func.count()).select_from(used).scalar_subquery()
    rows = session.execute(select(Rule, counted).order_by(Rule.code, Rule.version.desc()))
    for rule, decisions in rows:
        versions.setdefault(rule.code, []).append(Version(rule, decisions))
    return [_history(code, found) for code, found in versions.items()]


def _history(code: str, newest_first: Sequence[Version]) -> History:
    now = utcnow()
    begun = [each for each in newest_first if each.rule.in_force_from <= now]
    standing = begun[0] if begun else None
    number = standing.rule.version if standing else 0
    coming: list[Version] = []
    never: list[Version] = []
    least: datetime | None = None
    for each in newest_first:
        if each.rule.in_force_from <= now:
            continue
        # One that a newer version overtakes, or that is older than what stands, never begins.
        overtaken = least is not None and least <= each.rule.in_force_from
        if overtaken or each.rule.version < number:
            never.append(each)
        else:
            coming.append(each)
            least = each.rule.in_force_from
    earlier = sorted([*begun[1:], *never], key=lambda each: -each.rule.version)
    return History(code, standing, coming[::-1], earlier)


def select_rules_in_force() -> Select[Rule]:
    """Ask for the newest version in force of each rule: what a rejection rests on today.

    A rule whose newest version retires it is not there.
    """
    newer = aliased(Rule)
    overtaken = exists().where(
        newer.code == Rule.code,
        newer.version > Rule.version,
        newer.in_force_from <= func.now(),
    )
    return (
        select(Rule)
        .where(Rule.in_force_from <= func.now(), Rule.retired.is_(False), ~overtaken)
        .order_by(Rule.code)
    )


def find_rule_in_force(session: SqlSession, code: str) -> Rule | None:
    """Return the newest version in force of a rule, if there is one."""
    return session.scalar(select_rules_in_force().where(Rule.code == code))


def list_rules_in_force(session: SqlSession) -> list[Rule]:
    """Return the newest version in force of each rule, in the order of the list."""
    return sorted(session.scalars(select_rules_in_force()), key=lambda rule: place_rule(rule.code))


def find_newest_rule(session: SqlSession, code: str) -> Rule | None:
    """Return the newest version of a rule, in force or not."""
    return session.scalar(
        select(Rule).where(Rule.code == code).order_by(Rule.version.desc()).limit(1)
    )


def read_rule_form(
    form: Mapping[str, str], timezone: ZoneInfo
) -> tuple[Wording | None, datetime | None, dict[str, str]]:
    """Return the wording and when it begins (None: at once), and what is wrong with each field."""
    faults: dict[str, str] = {}
    for name in ("title_sv", "text_sv", "title_en", "text_en"):
        is_title = name.startswith("title")
        missing = _("Skriv vad regeln heter.") if is_title else _("Skriv vad regeln säger.")
        try:
            admin_forms.read_needed(form[name], MAX_TITLE if is_title else MAX_TEXT, missing)
        except FieldError as error:
            faults[name] = error.sentence
    begins = None
    try:
        begins = admin_forms.read_moment(form["in_force_from"], timezone)
    except FieldError as error:
        faults["in_force_from"] = error.sentence
    # A form takes a while to send; only what was long ago is a mistake.
    if begins is not None and begins < utcnow() - timedelta(hours=1):
        faults["in_force_from"] = _("Den tiden har varit. En regel gäller aldrig i efterhand.")
    if faults:
        return None, None, faults
    wording = Wording(
        " ".join(form["title_sv"].split()),
        form["text_sv"],
        " ".join(form["title_en"].split()),
        form["text_en"],
    )
    return wording, begins, {}


def reword_rule(
    session: SqlSession,
    code: str,
    wording: Wording,
    begins: datetime | None,
    *,
    seen_version: int,
    by: UUID,
) -> Rule:
    """Add the next version of a rule; never in force before now. One that was retired is used anew.

    Raises LookupError for a code that is not in the list, MovedError when there is a newer version
    than the one seen, SameError when nothing would change.
    """
    session.execute(_LOCK)
    standing = find_newest_rule(session, code)
    if standing is None and code not in CODES:
        raise LookupError
    if (standing.version if standing else 0) != seen_version:
        raise MovedError
    now = utcnow()
    begins = max(begins or now, now)
    overtakes = standing is not None and standing.in_force_from > now
    is_same = standing is not None and _wording_of(standing) == wording and not standing.retired
    if is_same and not overtakes:
        raise SameError
    rule = Rule(code=code, version=seen_version + 1, in_force_from=begins, **asdict(wording))
    session.add(rule)
    audit.record_change(
        session,
        by=by,
        action="rule.worded",
        subject=("rule", code),
        before=None if standing is None else _for_the_log(standing),
        after=_for_the_log(rule),
    )
    return rule


def retire_rule(session: SqlSession, code: str, *, seen_version: int, by: UUID) -> Rule:
    """Add a version with the same words that says that the rule is not used any more, from now on.

    What was decided by it stands and is told as before. A wording that was to come never does.
    Retiring it again changes nothing. Raises LookupError for a rule that was never worded,
    MovedError when there is a newer version than the one seen, LastRuleError.
    """
    session.execute(_LOCK)
    newest = find_newest_rule(session, code)
    if newest is None:
        raise LookupError
    if newest.retired:
        return newest
    if newest.version != seen_version:
        raise MovedError
    if all(rule.code == code for rule in list_rules_in_force(session)):
        raise LastRuleError
    words = find_rule_in_force(session, code) or newest
    rule = Rule(
        code=code,
        version=seen_version + 1,
        # By the clock that says what is in force: nobody chooses it a moment longer.
        in_force_from=session.scalar(select(func.now())),
        retired=True,
        **asdict(_wording_of(words)),
    )
    session.add(rule)
    audit.record_change(session, by=by, action="rule.retired", subject=("rule", code))
    return rule


def _wording_of(rule: Rule) -> Wording:
    return Wording(rule.title_sv, rule.text_sv, rule.title_en, rule.text_en)


def _for_the_log(rule: Rule) -> dict[str, object]:
    when = {"version": rule.version, "in_force_from": rule.in_force_from}
    return asdict(_wording_of(rule)) | when
