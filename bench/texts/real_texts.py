"""The real texts that several programs measure on, read from where they lie: DATA, a folder."""

import csv
from pathlib import Path

IDEAS = "goteborgsforslaget/ideas_2017_2020.csv"
PETITIONS = "uk_petition_titles/published_2010_2015.csv"
MESSAGES = "sms_spam/first_1674.tsv"


def ideas(data: Path) -> list[dict[str, str]]:
    """Return residents' ideas to Göteborg: the columns of each."""
    return _rows(data / IDEAS)


def whole_ideas(data: Path) -> list[str]:
    """Return the same as a resident would send them: the title, and the text below it."""
    return [f"{row['title']}\n{row['text']}" for row in ideas(data)]


def petition_titles(data: Path) -> list[str]:
    """Return titles of British petitions."""
    return [row["Petition"] for row in _rows(data / PETITIONS)]


def messages(data: Path) -> list[tuple[str, bool]]:
    """Return short messages, and whether each is spam."""
    lines = (data / MESSAGES).read_text("utf-8").splitlines()
    pairs = [line.split("\t", 1) for line in lines if "\t" in line]
    return [(text, kind == "spam") for kind, text in pairs]


def wanted_messages(data: Path) -> list[str]:
    """Return those that are no spam."""
    return [text for text, spam in messages(data) if not spam]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
