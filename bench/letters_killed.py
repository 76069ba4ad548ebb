"""Kill the worker of letters while letters leave through a stormy mail server (6 minutes).

1000 letters and 50 kills, or as many as are named: `python -m bench letters_killed 1000 50 SEED`.
It is the journey `test_letters_in_a_storm.py` in its full size, so it also fails when
a promise is broken.
"""

import os
import subprocess
import sys

ASKED = dict(zip(("STORM_LETTERS", "STORM_KILLS", "STORM_SEED"), sys.argv[1:], strict=False))
USUAL = {"STORM_LETTERS": "1000", "STORM_KILLS": "50"}
JOURNEY = "tests/journeys/test_letters_in_a_storm.py"

if __name__ == "__main__":
    sys.exit(
        subprocess.run(
            [sys.executable, "-m", "pytest", JOURNEY, "-q", "-s"],
            env={**os.environ, **USUAL, **ASKED},
            check=False,
        ).returncode
    )
