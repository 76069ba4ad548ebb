#!/bin/sh
# Make .venv with the first Python on the path that is new enough. Last of all .venv/.made is written:
# without it, what is there is half-made or broken.
set -eu

new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Rådslag needs Python 3.11 or newer; found: $(python3 --version 2>&1 || echo none)." >&2
    echo "Name another one with: make PYTHON=/path/to/python3 …" >&2
    exit 2
fi

# Debian and Ubuntu keep venv's pip in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "Installing python$version-venv with apt-get …"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "python$version-venv" >/dev/null
    else
        echo "This Python ($python) has no venv; install it first (on Debian and Ubuntu: sudo apt install python3-venv)." >&2
        exit 2
    fi
fi

echo "Making .venv with $("$python" --version) …" >&2
rm -rf .venv
if ! said=$("$python" -m venv .venv 2>&1); then
    echo "$said" | tail -n 3 >&2
    echo "Python could not make .venv in $(pwd): is there room on the disk, and may you write here?" >&2
    exit 2
fi
: >.venv/.made
