"""The desk's page on which staff enter many ideas at once: pasted, looked at, and saved."""

from datetime import date

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.submission.imports.entries import ImportFileError
from services.submission.slips import entering, slip_files, splitting
from services.submission.slips.desk import slip_form, words
from services.submission.slips.desk.recording import enter_and_record
from services.submission.slips.desk.slip_form import Common, Faults
from services.submission.slips.entering import Batch, ClosedThatDayError
from services.submission.slips.reading import Draft
from services.submission.slips.slip_files import NotATableError, ReadFile
from services.submission.slips.splitting import Cut
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.times import move_to_city


class SeveralPages:
    """The views, which know who asks and where changes are written down."""

    def __init__(self, port: DeskPort) -> None:
        self._port = port

    def show_several(self) -> ResponseReturnValue:
        """Show where notes are pasted, or a file is chosen."""
        common = slip_form.read_common(request.args, _today())
        return _paste_page(common)

    def take_several(self) -> ResponseReturnValue:
        """Show how it is cut, mend that, or save it (`do`)."""
        do = request.form.get("do", "read")
        common = slip_form.read_common(request.form, _today())
        if do == "read":
            return _read(common)
        drafts = slip_form.read_drafts(request.form)
        if do == "save":
            return self._save(common, drafts)
        changed, said = slip_form.change_drafts(drafts, do)
        return _rows_page(common, changed, said=said)

    def show_again(self) -> ResponseReturnValue:
        """Show the form with what was typed before."""
        common = slip_form.read_common(request.form, _today())
        drafts = slip_form.read_drafts(request.form)
        return _rows_page(common, drafts) if drafts else _paste_page(common)

    def _save(self, common: Common, drafts: list[Draft]) -> ResponseReturnValue:
        today = _today()
        with Session.begin() as session:
            councils = {each.slug: each for each in entering.list_councils(session)}
            chosen, faults = slip_form.choose_common(common, councils, today)
            day = chosen.day if chosen else today
            slips, wrong = slip_form.read_slips(drafts, day, today)
            faults |= wrong
            if not slips and not wrong:
                faults["slips"] = _("Ingen idé är kvar att spara. Ta med minst en.")
            if too_much := slip_form.say_too_much(drafts):
                faults["slips"] = too_much
            if chosen is None or faults:
                return _refused(common, drafts, faults)
            try:
                batch = enter_and_record(
                    self._port,
                    session,
                    web.get_settings(),
                    common,
                    chosen,
                    [slip for _place, slip in slips],
                )
            except ClosedThatDayError as error:
                place, slip = slips[error.place]
                name = f"slip-day-{place}" if slip.draft.day.strip() else "day"
                return _refused(common, drafts, {name: slip_form.say_closed_fault()})
        flash(_say_saved(batch))
        return redirect(url_for(".show_batch", batch_id=batch.id), 303)


def _read(common: Common) -> ResponseReturnValue:
    """Cut what was pasted, or read the file, and show it; nothing is stored."""
    today = _today()
    with Session() as session:
        councils = {each.slug: each for each in entering.list_councils(session)}
    _chosen, faults = slip_form.choose_common(common, councils, today)
    read, wrong = _read_sent()
    faults |= wrong
    if not wrong and (too_much := slip_form.say_too_much(read.drafts)):
        faults["pasted"] = too_much
    if faults:
        return make_response(_paste_page(common, faults), 422)
    return _rows_page(common, read.drafts, read=read)


def _read_sent() -> tuple[ReadFile, Faults]:
    """Return the slips of the file or of what was pasted, or what is wrong with it."""
    pasted = request.form.get("pasted", "")
    file = request.files.get("file")
    if file is None or not file.filename:
        words_cut = splitting.cut_notes(pasted, _cut())
        if not words_cut:
            return ReadFile([]), {"pasted": _("Klistra in det som sades, eller välj en fil.")}
        return ReadFile([Draft(text) for text in words_cut]), {}
    if pasted.strip():
        said = _("Du har både klistrat in och valt en fil. Ta en i taget.")
        return ReadFile([]), {"file": said}
    try:
        read = slip_files.read_slip_file(file.read())
    except (ImportFileError, NotATableError) as error:
        return ReadFile([]), {"file": words.say_file_fault(error)}
    if not read.drafts:
        return read, {"file": _("Filen har ingen rad under rubrikerna.")}
    return read, {}


def _cut() -> Cut:
    return Cut.BLANKS if request.form.get("cut") == Cut.BLANKS else Cut.LINES


def _say_saved(batch: Batch) -> str:
    if not batch.new:
        return _("De var redan inskrivna. Inget är sparat två gånger.")
    return ngettext(
        "%(n)s idé är inskriven och väntar på granskning.",
        "%(n)s idéer är inskrivna och väntar på granskning.",
        batch.new,
    )


def _refused(common: Common, drafts: list[Draft], faults: Faults) -> ResponseReturnValue:
    return make_response(_rows_page(common, drafts, faults=faults), 422)


def _paste_page(common: Common, faults: Faults | None = None) -> str:
    return render_template(
        "slips/several.html",
        common=common,
        councils=_list_councils(),
        faults=faults or {},
        pasted=request.form.get("pasted", ""),
        cut=_cut().value,
        today=_today().isoformat(),
        most=slip_form.MOST_SLIPS,
    )


def _rows_page(
    common: Common,
    drafts: list[Draft],
    *,
    faults: Faults | None = None,
    said: str = "",
    read: ReadFile | None = None,
) -> str:
    today = _today()
    if faults is None:
        _slips, faults = slip_form.read_slips(drafts, today, today)
    return render_template(
        "slips/rows.html",
        common=common,
        councils=_list_councils(),
        drafts=drafts,
        faults=faults,
        said=said,
        read=read,
        number=sum(not each.left_out for each in drafts),
        today=today.isoformat(),
    )


def _list_councils() -> list[tuple[str, str]]:
    with Session() as session:
        return [(each.slug, each.title) for each in entering.list_councils(session)]


def _today() -> date:
    return move_to_city(utcnow(), web.get_settings().timezone).date()
