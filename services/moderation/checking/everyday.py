"""What everybody says in this city, learned anew from what is stored as more comes in.

Each worker process keeps what it learned. A sample is enough: the newest ideas, for what a page or
a paper gave everybody to say this week, and some from all the years before.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking.candidates import as_array
from services.moderation.checks.copies.common import Common, learn_common

_NEWEST = 1000
_OLDER = 1000
# Learned anew when so many more ideas came, or so large a share of what there was.
_LEAST_NEW = 50
_MOST_NEW = 5000
_SHARE_NEW = 0.1

_SAMPLE = text("""
    SELECT t.folded
    FROM ideas i
    JOIN idea_texts t ON t.idea_id = i.id AND t.version = i.text_version
    WHERE i.seq = ANY(CAST(:seqs AS bigint[])) AND i.status <> 'withdrawn' AND t.folded IS NOT NULL
""")

_kept: dict[str, tuple[int, Common]] = {}


def read_common(session: SqlSession, newest: int, asked: Sequence[str]) -> Common:
    """Return what everybody says, `newest` being the `seq` of the newest idea under check.

    The folded texts that are asked about count, too, when it is learned anew: a class may send all
    its ideas within a minute.
    """
    database = str(session.get_bind().engine.url)
    learned_at, common = _kept.get(database, (0, None))
    step = min(_MOST_NEW, max(_LEAST_NEW, round(_SHARE_NEW * learned_at)))
    if common is None or not learned_at - step <= newest < learned_at + step:
        common = learn_common([*_sample(session, newest), *asked])
        _kept[database] = (newest, common)
    return common


def _sample(session: SqlSession, newest: int) -> list[str]:
    recent = range(max(1, newest - _NEWEST), newest + 1)
    older = range(1, recent.start, max(1, recent.start // _OLDER))
    return list(session.scalars(_SAMPLE, {"seqs": as_array((*older, *recent))}))
