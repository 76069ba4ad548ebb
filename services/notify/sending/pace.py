"""The pace at which letters leave: turns are given out by the database, so all workers keep it."""

from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

# Who asks gets the next moment that nobody has, if it comes soon enough. By the database's clock:
# workers on two machines may differ about what time it is.
_NEXT_TURN = text("""
    INSERT INTO mail_pace AS pace (id, next_at)
    VALUES (1, clock_timestamp() + :gap_s * interval '1 second')
    ON CONFLICT (id) DO UPDATE
    SET next_at = greatest(pace.next_at, clock_timestamp()) + :gap_s * interval '1 second'
    WHERE pace.next_at < clock_timestamp() + :within_s * interval '1 second'
    RETURNING extract(epoch FROM next_at - clock_timestamp()) - :gap_s
""")


def take_turn(session: SqlSession, gap_s: float, within_s: float) -> float | None:
    """Take the next turn to send a letter, and return how many seconds away it is.

    None when it comes later than `within_s`; then it stays free for whoever asks next. A turn that
    is taken and not used is lost: the pace is what may leave at the most.
    """
    wait_s = session.scalar(_NEXT_TURN, {"gap_s": gap_s, "within_s": within_s})
    return None if wait_s is None else max(float(wait_s), 0.0)
