"""Band proof: wrong orders are caught, right ones are not, on made and on real samples."""

from __future__ import annotations

import itertools
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

from swath.core.bandproof import LEAST_SAMPLES, Rule, prove_order, prove_orders, require_order
from swath.core.bands import S2_BANDS, S2_L2A_BANDS, order
from swath.core.errors import Mismatch, Refused
from swath.core.presets import band_order
from swath.core.quantity import BOA, TOA, dn

B8A_LAST = band_order("eurosat-13").bands
#: Median spectra of EuroSAT classes, L1C DN, in the order of S2_BANDS (measured, 10 patches a class).
SPECTRA = {
    "forest": (1158, 836, 672, 400, 675, 1945, 2477, 2411, 2758, 729, 9, 1174, 464),
    "pasture": (1238, 982, 944, 709, 1203, 2756, 3405, 3360, 3801, 1140, 14, 2082, 1073),
    "crop": (1444, 1289, 1312, 1398, 1697, 2686, 3177, 3068, 3529, 773, 13, 2757, 1769),
    "roofs": (1639, 1445, 1360, 1373, 1533, 2057, 2325, 2215, 2503, 658, 12, 2223, 1586),
    "sea": (1218, 931, 737, 490, 470, 366, 361, 300, 287, 85, 7, 84, 55),
}
GSD = dict(zip(S2_BANDS, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))


