"""What a person posts with an official answer, read and tried."""

from collections.abc import Mapping

from services.moderation.settings.admin_forms import BadFieldError
from shared.i18n import gettext as _
from shared.text import clean_text

MAX_TEXT = 4000
MAX_SIGNATURE = 80


def text_of(fields: Mapping[str, str]) -> str:
    """Read what the city answers. Raises BadFieldError when it says nothing, or too much."""
    text = clean_text(fields.get("official_text", ""))
    if not text or len(text) > MAX_TEXT:
        sentence = _("Skriv stadens svar, högst %(most)s tecken.", most=MAX_TEXT)
        raise BadFieldError("official_text", sentence)
    return text


def signature_of(fields: Mapping[str, str]) -> str:
    """Read who answers, one line; empty means the city itself. Raises BadFieldError."""
    signature = " ".join(clean_text(fields.get("signature", "")).split())
    if len(signature) > MAX_SIGNATURE:
        sentence = _("Avsändaren får ha högst %(most)s tecken.", most=MAX_SIGNATURE)
        raise BadFieldError("signature", sentence)
    return signature


def seen_of(fields: Mapping[str, str]) -> int:
    """Read which version the person saw; 0: none. Raises BadFieldError."""
    seen = fields.get("seen_answer", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 10):
        raise BadFieldError("seen_answer", _("Det framgår inte vilken version du har sett."))
    return int(seen)
