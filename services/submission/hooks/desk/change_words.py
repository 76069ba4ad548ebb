"""What the desk's log of changes says of changes made to form sources."""

from services.submission.hooks import sources
from shared.change_words import ChangeWords
from shared.i18n import gettext as _

FORM_SOURCES = ChangeWords(
    sentences={
        "form_source.added": lambda: _("Lade till formuläret %(what)s."),
        "form_source.turned_on": lambda: _("Slog på formuläret %(what)s."),
        "form_source.turned_off": lambda: _("Stängde av formuläret %(what)s."),
        "form_source.secret_changed": lambda: _("Bytte hemlighet för formuläret %(what)s."),
        "form_source.secret_shown": lambda: _("Tog fram hemligheten för formuläret %(what)s."),
        "form_source.mapping_saved": lambda: _("Ändrade vad som är vad i formuläret %(what)s."),
        "form_source.read": lambda: _("Läste ett svar från formuläret %(what)s."),
        "form_source.tried_again": lambda: _(
            "Försökte igen med svar från formuläret %(what)s som inte blev idéer."
        ),
        "form_source.put_aside": lambda: _("Lade ett svar från formuläret %(what)s åt sidan."),
    },
    kinds={"form_source": lambda: _("Formulär")},
    fields={
        "is_on": lambda: _("På"),
        "mapping": lambda: _("Version"),
        "text_from": lambda: _("Text"),
        "author_from": lambda: _("Namn"),
        "email_from": lambda: _("Mejladress"),
        "date_from": lambda: _("Datum"),
        "council_from": lambda: _("Råd"),
        "delivery_from": lambda: _("Svarets id"),
        "delivery": lambda: _("Svar"),
    },
    switches=frozenset({"is_on"}),
    names={"form_source": sources.find_titles},
)
