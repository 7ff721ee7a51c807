"""Every statistic once: what it is called, its unit, formula and source. docs/statistics.md is made from this list."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import NamedTuple

from engine.research.statistics.bootstrap import DRAWS, MIN_EVENTS
from engine.research.statistics.concentration import BEST_TRADES
from engine.research.statistics.overfitting import BLOCKS, MIN_ROWS_IN_BLOCK
from engine.research.statistics.placebo import DRAWS as PLACEBO_DRAWS
from engine.research.statistics.sequential import TUNED_FOR


class Statistic(NamedTuple):
    """``name`` as reports and JSON have it; ``fact`` is its name in gates, "" where gates do not have it. ``unknown``
    says when it cannot be computed.
    """

    name: str
    fact: str
    unit: str
    about: str
    formula: str
    source: str
    unknown: str = ""


_PARDO = 'R. Pardo, "The Evaluation and Optimization of Trading Strategies", 2nd ed., 2008'
_PSR = 'D. H. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012'
_DSR = 'D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014'
_FEW = f"fewer than {MIN_EVENTS} events, or results that vary too little"
_EMPTY = "no closed trade"

TRADES = (
    Statistic("trades", "stats.trades", "count", "Round trips, from flat to flat.", "n", ""),
    Statistic("wins", "", "count", "Trades with a net result above zero.", "#{net > 0}", ""),
    Statistic("losses", "", "count", "Trades with a net result below zero.", "#{net < 0}", ""),
    Statistic("gross", "", "money", "Result before fees.", "sum of gross", ""),
    Statistic("fees", "", "money", "What the venue took.", "sum of fees", ""),
    Statistic("net", "", "money", "Result after fees.", "gross - fees", ""),
    Statistic("win_rate", "stats.win_rate", "ratio", "Share of trades that won.", "wins / n", _PARDO, _EMPTY),
    Statistic(
        "break_even_win_rate", "stats.break_even_win_rate", "ratio",
        "Win rate at which the trades come out even. Compare it with the win rate, by price band where prices differ.",
        "contracts held to settlement: mean of q* = cost + fee per contract of $1 (NO costs $1 less the YES price); "
        "else L / (W + L), with W the mean win and L the mean loss, unsigned",
        f"Kelly's break-even; {_PARDO}", "no win or no loss, unless all are contracts held to settlement",
    ),
    Statistic("expectancy", "stats.expectancy", "money", "Mean net result of a trade.", "net / n", _PARDO, _EMPTY),
    Statistic(
        "holdout_expectancy", "stats.holdout_expectancy(k)", "money",
        "Mean net result of the newest k trades, in a gate 100 and 200.", "sum of the last k nets / k", "",
        "fewer than k trades",
    ),
    Statistic("average_win", "", "money", "Mean net result of wins.", "sum of wins / wins", _PARDO, "no win"),
    Statistic("average_loss", "", "money", "Mean net result of losses, below zero.", "sum of losses / losses", _PARDO,
              "no loss"),
    Statistic("payoff", "", "number", "Mean win over mean loss.", "average_win / |average_loss|", _PARDO,
              "no win or no loss"),
    Statistic("profit_factor", "stats.profit_factor", "number", "Money won over money lost.",
              "sum of wins / |sum of losses|", _PARDO, "no loss"),
    Statistic("average_holding_seconds", "", "seconds", "Mean time from first entry to flat.",
              "mean of (closed - opened)", "", _EMPTY),
    Statistic("sqn", "", "number", "System quality number.", "sqrt(n) mean(net) / s(net), s with n - 1",
              'V. K. Tharp, "Definitive Guide to Position Sizing", with money for R multiples', "fewer than 2 trades"),
    Statistic("cost_coverage", "stats.cost_coverage", "ratio",
              "Share of traded fills whose spread, slippage and fee are kept, not all 0; what a settled market paid is "
              "no trade.",
              "fills with all three / fills", "", "no fill, or a run that did not keep them"),
)  # fmt: skip

CURVE = (
    Statistic("days", "", "count", "Local days with a point of the curve.", "", ""),
    Statistic("final_equity", "", "money", "Last point of the curve.", "", "", "no point"),
    Statistic("total_return", "", "ratio", "Growth over the whole run.", "final / initial - 1", "", "no point"),
    Statistic("max_drawdown", "stats.max_drawdown", "ratio",
              "Deepest fall from a running peak; in gates, of one account that goes through all counted runs.",
              "max over t of (peak_t - equity_t) / peak_t, the initial cash being the first peak",
              'M. Magdon-Ismail and A. Atiya, "Maximum Drawdown", Risk 17(10), 2004',
              "in gates: another pack traded on the same account"),
    Statistic("sharpe", "", "per year", "Mean over deviation of daily returns, risk-free rate zero.",
              "mean(r) / s(r) sqrt(252), s with n - 1", "W. F. Sharpe, Journal of Portfolio Management 21(1), 1994",
              "fewer than 2 days, or returns that do not vary"),
    Statistic("sortino", "", "per year", "The same with falls alone in the deviation, target zero.",
              "mean(r) / sqrt(mean(min(r, 0)^2)) sqrt(252)",
              "F. A. Sortino and L. N. Price, Journal of Investing 3(3), 1994", "no losing day"),
    Statistic("cagr", "", "per year", "Growth a year.", "(final / initial)^(1 / years) - 1, years of 365.25 days", "",
              "fewer than 2 days"),
)  # fmt: skip

CONCENTRATION = (
    Statistic("events", "stats.events", "count",
              "Independent observations. Markets of one event, and all series on one game, are one; else a symbol on a "
              "UTC day.", "", ""),
    Statistic("event_days", "stats.days", "count", "UTC days on which a trade closed.", "", ""),
    Statistic("largest_ticker_share", "stats.largest_ticker_share", "ratio",
              "Share of one symbol in the absolute result, whether it won or lost.",
              "max |net_k| / sum |net_k| by symbol", "",
              "no symbol won or lost anything"),
    Statistic("largest_event_share", "stats.largest_event_share", "ratio", "The same by event.",
              "max |net_k| / sum |net_k| by event", "", "no event won or lost anything"),
    Statistic("hhi", "", "number", "Concentration of the absolute result, from 1 / groups to 1.", "sum of shares^2",
              "A. O. Hirschman, American Economic Review 54(5), 1964", "nothing was won or lost"),
    Statistic("effective_events", "stats.effective_events", "number",
              "How many equal events would be as concentrated. A few large losses among small wins make it small.",
              "1 / HHI by event", "M. A. Adelman, Review of Economics and Statistics 51(1), 1969",
              "no event won or lost anything"),
    Statistic("net_without_best", "stats.net_without_best", "money",
              f"Net result without the {BEST_TRADES} best trades.",
              f"net - sum of the {BEST_TRADES} largest nets", "", f"{BEST_TRADES} trades or fewer"),
)  # fmt: skip

CHANCE = (
    Statistic("expectancy_low", "stats.expectancy_low", "money",
              "One-sided 95% lower bound of the expectancy, for one look.",
              f"m - q95(t*) se over {DRAWS:,} resamples of whole events; m = sum y_k / sum n_k, e_k = y_k - m n_k, "
              "se = sqrt(K / (K - 1) sum e_k^2) / sum n_k, t* = (m* - m) / se*",
              'A. Davison and D. Hinkley, "Bootstrap Methods and their Application", 1997, sections 2.4 and 3.8; '
              "A. C. Cameron, J. Gelbach and D. Miller, Review of Economics and Statistics 90(3), 2008", _FEW),
    Statistic("expectancy_low_anytime", "stats.expectancy_low_anytime", "money",
              "The same bound, valid at all looks at once: for a gate that is asked until it passes.",
              "m - s sqrt(2 (K r^2 + 1) / r^2 log(1 + sqrt(K r^2 + 1) / (2 a))) / sum n_k, a = 5%, "
              f"s = sqrt(mean e_k^2), r^2 = (-2 log 2a + log(1 - 2 log 2a)) / {TUNED_FOR}",
              "I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and A. Ramdas, Annals of Statistics 52(6), 2024; "
              "S. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, Annals of Statistics 49(2), 2021", _FEW),
    Statistic("profit_factor_interval", "", "number", "90% interval of the profit factor.",
              f"percentiles over {DRAWS:,} resamples of whole events", "as for expectancy_low",
              f"fewer than {MIN_EVENTS} events, or no loss"),
    Statistic("win_rate_interval", "", "ratio",
              "90% interval of the win rate in a price band; the band pays if all of it is above q*.",
              "Wilson's score interval", "E. B. Wilson, JASA 22(158), 1927", "no trade in the band"),
    Statistic("placebo_p", "stats.placebo_p", "probability",
              "Share of placebos, which are the strategy's events with the sign of each result drawn by a coin, that "
              "do at least as well; s is the sum.", f"(1 + #{{s* >= s}}) / (1 + {PLACEBO_DRAWS:,})",
              'R. A. Fisher, "The Design of Experiments", 1935; B. Phipson and G. Smyth, Statistical Applications in '
              "Genetics and Molecular Biology 9(1), 2010", f"fewer than {MIN_EVENTS} events, or nothing won or lost"),
    Statistic("event_sharpe", "stats.event_sharpe", "per event", "Mean over deviation of an event's net result.",
              "SR = mean(y) / s(y), s with K - 1", _PSR, _FEW),
    Statistic("probabilistic_sharpe", "stats.probabilistic_sharpe", "probability",
              "Chance that the true ratio is above zero (SR* = 0), given length, skewness g3 and kurtosis g4.",
              "Z((SR - SR*) sqrt(K - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2))", _PSR, _FEW),
)  # fmt: skip

SEARCH = (
    Statistic("trials", "stats.trials", "count", "Sets of parameters ever evaluated for the pack, N.", "",
              "the trial ledger", "no ledger"),
    Statistic("deflated_sharpe", "stats.deflated_sharpe", "probability",
              "The probabilistic Sharpe ratio against the best that N trials without skill lead one to expect.",
              "SR* = SR0 = sqrt(V) ((1 - g) Z^-1(1 - 1/N) + g Z^-1(1 - 1/(N e))), g = 0.5772; V = mean of 1 / (n - 1) "
              "over trials of n events, times 1 - mean correlation of the trials",
              f"{_DSR}. They take for V the variance found among the trials, the same where no trial has skill. Where "
              "some have, it holds the differences of skill too, and a good set back for being better than bad ones",
              f"no trial in the ledger; {_FEW}"),
    Statistic("overfitting", "stats.overfitting", "probability",
              "PBO: how often the set that is best on one half of history is below the middle on the other half.",
              f"share of the {comb(BLOCKS, BLOCKS // 2):,} halvings of {BLOCKS} blocks of periods with "
              "log(w / (1 - w)) <= 0, w the relative rank out of sample of the set that has the best Sharpe in sample",
              "D. H. Bailey, J. Borwein, M. López de Prado and Q. J. Zhu, Journal of Computational Finance 20(4), 2017",
              f"no trial in the ledger, one trial, or fewer than {BLOCKS * MIN_ROWS_IN_BLOCK} periods"),
)  # fmt: skip

SECTIONS: Mapping[str, tuple[Statistic, ...]] = {
    "Trades": TRADES,
    "The equity curve": CURVE,
    "Events and concentration": CONCENTRATION,
    "Chance": CHANCE,
    "Search": SEARCH,
}
