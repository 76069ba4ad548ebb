"""Put small faults into the code, one at a time, and count how many of them the tests notice.

`python -m bench mutants 150 --seed 1` takes 150, as many of each area, and in an area of each kind.
A survivor is printed with its change; a table ends it. What is known is kept (`--out`), so that an
interrupted run goes on. The first run notes which test reaches which line (`--map`), which takes as
long as all tests on as many processes (`--jobs`); do it again when many tests have changed.
"""

import argparse
import json
import queue
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from difflib import unified_diff
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bench.mutants import hand_made
from bench.mutants.areas import area_of, files_with_rules
from bench.mutants.operators import Mutant, is_python, mutants_of
from bench.mutants.reach import Reach
from bench.mutants.running import BROKE, HUNG, NOTICED, SURVIVED, Lane, lanes
from services.moderation.checks.learned_spam.spam_figures import estimate_share

TREE = Path(__file__).resolve().parents[2]
KEPT = TREE / ".venv" / "mutants"


def main() -> int:
    """Do what the arguments say."""
    asked = _arguments()
    # Being ended is no reason to leave servers and copies behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    reach = Reach(TREE, KEPT)
    if asked.map or not (KEPT / "known.json").exists():
        with lanes(TREE, asked.jobs) as opened:
            reach.draw([lane.copy for lane in opened])
        if asked.map:
            return 0
    chosen = sample(all_mutants(asked.files, asked.area), asked.number, asked.seed)
    out: Path = asked.out or KEPT / f"seed-{asked.seed}.jsonl"
    if asked.again:
        out.unlink(missing_ok=True)
    known = {record["key"]: record for record in _records(out)}
    if asked.survivors:
        wanted = {r["key"] for r in _records(asked.survivors) if r["outcome"] == SURVIVED}
        chosen = [m for m in all_mutants([], []) if m.key in wanted]
    if asked.list:
        for mutant in chosen:
            print(f"{mutant.area:>18}  {mutant.operator:10}  {mutant.file}:{mutant.line}")
        return 0
    left = [mutant for mutant in chosen if mutant.key not in known]
    print(f"{len(chosen)} mutants, {len(chosen) - len(left)} of them known from {out}", flush=True)
    began = time.monotonic()
    doubtful: set[str] = set()
    with lanes(TREE, asked.jobs) as opened, out.open("a", encoding="utf-8") as file:
        try:
            for record in _tried(left, opened, reach, asked):
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
                file.flush()
                known[record["key"]] = record
                _tell(record)
            doubtful = _doubtful(opened[0], [known[m.key] for m in chosen])
        except (KeyboardInterrupt, SystemExit):
            print("\nInterrupted; the same again goes on from here. Until now:", flush=True)
    told = [known[mutant.key] for mutant in chosen if mutant.key in known]
    _tell_all(told, doubtful, time.monotonic() - began)
    return 0


def all_mutants(files: Iterable[str] = (), areas: Iterable[str] = ()) -> list[Mutant]:
    """Everything that could be tried, or what is in some files or areas."""
    made = [
        replace(mutant, area=area_of(file) or "")
        for file in files_with_rules(TREE)
        for mutant in mutants_of(file, (TREE / file).read_text("utf-8"))
    ]
    made += hand_made.mutants(TREE)
    files, areas = list(files), list(areas)
    return [
        mutant
        for mutant in made
        if (not files or any(fnmatch(mutant.file, pattern) for pattern in files))
        and (not areas or mutant.area in areas)
    ]


def sample(mutants: Iterable[Mutant], number: int, seed: int) -> list[Mutant]:
    """As many of each area, and in an area as many of each kind of fault, while there are any."""
    chance = random.Random(seed)
    strata: dict[str, dict[str, list[Mutant]]] = defaultdict(lambda: defaultdict(list))
    for mutant in mutants:
        strata[mutant.area][mutant.operator].append(mutant)
    orders = {area: _in_turn(kinds, chance) for area, kinds in sorted(strata.items())}
    chosen: list[Mutant] = []
    while orders and len(chosen) < number:
        for area in list(orders):
            mutant = next(orders[area], None)
            if mutant is None:
                del orders[area]
            elif len(chosen) < number:
                chosen.append(mutant)
    return chosen


def _in_turn(kinds: dict[str, list[Mutant]], chance: random.Random) -> Iterator[Mutant]:
    """One of each kind, then another of each; the kinds in an order of chance, too."""
    piles = [chance.sample(pile, len(pile)) for _kind, pile in sorted(kinds.items())]
    while piles:
        chance.shuffle(piles)
        for pile in piles:
            mutant = pile.pop()
            if not mutant.file.endswith(".py") or is_python(_mutated(mutant)):
                yield mutant
        piles = [pile for pile in piles if pile]


