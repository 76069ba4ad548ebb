"""The forms in which staff enter slips: what is said once for all of them, and each of them."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest

from werkzeug.datastructures import MultiDict

from services.submission.forms import FormError
from services.submission.slips import reading, splitting
from services.submission.slips.reading import DayError, Draft, ReadSlip
from services.submission.slips.splitting import UnjoinableError
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import Channel, Council

# More is entered in several turns: a page of them has to be looked through by a person.
MOST_SLIPS = 200
MOST_CHARACTERS = 40_000

COMMON = ("council", "channel", "day", "form_key")
# The fields that each slip has in a form of several, in the order of the slips.
ROW = ("slip_text", "slip_author", "slip_email", "slip_day", "slip_left_out")

Faults = dict[str, str]


@dataclass(frozen=True, slots=True)
class Common:
    """What is said once for all slips of a form, as it was typed."""

    council: str
    channel: str
    day: str
    form_key: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The same, as it can be used."""

    council: Council
    channel: Channel
    day: date


def new_form_key() -> str:
    """Return what makes a form safe to send twice."""
    return secrets.token_urlsafe(18)


def read_common(sent: MultiDict[str, str], today: date) -> Common:
    """Return what is said for all slips; a form without a key is sent for the first time."""
    return Common(
        sent.get("council", ""),
        sent.get("channel", ""),
        sent.get("day", today.isoformat()),
        sent.get("form_key", "") or new_form_key(),
    )


def choose_common(
    common: Common, councils: Mapping[str, Council], today: date
) -> tuple[Chosen | None, Faults]:
    """Return what was chosen for all slips, or a sentence for each field that cannot be used."""
    faults: Faults = {}
    council = councils.get(common.council)
    if council is None:
        faults["council"] = _("Välj ett råd.")
    try:
        channel = Channel(common.channel)
    except ValueError:
        channel = None
        faults["channel"] = _("Välj hur det kom.")
    try:
        day = reading.read_day(common.day, today)
    except DayError:
        day = None
        faults["day"] = reading.say_day_fault()
    if council is None or channel is None or day is None:
        return None, faults
    return Chosen(council, channel, day), {}


def say_closed_fault() -> str:
    """Say that a council took no ideas on a day."""
    return _("Rådet tog inte emot idéer den dagen.")


def read_drafts(sent: MultiDict[str, str]) -> list[Draft]:
    """Return the slips of a form of several, as they were typed."""
    columns = (sent.getlist(name) for name in ROW)
    return [
        Draft(text, author, email, day, left_out == "1")
        for text, author, email, day, left_out in zip_longest(*columns, fillvalue="")
    ]


def read_slips(
    drafts: Sequence[Draft], day: date, today: date
) -> tuple[list[tuple[int, ReadSlip]], Faults]:
    """Return the slips to enter, each with its place, and a sentence for each field at fault."""
    slips: list[tuple[int, ReadSlip]] = []
    faults: Faults = {}
    for place, draft in enumerate(drafts):
        if draft.left_out:
            continue
        try:
            slips.append((place, reading.read_slip(draft, day, today)))
        except FormError as error:
            faults |= {f"slip-{name}-{place}": said for name, said in error.errors.items()}
    return slips, faults


def say_too_much(drafts: Sequence[Draft]) -> str | None:
    """Say that these are more than fit on a page; None when they fit."""
    characters = sum(len(each.text) for each in drafts)
    if len(drafts) <= MOST_SLIPS and characters <= MOST_CHARACTERS:
        return None
    return _(
        "Det är för mycket på en gång: %(n)s idéer och %(characters)s tecken. Högst %(most)s idéer"
        " och %(most_characters)s tecken får plats. Dela upp det och ta en del i taget.",
        n=len(drafts),
        characters=characters,
        most=MOST_SLIPS,
        most_characters=MOST_CHARACTERS,
    )


def change_drafts(drafts: Sequence[Draft], act: str) -> tuple[list[Draft], str]:
    """Do what a button of one slip says (`join-3`), and return the slips and what was done.

    What is no such act, or is about no slip that is there, changes nothing.
    """
    name, _dash, number = act.partition("-")
    place = int(number) if number.isdecimal() and len(number) < 6 else -1
    kept = list(drafts)
    if not 0 <= place < len(kept):
        return kept, ""
    if name == "join" and place > 0:
        return _join(kept, place)
    if name == "part":
        return _part(kept, place)
    if name == "drop":
        said = _("Den tas inte med. Den står kvar här tills du har sparat.")
        return splitting.leave_out(kept, place, left_out=True), said
    if name == "keep":
        return splitting.leave_out(kept, place, left_out=False), _("Den tas med igen.")
    return kept, ""


def _join(drafts: list[Draft], place: int) -> tuple[list[Draft], str]:
    try:
        return splitting.join_with_before(drafts, place), _("De två är nu en.")
    except UnjoinableError:
        return drafts, _("De två har olika namn, adress eller dag. Gör dem lika först.")


def _part(drafts: list[Draft], place: int) -> tuple[list[Draft], str]:
    parted = splitting.part_slip(drafts, place)
    if (more := len(parted) - len(drafts)) < 1:
        return drafts, _("Sätt en radbrytning där den ska delas, och dela sedan.")
    return parted, ngettext("Den är nu %(n)s idé.", "Den är nu %(n)s idéer.", more + 1)
