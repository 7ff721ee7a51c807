#!/usr/bin/env bash
# Two packs in one process on one practice account: the arena leaderboard of February to April 2026 as it was recorded,
# and a week of tennis from matches of 2023, played in March. The exchange moves its time on by half days; the engine is
# killed in the middle and goes on. No key, no account, no network. What it starts it ends, and its folder goes with it.
#
#   make packs                         bash docs/two-packs.sh [--quick] [--keep]
#
# --quick plays nine days in March only; --keep leaves the folder with the store and the logs.
# Recorded tables and matches are looked for in DATA, by default ../shared/data beside the project.
set -euo pipefail

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=${PYTHON:-python3}
DATA=${DATA:-$PROJECT/../shared/data}
BEGIN=2026-02-15T17:00 END=2026-04-18 TENNIS=2026-03-10 JUMP_HOURS=12 PAUSE=1.5 KILL_AT=2026-03-13 YEARS='20[12]?' KEEP=""
WEEKS="2026-02-15T17:00 2026-02-22T17:00 2026-03-01T17:00 2026-03-08T17:00 2026-03-15T17:00 2026-03-22T17:00 2026-03-29T17:00 2026-04-05T17:00"
LAST=2023-03-14 TOURS="atp wta" BREAK_AT=2026-03-12
for word in "$@"; do
    case $word in
        --quick)
            BEGIN=2026-03-08T17:00 END=2026-03-13 TENNIS=2026-03-09 JUMP_HOURS=24 PAUSE=1 KILL_AT=2026-03-11 YEARS='202?'
            WEEKS=$BEGIN LAST=2023-03-09 TOURS=atp BREAK_AT=2026-03-12 ;;
        --keep) KEEP=yes ;;
        *) echo "there is no option $word; --quick and --keep are all" >&2; exit 2 ;;
    esac
done
BOARDS=$DATA/arena/leaderboard_snapshots.jsonl.gz
for needed in "$BOARDS" "$DATA/tennis/atp_players.csv.gz"; do
    if [ ! -f "$needed" ]; then echo "left out: there is no recorded data at $needed; name its folder: DATA=…" >&2; exit 0; fi
done
BOARDS=$(realpath "$BOARDS") DATA=$(realpath "$DATA")

WORK=$(mktemp -d)
EXCHANGE="" BOARD="" TRADER=""
end() {
    for pid in $TRADER $BOARD $EXCHANGE; do
        kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    if [ -n "$KEEP" ]; then echo "everything is in $WORK"; else rm -rf "$WORK"; fi
}
trap end EXIT
trap 'exit 130' INT TERM
cd "$WORK"

# Nothing that the caller has set up, keys least of all, has a part in this.
for name in $(compgen -e | grep '^AUTOTRADER_' || true); do unset "$name"; done
export PYTHONPATH=$PROJECT${PYTHONPATH:+:$PYTHONPATH} AUTOTRADER__LOG__LEVEL=error
printf '[rules]\npaths = ["%s/rules"]\n[tennis]\nscan_seconds = 3600\nas_of = "2023-03-08"\n' "$PROJECT" > autotrader.toml

step() { printf '\n== %s\n' "$*"; }
engine() { "$PYTHON" -m engine "$@"; }
# A command of the engine, shown as a person types it. Exit code 1 is an answer: no.
show() {
    local code=0
    printf '$ engine %s\n' "$*"
    engine "$@" || code=$?
    if [ "$code" -gt 1 ]; then echo "that failed with exit code $code" >&2; exit "$code"; fi
    if [ "$code" -eq 1 ]; then echo "(exit code 1: the answer is no)"; fi
}
await() { # FILE WORDS PID: wait until the file has the words
    for _ in $(seq 600); do
        if grep -q "$2" "$1"; then return; fi
        kill -0 "$3" 2>/dev/null || { cat "$1" >&2; echo "it ended before it said: $2" >&2; exit 3; }
        sleep 0.1
    done
    cat "$1" >&2; echo "a minute went by without: $2" >&2; exit 3
}

