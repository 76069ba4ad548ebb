"""What the checks for personal data, names, sensitive hints and children find, and find wrongly.

    python -m bench personal_data DATA

DATA is the folder with `personnummer/`, `goteborgsforslaget/`, `swedish_ner/`, `swedish_names/`,
`uk_petition_titles/` and `sms_spam/`. Beside each figure stands what plain patterns, as they are
commonly written, do with the same texts. Shares have Wilson's interval (95 %).
"""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

import phonenumbers
from rich.console import Console
from rich.table import Table

from bench.texts import real_texts
from services.moderation.checks import Subject
from services.moderation.checks.learned_spam.spam_figures import estimate_share
from services.moderation.checks.personal import (
    child,
    contact,
    name_words,
    names,
    personal_data,
    personnummer,
    sensitive,
)

Spans = Sequence[tuple[int, int]]
CHECKS = (personal_data.CHECK, child.CHECK, names.CHECK, sensitive.CHECK)

NAIVE = {
    "personnummer": re.compile(r"\b(?:\d{2})?\d{6}[-+]?\d{4}\b"),
    "phone": re.compile(r"(?:\+\d{1,3}[\s-]?|\b0)\d(?:[\s-]?\d){6,10}\b"),
    "email": re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b"),
    "plate": re.compile(r"\b[A-Z]{3} ?\d{2}[A-Z0-9]\b"),
    "address": re.compile(r"\b[A-ZÅÄÖ]\w+(?:gatan?|väg(?:en)?|torg(?:et)?) \d+ ?[A-Z]?\b"),
    "handle": re.compile(r"@\w+"),
    "account": re.compile(r"\b\d(?:[ -]?\d){9,18}\b"),
    "child": re.compile(r"\b(?:[1-9]|1[0-7])[ -]år"),
    "sensitive": re.compile(
        r"\b(?:sjuk|diabetes|autism|adhd|cancer|muslim|jude|gay|facket)\w*", re.IGNORECASE
    ),
}


def share(part: int, whole: int) -> str:
    """Return a share with Wilson's score interval."""
    found = estimate_share(part, whole)
    if found.value is None or found.interval is None:
        return "–"
    low, high = found.interval
    return f"{part} of {whole}  {found.value:.4f} ({low:.4f}–{high:.4f})"


def written(number: str) -> Iterator[tuple[str, str]]:
    """Yield the ways of writing a number of twelve digits, each with its name."""
    c, y, m, d, n = number[:2], number[2:4], number[4:6], number[6:8], number[8:]
    for name, sign in {
        "none": "",
        "hyphen": "-",
        "plus": "+",
        "space": " ",
        "en dash": "–",
        "no-break hyphen": "\u2011",
        "minus": "\u2212",
        "spaced dash": " – ",
        "dot": ".",
        "slash": "/",
        "colon": ":",
        "underline": "_",
        "no-break space": "\u00a0",
        "no width": "\u200b",
    }.items():
        yield f"10, {name}", f"{y}{m}{d}{sign}{n}"
        yield f"12, {name}", f"{c}{y}{m}{d}{sign}{n}"
    yield "10, spaced digits", " ".join(number[2:])
    yield "12, spaced digits", " ".join(number)
    yield "10, pairs", f"{y} {m} {d} {n[:2]} {n[2:]}"
    yield "12, date apart", f"{c}{y}-{m}-{d}-{n}"
    yield "12, date in slashes", f"{c}{y}/{m}/{d} {n}"
    yield "12, full width", "".join(chr(ord(digit) + 0xFEE0) for digit in f"{c}{y}{m}{d}{n}")


def personnummer_rows(data: Path) -> Iterator[tuple[str, str, str]]:
    """Every right number in every way; with a wrong last digit; the official wrong ones."""
    folder = data / "personnummer"
    right = [
        number
        for name in ("half_allPins", "half_allCoords")
        for number in json.loads((folder / f"{name}.json").read_text("utf-8"))
    ]
    found: Counter[str] = Counter()
    naive: Counter[str] = Counter()
    for number in right:
        for way, form in written(number):
            text, span = f"Hej {form}, tack", ((4, 4 + len(form)),)
            found[way] += personnummer.find_personnummer(text) == span
            match = NAIVE["personnummer"].search(text)
            naive[way] += match is not None and (match.span(),) == span
    ways = len(found)
    yield (
        f"right numbers, {ways} ways of writing, found whole",
        share(found.total(), ways * len(right)),
        share(naive.total(), ways * len(right)),
    )
    worst = min(found, key=lambda way: found[way])
    yield (
        f"  the way least found ({worst})",
        share(found[worst], len(right)),
        share(naive[worst], len(right)),
    )
    wrong = [f"{n[2:8]}-{n[8:11]}{(int(n[11]) + 1 + i % 9) % 10}" for i, n in enumerate(right)]
    yield (
        "a wrong last digit, called one",
        share(sum(bool(personnummer.find_personnummer(n)) for n in wrong), len(wrong)),
        share(sum(bool(NAIVE["personnummer"].search(n)) for n in wrong), len(wrong)),
    )
    listed = [
        row[form]
        for row in json.loads((folder / "list.json").read_text("utf-8"))
        if not row["valid"]
        for form in ("long_format", "short_format", "separated_format", "separated_long")
        if " " not in row[form]
    ]
    listed += [
        row["separated_format"]
        for row in json.loads((folder / "orgnumber.json").read_text("utf-8"))
    ]
    yield (
        "the official wrong ones, called one",
        share(sum(bool(personnummer.find_personnummer(n)) for n in listed), len(listed)),
        share(sum(bool(NAIVE["personnummer"].search(n)) for n in listed), len(listed)),
    )


