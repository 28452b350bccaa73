"""Statistics per band: against numpy, against published figures, and the alarms against what they are for."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from affine import Affine
from rasterio.io import MemoryFile

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.presets import from_statistics
from swath.core.quantity import (
    BOA,
    GAMMA0_RTC_DB,
    PROBABILITY,
    SIGMA0,
    SIGMA0_DB,
    TOA,
    class_of,
    dn,
    rgb8,
    value,
)
from swath.corpus.statistics import Statistics, merge, statistics

RGB = ("R", "G", "B")
RENDERED = rgb8("eurosat-2750")
Batch = tuple[np.ndarray, np.ndarray | None]


def a_corpus(n: int = 50, *, dtype: str = "uint16", dates: int = 2, bands: int = 3, seed: int = 0) -> np.ndarray:
    """Pictures of their own mean and contrast, (n, t, b, 16, 16)."""
    rng = np.random.default_rng(seed)
    mean, spread = rng.uniform(0.2, 0.7, (n, dates, bands, 1, 1)), rng.uniform(0.01, 0.1, (n, dates, bands, 1, 1))
    data = np.clip(rng.normal(mean, spread, (n, dates, bands, 16, 16)), 0.01, 0.99)
    top = {"uint8": 255, "uint16": 9000, "int16": 9000, "float32": 1, "float64": 1, "int32": 9000}[dtype]
    return (data * top).astype(dtype)


def in_batches(data: np.ndarray, valid: np.ndarray | None = None, size: int = 7) -> Iterator[Batch]:
    for start in range(0, len(data), size):
        yield data[start : start + size], None if valid is None else valid[start : start + size]


def per_band(data: np.ndarray) -> np.ndarray:
    return data.astype(np.float64).transpose(2, 0, 1, 3, 4).reshape(data.shape[2], -1)


def same(one: Statistics, other: Statistics, rtol: float = 1e-12) -> None:
    """Assert that all figures agree."""
    left, right = one.to_json(), other.to_json()
    assert left.keys() == right.keys()
    for name in left:
        if name in ("mean", "squares", "image_std", "edges", "low", "high"):
            np.testing.assert_allclose(np.asarray(left[name], float), np.asarray(right[name], float), rtol=rtol)
        else:
            assert left[name] == right[name], name


# ---- figures


@pytest.mark.parametrize(
    ("dtype", "quantity"),
    [
        ("uint8", RENDERED),
        ("uint16", dn("toa", offset=0)),
        ("int16", dn("boa", offset=0)),
        ("int32", value("m")),
        ("float32", TOA),
        ("float64", value("1")),
    ],
)
def test_figures_equal_numpys(dtype, quantity):
    """source-systems B8: equals numpy on a 50-sample corpus to 1e-6."""
    data = a_corpus(dtype=dtype)
    found = statistics(in_batches(data), bands=RGB, quantity=quantity)

    flat = per_band(data)
    np.testing.assert_allclose(found.mean, flat.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(found.std(), flat.std(axis=1), rtol=1e-6)
    np.testing.assert_allclose(
        found.std(kind="per-image-mean"), data.astype(float).std(axis=(3, 4)).mean(axis=(0, 1)), rtol=1e-6
    )
    np.testing.assert_array_equal(found.low, flat.min(axis=1))
    np.testing.assert_array_equal(found.high, flat.max(axis=1))
    assert found.count.tolist() == found.offered.tolist() == [50 * 2 * 256] * 3
    assert found.images.tolist() == [100] * 3


@pytest.mark.parametrize(
    ("dtype", "quantity"), [("uint16", dn("toa", offset=0)), ("float32", BOA), ("uint8", RENDERED)]
)
@pytest.mark.parametrize("wide", [True, False])
def test_only_valid_values_count(dtype, quantity, wide):
    """Field 8: validity per pixel, band and date travels into every statistic; numpy on the compressed values."""
    data = a_corpus(dtype=dtype)
    valid = np.random.default_rng(1).random((50, 2, 3 if wide else 1, 16, 16)) < 0.6
    valid[4] = False
    valid[:, :, -1, :8] = False
    found = statistics(in_batches(data, valid), bands=RGB, quantity=quantity)

    mask = np.broadcast_to(valid, data.shape)
    for band in range(3):
        values = data[:, :, band][mask[:, :, band]].astype(float)
        within = [
            picture[good].astype(float).std()
            for picture, good in zip(data[:, :, band].reshape(100, -1), mask[:, :, band].reshape(100, -1), strict=True)
            if good.any()
        ]
        assert found.count[band] == values.size
        assert found.images[band] == len(within) == 98
        assert found.mean[band] == pytest.approx(values.mean(), rel=1e-6)
        assert found.std()[band] == pytest.approx(values.std(), rel=1e-6)
        assert found.image_std[band] == pytest.approx(np.mean(within), rel=1e-6)
        assert (found.low[band], found.high[band]) == (values.min(), values.max())
        assert found.histogram[band].sum() + found.under[band] + found.over[band] == values.size


def test_nodata_and_saturation_of_sentinel_2_never_count():
    """science.md 1.2: DN 0 and 65535 are no measurements; tested on the raw integers."""
    data = np.array([0, 65535, 1000, 3000], np.uint16).reshape(1, 1, 1, 2, 2)

    found = statistics([(data, None)], bands=["B04"], quantity=dn("toa", offset=-1000))

    assert (found.count[0], found.offered[0], found.mean[0], found.std()[0]) == (2, 4, 2000.0, 1000.0)
    assert found.image_std[0] == 1000.0


def test_zero_of_a_picture_counts():
    """An 8-bit picture has black."""
    data = np.array([0, 255], np.uint8).reshape(1, 1, 1, 1, 2)

    assert statistics([(data, None)], bands=["R"], quantity=RENDERED).mean[0] == 127.5


def test_nan_and_infinity_never_count():
    """Holes of float stacks, whether a mask says so or not."""
    data = np.array([np.nan, np.inf, -np.inf, 0.25, 0.75], np.float32).reshape(1, 1, 1, 1, 5)

    found = statistics([(data, None)], bands=["B04"], quantity=TOA)

    assert (found.count[0], found.mean[0], found.std()[0], found.high[0]) == (2, 0.5, 0.25, 0.75)


def test_a_band_without_valid_values_is_nan_and_an_alarm():
    """No figure is better than 0."""
    data = a_corpus(4, dtype="float32")
    data[:, :, 1] = np.nan
    found = statistics(in_batches(data), bands=RGB, quantity=TOA)

    assert np.isnan([found.mean[1], found.std()[1], found.image_std[1], found.low[1], found.quantile(0.5)[1]]).all()
    assert found.alarms() == [f"G: none of {4 * 2 * 256} values is valid."]
    same(found, Statistics.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))))


def test_large_values_lose_nothing():
    """1e10 + noise of 1: the sum of squares would need 67 bits, float64 has 53."""
    data = 1e10 + np.random.default_rng(2).normal(size=(40, 1, 2, 16, 16))
    found = statistics(in_batches(data), bands=("a", "b"), quantity=value("m"))

    np.testing.assert_allclose(found.std(), per_band(data - 1e10).std(axis=1), rtol=1e-6)
    np.testing.assert_allclose(found.mean - 1e10, per_band(data - 1e10).mean(axis=1), atol=1e-5)


def test_one_huge_value_does_not_spoil_the_histogram():
    """1e10 among reflectances is counted above the last bin, and the mean is what it is."""
    data = a_corpus(4, dtype="float32")
    data[0, 0, 0, 0, 0] = 1e10
    found = statistics(in_batches(data), bands=RGB, quantity=TOA)

    assert found.over.tolist() == [1, 0, 0]
    assert found.mean[0] == pytest.approx(per_band(data)[0].mean())
    assert found.high[0] == 1e10


def test_integers_are_exact():
    """2e12 values: their sum of squares has 73 bits, more than any machine number; Python's integers hold it."""
    data = np.array([1, 65534], np.uint16).reshape(1, 1, 1, 1, 2)
    found = statistics([(data, None)], bands=["B04"], quantity=dn("toa", offset=0))

    for _ in range(40):
        found = merge(found, found)
    assert found.exact == ((65535 << 40, (1 + 65534**2) << 40),)
    assert (found.mean[0], found.std()[0]) == (65535 / 2, 65533 / 2)


