"""Stretches: what a number looks like, who may show it, and what stands where nothing was measured."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import Legend, LegendClass
from swath.core.quantity import (
    BOA,
    GAMMA0_RTC,
    PROBABILITY,
    SIGMA0,
    SIGMA0_DB,
    TOA,
    class_of,
    convert,
    dn,
    rgb8,
    value,
)
from swath.draw.stretch import STRETCHES, Stretch, stretch_caption, to_rgb

#: The 13 bands in the order of the distributed EuroSAT files (data set's documentation, proved by physics).
EUROSAT_ORDER = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A"]


def planes(*numbers: float, dtype: str = "float32") -> np.ndarray:
    """One pixel a band."""
    return np.array(numbers, dtype).reshape(-1, 1, 1)


def is_checker(rgb: np.ndarray) -> np.ndarray:
    """Grey 214 or 238, as the module says."""
    return (rgb == 214).all(axis=-1) | (rgb == 238).all(axis=-1)


def test_reflectance_is_shown_linearly_from_0_to_30_percent():
    """science.md section 6, QGIS: RGB 0..0.3; 0.06, 0.15, 0.3 are a fifth, half and all of 255."""
    shown = to_rgb(planes(0.3, 0.15, 0.06), ["B04", "B03", "B02"], TOA)

    assert shown.tolist() == [[[255, 128, 51]]]


def test_bands_are_found_by_name_whatever_their_order():
    """Contract 2: nothing is positional."""
    straight = to_rgb(planes(0.1, 0.2, 0.3, 0.9), ["B04", "B03", "B02", "B08"], BOA)

    turned = to_rgb(planes(0.9, 0.3, 0.1, 0.2), ["B08", "B02", "B04", "B03"], BOA)

    np.testing.assert_array_equal(straight, turned)


def test_dn_passes_through_reflectance():
    """science.md oracle: DN 1452 at offset -1000 is 0.0452; 255 * 0.0452 / 0.3 = 38.42."""
    shown = to_rgb(planes(1452, dtype="uint16"), ["B04"], dn("boa", offset=-1000))

    assert shown.tolist() == [[[38, 38, 38]]]


def test_offsets_that_differ_by_band_stay_with_their_band():
    """Quantity holds one offset a band; picking bands picks offsets. 1000 DN less offset is 0.0, without 0.1."""
    quantity = dn("toa", offset=[0, -1000, 0, -1000])

    shown = to_rgb(planes(1, 1000, 1000, 1000, dtype="uint16"), ["B08", "B04", "B03", "B02"], quantity)

    assert shown.tolist() == [[[0, 85, 0]]]


def test_negative_reflectance_is_black_and_not_a_hole():
    """science.md 1.2: reflectance below zero is kept, it is a measurement."""
    assert to_rgb(planes(-0.02), ["B04"], BOA).tolist() == [[[0, 0, 0]]]


def test_gamma_above_one_brightens_the_dark_end():
    """A power law: 0.5 ** (1 / 2) = 0.7071."""
    soft = replace(STRETCHES["reflectance"], name="soft", gamma=2.0)

    assert to_rgb(planes(0.15), ["B04"], TOA, stretch=soft)[0, 0, 0] == 180


def test_a_single_band_is_grey():
    """Without red, green and blue there is no colour to invent."""
    shown = to_rgb(planes(0.25), ["B08"], TOA)

    assert shown.tolist() == [[[128, 128, 128]]]  # near infra-red runs to 0.5


def test_rgb8_is_passed_through():
    """It is a picture already."""
    picture = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)

    shown = to_rgb(picture, ["B04", "B03", "B02"], rgb8("eurosat-2750"))

    np.testing.assert_array_equal(shown, np.moveaxis(picture, 0, -1))


@pytest.mark.parametrize(("decibel", "level"), [(-25.0, 0), (0.0, 255), (-12.5, 128), (-40.0, 0)])
def test_vv_is_shown_from_minus_25_to_0_decibel(decibel, level):
    """science.md section 6, QGIS: dB layers -25..0 VV, -32..-5 VH."""
    assert to_rgb(planes(decibel), ["VV"], SIGMA0_DB)[0, 0, 0] == level


@pytest.mark.parametrize(("decibel", "level"), [(-32.0, 0), (-5.0, 255), (-18.5, 128)])
def test_vh_is_shown_from_minus_32_to_minus_5_decibel(decibel, level):
    """As above."""
    assert to_rgb(planes(decibel), ["VH"], SIGMA0_DB)[0, 0, 0] == level


def test_linear_power_is_shown_in_decibels():
    """10 log10(0.01) = -20 dB, a fifth of the way from -25 to 0."""
    assert to_rgb(planes(0.01), ["VV"], GAMMA0_RTC)[0, 0, 0] == 51


def test_both_polarisations_are_red_green_and_their_ratio_blue():
    """VV -10 dB and VH -17.5 dB: 15 / 25, 14.5 / 27, and 7.5 dB of 15 between them."""
    shown = to_rgb(planes(-17.5, -10.0), ["VH", "VV"], SIGMA0_DB)

    assert shown.tolist() == [[[153, 137, 128]]]


def test_probability_runs_from_0_to_1():
    """It has no other range."""
    assert to_rgb(planes(0.5), ["p"], PROBABILITY)[0, 0, 0] == 128


def test_percentiles_of_the_image_are_those_of_numpy():
    """An image of 0..100 has its 2nd percentile at 2 and its 98th at 98."""
    ramp = np.arange(101, dtype=np.float32).reshape(1, 1, 101)

    shown = to_rgb(ramp, ["x"], value("K"), stretch="percentile")[0, :, 0]

    assert (shown[2], shown[50], shown[98]) == (0, 128, 255)


def test_percentiles_leave_out_what_was_not_measured():
    """An outlier that is no measurement must not set the range."""
    data = np.array([[[0.0, 1.0, 2.0, 1e10]]], np.float32)
    valid = np.array([[[True, True, True, False]]])

    shown = to_rgb(data, ["x"], value("K"), valid=valid, stretch="percentile")

    assert shown[0, 1, 0] == 128


def test_a_flat_image_is_mid_grey_by_percentiles():
    """No range, no contrast: nor a division by zero."""
    assert to_rgb(np.full((1, 2, 2), 7.0), ["x"], value("K"), stretch="percentile").tolist() == [[[128] * 3] * 2] * 2


def test_an_unknown_offset_is_shown_by_percentiles_only():
    """Numbers without a meaning still have an order."""
    ramp = np.arange(1, 102, dtype=np.uint16).reshape(1, 1, 101)

    assert to_rgb(ramp, ["B04"], dn("toa", offset=None), stretch="percentile")[0, 98, 0] == 255


def test_an_unknown_offset_is_refused_otherwise():
    """Whatever would have to guess stops."""
    with pytest.raises(Refused) as raised:
        to_rgb(planes(1000, dtype="uint16"), ["B04"], dn("toa", offset=None))

    assert "is unknown, so reflectance would be a guess" in str(raised.value)


@pytest.mark.parametrize("number", [0, 65535])
def test_nodata_and_saturation_of_sentinel_2_are_a_checker(number):
    """science.md 1.2: 0 is nodata, 65535 saturated, tested before the offset."""
    shown = to_rgb(planes(number, 500, 500, dtype="uint16"), ["B04", "B03", "B02"], dn("toa", offset=0))

    assert is_checker(shown).all()


def test_invalid_pixels_are_a_checker_of_two_greys():
    """Truth about absence: never black, which could be water."""
    valid = np.ones((1, 8, 8), bool)
    valid[0, :, 2:] = False

    shown = to_rgb(np.zeros((3, 8, 8)), ["B04", "B03", "B02"], TOA, valid=valid)

    assert not is_checker(shown[:, :2]).any()
    assert is_checker(shown[:, 2:]).all()
    assert {int(v) for v in np.unique(shown[:, 2:])} == {214, 238}


def test_nan_is_a_checker():
    """`to_physical` writes NaN where nothing was measured."""
    assert is_checker(to_rgb(planes(np.nan), ["B04"], TOA)).all()


def test_zero_power_is_a_checker():
    """A backscatter of 0 is the border of a scene, not an echo (science.md 2.1)."""
    assert is_checker(to_rgb(planes(0.0), ["VV"], SIGMA0)).all()


def test_a_band_that_is_not_shown_may_be_invalid():
    """Only the bands in the picture decide."""
    valid = np.array([True, True, True, False]).reshape(4, 1, 1)

    shown = to_rgb(planes(0.3, 0.3, 0.3, 0.3), ["B04", "B03", "B02", "B10"], TOA, valid=valid)

    assert shown.tolist() == [[[255, 255, 255]]]


def test_classes_take_the_colours_of_their_legend():
    """science.md section 4: EuroSAT Forest (1) is 1b6e2c, SeaLake (9) 1f4e8c."""
    codes = np.array([[[1, 9]]], np.uint8)

    shown = to_rgb(codes, ["class"], class_of("eurosat"))

    assert shown.tolist() == [[[0x1B, 0x6E, 0x2C], [0x1F, 0x4E, 0x8C]]]


def test_water_of_dynamic_world_is_a_class_although_its_code_is_0():
    """science.md section 4: 0 may be a class or nodata; the legend says. Water is 419bdf."""
    shown = to_rgb(np.zeros((1, 1, 1), np.uint8), ["label"], class_of("dynamic-world"))

    assert shown.tolist() == [[[0x41, 0x9B, 0xDF]]]


def test_nodata_of_the_scene_classification_is_a_checker():
    """science.md 1.6: SCL 0 is nodata."""
    assert is_checker(to_rgb(np.zeros((1, 1, 1), np.uint8), ["SCL"], class_of("scl"))).all()


def test_a_legend_may_travel_with_the_map():
    """Contract 4: a target names its legend, also one of its own."""
    own = Legend("ours", (LegendClass(7, "moor", "102030"),))

    shown = to_rgb(np.full((1, 1, 1), 7), ["class"], class_of("ours"), legend=own)

    assert shown.tolist() == [[[0x10, 0x20, 0x30]]]


def test_a_code_without_a_name_is_refused():
    """A class map of another legend must not be coloured as if it were this one's."""
    with pytest.raises(Mismatch) as raised:
        to_rgb(np.full((1, 1, 1), 44), ["class"], class_of("eurosat"))

    assert "class map: codes differs: want those of legend eurosat" in str(raised.value)
    assert "have 44. Name the legend that the map was made with." in str(raised.value)


