#!/bin/sh
# SPDX-License-Identifier: MIT
# The static tracepoints are in the program, as perf and bpftrace read them, and lie in its code.
#
#     probes.sh PROGRAM
set -eu
program=$1
notes=$(readelf -nW "$program" | awk '/Provider: asyncrt/ {ours = 1; next}
    /Provider:/ {ours = 0}
    ours && $1 == "Name:" {name = $2}
    ours && $1 == "Location:" {at = $2}
    ours && $1 == "Arguments:" {print name, NF - 1, at}')
# $1 is the number of arguments of the probe $2.
expect() {
    if ! echo "$notes" | grep -q "^$2 $1 0x"; then
        echo "no probe $2 with $1 arguments; there are:" "$notes" >&2
        exit 1
    fi
}
expect 4 spawn
expect 3 resume
expect 3 suspend
expect 3 'done'
# Each location is a nop (in hexadecimal 90; d503201f) of the code.
for location in $(echo "$notes" | awk '{sub(",", "", $3); print $3}'); do
    objdump -d --start-address="$location" --stop-address="$(printf '0x%x' $((location + 4)))" "$program" |
        grep -qw nop
done
