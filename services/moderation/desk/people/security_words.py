"""What stands in the security log, in plain words."""

from shared.i18n import gettext as _
from shared.models import SecurityEvent, SecurityKind

# So much of a hash tells two places or two accounts apart.
_SHOWN_BYTES = 4


def name_kinds() -> dict[SecurityKind, str]:
    """Say each thing that the log holds."""
    return {
        SecurityKind.SIGNED_IN: _("Inloggad"),
        SecurityKind.WRONG_PASSWORD: _("Fel lösenord, eller en adress utan konto"),
        SecurityKind.WRONG_CODE: _("Fel kod i det andra steget"),
        SecurityKind.THROTTLED: _("För många försök: stoppad en kvart"),
        SecurityKind.DIRECTORY_REFUSED: _("Inte insläppt genom stadens inloggning"),
        SecurityKind.FORBIDDEN: _("Nekad: rollen räcker inte"),
        SecurityKind.WRONG_TOKEN: _("Avvisat formulär: det kom inte från en öppen sida här"),
        SecurityKind.WRONG_SENDER: _("Avvisat: det skickades från en annan webbplats"),
        SecurityKind.WRONG_HOST: _("Avvisat: det skickades till fel adress"),
        SecurityKind.PASSWORD_ASKED: _("Länk till ett nytt lösenord begärd"),
        SecurityKind.PASSWORD_CHANGED: _("Lösenordet bytt"),
        SecurityKind.FACTOR_ADDED: _("Inloggning i två steg påslagen"),
        SecurityKind.FACTOR_REMOVED: _("Inloggning i två steg avstängd"),
        SecurityKind.CODES_RENEWED: _("Nya reservkoder"),
        SecurityKind.PASSKEY_ADDED: _("Passnyckel tillagd"),
        SecurityKind.PASSKEY_REMOVED: _("Passnyckel borttagen"),
        SecurityKind.DIRECTORY_LINKED: _("Kontot kopplat till stadens inloggning"),
        SecurityKind.DIRECTORY_UNLINKED: _("Kopplingen till stadens inloggning borttagen"),
        SecurityKind.API_REFUSED: _("Avvisat program: fel API-nyckel, eller en som inte räcker"),
    }


def say_who(event: SecurityEvent, name: str) -> str:
    """Say at whose account it happened."""
    if name:
        return name
    if event.who_hash:
        return _("ett konto som inte finns (%(code)s)", code=shorten_hash(event.who_hash))
    return _("ingen inloggad")


def shorten_hash(hashed: bytes) -> str:
    """Return so much of a hash as tells two apart."""
    return hashed[:_SHOWN_BYTES].hex()