@pytest.mark.parametrize(
    ("dtype", "quantity", "limits"),
    [
        ("uint16", dn("toa", offset=0), None),
        ("uint8", RENDERED, None),
        ("float32", TOA, None),
        ("float64", value("1"), (0, 1)),
    ],
)
def test_two_halves_merged_are_the_whole(dtype, quantity, limits):
    """Workers measure parts; to 1e-12."""
    data = a_corpus(dtype=dtype)
    valid = np.random.default_rng(1).random((50, 2, 1, 16, 16)) < 0.6
    options = {"bands": RGB, "quantity": quantity, "limits": limits, "split_hash": "ab", "part": "train", "fold": 2}

    whole = statistics(in_batches(data, valid), **options)
    halves = [statistics(in_batches(data[cut], valid[cut]), **options) for cut in (slice(20), slice(20, 50))]

    same(merge(*halves), whole)


def test_an_empty_half_changes_nothing():
    """A worker whose pixels were all invalid."""
    data = a_corpus(4, dtype="float32")
    whole = statistics(in_batches(data), bands=RGB, quantity=TOA)
    none = statistics(in_batches(np.full_like(data, np.nan)), bands=RGB, quantity=TOA)

    for joined in (merge(whole, none), merge(none, whole)):
        np.testing.assert_allclose(joined.mean, whole.mean, rtol=1e-15)
        np.testing.assert_allclose(joined.std(), whole.std(), rtol=1e-15)
        np.testing.assert_allclose(joined.image_std, whole.image_std, rtol=1e-15)


