"""How often the best of many sets of parameters on one half of history is below the middle on the other half.

D. H. Bailey, J. Borwein, M. Lopez de Prado and Q. J. Zhu, "The Probability of Backtest Overfitting", Journal of
Computational Finance 20(4), 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from engine.research.statistics.curve import Floats

BLOCKS = 16
MIN_ROWS_IN_BLOCK = 2
_CHUNK = 500_000


@dataclass(frozen=True, slots=True)
class Overfitting:
    """``probability`` = share of splits whose best in-sample trial has relative rank at most 1/2 out of sample (logit
    not above 0). ``loss_probability`` = share of splits in which that trial loses out of sample. ``slope`` is that of
    out-of-sample on in-sample performance of the chosen trials, None where the latter do not vary. ``splits`` were
    looked at.
    """

    probability: float
    loss_probability: float
    slope: float | None
    splits: int


def probability_of_overfitting(results: Floats, blocks: int = BLOCKS) -> Overfitting:
    """Combinatorially symmetric cross-validation over ``results``: rows are periods in order of time, columns trials,
    values money or returns. Performance is the Sharpe ratio of a half (0 where a trial does not vary there).

    The first rows are left out where the count is no multiple of ``blocks``. Ranks of ties are averaged. Raises
    ValueError on fewer than 2 trials, an odd number of blocks, too few rows, or values that are not finite.
    """
    rows, trials = results.shape
    if blocks < 2 or blocks % 2:
        raise ValueError(f"{blocks} blocks cannot be halved; give an even number")
    if trials < 2:
        raise ValueError(f"{trials} trial(s): nothing was chosen, so nothing can be overfitted")
    if rows < blocks * MIN_ROWS_IN_BLOCK:
        raise ValueError(f"{rows} periods are too few for {blocks} blocks of at least {MIN_ROWS_IN_BLOCK}")
    if not np.isfinite(results).all():
        raise ValueError("a result of a trial is not a finite number")
    size = rows // blocks
    cut = results[rows - size * blocks :].reshape(blocks, size, trials)
    sums, squares = cut.sum(axis=1), (cut**2).sum(axis=1)
    # What is in sample for one split is out of sample for another: a half with the first block stands for both.
    halves = np.zeros((comb(blocks - 1, blocks // 2 - 1), blocks))
    halves[:, 0] = 1.0
    for row, others in zip(halves, combinations(range(1, blocks), blocks // 2 - 1), strict=True):
        row[list(others)] = 1.0
    best_in, best_out, below, lost = [], [], 0, 0
    count, step = size * blocks // 2, max(1, _CHUNK // trials)
    for start in range(0, len(halves), step):
        one = halves[start : start + step]
        totals = one @ sums, (1 - one) @ sums
        ratios = _sharpe(totals[0], one @ squares, count), _sharpe(totals[1], (1 - one) @ squares, count)
        for inside, outside in ((0, 1), (1, 0)):
            picked, here = ratios[inside].argmax(axis=1), np.arange(len(one))
            test, out = ratios[outside], ratios[outside][here, picked]
            rank = (test < out[:, None]).sum(axis=1) + ((test == out[:, None]).sum(axis=1) + 1) / 2
            below += int((rank / (trials + 1) <= 0.5).sum())
            lost += int((totals[outside][here, picked] < 0).sum())
            best_in.append(ratios[inside][here, picked])
            best_out.append(out)
    splits = 2 * len(halves)
    slope = _slope(np.concatenate(best_in), np.concatenate(best_out))
    return Overfitting(below / splits, lost / splits, slope, splits)


def _sharpe(total: Floats, squares: Floats, count: int) -> Floats:
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0.0)
    flat = variance <= 1e-12 * np.maximum(squares / count, 1e-300)
    found: Floats = np.where(flat, 0.0, mean / np.sqrt(np.where(flat, 1.0, variance)))
    return found


def _slope(x: Floats, y: Floats) -> float | None:
    spread = float(((x - x.mean()) ** 2).sum())
    if spread <= 1e-18 * len(x):
        return None
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread)
