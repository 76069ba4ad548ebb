"""The queue: what waits, the most urgent first."""

import enum
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.language import LANGUAGES
from services.moderation.desk import access, loans, undo_offer, ways, words
from services.moderation.desk.queue import (
    asleep,
    queue_counts,
    queue_words,
    review_queue,
)
from services.moderation.desk.queue.live_views import say_lookers
from services.moderation.desk.queue.queue_filter import (
    AGES,
    MAX_SEARCH,
    OTHER_LANGUAGE,
    OWN_LANGUAGE,
    Filter,
    Place,
)
from services.moderation.desk.queue.review_queue import Card
from services.moderation.settings import councils
from shared import check_words, i18n, times, web
from shared.clock import utcnow
from shared.db import Session
from shared.lanes import Lane, name_lane, name_reason
from shared.models import Precision, Reason, Role

bp = Blueprint("queue", __name__)
bp.before_request(access.make_guard(Role.READER))
_WORDS: dict[str, Callable[..., object]] = {
    "reason_word": name_reason,
    "status_word": words.say_status,
    "status_name": words.status_name,
    "outcome_word": words.say_outcome,
    "decision_word": words.say_decision,
    "role_word": words.say_role,
    "lane_word": name_lane,
    "lane_hint": queue_words.lane_hint,
    "count_word": queue_words.write_count,
    "alike_word": queue_words.say_alike,
    "decide_about_all": queue_words.decide_about_all,
    "looking_word": say_lookers,
    "when_word": queue_words.say_wait,
    "unchecked_word": queue_words.say_unchecked,
}
for _name, _word in _WORDS.items():
    bp.add_app_template_global(_word, _name)
bp.add_app_template_global(queue_words.list_causes, "causes_of")
bp.add_app_template_filter(check_words.name_check, "check_name")
bp.add_app_template_filter(words.say_duration, "duration")

_NUMBER = re.compile(r"r-\d{4}-\d{6,}", re.IGNORECASE)
# What the check can name, by letters alone or by words, and a city is likely to meet.
_LANGUAGES = sorted(
    {code for codes in LANGUAGES.values() for code in codes.values()}
    | {"am", "el", "he", "hi", "ja", "ko", "ku", "ta", "th", "ti", "zh"}
)

Kind = TypeVar("Kind", bound=enum.StrEnum)


def _one_of(kind: type[Kind], name: str) -> Kind | None:
    with suppress(ValueError):
        return kind(request.values.get(name, ""))
    return None


def _squeeze(written: str) -> str:
    return " ".join(written.split())


def asked_filter() -> Filter:
    """Read the filter from the URL, or from a form that carries it on; nonsense is no filter."""
    language = request.values.get("language")
    age = request.values.get("age", "")
    return Filter(
        lane=_one_of(Lane, "lane"),
        reason=_one_of(Reason, "reason"),
        council=request.values.get("council") or None,
        language=language if language in {OWN_LANGUAGE, OTHER_LANGUAGE, *_LANGUAGES} else None,
        way=ways.read_way(request.values.get("way", "")),
        age=next((days for days in AGES if str(days) == age), None),
        q=_squeeze(request.values.get("q", ""))[:MAX_SEARCH] or None,
        mine=access.get_signed_in().id if request.values.get("mine") else None,
    )


def asked_place() -> Place | None:
    """Read where a page begins."""
    with suppress(ValueError, OverflowError):
        priority, at, entry_id = request.args.get("after", "").split("_")
        place = Place(int(priority), datetime.fromtimestamp(float(at), UTC), int(entry_id))
        if place.could_be():
            return place
    return None


@bp.app_template_filter("age")
def say_age(moment: datetime) -> str:
    """Say how long ago a moment was, roughly."""
    return words.say_duration(int((utcnow() - moment).total_seconds()))


@bp.app_template_filter("moment")
def write_moment(at: datetime) -> str:
    """Write a moment on the city's clock."""
    return times.write_moment(at, Precision.INSTANT, web.get_settings().timezone)


