"""What the desk says of endpoints, of events, and of why a webhook did not arrive."""

from collections.abc import Callable
from datetime import datetime

from services.notify.webhooks.claiming import NEVER_LEFT, UNDONE
from services.notify.webhooks.marking import TURNED_OFF
from shared.delivery import hooks
from shared.i18n import gettext as _
from shared.models import DeliveryState, Webhook, WebhookOff, WebhookShape, WebhookState

Written = Callable[[datetime], str]


def say_health(webhook: Webhook, written: Written) -> tuple[str, str]:
    """Return how it goes with an endpoint: a tone (good, care, wrong or quiet) and a sentence."""
    if webhook.state is WebhookState.OFF:
        return "wrong", _off(webhook, written)
    if webhook.state is WebhookState.PAUSED:
        return "quiet", _("Pausad. Det som händer under pausen skickas inte i efterhand.")
    if webhook.failing_since is not None:
        since = written(webhook.failing_since)
        return "care", _("Inget har kommit fram sedan %(since)s. Nya försök görs.", since=since)
    if webhook.last_success_at is not None:
        return "good", _("Senast framme %(time)s.", time=written(webhook.last_success_at))
    return "quiet", _("Inget har skickats än.")


def _off(webhook: Webhook, written: Written) -> str:
    if webhook.off_because is WebhookOff.GONE:
        return _("Avstängd: mottagaren svarade att den inte finns mer (410).")
    if webhook.failing_since is None:
        return _("Avstängd.")
    since = written(webhook.failing_since)
    return _("Avstängd: inget har kommit fram sedan %(since)s.", since=since)


def name_events() -> dict[str, str]:
    """Return what each public name of an event means."""
    known = {
        "idea.submitted": _("En ny idé kom in"),
        "idea.checked": _("En idé är kontrollerad"),
        "idea.decided": _("Ett beslut är fattat eller ångrat"),
        "idea.answered": _("Staden har svarat på en idé, eller ändrat sitt svar"),
        "receipt.action": _(
            "Någon tog tillbaka, rättade eller anmälde en idé, eller bad om ny prövning"
        ),
        "alert.raised": _("Larm: något som inte kan vänta"),
        "alert.resolved": _("Ett larm är över"),
    }
    return {name: known.get(name, name) for name in hooks.NAMES.values()}


def name_event(name: str) -> str:
    """Return what happened, for the log."""
    return _("Test") if name == hooks.PING else name_events().get(name, name)


def name_shapes() -> dict[WebhookShape, str]:
    """Return what the bodies look like."""
    return {
        WebhookShape.STANDARD: _("För program: JSON med signatur (Standard Webhooks)"),
        WebhookShape.SLACK: "Slack",
        WebhookShape.TEAMS: "Microsoft Teams",
        WebhookShape.MATTERMOST: "Mattermost",
    }


def name_states() -> dict[DeliveryState, str]:
    """Return where a webhook is on its way."""
    return {
        DeliveryState.WAITING: _("Väntar"),
        DeliveryState.CLAIMED: _("På väg"),
        DeliveryState.DONE: _("Framme"),
        DeliveryState.CANCELLED: _("Inställd"),
        DeliveryState.FAILED: _("Kom inte fram"),
    }


def say_reason(status: int | None, error: str | None) -> str:
    """Say in words what the log says in codes."""
    if status is not None and error is None:
        return _("svar %(status)s", status=status)
    known = {
        None: "",
        UNDONE: _("det ångrades"),
        NEVER_LEFT: _("det som ångrades hade aldrig skickats"),
        TURNED_OFF: _("kopplingen stängdes av"),
        "name": _("namnet i adressen finns inte"),
        "private": _("adressen leder till ett inre nät"),
        "https": _("adressen måste börja med https"),
        "certificate": _("certifikatet gäller inte"),
        "timeout": _("inget svar i tid"),
        "refused": _("ingen tar emot på den adressen"),
        "unreachable": _("servern går inte att nå"),
        "broken": _("förbindelsen bröts"),
        "key": _("adressen måste skrivas in igen"),
    }
    return known.get(error, error or "")
