"""What the desk's log of changes says of changes made to tokens of the API."""

from services.submission.programs import api_tokens
from services.submission.programs.desk import words
from shared.change_words import ChangeWords
from shared.i18n import gettext as _

API_TOKENS = ChangeWords(
    sentences={
        "api_token.added": lambda: _("Skapade API-nyckeln %(what)s."),
        "api_token.changed": lambda: _(
            "Bytte API-nyckeln %(what)s. Den gamla gäller en vecka till."
        ),
        "api_token.changed_at_once": lambda: _(
            "Bytte API-nyckeln %(what)s. Den gamla slutade gälla genast."
        ),
        "api_token.turned_on": lambda: _("Slog på API-nyckeln %(what)s."),
        "api_token.turned_off": lambda: _("Stängde av API-nyckeln %(what)s."),
    },
    kinds={"api_token": lambda: _("API-nycklar")},
    fields={
        "scopes": lambda: _("Får"),
        "per_minute": lambda: _("Anrop i minuten"),
        "expires_at": lambda: _("Gäller till"),
    },
    choices={"scopes": lambda: {scope.value: said for scope, said in words.name_scopes().items()}},
    lists=frozenset({"scopes"}),
    moments=frozenset({"expires_at"}),
    names={"api_token": api_tokens.find_titles},
)
