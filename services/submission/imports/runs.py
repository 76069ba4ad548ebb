"""Imports at the desk: what a file holds is kept line by line, looked at, brought in, taken back.

Each is one row and its lines. Its state says what is done next, and `at` how far that has come: a
worker does a piece of it, moves `at` and tells the next one, all in one transaction. So it goes on
where it was, whoever has closed their browser and whichever worker has died. The command line reads
and stores with the same functions.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, insert, or_, select, update
from sqlalchemy.orm import Session as SqlSession

from services.submission.forms import IdeaForm
from services.submission.imports import store
from services.submission.imports.entries import Entry, Reading
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.delivery.events import ImportMoved
from shared.models import (
    Council,
    Fate,
    Idea,
    Import,
    ImportLine,
    ImportState,
    OutboxDelivery,
    OutboxEvent,
)

# A piece takes a few seconds, and whoever watches sees it move.
_AT_A_TIME = 200
_STORED_AT_A_TIME = 1000
# States in which a worker has something to do.
WORKING = frozenset({ImportState.CHECKING, ImportState.RUNNING, ImportState.TAKING_BACK})


class NotNowError(Exception):
    """What was asked for does not fit how it is with the import now; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What moderation does of an import, as whoever puts the worker together gives it.

    `accept` publishes what was public; `judge` gives the codes of what is doubtful in each of some
    texts, names and all, of a language; `take_back` takes ideas back for a member of staff.
    """

    accept: Callable[[SqlSession, Idea], object]
    judge: Callable[[SqlSession, Sequence[tuple[str, str]], str], Sequence[Sequence[str]]]
    take_back: Callable[[SqlSession, Collection[UUID], UUID], int]


def keep_reading(
    session: SqlSession,
    council: Council,
    reading: Reading,
    *,
    form: str,
    file_name: str,
    data: bytes,
    by: UUID,
) -> Import:
    """Keep what was read of a file, line by line, and have it looked at. Nothing is brought in."""
    made = Import(
        council_id=council.id,
        form=form,
        file_name=file_name,
        sha256=hashlib.sha256(data).digest(),
        total=len(reading.entries),
        doubts=[[each.line, each.reason] for each in reading.doubts],
        passed_over=[[each.line, each.reason] for each in reading.passed_over],
        made_by=by,
    )
    session.add(made)
    session.flush()
    for start in range(0, len(reading.entries), _STORED_AT_A_TIME):
        session.execute(
            insert(ImportLine),
            [
                _row(made, place, entry)
                for place, entry in enumerate(
                    reading.entries[start : start + _STORED_AT_A_TIME], start
                )
            ],
        )
    _go_on(session, made)
    return made


def _row(made: Import, place: int, entry: Entry) -> dict[str, object]:
    return {
        "import_id": made.id,
        "place": place,
        "line": entry.line,
        "source_id": entry.id,
        "text": entry.form.text,
        "author": entry.form.author,
        "raw": entry.raw,
        "content_type": entry.content_type,
        "received_at": entry.received_at,
        "precision": entry.precision,
        "was_public": entry.was_public,
    }


def begin_run(session: SqlSession, import_id: UUID, *, by: UUID, as_read: bool) -> Import:
    """Have a file that was looked at brought in.

    Where something else has changed what becomes of its lines, it is looked at again instead, and
    nothing is brought in before somebody has seen that: its state is then `checking`.

    Raises LookupError, and NotNowError where it was not looked at to its end, some line would be
    refused, lines are doubtful and nobody says that they were read right (`as_read`), or another
    import of the council is at work.
    """
    run = _lock(session, import_id)
    if run.state is not ImportState.READY or count_fates(session, run.id)[Fate.REFUSED]:
        raise NotNowError
    if run.doubts and not as_read:
        raise NotNowError
    _take_turn(session, run)
    if _is_overtaken(session, run):
        _enter(session, run, ImportState.CHECKING)
        return run
    _enter(session, run, ImportState.RUNNING)
    run.begun_by, run.begun_at = by, utcnow()
    return run


def _is_overtaken(session: SqlSession, run: Import) -> bool:
    """Whether a line would not become what the look at the file foresaw, as it is now."""
    council = session.get_one(Council, run.council_id)
    seen: dict[str, str | None] = {}
    for start in range(0, run.total, _STORED_AT_A_TIME):
        lines = _read_lines(session, run, start, _STORED_AT_A_TIME)
        told = store.tell_fates(session, council, [_entry(line) for line in lines], seen)
        if any(line.fate is not fate for line, (_each, fate) in zip(lines, told, strict=True)):
            return True
    return False


def _read_lines(session: SqlSession, run: Import, start: int, most: int) -> Sequence[ImportLine]:
    return session.scalars(
        select(ImportLine)
        .where(ImportLine.import_id == run.id, ImportLine.place >= start)
        .order_by(ImportLine.place)
        .limit(most)
    ).all()


def put_aside(session: SqlSession, import_id: UUID) -> Import:
    """Let a file be of which nothing was brought in, and forget its words.

    Raises LookupError, and NotNowError where it was begun. Again changes nothing.
    """
    run = _lock(session, import_id)
    if run.state is ImportState.PUT_ASIDE:
        return run
    if run.state not in {ImportState.CHECKING, ImportState.READY}:
        raise NotNowError
    run.state, run.ended_at = ImportState.PUT_ASIDE, utcnow()
    _forget_words(session, run)
    return run


def take_back(session: SqlSession, import_id: UUID, *, by: UUID) -> Import:
    """Have all that was brought in taken back, whatever was decided about it since.

    What still was to come stays out. Raises LookupError, and NotNowError where nothing was begun
    or another import of the council is at work.
    """
    run = _lock(session, import_id)
    if run.state not in {ImportState.DONE, ImportState.RUNNING}:
        raise NotNowError
    _take_turn(session, run)
    _enter(session, run, ImportState.TAKING_BACK)
    run.taken_back_by, run.taken_back_at = by, utcnow()
    return run


def go_on(session: SqlSession, import_id: UUID) -> Import:
    """Let a worker try again where one has given up. Raises LookupError, NotNowError."""
    run = _lock(session, import_id)
    if run.state not in WORKING:
        raise NotNowError
    _go_on(session, run)
    return run


def work_on(
    session: SqlSession,
    batch: UUID,
    deliveries: Sequence[outbox.Delivery],
    settings: Settings,
    tools: Tools,
) -> None:
    """Do the next piece of each import that a batch of events tells of, and mark the batch done.

    Told twice, a piece is done once: each begins where the row says. Raises StaleBatchError.
    """
    outbox.mark_done(session, batch, deliveries)
    for import_id in sorted({each.subject_id for each in deliveries}):
        run = _lock(session, import_id)
        if run.state not in WORKING:
            continue
        council = session.get_one(Council, run.council_id)
        lines = _read_lines(session, run, run.at, _AT_A_TIME)
        if run.state is ImportState.CHECKING:
            _look_at(session, council, run, lines, tools)
        elif run.state is ImportState.RUNNING:
            _bring_in(session, council, lines, settings, tools)
        elif run.taken_back_by is not None:
            ids = [line.idea_id for line in lines if line.idea_id is not None]
            tools.take_back(session, ids, run.taken_back_by)
        run.at += len(lines)
        if run.at < run.total:
            _go_on(session, run)
        else:
            run.state = _AFTER[run.state]
            if run.state is ImportState.DONE:
                run.ended_at = utcnow()
            elif run.state is ImportState.TAKEN_BACK:
                _forget_words(session, run)


_AFTER = {
    ImportState.CHECKING: ImportState.READY,
    ImportState.RUNNING: ImportState.DONE,
    ImportState.TAKING_BACK: ImportState.TAKEN_BACK,
}


def _look_at(
    session: SqlSession, council: Council, run: Import, lines: Sequence[ImportLine], tools: Tools
) -> None:
    """Foresee what becomes of these lines, and note what is doubtful in them."""
    entries = {line.source_id: None for line in lines}
    earlier = session.execute(
        select(ImportLine.source_id, ImportLine.text).where(
            ImportLine.import_id == run.id,
            ImportLine.place < run.at,
            ImportLine.source_id.in_(entries),
        )
    )
    seen: dict[str, str | None] = {row.source_id: row.text for row in earlier}
    fates = store.tell_fates(session, council, [_entry(line) for line in lines], seen)
    texts = [(line.text or "", line.author or "") for line in lines]
    found = tools.judge(session, texts, council.language)
    for line, (_each, fate), codes in zip(lines, fates, found, strict=True):
        line.fate, line.found = fate, list(codes)


def _bring_in(
    session: SqlSession,
    council: Council,
    lines: Sequence[ImportLine],
    settings: Settings,
    tools: Tools,
) -> None:
    """Bring in what is new of these lines, and forget the words that are ideas now.

    What is refused after all, as another import was quicker, keeps them: they are nowhere else.
    """
    seen: dict[str, str | None] = {}
    told = list(store.tell_fates(session, council, [_entry(line) for line in lines], seen))
    new = [entry for entry, fate in told if fate is Fate.NEW]
    brought = store.bring_in(session, council, new, timezone=settings.timezone, accept=tools.accept)
    ideas = {idea.source_id: idea.id for idea in brought.new}
    for line, (_each, fate) in zip(lines, told, strict=True):
        line.fate = fate
        line.idea_id = ideas[line.source_id] if fate is Fate.NEW else None
        if fate is not Fate.REFUSED:
            line.text = line.author = line.raw = None
            line.content_type = ""


def _entry(line: ImportLine) -> Entry:
    return Entry(
        line.source_id,
        line.line,
        IdeaForm(line.text or "", line.author),
        line.received_at,
        line.precision,
        line.raw or b"",
        line.content_type,
        line.was_public,
    )


def _lock(session: SqlSession, import_id: UUID) -> Import:
    found = session.get(Import, import_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise LookupError
    return found


def _take_turn(session: SqlSession, run: Import) -> None:
    """Wait for another act on imports of the council. Raises NotNowError where one is at work."""
    # Keys are left free: ideas come in meanwhile.
    turn = select(Council.id).where(Council.id == run.council_id)
    session.scalars(turn.with_for_update(key_share=True)).one()
    busy = select(Import.id).where(
        Import.council_id == run.council_id,
        Import.id != run.id,
        Import.state.in_([ImportState.RUNNING, ImportState.TAKING_BACK]),
    )
    if session.scalars(busy.limit(1)).first() is not None:
        raise NotNowError


def _enter(session: SqlSession, run: Import, state: ImportState) -> None:
    run.state, run.at = state, 0
    _go_on(session, run)


def _go_on(session: SqlSession, run: Import) -> None:
    outbox.record_event(session, ImportMoved(run.id))


def _forget_words(session: SqlSession, run: Import) -> int:
    """Forget the words of all lines, and return how many had any."""
    forgotten = session.scalars(
        update(ImportLine)
        .where(ImportLine.import_id == run.id, ImportLine.text.is_not(None))
        .values(text=None, author=None, raw=None, content_type="")
        .returning(ImportLine.place)
    )
    return len(forgotten.all())


def forget_undecided(session: SqlSession, period: timedelta) -> tuple[Import, int] | None:
    """Forget the words of one file that nobody needs any more, and return how many lines had some.

    A file that was read and that nobody decided about is put aside after this time; of one that was
    brought in, what could not be goes so long after the end. It is a copy: the file is elsewhere.
    """
    until = utcnow() - period
    has_words = exists().where(ImportLine.import_id == Import.id, ImportLine.text.is_not(None))
    run = session.scalars(
        select(Import)
        .where(
            or_(
                Import.state.in_([ImportState.CHECKING, ImportState.READY])
                & (Import.made_at <= until),
                (Import.state == ImportState.DONE) & (Import.ended_at <= until) & has_words,
            )
        )
        .order_by(Import.made_at, Import.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if run is None:
        return None
    if run.state is not ImportState.DONE:
        run.state, run.ended_at = ImportState.PUT_ASIDE, utcnow()
    return run, _forget_words(session, run)


def tell_end(run: Import, period: timedelta, *, has_words: bool) -> datetime | None:
    """Return when `forget_undecided` forgets the words of an import, if it will."""
    if run.state in {ImportState.CHECKING, ImportState.READY}:
        return run.made_at + period
    if run.state is ImportState.DONE and run.ended_at is not None and has_words:
        return run.ended_at + period
    return None


def find_run(session: SqlSession, import_id: UUID) -> tuple[Import, Council] | None:
    """Return an import and its council."""
    row = session.execute(
        select(Import, Council)
        .join(Council, Council.id == Import.council_id)
        .where(Import.id == import_id)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def list_runs(session: SqlSession, *, most: int = 50) -> Sequence[tuple[Import, Council]]:
    """Return the newest imports, each with its council."""
    rows = session.execute(
        select(Import, Council)
        .join(Council, Council.id == Import.council_id)
        .order_by(Import.made_at.desc(), Import.id)
        .limit(most)
    )
    return [(row[0], row[1]) for row in rows]


def is_stuck(session: SqlSession, import_id: UUID) -> bool:
    """Whether the worker has given up on what an import had to do, and nothing else is on its way.

    It is never so by itself for long: a failed job is an alarm, and can be done again.
    """
    last = session.execute(
        select(OutboxDelivery.failed_at, OutboxDelivery.done_at)
        .join(OutboxEvent, OutboxEvent.id == OutboxDelivery.event_id)
        .where(OutboxEvent.subject_id == import_id)
        .order_by(OutboxDelivery.id.desc())
        .limit(1)
    ).one_or_none()
    return last is not None and last.failed_at is not None and last.done_at is None


def count_fates(session: SqlSession, import_id: UUID) -> Counter[Fate | None]:
    """Count the lines of an import by what becomes of them; None: not looked at yet."""
    rows = session.execute(
        select(ImportLine.fate, func.count())
        .where(ImportLine.import_id == import_id)
        .group_by(ImportLine.fate)
    )
    return Counter({row[0]: row[1] for row in rows})


# What a list of lines can be narrowed to.
FILTERS = ("found", "waiting", Fate.NEW.value, Fate.KNOWN.value, Fate.REFUSED.value)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many lines of an import there are of each sort."""

    found: int
    waiting: int
    # With words still.
    kept: int
    new: int
    known: int
    refused: int


