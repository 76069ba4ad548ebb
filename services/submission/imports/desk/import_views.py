"""The desk's pages for importing an old page: read, looked at, decided on, followed, taken back.

For administrators. What is decided is done by a worker, so the page may be closed meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import PurePath
from uuid import UUID

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.submission import imports, intake
from services.submission.hooks import sources
from services.submission.imports import runs
from services.submission.imports.desk import words
from services.submission.imports.entries import FileFault, ImportFileError, Reading
from services.submission.imports.runs import NotNowError
from shared import check_words, web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import get_language
from shared.i18n import gettext as _
from shared.models import Council, Import, ImportLine, ImportState, Role
from shared.times import write_recent_moment

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_ENTRIES = 10_000
MAX_NAME = 120
# A file, and what a form adds to it.
LARGER_BODIES = {"/imports/": MAX_FILE_BYTES + 64 * 1024}
_LINES_ON_A_PAGE = 50
# Enough to see what is wrong with a file, and still read.
_REMARKS_SHOWN = 50
_LONGEST_PLACE = 9

# A reason that a reader gives, in English → the same in a language.
SayReason = Callable[[str, str], str]


def make_pages(port: DeskPort, say_reason: SayReason) -> Blueprint:
    """Make the pages, for administrators."""
    bp = Blueprint("imports", __name__, template_folder="templates")
    bp.context_processor(
        lambda: {
            "layout": port.settings_frame,
            "link_to_idea": port.link_to_idea,
            "when": _when,
        }
    )
    bp.before_request(port.guard(Role.ADMIN))
    pages = _Pages(port, say_reason)
    kept = port.keeps("council", "form", "encoding", "pasted", again=pages.show_again)
    for rule, method, view in (
        ("", "GET", pages.index),
        ("/new", "GET", pages.new),
        ("/new", "POST", kept(pages.read)),
        ("/<uuid:import_id>", "GET", pages.show),
        ("/<uuid:import_id>/begin", "POST", pages.begin),
        ("/<uuid:import_id>/put-aside", "POST", pages.put_aside),
        ("/<uuid:import_id>/take-back", "POST", pages.take_back),
        ("/<uuid:import_id>/go-on", "POST", pages.go_on),
    ):
        bp.add_url_rule(f"/imports{rule}", view.__name__, view, methods=[method])
    return bp


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was sent to be read."""

    council: str
    form: str
    encoding: str
    pasted: str
    file_name: str = ""
    data: bytes = b""


class _BadFileError(Exception):
    """A file cannot be taken; `said` is a sentence about the field that it is about."""

    def __init__(self, field: str, said: str) -> None:
        super().__init__(field)
        self.field = field
        self.said = said


