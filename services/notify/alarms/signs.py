"""Signs that something cannot wait, read from what is there now.

Each look asks about what is open, due or new, along an index that holds little else: it costs the
same however many ideas are stored. What a sign is about is its key: an idea's number, a council's
slug, the name of a check, a queue or a process.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    union,
)
from sqlalchemy.orm import Session as SqlSession

from shared import red_days
from shared.models import (
    Council,
    Decision,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    Incident,
    IncidentKind,
    QueueEntry,
    Reason,
    Verdict,
)

# The least priorities of entries with grave harm, and with any (`services.moderation`).
_URGENT, _CARE = 400, 300
# A decision to publish a child's data was a mistake as long as nothing later says otherwise; it is
# looked for among the decisions of a day, and from then on by the incident that it opened.
_JUST_DECIDED = timedelta(days=1)
# What leaves a text public without saying that it may be: a mask may have left the words.
_MADE_PUBLIC = (
    DecisionKind.PUBLISH,
    DecisionKind.ACCEPT_CORRECTION,
    DecisionKind.UNDO,
    DecisionKind.MASK,
)
# What is not wrong to publish for somebody who has seen it; a threat or a child's data is.
_MAY_STAND = frozenset({IncidentKind.DESPAIR})
# How much there is of a threat that everybody can read.
PUBLIC = 2
# What the checks call what an alarm is about.
_CODES = {
    IncidentKind.THREAT: "threat",
    IncidentKind.DESPAIR: "self_harm",
    IncidentKind.CHILD: "child",
}

# A city gets an idea an hour. A class that writes together sends some 25, about different things.
WAVE_WINDOW = timedelta(minutes=30)
WAVE_BEGINS = 20
WAVE_ENDS = 5
# So many alike in the window are a wave; two or three are people who agree.
_ALIKE = 5
# In a storm the newest tell enough.
_SAMPLE = 2000
# "1000 or more" says enough.
MOST_COUNTED = 1000

# An operator sees within the hour that a check does not run; a restart of its service is over.
UNCHECKED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that is wrong now, and how much of it there is."""

    key: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Now:
    """When and where a look is taken."""

    moment: datetime
    timezone: ZoneInfo
    letters_are_held: bool = False


