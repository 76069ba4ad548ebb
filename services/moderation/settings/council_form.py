"""The form of a council: what was typed, read and tried, with a sentence for each wrong field."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from services.moderation.settings import admin_forms
from services.moderation.settings.admin_forms import FieldError
from shared.addresses import domains
from shared.i18n import gettext as _
from shared.models import Council, PreviewWhen
from shared.times import written_date

MAX_SLUG = 60
MAX_LINE = 120
MAX_INTRODUCTION = 5000
MAX_URL = 500
# Two working days, while nobody has said otherwise.
USUAL_WAIT_LIMIT_H = 48
_WAIT_LIMITS_H = range(1, 1001)
LANGUAGES = ("sv", "en", "no", "da", "fi")

MAX_HOSTS = 20
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# A star for all that stand below a name of at least two parts; a port where it is not the usual.
_HOST_PARTS = re.compile(r"(\*\.)?(.*?)(:[0-9]*)?")
_HOST = re.compile(rf"((\*\.)?{_LABEL}(\.{_LABEL})+|localhost)(:[1-9][0-9]{{0,4}})?", re.ASCII)
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about a council that an administrator decides, but its address."""

    title: str
    theme: str
    held_on: date | None
    held_label: str
    introduction: str
    summary_url: str | None
    language: str
    open_from: datetime | None
    open_until: datetime | None
    publishes_clear: bool
    wait_limit_h: int | None
    embed_hosts: str
    preview_when: PreviewWhen


NAMES = tuple(field.name for field in fields(Facts))


def facts_of(council: Council) -> Facts:
    """Return what stands."""
    return Facts(**{name: getattr(council, name) for name in NAMES})


def as_typed(facts: Facts, timezone: ZoneInfo) -> dict[str, str]:
    """Return facts as the form has them."""
    return {
        "title": facts.title,
        "theme": facts.theme,
        "held_on": facts.held_on.isoformat() if facts.held_on else "",
        "held_label": facts.held_label,
        "introduction": facts.introduction,
        "summary_url": facts.summary_url or "",
        "language": facts.language,
        "open_from": admin_forms.written_moment(facts.open_from, timezone),
        "open_until": admin_forms.written_moment(facts.open_until, timezone),
        "publishes_clear": "1" if facts.publishes_clear else "",
        "wait_limit_h": "" if facts.wait_limit_h is None else str(facts.wait_limit_h),
        "embed_hosts": facts.embed_hosts,
        "preview_when": facts.preview_when.value,
    }


def read_council_form(
    form: Mapping[str, str], timezone: ZoneInfo
) -> tuple[Facts | None, dict[str, str]]:
    """Return the facts, or None and a sentence for each field that cannot be used."""
    faults: dict[str, str] = {}

    def field(name: str, reader: Callable[[str], T], instead: T) -> T:
        try:
            return reader(form[name])
        except FieldError as error:
            faults[name] = error.sentence
            return instead

    held_on = field("held_on", admin_forms.read_day, None)
    facts = Facts(
        title=field("title", lambda v: _line(v, _("Skriv vad rådet heter.")), ""),
        theme=field("theme", lambda v: _line(v, _("Skriv vad rådet handlar om.")), ""),
        held_on=held_on,
        held_label=field("held_label", lambda v: _held_label(v, form["held_on"], held_on), ""),
        introduction=field(
            "introduction",
            lambda v: admin_forms.read_needed(
                v, MAX_INTRODUCTION, _("Skriv några rader om rådet. De står överst på dess sida.")
            ),
            "",
        ),
        summary_url=field("summary_url", _web_address, None),
        language=field("language", _language, LANGUAGES[0]),
        open_from=field("open_from", lambda v: admin_forms.read_moment(v, timezone), None),
        open_until=field("open_until", lambda v: admin_forms.read_moment(v, timezone), None),
        publishes_clear=form["publishes_clear"] == "1",
        wait_limit_h=field("wait_limit_h", _hours, None),
        embed_hosts=field("embed_hosts", _hosts, ""),
        preview_when=field("preview_when", _preview_when, PreviewWhen.ASKED),
    )
    if facts.open_from and facts.open_until and facts.open_from >= facts.open_until:
        faults["open_until"] = _("Rådet stänger innan det öppnar.")
    return (None if faults else facts), faults


def read_slug(value: str, title: str) -> str:
    """Return the council's part of its address; made from its title where nothing was typed.

    Raises FieldError.
    """
    found = value.lower() or _slug_of(title)
    if not found or not _SLUG.fullmatch(found) or len(found) > MAX_SLUG:
        raise FieldError(
            _(
                "Skriv med små bokstäver a–z, siffror och bindestreck, till exempel"
                " miljo-och-klimat. Högst %(n)s tecken.",
                n=MAX_SLUG,
            )
        )
    return found


def _slug_of(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title.lower()).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:MAX_SLUG].strip("-")


def _line(value: str, missing: str) -> str:
    return admin_forms.read_needed(" ".join(value.split()), MAX_LINE, missing)


def _held_label(value: str, typed_day: str, held_on: date | None) -> str:
    if not value and held_on is not None:
        return written_date(held_on)
    if not value and typed_day:
        return ""  # the day was mistyped, and that is already said
    return _line(value, _("Skriv när rådet hålls, med dag eller med ord: hösten 2027."))


def _web_address(value: str) -> str | None:
    if not value:
        return None
    try:
        parts = urlsplit(admin_forms.at_most(value, MAX_URL))
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError as error:
        if isinstance(error, FieldError):
            raise
        usable = False
    if not usable or any(c.isspace() for c in value):
        raise FieldError(_("Skriv hela adressen, till exempel https://staden.example/radet."))
    return value


def _hours(value: str) -> int | None:
    if not value:
        return None
    hours = admin_forms.read_whole(value, 4)
    if hours not in _WAIT_LIMITS_H:
        raise FieldError(_("Skriv ett helt antal timmar, 1 till 1000, eller lämna fältet tomt."))
    return hours


def _hosts(value: str) -> str:
    """Return hosts as they stand in a header: one a line, each once, in small letters and ASCII."""
    found: list[str] = []
    for typed in re.split(r"[\s,;]+", value.lower()):
        host = re.sub(r"^https?://|/.*$", "", typed)
        every, name, port = _HOST_PARTS.fullmatch(host).groups("")  # type: ignore[union-attr]
        try:
            plain = every + (name if name.isascii() else domains.ascii_of(name)) + port
        except domains.BadDomainError:
            plain = ""
        if typed and (not _HOST.fullmatch(plain) or len(plain) > MAX_LINE):
            raise FieldError(_("Skriv en värd på varje rad, till exempel www.exempel.se."))
        if plain and plain not in found:
            found.append(plain)
    if len(found) > MAX_HOSTS:
        raise FieldError(_("Högst %(n)s värdar.", n=MAX_HOSTS))
    return "\n".join(found)


def _preview_when(value: str) -> PreviewWhen:
    """Return what was chosen; a page from before there was a choice has none."""
    try:
        return PreviewWhen(value or PreviewWhen.ASKED)
    except ValueError:
        raise FieldError(_("Välj när idén visas innan den skickas.")) from None


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise FieldError(_("Välj ett språk."))
    return value