def test_batches_of_any_size_give_the_same():
    """Streaming is not an approximation."""
    data = a_corpus(dtype="float32")
    one, other = (statistics(in_batches(data, size=n), bands=RGB, quantity=TOA) for n in (1, 50))

    same(one, other)


# ---- histogram and quantiles


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_the_histogram_is_numpys(dtype):
    """Same edges, same counts."""
    data = a_corpus(dtype=dtype)
    limits = (0.25, 0.6) if dtype == "float32" else (2000, 6000)
    found = statistics(in_batches(data), bands=RGB, quantity=value("1"), bins=64, limits=limits)

    for band, values in enumerate(per_band(data)):
        expected = np.histogram(values[values < limits[1]], bins=np.linspace(*limits, 65))[0]
        assert found.histogram[band].tolist() == expected.tolist()
        assert (found.under[band], found.over[band]) == ((values < limits[0]).sum(), (values >= limits[1]).sum())


@pytest.mark.parametrize(
    ("dtype", "quantity", "ends"),
    [
        ("uint8", RENDERED, (0, 256)),
        ("uint16", dn("boa", offset=-1000), (0, 12_800)),
        ("uint16", dn(None, offset=None), (0, 65_536)),
        ("int16", value("K"), (-32_768, 32_768)),
        ("float32", TOA, (-0.2, 1.8)),
        ("float32", SIGMA0_DB, (-50, 14)),
        ("float32", PROBABILITY, (0, 1)),
    ],
)
def test_usual_ranges_are_fixed_beforehand(dtype, quantity, ends):
    """So that halves merge, and two corpora can be laid over one another."""
    found = statistics(in_batches(a_corpus(3, dtype=dtype)), bands=RGB, quantity=quantity)

    assert found.edges.shape == (3, 257)
    assert {(row[0], row[-1]) for row in found.edges} == {ends}


def test_other_floats_take_the_range_of_the_first_batch():
    """What comes later outside is counted, not lost."""
    data = np.concatenate([np.linspace(2, 4, 100), np.linspace(0, 6, 100)]).reshape(2, 1, 1, 10, 10)
    found = statistics(in_batches(data, size=1), bands=["t"], quantity=value("K"), bins=10)

    assert (found.edges[0, 0], found.edges[0, -1]) == (2, 4)
    assert found.under[0] == (data[1] < 2).sum()
    assert found.over[0] == (data[1] > 4).sum()


