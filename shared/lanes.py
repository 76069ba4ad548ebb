"""The lanes of the queue, why an entry waits in one, and what people call both."""

import enum

from shared.i18n import gettext as _
from shared.models import Reason


class Lane(enum.StrEnum):
    """Where in the queue an entry waits, by its reason and, for those of new ideas, its priority.

    The function `queue_lane` in the database (migration 0003) says which; each entry is in one.
    """

    # May hurt somebody, or a reader reported it.
    URGENT = "urgent"
    ORDINARY = "ordinary"
    LIKELY_SPAM = "likely-spam"
    # A check could not run, and nothing worse is known.
    UNCHECKED = "unchecked"
    # A second look: asked for by the writer, after a reopening, or a sample.
    RE_REVIEW = "re-review"
    # Already public, with findings.
    CLEAN_UP = "clean-up"


def name_lane(of: Lane) -> str:
    """Name a lane, in the language now spoken."""
    return {
        Lane.URGENT: _("Brådskande"),
        Lane.ORDINARY: _("Vanliga"),
        Lane.LIKELY_SPAM: _("Troligt skräp"),
        Lane.UNCHECKED: _("Ej kontrollerade"),
        Lane.RE_REVIEW: _("Ny prövning"),
        Lane.CLEAN_UP: _("Städning"),
    }[of]


def name_reason(of: Reason) -> str:
    """Say why a person should look, in the language now spoken."""
    return {
        Reason.NEW: _("Ny idé"),
        Reason.CORRECTION: _("Rättad av skribenten"),
        Reason.RE_REVIEW: _("Ny prövning"),
        Reason.CLEAN_UP: _("Städning av publicerat"),
        Reason.LATE_FINDING: _("Upptäckt i efterhand"),
        Reason.REPORT: _("Anmäld av läsare"),
        Reason.SAMPLE: _("Stickprov"),
    }[of]
