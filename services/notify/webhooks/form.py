"""The form of an endpoint: what was typed, with a sentence for each field that cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.notify.webhooks.addresses import Allowed, BadAddressError, Target, read_address
from shared import text
from shared.delivery import hooks
from shared.i18n import LANGUAGES
from shared.i18n import gettext as _
from shared.models import WebhookShape

MAX_TITLE = 80
NAMES = ("title", "url", "shape", "language", "council")


@dataclass(frozen=True, slots=True)
class Draft:
    """What an administrator decides about an endpoint; no target means the one that stands."""

    title: str
    target: Target | None
    shape: WebhookShape
    language: str
    events: tuple[str, ...]
    council_id: int | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be chosen, and whether an address must be typed."""

    councils: Mapping[str, int]
    allowed: Allowed
    needs_address: bool


def read_typed(form: Mapping[str, str]) -> dict[str, str]:
    """Return the fields as they can be stored: trimmed, with one kind of line break."""
    return {name: text.clean_text(form.get(name, "")) for name in NAMES}


def read_draft(
    form: Mapping[str, str], events: Sequence[str], choices: Choices
) -> tuple[Draft | None, dict[str, str]]:
    """Return the draft, or None and a sentence for each field that cannot be used."""
    faults: dict[str, str] = {}
    title = " ".join(form["title"].split())
    if not title:
        faults["title"] = _("Skriv vad kopplingen heter, så att den är lätt att känna igen.")
    elif len(title) > MAX_TITLE:
        faults["title"] = _("Högst %(n)s tecken.", n=MAX_TITLE)
    target = _target(form["url"], choices, faults)
    wanted = tuple(name for name in hooks.NAMES.values() if name in events)
    if not wanted:
        faults["events"] = _("Välj minst en sorts händelse.")
    if form["shape"] not in set(WebhookShape):
        faults["shape"] = _("Välj hur meddelandena ska se ut.")
    if form["language"] not in LANGUAGES:
        faults["language"] = _("Välj ett språk.")
    if form["council"] and form["council"] not in choices.councils:
        faults["council"] = _("Välj ett råd.")
    if faults:
        return None, faults
    shape, council = WebhookShape(form["shape"]), choices.councils.get(form["council"])
    return Draft(title, target, shape, form["language"], wanted, council), {}


def _target(raw: str, choices: Choices, faults: dict[str, str]) -> Target | None:
    if not raw and not choices.needs_address:
        return None
    try:
        return read_address(raw, choices.allowed)
    except BadAddressError as error:
        faults["url"] = _sentence(error.code)
        return None


def _sentence(code: str) -> str:
    known = {
        "https": _(
            "Adressen måste börja med https://. Vanlig http går bara till det som står i "
            "inställningen RADSLAG_WEBHOOK_PRIVATE."
        ),
        "userinfo": _("Adressen får inte innehålla användarnamn eller lösenord."),
        "host": _("Namnet på datorn i adressen går inte att använda. Kontrollera stavningen."),
        "private": _(
            "Adressen leder till ett inre nät. Den som sköter driften kan öppna för den i "
            "inställningen RADSLAG_WEBHOOK_PRIVATE."
        ),
    }
    return known.get(code, _("Skriv hela adressen, som https://exempel.se/mottagare."))