def test_quantiles_are_exact_to_a_bin():
    """numpy's on the values themselves; the bins of reflectance are 0.0078 wide."""
    data = a_corpus(dtype="float32")
    found = statistics(in_batches(data), bands=RGB, quantity=TOA)

    for q in (0.0, 0.02, 0.25, 0.5, 0.98, 1.0):
        np.testing.assert_allclose(found.quantile(q), np.quantile(per_band(data), q, axis=1), atol=0.0079)


# ---- who, and what for


def test_the_part_that_was_read_is_carried():
    """Trap 8: statistics carry the split's hash and part."""
    found = statistics(
        in_batches(a_corpus(3)), bands=RGB, quantity=value("1"), split_hash="f" * 64, part="train", fold=1
    )

    held = found.to_json()
    assert (held["split_hash"], held["part"], held["fold"]) == ("f" * 64, "train", 1)
    assert found.notes() == ["Of part train, fold 1, of split ffffffffffff."]


def test_json_keeps_everything():
    """corpus.json and bundles hold it."""
    found = statistics(in_batches(a_corpus(dtype="uint8")), bands=RGB, quantity=RENDERED, part="train", split_hash="a")

    again = Statistics.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))

    same(again, found)
    same(merge(again, found), merge(found, found))


def test_moments_make_a_preset():
    """What `core.presets` takes."""
    found = statistics(in_batches(a_corpus()), bands=("B04", "B03", "B02"), quantity=dn("toa", offset=0))

    preset = from_statistics("mine", found.moments(std="per-image-mean"), ("B02", "B04"), dn("toa", offset=0))

    assert preset.mean == (found.mean[2], found.mean[0])
    assert preset.std == (found.image_std[2], found.image_std[0])


def test_rows_are_for_people():
    """One a band, the mean by its name."""
    rows = statistics(in_batches(a_corpus(3, dtype="uint8")), bands=RGB, quantity=RENDERED).as_rows()

    assert [row["band"] for row in rows] == [*RGB]
    assert [*rows[0]] == ["band", "valid", "mean", "std", "std within pictures", "min", "max"]


def test_decibels_are_averaged_under_another_name():
    """Contract 1: averaging refuses dB; statistics for normalisation need it (science.md 2.5), so it is flagged."""
    data = np.random.default_rng(0).normal(-12, 4, (5, 1, 1, 16, 16)).astype(np.float32)
    found = statistics(in_batches(data), bands=["VV"], quantity=SIGMA0_DB)

    assert found.mean_name == "mean of dB"
    assert "mean of dB" in found.as_rows()[0]
    assert found.notes() == ["sigma0 dB: means and standard deviations are of decibels, not of power."]


# ---- alarms


def test_a_std_within_pictures_is_no_population_std():
    """Trap 7: ratio above 1.8; 004's published deviations against those of all pixels."""
    rng = np.random.default_rng(0)
    data = (
        (rng.uniform(20, 200, (60, 1, 3, 1, 1)) + rng.normal(0, 15, (60, 1, 3, 16, 16))).clip(0, 255).astype(np.uint8)
    )
    found = statistics(in_batches(data), bands=RGB, quantity=RENDERED)

    said = found.alarms(std={"R": found.image_std[0], "G": found.std()[1], "B": found.std()[2] / 2.5})
    assert [sentence[:1] for sentence in said] == ["R", "B"]
    assert "within pictures it is" in said[0]
    assert "within pictures it is" not in said[1]
    assert found.alarms() == []


def scenes(*darkest: int, n: int = 20) -> np.ndarray:
    """Pictures of 64 x 64 whose darkest DN in B12 is as given, in turn."""
    rng = np.random.default_rng(0)
    data = rng.integers(1400, 4000, (n, 1, 2, 64, 64)).astype(np.uint16)
    for i in range(n):
        data[i, 0, 1, 3, 4] = darkest[i % len(darkest)]
    return data


def test_two_kinds_of_offset_in_one_corpus_are_seen():
    """Trap 1: min-DN bimodal at 0 and 1000."""
    found = statistics(in_batches(scenes(30, 1040)), bands=("B04", "B12"), quantity=dn("boa", offset=None))

    said = "Two kinds of pictures: 50 % have their darkest below 700, 50 % at 950 to 1300"
    assert found.alarms() == [f"{said}: with and without the offset of +1000?"]
    assert (found.dark.tolist(), found.shifted.tolist(), found.darkest) == ([0, 10], [0, 10], (20, 10, 10))