def test_an_unknown_legend_is_named():
    """The nearest known one is offered."""
    with pytest.raises(Unknown) as raised:
        to_rgb(np.zeros((1, 1, 1), int), ["class"], class_of("eurosatt"))

    assert "unknown legend 'eurosatt'. Did you mean 'eurosat'?" in str(raised.value)


def test_an_unknown_stretch_is_named():
    """The nearest known one is offered."""
    with pytest.raises(Unknown) as raised:
        to_rgb(planes(0.1), ["B04"], TOA, stretch="reflectence")

    assert "unknown stretch 'reflectence'. Did you mean 'reflectance'?" in str(raised.value)


def test_a_stretch_of_another_quantity_is_refused():
    """Both sides are named."""
    with pytest.raises(Mismatch) as raised:
        to_rgb(planes(0.1), ["B04"], TOA, stretch="vv")

    assert "stretch vv: quantity differs: want backscatter, have toa reflectance." in str(raised.value)


def test_a_stretch_whose_band_is_not_there_is_refused():
    """The missing band and both lists are named."""
    with pytest.raises(Mismatch) as raised:
        to_rgb(planes(0.1, 0.1, 0.1), ["B04", "B03", "B02"], TOA, stretch="false-colour")

    assert "stretch false-colour: bands (B08 missing) differs: want B08, have B04 B03 B02" in str(raised.value)


