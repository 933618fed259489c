#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures the runtime beside its peers, and asyncdump: see --help. Not a test: nothing here passes or fails by a time.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly python=/usr/bin/python3 build=build/bench
export PYTHONDONTWRITEBYTECODE=1

# Words that need no build; wrong ones are told before it.
for argument in "$@"; do
    case $argument in
        --help | -h | --list) exec "$python" tests/bench/bench.py "$argument" ;;
    esac
done
"$python" tests/bench/bench.py --list "$@" >/dev/null

.ci/install
.ci/install tests/bench/packages
cmake -S tests/bench -B "$build" -G Ninja --log-level=WARNING >/dev/null
cmake --build "$build" --target all kvd herd asyncdump >"$build/build.log" 2>&1 || {
    cat "$build/build.log" >&2
    exit 1
}
exec "$python" tests/bench/bench.py "$@"