@pytest.mark.parametrize(("darkest", "offset", "word"), [(1040, 0, "forgotten?"), (30, -1000, "taken off already?")])
def test_a_declared_offset_that_the_pixels_deny_is_seen(darkest, offset, word):
    """Trap 1: forgotten, or taken off twice."""
    found = statistics(in_batches(scenes(darkest)), bands=("B04", "B12"), quantity=dn("boa", offset=offset))

    assert len(found.alarms()) == 1
    assert found.alarms()[0].endswith(word)


@pytest.mark.parametrize(("darkest", "offset"), [(30, 0), (1040, -1000), (2200, 0), (2200, -1000)])
def test_an_offset_that_the_pixels_bear_out_is_no_alarm(darkest, offset):
    """Overcast and snow (darkest above 1300) decide nothing."""
    found = statistics(in_batches(scenes(darkest)), bands=("B04", "B12"), quantity=dn("boa", offset=offset))

    assert found.alarms() == []


def test_wrapped_subtraction_is_seen():
    """Trap 3: uint16 underflow on DN - 1000; any reflectance above 5."""
    raw = np.full((1, 1, 1, 8, 8), 900, np.uint16)
    wrapped = raw - np.uint16(1000)

    stored = statistics([(wrapped, None)], bands=["B04"], quantity=dn("boa", offset=0))
    divided = statistics([((wrapped / 10_000).astype(np.float32), None)], bands=["B04"], quantity=BOA)

    expected = ["B04: 64 reflectances above 5: unsigned numbers wrapped below 0?"]
    assert stored.alarms() == divided.alarms() == expected


def test_nodata_with_an_offset_is_seen():
    """Trap 2: nodata 0 becomes -0.1 and is averaged; a mask made of raw DN keeps it out."""
    data = np.full((1, 1, 1, 8, 8), 0.2, np.float32)
    data[..., :2] = (np.float32(0) - np.float32(1000)) / np.float32(10_000)
    valid = data > 0

    seen = statistics([(data, None)], bands=["B04"], quantity=TOA)
    masked = statistics([(data, valid)], bands=["B04"], quantity=TOA)

    assert seen.alarms() == ["B04: 16 reflectances of exactly -0.1: nodata that an offset was added to?"]
    assert masked.alarms() == []


def backscatter(vv: float, vh: float) -> np.ndarray:
    """Two bands of dB around these medians."""
    rng = np.random.default_rng(0)
    return np.stack([rng.normal(level, 2.2, (4, 1, 32, 32)) for level in (vv, vh)], axis=2).astype(np.float32)


def test_natural_backscatter_is_no_alarm():
    """science.md 2.9: global VV -12.6, VH -20.2 dB, in dB and in power."""
    db = backscatter(-12.6, -20.2)

    for data, quantity in ((db, SIGMA0_DB), (10 ** (db / 10), SIGMA0)):
        assert statistics(in_batches(data), bands=("VV", "VH"), quantity=quantity).alarms() == []


def test_swapped_polarisations_are_seen():
    """science.md 2.9, trap 12: median VH >= VV."""
    found = statistics(in_batches(backscatter(-20.2, -12.6)), bands=("VV", "VH"), quantity=SIGMA0_DB)

    (said,) = found.alarms()
    assert said.startswith("Median VH (-12.")
    assert said.endswith("bands swapped?")


def test_linear_power_declared_as_decibels_is_seen():
    """science.md 2.9, trap 9: values all >= 0."""
    power = 10 ** (backscatter(-12.6, -20.2) / 10)
    found = statistics(in_batches(power), bands=("VV", "VH"), quantity=SIGMA0_DB)

    assert found.alarms()[:2] == [
        f"{band}: declared in dB, yet no value is below 0: linear power?" for band in ("VV", "VH")
    ]


def test_decibels_declared_as_power_are_seen():
    """Trap 9 the other way: power is not negative in the middle."""
    found = statistics(in_batches(backscatter(-12.6, -20.2)), bands=("VV", "VH"), quantity=SIGMA0)

    assert found.alarms()[0] == "VV: declared as linear power, yet half the values are below 0: decibels?"


