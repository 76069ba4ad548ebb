"""What is wrong with the system, in words for administrators; see `alarm_words`."""

from services.notify.alarms.alarm_facts import Known, Said
from services.notify.alarms.faults import (
    ACCOUNTS,
    LETTERS_DUE,
    OVERDUE_DIGESTS,
    PROCESS,
    QUEUE,
)
from services.notify.alarms.signs import UNCHECKED_FOR
from shared import check_words
from shared.delivery import queues
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import Incident


def failed_jobs(incident: Incident, _facts: Known) -> Said:
    """Say that work was given up."""
    return Said(
        _("Jobb har getts upp: %(consumer)s", consumer=incident.key),
        ngettext(
            "%(n)s jobb gick inte, trots flera försök. Idén det gäller finns kvar.",
            "%(n)s jobb gick inte, trots flera försök. Idéerna de gäller finns kvar.",
            incident.count,
        ),
        _(
            "På sidan Jobb står var det tog stopp. Rätta det och gör om jobben; att göra om skadar"
            " aldrig."
        ),
        _("Jobben är gjorda om."),
        "/jobs",
        _("Öppna jobben"),
    )


def say_unchecked(incident: Incident, _facts: Known) -> Said:
    """Say that a check does not run."""
    return Said(
        _("Kontroll som inte körs: %(check)s", check=check_words.name_check(incident.key)),
        ngettext(
            "%(n)s idé har väntat i mer än %(minutes)s minuter utan den kontrollen.",
            "%(n)s idéer har väntat i mer än %(minutes)s minuter utan den kontrollen.",
            incident.count,
            minutes=int(UNCHECKED_FOR.total_seconds() // 60),
        ),
        _(
            "På sidan Kontroller står vad som saknas. Idéerna kan avgöras ändå: den som avgör ser"
            " vad som inte är kontrollerat."
        ),
        _("Ingen idé väntar utan kontrollen längre."),
        "/checks",
        _("Öppna kontrollerna"),
    )


def say_deaf(incident: Incident, _facts: Known) -> Said:
    """Say that nobody works on what there is to do."""
    restart = _("Inget är förlorat: arbetet görs när processen är i gång.")
    if incident.key.startswith(PROCESS):
        return Said(
            _("Tyst process: %(process)s", process=incident.key.removeprefix(PROCESS)),
            _("Den har inte hörts av på mer än två minuter."),
            _("Se efter i dess logg varför, och starta om den.") + " " + restart,
            _("Den hörs igen, eller har varit borta i ett dygn och räknas som borttagen."),
            "/ledger",
            _("Öppna Avstämning"),
        )
    if incident.key == LETTERS_DUE:
        return Said(
            _("Brev blir liggande"),
            _("Ett brev har varit klart att skickas i mer än en halvtimme."),
            _(
                "Se till att processen notify-worker arbetar och att mejlservern svarar. Breven"
                " finns kvar och skickas sedan."
            ),
            _("Breven går i väg igen."),
            "/letters",
            _("Öppna breven"),
        )
    queue = incident.key.removeprefix(QUEUE)
    return Said(
        _("Arbete blir liggande: %(queue)s", queue=_queue(queue)),
        _(
            "Det äldsta jobbet av slaget %(queue)s har väntat för länge på att en process tar det.",
            queue=queue,
        ),
        _("Se till att Valkey svarar, och starta om den process som utför de jobben.")
        + " "
        + restart,
        _("Arbetet görs igen."),
        "/ledger",
        _("Öppna Avstämning"),
    )


def _queue(name: str) -> str:
    """Say what is done in a queue; one that is not known here keeps its own name."""
    return {
        queues.CHECKS: _("kontroller av idéer"),
        queues.BULK: _("importer"),
        queues.SEMANTIC: _("samma önskan med andra ord"),
        queues.ACTIONS: _("det som skribenter ber om"),
        queues.FORMS: _("svar från formulär"),
        queues.LETTERS: _("brev"),
        queues.WEBHOOKS: _("kopplingar till andra system"),
    }.get(name, name)


def digest_failed(incident: Incident, _facts: Known) -> Said:
    """Say that digests do not arrive."""
    if incident.key == OVERDUE_DIGESTS:
        return Said(
            _("Sammanfattningarna via mejl är sena"),
            _("Brev som skulle ha skrivits finns inte än."),
            _("Se till att processerna clock, relay och notify-worker arbetar."),
            _("Breven är skrivna."),
            "/letters",
            _("Öppna breven"),
        )
    return Said(
        _("En sammanfattning via mejl gick inte fram"),
        _("En person har inte fått brevet om det som väntar."),
        _("På sidan Brev står vad mejlservern svarade. Stämmer adressen på sidan Personal?"),
        _("Ett nyare brev har gått fram, eller så kommer inga fler."),
        "/letters?state=failed",
        _("Öppna breven"),
    )


def say_unmapped(incident: Incident, _facts: Known) -> Said:
    """Say that what a form tool delivered becomes no idea."""
    return Said(
        _("Formulär vars svar inte blir idéer"),
        ngettext(
            "%(n)s svar från ett formulär har väntat i mer än en timme. Det är sparat, men ingen"
            " granskar det.",
            "%(n)s svar från ett formulär har väntat i mer än en timme. De är sparade, men ingen"
            " granskar dem.",
            incident.count,
        ),
        _(
            "På formulärets sida står varför. Rätta kopplingen mellan fälten och idén, och försök"
            " med alla igen."
        ),
        _("Svaren har blivit idéer eller lagts åt sidan."),
        f"/forms/{incident.key}",
        _("Öppna formuläret"),
    )


def webhook_off(_incident: Incident, _facts: Known) -> Said:
    """Say that a webhook was turned off."""
    return Said(
        _("En koppling till ett annat system är avstängd"),
        _("Inget har kommit fram på flera dagar, eller så bad mottagaren oss sluta."),
        _(
            "I kopplingens logg står vad mottagaren svarade. Rätta det, slå på kopplingen och"
            " skicka igen det som inte kom fram."
        ),
        _("Den är på igen, eller borttagen."),
        "/webhooks",
        _("Öppna kopplingar"),
    )


def say_bounced(_incident: Incident, _facts: Known) -> Said:
    """Say that an address takes no mail."""
    return Said(
        _("En kollegas adress tar inte emot brev"),
        _("Brev dit kommer tillbaka, så inga fler skickas."),
        _(
            "På sidan Adresser som inte nås står vems den är och varför. Rätta adressen, eller"
            " försök igen där när brevlådan fungerar."
        ),
        _("Adressen används igen, eller är borttagen."),
        "/addresses",
        _("Öppna sidan"),
    )


def say_spray(incident: Incident, _facts: Known) -> Said:
    """Say that somebody tries to get in."""
    if incident.key == ACCOUNTS:
        title = _("Någon provar lösenord på många konton")
        what = ngettext(
            "Inom en timme har inloggningen misslyckats på %(n)s konto.",
            "Inom en timme har inloggningen misslyckats på %(n)s konton.",
            incident.count,
        )
    else:
        title = _("Någon provar lösenord från många platser")
        what = ngettext(
            "Inom en timme har inloggningen misslyckats %(n)s gång, från många platser.",
            "Inom en timme har inloggningen misslyckats %(n)s gånger, från många platser.",
            incident.count,
        )
    return Said(
        title,
        what,
        _(
            "Se i säkerhetsloggen vilka konton det gäller, och om någon kom in. Be dem byta"
            " lösenord och slå på inloggning i två steg. Den som försöker för ofta stoppas en"
            " kvart åt gången."
        ),
        _("Försöken har slutat."),
        "/security",
        _("Öppna säkerhetsloggen"),
    )
