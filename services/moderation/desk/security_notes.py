"""What the desk writes into the security log: of the running request, who, what and from where.

What is done is written in the transaction that does it. A refusal changes nothing, so it is written
when its answer leaves; and should that fail, the refusal stands.
"""

import logging

from flask import g, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import security_log
from shared import web
from shared.addresses import places
from shared.db import Session
from shared.models import SecurityKind

log = logging.getLogger(__name__)


def note_event(writing: SqlSession, kind: SecurityKind, email: str) -> None:
    """Write down what the running request does, or tries, at the account with this address."""
    place = places.place_of(request.remote_addr)
    security_log.record_event(writing, web.get_settings(), kind, email=email, place=place)


def name_refusal(kind: SecurityKind) -> None:
    """Say why the running request is refused."""
    g.refused_for = kind


def take_refusal(status: int) -> SecurityKind | None:
    """Return why the running request was refused, if it was; what nobody named was not allowed."""
    named: SecurityKind | None = g.pop("refused_for", None)
    return named or (SecurityKind.FORBIDDEN if status == 403 else None)


def note_refusal(kind: SecurityKind, email: str) -> None:
    """Write down that the running request was refused."""
    try:
        with Session.begin() as writing:
            note_event(writing, kind, email)
    except SQLAlchemyError as error:
        log.warning("a refusal could not be written down", exc_info=error)
