"""The log of changes in plain sentences: what was done, to what, and which fields differ."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_percent
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import loans
from services.moderation.desk import words as desk_words
from services.moderation.desk.settings import word_list_words
from shared import check_words, i18n
from shared.change_words import ChangeWords
from shared.i18n import gettext as _
from shared.ids import read_uuid
from shared.models import (
    AnswerTemplate,
    AuditEntry,
    Council,
    Precision,
    Role,
    Rule,
    Staff,
)
from shared.times import write_moment, written_date


def _find_councils(session: SqlSession, slugs: set[str]) -> dict[str, str]:
    rows = session.execute(select(Council.slug, Council.title).where(Council.slug.in_(slugs)))
    return {row.slug: row.title for row in rows}


def _find_rules(session: SqlSession, _codes: set[str]) -> dict[str, str]:
    # A rule has few versions; the newest comes last and stands.
    titles = session.execute(
        select(Rule.code, Rule.title_sv, Rule.title_en).order_by(Rule.code, Rule.version)
    )
    here = i18n.get_language()
    return {code: i18n.pick_language(here, swedish=sv, english=en) for code, sv, en in titles}


def _find_templates(session: SqlSession, ids: set[str]) -> dict[str, str]:
    numbers = [int(each) for each in ids if each.isdecimal()]
    rows = session.execute(
        select(AnswerTemplate.id, AnswerTemplate.title).where(AnswerTemplate.id.in_(numbers))
    )
    return {str(each): title for each, title in rows}


def _find_people(session: SqlSession, ids: set[str]) -> dict[str, str]:
    known = [each for each in map(read_uuid, ids) if each]
    rows = session.execute(select(Staff.id, Staff.name, Staff.email).where(Staff.id.in_(known)))
    return {str(each): name or email for each, name, email in rows}


# The words of moderation's own changes; a test looks for those that are missing.
OWN = ChangeWords(
    sentences={
        "answer_template.created": lambda: _("Skrev svarsmallen %(what)s."),
        "answer_template.changed": lambda: _("Ändrade svarsmallen %(what)s."),
        "answer_template.retired": lambda: _("Tog svarsmallen %(what)s ur bruk."),
        "answer_template.restored": lambda: _("Tog svarsmallen %(what)s i bruk igen."),
        "check.switched_on": lambda: _("Slog på kontrollen %(what)s."),
        "check.switched_off": lambda: _("Stängde av kontrollen %(what)s."),
        "council.created": lambda: _("Skapade rådet %(what)s."),
        "council.changed": lambda: _("Ändrade rådet %(what)s."),
        "council.picture_set": lambda: _("Valde en bild för rådet %(what)s."),
        "council.picture_removed": lambda: _("Tog bort bilden för rådet %(what)s."),
        "face.changed": lambda: _("Ändrade stadens namn, kontakt eller färg."),
        "face.logo_set": lambda: _("Bytte logotyp."),
        "face.logo_removed": lambda: _("Tog bort logotypen."),
        "jobs.replayed": lambda: _("Lät jobb göras om: %(what)s."),
        "rule.worded": lambda: _("Skrev en ny lydelse av regeln %(what)s."),
        "rule.retired": lambda: _("Tog regeln %(what)s ur bruk."),
        "rule.confirmed": lambda: _("Bekräftade att reglerna är stadens."),
        "start.closed": lambda: _("Tog bort listan Kom igång."),
        "sampling.share_changed": lambda: _(
            "Ändrade hur stor del av besluten som prövas av en till."
        ),
        "search.by_address": lambda: _("Sökte bland idéerna på en skribents mejladress."),
        "sign_in.second_factor_required": lambda: _("Ändrade vilka som måste logga in i två steg."),
        "spam_model.activated": lambda: _("Tog skräpmodellens version %(what)s i bruk."),
        "supervision.done": lambda: _(
            "Gick igenom det som ska granskas och det publicerade %(what)s."
        ),
        "staff.invited": lambda: _("Bjöd in en person."),
        "staff.changed": lambda: _("Ändrade kontot för %(what)s."),
        "staff.role_changed": lambda: _("Ändrade vad %(what)s får göra."),
        "staff.disabled": lambda: _("Stängde kontot för %(what)s."),
        "staff.enabled": lambda: _("Öppnade kontot för %(what)s igen."),
        "staff.signed_out": lambda: _("Loggade ut %(what)s överallt."),
        "staff.invitation_withdrawn": lambda: _("Drog tillbaka en inbjudan."),
        "staff.joined": lambda: _("Skapade sitt konto via en inbjudan: %(what)s."),
        "staff.from_directory": lambda: _(
            "Kontot för %(what)s skapades vid inloggning från staden."
        ),
        "staff.directory_linked": lambda: _("Kopplade %(what)s till stadens inloggning."),
        "staff.directory_unlinked": lambda: _(
            "Tog bort kopplingen till stadens inloggning för %(what)s."
        ),
        "staff.passkey_added": lambda: _("Lade till en passnyckel."),
        "staff.passkey_removed": lambda: _("Tog bort en passnyckel."),
        "staff.password_changed": lambda: _("Bytte sitt lösenord."),
        "staff.recovery_codes_renewed": lambda: _("Tog nya reservkoder."),
        "staff.second_factor_added": lambda: _("Lade till ett andra steg i sin inloggning."),
        "staff.second_factor_removed": lambda: _("Tog bort andra steget i sin inloggning."),
        "staff.password_reset": lambda: _("Gav %(what)s en länk till ett nytt lösenord."),
        "staff.second_factor_reset": lambda: _(
            "Tog bort det andra steget vid inloggning för %(what)s."
        ),
        "words.destroyed": lambda: _("Gallrade invånares ord enligt beslutet %(what)s."),
        "word.added": lambda: _("Lade till %(what)s i en ordlista."),
        "word.removed": lambda: _("Tog bort %(what)s ur en ordlista."),
    },
    kinds={
        "council": lambda: _("Råd"),
        "rule": lambda: _("Regler"),
        "answer_template": lambda: _("Svarsmallar"),
        "word": lambda: _("Ordlistor"),
        "check": lambda: _("Kontroller"),
        "spam_model": lambda: _("Skräpmodell"),
        "staff": lambda: _("Personal"),
        "sign_in": lambda: _("Inloggning"),
        "sampling": lambda: _("Stickprov"),
        "jobs": lambda: _("Jobb"),
        "search": lambda: _("Sökning på adress"),
        "supervision": lambda: _("Tillsyn"),
        "start": lambda: _("Kom igång"),
        "face": lambda: _("Stadens ansikte"),
        "destruction": lambda: _("Gallring"),
    },
    fields={
        "title": lambda: _("Rubrik"),
        "term": lambda: _("Ord eller fras"),
        "theme": lambda: _("Tema"),
        "title_sv": lambda: _("Namn på svenska"),
        "text_sv": lambda: _("Lydelse på svenska"),
        "title_en": lambda: _("Namn på engelska"),
        "text_en": lambda: _("Lydelse på engelska"),
        "code": lambda: _("Kod"),
        "comment": lambda: _("Varför"),
        "expires_on": lambda: _("Gäller till"),
        "held_label": lambda: _("När, med ord"),
        "held_on": lambda: _("Dag"),
        "in_force_from": lambda: _("Gäller från"),
        "introduction": lambda: _("Inledning"),
        "is_on": lambda: _("På"),
        "language": lambda: _("Språk"),
        "list": lambda: _("Lista"),
        "match": lambda: _("Hur det jämförs"),
        "number": lambda: _("Antal"),
        "open_from": lambda: _("Öppnar"),
        "open_until": lambda: _("Stänger"),
        "publishes_clear": lambda: _("Publicerar idéer utan fynd innan någon har läst dem"),
        "required_of": lambda: _("Krävs av"),
        "role": lambda: _("Roll"),
        "rule_code": lambda: _("Regel"),
        "authority": lambda: _("Stadens namn"),
        "contact": lambda: _("Kontakt"),
        "colour": lambda: _("Färg"),
        "picture": lambda: _("Bild"),
        "picture_alt": lambda: _("Vad bilden visar"),
        "share": lambda: _("Andel"),
        "summary_url": lambda: _("Länk till sammanställning"),
        "text": lambda: _("Text"),
        "version": lambda: _("Version"),
        "wait_limit_h": lambda: _("Längsta väntan, timmar"),
        "embed_hosts": lambda: _("Sidor som får visa formuläret i en ram"),
        "preview_when": lambda: _("Idén visas innan den skickas"),
        "weight": lambda: _("Vikt"),
        "unlawful": lambda: _("Avslagna som olagliga, eller med hot"),
        "spam": lambda: _("Avslagna som skräp"),
        "rejected": lambda: _("Avslagna av andra skäl"),
        "withdrawn": lambda: _("Tillbakatagna"),
        "deliveries": lambda: _("Svar från formulär som lagts åt sidan"),
    },
    choices={
        "language": lambda: word_list_words.name_choices()["languages"],
        "list": lambda: word_list_words.name_choices()["lists"],
        "match": lambda: word_list_words.name_choices()["matches"],
        "weight": lambda: word_list_words.name_choices()["weights"],
        "role": lambda: {role.value: desk_words.say_role(role) for role in Role},
        "rule_code": lambda: {"": _("alla regler")},
        "preview_when": lambda: {
            "asked": _("bara när den som skriver ber om det"),
            "found": _("när kontrollerna säger något, eller något liknande finns"),
            "always": _("alltid"),
        },
        "required_of": lambda: {
            "nobody": _("ingen"),
            "admins": _("administratörer"),
            "all": _("alla"),
        },
    },
    moments=frozenset({"open_from", "open_until", "in_force_from"}),
    days=frozenset({"held_on", "expires_on"}),
    switches=frozenset({"publishes_clear", "is_on"}),
    shares=frozenset({"share"}),
    names={
        "council": _find_councils,
        "rule": _find_rules,
        "answer_template": _find_templates,
        "staff": _find_people,
    },
    named_as={"rule_code": "rule"},
)


def find_every_word() -> tuple[ChangeWords, ...]:
    """Return the words of moderation's changes and those that were lent to this desk."""
    return OWN, *loans.find_loans().change_words


