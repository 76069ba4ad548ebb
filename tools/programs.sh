#!/bin/sh
# What some tests need besides Python's packages: Chromium, which they drive, SpamAssassin, which
# judges our letters, PgBouncer, which stands between a web and its database, and age, which seals
# backups. Root on Debian gets them; for everybody else it is said what will be skipped.
set -eu

has_any() {
    for name in "$@"; do
        if command -v "$name" >/dev/null; then
            return 0
        fi
    done
    return 1
}

install_package() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        return 1
    fi
    echo "Installing $1 with apt-get for the tests …"
    log=$(mktemp)
    if apt-get update -qq >"$log" 2>&1 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >>"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
}

has_any chromium chromium-browser google-chrome google-chrome-stable || install_package chromium ||
    echo "NOTE: no Chromium found, so the browser tests will be SKIPPED (on Debian: sudo apt install chromium)." >&2
has_any spamassassin || install_package spamassassin ||
    echo "NOTE: no SpamAssassin found, so its test will be SKIPPED (on Debian: sudo apt install spamassassin)." >&2
has_any age-keygen || install_package age ||
    echo "NOTE: no age found, so tests of sealed backups will be SKIPPED (on Debian: sudo apt install age)." >&2
has_any pgbouncer /usr/sbin/pgbouncer || install_package pgbouncer ||
    echo "NOTE: no PgBouncer found, so its tests will be SKIPPED (on Debian: sudo apt install pgbouncer)." >&2
