#!/usr/bin/env bash
# Serves AWS with real DescribeInstanceTypes data (moto, Apache-2.0) on a free loopback port, until standard input closes: whoever starts it
# cannot leave it behind. Prints its URL. `--help` says what it can be given.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
exec "$here/python.sh" "$here/serve.py" "$@"
