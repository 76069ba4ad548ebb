"""Run a measuring program: `python -m bench NAME [ARGUMENTS]`; without a name, list them."""

import runpy
import sys
from ast import get_docstring, parse
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run the program that was named."""
    programs = {path.stem: path for path in sorted(HERE.glob("[a-z]*.py"))}
    programs |= {path.parent.name: path for path in sorted(HERE.glob("[a-z]*/__main__.py"))}
    if len(sys.argv) > 1 and sys.argv[1] in programs:
        del sys.argv[0]
        runpy.run_module(f"bench.{sys.argv[0]}", run_name="__main__")
        return 0
    for name, path in programs.items():
        about = get_docstring(parse(path.read_text("utf-8"))) or ""
        print(f"{name:>18}  {about.splitlines()[0]}")
    return 0 if len(sys.argv) == 1 else 2


if __name__ == "__main__":
    sys.exit(main())
