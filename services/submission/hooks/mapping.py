"""From the keys of a delivery to an idea, by a stored mapping or by what is obvious.

Pure functions: no table is asked here.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.submission.forms import FormError, IdeaForm, text_fault
from services.submission.hooks.bodies import fold_key
from shared.models import InboxFault, Precision
from shared.text import MAX_LENGTH, clean_text, fold_word, measure_length

# What may be chosen for a key besides the text.
SINGLE = ("author", "email", "date", "council", "delivery")
# The only texts that need no mapping, folded: å and ä are a, ö is o, and capitals are none.
_TEXT = "text"
_OBVIOUS = frozenset(map(fold_word, (_TEXT, "idé", "förslag", "meddelande", "message", "content")))
# What stands over a text, and is the first line of it.
_HEADINGS = frozenset(map(fold_word, ("title", "rubrik", "ämne", "subject")))
_OBVIOUS_BESIDES = {"author": {"author"}, "email": {"email", "epost"}, "council": {"council"}}
# A clock may be ahead of ours; what is older than this is no date of an idea.
_AHEAD = timedelta(minutes=5)
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


class UnmappableError(Exception):
    """No idea can be made of a delivery; holds why."""

    def __init__(self, fault: InboxFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Part:
    """A key whose text is a part of the idea's, and what stands before it there."""

    key: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Which key is what. Keys that are not named here stand in the original only."""

    text: tuple[Part, ...]
    author: str = ""
    email: str = ""
    date: str = ""
    council: str = ""
    # What tells one delivery from another.
    delivery: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "FieldMap":
        """Read what was stored."""
        parts = tuple(Part(**each) for each in stored["text"])
        return cls(parts, **{name: stored.get(name, "") for name in SINGLE})


@dataclass(frozen=True, slots=True)
class Draft:
    """The idea that a delivery would make; `left_out` names what could not be used of it.

    `council` is what the field says: an address or a title.
    """

    form: IdeaForm
    council: str = ""
    delivery: str = ""
    written_at: datetime | None = None
    precision: Precision = Precision.INSTANT
    left_out: Sequence[str] = field(default=())


def guess_map(fields: Mapping[str, str]) -> FieldMap:
    """Return the mapping of an obvious body. Raises UnmappableError for any other.

    Obvious is `text`, or one alone of the words that people call it by. One heading alone stands
    over it, unless the text begins with the same words.
    """
    said = {key: fold_word(key) for key, value in fields.items() if clean_text(value)}
    texts = [key for key, word in said.items() if word in _OBVIOUS]
    plain = [key for key in texts if said[key] == _TEXT]
    if not texts:
        raise UnmappableError(InboxFault.NO_TEXT)
    chosen = plain or texts
    if len(chosen) > 1:
        raise UnmappableError(InboxFault.SEVERAL_TEXTS)
    besides = {
        name: next((key for key, word in said.items() if word in words), "")
        for name, words in _OBVIOUS_BESIDES.items()
    }
    over = [key for key, word in said.items() if word in _HEADINGS]
    if len(over) != 1 or clean_text(fields[chosen[0]]).startswith(clean_text(fields[over[0]])):
        over = []
    return FieldMap(tuple(map(Part, (*over, *chosen))), **besides)


def draft_idea(
    fields: Mapping[str, str], by: FieldMap, *, now: datetime, timezone: ZoneInfo
) -> Draft:
    """Make an idea of the keys of a delivery. Raises UnmappableError.

    A name, an address or a date that cannot be used is left out, for the words matter more.
    """
    known = _by_folded_key(fields)
    single = {name: clean_text(known.get(fold_key(getattr(by, name)), "")) for name in SINGLE}
    text = join_parts(known, by.text)
    if text_fault(text):
        raise UnmappableError(_fault_of(text))
    left_out = []
    wanted = {"text": text, "author": single["author"], "email": single["email"]}
    try:
        form = IdeaForm.checked(wanted)
    except FormError as error:
        left_out = sorted(error.errors)
        form = IdeaForm.checked(wanted | dict.fromkeys(left_out, ""))
    moment, precision = None, Precision.INSTANT
    if single["date"]:
        moment, precision = read_date(single["date"], timezone)
        if moment is None or not _OLDEST <= moment <= now + _AHEAD:
            moment, precision = None, Precision.INSTANT
            left_out.append("date")
    return Draft(form, single["council"], single["delivery"], moment, precision, tuple(left_out))


def _by_folded_key(fields: Mapping[str, str]) -> dict[str, str]:
    """Return texts by keys as they are compared; of two that are one then, both texts."""
    known: dict[str, str] = {}
    for key, value in fields.items():
        folded = fold_key(key)
        known[folded] = ", ".join(filter(None, (known.get(folded), value)))
    return known


def join_parts(known: Mapping[str, str], parts: Sequence[Part]) -> str:
    """Return the texts of some keys as one, each after its label; `known` has folded keys."""
    found = []
    for part in parts:
        value = clean_text(known.get(fold_key(part.key), ""))
        if value:
            found.append(f"{part.label}: {value}" if part.label else value)
    return clean_text("\n\n".join(found))


def read_date(raw: str, timezone: ZoneInfo) -> tuple[datetime | None, Precision]:
    """Read a moment or a day as ISO 8601 has them; a moment without an offset is on city time."""
    raw = unicodedata.normalize("NFKC", raw)
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        return None, Precision.INSTANT
    is_day = len(raw) <= len("2026-01-31")
    if is_day:
        moment = datetime.combine(moment.date(), time(12), timezone)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone)
    try:
        return moment.astimezone(UTC), Precision.DAY if is_day else Precision.INSTANT
    except (OverflowError, ValueError):
        return None, Precision.INSTANT


def _fault_of(text: str) -> InboxFault:
    if not text:
        return InboxFault.NO_TEXT
    return InboxFault.TOO_LONG if measure_length(text) > MAX_LENGTH else InboxFault.TOO_SHORT
