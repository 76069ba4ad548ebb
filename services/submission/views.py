"""The pages that everybody can see, and the form."""

import logging
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from services.submission import intake, keeping, published, receipt, signals
from services.submission.forms import FormError, IdeaForm
from services.submission.hooks import bodies
from services.submission.limits import SubmitLimits, place_of_request
from services.submission.published import PublicCouncil
from services.submission.storing import gathering
from shared import i18n
from shared.clock import utcnow
from shared.db import PublicSession, Session
from shared.i18n import gettext as _
from shared.models import Source
from shared.web import ask_nothing, get_settings, language_cookie, make_problem, wants_json

log = logging.getLogger(__name__)

pages = Blueprint("pages", __name__)

IDEAS_ON_A_PAGE = 20
_FIELDS = ("text", "author", "email", "form_key", signals.OPENED, signals.HONEYPOT)
RETRY_AFTER_S = 30
# As `new_form_key` makes them: 144 random bits.
_FORM_KEY = re.compile(r"[A-Za-z0-9_-]{24}")
_REPEATED = {"pages.council": ("q", "after"), "pages.idea": ("reported", "agreed")}
# What stands in a kept page where a visitor's own key and stamp go: nobody can write it.
_KEY_HERE, _STAMP_HERE = (secrets.token_hex(16) for _ in range(2))


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands in the form: what was sent, and what is wrong with it."""

    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @classmethod
    def empty(cls) -> "Kept":
        """A form that nobody has written in."""
        stamp = signals.new_stamp(get_settings().secret_key)
        return cls(dict.fromkeys(_FIELDS, "") | {"form_key": new_form_key(), signals.OPENED: stamp})

    def with_new_key(self) -> "Kept":
        """The same words in a form that is sent for the first time."""
        return Kept({**self.values, "form_key": new_form_key()}, self.errors, self.note)

    def with_key(self) -> "Kept":
        """The same form; one that came from another site without a key gets one."""
        return self if self.values["form_key"] else self.with_new_key()


def new_form_key() -> str:
    """Return what makes a form safe to send twice."""
    return secrets.token_urlsafe(18)


def _repeated() -> Sequence[str]:
    """Return what a page repeats of its query; a page that is kept is kept for each such value."""
    return _REPEATED.get(request.endpoint or "", ())


@pages.app_context_processor
def _words_for_every_page() -> dict[str, object]:
    other = "en" if i18n.get_language() == i18n.SOURCE else i18n.SOURCE
    here = request.path if request.method in {"GET", "HEAD"} and request.endpoint else "/"
    kept = {name: request.args[name] for name in _repeated() if name in request.args}
    # A form keeps the language although it is sent without the cookie that remembers it.
    lang = i18n.get_language() if i18n.get_language() != i18n.SOURCE else None
    return {
        "other_language": other,
        "other_language_args": {**kept, "lang": other},
        "here": here,
        "lang": lang,
    }


@pages.get("/")
def home() -> BaseResponse:
    """All councils."""
    return keeping.answer_from_kept(_make_home)


def _make_home() -> keeping.Made:
    with PublicSession() as session:
        councils = published.list_councils(session)
    now = utcnow()
    is_open = {c.slug: intake.is_open(c.open_from, c.open_until, now) for c in councils}
    page = render_template("submission/home.html", councils=councils, is_open=is_open)
    return keeping.Made(page, until=_next_turn(councils, now))


def _next_turn(councils: Iterable[PublicCouncil], now: datetime) -> datetime | None:
    """Return when the next of these opens or closes, which nobody writes down when it happens."""
    turns = (turn for each in councils for turn in (each.open_from, each.open_until))
    return min((turn for turn in turns if turn is not None and turn > now), default=None)


@pages.get("/councils/<slug>")
def council(slug: str) -> BaseResponse:
    """One council: its facts, the form, and what has been published.

    A search is not kept: there is no end of them.
    """
    if request.args.get("q", "").strip():
        return show_form(slug, Kept.empty())
    return keeping.answer_from_kept(
        lambda: _make_council(slug), slug=slug, said=(request.args.get("q"), _after())
    )


def _after() -> str | None:
    return request.args.get("after")


def _make_council(slug: str) -> keeping.Made:
    form = Kept(dict.fromkeys(_FIELDS, "") | {"form_key": _KEY_HERE, signals.OPENED: _STAMP_HERE})
    shown = _show_council(slug, form)
    own = keeping.Own(
        (_KEY_HERE, _STAMP_HERE),
        lambda: (new_form_key(), signals.new_stamp(get_settings().secret_key)),
    )
    until = _next_turn([shown.council], shown.now)
    return keeping.Made(shown.page, until=until, own=own if shown.is_open else None)


@pages.get("/councils/<slug>/ideas")
def no_list_here(slug: str) -> BaseResponse:
    """Where a reload after an error leads: the page with the form."""
    return redirect(url_for(".council", slug=slug), 303)


@pages.post("/councils/<slug>/ideas")
def submit(slug: str) -> BaseResponse:
    """Take an idea. Sets no cookie and asks for no token, so that other sites can have the form."""
    outcome = receive_posted(slug)
    if isinstance(outcome, Refused):
        if outcome.wait_s:
            return hold_back(slug, outcome)
        return refuse_form(slug, outcome.kept, outcome.status)
    response = redirect(url_for("receipts.show", token=outcome.token), 303)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@dataclass(frozen=True, slots=True)
class Refused:
    """A post that was not taken: what was sent, why, and after how many seconds it may come again.

    After 0 seconds: when it is mended.
    """

    kept: Kept
    status: int
    wait_s: int = 0


def receive_posted(slug: str) -> intake.Received | Refused:
    """Store the idea that the running request posts, or say why not; 404 for no council."""
    body = request.get_data(cache=True)
    # A page elsewhere may be written as pages once were, and sends its form so.
    sent = bodies.read_old_form(body, request.content_type or "") or request.form
    kept = Kept({name: sent.get(name, "") for name in _FIELDS})
    place = place_of_request(request, get_settings().secret_key)
    counted = get_limits().count(place)
    if counted.wait_s:
        return Refused(kept, 429, counted.wait_s)
    arrival = intake.Arrival(
        source=Source.FORM,
        body=body,
        content_type=request.content_type or "application/octet-stream",
        language=i18n.get_language(),
        key=_own_key(kept.values["form_key"], place),
        sender_hash=place,
        signals=signals.notice_signals(kept.values, get_settings().secret_key, burst=counted.burst),
    )
    try:
        form = IdeaForm.checked(kept.values)
        received = intake.receive_idea(gathering.run_together, get_settings(), slug, form, arrival)
    except FormError as error:
        return Refused(Kept(kept.values, error.errors), 422)
    except intake.UnknownCouncilError:
        abort(404)
    except intake.ClosedCouncilError:
        return Refused(Kept(kept.values, note=say_closed()), 403)
    except intake.KeyReusedError:
        note = _(
            "Formuläret har redan skickats en gång. Skicka det igen om du vill lämna en idé till."
        )
        return Refused(Kept(kept.values, note=note).with_new_key(), 422)
    except SQLAlchemyError as error:
        log.warning("an idea could not be stored", exc_info=error)
        return Refused(kept, 503, RETRY_AFTER_S)
    log.debug("idea stored", extra={"idea": received.number, "replayed": received.replayed})
    return received


def _own_key(said: str, place: bytes) -> str | None:
    """Return the key under which a form was sent, if it has one.

    One that is none of ours, `1` in a page of somebody else's or one of ours that stands in a copy
    of our form on their site, counts together with where it comes from: of two who send under it
    neither is given the receipt of the other, and both ideas are stored.
    """
    if _FORM_KEY.fullmatch(said) and not is_from_elsewhere():
        return said
    return f"{place.hex()} {said}" if said else None


def is_from_elsewhere() -> bool:
    """Whether a page of another site sent this; what is in a frame of ours comes from ours."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin", "")
    own = {get_settings().public_url, request.host_url}
    return bool(origin) and origin not in {each.rstrip("/") for each in own}


