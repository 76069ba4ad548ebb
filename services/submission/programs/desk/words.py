"""What the desk says of tokens of the API."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from services.submission.programs import api_tokens
from services.submission.programs.api_tokens import Known
from shared.i18n import gettext as _
from shared.models import Scope

Written = Callable[[datetime], str]
# So long before its last day a token asks to be seen to.
_SOON = timedelta(days=30)


def name_scopes() -> Mapping[Scope, str]:
    """Name what a token may be good for, as a choice."""
    return {
        Scope.SUBMIT: _("Skicka in idéer"),
        Scope.READ_DECIDED: _("Läsa vad som har beslutats, utan invånarnas ord"),
        Scope.EXPORT: _("Hämta alla idéer med text, även de som inte är publicerade"),
    }


def say_health(known: Known, now: datetime, last_day: str, written: Written) -> tuple[str, str]:
    """Return how it goes with a token: a tone (good, wrong or quiet) and a sentence."""
    token = known.token
    if not token.is_on:
        return "quiet", _("Avstängd. Den som visar den släpps inte in.")
    if api_tokens.has_expired(token, now):
        return "wrong", _("Gäller inte längre. Gör en ny.")
    if token.expires_at is not None and token.expires_at - now < _SOON:
        return "wrong", _("Sista dagen är %(time)s. Gör en ny innan dess.", time=last_day)
    if known.used_at is None:
        return "quiet", _("Inte använd än.")
    return "good", _("Senast använd %(time)s.", time=written(known.used_at))
