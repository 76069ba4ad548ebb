"""The queue: what waits, the most urgent first."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from services.moderation import access, review_queue, words
from services.moderation.checks.explanations import explain
from services.moderation.review_queue import Filter, Place
from shared import times, web
from shared.clock import utcnow
from shared.db import Session
from shared.models import Precision, Reason, Role

bp = Blueprint("queue", __name__)
bp.before_request(access.guard(Role.READER))
_WORDS: dict[str, Callable[..., str]] = {
    "reason_word": words.reason,
    "status_word": words.status,
    "status_name": words.status_name,
    "outcome_word": words.outcome,
    "decision_word": words.done,
    "role_word": words.role,
    "check_word": words.check,
}
for _name, _word in _WORDS.items():
    bp.add_app_template_global(_word, _name)
bp.add_app_template_filter(words.check, "check_name")
bp.add_app_template_filter(words.duration, "duration")


def asked_filter() -> Filter:
    """Read the filter from the URL, or from a form that carries it on; nonsense is no filter."""
    reason = None
    with suppress(ValueError):
        reason = Reason(request.values.get("reason", ""))
    return Filter(reason, request.values.get("council") or None)


def asked_place() -> Place | None:
    """Read where a page begins."""
    with suppress(ValueError, OverflowError):
        priority, at, entry_id = request.args.get("after", "").split("_")
        place = Place(int(priority), datetime.fromtimestamp(float(at), UTC), int(entry_id))
        if place.could_be():
            return place
    return None


@bp.app_template_filter("age")
def age(moment: datetime) -> str:
    """Say how long ago a moment was, roughly."""
    return words.duration(int((utcnow() - moment).total_seconds()))


@bp.app_template_filter("moment")
def moment(at: datetime) -> str:
    """Write a moment on the city's clock."""
    return times.written(at, Precision.INSTANT, web.settings().timezone)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Show one page of the queue; `?part=list` gives only the list, for a page already open."""
    wanted = asked_filter()
    with Session() as reading:
        cards, more = review_queue.page(reading, wanted, asked_place())
        lanes = review_queue.lanes(reading)
        councils = review_queue.councils(reading)
    part = request.args.get("part") == "list"
    return render_template(
        "moderation/_queue_list.html" if part else "moderation/queue.html",
        cards=[(card, _sentences(card)) for card in cards],
        lanes=lanes,
        waiting=sum(lane.waiting for lane in lanes),
        oldest=min((lane.oldest for lane in lanes), default=None),
        councils=councils,
        wanted=wanted,
        next_url=_url_of_next(wanted, more),
        undo=None if part else session.pop("undo", None),
    )


def _url_of_next(wanted: Filter, more: Place | None) -> str | None:
    if more is None:
        return None
    query: dict[str, Any] = wanted.as_query() | {"after": str(more)}
    return url_for(".index", **query)


def _sentences(card: review_queue.Card) -> list[dict[str, Any]]:
    return [
        {
            "severity": finding.severity.value,
            "sentence": explain(finding, card.text if finding.field == "text" else card.author),
        }
        for finding in card.findings
        if finding.severity.value != "info"
    ]
