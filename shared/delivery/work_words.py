"""What the work of a consumer is called, at the desk and in letters, and why it was given up."""

from shared.delivery import queues
from shared.i18n import gettext as _

# Stands in the place of an error where nobody was left to say one.
DIED = "the process died or ran out of time"


def say_error(error: str) -> str:
    """Say why a job was given up; what a program said of itself stays in its own words."""
    return _("processen dog eller hann inte bli klar") if error == DIED else error


def name_work(consumer: str) -> str:
    """Name the work; what is not known here keeps its own name."""
    known = {
        queues.CHECK.name: _("Kontrollera en idé"),
        queues.RECEIPT.name: _("Göra det skribenten bad om"),
        queues.MEANING.name: _("Leta efter samma önskan med andra ord"),
        queues.FORM.name: _("Göra en idé av det ett formulär har skickat"),
        queues.IMPORT.name: _("Hämta in en gammal sida"),
        queues.LETTER.name: _("Skriva ett brev till skribenten"),
        queues.ARRIVAL.name: _("Skriva ett brev om att idén har kommit in"),
        queues.ANSWER.name: _("Skriva brev om stadens svar"),
        "notify.account": _("Skriva ett brev om ett konto"),
        queues.UNSUBSCRIBE.name: _("Stänga av sammanfattningarna via mejl för någon"),
        queues.BOUNCE.name: _("Ta hand om ett brev som kom tillbaka"),
        queues.HOOK.name: _("Tala om för andra system vad som hände"),
    }
    return known.get(consumer, consumer)