def name_kinds() -> dict[str, str]:
    """Name each sort of thing that can be changed, for a filter."""
    return {kind: said() for words in find_every_word() for kind, said in words.kinds.items()}


def name_field(name: str, of: ChangeWords = OWN) -> str:
    """Say what a field is called; one that is not known here keeps its own name."""
    return of.fields[name]() if name in of.fields else name


def say_value(
    name: str, stored: Any, timezone: ZoneInfo | None = None, of: ChangeWords = OWN
) -> str:
    """Say what a field holds, as people write it; a dash for nothing."""
    if name in of.switches:
        return _("ja") if stored and stored != "0" else _("nej")
    chosen = of.say_choice(name, stored)
    if chosen or stored is None or stored == "":
        return chosen or "–"
    said = str(stored)
    # What an older version recorded in another way is shown as it is.
    with suppress(TypeError, ValueError):
        if name in of.days:
            said = written_date(date.fromisoformat(stored))
        elif name in of.moments and timezone is not None:
            said = write_moment(datetime.fromisoformat(stored), Precision.INSTANT, timezone)
        elif name in of.moments:
            said = said.replace("T", " ")
        elif name in of.shares:
            said = format_percent(stored, "#,##0.#\u00a0%", locale=i18n.get_language())
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


def describe_entries(
    session: SqlSession, found: Sequence[tuple[AuditEntry, str]], timezone: ZoneInfo
) -> list[Line]:
    """Say a page of entries in words. Asks at most once for each kind of thing with a name."""
    said = [(entry, who, _words_of(entry.action)) for entry, who in found]
    called = _find_names(session, [(entry, words) for entry, _who, words in said])
    return [
        Line(
            who=who,
            at=entry.at,
            sentence=_sentence(entry, words, called),
            is_new=not entry.before,
            fields=_fields(entry, words, called, timezone),
        )
        for entry, who, words in said
    ]


