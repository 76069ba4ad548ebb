#!/bin/sh
# Resolve pyproject.toml for every Python and platform we support, with hashes and without addresses.
set -eu

if ! command -v uv >/dev/null; then
    echo "Locking needs uv (pip install uv); nothing else does." >&2
    exit 2
fi

resolve() {
    file=$1
    shift
    {
        echo "# Made by \`make lock\` from pyproject.toml. Do not edit."
        uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
            --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
            ${UPGRADE:+--upgrade} "$@" pyproject.toml
    } >"$file.new"
    mv "$file.new" "$file"
}

resolve requirements-dev.txt --extra embedded --extra dev
# What runs in production is what was tested.
resolve requirements.txt --constraint requirements-dev.txt
