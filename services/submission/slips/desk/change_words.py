"""What the desk's log of changes says of slips."""

from services.submission.slips import entering
from services.submission.slips.desk import words
from shared.change_words import ChangeWords
from shared.i18n import gettext as _

SLIPS = ChangeWords(
    sentences={"slips.entered": lambda: _("Skrev in %(what)s åt den som sade det.")},
    kinds={"slips": lambda: _("Inskrivna idéer")},
    fields={
        "number": lambda: _("Antal"),
        "council": lambda: _("Råd"),
        "channel": lambda: _("Hur det kom"),
    },
    choices={"channel": words.name_channels},
    names={"slips": entering.find_numbers},
    named_as={"council": "council"},
)