def _words_of(action: str) -> ChangeWords:
    return next((words for words in find_every_word() if action in words.sentences), OWN)


def _sentence(entry: AuditEntry, words: ChangeWords, called: Mapping[tuple[str, str], str]) -> str:
    kind = words.named_as.get(entry.subject_kind, entry.subject_kind)
    what = called.get((kind, entry.subject_id)) or _own_name(entry)
    if entry.action not in words.sentences:
        return f"{entry.action}: {what}"
    return words.sentences[entry.action]().replace("%(what)s", what)


def _own_name(entry: AuditEntry) -> str:
    """Return what the entry itself says that its subject is called."""
    if entry.subject_kind == "check":
        return check_words.name_check(entry.subject_id)
    if entry.subject_id == "all":
        return _("alla")
    if entry.subject_kind == "supervision":
        return written_date(date.fromisoformat(entry.subject_id))
    known = {**entry.before, **entry.after}
    return str(known.get("term") or known.get("title") or entry.subject_id)


def _fields(
    entry: AuditEntry,
    words: ChangeWords,
    called: Mapping[tuple[str, str], str],
    timezone: ZoneInfo,
) -> list[Field]:
    def said(name: str, stored: Any) -> str:
        named = called.get((words.named_as.get(name, ""), str(stored)))
        return named or say_value(name, stored, timezone, words)

    names = [*entry.after, *(name for name in entry.before if name not in entry.after)]
    known = [name for name in words.fields if name in names]
    return [
        Field(
            name_field(name, words),
            said(name, entry.before.get(name)),
            said(name, entry.after.get(name)),
        )
        for name in [*known, *(name for name in names if name not in words.fields)]
    ]


def _find_names(
    session: SqlSession, entries: Sequence[tuple[AuditEntry, ChangeWords]]
) -> dict[tuple[str, str], str]:
    """Return what the things that these entries are about, or name, are called today."""
    ids: dict[str, set[str]] = defaultdict(set)
    for entry, words in entries:
        ids[words.named_as.get(entry.subject_kind, entry.subject_kind)].add(entry.subject_id)
        for name, kind in words.named_as.items():
            ids[kind] |= {str(of[name]) for of in (entry.before, entry.after) if of.get(name)}
    return {
        (kind, each): name
        for words in find_every_word()
        for kind, find in words.names.items()
        if ids[kind]
        for each, name in find(session, ids[kind]).items()
    }
