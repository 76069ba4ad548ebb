"""What the desk's log of changes says of changes made to webhooks."""

from services.notify.webhooks import endpoints
from shared.change_words import ChangeWords
from shared.i18n import gettext as _

WEBHOOKS = ChangeWords(
    sentences={
        "webhook.created": lambda: _("Skapade kopplingen %(what)s."),
        "webhook.changed": lambda: _("Ändrade kopplingen %(what)s."),
        "webhook.address_changed": lambda: _("Ändrade adressen för kopplingen %(what)s."),
        "webhook.paused": lambda: _("Pausade kopplingen %(what)s."),
        "webhook.turned_on": lambda: _("Slog på kopplingen %(what)s."),
        "webhook.secret_changed": lambda: _("Bytte hemlighet för kopplingen %(what)s."),
        "webhook.secret_shown": lambda: _("Tog fram hemligheten för kopplingen %(what)s."),
        "webhook.sent_again": lambda: _("Lät kopplingen %(what)s skicka igen."),
        "webhook.removed": lambda: _("Tog bort kopplingen %(what)s."),
    },
    kinds={
        "webhook": lambda: _("Kopplingar"),
    },
    fields={
        "title": lambda: _("Rubrik"),
        "events": lambda: _("Händelser"),
        "host": lambda: _("Går till"),
        "shape": lambda: _("Ser ut som"),
        "state": lambda: _("Läge"),
        "council": lambda: _("Idéer från"),
        "language": lambda: _("Språk"),
        "number": lambda: _("Antal"),
    },
    choices={
        "state": lambda: {"on": _("på"), "paused": _("pausad"), "off": _("avstängd")},
        "council": lambda: {"": _("alla råd")},
        "language": lambda: {"sv": _("svenska"), "en": _("engelska")},
    },
    names={"webhook": endpoints.find_titles},
)
