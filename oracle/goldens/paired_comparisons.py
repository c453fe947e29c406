"""Writes what statsmodels and scipy say of tables of paired successes.

Usage: python -m oracle.goldens.paired_comparisons FOLDER

Packages: scipy==1.17.1 statsmodels==0.15.0

For each table: the exact McNemar p (statsmodels), the paired difference with Newcombe's interval (his method 10, 1998,
on statsmodels' Wilson limits), and the smallest true difference that a two-sided McNemar test at 5 % sees with 80 %
power (Connor, 1987, solved by scipy).
"""

import json
import sys
from math import sqrt
from pathlib import Path

from scipy.optimize import brentq
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

TABLES = [
    # Altman et al., Statistics with Confidence (2000), table 6.2; Fagerland et al. (2017), ch. 8: Bentur, Cavo.
    (14, 5, 0, 22),
    (1, 1, 7, 12),
    (59, 6, 16, 80),
    (25, 4, 3, 8),
    (0, 0, 0, 40),
    (40, 0, 0, 0),
    (0, 40, 0, 0),
    (20, 0, 0, 20),
    (30, 10, 0, 0),
    (3, 17, 18, 2),
    (700, 120, 90, 90),
    (1, 0, 0, 0),
    (0, 3, 0, 0),
    (12, 1, 6, 21),
    (100, 45, 20, 35),
]


def newcombe(both, first, second, neither):
    n = both + first + second + neither
    p1, p2 = (both + first) / n, (both + second) / n
    l1, u1 = proportion_confint(both + first, n, method="wilson")
    l2, u2 = proportion_confint(both + second, n, method="wilson")
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


def main(folder: Path) -> None:
    found = []
    for table in TABLES:
        both, first, second, neither = table
        difference, lower, upper = newcombe(*table)
        n = sum(table)
        found.append(
            {
                "table": table,
                "difference": difference,
                "lower": lower,
                "upper": upper,
                "p": float(mcnemar([[both, first], [second, neither]], exact=True).pvalue),
                "visible": visible(n, first + second),
            }
        )
    folder.mkdir(exist_ok=True)
    (folder / "paired.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
