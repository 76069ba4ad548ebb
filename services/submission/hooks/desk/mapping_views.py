"""The desk's page on which somebody says what is what in the fields of a form tool."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.submission.hooks import bodies, inbox, mapping, sources
from services.submission.hooks.bodies import UnreadableBodyError
from services.submission.hooks.desk import mapping_form, words
from services.submission.hooks.desk.mapping_form import Row
from services.submission.hooks.mapping import Draft, FieldMap, UnmappableError
from services.submission.hooks.sources import MovedError
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.ids import read_uuid
from shared.models import FormSource, InboxFault


class MappingPages:
    """The views, which know who asks and where changes are written down."""

    def __init__(self, port: DeskPort) -> None:
        self._port = port

    def show_fields(self, source_id: UUID) -> ResponseReturnValue:
        """Show what is what now, and ask for an example."""
        with Session() as session:
            source = _found(session, source_id)
            version, by = sources.mapping_of(session, source_id)
        return _page(source, version, mapping_form.rows_of(by))

    def map_fields(self, source_id: UUID) -> ResponseReturnValue:
        """Read an example, show the idea it would make, or save what was chosen (`do`)."""
        do = request.form.get("do", "read")
        with Session.begin() as session:
            source = _found(session, source_id)
            fields, faults = self._read_example(session, source)
            chosen = _chosen(session, source, fields)
        seen = _seen_version()
        rows = mapping_form.join_rows(fields, chosen)
        if do != "save" or faults:
            page = _page(source, seen, rows, fields=fields, faults=faults)
            return make_response(page, 422 if faults else 200)
        read = mapping_form.read_mapping(rows)
        if read.by is None:
            page = _page(source, seen, rows, fields=fields, faults=read.faults)
            return make_response(page, 422)
        try:
            with Session.begin() as session:
                self._save(session, source_id, read.by, seen)
        except MovedError:
            return make_response(_page(source, None, rows, fields=fields, moved=True), 409)
        flash(_("Sparat. Det som kommer nu läses så."))
        return redirect(url_for(".show", source_id=source_id), 303)

    def show_again(self, source_id: UUID) -> ResponseReturnValue:
        """Show the form with what was chosen before; an example that was picked is picked anew."""
        with Session() as session:
            source = _found(session, source_id)
            fields, faults = _read_pasted()
            chosen = _chosen(session, source, fields)
        rows = mapping_form.join_rows(fields, chosen)
        return _page(source, _seen_version(), rows, fields=fields, faults=faults)

    def _save(self, session: SqlSession, source_id: UUID, by: FieldMap, seen: int) -> None:
        source = sources.lock_source(session, source_id)
        before = words.list_facts(*sources.mapping_of(session, source_id))
        saved = sources.save_mapping(
            session, source, by, seen_version=seen, by=self._port.person().id
        )
        after = words.list_facts(saved, by)
        self._port.record(
            session,
            "form_source.mapping_saved",
            ("form_source", source_id),
            before=before,
            after=after,
        )

    def _read_example(
        self, session: SqlSession, source: FormSource
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the keys of the example, and what is wrong with it.

        Who takes a resident's words as one is written down, once a day for each of them.
        """
        picked = read_uuid(request.form.get("delivery", ""))
        if picked is None or request.form.get("sample", "").strip():
            return _read_pasted()
        found = inbox.read_item(session, source.id, picked)
        if found is None:
            return {}, {"delivery": _("Svaret finns inte kvar. Välj ett annat.")}
        what = {"delivery": str(picked)}
        self._port.record_reading(session, "form_source.read", ("form_source", source.id), what)
        try:
            return bodies.read_body(*found), {}
        except UnreadableBodyError:
            return {}, {"delivery": words.say_fault(InboxFault.UNREADABLE)}


def _read_pasted() -> tuple[dict[str, str], dict[str, str]]:
    sample = request.form.get("sample", "")
    if not sample.strip():
        return {}, {}
    try:
        return mapping_form.read_sample(sample), {}
    except UnreadableBodyError:
        said = _("Det går inte att läsa. Klistra in JSON, eller fält=värde&fält=värde.")
        return {}, {"sample": said}


def _chosen(session: SqlSession, source: FormSource, fields: Mapping[str, str]) -> Sequence[Row]:
    """Return what was chosen: in the form, else what stands, else what is obvious."""
    sent = mapping_form.read_rows(
        *(request.form.getlist(name) for name in ("key", "role", "label"))
    )
    if any(row.role for row in sent):
        return sent
    _version, by = sources.mapping_of(session, source.id)
    return mapping_form.rows_of(by) or mapping_form.guess_rows(fields)


def _seen_version() -> int:
    raw = request.form.get("version", "")
    if not raw.isdecimal() or len(raw) > 9:
        abort(422)
    return int(raw)


def _found(session: SqlSession, source_id: UUID) -> FormSource:
    return session.get(FormSource, source_id) or abort(404)


def _page(
    source: FormSource,
    version: int | None,
    rows: Sequence[Row],
    *,
    fields: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    moved: bool = False,
) -> str:
    with Session() as session:
        standing, _by = sources.mapping_of(session, source.id)
        council = sources.council_of(session, source)
        newest = inbox.list_items(session, source.id)
        draft, why = _draft(rows, fields or {})
        found = inbox.find_council(session, council, draft.council) if draft else None
    roles = words.name_roles()
    return render_template(
        "forms/fields.html",
        source=source,
        version=standing if version is None else version,
        rows=rows,
        roles=[(role, said) for role, said in roles.items() if role != "council" or not council],
        sample=request.form.get("sample", ""),
        delivery=request.form.get("delivery", ""),
        newest=newest,
        states=words.name_states(),
        faults=faults or {},
        moved=moved,
        draft=draft,
        why=why,
        council=found,
        say_left_out=words.say_left_out,
    )


def _draft(rows: Sequence[Row], fields: Mapping[str, str]) -> tuple[Draft | None, str]:
    """Return the idea that the example would make, or why it makes none."""
    read = mapping_form.read_mapping(rows)
    if not fields or read.by is None:
        return None, ""
    timezone = web.get_settings().timezone
    try:
        return mapping.draft_idea(fields, read.by, now=utcnow(), timezone=timezone), ""
    except UnmappableError as error:
        return None, words.say_fault(error.fault)
