"""Counting one day: what the clock asks for every few minutes.

Pages read only what is counted here, so their cost grows with days and councils, never with ideas.
Counting a day reads what happened on that day, by the order of ids (ideas) and by the index on
`decided_at` (decisions). Only decisions that stand are counted: a later decision
about the same idea, an undo above all, makes the day of the earlier one be counted anew.

| name | key | counts |
| --- | --- | --- |
| `received`, `imported` | | ideas, by the day this installation stored them |
| `decided` | kind | people's decisions that stand |
| `settled` | kind | those of them by which an idea stopped waiting |
| `by_policy` | | ideas that published themselves, as their council allows |
| `rejected` | rule | people's rejections |
| `took` | seconds | first decisions on waiting ideas, by how long they took (`waits`) |
| `judged` | verdict:kind | people's decisions, by what the checks had said together |
| `finding` | code:right | findings from medium up, by what people decided (`track_record`) |
| `sample` | first>second | blind second looks (`agreement`) |
| `waiting` | | ideas that wait: of today as it is, of earlier days as it was when they ended |
"""

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session as SqlSession

from services.moderation.statistics import waits
from services.moderation.statistics.agreement import pair_key
from shared.clock import utcnow
from shared.ids import least_id_at
from shared.models import CountedDay, DailyNumber

# What belongs to a day may be committed a little after it, and a masked text is checked then.
_GRACE = timedelta(hours=1)
_WAITING = "waiting"

_ROW = tuple[int, str, str]

_IDEAS = text("""
    SELECT council_id, CASE source WHEN 'import' THEN 'imported' ELSE 'received' END, '', count(*)
    FROM ideas
    WHERE id >= :least AND id < :beyond AND stored_at >= :start AND stored_at < :end
    GROUP BY 1, 2""")

_STANDING = """
    WITH made AS MATERIALIZED (
        SELECT d.idea_id, d.seq, d.kind, d.staff_id, d.status_before, d.text_version, d.decided_at,
               coalesce(r.code, '') AS rule, i.council_id, i.stored_at, i.source
        FROM decisions d JOIN ideas i ON i.id = d.idea_id LEFT JOIN rules r ON r.id = d.rule_id
        WHERE d.decided_at >= :start AND d.decided_at < :end
          AND d.kind NOT IN ('undo', 'import', 'take_back')
          AND NOT EXISTS (SELECT FROM decisions u WHERE u.undoes = d.id)
    ), standing AS (SELECT * FROM made WHERE staff_id IS NOT NULL)"""

# By which an idea stops waiting: it is decided.
_SETTLES = "('publish', 'accept_correction', 'reject', 'merge')"

# To publish the text as its writer corrected it is to publish.
_AS = "CASE {0}kind WHEN 'accept_correction' THEN 'publish' ELSE {0}kind END"

# Nothing was decided about the idea before, but for what was undone.
_FIRST = f"""NOT EXISTS (
        SELECT FROM decisions e WHERE e.idea_id = s.idea_id AND e.seq < s.seq
          AND e.staff_id IS NOT NULL AND e.kind IN {_SETTLES}
          AND NOT EXISTS (SELECT FROM decisions u WHERE u.undoes = e.id))"""  # noqa: S608 - put together from constants of this package

_DECISIONS = text(f"""{_STANDING}
    SELECT council_id, 'decided', kind, count(*) FROM standing GROUP BY 1, 3
    UNION ALL
    SELECT council_id, 'settled', {_AS.format("")}, count(*) FROM standing
    WHERE status_before = 'waiting' AND kind IN {_SETTLES} GROUP BY 1, 3
    UNION ALL
    SELECT council_id, 'by_policy', '', count(*) FROM made
    WHERE staff_id IS NULL AND kind = 'policy' GROUP BY 1
    UNION ALL
    SELECT council_id, 'rejected', rule, count(*) FROM standing WHERE kind = 'reject' GROUP BY 1, 3
    UNION ALL
    SELECT council_id, 'took',
           {waits.step_in_sql("extract(epoch FROM s.decided_at - s.stored_at)")}::text, count(*)
    FROM standing s
    WHERE s.kind IN {_SETTLES} AND s.status_before = 'waiting'
      AND s.source <> 'import' AND {_FIRST}
    GROUP BY 1, 3
    UNION ALL
    SELECT s.council_id, 'judged', v.outcome || ':' || {_AS.format("s.")}, count(*)
    FROM standing s
    JOIN verdicts v ON v.idea_id = s.idea_id AND v.text_version = s.text_version
    WHERE s.kind IN {_SETTLES} AND {_FIRST}
    GROUP BY 1, 3""")  # noqa: S608 - put together from constants of this package

# What the decision showed of each kind of finding (`track_record`), and still does.
_FINDINGS = text(f"""{_STANDING}
    SELECT s.council_id, o.code, o.agreed, count(*)
    FROM standing s
    JOIN check_outcomes o ON o.idea_id = s.idea_id AND o.decision_seq = s.seq
    WHERE EXISTS (
        SELECT FROM findings f WHERE f.idea_id = o.idea_id AND f.check_name = o.check_name
        AND f.code = o.code AND f.severity IN ('medium', 'high'))
    GROUP BY 1, 2, 3""")  # noqa: S608 - put together from constants of this package

