#!/usr/bin/env bash
# The whole research loop on a practice exchange of this machine, then a back-test on recorded prices where there are
# any. No key, no account, no network. What it starts it ends, and its folder goes with it.
#
#   make show                          bash docs/whole-loop.sh [--quick] [--keep]
#
# --quick listens for seconds only; --keep leaves the folder with captures, reports and the store.
set -euo pipefail

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=${PYTHON:-python3}
CANDLES=${CANDLES:-$PROJECT/../shared/data/kalshi/candles}
CYCLES=6 SECONDS_EACH=5 PAPER_SECONDS=25 SETS=24 FOLDS=4 KEEP=""
for word in "$@"; do
    case $word in
        --quick) CYCLES=2 SECONDS_EACH=2 PAPER_SECONDS=2 SETS=2 FOLDS=2 ;;
        --keep) KEEP=yes ;;
        *) echo "there is no option $word; --quick and --keep are all" >&2; exit 2 ;;
    esac
done

WORK=$(mktemp -d)
EXCHANGE="" TRADER=""
end() {
    for pid in $TRADER $EXCHANGE; do
        kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    if [ -n "$KEEP" ]; then echo "everything is in $WORK"; else rm -rf "$WORK"; fi
}
trap end EXIT
trap 'exit 130' INT TERM
cd "$WORK"

# Nothing that the caller has set up, keys least of all, has a part in this.
for name in $(compgen -e | grep '^AUTOTRADER_' || true); do unset "$name"; done
export PYTHONPATH=$PROJECT${PYTHONPATH:+:$PYTHONPATH} AUTOTRADER__LOG__LEVEL=warning
printf '[rules]\npaths = ["%s/rules"]\n' "$PROJECT" > autotrader.toml

step() { printf '\n== %s\n' "$*"; }
# A command of the engine, shown as a person types it. Exit code 1 is an answer: no.
show() {
    local code=0
    printf '$ engine %s\n' "$*"
    "$PYTHON" -m engine "$@" || code=$?
    if [ "$code" -gt 1 ]; then echo "that failed with exit code $code" >&2; exit "$code"; fi
    if [ "$code" -eq 1 ]; then echo "(exit code 1: the answer is no)"; fi
}
# The same with --json, of which some figures are shown: names with dots between them.
figures() {
    local wanted=$1 code=0
    shift
    printf '$ engine %s\n' "$*"
    "$PYTHON" -m engine "$@" --json > answer.json || code=$?
    if [ "$code" -gt 1 ]; then exit "$code"; fi
    "$PYTHON" - "$wanted" <<'END'
import json, sys
from pathlib import Path
told = json.loads(Path("answer.json").read_text().splitlines()[-1])
for name in sys.argv[1].split():
    value = told
    for part in name.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    print(f"  {name.replace('_', ' ').replace('.', ' '):32} {value}")
END
}

step "1. A practice exchange, on a port that is free"
"$PYTHON" -m engine simulate kalshi --port 0 --no-maintenance --folder keys > exchange.txt &
EXCHANGE=$!
for _ in $(seq 300); do
    if [ "$(grep -c '^private key' exchange.txt)" = 2 ]; then break; fi
    kill -0 "$EXCHANGE" 2>/dev/null || { echo "the exchange did not start" >&2; exit 3; }
    sleep 0.1
done
head -1 exchange.txt
URL=$(awk '$1 == "rest" {sub("/trade-api/v2", "", $2); print $2}' exchange.txt)
AUTOTRADER__KALSHI__API_KEY_ID=$(awk '/^key id/ {print $3}' exchange.txt | tail -1)
AUTOTRADER__KALSHI__PRIVATE_KEY_PATH=$(awk '/^private key/ {print $3}' exchange.txt | tail -1)
export AUTOTRADER__KALSHI__API_KEY_ID AUTOTRADER__KALSHI__PRIVATE_KEY_PATH AUTOTRADER__KALSHI__BASE_URL=$URL

