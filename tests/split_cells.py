"""A CSV as spreadsheets of all countries read it: split at commas, semicolons or tabs."""

import csv
import io

SEPARATORS = (",", ";", "\t")
FORMULA = tuple("=+-@＝＋－＠")


def formulas_in(text: str) -> list[str]:
    """Every cell that some spreadsheet would run; numbers are none."""
    text = text.removeprefix("\ufeff")
    found = []
    for separator in SEPARATORS:
        # Lines as a file has them, and as those see them that know more line ends.
        for lines in (io.StringIO(text, newline=""), text.splitlines(keepends=True)):
            cells = [cell for row in csv.reader(lines, delimiter=separator) for cell in row]
            found += [cell for cell in cells if is_formula(cell)]
    return found


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run it; some leave out the space before it."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return cell.lstrip().startswith(FORMULA)
    return False
