"""Writes the vectors of this folder: estimators, quantiles of distributions and median intervals, by NumPy and SciPy.

Run: python3 vectors.py, in this folder.
"""
import csv
import numpy as np
from scipy import stats

rng = np.random.default_rng(20261120)
samples = {
    "five": np.array([100, 102, 98, 101, 99], float),
    "one": np.array([42.5]),
    "two": np.array([1.5, 2.25]),
    "constant": np.full(7, 0.1),
    "near a large mean": 1e9 + np.array([4, 7, 13, 16], float),
    "huge": np.array([1e300, 3e300, 2e300]),
    "tiny": np.array([1e-300, 3e-300, 2.5e-300]),
    "both signs": np.array([-5, 3.5, 0, 12, -7.25, 3.5]),
    "normal 25": rng.normal(100, 10, 25).round(6),
    "lognormal 64": rng.lognormal(7, 0.3, 64).round(6),
    "with outliers 40": np.concatenate([rng.normal(50, 1, 36), [500, 700, 900, 1100]]).round(6),
}


def text(v):
    return repr(float(v))


with open("estimators.csv", "w", newline="") as f:
    w = csv.writer(f)
    w.writerow(["sample", "values", "mean", "sd", "median", "q10", "q25", "q75", "q977", "mad"])
    for name, xs in samples.items():
        mean = text(np.mean(xs.astype(np.longdouble)))
        sd = text(np.std(xs.astype(np.longdouble), ddof=1)) if len(xs) > 1 else "nan"
        w.writerow([name, " ".join(map(text, xs)), mean, sd, text(np.median(xs)),
                    *[text(np.quantile(xs, q)) for q in (0.1, 0.25, 0.75, 0.977)], text(stats.median_abs_deviation(xs))])

with open("quantiles.csv", "w", newline="") as f:
    w = csv.writer(f)
    w.writerow(["distribution", "p", "degrees", "quantile"])
    ps = [0.5, 0.6, 0.9, 0.95, 0.975, 0.977, 0.99, 0.999, 0.99999, 0.025]
    for p in ps:
        w.writerow(["normal", p, "", text(stats.norm.ppf(p))])
        for df in (1, 2, 3, 4, 9, 24, 63, 1000, 4095):
            w.writerow(["student", p, df, text(stats.t.ppf(p, df))])

with open("median_ci.csv", "w", newline="") as f:
    w = csv.writer(f)
    w.writerow(["n", "confidence", "k", "coverage"])  # the interval is [x(k), x(n+1-k)]; k = 0: there is none
    for n in (1, 2, 5, 6, 7, 8, 10, 25, 64, 99, 100, 1000, 4096):
        for confidence in (0.5, 0.9, 0.95, 0.99):
            # ranks by scipy's own quantile test on 1..n
            ci = stats.quantile_test(np.arange(1, n + 1), q=0.5, p=0.5).confidence_interval(confidence)
            k = 0 if np.isnan(ci.low) or np.isnan(ci.high) else int(ci.low)
            if k and int(ci.high) != n + 1 - k:  # scipy's may be one wider on one side: take the symmetric one by the binomial itself
                k = 0
            best = 0
            for j in range(1, n // 2 + 1):
                if 1 - 2 * stats.binom.cdf(j - 1, n, 0.5) >= confidence:
                    best = j
            assert k in (0, best), (n, confidence, k, best)
            w.writerow([n, confidence, best, text(1 - 2 * stats.binom.cdf(best - 1, n, 0.5)) if best else "1.0"])
