"""The form in which somebody says what is what in the fields of a form tool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.submission.hooks import bodies, mapping
from services.submission.hooks.bodies import UnreadableBodyError, fold_key
from services.submission.hooks.mapping import SINGLE, FieldMap, Part, UnmappableError
from shared.i18n import gettext as _
from shared.text import clean_text

MAX_LABEL = 80


@dataclass(frozen=True, slots=True)
class Row:
    """A key, what was chosen for it, and an example of what it holds."""

    key: str
    role: str = ""
    label: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a form: the mapping, or a sentence for each row that cannot stand."""

    by: FieldMap | None
    faults: Mapping[str, str] = field(default_factory=dict)


def read_sample(sample: str) -> dict[str, str]:
    """Return the keys of an example that somebody pasted. Raises UnreadableBodyError."""
    # With the mark that some editors begin a file with.
    sample = sample.strip().removeprefix("\ufeff")
    kind = "application/json" if sample.lstrip()[:1] in {"{", "["} else bodies.FORM
    found = bodies.read_body(sample.strip().encode("utf-8", "replace"), kind)
    if not found or (kind == bodies.FORM and "=" not in sample):
        raise UnreadableBodyError
    return found


def rows_of(by: FieldMap | None) -> list[Row]:
    """Return a mapping as rows."""
    if by is None:
        return []
    texts = [Row(part.key, "text", part.label) for part in by.text]
    return texts + [Row(getattr(by, name), name) for name in SINGLE if getattr(by, name)]


def read_rows(keys: Sequence[str], roles: Sequence[str], labels: Sequence[str]) -> list[Row]:
    """Return the rows that were sent; nonsense in one of them is no choice."""
    known = {"", "text", *SINGLE}
    return [
        Row(key, role if role in known else "", clean_text(label))
        for key, role, label in zip(keys, roles, labels, strict=False)
    ]


def guess_rows(fields: Mapping[str, str]) -> list[Row]:
    """Return what is obvious, so that a person need only look."""
    try:
        return rows_of(mapping.guess_map(fields))
    except UnmappableError:
        return []


def join_rows(fields: Mapping[str, str], chosen: Sequence[Row]) -> list[Row]:
    """Return a row for each key of an example, and for each that was chosen and is not in it."""
    by_key = {fold_key(row.key): row for row in chosen}
    rows = []
    for key, example in fields.items():
        row = by_key.pop(fold_key(key), Row(key))
        rows.append(Row(key, row.role, row.label, example))
    return rows + [row for row in by_key.values() if row.role]


def read_mapping(rows: Sequence[Row]) -> Read:
    """Return the mapping that rows say, or why it cannot stand."""
    faults: dict[str, str] = {}
    single: dict[str, str] = {}
    for number, row in enumerate(rows):
        if len(row.label) > MAX_LABEL or "\n" in row.label:
            faults[f"label-{number}"] = _("Högst %(n)s tecken, på en rad.", n=MAX_LABEL)
        if row.role in SINGLE and single.setdefault(row.role, row.key) != row.key:
            faults[f"role-{number}"] = _("Bara ett fält kan vara det. Text kan flera vara.")
    texts = tuple(Part(row.key, row.label) for row in rows if row.role == "text")
    if not texts:
        faults["fields"] = _("Välj minst ett fält som är text.")
    if faults:
        return Read(None, faults)
    return Read(FieldMap(texts, **single))