_SAMPLES = text("""
    SELECT i.council_id, d.kind, coalesce(r.code, ''), s.judgement, coalesce(t.code, ''), count(*)
    FROM samples s
    JOIN decisions d ON d.id = s.decision_id
    JOIN ideas i ON i.id = s.idea_id
    LEFT JOIN rules r ON r.id = d.rule_id
    LEFT JOIN rules t ON t.id = s.rule_id
    WHERE s.answered_at >= :start AND s.answered_at < :end
    GROUP BY 1, 2, 3, 4, 5""")

_STOCK = text("""
    SELECT c.id, count(w.id) FROM councils c LEFT JOIN (
        SELECT DISTINCT i.id, i.council_id FROM queue_entries q JOIN ideas i ON i.id = q.idea_id
        WHERE q.closed_at IS NULL AND i.status = 'waiting') w ON w.council_id = c.id
    GROUP BY c.id""")

# A later decision, an undo above all, changes what the day of an earlier one had to count.
_OVERTAKEN_SINCE = text("""
    SELECT DISTINCT c.day FROM decisions u
    JOIN decisions o ON o.idea_id = u.idea_id AND o.seq < u.seq
    JOIN counted_days c ON c.day = (o.decided_at AT TIME ZONE :zone)::date
    WHERE u.decided_at >= :since AND u.decided_at > c.counted_at""")


def is_anything_there(session: SqlSession) -> bool:
    """Tell whether any idea has come in, so that there is something to count."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM ideas)")))


def find_day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a day begins and ends in the city; 23 or 25 hours where the clock is changed."""
    return (
        datetime.combine(day, time(), zone),
        datetime.combine(day + timedelta(days=1), time(), zone),
    )


def days_due(session: SqlSession, zone: ZoneInfo, now: datetime) -> list[date]:
    """Return the days to count, newest first: today, what was never counted, what changed."""
    began = [
        moment
        for moment in (
            # Ids are in the order of time.
            session.scalar(text("SELECT stored_at FROM ideas ORDER BY id LIMIT 1")),
            session.scalar(text("SELECT min(decided_at) FROM decisions")),
        )
        if moment is not None
    ]
    if not began:
        return []
    counted = dict(session.execute(select(CountedDay.day, CountedDay.counted_at)).all())
    today, first = now.astimezone(zone).date(), min(began).astimezone(zone).date()
    days = (today - timedelta(days=back) for back in range((today - first).days + 1))
    due = {
        day
        for day in days
        if day not in counted or counted[day] < find_day_bounds(day, zone)[1] + _GRACE
    }
    if counted:
        since = {"since": max(counted.values()) - _GRACE, "zone": zone.key}
        due.update(session.scalars(_OVERTAKEN_SINCE, since))
    return sorted(due, reverse=True)


def count_day(session: SqlSession, day: date, zone: ZoneInfo) -> None:
    """Count one day anew, all but what waits."""
    # The row is a lock as well: of two who count the same day the second waits.
    row = postgresql.insert(CountedDay).values(day=day, counted_at=utcnow())
    session.execute(
        row.on_conflict_do_update(
            index_elements=["day"], set_={"counted_at": row.excluded.counted_at}
        )
    )
    session.execute(delete(DailyNumber).where(DailyNumber.day == day, DailyNumber.name != _WAITING))
    _store(session, day, _counted(session, day, zone))


def take_stock(session: SqlSession, today: date) -> None:
    """Write down how many ideas wait now; the last of a day stays as that day's."""
    session.execute(
        delete(DailyNumber).where(DailyNumber.day == today, DailyNumber.name == _WAITING)
    )
    # A council where nothing waits has its 0, which is not the same as not knowing.
    _store(
        session, today, Counter({(row[0], _WAITING, ""): row[1] for row in session.execute(_STOCK)})
    )


def _counted(session: SqlSession, day: date, zone: ZoneInfo) -> Counter[_ROW]:
    start, end = find_day_bounds(day, zone)
    spoken = {"start": start, "end": end}
    # An id is drawn a moment before or after its row gets its time.
    keys = {"least": least_id_at(start - _GRACE), "beyond": least_id_at(end + _GRACE)}
    numbers: Counter[_ROW] = Counter()
    for council, name, key, number in session.execute(_IDEAS, spoken | keys):
        numbers[council, name, key] += number
    for council, name, key, number in session.execute(_DECISIONS, spoken):
        numbers[council, name, key] += number
    for council, code, agreed, number in session.execute(_FINDINGS, spoken):
        numbers[council, "finding", f"{code}:{'right' if agreed else 'wrong'}"] += number
    for council, kind, rule, judgement, second_rule, number in session.execute(_SAMPLES, spoken):
        numbers[council, "sample", pair_key((kind, rule), (judgement, second_rule))] += number
    return numbers


def _store(session: SqlSession, day: date, numbers: Counter[_ROW]) -> None:
    if numbers:
        session.execute(
            insert(DailyNumber),
            [
                {"day": day, "council_id": council, "name": name, "key": key, "number": number}
                for (council, name, key), number in numbers.items()
            ],
        )