def say_closed() -> str:
    """Say to who has written that the council takes nothing now."""
    return _("Rådet tar inte emot idéer nu. Din text står kvar här, så att du kan kopiera den.")


@pages.get("/councils/<slug>/ideas/<number>")
def idea(slug: str, number: str) -> BaseResponse:
    """One published idea; where it went when it was merged; gone when it was withdrawn."""
    if "reported" in request.args or "agreed" in request.args:
        return _idea_page(slug, number)

    def make() -> keeping.Made | BaseResponse:
        page = _show_idea(slug, number, {})
        return keeping.Made(page) if isinstance(page, str) else page

    return keeping.answer_from_kept(make, slug=slug)


@pages.post("/councils/<slug>/ideas/<number>/report")
def report(slug: str, number: str) -> BaseResponse:
    """Take a reader's report of a public idea: the rule it breaks, if they chose one."""
    wait_s = get_limits().wait_s(place_of_request(request, get_settings().secret_key))
    if wait_s:
        abort(429)
    rule_code = request.form.get("rule", "")
    with PublicSession() as session:
        found = published.find_idea(session, slug, number)
        rules = published.list_rules(session)
    if not isinstance(found, published.PublicIdea):
        return _idea_page(slug, number)
    if rule_code not in {"", *(rule.code for rule in rules)}:
        sentence = _("Välj en av reglerna i listan.")
        if wants_json():
            return make_problem(422, _("Något behöver rättas."), errors={"rule": sentence})
        return _idea_page(slug, number, errors={"rule": sentence}, status=422)
    with Session.begin() as session:
        receipt.report_idea(session, found.id, rule_code or None)
    log.info("idea reported", extra={"idea": number})
    return redirect(url_for(".idea", slug=slug, number=number, reported=1, _anchor="report"), 303)


