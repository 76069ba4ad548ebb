#!/bin/sh
# Run a command with a temporary folder that has room: .venv/tmp where the machine's is small.
set -eu

# What the tests put there at the same time, in kB.
needed=1500000
temporary=${TMPDIR:-/tmp}
free=$(df -Pk "$temporary" 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ "${free:-0}" -lt "$needed" ] || [ ! -w "$temporary" ]; then
    rm -rf .venv/tmp
    mkdir -p .venv/tmp
    TMPDIR=$(pwd)/.venv/tmp
    export TMPDIR
fi
exec "$@"
