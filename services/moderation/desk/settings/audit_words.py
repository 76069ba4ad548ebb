"""The log of changes in plain sentences: what was done, to what, and which fields differ."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from babel.numbers import format_percent
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import words
from services.moderation.desk.settings import word_list_words
from shared import check_words, i18n
from shared.i18n import gettext as _
from shared.models import (
    AnswerTemplate,
    AuditEntry,
    Council,
    Precision,
    Role,
    Rule,
    Staff,
    Webhook,
)
from shared.times import written, written_date

# One for each action that is recorded anywhere; a test looks for those that are missing.
SENTENCES: Mapping[str, Callable[[], str]] = {
    "address.revived": lambda: _("Lät brev gå till %(what)s igen."),
    "answer_template.created": lambda: _("Skrev svarsmallen %(what)s."),
    "answer_template.changed": lambda: _("Ändrade svarsmallen %(what)s."),
    "answer_template.retired": lambda: _("Tog svarsmallen %(what)s ur bruk."),
    "answer_template.restored": lambda: _("Tog svarsmallen %(what)s i bruk igen."),
    "check.switched_on": lambda: _("Slog på kontrollen %(what)s."),
    "check.switched_off": lambda: _("Slog av kontrollen %(what)s."),
    "council.created": lambda: _("Skapade rådet %(what)s."),
    "council.changed": lambda: _("Ändrade rådet %(what)s."),
    "duty.cover_added": lambda: _("Lade in frånvaro från jouren för %(what)s."),
    "duty.cover_removed": lambda: _("Tog bort frånvaro från jouren för %(what)s."),
    "duty.shift_added": lambda: _("Gav %(what)s jour."),
    "duty.shift_removed": lambda: _("Tog bort jour för %(what)s."),
    "jobs.replayed": lambda: _("Lät jobb göras om: %(what)s."),
    "letters.resent": lambda: _("Skickade brev igen som inte hade gått fram."),
    "letters.released": lambda: _("Lät brev gå som hölls kvar."),
    "rule.worded": lambda: _("Skrev en ny lydelse av regeln %(what)s."),
    "sampling.share_changed": lambda: _("Ändrade hur stor del av besluten som prövas av en till."),
    "sign_in.second_factor_required": lambda: _("Ändrade vilka som måste logga in i två steg."),
    "spam_model.activated": lambda: _("Tog skräpmodellens version %(what)s i bruk."),
    "supervision.done": lambda: _("Tittade igenom kön och det publicerade %(what)s."),
    "subscription.changed": lambda: _("Ändrade vilka brev om kön %(what)s får."),
    "staff.invited": lambda: _("Bjöd in en person."),
    "staff.changed": lambda: _("Ändrade kontot för %(what)s."),
    "staff.role_changed": lambda: _("Ändrade vad %(what)s får göra."),
    "staff.disabled": lambda: _("Stängde kontot för %(what)s."),
    "staff.enabled": lambda: _("Öppnade kontot för %(what)s igen."),
    "staff.signed_out": lambda: _("Loggade ut %(what)s överallt."),
    "staff.invitation_withdrawn": lambda: _("Drog tillbaka en inbjudan."),
    "staff.joined": lambda: _("Skapade sitt konto av en inbjudan: %(what)s."),
    "staff.from_directory": lambda: _("Kontot för %(what)s skapades vid inloggning från staden."),
    "staff.password_changed": lambda: _("Bytte sitt lösenord."),
    "staff.recovery_codes_renewed": lambda: _("Tog nya reservkoder."),
    "staff.second_factor_added": lambda: _("Lade till ett andra steg i sin inloggning."),
    "staff.second_factor_removed": lambda: _("Tog bort andra steget i sin inloggning."),
    "staff.password_reset": lambda: _("Gav %(what)s en länk till ett nytt lösenord."),
    "staff.second_factor_reset": lambda: _(
        "Tog bort det andra steget vid inloggning för %(what)s."
    ),
    "webhook.created": lambda: _("Skapade kopplingen %(what)s."),
    "webhook.changed": lambda: _("Ändrade kopplingen %(what)s."),
    "webhook.address_changed": lambda: _("Ändrade adressen för kopplingen %(what)s."),
    "webhook.paused": lambda: _("Pausade kopplingen %(what)s."),
    "webhook.turned_on": lambda: _("Satte på kopplingen %(what)s."),
    "webhook.secret_changed": lambda: _("Bytte hemlighet för kopplingen %(what)s."),
    "webhook.secret_shown": lambda: _("Tog fram hemligheten för kopplingen %(what)s."),
    "webhook.sent_again": lambda: _("Lät kopplingen %(what)s skicka igen."),
    "webhook.removed": lambda: _("Tog bort kopplingen %(what)s."),
    "word.added": lambda: _("Lade till %(what)s i en ordlista."),
    "word.removed": lambda: _("Tog bort %(what)s ur en ordlista."),
}

KINDS: Mapping[str, Callable[[], str]] = {
    "council": lambda: _("Råd"),
    "rule": lambda: _("Regler"),
    "answer_template": lambda: _("Svarsmallar"),
    "word": lambda: _("Ordlistor"),
    "check": lambda: _("Kontroller"),
    "spam_model": lambda: _("Skräpmodell"),
    "staff": lambda: _("Personal"),
    "sign_in": lambda: _("Inloggning"),
    "sampling": lambda: _("Stickprov"),
    "duty": lambda: _("Jour"),
    "jobs": lambda: _("Jobb"),
    "idea": lambda: _("Idéer"),
    "letters": lambda: _("Brev"),
    "supervision": lambda: _("Tillsyn"),
    "webhook": lambda: _("Kopplingar"),
}

# In the order in which they are shown.
_FIELDS: Mapping[str, Callable[[], str]] = {
    "title": lambda: _("Rubrik"),
    "daily": lambda: _("Brev om kön"),
    "rhythm": lambda: _("Hur ofta"),
    "hour": lambda: _("Klockslag"),
    "weekday": lambda: _("Dag"),
    "begins": lambda: _("Börjar"),
    "ends": lambda: _("Slutar"),
    "first_day": lambda: _("Första dagen"),
    "last_day": lambda: _("Sista dagen"),
    "cover_id": lambda: _("Ersättare"),
    "until_hour": lambda: _("Till klockan"),
    "every_hours": lambda: _("Timmar emellan"),
    "weekdays": lambda: _("Dagar"),
    "weekly_on": lambda: _("Veckodag"),
    "working_days_only": lambda: _("Bara arbetsdagar"),
    "council_ids": lambda: _("Råd"),
    "lanes": lambda: _("Delar av kön"),
    "calm_note": lambda: _("Brev om att allt är lugnt"),
    "term": lambda: _("Ord eller fras"),
    "theme": lambda: _("Tema"),
    "title_sv": lambda: _("Namn på svenska"),
    "text_sv": lambda: _("Lydelse på svenska"),
    "title_en": lambda: _("Namn på engelska"),
    "text_en": lambda: _("Lydelse på engelska"),
    "code": lambda: _("Kod"),
    "comment": lambda: _("Varför"),
    "events": lambda: _("Händelser"),
    "expires_on": lambda: _("Gäller till"),
    "held_label": lambda: _("När, med ord"),
    "held_on": lambda: _("Dag"),
    "host": lambda: _("Går till"),
    "shape": lambda: _("Ser ut som"),
    "state": lambda: _("Läge"),
    "council": lambda: _("Idéer från"),
    "in_force_from": lambda: _("Gäller från"),
    "introduction": lambda: _("Inledning"),
    "is_on": lambda: _("På"),
    "language": lambda: _("Språk"),
    "list": lambda: _("Lista"),
    "match": lambda: _("Hur det jämförs"),
    "number": lambda: _("Antal"),
    "open_from": lambda: _("Öppnar"),
    "open_until": lambda: _("Stänger"),
    "publishes_clear": lambda: _("Publicerar rena idéer själv"),
    "required_of": lambda: _("Krävs av"),
    "role": lambda: _("Roll"),
    "rule_code": lambda: _("Regel"),
    "share": lambda: _("Andel"),
    "summary_url": lambda: _("Länk till sammanställning"),
    "text": lambda: _("Text"),
    "version": lambda: _("Version"),
    "wait_limit_h": lambda: _("Längsta väntan, timmar"),
    "weight": lambda: _("Vikt"),
}


def _days_of_the_plan() -> list[str]:
    """Name the days of the duty plan: those of the week from Monday, and the eighth."""
    names = get_day_names("wide", locale=i18n.language())
    return [*(str(names[day]) for day in range(7)), _("röd dag")]


def _days_of_the_week() -> dict[str, str]:
    """Name the days of the week by their numbers (ISO 8601: Monday is 1)."""
    return {str(number): name for number, name in enumerate(_days_of_the_plan()[:7], 1)}


_CHOICES: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "language": lambda: word_list_words.said()["languages"],
    "list": lambda: word_list_words.said()["lists"],
    "match": lambda: word_list_words.said()["matches"],
    "weight": lambda: word_list_words.said()["weights"],
    "rhythm": lambda: {
        "daily": _("En gång om dagen"),
        "hours": _("Flera gånger om dagen"),
        "weekly": _("En gång i veckan"),
    },
    "role": lambda: {role.value: words.role(role) for role in Role},
    "rule_code": lambda: {"": _("alla regler")},
    "weekly_on": _days_of_the_week,
    "council": lambda: {"": _("alla råd")},
    "state": lambda: {"on": _("på"), "paused": _("pausad"), "off": _("avstängd")},
    "weekday": lambda: {str(n): name for n, name in enumerate(_days_of_the_plan())},
    "required_of": lambda: {
        "nobody": _("ingen"),
        "admins": _("administratörer"),
        "all": _("alla"),
    },
}
_MOMENTS = frozenset({"open_from", "open_until", "in_force_from"})
_DAYS = frozenset({"held_on", "expires_on", "first_day", "last_day"})
_SWITCHES = frozenset({"publishes_clear", "is_on", "daily", "working_days_only", "calm_note"})


def kind(of: str) -> str:
    """Say what sort of thing was changed; one that is not known here keeps its own name."""
    return KINDS[of]() if of in KINDS else of


def field(name: str) -> str:
    """Say what a field is called; one that is not known here keeps its own name."""
    return _FIELDS[name]() if name in _FIELDS else name


def value(name: str, of: Any, timezone: ZoneInfo | None = None) -> str:
    """Say what a field holds, as people write it; a dash for nothing."""
    if name in _SWITCHES:
        return _("ja") if of and of != "0" else _("nej")
    chosen = _CHOICES[name]().get("" if of is None else str(of)) if name in _CHOICES else None
    if chosen or of is None or of == "":
        return chosen or "–"
    said = str(of)
    # What an older version recorded in another way is shown as it is.
    with suppress(TypeError, ValueError):
        if name in _DAYS:
            said = written_date(date.fromisoformat(of))
        elif name in _MOMENTS and timezone is not None:
            said = written(datetime.fromisoformat(of), Precision.INSTANT, timezone)
        elif name in _MOMENTS:
            said = said.replace("T", " ")
        elif name == "weekdays":
            names = _days_of_the_week()
            said = ", ".join(names.get(day, day) for day in said.split(","))
        elif name == "share":
            said = format_percent(of, "#,##0.#\u00a0%", locale=i18n.language())
    return said


@dataclass(frozen=True, slots=True)
class Field:
    """One field as it was and as it became; for something new there is no `was`."""

    label: str
    was: str
    became: str


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the log, ready to be read."""

    who: str
    at: datetime
    sentence: str
    is_new: bool
    fields: list[Field]


