#!/usr/bin/env bash
# Serves EC2's describe calls from real DescribeInstanceTypes data (moto, Apache-2.0) on a free loopback port, until standard input
# closes: whoever starts it cannot leave it behind. Prints its URL. Needs python3 with venv, and PyPI the first time.
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

exec "$venv/bin/python" "$here/serve.py"