def test_a_median_that_no_ground_has_is_seen():
    """science.md 2.9: any median outside -35..+5 dB."""
    found = statistics(in_batches(backscatter(-12.6, -44.0)), bands=("VV", "VH"), quantity=SIGMA0_DB)

    (said,) = found.alarms()
    assert said.startswith("VH: the median is -4")
    assert said.endswith("outside -35 to 5.")


# ---- refusals


def refusal(batches: Any, **options: Any) -> str:
    given: dict[str, Any] = {"bands": RGB, "quantity": TOA, **options}
    with pytest.raises((Mismatch, Refused)) as raised:
        statistics(batches, **given)
    return str(raised.value)


def test_class_codes_have_no_mean():
    """The mean of forest and sea is not a crop."""
    said = refusal([], quantity=class_of("scl"))

    assert said == "statistics: codes of class [scl] have no mean. Count them by class, or leave the stack out."


@pytest.mark.parametrize("batches", [[], [(np.zeros((0, 1, 3, 4, 4), np.uint8), None)]])
def test_nothing_to_measure_is_refused(batches):
    """An empty part."""
    assert refusal(batches) == "statistics: there is no pixel to measure. Name a part that holds samples."


def test_another_shape_type_or_mask_is_refused():
    """Bands by position, so their number must be right."""
    one, two = np.zeros((2, 1, 2, 4, 4), np.float32), np.zeros((2, 1, 3, 4, 4), np.float32)

    assert refusal([(one, None)]) == "statistics: shape differs: want (n, t, 3, h, w), have (2, 1, 2, 4, 4)."
    assert refusal([(two, None), (two.astype("f8"), None)]) == ("statistics: type differs: want float32, have float64.")
    assert refusal([(two, np.ones((2, 1, 2, 4, 4), bool))]) == (
        "statistics: validity differs: want (2, 1, 3, 4, 4), have (2, 1, 2, 4, 4)."
    )


@pytest.mark.parametrize("options", [{"bins": 0}, {"limits": (1, 1)}])
def test_a_histogram_without_width_is_refused(options):
    """No bin holds anything."""
    assert refusal([], **options).startswith("statistics: there is no such histogram: have ")


def test_an_unknown_standard_deviation_names_the_nearest():
    """004's is `per-image-mean`."""
    found = statistics(in_batches(a_corpus(2)), bands=RGB, quantity=value("1"))

    with pytest.raises(Unknown) as raised:
        found.std(kind="per-image")
    assert str(raised.value) == (
        "unknown standard deviation 'per-image'. Did you mean 'per-image-mean'? Known: population, per-image-mean."
    )


def test_a_std_of_other_bands_is_refused():
    """Positions are not names."""
    found = statistics(in_batches(a_corpus(2)), bands=RGB, quantity=value("1"))

    with pytest.raises(Mismatch, match="statistics: std differs: want one of each of R G B"):
        found.alarms(std={"R": 1.0, "NIR": 2.0})


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"bands": ("B", "G", "R")}, "bands"),
        ({"quantity": value("m")}, "quantity"),
        ({"part": "val"}, "part"),
        ({"bins": 7}, "histogram bins"),
    ],
)
def test_what_does_not_belong_together_is_not_merged(changed, what):
    """Both sides are named."""
    given: dict[str, Any] = {"bands": RGB, "quantity": value("1"), "part": "train", "limits": (0, 9000)}
    data = a_corpus(2)

    with pytest.raises(Mismatch, match=f"merge of statistics: {what} differs: want "):
        merge(statistics([(data, None)], **given), statistics([(data, None)], **{**given, **changed}))


# ---- speed and real data


def test_27_000_pictures_would_take_less_than_ten_seconds():
    """A tenth of EuroSAT RGB, uint8 64 x 64, in seconds of this process (1.7 s measured for the whole)."""
    data = np.random.default_rng(0).integers(0, 256, (2700, 1, 3, 64, 64), np.uint8)
    start = time.process_time()

    statistics(in_batches(data, size=256), bands=RGB, quantity=RENDERED)

    assert time.process_time() - start < 1.0