@bp.app_template_filter("short_day")
def write_short_day(at: datetime) -> str:
    """Write the day of a moment that is near, on the city's clock: "8 dec."."""
    return times.write_short_day(at, web.get_settings().timezone)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Show one page of the queue; `?part=list` gives only the list, for a page already open.

    A search for the number of an idea leads to the idea; `?reason=writer` to what waits for its
    writer.
    """
    wanted = asked_filter()
    if request.args.get("reason") == asleep.WRITER:
        return _show_asleep(wanted)
    if wanted.q and _NUMBER.fullmatch(wanted.q):
        query: dict[str, Any] = wanted.but(q=None) | {"number": wanted.q.upper()}
        return redirect(url_for("ideas.show", **query), 303)
    return show_queue(wanted)


def show_queue(wanted: Filter) -> str:
    """Show what is wanted of the queue, also in answer to a form that could not be taken."""
    part = request.args.get("part") == "list"
    with Session() as reading:
        around = {} if part else _around(reading, wanted)
        way = wanted.way
        if way and not (way in dict(around["ways"]) if around else ways.find_way(reading, way)):
            # What the list is narrowed by is what the choice above it shows.
            wanted = replace(wanted, way=None)
        cards, more = review_queue.read_queue_page(
            reading, wanted, asked_place(), access.get_signed_in().id
        )
        has_any = bool(cards) or councils.has_council(reading)
    return render_template(
        "moderation/queue/_queue_list.html" if part else "moderation/queue/queue.html",
        cards=[(card, _sentences(card)) for card in cards],
        has_any_council=has_any,
        has_councils=len({card.council for card in cards}) > 1,
        wanted=wanted,
        wave=queue_words.WAVE,
        next_url=_url_of_next(wanted, more),
        may_decide=access.get_signed_in().role is not Role.READER,
        **around,
    )


def _show_asleep(wanted: Filter) -> ResponseReturnValue:
    days = web.get_settings().correction_days
    with Session() as reading:
        sleeping, is_more = asleep.list_asleep(reading, days, wanted.council)
    return render_template(
        "moderation/queue/asleep.html", asleep=sleeping, is_more=is_more, wanted=wanted
    )


def _around(reading: SqlSession, wanted: Filter) -> dict[str, Any]:
    around = queue_counts.count_around(reading, wanted.council, access.get_signed_in().id)
    lanes = around.lanes
    here = lanes[wanted.lane] if wanted.lane else queue_counts.add_lanes(list(lanes.values()))
    named = i18n.get_locale().languages
    return {
        "lanes": lanes,
        "everything": queue_counts.add_lanes(list(lanes.values())),
        "here": here,
        "councils": around.councils,
        "found": _say_found(reading, wanted.q) if wanted.q else "",
        "reasons": [reason for reason in Reason if reason is not Reason.SAMPLE],
        "languages": sorted((named.get(code, code), code) for code in _LANGUAGES),
        "ways": ways.name_ways(around.forms),
        "ages": [(days, words.say_duration(days * 86400)) for days in AGES],
        "undo": undo_offer.take_offer(),
        "bulk": session.pop("bulk", None),
        "digest_line": loans.read_own_digest_line(),
        "saved_filters": around.filters,
        "save_as": request.values.get("save_as", ""),
    }


def _say_found(reading: SqlSession, looked_for: str) -> str:
    said = queue_words.say_found(queue_counts.count_found(reading, looked_for))
    # What was pasted is never cut without a word.
    is_cut = len(_squeeze(request.values.get("q", ""))) > MAX_SEARCH
    return f"{queue_words.say_cut()} {said}" if is_cut else said


def _url_of_next(wanted: Filter, more: Place | None) -> str | None:
    if more is None:
        return None
    query: dict[str, Any] = wanted.as_query() | {"after": str(more)}
    return url_for(".index", **query)


def _sentences(card: Card) -> list[dict[str, Any]]:
    return [
        {
            "severity": finding.severity.value,
            "sentence": explain_finding(
                finding, card.text if finding.field == "text" else card.author
            ),
        }
        for finding in card.findings
        if finding.severity.value != "info"
    ]
