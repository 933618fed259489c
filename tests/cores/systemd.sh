#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's own journal, systemd-coredump and coredumpctl, unpacked in ROOT, on a machine that does not run them.
#
#   unshare --mount systemd.sh ROOT FOLDER store PID STORAGE <CORE    what the kernel's core_pattern would run
#   unshare --mount systemd.sh ROOT FOLDER run COMMAND...             with that coredumpctl first in PATH
#
# The journal and the cores stay in FOLDER; all else is gone with the mount namespace. STORAGE as in
# coredump.conf(5).
set -euo pipefail
root=$1 folder=$2 what=$3
shift 3
readonly libraries=$root/usr/lib/x86_64-linux-gnu/systemd:$root/lib/x86_64-linux-gnu/systemd

# over PLACE: an empty PLACE, on a tmpfs.
over()
{
    mkdir -p "$1"
    mount -t tmpfs tmpfs "$1"
}

mkdir -p "$folder"/{journal,coredump,bin}
for place in /run /var/log /var/lib/systemd /etc/systemd; do
    over "$place"
done
mkdir -p /run/systemd/journal /var/log/journal /var/lib/systemd/coredump
mount --bind "$folder/journal" /var/log/journal
mount --bind "$folder/coredump" /var/lib/systemd/coredump
echo 0123456789abcdef0123456789abcdef >"$folder/machine-id"
touch /etc/machine-id
mount --bind "$folder/machine-id" /etc/machine-id
mkdir -p "/var/log/journal/$(cat /etc/machine-id)"

# Not a function: what it starts in the background must be the process itself, to be ended by its number.
readonly systemd=(env "LD_LIBRARY_PATH=$libraries" SYSTEMD_LOG_TARGET=console)

# There is something at PATH, before ten seconds are over.
await()
{
    for _ in {1..100}; do
        [ ! -e "$1" ] || return 0
        sleep 0.1
    done
    echo "no $1" >&2
    exit 1
}

# known PID: coredumpctl knows a core of it.
known()
{
    "${systemd[@]}" "$root/usr/bin/coredumpctl" --no-pager -q info "$1" >/dev/null 2>&1
}

store()
{
    local pid=$1
    : >/run/systemd/journal/flushed # at once to the disk
    printf '[Coredump]\nStorage=%s\n' "$2" >/etc/systemd/coredump.conf
    trap 'kill $(jobs -p); wait || true' EXIT
    "${systemd[@]}" "$root/lib/systemd/systemd-journald" &
    await /run/systemd/journal/socket
    "${systemd[@]}" "$root/usr/bin/systemd-socket-activate" --accept --seqpacket --listen=/run/systemd/coredump \
        -E LD_LIBRARY_PATH -E SYSTEMD_LOG_TARGET "$root/lib/systemd/systemd-coredump" &
    await /run/systemd/coredump
    "${systemd[@]}" "$root/lib/systemd/systemd-coredump" "$pid" "$(id -u)" "$(id -g)" 6 "$(date +%s)" \
        18446744073709551615 host
    for _ in {1..100}; do
        known "$pid" && break
        sleep 0.1
    done
    known "$pid"
}

case $what in
    store) store "$@" ;;
    run)
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/usr/bin/coredumpctl "$@"\n' "$libraries" "$root" \
            >"$folder/bin/coredumpctl"
        chmod +x "$folder/bin/coredumpctl"
        PATH=$folder/bin:$PATH exec "$@" ;;
esac
