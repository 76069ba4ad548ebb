"""What an incident is in words: what happened, what to do, where. Never a resident's words.

No names either: an idea is its number, a person is somebody.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from services.notify.alarms import fault_words
from services.notify.alarms.alarm_facts import Known, Said
from services.notify.alarms.signs import MOST_COUNTED
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import Incident, IncidentKind


def say_incident(incident: Incident, facts: Known) -> Said:
    """Say an incident in the language now spoken."""
    return _SAID[incident.kind](incident, facts)


def name_kind(of: IncidentKind) -> str:
    """Name a kind of incident in a word or two."""
    return {
        IncidentKind.THREAT: _("Hot"),
        IncidentKind.DESPAIR: _("Oro för någon"),
        IncidentKind.CHILD: _("Barn"),
        IncidentKind.WAVE: _("Våg av idéer"),
        IncidentKind.OVERDUE: _("Lång väntan"),
        IncidentKind.FAILED_JOBS: _("Jobb"),
        IncidentKind.UNCHECKED: _("Kontroll"),
        IncidentKind.DEAF: _("Drift"),
        IncidentKind.DIGEST_FAILED: _("Sammanfattning via mejl"),
        IncidentKind.WEBHOOK_OFF: _("Koppling"),
        IncidentKind.BOUNCED: _("Adress"),
        IncidentKind.SPRAY: _("Inloggning"),
        IncidentKind.INBOX: _("Formulär"),
    }[of]


def _threat(incident: Incident, facts: Known) -> Said:
    if not incident.key:
        return Said(
            ngettext("Hot i %(n)s idé till", "Hot i %(n)s idéer till", incident.count),
            _("De räknas utöver de idéer som har ett eget larm."),
            _(
                "De ligger under Brådskande. Ofta kommer de från samma håll: då kan du avgöra"
                " flera på en gång."
            ),
            _("De flesta är avgjorda."),
            "/?lane=urgent",
            _("Öppna Att granska"),
        )
    path, place = f"/ideas/{incident.key}", _("Öppna idén")
    if incident.key in facts.public:
        return Said(
            _("Hot i idé %(number)s, som syns för alla", number=incident.key),
            _(
                "En kontroll har hittat det som ser ut som ett hot, och alla kan läsa idén. Larmet"
                " gäller tills orden är borta eller någon har beslutat att de kan stå kvar."
            ),
            _(
                "Läs idén nu. Är det ett hot mot någon: ta bort idén från sidan, och ring polisen,"
                " 114 14, eller 112 om det är bråttom. Är det inget hot, välj Behåll som den är."
            ),
            _("Orden är borta, eller så har någon beslutat att de kan stå kvar."),
            path,
            place,
        )
    return Said(
        _("Hot i idé %(number)s", number=incident.key),
        _(
            "En kontroll har hittat det som ser ut som ett hot i en idé som väntar på beslut."
            " Den syns inte för andra."
        ),
        _(
            "Läs idén nu. Är det ett hot mot någon: publicera den inte, och ring polisen,"
            " 114 14, eller 112 om det är bråttom."
        ),
        _("Idén är inte publik: den är avgjord eller har tagits tillbaka."),
        path,
        place,
    )


def _despair(incident: Incident, facts: Known) -> Said:
    if not incident.key:
        return Said(
            ngettext(
                "Oro för någon i %(n)s idé till", "Oro för någon i %(n)s idéer till", incident.count
            ),
            _("I så många fler står det att någon kanske inte vill leva."),
            _("De ligger under Brådskande. Läs dem en och en: de kan handla om olika människor."),
            _("De flesta är lästa."),
            "/?lane=urgent",
            _("Öppna Att granska"),
        )
    is_public = incident.key in facts.public
    may_stand = " " + _("Kan orden stå kvar, välj Behåll som den är.")
    return Said(
        _("Oro för någon i idé %(number)s", number=incident.key),
        _("Någon kanske inte vill leva, och alla kan läsa det. Det är inget brott mot en regel.")
        if is_public
        else _("Någon kanske inte vill leva. Det är inget brott mot en regel."),
        _(
            "Läs idén nu, och lita på vad du själv läser. Är det fara för livet och det går att se"
            " vem eller var: ring 112. Är du osäker, ring 1177. Finns det en mejladress kan staden"
            " skriva att ni har läst, och att Mind Självmordslinjen svarar på 90101 dygnet runt."
        )
        + (may_stand if is_public else ""),
        _("Orden är borta, eller så har någon beslutat att de kan stå kvar.")
        if is_public
        else _("Någon har läst idén och fattat ett beslut, eller så har den tagits tillbaka."),
        f"/ideas/{incident.key}",
        _("Öppna idén"),
    )


def _child(incident: Incident, _facts: Known) -> Said:
    if not incident.key:
        return Said(
            ngettext(
                "Barns uppgifter syns i %(n)s idé till",
                "Barns uppgifter syns i %(n)s idéer till",
                incident.count,
            ),
            _("De syns för alla, och räknas utöver de idéer som har ett eget larm."),
            _("De ligger under Städning. Maska det som visar vilka barnen är."),
            _("De flesta är avgjorda."),
            "/?lane=clean-up",
            _("Öppna Att granska"),
        )
    return Said(
        _("Ett barns uppgifter syns i idé %(number)s", number=incident.key),
        _(
            "I en idé som syns för alla står något som visar vem ett barn är, till exempel namn"
            " och ålder."
        ),
        _(
            "Maska orden, eller ta bort idén från sidan om det inte räcker. Att ett barn har"
            " skrivit är inget skäl att avslå. Kan orden stå kvar, välj Behåll som den är."
        ),
        _("Uppgifterna syns inte längre, eller så har någon beslutat att de kan stå kvar."),
        f"/ideas/{incident.key}",
        _("Öppna idén"),
    )


def _wave(incident: Incident, facts: Known) -> Said:
    return Said(
        _("Våg av idéer till %(council)s", council=facts.title(incident.key)),
        ngettext(
            "På en halvtimme har %(n)s idé kommit som ser ut som skräp, liknar andra eller kommer"
            " från samma håll.",
            "På en halvtimme har %(n)s idéer kommit som ser ut som skräp, liknar varandra eller"
            " kommer från samma håll.",
            incident.count,
        ),
        _(
            "Ingenting är borttaget. Läs några av dem och avgör sedan många på en gång; det går att"
            " ångra."
        ),
        _("Det kommer inte så många längre, eller så är de avgjorda."),
        f"/?council={incident.key}",
        _("Öppna det rådet har att granska"),
    )


def _overdue(incident: Incident, facts: Known) -> Said:
    limit = facts.limit(incident.key)
    late = _("minst %(n)s", n=MOST_COUNTED) if incident.count >= MOST_COUNTED else incident.count
    if limit is None:
        what = _("Ärenden som har väntat för länge: %(n)s.", n=late)
    else:
        what = _(
            "Ärenden som har väntat längre än rådets gräns på %(hours)s timmar: %(n)s. Lördagar,"
            " söndagar och röda dagar är inte räknade.",
            hours=limit,
            n=late,
        )
    return Said(
        _("Lång väntan i %(council)s", council=facts.title(incident.key)),
        what,
        _(
            "Börja med det äldsta. Hinner ni inte, så skriv det på rådets sida hellre än att låta"
            " skribenterna undra."
        ),
        _("Inget har väntat längre än gränsen nu."),
        f"/?council={incident.key}",
        _("Öppna det rådet har att granska"),
    )


_SAID: Mapping[IncidentKind, Callable[[Incident, Known], Said]] = MappingProxyType(
    {
        IncidentKind.THREAT: _threat,
        IncidentKind.DESPAIR: _despair,
        IncidentKind.CHILD: _child,
        IncidentKind.WAVE: _wave,
        IncidentKind.OVERDUE: _overdue,
        IncidentKind.FAILED_JOBS: fault_words.failed_jobs,
        IncidentKind.UNCHECKED: fault_words.say_unchecked,
        IncidentKind.DEAF: fault_words.say_deaf,
        IncidentKind.DIGEST_FAILED: fault_words.digest_failed,
        IncidentKind.WEBHOOK_OFF: fault_words.webhook_off,
        IncidentKind.BOUNCED: fault_words.say_bounced,
        IncidentKind.SPRAY: fault_words.say_spray,
        IncidentKind.INBOX: fault_words.say_unmapped,
    }
)
