#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, and runs every test of the project.
set -euo pipefail
cd "$(dirname "$0")/.."

usage()
{
    cat <<'END'
Usage: tests/run.sh [--nightly] [--keep-going] [FILTER]
Installs what is missing (Debian), builds, and runs all tests. Quick when nothing changed.

  FILTER        a step (see --list), or a part of test names that is sought in all steps
  --list        print the steps and end
  --nightly     longer: more trials and larger targets where a test knows how
  --keep-going  do not stop after the first step that fails

Examples:
  tests/run.sh                 everything
  tests/run.sh lint            one step and the builds it needs
  tests/run.sh bad_input       all tests with "bad_input" in their names
  tests/run.sh --nightly live  the live tests, with more trials

The last line is `N passed, M failed` and perhaps `, K skipped`. Status: 0 all passed, 1 not so, 2 usage.
What each step printed stays in build/results/STEP.log.
END
}

# The pytest folders that need each compiler's build, not the main one only.
crossed='contract|waits'

folders()
{
    local file
    for file in tests/*/test_*.py; do
        basename "$(dirname "$file")"
    done | sort -u
}

steps()
{
    echo lint
    echo ctest
    echo sanitize
    echo thread
    [ -z "$nightly" ] || echo thread-clang
    echo valgrind
    folders | grep -vxE "lint|$crossed"
    folders | grep -xE "$crossed"
}

filter='' nightly='' keep_going=''
for argument in "$@"; do
    case $argument in
        --help) usage; exit ;;
        --list) steps; exit ;;
        --nightly) nightly=1 ;;
        --keep-going) keep_going=1 ;;
        *)  if [ "${argument#-}" != "$argument" ] || [ -n "$filter" ]; then
                usage >&2
                exit 2
            fi
            filter=$argument ;;
    esac
done
if grep -qxF -e "${filter:-none}" <<<"$(steps)"; then
    only=$filter word=''
else
    only='' word=$filter
fi

readonly python=/usr/bin/python3 results=$PWD/build/results
# Beside the main build; all doors are compared on programs of each.
readonly other_presets=(gcc-O0 clang clang-O0)
# Seconds after which a step is ended; it needs a fraction of that.
patience=1200
[ -z "$nightly" ] || patience=7200
# What this run starts carries its mark, so that nothing left behind can hide from `sweep`.
export ASYNCDUMP_RUN=$$.$EPOCHREALTIME
export ASYNCDUMP_NIGHTLY=$nightly PYTHONDONTWRITEBYTECODE=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

passed=0 failed=0 skipped=0 running=''
declare -A prepared=()

left_behind()
{
    local files file
    # The grep carries the mark too, but is gone when its words are here.
    files=$(grep -lszxF "ASYNCDUMP_RUN=$ASYNCDUMP_RUN" /proc/[0-9]*/environ) || true
    while read -r file; do
        [ ! -e "${file:-none}" ] || echo "$file" | tr -cd '0-9\n'
    done <<<"$files"
}

# none_left TRIES: waits a little for what is on its way out.
none_left()
{
    local try
    for ((try = 0; try < $1; try++)); do
        [ -n "$(left_behind)" ] || return 0
        sleep 0.1
    done
    return 1
}

# Ends what a step left running, and names it: a test that leaves processes behind has failed.
sweep()
{
    local pid
    none_left 20 && return
    for pid in $(left_behind); do
        echo "left behind: $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
        kill -KILL "$pid" 2>/dev/null || true
    done
    none_left 50 || echo "these do not end"
    return 1
}

# shellcheck disable=SC2317 # called by the trap
clean_up()
{
    trap '' INT TERM HUP
    [ -z "$running" ] || kill -TERM -- "-$running" 2>/dev/null || true
    sweep >/dev/null || true
}
trap clean_up EXIT
trap 'echo "ended by SIGINT"; exit 130' INT
trap 'echo "ended by SIGTERM"; exit 143' TERM
trap 'echo "ended by SIGHUP"; exit 129' HUP

# attempt NAME COMMAND...: runs the command, its output in the log of step NAME.
attempt()
{
    local log=$results/$1.log status=0
    shift
    # timeout makes a process group and ends all of it. The shell ignores SIGINT for what it starts in
    # the background, which tests of SIGINT would inherit.
    timeout --kill-after=10 "$patience" env --default-signal=INT,QUIT "$@" \
        >"$log" 2>&1 </dev/null 9>&- &
    running=$!
    wait "$running" || status=$?
    running=''
    [ "$status" -ne 124 ] || echo "ended after $patience s" >>"$log"
    sweep >>"$log" || status=1
    return "$status"
}

begin()
{
    printf '%-15s ' "$1"
    began=${EPOCHREALTIME/[.,]/}
}

