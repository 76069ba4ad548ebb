"""What the desk's log of changes says of imports."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.change_words import ChangeWords
from shared.i18n import gettext as _
from shared.ids import read_uuid
from shared.models import Import


def _find_names(session: SqlSession, ids: Collection[str]) -> dict[str, str]:
    known = [each for each in map(read_uuid, ids) if each]
    rows = session.execute(select(Import.id, Import.file_name).where(Import.id.in_(known)))
    return {str(each): name for each, name in rows}


IMPORTS = ChangeWords(
    sentences={
        "import.read": lambda: _("Läste in %(what)s för att hämta in den."),
        "import.begun": lambda: _("Hämtade in %(what)s."),
        "import.looked_again": lambda: _(
            "Ville hämta in %(what)s; den gicks igenom på nytt i stället, för något hade ändrats."
        ),
        "import.forgotten": lambda: _(
            "Orden ur %(what)s som inte blev idéer raderades, för de fick inte sparas längre."
        ),
        "import.put_aside": lambda: _("Lade %(what)s åt sidan; inget hämtades in."),
        "import.taken_back": lambda: _("Tog tillbaka allt som hämtades in med %(what)s."),
        "import.went_on": lambda: _("Lät hämtningen av %(what)s fortsätta."),
    },
    kinds={"import": lambda: _("Hämtningar av gamla sidor")},
    fields={
        "entries": lambda: _("Inlägg"),
        "council": lambda: _("Råd"),
        "as_read": lambda: _("Tveksamma rader är rätt lästa"),
    },
    switches=frozenset({"as_read"}),
    names={"import": _find_names},
)