step "1. Markets: a contract on each of the best models and brands, checked every Sunday; matches of a week"
for tour in $TOURS; do
    engine tennis import --players "$DATA/tennis/${tour}_players.csv.gz" --matches "$DATA/tennis/${tour}_matches_$YEARS.csv.gz" > import.txt
done
tail -2 import.txt
MARKETS=()
for week in $WEEKS; do
    show arena markets --boards "$BOARDS" --at "$week" --in-days 7 --out "arena-${week%T*}.json"
    MARKETS+=(--markets "arena-${week%T*}.json")
done
engine tennis week --from 2023-03-08 --to "$LAST" --at "$TENNIS" --begin 30h --over 96h --out week.json | head -1
MARKETS+=(--markets week.json)

step "2. The practice exchange, on the day the first contracts are listed, and the recorded leaderboard beside it"
"$PYTHON" -m engine simulate kalshi --port 0 --begin "$BEGIN" "${MARKETS[@]}" --no-maintenance --folder keys > exchange.txt &
EXCHANGE=$!
await exchange.txt '^  . ' "$EXCHANGE"
head -1 exchange.txt
. keys/env
"$PYTHON" -m engine simulate arena --port 0 --boards "$BOARDS" --clock "$AUTOTRADER__KALSHI__BASE_URL" --json > board.json &
BOARD=$!
await board.json primary "$BOARD"
AUTOTRADER__ARENA__PRIMARY_URL=$("$PYTHON" -c 'import json; print(json.load(open("board.json"))["primary"])')
AUTOTRADER__ARENA__FALLBACK_URL=$("$PYTHON" -c 'import json; print(json.load(open("board.json"))["fallback"])')
export AUTOTRADER__ARENA__PRIMARY_URL AUTOTRADER__ARENA__FALLBACK_URL AUTOTRADER__KALSHI__EXECUTION_MODE=live
"$PYTHON" - "$BOARDS" "$BEGIN" <<'END'
# What the leaderboard was until then is what an earlier run would have kept: the estimates learn from it.
import sys
from datetime import UTC, datetime
from pathlib import Path
from connectors.arena.keep import append, read_boards
begin = datetime.fromisoformat(sys.argv[2]).replace(tzinfo=UTC).timestamp() * 1e9
Path("data/arena").mkdir(parents=True, exist_ok=True)
for board in read_boards(Path(sys.argv[1])):
    if board.seen_ns < begin:
        append(Path("data/arena/boards.jsonl"), board)
END

# Days go by: python days.py UNTIL. The simulated traders sleep over each jump, and then believe what the model said of
# the table of half a day ago.
cat > days.py <<'END'
import json, os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen
from connectors.arena.fair.history import Priors, learned_from
from connectors.arena.fair.model import forecast
from connectors.arena.keep import read_boards
root, hours, pause = os.environ["AUTOTRADER__KALSHI__BASE_URL"], float(sys.argv[2]), float(sys.argv[3])
token = Path("keys/control.token").read_text().strip()
boards = read_boards(Path(sys.argv[4]))
names = {m["ticker"]: (m["yes_sub_title"], m["close_time"]) for path in Path().glob("arena-*.json")
         for m in json.loads(path.read_text())["markets"] if m["ticker"].startswith("KXTOPMODEL")}
def tell(path, **body):
    head = {"Authorization": f"Bearer {token}"}
    data = json.dumps(body).encode() if body else None
    return json.load(urlopen(Request(f"{root}/practice/{path}", data, head)))
def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
def now():
    return time.time() + tell("clock")["ahead_ns"] / 1e9
until = moment(sys.argv[1])
while now() < until:
    told, at = [b for b in boards if b.seen_ns / 1e9 <= now()], now()
    tell("clock", advance_ms=int(hours * 3_600_000), asleep=True)
    if told:
        learned, open_now = learned_from(told, Priors()), {}
        for ticker, (model, close) in names.items():
            left = (moment(close.rstrip("Z")) - at) / 86_400
            if 0 < left < 8:
                chance = forecast(told[-1], left, learned, 7).models.get(model, 0.0)
                open_now[ticker] = f"{min(max(chance, 0.02), 0.98):.4f}"
        if open_now:
            tell("fair", prices=open_now)
    # What the engine was told before the jump is old. A while later it knows how things are now, and looks again.
    time.sleep(pause)
    tell("clock", advance_ms=50_000, asleep=True)
    time.sleep(pause)
