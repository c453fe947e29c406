"""Writes what SciPy and statsmodels say of the statistics of experiments.

Usage: python -m oracle.goldens.experiment_statistics FOLDER

Packages: scipy==1.17.1 statsmodels==0.15.0 numpy==2.2.6

paired.json: for tables of paired successes, the exact McNemar p (statsmodels), the paired difference with Newcombe's
intervals at 95 % and 90 % (his method 10, 1998, on statsmodels' Wilson limits) and the smallest true difference that a
two-sided McNemar test at 5 % sees with 80 % power (Connor, 1987, solved by scipy).

statistics.json: normal and t distributions, the power of a t test (noncentral t), trimmed means and Mann-Whitney's U
(scipy); Wilson's intervals, pooled t tests with intervals and two one-sided tests, and Holm's p values (statsmodels);
mixtures of betas (scipy).
"""

import json
import sys
from math import sqrt
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaln
from scipy.stats import mannwhitneyu, nct, norm, t, trim_mean
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind


def newcombe(both, first, second, neither, alpha=0.05):
    n = both + first + second + neither
    p1, p2 = (both + first) / n, (both + second) / n
    l1, u1 = proportion_confint(both + first, n, alpha, method="wilson")
    l2, u2 = proportion_confint(both + second, n, alpha, method="wilson")
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    association = both * neither - first * second
    if association > 0:
        association = max(association - n / 2, 0)
    phi = association / sqrt(product) if product else 0.0
    below = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    above = (p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2
    return p1 - p2, p1 - p2 - sqrt(max(below, 0)), p1 - p2 + sqrt(max(above, 0))


def visible(n, discordant):
    """Connor's n = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2, solved for d; psi can be no less than d."""
    def lack(d):
        psi = max(discordant / n, d)
        return norm.ppf(0.975) * sqrt(psi) + norm.ppf(0.8) * sqrt(max(psi - d * d, 0)) - d * sqrt(n)

    return brentq(lack, 1e-9, 1, xtol=1e-14) if lack(1) < 0 else None


tables = [
    # Altman et al., Statistics with Confidence (2000), table 6.2; Fagerland et al. (2017), ch. 8: Bentur, Cavo.
    (14, 5, 0, 22), (1, 1, 7, 12), (59, 6, 16, 80),
    (25, 4, 3, 8), (0, 0, 0, 40), (40, 0, 0, 0), (0, 40, 0, 0), (20, 0, 0, 20), (30, 10, 0, 0), (3, 17, 18, 2),
    (700, 120, 90, 90), (1, 0, 0, 0), (0, 3, 0, 0), (12, 1, 6, 21), (100, 45, 20, 35),
]
goldens = []
for table in tables:
    both, first, second, neither = table
    difference, lower, upper = newcombe(*table)
    _, lower_90, upper_90 = newcombe(*table, alpha=0.1)
    n = sum(table)
    goldens.append({
        "table": table, "difference": difference, "lower": lower, "upper": upper,
        "lower_90": lower_90, "upper_90": upper_90,
        "p": float(mcnemar([[both, first], [second, neither]], exact=True).pvalue),
        "visible": visible(n, first + second),
    })
folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
(folder / "paired.json").write_text(json.dumps(goldens, indent=1) + "\n")


def distributions():
    normal = [{"x": x, "cdf": norm.cdf(x)} for x in (-30, -8.5, -3.2, -1, -0.01, 0, 0.5, 2, 6)]
    probabilities = (1e-300, 1e-20, 1e-5, 0.01, 0.02425, 0.2, 0.4999, 0.5, 0.8, 0.975, 0.999)
    quantiles = [{"p": p, "x": norm.ppf(p)} for p in probabilities]
    degrees = (0.3, 1, 2, 2.5, 4, 8, 30.7, 118, 5000, 1e6)
    values = [
        {"df": df, "x": x, "cdf": t.cdf(x, df), "density": t.pdf(x, df), "two_sided": 2 * t.sf(abs(x), df)}
        for df in degrees for x in (-40, -4.3, -1, -1e-3, 0.2, 1.7, 2.776, 12)
    ]
    inverse = [
        {"df": df, "p": p, "x": t.ppf(p, df)}
        for df in degrees for p in (1e-12, 0.001, 0.025, 0.3, 0.499, 0.7, 0.95, 0.975)
    ]
    power = [
        {"seeds": seeds, "shift": shift, "power": nct.sf(t.ppf(0.975, 2 * seeds - 2), 2 * seeds - 2, shift)}
        for seeds in (2, 3, 5, 12, 60) for shift in (0.3, 1.5, 2.8, 6)
    ]
    return {"normal": normal, "normal_quantiles": quantiles, "t": values, "t_quantiles": inverse, "noncentral_t": power}


def wilson(successes, n, level):
    lower, upper = proportion_confint(successes, n, 1 - level, method="wilson")
    return {"successes": successes, "episodes": n, "level": level, "lower": lower, "upper": upper}


def pooled_t(first, second, margin):
    comparison = CompareMeans(DescrStatsW(first), DescrStatsW(second))
    _, p, df = comparison.ttest_ind(usevar="pooled")
    intervals = [comparison.tconfint_diff(alpha=alpha, usevar="pooled") for alpha in (0.05, 0.1)]
    tost, (_, p_above, _), (_, p_below, _) = ttost_ind(first, second, -margin, margin, usevar="pooled")
    return {
        "first": first, "second": second, "margin": margin, "df": df, "p": p, "interval_95": list(intervals[0]),
        "interval_90": list(intervals[1]), "p_above": p_above, "p_below": p_below, "tost": tost,
    }


def scores(seed, tasks, runs):
    random = np.random.default_rng(seed)
    first = (random.binomial(50, random.uniform(0.5, 1, (tasks, 1)), (tasks, runs)) / 50).tolist()
    second = (random.binomial(50, random.uniform(0.5, 1, (tasks, 1)), (tasks, runs)) / 50).tolist()
    improvement = [mannwhitneyu(x, y).statistic / (runs * runs) for x, y in zip(first, second)]
    return {
        "first": first, "second": second, "interquartile_mean": trim_mean(np.ravel(first), 0.25),
        "improvement": float(np.mean(improvement)),
    }


families = [[0.01, 0.04, 0.03, 0.005, 0.2], [0.04], [0.5, 0.6, 0.01], [0.02, 0.02, 0.02], [1.0, 1e-9, 0.3, 0.049]]
statistics = distributions() | {
    "wilson": [
        wilson(k, n, level) for k, n in ((0, 10), (10, 10), (29, 40), (1, 1), (123, 500), (1270, 1500))
        for level in (0.9, 0.95, 0.99)
    ],
    "pooled_t": [
        pooled_t([0.85, 0.88], [0.81, 0.86], 0.05), pooled_t([0.85, 0.88, 0.84], [0.84, 0.86, 0.87], 0.05),
        pooled_t([0.91, 0.9, 0.93, 0.9, 0.92], [0.85, 0.8, 0.88, 0.83, 0.86], 0.02),
        pooled_t([0.5, 0.52, 0.51], [0.51, 0.53, 0.5, 0.52], 0.1),
    ],
    "holm": [{"p": ps, "adjusted": multipletests(ps, method="holm")[1].tolist()} for ps in families],
    "e_process": [
        {"wins": k, "losses": m, "prior": a, "log_e": (k + m) * np.log(2) + betaln(a + k, a + m) - betaln(a, a)}
        for k, m in ((0, 0), (1, 0), (12, 1), (30, 30), (400, 300)) for a in (0.5, 1, 10)
    ],
    "scores": [scores(seed, tasks, runs) for seed, tasks, runs in ((0, 10, 3), (1, 10, 5), (2, 3, 2), (3, 1, 7))],
}
(folder / "statistics.json").write_text(json.dumps(statistics, indent=1) + "\n")