def find_threats(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find ideas that wait or are public in which a check saw a grave threat, until looked at.

    One that is public counts double: publishing it is no end of the matter. It ends when the words
    are gone, or when somebody decides that they may stand.
    """
    yield from _waiting_or_public(session, now, IncidentKind.THREAT)


def find_despair(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find ideas that wait or are public in which somebody may not want to live, until looked at.

    It ends as that of a threat does, and when a person names it and publishes this very text: it is
    no breach of a rule, and what people do for the one who wrote is not done here.
    """
    yield from _waiting_or_public(session, now, IncidentKind.DESPAIR)


def find_children(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find public ideas that tell of a child: not looked at yet, or published all the same."""
    found = _open_with(_CODES[IncidentKind.CHILD], _CARE)
    unseen = session.scalars(
        select(Idea.number)
        .join(found, found.c.idea_id == Idea.id)
        .where(Idea.status == IdeaStatus.PUBLISHED, found.c.text_version == Idea.public_version)
        .order_by(found.c.since, Idea.number)
    ).all()
    mistaken = session.scalars(_decided_all_the_same(session, now, IncidentKind.CHILD)).all()
    yield from map(Sign, dict.fromkeys([*unseen, *mistaken]))


def find_waves(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find councils that get many ideas at once that look like spam, like each other or like one.

    Counted among the newest that wait: what is decided is no wave any more.
    """
    newest = session.execute(
        select(
            Council.slug,
            QueueEntry.fold,
            QueueEntry.lane == "likely-spam",
            Idea.signals.has_key("burst"),
        )
        .join(Idea, Idea.id == QueueEntry.idea_id)
        .join(Council, Council.id == QueueEntry.council_id)
        .where(
            QueueEntry.closed_at.is_(None),
            QueueEntry.reason == text("'new'"),
            QueueEntry.opened_at > now.moment - WAVE_WINDOW,
        )
        .order_by(QueueEntry.opened_at.desc())
        .limit(_SAMPLE)
    ).all()
    alike = Counter(fold for _slug, fold, _spam, _burst in newest)
    found = Counter(
        slug for slug, fold, spam, burst in newest if spam or burst or alike[fold] >= _ALIKE
    )
    going_on = open_keys(session, IncidentKind.WAVE)
    for slug, count in found.items():
        if count >= (WAVE_ENDS if slug in going_on else WAVE_BEGINS):
            yield Sign(slug, count)


def find_overdue(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find councils in which something has waited longer than their limit of working time."""
    limits = session.execute(
        select(Council.id, Council.slug, Council.wait_limit_h).where(
            Council.wait_limit_h.is_not(None)
        )
    ).all()
    for council_id, slug, hours in limits:
        since = red_days.count_back(now.moment, hours or 0, now.timezone)
        late = (
            select(QueueEntry.id)
            .where(
                QueueEntry.closed_at.is_(None),
                QueueEntry.reason != text("'sample'"),
                QueueEntry.council_id == council_id,
                QueueEntry.opened_at < since,
            )
            .limit(MOST_COUNTED)
        )
        if count := session.scalar(select(func.count()).select_from(late.subquery())):
            yield Sign(slug, count)


def find_unchecked(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find checks that are missing for ideas that have waited long, nothing worse being known."""
    waiting = (
        select(QueueEntry.idea_id)
        .where(
            QueueEntry.closed_at.is_(None),
            QueueEntry.lane == "unchecked",
            QueueEntry.opened_at < now.moment - UNCHECKED_FOR,
        )
        .order_by(QueueEntry.opened_at)
        .limit(MOST_COUNTED)
        .cte("waiting")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    missing = (
        select(func.unnest(Verdict.unchecked).label("name"))
        .join(Idea, and_(Idea.id == Verdict.idea_id, Idea.text_version == Verdict.text_version))
        .join(waiting, waiting.c.idea_id == Idea.id)
        .subquery()
    )
    question = select(missing.c.name, func.count()).group_by(missing.c.name)
    yield from (Sign(*row) for row in session.execute(question))


def open_keys(session: SqlSession, kind: IncidentKind) -> set[str]:
    """Return what the open incidents of a kind are about."""
    keys = select(Incident.key).where(Incident.kind == kind, Incident.resolved_at.is_(None))
    return set(session.scalars(keys))


def _waiting_or_public(session: SqlSession, now: Now, kind: IncidentKind) -> Iterator[Sign]:
    """Find what nobody has looked at, and what is public since: that counts double."""
    mistaken = session.scalars(_decided_all_the_same(session, now, kind)).all()
    seen = dict.fromkeys(mistaken, PUBLIC)
    for number, is_public in session.execute(_not_looked_at(_CODES[kind])):
        seen[number] = max(PUBLIC if is_public else 1, seen.get(number, 1))
    for number, count in seen.items():
        yield Sign(number, count)


def _not_looked_at(code: str) -> Select[str, bool]:
    """Ask for ideas whose text has such a finding, high, and waits for a person; is it public."""
    found = _open_with(code, _URGENT, FindingRow.severity == "high")
    return (
        select(Idea.number, found.c.text_version == Idea.public_version)
        .join(found, found.c.idea_id == Idea.id)
        .where(
            Idea.status.in_([IdeaStatus.WAITING, IdeaStatus.PUBLISHED]),
            found.c.text_version.in_([Idea.text_version, Idea.public_version]),
        )
        .order_by(found.c.since, Idea.number)
    )


def _open_with(code: str, least_priority: int, *conditions: ColumnElement[bool]) -> CTE:
    """Ask which texts with such a finding have an open entry of so much urgency, and since when.

    What waits comes first: there is less of it than of ideas, and than of old findings.
    """
    return (
        select(
            FindingRow.idea_id,
            FindingRow.text_version,
            func.min(QueueEntry.opened_at).label("since"),
        )
        .join(QueueEntry, QueueEntry.idea_id == FindingRow.idea_id)
        .where(
            QueueEntry.closed_at.is_(None),
            QueueEntry.reason != Reason.SAMPLE,
            QueueEntry.priority >= least_priority,
            # Literally, as in the partial index.
            FindingRow.code == text(f"'{code}'"),
            *conditions,
        )
        .group_by(FindingRow.idea_id, FindingRow.text_version)
        .cte("found")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def _decided_all_the_same(session: SqlSession, now: Now, kind: IncidentKind) -> Select[str]:
    """Ask for ideas whose latest decision left public what an alarm of this kind is about.

    A text that no check has come to yet may hold it still.
    """
    known = open_keys(session, kind)
    code = text(f"'{_CODES[kind]}'")
    candidates = union(
        select(Decision.idea_id.label("id"))
        .join(FindingRow, FindingRow.idea_id == Decision.idea_id)
        .where(
            Decision.decided_at > now.moment - _JUST_DECIDED,
            Decision.kind.in_(_MADE_PUBLIC),
            FindingRow.code == code,
        ),
        select(Idea.id).where(Idea.number.in_(known)),
    ).cte("candidates")
    latest = (
        select(Decision.kind)
        .where(Decision.idea_id == Idea.id)
        .order_by(Decision.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_checked = exists().where(
        Verdict.idea_id == Idea.id, Verdict.text_version == Idea.public_version
    )
    named = exists().where(
        FindingRow.idea_id == Idea.id,
        or_(
            FindingRow.text_version == Idea.public_version,
            ~is_checked & (FindingRow.text_version < Idea.public_version),
        ),
        FindingRow.code == code,
        FindingRow.severity == "high",
    )
    return (
        select(Idea.number)
        .join(candidates, candidates.c.id == Idea.id)
        .where(
            Idea.status == IdeaStatus.PUBLISHED,
            named,
            latest.in_(_MADE_PUBLIC),
            *([~_knowingly_published(kind)] if kind in _MAY_STAND else []),
        )
        .order_by(Idea.number)
    )


def _knowingly_published(kind: IncidentKind) -> ColumnElement[bool]:
    """Ask whether a person named what such an alarm is about and published the public text."""
    return exists().where(
        Decision.idea_id == Idea.id,
        Decision.kind.in_((DecisionKind.PUBLISH, DecisionKind.ACCEPT_CORRECTION)),
        Decision.text_version == Idea.public_version,
        Decision.before["acknowledged"].contains([_CODES[kind]]),
    )
