"""What the ledger holds in codes, said in words: which letter, where it is, and why."""

from collections.abc import Mapping

from services.notify.alarms.alarm_letters import OVER_ALREADY
from services.notify.alarms.notices import ALERT, ALERT_OVER
from services.notify.letters.account_letters import (
    ACCOUNT_CHANGED,
    INVITATION,
    LINK_ENDED,
    PASSWORD_RESET,
)
from services.notify.letters.answers import ANSWER_WITHDRAWN, ANSWERED, NOT_MERGED, NOT_PUBLIC
from services.notify.letters.arrivals import LIKELY_SPAM, RECEIVED
from services.notify.mail.addresses import ADDRESS_DEAD
from services.notify.mail.letters import (
    BOUNCED,
    COMPLAINED,
    CORRECTED,
    DIGEST,
    INTERRUPTED,
    SUPERSEDED,
    UNCLEAR,
    UNDONE,
)
from services.notify.mail.mailer import BAD_ADDRESS
from shared.i18n import gettext as _
from shared.models import LetterState
from shared.models.notify import WITHHELD

# What a mail server answers (RFC 5321 §4.2.3, RFC 3463), where more can be said than yes or no.
_NO_SUCH_ADDRESS = frozenset({"550", "551", "553"})
_FULL = frozenset({"452", "552"})


def name_states() -> Mapping[LetterState, str]:
    """Name the states."""
    return {
        LetterState.WAITING: _("Väntar"),
        LetterState.CLAIMED: _("På väg"),
        LetterState.SENT: _("Skickat"),
        LetterState.CANCELLED: _("Inställt"),
        LetterState.FAILED: _("Gick inte fram"),
    }


def name_templates() -> Mapping[str, str]:
    """Name the letters, in the order in which a writer may get them."""
    return {
        RECEIVED: _("Mottagen"),
        "published": _("Publicerad"),
        "rejected": _("Publiceras inte"),
        "merged": _("Sammanslagen"),
        "masked": _("Maskade ord"),
        "correction-asked": _("Ber om en rättelse"),
        CORRECTED: _("Ändrat beslut"),
        ANSWERED: _("Stadens svar"),
        ANSWER_WITHDRAWN: _("Stadens svar tillbakataget"),
        DIGEST: _("Sammanfattning till personal"),
        INVITATION: _("Inbjudan"),
        PASSWORD_RESET: _("Nytt lösenord"),
        ACCOUNT_CHANGED: _("Ändring av ett konto"),
        ALERT: _("Larm"),
        ALERT_OVER: _("Larm som är över"),
    }


def _reasons() -> Mapping[str, str]:
    return {
        UNDONE: _("beslutet ångrades"),
        SUPERSEDED: _("ersatt av ett nyare"),
        INTERRUPTED: _("avbrutet, kan ha kommit fram"),
        # In rows of older versions.
        "enough today": _("adressen har redan fått tre sådana brev i dag"),
        WITHHELD: _(
            "hölls inne: adressen hade redan fått många brev den dagen; kvittot säger samma sak"
        ),
        LIKELY_SPAM: _("troligt skräp"),
        NOT_PUBLIC: _("svaret syns inte för alla längre"),
        NOT_MERGED: _("idén är inte sammanslagen längre"),
        "withdrawn": _("idén togs tillbaka"),
        "original never left": _("det första brevet gick aldrig"),
        "no address": _("ingen adress"),
        "account closed": _("kontot är stängt"),
        ADDRESS_DEAD: _("adressen nås inte"),
        BAD_ADDRESS: _("adressen går inte att skicka till"),
        BOUNCED: _("kom tillbaka"),
        UNCLEAR: _("en mejlserver har svarat något som inte går att tolka"),
        COMPLAINED: _("markerat som skräppost"),
        "nothing waits": _("inget väntade längre"),
        LINK_ENDED: _("länken gällde inte längre"),
        OVER_ALREADY: _("det var redan över"),
    }


def name_template(name: str) -> str:
    """Name a letter; one that is not known here keeps its own name."""
    return name_templates().get(name, name)


def name_state(of: str) -> str:
    """Name a state by its stored name."""
    return name_states()[LetterState(of)]


def say_reason(code: str | None) -> str:
    """Say why a letter waits, failed or was cancelled; nothing when there is nothing to say.

    `code` is our own word, the reply code of a mail server, or the type (and place) of an error.
    """
    if not code:
        return ""
    known = _reasons().get(code)
    if known is not None:
        return known
    if code.isdigit() and len(code) == 3:
        return _answered(code)
    if code.partition(" ")[0].endswith(_NO_ANSWER):
        return _("mejlservern svarar inte")
    return _("fel hos oss, för den som sköter driften")


# How the names of errors end that mean that there was nobody to talk to.
_NO_ANSWER = (
    "ConnectionRefusedError",
    "ConnectionResetError",
    "TimeoutError",
    "timeout",
    "gaierror",
    "OSError",
    "SMTPServerDisconnected",
    "SMTPConnectError",
    "BrokenPipeError",
)


def _answered(code: str) -> str:
    if code in _NO_SUCH_ADDRESS:
        return _("adressen finns inte, eller tar inte emot brev")
    if code in _FULL:
        return _("brevlådan är full")
    if code.startswith("4"):
        return _("mottagarens mejlserver ber oss vänta")
    return _("mottagarens mejlserver säger nej")
