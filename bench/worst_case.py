"""The slowest text of 2000 characters for each check: nasty ones by hand, then mutated for cost.

No check may take over 50 ms of CPU. The worst are run three times and the quickest run counts, for
noise only ever adds. `python -m bench worst_case [ROUNDS]`; the seed is fixed.
"""

import random
import sys
from collections.abc import Callable, Iterator
from time import process_time

from rich.console import Console
from rich.table import Table

from services.moderation.checks import CHECKS, Subject, tone
from services.moderation.checks.duplicates import confirm_match, keys_of
from services.moderation.checks.personal import names
from services.moderation.checks.personal.name_words import words_of
from services.moderation.checks.verdict import combine_findings
from shared.reading import read_text
from shared.text import clean_text, fold_text

LENGTH = 2000
LIMIT_MS = 50
_KEPT = 12

_PIECES = [
    *("a", "å", "ä\u0308", "е", "ñ", " ", "\n", ".", "!", "-", "/", "@", "0", "1", "9", "x.se "),
    *(
        "😀",
        "👩\u200d👩\u200d👧 ",
        "\u200b",
        "\u00ad",
        "\u202e",
        "\u2066",
        "\ufffd",
        "ﷺ",
        "\U000e0041",
    ),
    *("jag är ", "jag heter Li ", "11 år ", "min son ", "Li, 9 år", "går i 4B "),
    *("070-174 06 05 ", "811218-9876 ", "19811218 ", "+46 ", "0 0 0 ", "5555 5555 ", "SE35 5000 "),
    *(
        "a@a.se ",
        "a@",
        "(at) ",
        "http://a.se ",
        "www.",
        "a.a.a.",
        "https://xn--a-ecp.ru/",
        "[url=",
        "<a href=",
    ),
    *("ABC 123 ", "Storgatan 1 ", "Anna Andersson ", "A. B ", "@a ", "snap: ", "rektorn ", "von "),
    *("din idiot ", "f*n ", "i d i o t ", "inte ", "”", '"', "döda dig ", "alla ", "jävla", "skit"),
    *(
        "jag vill dö ",
        "jag orkar inte ",
        "ta livet av mig ",
        "min granne ",
        "slår ",
        "stjäl ",
        "han ",
    ),
    *(
        "på Storgatan 14 ",
        "och heter ",
        "vi i 4a ",
        "på Ekskolan ",
        "fyller 13 i mars ",
        "är djur ",
    ),
    *(
        "AB",
        "Aa ",
        "hej hej hej hej ",
        "ab ab ab ",
        "qwrtpsdfg",
        "asdf",
        "vi vill ha ",
        "и",
        "ا",
        "ש",
    ),
]


def texts(chance: random.Random) -> Iterator[str]:
    """Every piece filled up, every pair of pieces in turn, and mixtures."""
    for piece in _PIECES:
        yield _full(piece)
        yield _full(piece + " ")
    for _ in range(600):
        yield _full("".join(chance.choices(_PIECES, k=chance.randint(2, 6))))
    for _ in range(100):
        yield _full("".join(chance.choices(_PIECES, k=LENGTH)))


def _full(piece: str) -> str:
    return clean_text((piece * (LENGTH // len(piece) + 1))[:LENGTH]) or "..."


def _mutated(text: str, chance: random.Random) -> str:
    piece = chance.choice(_PIECES)
    place = chance.randrange(len(text))
    times = chance.choice((1, 1, 5, 50))
    return clean_text((text[:place] + piece * times + text[place:])[:LENGTH]) or "..."


def _cost_ms(work: Callable[[str], object], text: str, times: int = 1) -> float:
    best = float("inf")
    for _ in range(times):
        # What one check has read is kept for the next; here each pays for itself.
        for kept in (tone.marked_with, names.find_names, words_of, read_text):
            kept.cache_clear()
        start = process_time()
        work(text)
        best = min(best, process_time() - start)
    return 1000 * best


def _works() -> dict[str, Callable[[str], object]]:
    works: dict[str, Callable[[str], object]] = {
        check.name: (lambda text, run=check.run: list(run(Subject(text, text[:80]))))
        for check in CHECKS
    }
    works["fold"] = fold_text
    works["fingerprints"] = lambda text: keys_of([fold_text(text)])
    works["confirm a pair"] = lambda text: confirm_match(
        fold_text(text), fold_text(text[7:] + text[:9])
    )
    works["all local checks"] = lambda text: combine_findings(
        [finding for check in CHECKS for finding in check.run(Subject(text, text[:80]))]
    )
    return works


def main() -> int:
    """Print the worst text found for each check; 1 when one takes too long."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    console = Console()
    table = Table("Check", "Worst ms", "Median ms", "The worst text begins", title="CPU of a text")
    slow = 0
    for name, work in _works().items():
        chance = random.Random(2021)
        work("värm upp")
        measured = sorted(((_cost_ms(work, text), text) for text in texts(chance)), reverse=True)
        median = measured[len(measured) // 2][0]
        worst = sorted(((_cost_ms(work, text, 3), text) for _ms, text in measured[:_KEPT]))[::-1]
        for _ in range(rounds):
            text = _mutated(chance.choice(worst)[1], chance)
            worst = sorted([*worst, (_cost_ms(work, text, 3), text)], reverse=True)[:_KEPT]
        slow += name != "all local checks" and worst[0][0] > LIMIT_MS
        table.add_row(name, f"{worst[0][0]:.1f}", f"{median:.2f}", repr(worst[0][1][:48]))
    console.print(table)
    console.print(f"{len(list(texts(random.Random(2021))))} texts and {rounds} mutations a check")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