class _Pages:
    """The views, which know who asks and where changes are written down."""

    def __init__(self, port: DeskPort, say_reason: SayReason) -> None:
        self._port = port
        self._say_reason = say_reason

    def index(self) -> ResponseReturnValue:
        """Show the imports there were, the newest first."""
        with Session() as session:
            rows = [
                (run, council, words.say_state(run)) for run, council in runs.list_runs(session)
            ]
        return render_template("imports/index.html", rows=rows)

    def new(self) -> ResponseReturnValue:
        """Show the empty form."""
        return _form_page(_Sent("", "", "", ""))

    def show_again(self) -> ResponseReturnValue:
        """Show the form with what was typed; a file must be chosen again."""
        return _form_page(_typed())

    def read(self) -> ResponseReturnValue:
        """Read a file and have it looked at; nothing is kept of one that cannot be read whole."""
        sent = _read_sent()
        faults: dict[str, str] = {}
        with Session() as session:
            slugs = {each.slug for each in sources.list_councils(session)}
        if sent.council not in slugs:
            faults["council"] = _("Välj ett råd.")
        reading = None
        try:
            reading = self._read_file(sent)
        except _BadFileError as error:
            faults[error.field] = error.said
        if reading is None or faults:
            return make_response(_form_page(sent, faults), 422)
        with Session.begin() as session:
            council = intake.find_council(session, sent.council)
            run = runs.keep_reading(
                session,
                council,
                reading,
                form=_form_of(sent),
                file_name=sent.file_name or _("inklistrad text"),
                data=sent.data,
                by=self._port.person().id,
            )
            self._write_down(
                session, "import.read", run, {"council": sent.council, "entries": run.total}
            )
            import_id = run.id
        return redirect(url_for(".show", import_id=import_id), 303)

    def show(self, import_id: UUID) -> ResponseReturnValue:
        """Show an import as far as it has come: its lines, and what can be done with it."""
        which = request.args.get("show", "")
        if which not in {"", *runs.FILTERS}:
            abort(404)
        with Session() as session:
            found = runs.find_run(session, import_id) or abort(404)
            counts = runs.count_lines(session, import_id)
            lines = runs.list_lines(
                session, import_id, which=which, after=_after(), most=_LINES_ON_A_PAGE + 1
            )
            is_stuck = found[0].state in runs.WORKING and runs.is_stuck(session, import_id)
        return self._page(*found, counts, lines, which, is_stuck=is_stuck)

    def begin(self, import_id: UUID) -> ResponseReturnValue:
        """Have it brought in."""
        as_read = request.form.get("as_read") == "1"

        def act(session: SqlSession) -> str | None:
            run = runs.begin_run(session, import_id, by=self._port.person().id, as_read=as_read)
            if run.state is ImportState.CHECKING:
                self._write_down(session, "import.looked_again", run, {})
                return _(
                    "Något har ändrats sedan filen gicks igenom. Den gås igenom igen, och inget är "
                    "hämtat: se efter nedan vad raderna blir nu."
                )
            self._write_down(session, "import.begun", run, {"as_read": as_read} if as_read else {})
            return None

        return self._act(import_id, act, _("Hämtningen har börjat. Du kan stänga sidan."))

    def put_aside(self, import_id: UUID) -> ResponseReturnValue:
        """Let it be."""

        def act(session: SqlSession) -> None:
            self._write_down(session, "import.put_aside", runs.put_aside(session, import_id), {})

        return self._act(import_id, act, _("Lagd åt sidan. Inget hämtades in."))

    def take_back(self, import_id: UUID) -> ResponseReturnValue:
        """Take back all of it; only who ticks that they mean it."""
        if request.form.get("sure") != "1":
            return self._back(import_id, _("Kryssa i att du vill ta tillbaka allt."))

        def act(session: SqlSession) -> None:
            run = runs.take_back(session, import_id, by=self._port.person().id)
            self._write_down(session, "import.taken_back", run, {})

        return self._act(import_id, act, _("Allt tas tillbaka. Du kan stänga sidan."))

    def go_on(self, import_id: UUID) -> ResponseReturnValue:
        """Let a worker try again."""

        def act(session: SqlSession) -> None:
            self._write_down(session, "import.went_on", runs.go_on(session, import_id), {})

        return self._act(import_id, act, _("Hämtningen fortsätter."))

    def _act(
        self, import_id: UUID, act: Callable[[SqlSession], str | None], said: str
    ) -> ResponseReturnValue:
        """Do something to an import and say it; what `act` returns is said in its place."""
        try:
            with Session.begin() as session:
                said = act(session) or said
        except LookupError:
            abort(404)
        except NotNowError:
            said = _("Det gick inte nu. Läget står nedan; något annat kan ha hunnit före.")
        return self._back(import_id, said)

    def _back(self, import_id: UUID, said: str) -> ResponseReturnValue:
        flash(said)
        return redirect(url_for(".show", import_id=import_id), 303)

    def _read_file(self, sent: _Sent) -> Reading:
        """Return what was read. Raises _BadFileError, which never says what somebody wrote."""
        form = _form_of(sent)
        if not sent.data.strip():
            raise _BadFileError("file", _("Välj en fil, eller klistra in sidans text."))
        if len(sent.data) > MAX_FILE_BYTES:
            most = MAX_FILE_BYTES >> 20
            raise _BadFileError("file", _("Filen är för stor. Högst %(mb)s MB.", mb=most))
        if not form:
            said = _("Säg vad filen är: det syns inte på hur namnet slutar.")
            raise _BadFileError("form", said)
        timezone = web.get_settings().timezone
        try:
            reading = imports.read_entries(sent.data, form, timezone, sent.encoding or None)
        except ImportFileError as error:
            if error.fault is FileFault.ENCODING:
                said = _(
                    "Filen är inte skriven så. Pröva Windows (cp1252), eller spara den som UTF-8."
                )
                raise _BadFileError("encoding", said) from None
            reason = self._say_reason(error.reason, get_language())
            said = _("Rad %(line)s: %(reason)s.", line=error.line, reason=reason)
            raise _BadFileError("file", f"{said} {_('Inget är sparat.')}") from None
        if not reading.entries:
            raise _BadFileError("file", _("Där finns inget att hämta in. Inget är sparat."))
        if (number := len(reading.entries)) > MAX_ENTRIES:
            said = _(
                "Filen har %(n)s inlägg. Dela den: högst %(most)s.", n=number, most=MAX_ENTRIES
            )
            raise _BadFileError("file", said)
        return reading

    def _write_down(
        self, session: SqlSession, action: str, run: Import, after: Mapping[str, object]
    ) -> None:
        self._port.record(session, action, ("import", run.id), after=after or None)

    def _page(
        self,
        run: Import,
        council: Council,
        counts: runs.Counts,
        lines: Sequence[tuple[ImportLine, str | None]],
        which: str,
        *,
        is_stuck: bool,
    ) -> str:
        shown = lines[:_LINES_ON_A_PAGE]
        return render_template(
            "imports/import.html",
            run=run,
            council=council,
            state=words.say_state(run),
            counts=counts,
            filters=words.name_filters(counts),
            which=which,
            lines=[
                (line, number, check_words.kinds_of_findings(line.found)) for line, number in shown
            ],
            next=shown[-1][0].place if len(lines) > _LINES_ON_A_PAGE else None,
            after=request.args.get("after", ""),
            say_fate=partial(words.say_fate, run),
            doubts=self._remarks(run.doubts),
            passed_over=self._remarks(run.passed_over),
            is_working=run.state in runs.WORKING,
            is_stuck=is_stuck,
            words_until=_tell_end(run, counts),
            can_begin=run.state is ImportState.READY and not counts.refused and counts.new,
        )

    def _remarks(self, kept: list[list[object]]) -> tuple[list[tuple[object, str]], int]:
        """Return the first remarks of a reader in the language now spoken, and how many more."""
        said = [
            (line, self._say_reason(str(reason), get_language()))
            for line, reason in kept[:_REMARKS_SHOWN]
        ]
        return said, len(kept) - len(said)


