#!/bin/sh
# SPDX-License-Identifier: MIT
# The note leads to the descriptor however a program is linked, and stripping does not remove it.
#
#     linkage.sh CC LIBASYNCRT.A RUNTIME-INCLUDE TESTS-FOLDER
#
# For another machine: EMULATOR runs its programs, STRIP strips them, LIBUV names its library.
set -eu
cc=$1 library=$2 include=$3 tests=$4
emulator=${EMULATOR:-} strip=${STRIP:-strip} uv=${LIBUV:--luv}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# build OUTPUT FLAGS...
build() {
    output=$1
    shift
    "$cc" -O2 -g -I"$include" "$tests/linkage.c" -o "$output" "$@"
}

# check PROGRAM FILE-WITH-NOTE: the note is there, and the program's own search for it succeeds; then stripped.
check() {
    readelf -n "$2" | grep -q '^ *AsyncDebug .*0x00000010'
    $emulator "./$1"
    "$strip" "$2"
    readelf -n "$2" | grep -q '^ *AsyncDebug .*0x00000010'
    $emulator "./$1"
    echo "$1: ok"
}

build pie -fPIE -pie "$library" "$uv"
check pie pie
build no-pie -fno-pie -no-pie "$library" "$uv"
check no-pie no-pie
build collected -Wl,--gc-sections "$library" "$uv"
check collected collected

"$cc" -shared -o libshared.so -Wl,--whole-archive "$library" -Wl,--no-whole-archive "$uv"
build shared -L. -Wl,-rpath,"$folder" -lshared "$uv"
check shared libshared.so

# The static libuv is called so on Debian.
if "$cc" -static -print-file-name=libuv_a.a | grep -q /; then
    build static -static "$library" -l:libuv_a.a -lpthread -ldl -lrt
    check static static
fi
