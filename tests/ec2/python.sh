#!/usr/bin/env bash
# Python with the packages of requirements.txt, in a venv of its own per user. Needs python3 with venv, and PyPI the first time.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
pins=$here/requirements.txt
venv=${XDG_CACHE_HOME:-$HOME/.cache}/windlass/ec2-$(cksum <"$pins" | tr ' ' -)

mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"
flock 9
if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins" >&2
    touch "$venv/complete"
fi
exec 9>&-

export PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" "$@"