def _tell_end(run: Import, counts: runs.Counts) -> datetime | None:
    """Return when the words go that became no idea, if that is to come."""
    period = timedelta(days=web.get_settings().import_days)
    found = runs.tell_end(run, period, has_words=counts.kept > 0)
    return found if found is not None and found > utcnow() else None


def _typed() -> _Sent:
    council, form, encoding, pasted = (
        request.form.get(name, "") for name in ("council", "form", "encoding", "pasted")
    )
    return _Sent(council, form, encoding, pasted)


def _read_sent() -> _Sent:
    typed = _typed()
    known = {form for form, _name in words.name_forms()}
    encodings = {each for each, _name in words.name_encodings()}
    form = typed.form if typed.form in known else ""
    encoding = typed.encoding if typed.encoding in encodings else ""
    given = request.files.get("file")
    data = given.read() if given is not None else b""
    if given is not None and data:
        name = PurePath((given.filename or "").replace("\\", "/")).name
        plain = "".join(sign for sign in name if sign.isprintable())[:MAX_NAME]
        return _Sent(typed.council, form, encoding, typed.pasted, plain, data)
    pasted = typed.pasted.encode("utf-8", "replace")
    return _Sent(typed.council, form, "", typed.pasted, "", pasted)


def _form_of(sent: _Sent) -> str:
    """Return what a file is: as it was said, as its name ends, or a page where it was pasted."""
    if sent.form:
        return sent.form
    return imports.format_of(PurePath(sent.file_name)) or "" if sent.file_name else "page"


def _after() -> int:
    raw = request.args.get("after", "")
    return int(raw) if raw.isdecimal() and len(raw) <= _LONGEST_PLACE else -1


def _form_page(sent: _Sent, faults: Mapping[str, str] | None = None) -> str:
    with Session() as session:
        councils = [(each.slug, each.title) for each in sources.list_councils(session)]
    return render_template(
        "imports/import_form.html",
        sent=sent,
        faults=faults or {},
        councils=councils,
        forms=words.name_forms(),
        encodings=words.name_encodings(),
        most_mb=MAX_FILE_BYTES >> 20,
        most_entries=f"{MAX_ENTRIES:,}".replace(",", "\N{NO-BREAK SPACE}"),
    )


def _when(moment: datetime) -> str:
    return write_recent_moment(moment, web.get_settings().timezone)
