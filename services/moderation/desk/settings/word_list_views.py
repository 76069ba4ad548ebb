"""The word lists of the tone check: read, tried on the newest ideas, changed.

Adding takes two steps: a word is saved only after this person has seen what it does.
"""

from collections.abc import Mapping
from datetime import date

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from services.moderation.checks.wording import lexicon
from services.moderation.checks.wording.lexicon import (
    LONGEST_TERM,
    Term,
    TermError,
    load_shipped_terms,
)
from services.moderation.desk import access
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.settings import word_list_words
from services.moderation.settings import word_lists
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role
from shared.times import move_to_city

bp = Blueprint("word_lists", __name__)
bp.before_request(access.make_guard(Role.ADMIN))

LONGEST_COMMENT = 500
# The weights that can be chosen; `tone.severity_of` says what they mean.
WEIGHTS = ("0.3", "0.6", "1.0")
_SHIPPED_LANGUAGES = ("sv", "en", "no", "da", "fi")
_NAMES = ("list", "term", "language", "match", "weight", "comment", "expires_on")


@bp.get("/checks/words")
def lists() -> ResponseReturnValue:
    """Show one list: staff's words, the form, what is shipped, what was removed."""
    name = request.args.get("list", lexicon.LISTS[0])
    if name not in lexicon.LISTS:
        abort(404)
    return _page(name, {"list": name})


def _show_again() -> ResponseReturnValue:
    form = _form()
    if form["list"] not in lexicon.LISTS:
        abort(422)
    return _page(form["list"], form)


@bp.post("/checks/words/try")
@keep_fields(*_NAMES, again=_show_again)
def try_out() -> ResponseReturnValue:
    """Show what a word would do with the newest ideas, or the form again; saves nothing."""
    form = _form()
    if form["list"] not in lexicon.LISTS:
        abort(422)
    if "change" in request.form:
        return _page(form["list"], form)
    term, expires_on, faults = _read(form)
    if term is None or faults:
        return make_response(_page(form["list"], form, faults), 422)
    with Session() as reading:
        trial = word_lists.try_out(reading, term)
    session["word_tried"] = _key(term)
    return render_template(
        "moderation/settings/word_trial.html",
        form=form,
        term=term,
        expires_on=expires_on,
        trial=trial,
        shown=word_lists.SHOWN,
        **word_list_words.name_choices(),
    )


@bp.post("/checks/words")
@keep_fields(*_NAMES, again=_show_again)
def add() -> ResponseReturnValue:
    """Save a word that was tried; one that was not, or was changed since, is tried first."""
    form = _form()
    if form["list"] not in lexicon.LISTS:
        abort(422)
    term, expires_on, faults = _read(form)
    if term is None or faults:
        return make_response(_page(form["list"], form, faults), 422)
    if session.get("word_tried") != _key(term):
        return try_out()
    session.pop("word_tried")
    with Session.begin() as writing:
        word_lists.add_entry(
            writing,
            term,
            comment=form["comment"],
            expires_on=expires_on,
            by=access.get_signed_in().id,
        )
    flash(
        _("Ordet är sparat: %(term)s. Det gäller idéer som kontrolleras från nu.", term=term.term)
    )
    return redirect(url_for(".lists", list=term.list), 303)


@bp.post("/checks/words/<int:entry_id>/remove")
def remove(entry_id: int) -> ResponseReturnValue:
    """Remove a word from its list."""
    with Session.begin() as writing:
        try:
            row = word_lists.remove_entry(writing, entry_id, by=access.get_signed_in().id)
        except LookupError:
            abort(404)
        name, term = row.list, row.term
    flash(_("Ordet är borttaget: %(term)s.", term=term))
    return redirect(url_for(".lists", list=name), 303)


def _form() -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in _NAMES}


def _key(term: Term) -> list[object]:
    return [term.list, term.language, term.term, term.match, term.weight]


def _read(form: Mapping[str, str]) -> tuple[Term | None, date | None, dict[str, str]]:
    """Return the term and its last day as they were typed, and what is wrong with each field."""
    faults: dict[str, str] = {}
    expires_on = None
    if form["expires_on"]:
        try:
            expires_on = date.fromisoformat(form["expires_on"])
        except ValueError:
            faults["expires_on"] = _("Skriv dagen som 2027-01-31.")
        else:
            if expires_on < move_to_city(utcnow(), web.get_settings().timezone).date():
                faults["expires_on"] = _("Den dagen har varit.")
    if not form["comment"]:
        faults["comment"] = _("Skriv varför ordet ska finnas på listan.")
    elif len(form["comment"]) > LONGEST_COMMENT:
        faults["comment"] = _("Högst %(n)s tecken.", n=LONGEST_COMMENT)
    if form["weight"] not in WEIGHTS:
        abort(422)
    term = None
    try:
        term = Term.proposed(
            {
                **{name: form[name] for name in ("list", "term", "language", "match")},
                "weight": float(form["weight"]),
            }
        )
    except TermError:
        faults["term"] = _(
            "Skriv minst två bokstäver, högst %(n)s tecken och åtta ord. En del av ett ord är ett"
            " ensamt ord på minst fyra bokstäver.",
            n=LONGEST_TERM,
        )
    return term, expires_on, faults


def _page(name: str, form: Mapping[str, str], faults: Mapping[str, str] | None = None) -> str:
    with Session() as reading:
        rows = word_lists.list_entries(reading, name)
    return render_template(
        "moderation/settings/word_lists.html",
        name=name,
        form=form,
        faults=faults or {},
        standing=[each for each in rows if each.row.removed_at is None],
        removed=[each for each in rows if each.row.removed_at is not None],
        shipped=[
            (
                code,
                [
                    term
                    for term in load_shipped_terms()
                    if term.list == name and term.language == code
                ],
            )
            for code in _SHIPPED_LANGUAGES
        ],
        tried_on=word_lists.TRIED_ON,
        longest=LONGEST_TERM,
        longest_comment=LONGEST_COMMENT,
        **word_list_words.name_choices(),
    )
