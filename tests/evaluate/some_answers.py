"""Answers of made-up models: right as often as asked, in blocks that share their luck if asked."""

from __future__ import annotations

import numpy as np


def some_answers(n=500, k=4, *, right=0.7, seed=0):
    """Truth and predictions 0..k-1, the last class rare."""
    rng = np.random.default_rng(seed)
    truth = np.minimum(rng.integers(0, 4 * k - 3, n) // 4, k - 1)
    return truth, np.where(rng.random(n) < right, truth, rng.integers(0, k, n))


def some_raw(n=500, k=4, *, sharp=3.0, seed=0):
    """Raw output whose true class is higher by one on average, times `sharp`; truth 0..k-1."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    raw = rng.standard_normal((n, k))
    raw[np.arange(n), truth] += 1
    return sharp * raw, truth


def some_labels(n=300, k=5, *, seed=0):
    """Raw output and 0/1 truth (n, k), at least one label a sample, with equal scores among them."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n, k)) < np.linspace(0.1, 0.5, k)
    truth[np.arange(n), rng.integers(0, k, n)] = True
    return np.round(rng.standard_normal((n, k)) + 1.5 * truth - 0.7, 1), truth.astype(np.float32)