def a_set(*classes, n=12, seed=0, offset=0):
    """L1C samples (n, 13, 60, 60) in the order of S2_BANDS: fields of the classes, each band at its own ground size."""
    rng = np.random.default_rng(seed)
    spectra = np.array([SPECTRA[name] for name in classes], float)
    samples = np.empty((n, 13, 60, 60))
    for k in range(n):
        fields = rng.dirichlet(np.full(len(classes), 0.7), (15, 15)).repeat(4, axis=0).repeat(4, axis=1)
        light = 1 + 0.05 * rng.standard_normal((60, 60))
        for b, band in enumerate(S2_BANDS):
            side = GSD[band] // 10
            fine = (fields @ spectra[:, b]) * light
            coarse = fine.reshape(60 // side, side, 60 // side, side).mean(axis=(1, 3))
            ramp = np.clip((np.arange(60) + 0.5) / side - 0.5, 0, 60 // side - 1)
            low = np.minimum(ramp.astype(int), max(60 // side - 2, 0))
            up, right = (ramp - low)[:, None], (ramp - low)[None, :]
            high = np.minimum(low + 1, 60 // side - 1)
            rows = coarse[low] * (1 - up) + coarse[high] * up
            samples[k, b] = rows[:, low] * (1 - right) + rows[:, high] * right
    return (np.rint(samples) - offset).astype(np.uint16)


def swapped(bands, one, other):
    """The same list with two names exchanged."""
    return tuple({one: other, other: one}.get(band, band) for band in bands)


LAND = ("forest", "pasture", "crop", "roofs")


def test_the_true_order_is_proved_in_whatever_order_the_file_has_it():
    samples = a_set(*LAND)
    moved = samples[:, order(S2_BANDS, B8A_LAST)]

    assert prove_order(samples, S2_BANDS).holds
    assert prove_order(moved, B8A_LAST).holds


def test_b8a_read_at_index_8_of_a_b8a_last_file_is_broken():
    """Trap: EuroSAT read in natural order; B10 is then read from SWIR."""
    moved = a_set(*LAND)[:, order(S2_BANDS, B8A_LAST)]

    proof = prove_order(moved, S2_BANDS)

    assert proof.verdict == "broken"
    assert "B10 is below 5 % of every other band" in [rule.name for rule in proof.broken]


@pytest.mark.parametrize("other", [band for band in S2_BANDS if band not in ("B09", "B10", "B8A")])
@pytest.mark.parametrize("one", ["B09", "B10", "B8A"])
def test_any_exchange_with_b09_b10_or_b8a_is_broken(one, other):
    assert prove_order(a_set(*LAND), swapped(S2_BANDS, one, other)).verdict == "broken"


def test_red_and_blue_exchanged_are_broken():
    """Trap: RGB read as BGR; haze is brightest in the blue."""
    proof = prove_order(a_set(*LAND), swapped(S2_BANDS, "B02", "B04"))

    assert "darkest pixels: B02 > B04" in [rule.name for rule in proof.broken]


def test_a_set_that_cannot_speak_is_undecided_never_proved():
    """Sea: nothing is bright enough. Roofs and bare fields: no leaves. Too few samples: a patch proves nothing."""
    few = (a_set(*LAND, n=LEAST_SAMPLES - 1), a_set(*LAND, n=0))
    for samples in (a_set("sea", "sea"), a_set("roofs", "crop", "sea"), *few):
        proof = prove_order(samples, S2_BANDS)
        assert proof.verdict == "undecided"
        assert proof.open
        assert not proof.broken
        assert not proof.holds


def test_the_offset_is_taken_into_account():
    """Numbers of baseline 04.00 are judged as reflectance; taken for unshifted ones, nothing is dark."""
    shifted = a_set(*LAND, offset=-1000)

    assert prove_order(shifted, S2_BANDS, quantity=dn("toa", offset=-1000)).holds
    assert prove_order(shifted, S2_BANDS).verdict == "undecided"


def test_reflectance_is_judged_like_its_digital_numbers():
    samples = a_set(*LAND)

    one, other = prove_order(samples, S2_BANDS), prove_order(samples / np.float32(10000), S2_BANDS, quantity=TOA)

    assert [rule.verdict for rule in one.rules] == [rule.verdict for rule in other.rules]


def test_pixels_that_are_no_measurements_are_left_out():
    """Nodata is 0 in raw digital numbers, saturation 65535; each would be the darkest or brightest band."""
    samples = a_set(*LAND)
    samples[:, :, :10] = 0
    samples[:, 3, 20:25, 20:25] = 65535

    assert prove_order(samples, S2_BANDS).holds


def test_samples_that_are_mostly_empty_do_not_speak():
    samples = a_set(*LAND)
    samples[:, :, :40] = 0

    assert {rule.heard for rule in prove_order(samples, S2_BANDS).rules} == {0}


def test_roughness_does_not_speak_at_a_coarse_ground_size():
    """At 20 m the 10 m bands are as smooth as the others, at 60 m all are."""
    samples = a_set(*LAND)
    open_20 = {rule.name for rule in prove_order(samples, S2_BANDS, gsd=20.0).open}
    open_60 = {rule.name for rule in prove_order(samples, S2_BANDS, gsd=60.0).open}

    assert "roughness: B08 > B8A" in open_20
    assert "roughness: B8A > B09" not in open_20
    assert {"roughness: B08 > B8A", "roughness: B8A > B09"} <= open_60


def test_surface_reflectance_is_refused():
    """L2A has no B10 and no haze: these rules are about the top of the atmosphere."""
    with pytest.raises(Mismatch, match=r"want toa reflectance, have boa reflectance"):
        prove_order(a_set(*LAND), S2_BANDS, quantity=BOA)
    with pytest.raises(Refused, match=r"offset .* is unknown"):
        prove_order(a_set(*LAND), S2_BANDS, quantity=dn("toa", offset=None))


def test_anything_but_thirteen_bands_is_refused():
    with pytest.raises(Mismatch, match=r"bands \(B10 missing\) differs"):
        prove_order(a_set(*LAND)[:, :12], S2_L2A_BANDS)
    with pytest.raises(Mismatch, match=r"x.zip: shape differs: want \(n, 13 bands, h, w\), have \(13, 60, 60\)"):
        prove_order(a_set(*LAND)[0], S2_BANDS, where="x.zip")


def test_a_broken_order_is_refused_with_the_order_that_fits():
    moved = a_set(*LAND)[:, order(S2_BANDS, B8A_LAST)]
    with pytest.raises(Mismatch) as raised:
        require_order(moved, S2_BANDS, where="EuroSAT.zip")

    said = str(raised.value)
    assert said.startswith("EuroSAT.zip: band order differs: want B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12")
    assert "have B10 is below 5 % of every other band: broken, 0% of 12 samples (least 90%)" in said
    assert said.endswith("The pixels fit eurosat-13 (B01 B02 B03 B04 B05 B06 B07 B08 B09 B10 B11 B12 B8A).")


def test_an_order_that_no_data_set_has_is_refused_without_advice():
    with pytest.raises(Mismatch, match=r"Find out how the file was written"):
        require_order(a_set(*LAND)[:, ::-1], S2_BANDS)


def test_a_proved_and_an_undecided_order_pass():
    assert require_order(a_set(*LAND), S2_BANDS).holds
    assert require_order(a_set("sea", "sea"), S2_BANDS).verdict == "undecided"


def test_a_rule_speaks_in_four_ways():
    """Below half of the samples it is broken, from its bound on kept, between them unclear, with too few untested."""
    verdicts = [Rule("r", share, heard, 0.8).verdict for share, heard in ((0.49, 9), (0.7, 9), (0.8, 9), (1.0, 4))]

    assert verdicts == ["broken", "unclear", "kept", "untested"]
    assert str(Rule("r", 0.7, 10, 0.8)) == "r: unclear, 70% of 10 samples (least 80%)"
    assert str(Rule("r", float("nan"), 0, 0.8)) == "r: untested (0 samples)"


def test_a_proof_prints_every_rule():
    said = str(prove_order(a_set(*LAND), S2_BANDS))

    assert said.startswith("band order B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12: proved\n")
    assert "  leaves: B8A > B08: kept, 100% of 12 samples (least 80%)" in said


# ---------------------------------------------------------------------------------------------- real samples


def real_patches():
    """80 EuroSAT patches in the order of the files, and their classes."""
    stack, classes = [], []
    with zipfile.ZipFile(Path(os.environ["SWATH_REAL_DATA"]) / "eurosat-ms/EuroSAT_MS_subset.zip") as patches:
        for name in sorted(n for n in patches.namelist() if n.endswith(".tif")):
            with rasterio.MemoryFile(patches.read(name)) as memory, memory.open() as opened:
                stack.append(opened.read())
            classes.append(name.split("/")[-2])
    return np.stack(stack), np.array(classes)


def real_windows(pattern):
    """Windows of 64 px of every raster that the pattern finds, in their natural order."""
    windows = []
    for path in sorted(Path(os.environ["SWATH_REAL_DATA"]).glob(pattern)):
        with rasterio.open(path) as opened:
            data = opened.read()
        for top, left in itertools.product(*(range(0, size - 63, 64) for size in data.shape[1:])):
            windows.append(data[:, top : top + 64, left : left + 64])
    return np.stack(windows)


@pytest.mark.realdata
def test_real_patches_prove_their_order_and_every_exchange_of_two_bands_is_broken():
    """80 EuroSAT patches, B8A last: 78 exchanges, and the natural order."""
    samples, _ = real_patches()

    pairs = list(itertools.combinations(S2_BANDS, 2))

    true, natural, *others = prove_orders(samples, [B8A_LAST, S2_BANDS, *(swapped(B8A_LAST, *pair) for pair in pairs)])

    assert true.holds
    assert natural.verdict == "broken"
    assert [pair for pair, proof in zip(pairs, others, strict=True) if proof.verdict != "broken"] == []


@pytest.mark.realdata
def test_real_patches_break_every_shift_and_prove_no_three_bands_in_turn():
    """Twelve rolled orders, 572 orders with three bands turned: none is proved, 571 are broken."""
    samples, _ = real_patches()
    rolled = [B8A_LAST[k:] + B8A_LAST[:k] for k in range(1, 13)]
    turned = []
    for a, b, c in itertools.combinations(S2_BANDS, 3):
        for names in ({a: b, b: c, c: a}, {a: c, c: b, b: a}):
            turned.append(tuple(names.get(band, band) for band in B8A_LAST))

    verdicts = [proof.verdict for proof in prove_orders(samples, [*rolled, *turned])]

    assert set(verdicts[:12]) == {"broken"}
    assert "proved" not in verdicts
    assert verdicts[12:].count("broken") == 571


@pytest.mark.realdata
def test_real_patches_of_one_class_never_break_their_own_order():
    """Eight patches a class: five classes prove it, the rest is undecided; the natural order is broken but at sea."""
    samples, classes = real_patches()
    proved = set()
    for name in np.unique(classes):
        true, natural = prove_orders(samples[classes == name], [B8A_LAST, S2_BANDS])
        assert not true.broken, name
        assert natural.verdict == ("undecided" if name == "SeaLake" else "broken"), name
        proved |= {name} if true.holds else set()
    assert proved == {"Forest", "HerbaceousVegetation", "Highway", "Pasture", "River"}


@pytest.mark.realdata
def test_few_real_patches_never_break_the_true_order_nor_prove_a_wrong_one():
    """Random draws of 8 of the 80: the true order is never broken, B8A last as natural and BGR never pass."""
    samples, _ = real_patches()
    rng = np.random.default_rng(0)
    for _ in range(40):
        some = samples[rng.choice(len(samples), 8, replace=False)]
        true, *wrong = prove_orders(some, [B8A_LAST, S2_BANDS, swapped(B8A_LAST, "B02", "B04")])
        assert not true.broken
        assert not any(proof.holds for proof in wrong)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [
        ("s2-timeseries-italy/*.tif", "proved"),  # 30 dates of one place, a third of them overcast
        ("sen12mscr-*/*s2*/*/*.tif", "undecided"),  # snow, forest, cloud: four windows with leaves
        ("scenes/sen12mscr_*.tif", "undecided"),  # cirrus and cloud over a dry place
    ],
)
def test_other_real_sets_never_break_the_natural_order_and_never_prove_a_wrong_one(pattern, verdict):
    """SEN12MS-CR-TS and SEN12MS-CR, clouds, snow and cirrus included."""
    wrong = [swapped(S2_BANDS, *pair) for pair in itertools.combinations(S2_BANDS, 2)]

    true, b8a_last, bgr, *others = prove_orders(
        real_windows(pattern), [S2_BANDS, B8A_LAST, swapped(S2_BANDS, "B02", "B04"), *wrong]
    )

    assert true.verdict == verdict
    assert b8a_last.verdict == bgr.verdict == "broken"
    assert not any(proof.holds for proof in others)


@pytest.mark.realdata
def test_a_real_patch_with_the_offset_in_its_pixels_is_judged_with_it():
    """TerraMesh 282D: L1C with +1000 (B10 not below 1004), beside 637U without; natural order."""
    shifted, plain = (real_windows(f"s1s2-places/{place}*/S2L1C.tif") for place in ("282D", "637U"))

    assert prove_order(plain, S2_BANDS).holds
    assert prove_order(shifted, S2_BANDS).verdict == "undecided"
    assert {rule.heard for rule in prove_order(shifted, S2_BANDS).rules} == {0}
    assert not prove_order(shifted, S2_BANDS, quantity=dn("toa", offset=-1000)).broken
    assert prove_order(shifted, B8A_LAST, quantity=dn("toa", offset=-1000)).verdict == "broken"