def eurosat_rgb(size: int = 256) -> Iterator[Batch]:
    """All JPEGs, decoded as libjpeg does by default."""
    with zipfile.ZipFile(Path(os.environ["SWATH_REAL_DATA"]) / "eurosat-rgb" / "EuroSAT_RGB.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        for start in range(0, len(names), size):
            batch = [simplejpeg.decode_jpeg(archive.read(name)) for name in names[start : start + size]]
            yield np.stack(batch).transpose(0, 3, 1, 2)[:, None], None


@pytest.mark.realdata
def test_eurosat_rgb_has_the_measured_figures():
    """science.md 1.11, all 27,000; 004's published means within 0.05 of them (B8), its sd within 2.5 %."""
    found = statistics(eurosat_rgb(), bands=RGB, quantity=RENDERED)

    assert found.mean == pytest.approx([87.816, 96.974, 103.981], abs=0.01)
    assert found.std(kind="per-image-mean") == pytest.approx([23.299, 16.605, 14.086], abs=0.02)
    assert found.std() == pytest.approx([51.7, 34.9, 29.5], abs=0.1)
    assert found.mean == pytest.approx([87.845, 96.965, 103.947], abs=0.05)
    assert found.std(kind="per-image-mean") == pytest.approx([23.657, 16.474, 13.793], rel=0.025)
    assert len(found.alarms(std=[23.657, 16.474, 13.793])) == 3
    assert found.images.tolist() == [27_000] * 3


MS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")


@pytest.mark.realdata
def test_eurosat_ms_carries_no_offset():
    """shared data's README: L1C without offset, B10 darkest (4..33); all 80 patches judged dark, no alarm."""
    with zipfile.ZipFile(Path(os.environ["SWATH_REAL_DATA"]) / "eurosat-ms" / "EuroSAT_MS_subset.zip") as archive:
        blobs = [archive.read(name) for name in archive.namelist() if name.endswith(".tif")]
    pictures = []
    for blob in blobs:
        with MemoryFile(io.BytesIO(blob)) as memory, memory.open() as file:
            assert file.transform != Affine.identity()
            pictures.append(file.read())

    found = statistics(in_batches(np.stack(pictures)[:, None]), bands=MS, quantity=dn("toa", offset=0))

    assert (found.darkest, found.alarms()) == ((80, 80, 0), [])
    assert found.mean[MS.index("B10")] == pytest.approx(12.2, abs=0.6)
    assert found.valid_share.tolist() == [1.0] * 13


def a_place(id: str, file: str) -> np.ndarray:
    """One of the S1 and S2 places, (1, 1, b, 224, 224)."""
    folder = Path(os.environ["SWATH_REAL_DATA"]) / "s1s2-places" / id
    with MemoryFile((folder / f"{file}.tif").read_bytes()) as memory, memory.open() as raster:
        return raster.read()[None, None]


@pytest.mark.realdata
def test_two_offsets_of_a_published_corpus_are_seen():
    """science.md 1.5: of two L1C patches of one data set, 282D carries +1000 and 637U does not."""
    batches = [(a_place(id, "S2L1C"), None) for id in ("282D_485L_3_3", "637U_59R_1_3")]
    bands = (*MS[:8], "B8A", *MS[8:12])

    found = statistics(batches, bands=bands, quantity=dn("toa", offset=None))

    assert found.darkest == (2, 1, 1)
    (said,) = found.alarms()
    assert said.startswith("Two kinds of pictures: 50 % have their darkest below 700, 50 % at 950 to 1300")


@pytest.mark.realdata
def test_real_backscatter_is_no_alarm():
    """The same places' gamma0 in dB; means are those of numpy."""
    pictures = [a_place(id, "S1RTC") for id in ("282D_485L_3_3", "637U_59R_1_3")]
    found = statistics([(picture, None) for picture in pictures], bands=("VV", "VH"), quantity=GAMMA0_RTC_DB)

    assert found.alarms() == []
    assert found.mean == pytest.approx(np.concatenate(pictures).mean(axis=(0, 1, 3, 4)), rel=1e-9)
