"""Builders of corpus summaries: synthetic numbers of a believable corpus of 300 samples in ten classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from swath.core.legends import legend
from swath.core.quantity import dn
from swath.core.sensors import sensor
from swath.core.sphere import nearest_place
from swath.draw import keys_of, png
from swath.draw.picture import enlarge
from swath.report import (
    BandFigures,
    ClassFigures,
    CorpusSummary,
    OffsetFigures,
    Places,
    QuarantineFigures,
    SplitFigures,
    StackFigures,
    Thumbnail,
)

__all__ = ["a_band", "a_split", "a_summary", "a_virtual_summary"]


def a_band(name: str, *, mean: float = 1100.0, sd: float = 420.0, seed: int = 0) -> BandFigures:
    """A histogram of gamma-distributed digital numbers."""
    rng = np.random.default_rng([seed, len(name), ord(name[-1])])
    numbers = rng.gamma((mean / sd) ** 2, sd**2 / mean, 20_000)
    counts, edges = np.histogram(numbers, bins=256, range=(0, float(numbers.max()) * 1.001))
    low, high = float(numbers.min()), float(numbers.max())
    about = sensor("s2-l1c").band(name)
    note = f"{about.centre['S2A']:.0f} nm, native {about.native_gsd:g} m"
    return BandFigures(name, edges, counts, low, float(numbers.mean()), float(numbers.std()), high, 0.998, note)


def _a_picture(colour: str, rng: np.random.Generator) -> bytes:
    """A mottled patch, 64 pixels a side."""
    base = np.array(list(bytes.fromhex(colour.lstrip("#"))), float) * 0.7
    mottle = sum(enlarge(rng.normal(0, 10, (64 // k, 64 // k, 1)), k) for k in (1, 4, 16))
    return png(np.clip(base + mottle, 0, 255).astype(np.uint8))


def a_split(places: Places, *, name: str = "random-80-20", by_place: bool = False, seed: int = 7) -> SplitFigures:
    """At random, or by cells of four degrees."""
    rng = np.random.default_rng([seed, 1])
    cells = np.floor(np.nan_to_num(np.stack([places.lon, places.lat])) / 4).astype(int)
    lot = (cells[0] * 7 + cells[1] * 13) % 5 if by_place else rng.integers(0, 5, len(places.lon))
    part = np.where(lot == 0, "test", np.where(lot == 1, "val", "train"))
    known = np.isfinite(places.lon)
    test, train = known & (part == "test"), known & (part == "train")
    metres = nearest_place(places.lon[test], places.lat[test], places.lon[train], places.lat[train])[1]
    near = float((metres < 1000).mean())
    return SplitFigures(
        name=name,
        recipe="Blocks of 4 degrees dealt to parts, seed 7."
        if by_place
        else "At random by class, seed 7: 60, 20, 20 %.",
        parts={each: int((part == each).sum()) for each in ("train", "val", "test")},
        verdict="no leak found by place."
        if by_place
        else f"leaks: {100 * near:.0f} % of test lies within 1 km of train.",
        is_leaking=not by_place,
        rows=(
            ("test samples within 1 km of train", f"{100 * near:.1f} %"),
            ("test samples within 5 km of train", f"{100 * float((metres < 5000).mean()):.1f} %"),
            ("overlapping footprints", "0" if by_place else "11"),
            ("groups on both sides", "0"),
            ("near-duplicates", "0"),
            ("shared datatakes", "unknown"),
            ("label of the nearest train place", "31 %" if by_place else "78 %"),
        ),
        metres=metres,
        part_of_place=tuple(part.tolist()),
        cell=4.0 if by_place else None,
        hash="5b1c" * 16,
    )


def a_summary(*, n: int = 300, seed: int = 7, **changes: Any) -> CorpusSummary:
    """Thirteen bands, ten classes, two splits, four samples in quarantine."""
    rng = np.random.default_rng([seed, 0])
    keys = keys_of(legend("eurosat"))
    towns = np.stack([rng.uniform(-8, 28, 40), rng.uniform(37, 60, 40)])[:, rng.integers(0, 40, n)]
    lon, lat = towns + rng.normal(0, 0.02, (2, n))
    lon[:3] = np.nan
    kinds = [keys[i % 10].name for i in range(n)]
    ids = tuple(f"{kind}_{i}" for i, kind in enumerate(kinds))
    places = Places(lon, lat, tuple(kinds), ids)
    quantity = dn("toa", offset=-1000)
    means = dict(zip(sensor("s2-l1c").names, range(2400, 2400 - 13 * 90, -90), strict=True))
    stack = StackFigures(
        name="s2",
        quantity=str(quantity),
        gsd=(10.0, 10.0),
        size=(64, 64),
        bands=tuple(a_band(name, mean=mean) for name, mean in means.items()),
        dtype="uint16",
        sensor="s2-l1c",
        level="L1C",
        offsets=(
            OffsetFigures(
                "-1000", "xml", "documented", n - 20, "shifted (1 % quantile of B10 is 1012, within 950..1150)"
            ),
            OffsetFigures(
                "-1000", "baseline", "claimed", 20, "undecided (0.1 % quantile of B04 is 1422, which both show)"
            ),
        ),
    )
    summary = CorpusSummary(
        name="Fields of ten countries",
        source="eurosat-ms",
        samples=n,
        stacks=(stack,),
        classes=tuple(ClassFigures(key.name, key.colour, kinds.count(key.name)) for key in keys),
        legend="eurosat",
        places=places,
        thumbnails=tuple(
            Thumbnail(_a_picture(key.colour, rng), f"{key.name}_{i}", key.name) for key in keys for i in range(4)
        ),
        thumbnails_note="B04, B03, B02 as red, green, blue: toa reflectance 0 to 0.3.",
        dates=("2018-01-06", "2018-12-22"),
        quarantine=(
            QuarantineFigures("unreadable", 3, ("tif/River/River_12.tif: is truncated. Fetch the file again.",)),
            QuarantineFigures("mismatch", 1, ("tif/Forest/Forest_9.tif: size differs: want 64 x 64, have 63 x 64.",)),
        ),
        splits=(a_split(places), a_split(places, name="blocks-4deg", by_place=True)),
        licences=("Contains modified Copernicus Sentinel data 2018.", "EuroSAT: Helber et al. 2019, MIT."),
        command="swath corpus import eurosat-ms EuroSATallBands.zip -o fields && swath corpus split fields --by place",
        hashes={"plan": "9f2c" * 16, "corpus.json": "e07a" * 16},
    )
    return replace(summary, **changes)


def a_virtual_summary() -> CorpusSummary:
    """Nothing wrong, nothing unknown, on a virtual planet, without split."""
    whole = a_summary(n=60)
    rng = np.random.default_rng(3)
    places = Places(rng.uniform(-170, 170, 60), rng.uniform(-50, 60, 60), whole.places.kinds if whole.places else ())
    return replace(whole, name="planet", places=places, is_on_earth=False, quarantine=(), splits=())
