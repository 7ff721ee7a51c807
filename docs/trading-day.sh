#!/usr/bin/env bash
# The index scalper through a made-up trading day: prices from a practice Polygon, orders to a practice Tradier, one
# clock for both. In the middle the engine is killed and started again; at the end it is stopped, what it holds is sold by
# `engine flatten`, and what Tradier holds and booked is compared with our books. No key, no account, no network. What it
# starts it ends.
#
#   make trading-day                   bash docs/trading-day.sh [--quick] [--keep]
#
# The day takes less than five minutes; --quick ends as soon as there is something to compare, with other parameters.
# --keep leaves the folder with the store. Exit code 1: the books differ, or something that the day is to show (a partial
# exit, a trailing stop, a timeout, a change of session, something left to sell at the end) did not happen.
set -euo pipefail

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=${PYTHON:-python3}
# The market opens a quarter of a minute after its clock starts and closes as long after the engine, which may be slow.
DAY=2025-10-15 START=09:05 KILL=12:30 LATEST=14:00 STOP=15:30 SPEED=${SPEED:-100} SEED=${SEED:-4} KEEP="" LENGTH=day
for word in "$@"; do
    case $word in
        --quick) START=11:00 KILL=11:05 LATEST=14:50 SPEED=240 LENGTH=quick ;;
        --keep) KEEP=yes ;;
        *) echo "there is no option $word; --quick and --keep are all" >&2; exit 2 ;;
    esac
done
# The pack's files stay as they are. With these parameters it trades on the made-up day, and its trail is on.
PARAMS=(risk.max_quantity=20 risk.stop_percent=0.3% trailing_stop.trail_percent=0.08%
    trailing_stop.trail_activation=0.05% timeout.trade_timeout=12m max_open_orders.max_orders=10)
if [ $LENGTH = day ]; then
    PARAMS+=(ema_crossover.fast=3 ema_crossover.slow=8 risk.target_percent=0.8%)
    MORNING=(max_concurrent.max_positions=10) AFTERNOON=(max_concurrent.max_positions=10)
else
    # One position before the kill: so there are symbols left that can be bought after it, however slow the machine.
    PARAMS+=(ema_crossover.fast=2 ema_crossover.slow=5 risk.target_percent=5%)
    MORNING=(max_concurrent.max_positions=1) AFTERNOON=(max_concurrent.max_positions=10)
fi

WORK=$(mktemp -d)
POLYGON="" TRADIER="" TRADER=""
end() {
    local pids="$TRADER $TRADIER $POLYGON"
    kill -TERM $pids 2>/dev/null || true
    wait $pids 2>/dev/null || true
    if [ -n "$KEEP" ]; then echo "everything is in $WORK"; else rm -rf "$WORK"; fi
}
trap end EXIT
trap 'exit 130' INT TERM
cd "$WORK"

# Nothing that the caller has set up, keys least of all, has a part in this.
for name in $(compgen -e | grep '^AUTOTRADER_' || true); do unset "$name"; done
export PYTHONPATH=$PROJECT${PYTHONPATH:+:$PYTHONPATH} AUTOTRADER__LOG__LEVEL=warning
export AUTOTRADER__TRADIER__MARKET_DATA=polygon
# No rule here decides by options, and a look at their chains once a minute of this market is one or more a second.
export AUTOTRADER__POLYGON__OPTIONS_INTERVAL_SECONDS=3600
printf '[rules]\npaths = ["%s/rules"]\n' "$PROJECT" > autotrader.toml

