#!/bin/sh
# Install what running (`up`) or working on Rådslag (`dev`) needs into .venv, unless it is there.
#
# .venv/.up and .venv/.dev say for which files, folder and Python that was done. .venv/.installing is
# there while it is being done: what an interrupted install leaves behind is made anew.
set -eu

kind=$1
catalogs="shared/locale/*/LC_MESSAGES/messages.po"
# shellcheck disable=SC2086
wanted="$(pwd) $(cat pyproject.toml requirements*.txt $catalogs | cksum)"

works() {
    [ -f .venv/.made ] && [ ! -e .venv/.installing ] && .venv/bin/python -c '' 2>/dev/null
}

for done in "$kind" dev; do
    if [ "$(cat ".venv/.$done" 2>/dev/null)" = "$wanted" ] && works; then
        exit 0
    fi
done

if ! (mkdir -p .venv && : >.venv/.writable) 2>/dev/null; then
    echo "Cannot write in $(pwd): clone Rådslag into a folder of your own." >&2
    exit 2
fi
works || sh tools/venv.sh

rm -f .venv/.up .venv/.dev
: >.venv/.installing
.venv/bin/python -I -S tools/install.py "$kind"
.venv/bin/python -m radslag.translations compile
rm .venv/.installing
printf '%s\n' "$wanted" >".venv/.$kind"
