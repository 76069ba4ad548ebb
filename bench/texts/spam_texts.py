"""The texts that the shipped spam model is trained and measured on, read from where they lie.

DATA is a folder with `youtube_spam/`, `sms_spam/`, `goteborgsforslaget/`, `uk_petition_titles/`,
`swedish_ner/` and `language/` (docs/spam-model-card.md says what each is); `data/` beside this file
has what was written for it.
"""

import csv
import html
import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from bench.texts import real_texts

OWN = Path(__file__).parents[1] / "data"
VIDEOS = ("psy", "katy_perry", "lmfao")
TRAIN_SHARE = 0.7
_VARIANTS = 8
_PETITIONS = 6000


class Known(NamedTuple):
    """A text, whether it is spam, where it is from, and what must stay on one side of a cut."""

    text: str
    spam: bool
    source: str
    group: str


def clean(raw: str) -> str:
    """Return a text as a person saw it: entities resolved, byte order marks gone."""
    return html.unescape(raw).replace("\ufeff", "").strip()


def video(data: Path, name: str) -> list[Known]:
    """Return the comments of a video, in the order of the file."""
    with (data / f"youtube_spam/{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            Known(text, row["spam"] == "1", "youtube", text)
            for row in csv.DictReader(file)
            if (text := clean(row["content"]))
        ]


def papers_split(rows: list[Known]) -> tuple[list[Known], list[Known]]:
    """Return the first 70 % of each kind, and the rest (Alberto, Lochter, Almeida, ICMLA 2015)."""
    train: list[Known] = []
    test: list[Known] = []
    for kind in (False, True):
        some = [row for row in rows if row.spam is kind]
        cut = round(TRAIN_SHARE * len(some))
        train += some[:cut]
        test += some[cut:]
    return train, test


def messages(data: Path) -> list[Known]:
    """Return the first 1674 of the SMS Spam Collection."""
    return [Known(text := clean(raw), spam, "sms", text) for raw, spam in real_texts.messages(data)]


def proposals(data: Path) -> list[Known]:
    """Return residents' proposals: the text of each, and its title as another short text."""
    return [
        Known(clean(row[part]), False, f"proposal {part}", row["id"])
        for row in real_texts.ideas(data)
        for part in ("text", "title")
    ]


def petitions(data: Path) -> list[Known]:
    """Return titles of petitions, alone and, as longer English texts, three by three."""
    titles = list(dict.fromkeys(map(clean, real_texts.petition_titles(data))))
    some = sorted(titles, key=lambda title: crc32(title.encode()))[:_PETITIONS]
    alone = [Known(title, False, "petition", title) for title in some]
    joined = [
        Known(". ".join(some[i : i + 3]) + ".", False, "petitions joined", some[i])
        for i in range(0, len(some) - 2, 6)
    ]
    return alone + joined


def news(data: Path) -> list[Known]:
    """Return sentences of Swedish web news, one in three."""
    raw = (data / "swedish_ner/train_corpus.txt").read_text("utf-8")
    found = []
    for block in re.split(r"\n\s*\n", raw)[::3]:
        words = [line.split("\t")[0] for line in block.splitlines() if line.strip()]
        text = re.sub(r"\s+([.,!?:;)])", r"\1", " ".join(words))
        if len(text) >= 10:
            found.append(Known(text, False, "news", text))
    return found


def declaration(data: Path) -> list[Known]:
    """Return the paragraphs of the Universal Declaration in 14 languages."""
    found = []
    for path in sorted((data / "language").glob("*.xml")):
        for element in ET.parse(path).iter():
            text = " ".join("".join(element.itertext()).split())
            if element.tag.endswith("para") and len(text) >= 10:
                found.append(Known(text, False, "declaration", path.stem))
    return found


_CHOICE = re.compile(r"\{([^{}]*)\}")


def written() -> Iterator[Known]:
    """Return what was written for this: a line gives up to eight texts, always the same."""
    for name, spam in (("spam_written.txt", True), ("ham_written.txt", False)):
        for line in (OWN / name).read_text("utf-8").splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            kind = "spam" if spam else "ham"
            for text in vary_line(line):
                yield Known(text, spam, f"written {kind}", line)


def vary_line(line: str) -> list[str]:
    """Return the up to eight different texts that a written line stands for, always the same."""
    return list(dict.fromkeys(_variant(line, n) for n in range(_VARIANTS)))


def _variant(line: str, number: int) -> str:
    place = itertools.count()

    def choose(match: re.Match[str]) -> str:
        choices = match[1].split("|")
        return choices[crc32(f"{number} {next(place)} {match[1]}".encode()) % len(choices)]

    return _CHOICE.sub(choose, line)


def everything(data: Path) -> list[Known]:
    """Return all texts that the shipped model is trained on."""
    return [
        *itertools.chain.from_iterable(video(data, name) for name in VIDEOS),
        *messages(data),
        *proposals(data),
        *petitions(data),
        *news(data),
        *declaration(data),
        *written(),
    ]
