#!/usr/bin/env bash
# The processes of docker-compose.yml without Docker: worker and service, and the streamer where STREAM_OPTIONS is said.
# They share the folder that this is called in, and the store, which `engine db migrate` brings up to date first: a file,
# or a database where AUTOTRADER__STORE__URL names one. Ctrl-C, or the end of any of them, ends all.
#   WORKER_OPTIONS="--paper --interval 1"  what `engine run` is given
#   MODE=paper                             whose store that is: paper; demo or live where WORKER_OPTIONS say --live
#   STREAM_OPTIONS="--symbols SPY"         what `engine stream` is given; not said, there is no streamer
#   PRACTICE_OPTIONS="--speed 60"          what `engine simulate polygon` is given, which the streamer then listens to;
#                                          not said, the streamer listens to the vendor. Its key is kept in ./practice
#   API_PORT=8080                          port of the service, on loopback
#   PYTHON=python3                         which Python has the engine
set -euo pipefail

PYTHON=${PYTHON:-python3}
WORKER_OPTIONS=${WORKER_OPTIONS:---paper --interval 1}
MODE=${MODE:-paper}
API_PORT=${API_PORT:-8080}
WAIT_SECONDS=${WAIT_SECONDS:-60}
processes=()

engine() { exec "$PYTHON" -m engine "$@"; }

start() {
    local name=$1
    shift
    engine "$@" > >(sed -u "s/^/$name  | /") 2> >(sed -u "s/^/$name  | /" >&2) < /dev/null &
    processes+=($!)
}

stop() {
    trap - EXIT INT TERM
    # A polite kill: the worker finishes its tick and closes its books.
    kill -TERM "${processes[@]}" 2> /dev/null || true
    wait "${processes[@]}" 2> /dev/null || true
}

# "$@" until it succeeds; 1 when it has not by then.
wait_until() {
    local end=$((SECONDS + WAIT_SECONDS))
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || { echo "not in time: $*" >&2; return 1; }
        kill -0 "${processes[@]}" 2> /dev/null || { echo "a process has ended" >&2; return 1; }
        read -rt 0.2 <> <(:) || true
    done
}

healthy() {
    "$PYTHON" -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)' \
        "http://127.0.0.1:$API_PORT/api/v1/diag/health"
}

trap stop EXIT
trap 'exit 0' INT TERM
"$PYTHON" -m engine db migrate
if [[ -n ${PRACTICE_OPTIONS+said} ]]; then
    read -ra practice <<< "$PRACTICE_OPTIONS"
    rm -f practice/env
    start practice simulate polygon --folder practice "${practice[@]}"
    wait_until test -s practice/env
    # shellcheck source=/dev/null
    . practice/env
fi
read -ra worker <<< "$WORKER_OPTIONS"
start worker run "${worker[@]}"
start api serve --mode "$MODE" --port "$API_PORT"
if [[ -n ${STREAM_OPTIONS+said} ]]; then
    read -ra stream <<< "$STREAM_OPTIONS"
    start streamer stream "${stream[@]}"
    wait_until "$PYTHON" -m engine serve check streamer
fi
wait_until healthy
wait_until "$PYTHON" -m engine serve check worker --mode "$MODE"
echo "healthy: http://127.0.0.1:$API_PORT/api/v1/diag/health"
wait -n "${processes[@]}"
