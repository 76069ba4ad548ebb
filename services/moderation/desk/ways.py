"""The ways ideas come, as one choice for the queue and the search: by what, and by whom entered.

A way is a word in the address of a page: a source (`form`, `hook`, …), the channel of what staff
entered (`phone`, `meeting`, …), or one form of another tool (`hook-kontakt-pa-webben`).
"""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.desk import loans
from shared.i18n import gettext as _
from shared.models import Channel, FormSource, Idea, InboxItem, Slip, Source

_OF_FORM = "hook-"
_FORM = re.compile(r"hook-([a-z0-9]+(?:-[a-z0-9]+)*)")
_LONGEST = 200


def read_way(typed: str) -> str | None:
    """Return a way as it is written; None for what cannot be one, whichever forms there are."""
    is_known = typed in {*Source, *Channel} or _FORM.fullmatch(typed) is not None
    return typed if is_known and len(typed) <= _LONGEST else None


def select_forms() -> ScalarSelect[Any]:
    """Ask, as one value, for slug and title of each form of another tool, by title."""
    pair = func.jsonb_build_array(FormSource.slug, FormSource.title)
    in_turn = aggregate_order_by(pair, FormSource.title, FormSource.id)
    return select(func.jsonb_agg(in_turn)).scalar_subquery()


def list_forms(session: SqlSession) -> list[tuple[str, str]]:
    """Return slug and title of each form of another tool, by title."""
    return [(slug, title) for slug, title in session.scalar(select(select_forms())) or []]


def find_way(session: SqlSession, typed: str) -> str | None:
    """Return a way as it is written; None for what is none, as a form that is not there."""
    way = read_way(typed)
    if way is None or not way.startswith(_OF_FORM):
        return way
    return way if way.removeprefix(_OF_FORM) in dict(list_forms(session)) else None


def name_ways(forms: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Name every way there is: the sources, the forms of other tools, the channels."""
    name_channel = loans.find_loans().name_channel
    return [
        (Source.FORM.value, _("Formuläret här")),
        (Source.HOOK.value, _("Formulär i andra verktyg")),
        *((f"{_OF_FORM}{slug}", _("Formulär: %(title)s", title=title)) for slug, title in forms),
        (Source.API.value, _("Andra system (API)")),
        (Source.IMPORT.value, _("Gamla sidor")),
        (Source.STAFF.value, _("Inskrivet av personal")),
        *(
            (each.value, _("Inskrivet: %(how)s", how=name_channel(each).lower()))
            for each in Channel
        ),
    ]


def came_by(way: str, idea_id: Any, *outside: Any) -> ColumnElement[bool]:
    """Return the condition that an idea came this way, by its id in a table `outside`.

    Each idea is looked up by its key: nobody can guess how many came some way, and on a wrong guess
    all of them would be read for a page.
    """
    if way in set(Channel):
        channel = select(Slip.channel).where(Slip.idea_id == idea_id)
        return channel.correlate(*outside).scalar_subquery() == Channel(way)
    if way in set(Source):
        idea = aliased(Idea)
        source = select(idea.source).where(idea.id == idea_id)
        return source.correlate(*outside).scalar_subquery() == Source(way)
    form = select(FormSource.slug).join(InboxItem, InboxItem.source_id == FormSource.id)
    slug = form.where(InboxItem.idea_id == idea_id).limit(1)
    return slug.correlate(*outside).scalar_subquery() == way.removeprefix(_OF_FORM)


def find_source(way: str) -> Source:
    """Return the source of all that came some way."""
    if way in set(Source):
        return Source(way)
    return Source.STAFF if way in set(Channel) else Source.HOOK
