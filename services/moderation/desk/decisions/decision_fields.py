"""What a person or a program posts with a decision, read and tried."""

import re
from typing import Any

from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import rules
from services.moderation.settings.admin_forms import BadFieldError
from shared.i18n import gettext as _
from shared.models import DecisionKind

MAX_NOTE = 4000
MAX_REASON = 2000


def read_posted(given: object) -> dict[str, Any]:
    """Return the fields of a form or of parsed JSON; BadFieldError for anything but an object."""
    if not isinstance(given, dict):
        raise BadFieldError("body", _("Skicka ett JSON-objekt."))
    return given


def read_kind(fields: dict[str, Any]) -> DecisionKind:
    """Read what to decide."""
    try:
        return DecisionKind(fields.get("kind", ""))
    except ValueError:
        raise BadFieldError("kind", _("Det beslutet finns inte.")) from None


def seen_version(value: Any) -> int:
    """Read the version that the person saw."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}", str(value)):
        raise BadFieldError("seen_version", _("Det framgår inte vilken version du har sett."))
    return int(value)


def read_rule(session: SqlSession, fields: dict[str, Any]) -> str | None:
    """Read the code of a rule; nothing when none is chosen.

    `rules` are the wordings that stood on the page: one that came into force since has not been
    read, and is not what the person meant.
    """
    code = str(fields.get("rule") or "")
    offered = fields.get("rules")
    if code and isinstance(offered, str) and offered:
        standing = rules.find_rule_in_force(session, code)
        if standing is not None and str(standing.id) not in offered.split(","):
            raise BadFieldError(
                "rule", _("Regeln har fått en ny lydelse. Läs den och skicka igen.")
            )
    return code or None


def read_acknowledged(given: object) -> frozenset[str]:
    """Read the codes of the grave findings in spite of which a text shall become public."""
    if not isinstance(given, list) or not all(isinstance(code, str) for code in given):
        raise BadFieldError("acknowledged", _("Ange fynden som en lista med koder."))
    return frozenset(given)


def read_note(fields: dict[str, Any]) -> str | None:
    """Read the note for colleagues; nothing when it is empty."""
    written = str(fields.get("note") or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(written) > MAX_NOTE:
        raise BadFieldError("note", _("Anteckningen får ha högst %(most)s tecken.", most=MAX_NOTE))
    return written or None


def reason_text(fields: dict[str, Any]) -> str | None:
    """Read what the writer of a rejected idea is told beside the rule; nothing when it is empty."""
    written = str(fields.get("reason_text") or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(written) > MAX_REASON:
        most = MAX_REASON
        raise BadFieldError(
            "reason_text", _("Motiveringen får ha högst %(most)s tecken.", most=most)
        )
    return written or None