def lines(
    session: SqlSession, found: Sequence[tuple[AuditEntry, str]], timezone: ZoneInfo
) -> list[Line]:
    """Say a page of entries in words. Asks at most four questions, however many entries."""
    called = _names(session, [entry for entry, _who in found])
    return [
        Line(
            who=who,
            at=entry.at,
            sentence=_sentence(entry, called),
            is_new=not entry.before,
            fields=_fields(entry, called, timezone),
        )
        for entry, who in found
    ]


def _sentence(entry: AuditEntry, called: Mapping[tuple[str, str], str]) -> str:
    subject = (entry.subject_kind, entry.subject_id)
    what = called.get(subject) or _own_name(entry)
    if entry.action not in SENTENCES:
        return f"{entry.action}: {what}"
    sentence = SENTENCES[entry.action]()
    return sentence.replace("%(what)s", what)


def _own_name(entry: AuditEntry) -> str:
    """Return what the entry itself says that its subject is called."""
    if entry.subject_kind == "check":
        return check_words.check(entry.subject_id)
    if entry.subject_id == "all":
        return _("alla")
    if entry.subject_kind == "supervision":
        return written_date(date.fromisoformat(entry.subject_id))
    known = {**entry.before, **entry.after}
    return str(known.get("term") or known.get("title") or entry.subject_id)


