"""The equipment that stands in the database, read again when staff changed something.

Each worker process keeps what it read. Before a batch one cheap statement asks for the state of the
tables behind it: a change reaches every worker with its next batch, without a message.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import switches
from services.moderation.checks import Equipment, links
from services.moderation.settings import word_lists
from services.moderation.spam import spam_versions
from shared.models import CheckSwitch, LearnedModel, WordListEntry

_State = tuple[object, ...]

_kept: dict[str, tuple[_State, Equipment]] = {}


def read_equipment(session: SqlSession) -> Equipment:
    """Return what the checks shall work with now."""
    database = str(session.get_bind().engine.url)
    state = _state(session)
    known = _kept.get(database)
    if known is None or known[0] != state:
        known = (state, _read(session))
        _kept[database] = known
    return known[1]


def _read(session: SqlSession) -> Equipment:
    return Equipment(
        words=word_lists.standing_words(session),
        spam_model=spam_versions.in_use(session),
        off=switches.list_switched_off(session),
        own_sites=links.name_sites(session.info.get("hosts", ())),
    )


def _state(session: SqlSession) -> _State:
    """What changes whenever any equipment does; the city's day is in it because words expire."""
    row = session.execute(
        select(
            select(func.max(WordListEntry.id)).scalar_subquery(),
            select(func.max(WordListEntry.removed_at)).scalar_subquery(),
            select(func.max(LearnedModel.id)).where(LearnedModel.is_active).scalar_subquery(),
            select(func.max(LearnedModel.activated_at)).scalar_subquery(),
            select(func.max(CheckSwitch.changed_at)).scalar_subquery(),
        )
    ).one()
    return (word_lists.read_today(session), *row)