def phone_rows() -> Iterator[tuple[str, str, str]]:
    """The library's example number of every region and kind, as people there write it."""
    styles = {
        "phones of all regions, +46 70 …": phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        "phones of all regions, +4670…": phonenumbers.PhoneNumberFormat.E164,
    }
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    numbers = [
        number
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in kinds
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    ]
    for name, style in styles.items():
        texts = [f"Ring {phonenumbers.format_number(number, style)}!" for number in numbers]
        yield (
            f"{name}, found",
            share(sum(bool(contact.find_phones(text)) for text in texts), len(texts)),
            share(sum(bool(NAIVE["phone"].search(text)) for text in texts), len(texts)),
        )


def sentences(data: Path) -> Iterator[tuple[str, Spans]]:
    """Yield each sentence of the corpus with where persons are named in it."""
    text, spans = "", []
    path = data / "swedish_ner" / "train_corpus.txt"
    for line in path.read_text("utf-8").splitlines():
        token, _, tag = line.partition("\t")
        if not line.strip():
            if text:
                yield text, spans
            text, spans = "", []
            continue
        if text and token not in {".", ",", "!", "?", ":", ";", ")"}:
            text += " "
        if tag == "PER":
            # One mention is all the tokens beside each other.
            if spans and len(text) - spans[-1][1] <= 1:
                spans[-1] = (spans[-1][0], len(text) + len(token))
            else:
                spans.append((len(text), len(text) + len(token)))
        text += token


def name_rows(data: Path) -> Iterator[tuple[str, str, str]]:
    """Persons of the newspaper corpus, whole names and single ones, and what is no person."""
    first = set()
    for kind in ("kvinnor", "man"):
        path = data / "swedish_names" / f"tilltalsnamn-{kind}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            first |= {row["name"] for row in csv.DictReader(file)}

    def listed(text: str) -> Spans:
        return [m.span() for m in re.finditer(r"[^\W\d_]+", text) if m[0] in first]

    ways: dict[str, Callable[[str], Spans]] = {"checks": names.find_names, "listed": listed}
    hit: Counter[tuple[str, bool]] = Counter()
    every: Counter[bool] = Counter()
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for text, persons in sentences(data):
        every.update(" " in text[start:end] for start, end in persons)
        for way, find in ways.items():
            found = find(text)
            said[way] += len(found)
            right[way] += sum(_meets(span, persons) for span in found)
            for start, end in persons:
                hit[way, " " in text[start:end]] += _meets((start, end), found)
    for whole, name in ((True, "persons by first name and surname"), (False, "by one name")):
        yield (
            f"{name}, found",
            share(hit["checks", whole], every[whole]),
            share(hit["listed", whole], every[whole]),
        )
    yield (
        "what was called a person, and is",
        share(right["checks"], said["checks"]),
        share(right["listed"], said["listed"]),
    )
    bearers = Counter[bool]()
    for kind in ("kvinnor", "man"):
        path = data / "swedish_names" / f"tilltalsnamn-{kind}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                bearers[name_words.is_first_name(row["name"].lower())] += int(row["persons"])
    yield "people whose first name is listed", f"{bearers[True] / bearers.total():.3f}", "–"


def _meets(span: tuple[int, int], others: Spans) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def clean_texts(data: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield sets of texts that should hold next to nothing personal."""
    yield "Göteborg ideas", real_texts.whole_ideas(data)
    yield "UK petition titles", real_texts.petition_titles(data)
    yield "SMS, wanted ones", real_texts.wanted_messages(data)


def clean_table(console: Console, data: Path) -> None:
    """Print how many texts of each set have a finding, by code and severity."""
    for name, texts in clean_texts(data):
        table = Table(title=f"{name}: {len(texts)} texts, how many have a finding")
        for column in ("code", "high", "medium", "low", "info", "plain pattern"):
            table.add_column(column, justify="left" if column == "code" else "right")
        found: Counter[tuple[str, str]] = Counter()
        start = process_time()
        for text in texts:
            subject = Subject(text)
            for check in CHECKS:
                for finding in check.run(subject):
                    found[finding.code.value, finding.severity.value] += 1
        spent = process_time() - start
        for code in (*NAIVE, "person_name"):
            plain = NAIVE.get(code)
            cells = [str(found[code, level]) for level in ("high", "medium", "low", "info")]
            hits = "–" if plain is None else str(sum(bool(plain.search(text)) for text in texts))
            table.add_row(code, *cells, hits)
        console.print(table)
        console.print(f"{1e6 * spent / len(texts):.0f} µs of CPU each for all four checks\n")


def main(data: Path) -> None:
    """Print the tables."""
    console = Console(width=140)
    table = Table(title="Found, and wrongly found")
    for column in ("what", "these checks", "plain pattern, or list of names"):
        table.add_column(column)
    for rows in (personnummer_rows(data), phone_rows(), name_rows(data)):
        for row in rows:
            table.add_row(*row)
        table.add_section()
    console.print(table)
    clean_table(console, data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