# end NAME WORDS: completes the line of `begin`.
end()
{
    local us=$((${EPOCHREALTIME/[.,]/} - began))
    printf '%4d.%d s  %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$2"
    case $2 in
        ok*) ;;
        *)  echo "---- the end of build/results/$1.log"
            tail -n 60 "$results/$1.log"
            echo "----"
            [ -n "$keep_going" ] || finish "stopped at the first step that failed; --keep-going goes on" ;;
    esac
}

tally()
{
    local words="$1 passed, $2 failed"
    [ "$3" -eq 0 ] || words+=", $3 skipped"
    echo "$words"
}

finish()
{
    [ -z "${1:-}" ] || echo "$1"
    if [ $((passed + failed)) -eq 0 ]; then
        echo "no test ran${word:+: none is called \"$word\"}"
        failed=1
    fi
    tally "$passed" "$failed" "$skipped"
    exit $((failed > 0))
}

# prepare NAME COMMAND...: what tests need first; done once, counted only when it fails.
prepare()
{
    if [ -n "${prepared[$1]:-}" ]; then
        [ "${prepared[$1]}" = ok ]
        return
    fi
    begin "$1"
    if attempt "$@"; then
        prepared[$1]=ok
        end "$1" ok
    else
        prepared[$1]=failed
        failed=$((failed + 1))
        end "$1" FAILED
        return 1
    fi
}

# build PRESET [TARGET...]: without targets, everything.
build()
{
    # shellcheck disable=SC2016 # the inner shell expands
    prepare "build-$1" bash -c '
        cmake --preset "$0" --log-level=WARNING && cmake --build --preset "$0" "$@"
    ' "$1" -j "$(nproc)" "${@:2}"
}

# run_tests NAME COMMAND...: a step whose command writes the results NAME.xml.
run_tests()
{
    local name=$1 status=0 p=0 f=0 s=0 words
    begin "$name"
    rm -f "$results/$name.xml"
    attempt "$@" || status=$?
    if [ -e "$results/$name.xml" ]; then
        read -r p f s <<<"$("$python" tests/count.py "$results/$name.xml" || echo 0 1 0)"
    fi
    # A runner can fail without a failed test, or find nothing to run; only a FILTER makes that right.
    if [ $((p + f + s)) -eq 0 ] && [ -n "$word" ] && { [ "$status" -eq 0 ] || [ "$status" -eq 5 ]; }; then
        end "$name" "ok, nothing of that name"
        return
    fi
    if [ "$f" -eq 0 ] && { [ "$status" -ne 0 ] || [ $((p + s)) -eq 0 ]; }; then
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    words="$(tally "$p" "$f" "$s")"
    if [ "$f" -eq 0 ]; then
        end "$name" "ok      $words"
    else
        end "$name" "FAILED  $words"
    fi
}

# not_run NAME: a step whose preparation failed.
not_run()
{
    failed=$((failed + 1))
    echo "$1: not run"
}

run_ctest()
{
    local name=$1 folder=$2 empty=error
    [ -z "$word" ] || empty=ignore
    run_tests "$name" ctest --test-dir "$folder" -j "$(nproc)" --output-on-failure --no-tests=$empty \
        --output-junit "$results/$name.xml" "${@:3}" ${word:+-R "$word"}
}

run_pytest()
{
    run_tests "$1" "$python" -m pytest "tests/$1" --junitxml="$results/$1.xml" ${word:+-k "$word"}
}

# run_step NAME: false when something it needs could not be built.
run_step()
{
    local preset
    case $1 in
        lint)
            run_pytest lint ;;
        ctest)
            build gcc || return
            run_ctest ctest build -LE valgrind ;;
        sanitize)
            build sanitize || return
            run_ctest sanitize build-sanitize -LE valgrind ;;
        thread | thread-clang)
            build "$1" || return
            run_ctest "$1" "build-$1" -LE valgrind ;;
        valgrind)
            build gcc || return
            run_ctest valgrind build -L valgrind ;;
        contract | waits)
            build gcc || return
            for preset in "${other_presets[@]}"; do
                build "$preset" --target asyncdump kvd waits || return
            done
            ASYNCDUMP_BUILDS="build ${other_presets[*]/#/build-}" run_pytest "$1" ;;
        *)
            build gcc || return
            run_pytest "$1" ;;
    esac
}

mkdir -p "$results"
# Two runs in one tree would disturb each other's build folders.
exec 9>"$results/lock"
flock 9
prepare packages .ci/install || finish "what is listed in .ci/packages could not be installed"
for step in ${only:-$(steps)}; do
    run_step "$step" || not_run "$step"
done
finish
