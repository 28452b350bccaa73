"""Perceptual hashes: what changes them, what does not, and that no near pair is missed."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from swath.core.errors import Mismatch
from swath.corpus.phash import FLAT, NEAR_BITS, near_pairs, nearest_hash, phash


def pictures(n: int = 20, side: int = 64, bands: int = 3, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    """Smooth fields, as scenes are: low frequencies strong, every picture its own."""
    rng = np.random.default_rng(seed)
    amplitude = 1 / (1 + np.hypot(*np.mgrid[:side, :side]))
    fields = dctn(rng.normal(size=(n, bands, side, side)) * amplitude, axes=(2, 3))
    low, high = fields.min(axis=(1, 2, 3), keepdims=True), fields.max(axis=(1, 2, 3), keepdims=True)
    top = {"uint8": 255, "uint16": 4000, "float32": 0.4}[dtype]
    return ((fields - low) / (high - low) * top).astype(dtype)


def bits(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.bitwise_count(one ^ other)


def test_bits_are_the_low_frequencies_of_a_plain_cosine_transform():
    """Area mean by loops over blocks, scipy's DCT-II, frequencies above the median of all but the mean."""
    batch = pictures(5, bands=13, dtype="uint16")
    hashes = phash(batch)

    for picture, found in zip(batch, hashes, strict=True):
        grey = picture.astype(float).mean(axis=0)
        small = np.array([[grey[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean() for x in range(32)] for y in range(32)])
        low = dctn(small, norm="ortho")[:8, :8].ravel()
        expected = ["1"] + ["1" if value > np.median(low[1:]) else "0" for value in low[1:]]
        assert f"{int(found):064b}" == "".join(expected)


@pytest.mark.parametrize("side", [17, 32, 50, 64, 120, 256])
def test_any_size_of_picture_has_a_hash(side):
    """Area shares where 32 does not divide the side: the picture scaled up by whole pixels has the same hash."""
    batch = pictures(6, side=side)
    larger = batch.repeat(3, axis=2).repeat(3, axis=3)

    assert bits(phash(batch), phash(larger)).tolist() == [0] * 6


@pytest.mark.parametrize(("bands", "dtype"), [(3, "uint8"), (13, "uint16"), (2, "float32"), (1, "uint8")])
def test_pictures_of_their_own_are_far_apart(bands, dtype):
    """31 or 32 of 63 bits are set, so hashes by chance differ in 32: none of 190 pairs is near."""
    hashes = phash(pictures(20, bands=bands, dtype=dtype))

    first, second, _ = near_pairs(hashes, hashes)
    assert first.tolist() == second.tolist() == list(range(20))


def test_gain_and_offset_do_not_change_a_bit():
    """Baselines 03.01 and 04.00 of one scene differ by 1000 in every DN: near-duplicates all the same."""
    batch = pictures(20, bands=13, dtype="uint16")

    assert np.array_equal(phash(batch + np.uint16(1000)), phash(batch))
    assert np.array_equal(phash(batch * 2.5), phash(batch))


def test_a_jpeg_of_a_picture_is_its_near_duplicate():
    """Lossy copies are what the search is for; quality 75 of the encoder."""
    batch = pictures(20)
    copies = []
    for picture in batch:
        file = io.BytesIO()
        Image.fromarray(picture.transpose(1, 2, 0)).save(file, "jpeg", quality=75)
        copies.append(np.asarray(Image.open(file)).transpose(2, 0, 1))

    assert bits(phash(np.stack(copies)), phash(batch)).max() <= NEAR_BITS


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_flat_pictures_are_near_to_nothing(value):
    """Open sea and nodata would otherwise be duplicates of one another."""
    hashes = phash(np.full((3, 13, 64, 64), value, np.uint16))

    assert hashes.tolist() == [int(FLAT)] * 3
    assert near_pairs(hashes, hashes)[0].size == 0
    assert nearest_hash(hashes, hashes)[0].tolist() == [-1, -1, -1]


def test_what_is_not_valid_does_not_count():
    """Nodata and NaN are replaced by the mean of what is valid, whatever number stands there."""
    batch = pictures(4, dtype="float32")
    valid = np.ones((4, 1, 64, 64), bool)
    valid[:, :, 10:30, 40:] = False
    spoilt, holes = batch.copy(), batch.copy()
    spoilt[:, :, 10:30, 40:] = 9999
    holes[:, :, 10:30, 40:] = np.nan

    assert np.array_equal(phash(spoilt, valid=valid), phash(batch, valid=valid))
    assert np.array_equal(phash(holes), phash(batch, valid=valid))


def test_a_picture_without_valid_pixels_is_flat():
    """All NaN."""
    assert phash(np.full((1, 2, 40, 40), np.nan)).tolist() == [int(FLAT)]


def test_an_empty_batch_has_no_hashes():
    """Empty in, empty out."""
    assert phash(np.zeros((0, 3, 64, 64), np.uint8)).shape == (0,)


def test_shapes_that_are_no_batch_are_refused():
    """A single picture would be taken for a batch of rows."""
    with pytest.raises(Mismatch) as raised:
        phash(np.zeros((64, 64)))
    with pytest.raises(Mismatch, match=r"phash: validity differs: want \(2, 64, 64\), have \(2, 32, 64\)\."):
        phash(np.zeros((2, 64, 64)), valid=np.ones((2, 32, 64), bool))

    assert str(raised.value) == "phash: shape differs: want (n, h, w) or (n, b, h, w), have (64, 64)."


def some_hashes(n: int, seed: int) -> np.ndarray:
    """Hashes that are near on purpose: twelve bases with up to nine bits flipped; some flat."""
    rng = np.random.default_rng(seed)
    bases = np.random.default_rng(99).integers(1, 2**63, 12, np.uint64)
    hashes = bases[rng.integers(0, 12, n)]
    for i in range(n):
        for bit in rng.choice(64, rng.integers(0, 6), replace=False):
            hashes[i] ^= np.uint64(1) << np.uint64(bit)
    hashes[rng.random(n) < 0.05] = FLAT
    return hashes


@pytest.mark.parametrize("distance", [0, 1, 4, 6])
def test_near_pairs_are_those_of_a_naive_loop(distance):
    """Every pair, counted bit by bit in plain Python."""
    one, other = some_hashes(150, 1), some_hashes(130, 2)

    expected = [
        (i, j, (int(a) ^ int(b)).bit_count())
        for i, a in enumerate(one)
        for j, b in enumerate(other)
        if a and b and (int(a) ^ int(b)).bit_count() <= distance
    ]
    assert list(zip(*(found.tolist() for found in near_pairs(one, other, distance=distance)), strict=True)) == expected


def test_the_nearest_hash_is_that_of_a_naive_loop():
    """The first of equally near ones; flat ones have none."""
    one, other = some_hashes(150, 3), some_hashes(130, 4)

    index, differing = nearest_hash(one, other)
    for a, at, count in zip(one, index, differing, strict=True):
        counts = [(int(a) ^ int(b)).bit_count() if a and b else 65 for b in other]
        assert (at, count) == ((counts.index(min(counts)), min(counts)) if a else (-1, 65))


def test_nothing_is_near_to_an_empty_set():
    """A fold without train pictures."""
    none = np.zeros(0, np.uint64)

    assert nearest_hash(some_hashes(3, 5), none)[0].tolist() == [-1, -1, -1]
    assert near_pairs(none, some_hashes(3, 5))[0].size == 0


def test_a_hundred_million_pairs_take_seconds():
    """20,000 train against 5,000 test pictures: a leakage report is not worth a coffee break."""
    rng = np.random.default_rng(6)
    test, train = (rng.integers(1, 2**63, n, np.uint64) for n in (5_000, 20_000))
    start = time.perf_counter()

    near_pairs(test, train)

    assert time.perf_counter() - start < 10


@pytest.mark.realdata
def test_eurosat_look_alikes_are_plain_forest():
    """No two files are alike (data README): the few near pairs are plain forest with one bright corner, never roads."""
    with zipfile.ZipFile(Path(os.environ["SWATH_REAL_DATA"]) / "eurosat-rgb" / "EuroSAT_RGB.zip") as archive:
        names = [f"2750/{name}/{name}_{i}.jpg" for name in ("Forest", "Highway") for i in range(1, 801)]
        batch = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(name)))).transpose(2, 0, 1) for name in names])

    hashes = phash(batch)
    first, second, _ = near_pairs(hashes, hashes)

    assert (hashes != FLAT).all()
    assert (first < second).sum() < 30
    assert not ((first >= 800) & (first < second)).any()