def test_values_have_no_range_of_their_own():
    """Whatever would have to guess stops."""
    with pytest.raises(Refused) as raised:
        to_rgb(planes(280.0), ["t"], value("K"))

    assert str(raised.value) == (
        "picture: value [K] has no range of its own. "
        "Name the stretch 'percentile', or give a Stretch with low and high."
    )


def test_two_bands_are_no_picture():
    """Grey or colour, nothing between."""
    with pytest.raises(Mismatch) as raised:
        to_rgb(planes(0.1, 0.1), ["B04", "B03"], TOA, stretch=Stretch("two", "reflectance", ("B04", "B03")))

    assert "stretch two: number of bands differs: want 1 or 3, have B04 B03." in str(raised.value)


def test_a_batch_is_no_picture():
    """One date at a time."""
    with pytest.raises(Mismatch) as raised:
        to_rgb(np.zeros((2, 3, 4, 4)), ["B04", "B03", "B02"], TOA)

    assert "picture: shape differs: want (b, h, w) with one name a band" in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"gamma": 0.0}, "stretch mine: gamma must be above 0, have 0."),
        ({"low": (1.0,), "high": (1.0,)}, "stretch mine: low must be below high"),
        ({"percent": (98.0, 2.0)}, "stretch mine: percentiles must rise from 0 to 100"),
    ],
)
def test_an_impossible_stretch_is_refused_when_it_is_made(fields, sentence):
    """style.md: options are frozen and checked when made."""
    with pytest.raises(Refused) as raised:
        Stretch("mine", "any", **fields)

    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("bands", "quantity", "stretch", "sentence"),
    [
        (EUROSAT_ORDER, dn("toa", offset=0), None, "B04, B03, B02 as red, green, blue: toa reflectance 0 to 0.3"),
        (["VV", "VH"], SIGMA0, None, "VV, VH, VV/VH as red, green, blue: sigma0 dB -25 to 0, -32 to -5, 0 to 15"),
        (["B08"], BOA, None, "B08 in grey: boa reflectance 0 to 0.5"),
        (["x"], value("K"), "percentile", "x in grey: value [K], each image from its own 2 % to its own 98 %"),
        (["class"], class_of("eurosat"), None, "colours of legend eurosat"),
    ],
)
def test_the_caption_says_bands_quantity_and_range(bands, quantity, stretch, sentence):
    """A picture of numbers says which numbers are black and white."""
    assert stretch_caption(bands, quantity, stretch=stretch).startswith(sentence)