def _tried(
    mutants: list[Mutant], opened: list[Lane], reach: Reach, asked: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    free: queue.Queue[Lane] = queue.Queue()
    for lane in opened:
        free.put(lane)

    def try_one(mutant: Mutant, tests: list[str]) -> dict[str, Any]:
        lane, began = free.get(), time.monotonic()
        try:
            outcome = lane.try_out(mutant, tests, asked.seconds, journeys=asked.journeys)
        finally:
            free.put(lane)
        return {
            "key": mutant.key,
            "area": mutant.area,
            "operator": mutant.operator,
            "file": mutant.file,
            "line": mutant.line,
            "outcome": outcome.outcome,
            "by": outcome.by,
            "reached_by": len(tests),
            "ran": outcome.ran,
            "cut": outcome.cut,
            "seconds": round(time.monotonic() - began, 1),
            "diff": difference(mutant),
        }

    with ThreadPoolExecutor(len(opened)) as pool:
        futures = [pool.submit(try_one, mutant, reach.tests_of(mutant)) for mutant in mutants]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for lane in opened:
                lane.give_up()
            raise


def _mutated(mutant: Mutant) -> str:
    return mutant.apply((TREE / mutant.file).read_text("utf-8"))


def difference(mutant: Mutant) -> str:
    """What a mutant changes, as a diff."""
    text = (TREE / mutant.file).read_text("utf-8")
    old, new = text.splitlines(), _mutated(mutant).splitlines()
    return "\n".join(list(unified_diff(old, new, lineterm="", n=1))[3:])


def _doubtful(lane: Lane, records: list[dict[str, Any]]) -> set[str]:
    """Which tests that noticed something fail without any fault, too."""
    suspects = {record["by"] for record in records if record["outcome"] in {NOTICED, HUNG}}
    failing = set()
    suspects = {test for test in suspects if "::" in test}
    if suspects and lane.ask(sorted(suspects), 600).outcome != SURVIVED:
        failing = {test for test in suspects if lane.ask([test], 120).outcome != SURVIVED}
    return failing


def _tell(record: dict[str, Any]) -> None:
    cut = " (not all had time)" if record["cut"] else ""
    print(
        f"{record['outcome']:>9}  {record['file']}:{record['line']} {record['operator']}, "
        f"{record['ran']} of {record['reached_by']} tests{cut}, {record['seconds']} s",
        flush=True,
    )
    if record["outcome"] == SURVIVED:
        print(record["diff"], flush=True)


def _tell_all(records: list[dict[str, Any]], doubtful: set[str], seconds: float) -> None:
    by_area: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        by_area[record["area"]].append(record)
    print(f"\n{'area':>18}  noticed      rate  (95 %)")
    for area, some in [*sorted(by_area.items()), ("all", records)]:
        noticed = sum(r["outcome"] != SURVIVED and r["by"] not in doubtful for r in some)
        low, high = estimate_share(noticed, len(some)).interval or (0, 1)
        of = f"{noticed}/{len(some)}"
        print(f"{area:>18}  {of:>7}   {noticed / max(len(some), 1):6.0%}  ({low:.0%}–{high:.0%})")
    count = {kind: sum(r["outcome"] == kind for r in records) for kind in (HUNG, BROKE)}
    cut = sum(r["cut"] for r in records)
    print(
        f"\n{count[HUNG]} hung and {count[BROKE]} could not start (both count as noticed); {cut} "
        f"survivors had not met all tests that reach them. This run: {seconds / 60:.1f} minutes."
    )
    for test in sorted(doubtful):
        print(f"Not counted, since it fails without a fault, too: {test}")


def _records(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _arguments() -> argparse.Namespace:
    asks = argparse.ArgumentParser(prog="bench mutants", description=__doc__)
    asks.add_argument("number", nargs="?", type=int, default=150, help="how many (150)")
    asks.add_argument("--seed", type=int, default=1)
    asks.add_argument("--jobs", type=int, default=1, help="how many at a time")
    asks.add_argument("--seconds", type=float, default=90, help="of tests for each mutant")
    asks.add_argument("--area", action="append", default=[], help="only this area; again for more")
    asks.add_argument("--files", action="append", default=[], help="only files like this")
    asks.add_argument("--out", type=Path, help="where results are kept, as JSON lines")
    asks.add_argument("--again", action="store_true", help="forget the results kept there")
    asks.add_argument("--survivors", type=Path, help="try those that survived in these results")
    asks.add_argument("--map", action="store_true", help="note what new and changed tests reach")
    asks.add_argument("--journeys", action="store_true", help="slow tests and browsers, too, last")
    asks.add_argument("--list", action="store_true", help="say what would be tried")
    return asks.parse_args()


if __name__ == "__main__":
    sys.exit(main())