END
days() { "$PYTHON" days.py "$1" "$JUMP_HOURS" "$PAUSE" "$BOARDS"; printf '   it is %s at the exchange\n' "$1"; }

RUN=(run --venue kalshi --live --pack arena_leaderboard --pack tennis_value --param tennis_value.enough_volume.min_volume=0 --trace none --json)
trade() {
    "$PYTHON" -m engine "${RUN[@]}" > "$1.json" 2> "$1.err" &
    TRADER=$!
    await "$1.err" '^connected' "$TRADER"
}

step "3. Both packs, one process, one account, orders to the exchange; killed on $KILL_AT and started again"
printf '$ engine %s\n' "${RUN[*]}"
trade first
days "$KILL_AT"
kill -KILL "$TRADER"
wait "$TRADER" 2>/dev/null || true
trade second
grep 'goes on with' second.err | cut -c 1-160 || true

step "4. The leaderboard falls silent: its pack stops entering, the other goes on"
days "$BREAK_AT"
PORT=$(sed 's/.*127.0.0.1:\([0-9]*\).*/\1/; q' <<< "$AUTOTRADER__ARENA__PRIMARY_URL")
kill -TERM "$BOARD"
wait "$BOARD" 2>/dev/null || true
BOARD=""
days "$("$PYTHON" -c "from datetime import date, timedelta as t; print(date.fromisoformat('$BREAK_AT') + t(days=1))")"
engine arena show > silent.txt 2>&1 || echo "  the leaderboard cannot be read"
"$PYTHON" -m engine simulate arena --port "$PORT" --boards "$BOARDS" --clock "$AUTOTRADER__KALSHI__BASE_URL" --json > board.json &
BOARD=$!
await board.json primary "$BOARD"
days "$END"
sleep "$PAUSE"
kill -TERM "$TRADER"
code=0
wait "$TRADER" || code=$?
TRADER=""
if [ "$code" -gt 1 ]; then cat second.err >&2; exit "$code"; fi
grep -v 'kalshi demo' second.err | sed 's/^/  /' | cut -c 1-200 | tail -12 || true

step "5. What the exchange holds of the account, and what our books say"
"$PYTHON" - <<'END'
import json, os
from pathlib import Path
from urllib.request import Request, urlopen
told = json.loads(Path("second.json").read_text().splitlines()[-1])
print("  our books agree with the account:", told["books_agree"])
token = Path("keys/control.token").read_text().strip()
root = os.environ["AUTOTRADER__KALSHI__BASE_URL"]
books = json.load(urlopen(Request(f"{root}/practice/books", headers={"Authorization": f"Bearer {token}"})))
print("  orders, fills, settlements there:", len(books["orders"]), len(books["fills"]), len(books["settlements"]))
print("  cash there, all shards:", sum(float(one["cash_dollars"]) for one in books["cash"]))
END
show reconcile
show positions --mode demo

step "6. Why: an order of each pack"
"$PYTHON" - > orders.txt <<'END'
# The first order of each pack, and how many each has.
import sqlite3
rows = sqlite3.connect("state/autotrader-demo.db").execute(
    "select strategy, min(client_id), count(*) from intents group by strategy order by strategy"
)
for strategy, order, count in rows:
    print(strategy, order, count)
END
cat orders.txt
while read -r strategy order count; do show why "$order" --mode demo < /dev/null; done < orders.txt

step "7. Profit by pack, gates, calibration"
show report pm --store state/autotrader-demo.db --output pm.md --json-output pm.json | tail -25
printf '$ engine calibrate --from pm.json\n'
engine calibrate --from pm.json --out calibration.json 2>&1 || true
show report hardening

step "8. The same decisions again from what was kept, and a sound store"
show replay --mode demo
show db check --mode demo

step "Done"
echo "Prices are made up: simulated traders believe the pack's own model, half a day late. Nothing above says that a rule earns money."