@pages.get("/rules")
def rules() -> BaseResponse:
    """What the city publishes and what it does not."""
    return keeping.answer_from_kept(_make_rules)


def _make_rules() -> keeping.Made:
    with PublicSession() as session:
        in_force = published.list_rules(session)
    return keeping.Made(render_template("submission/rules.html", rules=in_force))


@pages.get("/privacy")
def privacy() -> str:
    """What is done with what a resident sends (GDPR article 13)."""
    return render_template("submission/privacy.html")


def get_limits() -> SubmitLimits:
    """Return the counters of the running application."""
    return cast("SubmitLimits", current_app.extensions["submit_limits"])


def was_language_chosen() -> bool:
    """Whether the one who asks has chosen a language."""
    return bool(request.args.get("lang") or request.cookies.get(language_cookie()))


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page about a council, and what of it depends on when it was made."""

    page: str
    council: PublicCouncil
    now: datetime
    is_open: bool


def _show_council(slug: str, kept: Kept) -> _Shown:
    search = " ".join(request.args.get("q", "").split())
    after = _after()
    with PublicSession() as session:
        found = published.find_council(session, slug) or abort(404)
        try:
            listing = published.list_ideas(
                session, slug, limit=IDEAS_ON_A_PAGE, after=after, search=search
            )
        except published.CursorError:
            abort(400)
    now = utcnow()
    is_open = intake.is_open(found.open_from, found.open_until, now)
    page = render_template(
        "submission/council.html",
        council=found,
        is_open=is_open,
        is_over=found.open_until is not None and found.open_until <= now,
        listing=listing,
        search=search,
        after=after,
        kept=kept,
    )
    return _Shown(page, found, now, is_open)


def show_form(slug: str, kept: Kept, status: int = 200) -> Response:
    """Answer with the page of a council and a form that holds this."""
    return Response(_show_council(slug, kept).page, status=status)


def refuse_form(slug: str, kept: Kept, status: int) -> Response:
    """Answer with the form and everything still in it."""
    if wants_json():
        return make_problem(status, kept.note or _("Något behöver rättas."), errors=kept.errors)
    return show_form(slug, kept.with_key(), status)


def hold_back(slug: str, outcome: Refused) -> Response:
    """Keep the words on a page that asks no database and can be sent again.

    With the same key: if the first one was stored after all, the second makes no other idea.
    """
    if wants_json():
        problem = make_problem(outcome.status, _("Försök igen om en stund."))
        return _tell_wait(problem, outcome)
    return hold_words("submission/kept.html", slug, outcome)


def hold_words(template: str, slug: str, outcome: Refused) -> Response:
    """Answer with a page that holds what a resident wrote, to be sent again with the same key.

    It asks the database nothing: that may be what does not answer.
    """
    ask_nothing()
    page = render_template(
        template, slug=slug, kept=outcome.kept.with_key(), too_many=outcome.status == 429
    )
    return _tell_wait(Response(page, status=outcome.status), outcome)


def _tell_wait(response: Response, outcome: Refused) -> Response:
    response.headers["Retry-After"] = str(outcome.wait_s)
    response.headers["Cache-Control"] = "no-store"
    return response


def _show_idea(slug: str, number: str, errors: Mapping[str, str]) -> str | BaseResponse:
    """Return the page of an idea, or the way to where it went."""
    with PublicSession() as session:
        found_council = published.find_council(session, slug) or abort(404)
        found = published.find_idea(session, slug, number)
        rules_in_force = published.list_rules(session)
    if isinstance(found, published.Trace):
        if found.target is None:
            abort(410)
        return redirect(url_for(".idea", slug=slug, number=found.target), 303)
    if found is None:
        abort(404)
    return render_template(
        "submission/idea.html",
        council=found_council,
        idea=found,
        rules=rules_in_force,
        reported="reported" in request.args,
        agreed="agreed" in request.args,
        errors=errors,
    )


def _idea_page(
    slug: str, number: str, *, errors: Mapping[str, str] | None = None, status: int = 200
) -> BaseResponse:
    page = _show_idea(slug, number, errors or {})
    return Response(page, status=status) if isinstance(page, str) else page