step() { printf '\n== %s\n' "$*"; }
# Wait for a line in a file that process $1 writes; $2: the file, $3: the pattern.
heard() {
    for _ in $(seq 600); do
        if grep -qs "$3" "$2"; then return; fi
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    echo "$2 never said $3:" >&2; cat "$2" >&2; exit 3
}
# Wait for $1: a time in New York by the practice clock; "trailing", for a position whose stop follows the price, after
# the time $2; "bought", for an entry of the newest run that has filled, after that. At the latest until $3.
until_market() {
    "$PYTHON" - "$DAY" "$TRADER" "$@" <<'END'
import json, os, sqlite3, sys, time
from datetime import datetime
from urllib.request import urlopen
from zoneinfo import ZoneInfo
day, pid, what, *times = sys.argv[1:]
at = [datetime.fromisoformat(f"{day}T{word}").replace(tzinfo=ZoneInfo("America/New_York")).timestamp()
      for word in ([what] if ":" in what else times)]
told = json.load(urlopen(os.environ["AUTOTRADER__TRADIER__BASE_URL"] + "/practice/clock"))
first, last = (time.monotonic() + (moment - told["now_ns"] / 1e9) / told["speed"] for moment in (at[0], at[-1]))
store = sqlite3.connect("file:state/autotrader-demo.db?mode=ro", uri=True, timeout=5)
newest = "run = (SELECT id FROM runs ORDER BY rowid DESC LIMIT 1)"
def come():
    if what == "bought":
        return store.execute(f"SELECT 1 FROM fills WHERE leg = 'entry' AND {newest}").fetchone()
    kept = store.execute(f"SELECT state FROM snapshots WHERE name = 'rules' AND {newest}").fetchone()
    return kept and any(held["trailing"] for held in json.loads(kept[0])["held"])
while (now := time.monotonic()) < last and (":" in what or now < first or not come()):
    os.kill(int(pid), 0)
    time.sleep(0.05)
END
}

if [ $LENGTH = day ]; then
    # The first engine on a machine compiles its kernel, for up to half a minute; the market is not to go on meanwhile.
    "$PYTHON" -c "from engine.plan.compiled import compiled_kernel; compiled_kernel()"
fi

step "1. A day of prices, in the vendor's flat files and as minutes for the practice venue"
"$PYTHON" "$PROJECT/docs/trading-day-prices.py" "$DAY" "$SEED" "$LENGTH"

step "2. A practice Polygon at $SPEED market seconds a second, and a practice Tradier that goes by its clock"
"$PYTHON" -m engine simulate polygon --port 0 --data prices --date "$DAY" --start "$START" --speed "$SPEED" \
    --folder polygon > polygon.txt 2>&1 &
POLYGON=$!
heard "$POLYGON" polygon.txt '^next'
. polygon/env
"$PYTHON" -m engine simulate tradier --port 0 --replay minutes.csv --clock "$AUTOTRADER__POLYGON__BASE_URL" \
    --folder tradier > tradier.txt 2>&1 &
TRADIER=$!
heard "$TRADIER" tradier.txt '^next'
. tradier/env
export AUTOTRADER__TRADIER__EXECUTION_MODE=live
grep '^market time' polygon.txt

RUN=(run --venue tradier --live --pack index_scalper --trace none)
for param in "${PARAMS[@]}"; do RUN+=(--param "$param"); done
trade() {  # $1: the name of its files; the others: parameters
    local name=$1 words=()
    for param in "${@:2}"; do words+=(--param "$param"); done
    "$PYTHON" -m engine "${RUN[@]}" "${words[@]}" --json > "$name.json" 2> "$name.err" &
    TRADER=$!
    heard "$TRADER" "$name.err" '^connected'
}

step "3. Trade until $KILL, and be killed without a word while a stop follows the price"
printf '$ engine %s\n' "${RUN[*]}"
trade morning "${MORNING[@]}"
until_market trailing "$KILL" "$LATEST"
kill -KILL "$TRADER"
wait "$TRADER" 2>/dev/null || true
TRADER=""
cp state/autotrader-demo.db killed.db
if [ -e state/autotrader-demo.db-wal ]; then cp state/autotrader-demo.db-wal killed.db-wal; fi

step "4. Start again, and trade until the end"
trade afternoon "${AFTERNOON[@]}"
if [ $LENGTH = quick ]; then until_market bought "$START" "$STOP"; else until_market "$STOP"; fi
kill -TERM "$TRADER"
wait "$TRADER" || { cat afternoon.err >&2; exit 3; }
TRADER=""
cat afternoon.err

step "5. Sell what is left, and read the account once more"
for words in "flatten --venue tradier" "reconcile --venue tradier"; do
    printf '$ engine %s\n' "$words"
    "$PYTHON" -m engine $words
done

step "6. What Tradier holds and booked, and what we have"
"$PYTHON" "$PROJECT/docs/trading-day.py" "$LENGTH"
