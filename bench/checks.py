"""All that is measured about the checks, one program after the other; an hour on two cores.

    python -m bench checks DATA [NAME …]

DATA is the folder of real texts that each program names in its first lines; with names, only those
are run. What they printed, and when, is written up in docs/quality.md.
"""

import subprocess
import sys
from pathlib import Path

# Program → what follows DATA on its command line; those of False take no DATA.
PROGRAMS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "duplicates_text": (True, ()),
    "duplicates_changes": (True, ()),
    "duplicates_baselines": (True, ()),
    "duplicates_scale": (True, ("10000", "100000", "1000000")),
    "same_instant": (False, ("20",)),
    "spam_baselines": (True, ()),
    "train_spam": (True, ()),
    "personal_data": (True, ()),
    "language": (True, ()),
    "tone": (True, ()),
    "train_tone": (True, ()),
    "everyday": (True, ()),
    "semantic": (True, ()),
    "worst_case": (False, ("300",)),
    "throughput": (False, ("100000", "1000000")),
}


def main(data: Path, names: list[str]) -> int:
    """Run the programs; 2 when one is unknown, 1 when one fails."""
    unknown = set(names) - set(PROGRAMS)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PROGRAMS)}")
        return 2
    failed = 0
    for name in names or PROGRAMS:
        wants_data, more = PROGRAMS[name]
        print(f"\n## {name}\n", flush=True)
        arguments = [*([str(data)] if wants_data else []), *more]
        done = subprocess.run([sys.executable, "-m", "bench", name, *arguments], check=False)
        failed += done.returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
