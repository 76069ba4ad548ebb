"""Which language is told, by length of text, beside lingua alone and a profile of trigrams.

    python -m bench language DATA [--full]

DATA is a folder with `language/` (the Universal Declaration in 14 languages) and
`goteborgsforslaget/`. The articles are cut at words into pieces of 20, 40, 80 and 140 characters.
"right" names the language; "wrong" names another; the rest is "too short to tell", which lingua and
the profile never say. The profile of each language is made of every second article and tried on the
others, and the other way round: it has read the same declaration, the others have not. Intervals
are Wilson's, 95 %. `--full` measures lingua's large models too, which takes half a gigabyte.
"""

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from time import process_time

from lingua import LanguageDetector, LanguageDetectorBuilder
from rich.console import Console
from rich.table import Table

from bench.texts import real_texts
from services.moderation.checks import Subject, language
from services.moderation.checks.language import identify_language
from services.moderation.checks.learned_spam.spam_figures import estimate_share

SIZES = (20, 40, 80, 140)
KEYS = {
    "swe": "sv",
    "nob": "no",
    "nno": "no",
    "dan": "da",
    "eng": "en",
    "deu_1996": "de",
    "fin": "fi",
    "pol": "pl",
    "tur": "tr",
    "bos_latn": "bs",
    "som": "so",
    "kmr": "ku",
    "arb": "ar",
    "pes_1": "fa",
}
_SPACE = "{http://www.unhchr.ch/udhr}"
# A text, and which half of the articles it is from.
Piece = tuple[str, int]
Tell = Callable[[str, int], str | None]


def articles(data: Path, key: str) -> list[str]:
    """Return the paragraphs of the articles."""
    root = ET.parse(data / "language" / f"udhr_{key}.xml").getroot()
    return [
        re.sub(r"\s+", " ", para.text).strip()
        for article in root.iter(f"{_SPACE}article")
        for para in article.iter(f"{_SPACE}para")
        if para.text
    ]


def pieces(texts: Sequence[str], size: int) -> list[Piece]:
    """Cut texts at words into pieces of at least so many characters; what is left over is none."""
    return [(piece, n % 2) for n, text in enumerate(texts) for piece in _cut(text, size)]


def _cut(text: str, size: int) -> Iterator[str]:
    piece = ""
    for word in text.split():
        piece = f"{piece} {word}".strip()
        if len(piece) >= size:
            yield piece
            piece = ""


def share(hits: int, of: int) -> str:
    """Return a share in per cent with its 95 % interval."""
    found = estimate_share(hits, of)
    if found.value is None or found.interval is None:
        return "–"
    low, high = found.interval
    return f"{100 * found.value:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def lingua_alone(*, low: bool) -> Tell:
    """Make lingua's own answer, with our groups of languages."""
    names = {
        each: code for by_code in language.LANGUAGES.values() for each, code in by_code.items()
    }

    @cache
    def detector() -> LanguageDetector:
        builder = LanguageDetectorBuilder.from_languages(*names)
        return (builder.with_low_accuracy_mode() if low else builder).build()

    def tell(text: str, _half: int) -> str | None:
        shares: Counter[str] = Counter()
        for value in detector().compute_language_confidence_values(text):
            shares[{"sr": "bs"}.get(names[value.language], names[value.language])] += value.value
        return shares.most_common(1)[0][0]

    return tell


def profile(data: Path) -> Tell:
    """Make the baseline: logarithms of trigram shares, the most likely language wins."""
    made: dict[tuple[str, int], dict[str, float]] = {}
    for key in KEYS:
        texts = articles(data, key)
        for half in (0, 1):
            counts = Counter(g for text in texts[1 - half :: 2] for g in _trigrams(text))
            total = counts.total() + len(counts) + 1
            made[key, half] = {gram: math.log((n + 1) / total) for gram, n in counts.items()}
            made[key, half][""] = math.log(1 / total)

    def tell(text: str, half: int) -> str | None:
        grams = list(_trigrams(text))
        scores = {
            key: sum(made[key, half].get(gram, made[key, half][""]) for gram in grams)
            for key in KEYS
        }
        return KEYS[max(scores, key=lambda key: scores[key])]

    return tell


