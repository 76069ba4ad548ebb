"""What the desk calls things: the words of the system in plain Swedish, and in English."""

from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import DecisionKind, IdeaStatus, Outcome, Role


def say_status(of: IdeaStatus) -> str:
    """Say what the public sees."""
    return {
        IdeaStatus.RECEIVED: _("Mottagen"),
        IdeaStatus.WAITING: _("Väntar på beslut"),
        IdeaStatus.PUBLISHED: _("Publicerad"),
        IdeaStatus.REJECTED: _("Avslagen"),
        IdeaStatus.MERGED: _("Sammanslagen"),
        IdeaStatus.WITHDRAWN: _("Återtagen"),
    }[of]


def say_outcome(of: Outcome) -> str:
    """Say what the findings together mean."""
    return {
        Outcome.CLEAR: _("Inga kontroller slog till"),
        Outcome.ATTENTION: _("Titta noga"),
        Outcome.LIKELY_SPAM: _("Troligt skräp"),
    }[of]


def say_decision(of: DecisionKind) -> str:
    """Say what was decided."""
    return {
        DecisionKind.PUBLISH: _("Publicerad"),
        DecisionKind.REJECT: _("Avslagen"),
        DecisionKind.MERGE: _("Sammanslagen"),
        DecisionKind.MASK: _("Maskad"),
        DecisionKind.KEEP: _("Behållen"),
        DecisionKind.REOPEN: _("Öppnad på nytt"),
        DecisionKind.UNDO: _("Ångrat beslut"),
        DecisionKind.IMPORT: _("Hämtad från äldre sida"),
        DecisionKind.ACCEPT_CORRECTION: _("Rättad text publicerad"),
        DecisionKind.ASK_CORRECTION: _("Skribenten ombedd att rätta"),
        DecisionKind.POLICY: _("Publicerad enligt rådets regler"),
        DecisionKind.TAKE_BACK: _("Återtagen med sin import"),
    }[of]


def status_name(of: str) -> str:
    """Say what the public sees, for a status by its stored name."""
    return say_status(IdeaStatus(of))


def say_role(of: Role) -> str:
    """Say what a member of staff may do."""
    return {
        Role.READER: _("Läsare"),
        Role.MODERATOR: _("Moderator"),
        Role.ADMIN: _("Administratör"),
    }[of]


def say_duration(seconds: int) -> str:
    """Say how long something took, roughly: minutes, hours or days."""
    minutes = seconds // 60
    if minutes < 1:
        return _("mindre än en minut")
    if minutes < 60:
        return ngettext("%(n)s minut", "%(n)s minuter", minutes)
    if minutes < 48 * 60:
        return ngettext("%(n)s timme", "%(n)s timmar", minutes // 60)
    return ngettext("%(n)s dag", "%(n)s dagar", minutes // (24 * 60))
