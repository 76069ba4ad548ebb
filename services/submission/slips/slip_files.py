"""A table of slips as a file: a column with what was said and, if there are any, three others."""

from dataclasses import dataclass

from services.submission import imports
from services.submission.imports import tables
from services.submission.imports.entries import FileFault, ImportFileError
from services.submission.imports.tables import Columns
from services.submission.slips.reading import Draft

# Most files of Windows that do not say what they are.
_GUESSED = "cp1252"
_COLUMNS = Columns(
    ("text",),
    ("text", "author", "email", "day"),
    {
        **dict.fromkeys(("idé", "ide", "idea", "förslag", "meddelande", "message"), "text"),
        **dict.fromkeys(("namn", "name", "skribent"), "author"),
        **dict.fromkeys(("e-post", "epost", "mejl", "mejladress", "e-mail", "mail"), "email"),
        **dict.fromkeys(("dag", "datum", "date", "created_at"), "day"),
    },
)
# With what a workbook, or any other zipped file, begins.
_ZIPPED = b"PK\x03\x04"


class NotATableError(ValueError):
    """The file is a workbook: it has to be saved as CSV first."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file holds. `guessed` names the encoding where the file does not say its own."""

    drafts: list[Draft]
    guessed: str = ""
    # Columns that nothing is made of, as they are called in the file.
    unread: tuple[str, ...] = ()


def read_slip_file(data: bytes) -> ReadFile:
    """Read a file of slips. Raises ImportFileError, which names the line, and NotATableError."""
    if data.startswith(_ZIPPED):
        raise NotATableError
    guessed = ""
    try:
        text = imports.decode_file(data)
    except ImportFileError as error:
        if error.fault is not FileFault.ENCODING:
            raise
        text, guessed = imports.decode_file(data, _GUESSED), _GUESSED
    drafts, unread = [], dict[str, None]()
    for _line, row in tables.read_rows(text, _COLUMNS):
        # A day may have its time behind it, which nobody needs.
        drafts.append(
            Draft(
                row["text"],
                row.get("author", ""),
                row.get("email", ""),
                row.get("day", "").strip().partition("T")[0].partition(" ")[0],
            )
        )
        unread |= dict.fromkeys(name for name in row if name not in _COLUMNS.read)
    return ReadFile(drafts, guessed, tuple(unread))