def _fields(
    entry: AuditEntry, called: Mapping[tuple[str, str], str], timezone: ZoneInfo
) -> list[Field]:
    def said(name: str, of: Any) -> str:
        subject = {"rule_code": "rule", "cover_id": "staff"}.get(name)
        return called.get((subject, str(of)) if subject else ("", "")) or value(name, of, timezone)

    names = [*entry.after, *(name for name in entry.before if name not in entry.after)]
    known = [name for name in _FIELDS if name in names]
    return [
        Field(field(name), said(name, entry.before.get(name)), said(name, entry.after.get(name)))
        for name in [*known, *(name for name in names if name not in _FIELDS)]
    ]


def _names(session: SqlSession, entries: Sequence[AuditEntry]) -> dict[tuple[str, str], str]:
    """Return what councils, rules, templates and people are called today."""
    ids: dict[str, set[str]] = {}
    for entry in entries:
        ids.setdefault(entry.subject_kind, set()).add(entry.subject_id)
    called: dict[tuple[str, str], str] = {}
    if slugs := ids.get("council"):
        rows = session.execute(select(Council.slug, Council.title).where(Council.slug.in_(slugs)))
        called |= {("council", slug): title for slug, title in rows}
    if ids.keys() & {"rule", "answer_template"}:
        # A rule has few versions; the newest comes last and stands.
        titles = session.execute(
            select(Rule.code, Rule.title_sv, Rule.title_en).order_by(Rule.code, Rule.version)
        )
        here = i18n.language()
        called |= {
            ("rule", code): i18n.pick_language(here, swedish=sv, english=en)
            for code, sv, en in titles
        }
    if numbers := {each for each in ids.get("answer_template", ()) if each.isdecimal()}:
        templates = session.execute(
            select(AnswerTemplate.id, AnswerTemplate.title).where(
                AnswerTemplate.id.in_(map(int, numbers))
            )
        )
        called |= {("answer_template", str(each)): title for each, title in templates}
    if hooks := {each for each in map(_uuid, ids.get("webhook", ())) if each}:
        found = session.execute(select(Webhook.id, Webhook.title).where(Webhook.id.in_(hooks)))
        called |= {("webhook", str(each)): title for each, title in found}
    named = [*ids.get("staff", ()), *ids.get("duty", ()), *_substitutes(entries)]
    if people := {each for each in map(_uuid, named) if each}:
        staff = session.execute(
            select(Staff.id, Staff.name, Staff.email).where(Staff.id.in_(people))
        )
        for each, name, email in staff:
            called["staff", str(each)] = called["duty", str(each)] = name or email
    return called


def _substitutes(entries: Sequence[AuditEntry]) -> list[str]:
    every = [{**entry.before, **entry.after}.get("cover_id") for entry in entries]
    return [str(each) for each in every if each]


def _uuid(raw: str) -> UUID | None:
    try:
        return UUID(raw)
    except ValueError:
        return None
