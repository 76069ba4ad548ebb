"""Keep the catalogs in step with the Swedish texts in the code.

Run as `python -m radslag.translations update|compile|check`.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALE_DIR = ROOT / "shared" / "locale"
ROOMS = ("shared", "services", "radslag")
METHODS = [("**.py", "python"), ("**/templates/**", "jinja2")]
OPTIONS = {"**/templates/**": {"trimmed": "true", "silent": "false"}}
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}


def catalog_files() -> list[Path]:
    """Every catalog there is, one per language other than Swedish."""
    return sorted(LOCALE_DIR.glob("*/LC_MESSAGES/messages.po"))


def collect_texts() -> Catalog:
    """All texts the code can say, with the places where it says them."""
    found = Catalog(project="radslag", charset="utf-8", fuzzy=False)
    for room in ROOMS:
        texts = extract_from_dir(ROOT / room, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True)
        for filename, _line, message, comments, context in texts:
            # Without line numbers a moved line does not change the catalog.
            found.add(message, None, [(f"{room}/{filename}", 0)], (), comments, context=context)
    return found


def _render(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(
        buffer, catalog, width=100, sort_output=True, ignore_obsolete=True, include_lineno=False
    )
    return buffer.getvalue()


def update_catalogs() -> None:
    """Bring new texts into every catalog and drop those no longer said."""
    for path in catalog_files():
        with path.open("rb") as file:
            catalog = read_po(file, locale=path.parent.parent.name)
        catalog.update(collect_texts(), no_fuzzy_matching=True, update_creation_date=False)
        path.write_bytes(_render(catalog))


def compile_all() -> None:
    """Write the `.mo` file beside every catalog."""
    for path in catalog_files():
        with path.open("rb") as file:
            catalog = read_po(file, locale=path.parent.parent.name)
        with path.with_suffix(".mo").open("wb") as target:
            write_mo(target, catalog)


def find_missing() -> list[str]:
    """One line per text that a catalog does not translate, or translates with other parameters."""
    texts = collect_texts()
    faults = []
    for path in catalog_files():
        language = path.parent.parent.name
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
        for message in texts:
            if not message.id:
                continue
            known = catalog.get(message.id, message.context)
            strings = [] if known is None else known.string
            given = strings if isinstance(strings, (list, tuple)) else [strings]
            if known is None or known.fuzzy or not given or not all(given):
                faults.append(f"{language}: not translated: {message.id!r}")
                continue
            faults += [f"{language}: {error} in {message.id!r}" for error in known.check(catalog)]
    return faults


def main(arguments: list[str]) -> int:
    """Run `update`, `compile` or `check`; `check` ends with 1 when something is missing."""
    match arguments:
        case ["update"]:
            update_catalogs()
        case ["compile"]:
            compile_all()
        case ["check"]:
            faults = find_missing()
            sys.stdout.writelines(f"{fault}\n" for fault in faults)
            return 1 if faults else 0
        case _:
            sys.stderr.write("Say update, compile or check.\n")
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