@pytest.mark.realdata
def test_real_patches_come_out_as_the_pictures_distributed_with_them():
    """data/README: JPEG = 1 + clip(DN, 0, 2750) * 254 / 2750; mean difference 1.5 levels before the JPEG round trip."""
    folder = Path(os.environ["SWATH_REAL_DATA"])
    as_theirs = Stretch("0.275", "reflectance", high=(0.275,))
    differences = []
    with (
        zipfile.ZipFile(folder / "eurosat-ms" / "EuroSAT_MS_subset.zip") as bands,
        zipfile.ZipFile(folder / "eurosat-rgb" / "EuroSAT_RGB.zip") as pictures,
    ):
        for name in [n for n in bands.namelist() if n.endswith(".tif")]:
            with rasterio.MemoryFile(bands.read(name)) as held, held.open() as patch:
                shown = to_rgb(patch.read(), EUROSAT_ORDER, dn("toa", offset=0), stretch=as_theirs)
            theirs = pictures.read("2750/" + "/".join(Path(name).with_suffix(".jpg").parts[-2:]))
            differences.append(np.abs(shown.astype(int) - np.asarray(Image.open(io.BytesIO(theirs)))).mean())

    assert len(differences) == 80
    assert np.mean(differences) < 2.5


@pytest.mark.realdata
def test_a_real_radar_patch_fills_the_range():
    """data/README: SEN12MS-CR s1 is VV, VH in dB; land and sea at C band lie well inside -25..0 and -32..-5."""
    folder = Path(os.environ["SWATH_REAL_DATA"]) / "sen12mscr-triplets"
    (path,) = [p for p in folder.rglob("*.tif") if "_s1_" in p.name]
    with rasterio.open(path) as patch:
        data = patch.read()

    shown = to_rgb(data, ["VV", "VH"], SIGMA0_DB)

    assert 80 < shown[..., :2].mean() < 190
    assert ((shown == 0) | (shown == 255)).mean() < 0.1


def test_decibels_and_linear_power_of_one_echo_look_alike():
    """The conversion of core.quantity, both ways round."""
    power = np.random.default_rng(1).uniform(0.001, 1.0, (2, 6, 6)).astype(np.float32)

    linear = to_rgb(power, ["VV", "VH"], SIGMA0)
    decibel = to_rgb(convert(power, SIGMA0, SIGMA0_DB), ["VV", "VH"], SIGMA0_DB)

    np.testing.assert_array_equal(linear, decibel)