def count_lines(session: SqlSession, import_id: UUID) -> Counts:
    """Count the lines that a list can be narrowed to."""
    fates = count_fates(session, import_id)
    row = session.execute(
        select(
            func.count().filter(ImportLine.found != []),
            func.count().filter(ImportLine.was_public.is_(False)),
            func.count().filter(ImportLine.text.is_not(None)),
        ).where(ImportLine.import_id == import_id)
    ).one()
    return Counts(*row, *(fates[each] for each in (Fate.NEW, Fate.KNOWN, Fate.REFUSED)))


def list_lines(
    session: SqlSession, import_id: UUID, *, which: str = "", after: int = -1, most: int = 50
) -> Sequence[tuple[ImportLine, str | None]]:
    """Return lines of an import, with the numbers of their ideas, after a place."""
    chosen = (
        select(ImportLine, Idea.number)
        .outerjoin(Idea, Idea.id == ImportLine.idea_id)
        .where(ImportLine.import_id == import_id, ImportLine.place > after)
        .order_by(ImportLine.place)
        .limit(most)
    )
    if which == "found":
        chosen = chosen.where(ImportLine.found != [])
    elif which == "waiting":
        chosen = chosen.where(ImportLine.was_public.is_(False))
    elif which in FILTERS:
        chosen = chosen.where(ImportLine.fate == Fate(which))
    return [(row[0], row[1]) for row in session.execute(chosen)]