def _trigrams(text: str) -> Iterator[str]:
    padded = f" {text.lower()} "
    return (padded[n : n + 3] for n in range(len(padded) - 2))


def finding(text: str, _half: int) -> str | None:
    """Return what the check says to a Swedish council."""
    found = next(language.run(Subject(text)), None)
    return str(found.params["language"]) if found else None


def tell_ours(text: str, _half: int) -> str | None:
    """Return what `identify_language` says."""
    return identify_language(text).code


def table_of(title: str, tell: Tell, data: Path, *, without: frozenset[str]) -> Table:
    """Try a way to tell on all pieces."""
    table = Table("Language", *(f"{size}: right / wrong" for size in SIZES), title=title)
    right, wrong, count = Counter[int](), Counter[int](), Counter[int]()
    for key, code in KEYS.items():
        if code in without:
            continue
        cells = []
        for size in SIZES:
            some = pieces(articles(data, key), size)
            told = [tell(text, half) for text, half in some]
            good, bad = told.count(code), sum(each not in {code, None} for each in told)
            cells.append(f"{100 * good / len(some):.1f} / {100 * bad / len(some):.1f}")
            right[size] += good
            wrong[size] += bad
            count[size] += len(some)
        table.add_row(key, *cells)
    table.add_section()
    table.add_row("all, right", *(share(right[size], count[size]) for size in SIZES))
    table.add_row("all, wrong", *(share(wrong[size], count[size]) for size in SIZES))
    table.add_row("pieces", *(str(count[size]) for size in SIZES))
    return table


def swedish(data: Path, ways: dict[str, Tell]) -> Table:
    """Say how many real ideas, and their titles, are called another language."""
    rows = real_texts.ideas(data)
    table = Table("Way", "Texts", "Titles", "ms a text", title="Swedish called something else")
    for name, tell in ways.items():
        cells = []
        spent = 0.0
        for column in ("text", "title"):
            begun = process_time()
            bad = sum(tell(row[column], 0) not in {"sv", None} for row in rows)
            spent = spent or process_time() - begun
            cells.append(f"{bad} of {len(rows)}: {share(bad, len(rows))} %")
        table.add_row(name, *cells, f"{1000 * spent / len(rows):.2f}")
    return table


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def grown_mb(*, low: bool) -> float:
    """Load lingua's models in this process, and return what that took in memory."""
    before = _resident_mb()
    tell = lingua_alone(low=low)
    for text in ("Enhver har krav", "يولد جميع الناس أحرارا", "تمام افراد", "Все люди рождаются"):
        tell(text, 0)
    return _resident_mb() - before


def main() -> int:
    """Print the tables."""
    arguments = [each for each in sys.argv[1:] if each != "--full"]
    if not arguments:
        print(__doc__)
        return 2
    data, full = Path(arguments[0]), "--full" in sys.argv
    modes = {"lingua alone, small models": True} | ({"lingua alone, large": False} if full else {})
    lingua = {name: lingua_alone(low=low) for name, low in modes.items()}
    console = Console(width=140)
    console.print(table_of("identify, this project", tell_ours, data, without=frozenset()))
    title = "the finding in a Swedish council"
    console.print(table_of(title, finding, data, without=frozenset({"sv"})))
    for name, tell in lingua.items():
        console.print(table_of(name, tell, data, without=frozenset({"ku"})))
    console.print(table_of("trigram profile", profile(data), data, without=frozenset()))
    ways = {"finding": finding, "identify": tell_ours, **lingua, "trigram profile": profile(data)}
    console.print(swedish(data, ways))
    for name, low in modes.items():
        asked = f"from bench.language import grown_mb; print(round(grown_mb(low={low})))"
        grown = subprocess.check_output([sys.executable, "-c", asked], text=True)
        console.print(f"{name}: +{grown.strip()} MB in a process")
    return 0


if __name__ == "__main__":
    sys.exit(main())
