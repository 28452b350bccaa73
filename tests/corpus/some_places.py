"""Builders of places: some invented ones, and the 27,000 of EuroSAT where real data is at hand."""

from __future__ import annotations

import csv
import functools
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np

from swath.corpus.places import Places

#: Diagonal of a 64 x 64 window of 10 m [m].
DIAGONAL = 640 * 2**0.5


def some_places(n: int = 600, *, seed: int = 0, **changed: Any) -> Places:
    """Clusters of samples of three classes around Europe, each cluster mostly of one class."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform((-8, 38), (28, 62), (40, 2))
    of = rng.integers(0, 40, n)
    lon, lat = (centre[of] + rng.normal(0, 0.05, (n, 2))).T
    label = np.where(rng.random(n) < 0.8, of % 3, rng.integers(0, 3, n))
    given = {"lon": lon, "lat": lat, "label": label, "diagonal": DIAGONAL, **changed}
    return Places([f"s{i:04d}" for i in range(n)], **given)


@functools.cache
def eurosat_places() -> Places:
    """All EuroSAT patches with the centres of their pixel (32, 32) and their classes, alphabetical."""
    path = Path(os.environ["SWATH_REAL_DATA"]) / "eurosat-rgb" / "positions.csv.gz"
    with gzip.open(path, "rt", newline="") as table:
        rows = list(csv.DictReader(table))
    _, label = np.unique([row["class"] for row in rows], return_inverse=True)
    lon, lat = (np.asarray([float(row[name]) for row in rows]) for name in ("lon", "lat"))
    return Places([row["path"] for row in rows], lon=lon, lat=lat, label=label, diagonal=DIAGONAL)
