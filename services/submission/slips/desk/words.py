"""What the desk says of slips: how they came, where they are, and what a file lacks."""

from collections.abc import Mapping

from services.submission.imports.entries import FileFault, ImportFileError
from services.submission.slips.slip_files import NotATableError
from shared.i18n import gettext as _
from shared.models import Channel, IdeaStatus


def name_channels() -> Mapping[str, str]:
    """Name the ways in which somebody can have said it, by their stored values."""
    return {
        Channel.PHONE.value: _("Telefon"),
        Channel.PAPER.value: _("Papper eller brev"),
        Channel.MEETING.value: _("Möte"),
        Channel.VISIT.value: _("Besök"),
        Channel.EMAIL.value: _("Mejl"),
    }


def name_channel(channel: Channel) -> str:
    """Name one of them."""
    return name_channels()[channel.value]


def say_state(status: IdeaStatus) -> str:
    """Say where an idea is that was entered."""
    return {
        IdeaStatus.RECEIVED: _("kontrolleras"),
        IdeaStatus.WAITING: _("väntar på granskning"),
        IdeaStatus.PUBLISHED: _("publicerad"),
        IdeaStatus.REJECTED: _("inte publicerad"),
        IdeaStatus.MERGED: _("sammanslagen"),
        IdeaStatus.WITHDRAWN: _("tillbakatagen"),
    }[status]


def say_file_fault(error: ImportFileError | NotATableError) -> str:
    """Say what is wrong with a file, and where."""
    if isinstance(error, NotATableError):
        return _("Det är en arbetsbok. Spara den som CSV UTF-8 och välj den filen.")
    what = {
        FileFault.ENCODING: _("tecknen går inte att läsa. Spara om filen som CSV UTF-8."),
        FileFault.MISSING_COLUMN: _(
            "ingen kolumn heter text. Första raden ska säga vad kolumnerna heter."
        ),
        FileFault.COLUMN_TWICE: _("två kolumner heter samma sak."),
        FileFault.CELLS: _("raden har inte lika många fält som rubrikraden."),
        FileFault.QUOTES: _("ett citattecken saknas eller är ett för mycket."),
        None: _("raden går inte att läsa."),
    }[error.fault]
    return _("Rad %(line)s: %(what)s Inget är sparat.", line=error.line, what=what)
