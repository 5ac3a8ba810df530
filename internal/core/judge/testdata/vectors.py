"""Writes vectors.csv: limits by NumPy and SciPy, from the formulas in Bound's comment.

Run: python3 vectors.py, in this folder.
"""
import csv
import numpy as np
from scipy import stats

rng = np.random.default_rng(2)
histories = [
    [100, 102, 98, 101, 99],
    [1.5, 2.25],
    rng.normal(1000, 25, 25).round(4),
    rng.lognormal(14, 0.2, 64).round(2),
    -rng.normal(7, 2, 12).round(5),
    rng.normal(0, 1, 9).round(6),
]


def text(v):
    return repr(float(v))


with open("vectors.csv", "w", newline="") as f:
    w = csv.writer(f)
    w.writerow(["test", "boundary", "history", "baseline", "lower", "upper"])
    for h in histories:
        x = np.array(h, np.longdouble)
        n, m, s = len(x), x.mean(), x.std(ddof=1)
        words = " ".join(map(text, h))
        for p in (0, 0.05, 0.1, 2.5):
            w.writerow(["percentage", p, words, text(m), text(m - abs(m) * p), text(m + abs(m) * p)])
        for p in (0.6, 0.95, 0.977, 0.99, 0.9999):
            reach = s * np.sqrt(1 + 1 / np.longdouble(n)) * stats.t.ppf(p, n - 1)
            w.writerow(["t_test", p, words, text(m), text(m - reach), text(m + reach)])