step "2. Signals: somebody's probabilities as rows (here made up, 8 cents off the price in turn)"
"$PYTHON" - <<'END'
import csv, json, os
from pathlib import Path
from urllib.request import urlopen
base = os.environ["AUTOTRADER__KALSHI__BASE_URL"] + "/trade-api/v2"
markets = json.load(urlopen(base + "/markets?status=open&limit=100"))["markets"]
with open("rows.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["ticker", "fair_yes_probability", "confidence", "yes_ask", "yes_bid"])
    for number, market in enumerate(markets):
        bid, ask = float(market["yes_bid_dollars"]), float(market["yes_ask_dollars"])
        fair = (bid + ask) / 2 + (0.08 if number % 2 else -0.08)
        rows.writerow([market["ticker"], round(min(max(fair, 0.03), 0.97), 3), 0.9, ask, bid])
END
show signals build --source csv --input rows.csv --top-k 12 --output signals.csv --message telegram.txt
head -4 telegram.txt
show signals check

step "3. Capture the live market"
show capture --out market.cap --pack kalshi_alpha --cycles "$CYCLES" --interval "$SECONDS_EACH"
figures "bytes frames counts.books counts.trades sessions.0.exchange" capture info market.cap

step "4. Signals from trade flow: what was recorded so far does not suffice, and the engine says so"
"$PYTHON" - <<'END'
import os
from pathlib import Path
from urllib.request import urlopen
base = os.environ["AUTOTRADER__KALSHI__BASE_URL"] + "/trade-api/v2"
Path("trades.json").write_bytes(urlopen(base + "/markets/trades?limit=1000").read())
END
printf '$ engine %s\n' "signals fit-flow --input trades.json --ahead 1s --window 10s --every 1s --least-trades 2"
"$PYTHON" -m engine signals fit-flow --input trades.json --ahead 1s --window 10s --every 1s --least-trades 2 2>&1 || true

step "5. Trade on paper on the live feed for $PAPER_SECONDS seconds, keeping what it heard"
printf '$ engine run --paper --venue kalshi --pack kalshi_alpha --capture run.cap\n'
"$PYTHON" -m engine run --paper --venue kalshi --pack kalshi_alpha --capture run.cap --json > run.json 2> run.err &
TRADER=$!
for _ in $(seq 600); do
    if grep -q '^connected' run.err; then break; fi
    kill -0 "$TRADER" 2>/dev/null || { cat run.err >&2; exit 3; }
    sleep 0.1
done
sleep "$PAPER_SECONDS"
kill -TERM "$TRADER"
wait "$TRADER"
TRADER=""
"$PYTHON" - <<'END'
import json
from pathlib import Path
told = json.loads(Path("run.json").read_text().splitlines()[-1])
for name in ("run", "ticks", "orders", "fills", "decisions_sha256"):
    print(f"  {name.replace('_', ' '):32} {told[name]}")
END

step "6. Replay: the same decisions from the capture of that run, bit for bit"
figures "run ticks orders fills decisions_sha256 same_as_run" replay run.cap --pack kalshi_alpha

step "7. Back-test the same rules on the market that was captured before, with the fills at their best and worst"
figures "ticks trades summary.net fill_bounds.0.fills fill_bounds.0.net fill_bounds.1.fills fill_bounds.1.net" \
    backtest kalshi_alpha --data market.cap

step "8. Sweep: other parameters; every set that is tried is counted for good"
figures "search.combinations trials.sweep trials.pack holdout_reads.sweeps sets.0.validation.expectancy" \
    sweep kalshi_alpha --data market.cap --max-runs "$SETS" --folds "$FOLDS" --min-trades 1 --out sweep.json
show report sweep sweep.json --html sweep.html | tail -1

step "9. Calibrate, on made-up forecasts that were too sure of themselves"
"$PYTHON" - <<'END'
import csv, random
from datetime import UTC, datetime, timedelta
random.seed(4)
begin = datetime(2026, 1, 1, tzinfo=UTC)
with open("outcomes.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["probability", "outcome", "time", "event"])
    for number in range(600):
        true = random.betavariate(2, 2)
        odds = (true / (1 - true)) ** 2  # says 80% where 67% is right
        said = min(max(odds / (1 + odds), 0.01), 0.99)
        rows.writerow([round(said, 4), int(random.random() < true), (begin + timedelta(hours=number)).isoformat(), number])
END
figures "calibration.map calibration.before.log_loss calibration.after.log_loss calibration.before.ece calibration.after.ece" \
    calibrate --from outcomes.csv --out data/alpha_calibration.json

step "10. The day's report, and the go-live gate"
show report performance | sed -n '1,14p'
figures "packs.0.verdict packs.0.performance.trades packs.0.trials.sets_ever_tried" \
    report pm --pack kalshi_alpha --output data/quant_pm_report.md --json-output data/quant_pm_report.json
show gate check --pack kalshi_alpha

step "11. All of it in one command: signals, a paper run over the capture, report, gate"
show pipeline --alpha-source csv --input rows.csv --paper-mode replay --snapshot-file market.cap --emit-json-report

step "12. Real prices: a small pack on minute candles of NBA games, a spread of 2 cents assumed"
if [ -d "$CANDLES" ]; then
    figures "data ticks trades summary.net summary.fees fill_bounds.0.net decisions_sha256" \
        backtest "$PROJECT/tests/packs/candles" --data "$CANDLES" --assume-spread 0.02
else
    echo "left out: there are no candles at $CANDLES"
fi

step "Done"
echo "The practice exchange's prices are made up: nothing above says that any rule earns money, and the gate counts none of it."
