"""The trial ledger: what was tried is counted and stays, whoever would like to take it back."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from state import Store, SweepRow, Trial, open_store
from state.connection import connect
from state.trials import HOLDOUT, Look, parameters_sha

SWEEP = SweepRow("s1", "p", "rules", "data", "bars of SPY", 100, 900, 700, 7, {"search": "grid"}, "1")


def trial(fast: float, *returns: float, part: str = "development") -> Trial:
    return Trial(part, {"p.a.fast": fast}, f"sha{fast}", {"train": {"trades": 3}}, array("d", returns))


def test_what_was_tried_is_there_after_a_restart(store: Store) -> None:
    store.trials.begin(SWEEP, 1)
    store.trials.append("s1", [trial(10, 0.1, -0.1), trial(20, 0.3, 0.1)], 2)
    path = store.path
    store.close()
    again = open_store(path)
    assert again.trials.trials("s1") == [trial(10, 0.1, -0.1), trial(20, 0.3, 0.1)]
    (row,) = again.trials.sweeps("p")
    assert (row["id"], row["plan"], row["trials"], row["holdout_reads"]) == ("s1", {"search": "grid"}, 2, 0)
    assert again.trials.sweeps("another") == []
    assert again.check() == []
    again.close()


def test_a_set_that_is_there_already_stays_as_it_was(store: Store) -> None:
    store.trials.begin(SWEEP, 1)
    store.trials.append("s1", [trial(10, 0.1)], 2)
    store.trials.append("s1", [trial(10, 9.9)], 3)
    assert store.trials.trials("s1") == [trial(10, 0.1)]


@pytest.mark.parametrize("table", ["sweeps", "trials", "holdout_reads"])
def test_nobody_takes_back_what_was_tried(store: Store, table: str) -> None:
    store.trials.begin(SWEEP, 1)
    store.trials.append("s1", [trial(10, 0.1)], 2)
    store.trials.look_at_holdout(SWEEP, [{"p.a.fast": 10}], 3)
    connection = connect(store.path)
    before = connection.rows(f"SELECT * FROM {table}")
    forbidden = [f"DELETE FROM {table}", f"UPDATE {table} SET time_ns = 0"]
    if isinstance(store.path, Path):
        others = ", ".join("0" if name == "time_ns" else name for name in before[0])
        connection.execute(f"INSERT OR REPLACE INTO {table} SELECT {others} FROM {table}")
    else:
        forbidden.append(f"TRUNCATE {table} CASCADE")
    for statement in forbidden:
        with pytest.raises(connection.faults, match="stays"):
            connection.execute(statement)
    assert connection.rows(f"SELECT * FROM {table}") == before
    connection.close()


def test_a_set_counts_once_for_a_pack_however_often_it_was_tried(store: Store) -> None:
    other_data = replace(SWEEP, id="s2", data="more data")
    other_rules = replace(SWEEP, id="s3", ruleset_sha="other rules")
    other_pack = replace(SWEEP, id="s4", pack="q")
    for sweep in (SWEEP, other_data, other_rules, other_pack):
        store.trials.begin(sweep, 1)
        store.trials.append(sweep.id, [trial(10, 0.1), trial(20, 0.1)], 2)
    store.trials.append("s1", [trial(20, 0.1, part=HOLDOUT)], 3)
    assert store.trials.count("p") == 4  # two sets under each of two texts of the rules
    assert store.trials.count("p", "data") == 4
    assert store.trials.count("p", "more data") == 2
    assert store.trials.count("q") == 2
    assert store.trials.count("nobody") == 0


def test_the_variance_of_the_sharpe_ratios_is_that_of_the_trials(store: Store) -> None:
    store.trials.begin(SWEEP, 1)
    assert store.trials.sharpe_variance("p") is None
    # mean / s: 0.1 / 0.1 = 1, and 0.3 / 0.1 = 3; a set that never traded has none
    store.trials.append("s1", [trial(10, 0.0, 0.1, 0.2), trial(20, 0.2, 0.3, 0.4), trial(30, 0.0, 0.0, 0.0)], 2)
    assert store.trials.sharpe_variance("p") == pytest.approx(2.0)


def test_the_matrix_has_a_column_for_each_trial(store: Store) -> None:
    store.trials.begin(SWEEP, 1)
    store.trials.append("s1", [trial(10, 0.1, 0.2), trial(20, 0.3, 0.4), trial(20, 1.0, part=HOLDOUT)], 2)
    assert [list(column) for column in store.trials.matrix("s1")] == [[0.1, 0.2], [0.3, 0.4]]


def test_each_look_at_a_holdout_is_counted_once_and_found_by_its_stretch(store: Store) -> None:
    later = replace(SWEEP, id="s2", holdout_ns=850, last_ns=1200, data="more data")
    for sweep, sets in ((SWEEP, [10, 20]), (later, [10])):
        store.trials.begin(sweep, 1)
        store.trials.look_at_holdout(sweep, [{"p.a.fast": float(fast)} for fast in sets], 2)
        store.trials.look_at_holdout(sweep, [{"p.a.fast": float(fast)} for fast in sets], 3)
    assert store.trials.looks(700, 900) == Look(sweeps=2, sets=3)
    assert store.trials.looks(901, 2000) == Look(sweeps=1, sets=1)
    assert store.trials.looks(0, 699) == Look(sweeps=0, sets=0)


def test_a_name_of_a_set_does_not_depend_on_the_order_of_its_values() -> None:
    assert parameters_sha({"a": 1.0, "b": 2.0}) == parameters_sha({"b": 2.0, "a": 1.0})
    assert parameters_sha({"a": 1.0}) != parameters_sha({"a": 1.5})


