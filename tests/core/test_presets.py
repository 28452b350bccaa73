"""Presets: published numbers, exact offsets, and refusals."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

from swath.core.bands import S2_BANDS, S2_L2A_BANDS, order
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.presets import (
    NORMALISATIONS,
    ORDERS,
    PRESETS,
    STD_KINDS,
    BandOrder,
    Preset,
    band_order,
    denormalise,
    from_statistics,
    normalise,
    preset,
)
from swath.core.quantity import (
    BOA,
    GAMMA0_RTC,
    GAMMA0_RTC_DB,
    SIGMA0,
    SIGMA0_DB,
    TOA,
    dn,
    rgb8,
    value,
)
from swath.core.rendering import RENDERINGS

L1C, L2A = dn("toa", offset=0), dn("boa", offset=0)


def a_pixel(*numbers, dtype=np.uint16):
    """One pixel of as many bands as numbers, shape (b, 1, 1)."""
    return np.array(numbers, dtype).reshape(-1, 1, 1)


# ---------------------------------------------------------------------------------------------- orders


def test_eurosat_holds_b8a_last():
    """README of the data: index 9 is cirrus, index 12 correlates 0.996 with B07."""
    bands = band_order("eurosat-13").bands

    assert (bands[8], bands[9], bands[12]) == ("B09", "B10", "B8A")
    assert sorted(bands) == sorted(S2_BANDS)


def test_satmaes_dropped_indices_remove_swir_from_eurosat_files():
    """SatMAE's EuroSAT loader drops {0, 9, 10}, right for fMoW (B01, B09, B10), on files with B8A last."""
    fmow, eurosat = band_order("fmow-13").bands, band_order("eurosat-13").bands

    assert [fmow[k] for k in (0, 9, 10)] == ["B01", "B09", "B10"]
    assert [eurosat[k] for k in (0, 9, 10)] == ["B01", "B10", "B11"]
    assert tuple(band for k, band in enumerate(fmow) if k not in (0, 9, 10)) == band_order("satmae-10").bands
    assert order(eurosat, ("B11",)) == [10]


def test_by_name_reduced_sen12ms_holds_both_swir_bands():
    """torchgeo documents `s2-reduced` as ending in B11, B12 and selects the two before."""
    bands = band_order("sen12ms-13").bands

    assert order(bands, ("B11", "B12")) == [11, 12]
    assert [bands[k] for k in (10, 11)] == ["B10", "B11"]


def test_orders_of_the_replaced_systems_have_the_channels_of_their_names():
    """hackathon-4 per date, 12 dates; deepsentinel 14 and 16; visiondl 24; fusion 8; eurosat 13."""
    counts = {name: len(each.channels) for name, each in ORDERS.items()}

    assert counts["hackathon-4"] == 48
    assert len(band_order("hackathon-4").bands) == 4
    assert [counts[n] for n in ("deepsentinel-gee-14", "deepsentinel-dl-16", "visiondl-24", "fusion-8")] == [
        *(14, 16, 24, 8)
    ]
    assert counts["eurosat-13"] == 13
    assert counts["presto-17"] == 17


def test_hackathon_channels_go_date_by_date():
    """Channel = 4 date + band."""
    at = band_order("hackathon-4").positions(("B04", "B08"))

    assert at.shape == (12, 2)
    np.testing.assert_array_equal(at[:2], [[0, 3], [4, 7]])


def test_visiondl_channels_are_pictures_of_four_quarters_then_the_rest():
    """[B4 B3 B2] q1..q4, then [B8 B11 B12] q1..q4."""
    read = band_order("visiondl-24")
    stack = np.arange(24)[read.positions()]

    assert read.bands == ("B04", "B03", "B02", "B08", "B11", "B12")
    assert read.dates == 4
    np.testing.assert_array_equal(stack[0], [0, 1, 2, 12, 13, 14])
    np.testing.assert_array_equal(stack[3], [9, 10, 11, 21, 22, 23])


def test_mixed_orders_say_what_each_band_means():
    read = band_order("deepsentinel-gee-14")

    assert read.quantity_of("B12") == L2A
    assert read.quantity_of("VH") == SIGMA0_DB
    assert "B10" not in read.bands
    assert band_order("presto-17").quantity_of("temperature_2m") == value("K")
    assert band_order("dofa-s1").bands == ("VH", "VV")


def test_virtual_orders_are_made_for_any_number_of_bands():
    assert band_order("virtual-5").bands == ("b1", "b2", "b3", "b4", "b5")
    assert band_order("virtual-5").quantity_of("b5") == value("1")
    with pytest.raises(Unknown, match=r"unknown band order 'virtual-0'"):
        band_order("virtual-0")


def test_an_unknown_order_or_band_names_the_nearest():
    with pytest.raises(Unknown, match=r"x.tif: unknown band order 'eurosat-12'. Did you mean 'eurosat-13'?"):
        band_order("eurosat-12", where="x.tif")
    with pytest.raises(Unknown, match=r"unknown band of order eurosat-13 'B13'"):
        band_order("eurosat-13").quantity_of("B13")
    with pytest.raises(Mismatch, match=r"band order clay-10: bands \(B10 missing\) differs"):
        band_order("clay-10").positions(("B02", "B10"))


def test_an_order_that_cannot_be_read_is_refused():
    with pytest.raises(Refused, match=r"names a channel twice"):
        BandOrder("x", (("B02", 0), ("B02", 0)), (L1C,))
    with pytest.raises(Refused, match=r"does not hold every band of every date"):
        BandOrder("x", (("B02", 0), ("B03", 1)), (L1C,))
    with pytest.raises(Mismatch, match=r"number of quantities differs: want 1 or 3, have 2"):
        BandOrder("x", (("B02", 0), ("B03", 0), ("B04", 0)), (L1C, L1C))


# ---------------------------------------------------------------------------------------------- the table


def test_each_preset_has_numbers_for_its_own_bands_and_none_else():
    for name, each in PRESETS.items():
        assert each.name == name
        assert each.source
        assert len(set(each.bands)) == len(each.bands)
        assert each.kind in NORMALISATIONS
        assert each.std_kind in STD_KINDS


def test_published_numbers_stand_beside_their_bands():
    """One number a row, from the publications, at a place where a shift by one band would show."""
    expected = {
        ("eurosat-13", "B10"): (12.1, 4.8),
        ("eurosat-13", "B8A"): (2594.1, 1231.6),
        ("cnn-sentinel-ms", "B10"): (12.092, 1.188),
        ("cnn-sentinel-ms", "B8A"): (2602.579, 503.181),
        ("cnn-sentinel-rgb", "B02"): (103.947, 13.793),
        ("bigearthnet-12", "B09"): (2241.5, 1316.4),
        ("bigearthnet-s1", "VH"): (-19.35, 5.59),
        ("ssl4eo-l1c", "B10"): (22.1, 51.2),
        ("ssl4eo-l2a", "B12"): (1805.1, 1343.5),
        ("ssl4eo-s1", "VV"): (-12.55, 5.26),
        ("fmow-13", "B10"): (14.8, 14.3),
        ("fmow-13", "B8A"): (1972.6, 1364.4),
        ("galileo-s2", "B8A"): (2750, 1204),
        ("galileo-s1", "VH"): (-18.86, 5.73),
        ("prithvi-2", "B8A"): (2734, 1850),
        ("clay-s2", "B11"): (2388, 1470),
        ("clay-s1", "VV"): (-12.113, 8.314),
        ("dofa-9", "B08"): (101.4, 60.3),
        ("dofa-s1", "VH"): (166.4, 64.8),
        ("terramind-l1c", "B10"): (506, 442),
        ("terramind-l2a", "B09"): (3163, 1797),
        ("terramind-s1-rtc", "VH"): (-17.33, 4.46),
    }
    for (name, band), (mean, std) in expected.items():
        one = preset(name).select((band,))
        digits = len(str(mean).partition(".")[2])
        assert (round(one.mean[0], digits), round(one.std[0], len(str(std).partition(".")[2]))) == (mean, std), name


def test_cirrus_is_the_darkest_band_of_every_thirteen_band_preset():
    """Physics finds a shifted table: B10 sees no ground."""
    for each in PRESETS.values():
        if set(each.bands) == set(S2_BANDS) and each.kind == "standardise" and each.mean[0]:
            assert each.bands[int(np.argmin(each.mean))] == "B10", each.name
            assert each.bands[int(np.argmin(each.std))] == "B10", each.name


def test_haze_orders_the_blue_end_of_every_preset_of_toa():
    """TOA: B01 > B02 > B03 on average; BOA: the reverse (science of L1C and L2A)."""
    for each in PRESETS.values():
        if {"B01", "B02", "B03"} <= set(each.bands) and each.kind == "standardise" and each.mean[0]:
            coastal, blue, green = each.select(("B01", "B02", "B03")).mean
            is_toa = (each.quantity.of or each.quantity.kind) == "toa"
            assert (coastal > blue > green) if is_toa else (coastal < blue < green), each.name


def test_radar_presets_are_decibels_with_vh_below_vv():
    """Trap: VH and VV swapped; over land VV - VH is 4 to 10 dB."""
    for each in PRESETS.values():
        if set(each.bands) == {"VV", "VH"} and each.quantity.is_db and each.std_kind == "population":
            vv, vh = each.select(("VV", "VH")).mean
            assert 4 < vv - vh < 10, each.name


def test_digital_number_presets_are_free_of_offset_unless_their_data_mix_offsets():
    for each in PRESETS.values():
        if each.quantity.kind == "dn":
            assert each.quantity.offset == (None if each.mixed_offsets else (0.0,)), each.name
    assert [name for name, each in PRESETS.items() if each.mixed_offsets] == ["terramind-l1c", "terramind-l2a"]


def test_cnn_sentinels_std_is_not_the_populations():
    """Trap: per-image std used as population std; the ratio exceeds 1.8 in every band."""
    population, odd = preset("eurosat-13"), preset("cnn-sentinel-ms")

    assert odd.std_kind == "per-image-mean"
    assert population.std_kind == "population"
    assert odd.bands == population.bands
    assert (np.array(population.std) / np.array(odd.std) > 1.8).all()
    assert (np.array(preset("eurosat-rgb8").std) / np.array(preset("cnn-sentinel-rgb").std) > 1.8).all()


def test_every_rendering_that_a_preset_names_is_known_but_dofas():
    """DOFA's own 8-bit stretch was never published with its numbers."""
    named = {each.quantity.rendering for each in PRESETS.values() if each.quantity.rendering}

    assert named - set(RENDERINGS) == {"dofa-8bit"}


def test_a_preset_survives_json_whole():
    for each in PRESETS.values():
        assert Preset.from_json(json.loads(json.dumps(each.to_json()))) == each


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(Unknown, match=r"unknown preset 'eurosat13'. Did you mean 'eurosat-13'?"):
        preset("eurosat13")


def test_deepsentinels_statistics_are_read_from_its_file():
    """{mean: {band: ..}, std: {band: ..}} lies beside each corpus; no values were published."""
    with pytest.raises(Refused, match=r"has no published numbers.* Read that file and pass it to from_statistics"):
        preset("deepsentinel")
    held = {"mean": {"VV": -12.0, "VH": -19.0}, "std": {"VV": 5.0, "VH": 6.0}}

    made = from_statistics("deepsentinel", held, ("VV", "VH"), SIGMA0_DB, source="its json")

    assert (made.mean, made.std, made.source) == ((-12.0, -19.0), (5.0, 6.0), "its json")
    with pytest.raises(Mismatch, match=r"statistics x, mean: bands \(HH missing\) differs"):
        from_statistics("x", held, ("HH",), SIGMA0_DB)


def test_a_preset_that_contradicts_itself_is_refused():
    with pytest.raises(Mismatch, match=r"numbers a band differs: want 2 of each, have 1 means, 2 stds"):
        Preset("x", ("VV", "VH"), SIGMA0_DB, (0.0,), (1.0, 1.0))
    with pytest.raises(Refused, match=r"a std must be above 0, have 0"):
        Preset("x", ("VV",), SIGMA0_DB, (0.0,), (0.0,))
    with pytest.raises(Unknown, match=r"unknown normalisation 'standardize'. Did you mean 'standardise'?"):
        Preset("x", ("VV",), SIGMA0_DB, (0.0,), (1.0,), kind="standardize")
    with pytest.raises(Unknown, match=r"unknown kind of std 'sample'"):
        Preset("x", ("VV",), SIGMA0_DB, (0.0,), (1.0,), std_kind="sample")
    with pytest.raises(Refused, match=r"has mixed offsets and cannot name one"):
        Preset("x", ("B04",), L1C, (0.0,), (1.0,), mixed_offsets=True)


# ---------------------------------------------------------------------------------------------- normalising


def test_a_pixel_of_the_means_becomes_zero_and_one_std_more_becomes_one():
    for each in PRESETS.values():
        if each.kind != "standardise" or each.mixed_offsets or not each.bands:
            continue
        mean, std = (np.array(v, np.float64).reshape(-1, 1, 1) for v in (each.mean, each.std))
        np.testing.assert_allclose(normalise(mean, each.bands, each.quantity, each), 0, atol=1e-5)
        np.testing.assert_allclose(normalise(mean + std, each.bands, each.quantity, each), 1, rtol=1e-4)


def test_bands_are_picked_by_name_whatever_the_order_of_the_data():
    """The same pixel in two orders gives the same numbers."""
    rng = np.random.default_rng(0)
    data = rng.integers(1, 9000, (2, 3, 13, 4, 5), np.uint16)
    natural = data[..., order(band_order("eurosat-13").bands, S2_BANDS), :, :]

    one = normalise(data, band_order("eurosat-13").bands, L1C, "eurosat-13")
    other = normalise(natural, S2_BANDS, L1C, "eurosat-13")

    assert one.shape == data.shape
    assert one.dtype == np.float32
    np.testing.assert_array_equal(one, other)


def test_another_offset_is_brought_to_the_presets_exactly():
    """DN 1452 with offset -1000 is DN 452 without; below zero stays below zero."""
    bands = preset("eurosat-13").bands
    numbers = np.arange(13, dtype=np.uint16).reshape(13, 1, 1) + 900

    np.testing.assert_array_equal(
        normalise(numbers, bands, dn("toa", offset=-1000), "eurosat-13"),
        normalise(numbers.astype(np.int32) - 1000, bands, L1C, "eurosat-13"),
    )


def test_reflectance_is_brought_to_digital_numbers_of_the_same_kind():
    bands = preset("clay-s2").bands
    numbers = np.random.default_rng(1).integers(1, 15000, (10, 3, 3), np.uint16)
    boa = (numbers / 10000).astype(np.float32)

    np.testing.assert_allclose(
        normalise(boa, bands, BOA, "clay-s2"), normalise(numbers, bands, L2A, "clay-s2"), atol=1e-5
    )


def test_digital_numbers_are_brought_to_a_preset_of_reflectance():
    """VisionDL: (DN / 10000 - mean) / std."""
    bands = preset("imagenet-reflectance").bands

    made = normalise(a_pixel(*[5850] * 6), bands, dn("toa", offset=-1000), "imagenet-reflectance")

    np.testing.assert_allclose(made[0], 0, atol=1e-6)


def test_surface_reflectance_is_refused_by_a_preset_of_toa():
    """Trap: L2A fed to an L1C model; both sides are named."""
    bands = preset("eurosat-13").bands
    for quantity in (BOA, L2A):
        with pytest.raises(Mismatch) as raised:
            normalise(np.zeros((13, 1, 1)), bands, quantity, "eurosat-13")

        said = str(raised.value)
        assert said.startswith("preset eurosat-13: quantity differs: want dn offset 0 (toa reflectance, /10000), have")
        assert "boa reflectance" in said
        assert "treat_as" in said


def test_an_unknown_offset_is_refused():
    with pytest.raises(Refused, match=r"eurosat-13: the offset of .* is unknown, so the numbers may be 1000 off"):
        normalise(np.zeros((13, 1, 1)), preset("eurosat-13").bands, dn("toa", offset=None), "eurosat-13")


def test_a_preset_of_mixed_offsets_wants_to_be_told():
    """TerraMind: three of five example patches have shifted L1C."""
    bands, data = preset("terramind-l2a").bands, np.full((12, 1, 1), 2000, np.uint16)
    with pytest.raises(Refused, match=r"preset terramind-l2a: was computed on products with and without offset"):
        normalise(data, bands, L2A, "terramind-l2a")

    low = normalise(data, bands, L2A, "terramind-l2a", offset=0)
    high = normalise(data, bands, L2A, "terramind-l2a", offset=-1000)

    np.testing.assert_allclose((high - low)[:, 0, 0], 1000 / np.array(preset("terramind-l2a").std), rtol=1e-5)
    with pytest.raises(Refused, match=r"may be 1000 off"):
        normalise(data, bands, dn("boa", offset=None), "terramind-l2a", offset=0)


def test_other_presets_do_not_take_an_offset():
    with pytest.raises(Mismatch, match=r"preset clay-s2: offset differs: want dn offset 0 .*, have offset=-1000"):
        normalise(np.zeros((10, 1, 1)), preset("clay-s2").bands, L2A, "clay-s2", offset=-1000)


def test_linear_power_becomes_decibels_and_another_backscatter_is_refused():
    """Trap: linear fed as dB. 10 log10(0.05) = -13.01 dB."""
    power = np.full((2, 1, 1), 0.05, np.float32)

    made = normalise(power, ("VV", "VH"), GAMMA0_RTC, "clay-s1")

    np.testing.assert_allclose(made[0, 0, 0], (-13.0103 + 12.113) / 8.314, rtol=1e-4)
    for quantity in (SIGMA0, SIGMA0_DB):
        with pytest.raises(Mismatch, match=r"preset clay-s1: quantity differs: want gamma0_rtc dB, have sigma0"):
            normalise(power, ("VV", "VH"), quantity, "clay-s1")


def test_a_picture_of_another_rendering_is_refused():
    """The plain stretch differs from the JPEG files in seven values of ten."""
    with pytest.raises(Mismatch, match=r"want rgb8 \[eurosat-2750-jpeg\], have rgb8 \[eurosat-2750\]"):
        normalise(np.zeros((3, 1, 1), np.uint8), ("B04", "B03", "B02"), rgb8("eurosat-2750"), "cnn-sentinel-rgb")


def test_a_missing_band_or_a_wrong_shape_is_refused():
    with pytest.raises(Mismatch, match=r"preset eurosat-13: bands \(B10 missing\) differs"):
        normalise(np.zeros((12, 1, 1)), S2_L2A_BANDS, L1C, "eurosat-13")
    with pytest.raises(Mismatch, match=r"shape differs: want \(..., 13 bands, h, w\), have \(64, 64, 13\)"):
        normalise(np.zeros((64, 64, 13)), S2_BANDS, L1C, "eurosat-13")
    with pytest.raises(Mismatch, match=r"shape differs: want \(..., 13 bands, h, w\), have \(12, 1, 1\)"):
        denormalise(np.zeros((12, 1, 1)), "eurosat-13")


def test_hackathon_clips_to_minus_one_and_one():
    """clip(x, 0, 4095) / 2047.5 - 1."""
    data = np.array([0, 1024, 4095, 9000], np.uint16).reshape(1, 1, 4).repeat(4, axis=0)

    made = normalise(data, ("B04", "B03", "B02", "B08"), L1C, "hackathon")

    np.testing.assert_allclose(made[2, 0], [-1, 1024 / 2047.5 - 1, 1, 1], rtol=1e-6)


def test_sen12ms_clips_to_zero_and_one():
    """VV within -25..0 dB, VH within -32.5..0 dB."""
    made = normalise(a_pixel(-30.0, -16.25, dtype=np.float32), ("VV", "VH"), SIGMA0_DB, "sen12ms-s1")

    np.testing.assert_allclose(made.ravel(), [0, 0.5])


def test_galileo_maps_two_deviations_to_zero_and_one():
    """(x - (m - 2 s)) / (4 s)."""
    each = preset("galileo-s1")
    low = [m - 2 * s for m, s in zip(each.mean, each.std, strict=True)]
    high = [m + 2 * s for m, s in zip(each.mean, each.std, strict=True)]

    np.testing.assert_allclose(normalise(a_pixel(*low, dtype=float), each.bands, SIGMA0_DB, each), 0, atol=1e-6)
    np.testing.assert_allclose(normalise(a_pixel(*high, dtype=float), each.bands, SIGMA0_DB, each), 1, rtol=1e-6)


def test_satmae_sees_bytes():
    """Its loader stretches to 0..255, truncates to uint8 and divides by 255; naive loop as reference."""
    each = preset("satmae-10")
    data = np.random.default_rng(3).integers(1, 8000, (10, 6, 6), np.uint16)
    expected = np.empty(data.shape)
    for k, (mean, std) in enumerate(zip(each.mean, each.std, strict=True)):
        stretched = (data[k] - (mean - 2 * std)) / ((mean + 2 * std) - (mean - 2 * std)) * 255.0
        expected[k] = np.clip(stretched, 0, 255).astype(np.uint8) / 255

    made = normalise(data, each.bands, L1C, each)

    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_presto_divides_and_shifts():
    """S1 (x + 25) / 25, S2 x / 1e4, temperature (x - 272.15) / 35."""
    assert normalise(a_pixel(-10, -20, dtype=float), ("VV", "VH"), SIGMA0_DB, "presto-s1").ravel() == pytest.approx(
        [0.6, 0.2]
    )
    assert normalise(a_pixel(*[2500] * 10), preset("presto-s2").bands, L1C, "presto-s2").ravel()[0] == 0.25
    warm = normalise(a_pixel(289.65, dtype=float), ("temperature_2m",), value("K"), "presto-temperature")
    assert warm.item() == pytest.approx(0.5, abs=1e-6)


def test_prithvi_turns_nodata_into_its_own_number():
    """-9999 becomes 0.0001 after normalisation."""
    data = a_pixel(-9999, 1342, 1433, 2734, 1958, 1363, dtype=np.int16)

    made = normalise(data, preset("prithvi-2").bands, L2A, "prithvi-2").ravel()

    np.testing.assert_allclose(made, [0.0001, 0, 0, 0, 0, 0], atol=1e-7)


def test_dynamic_world_squashes_logarithms():
    """Its published notebook, in double precision: log, remap, exp(5 z - 1), x / (x + 1)."""
    each = preset("dynamic-world-9")
    data = np.random.default_rng(4).integers(0, 20000, (9, 5, 5), np.uint16)
    first, second = (np.array(v).reshape(-1, 1, 1) for v in (each.mean, each.std))
    odds = np.exp((np.log(data * 0.005 + 1) - first) / second * 5 - 1)

    made = normalise(data, each.bands, L1C, each)

    np.testing.assert_allclose(made, odds / (odds + 1), rtol=2e-5)
    np.testing.assert_allclose(denormalise(made, each)[1], data[1], rtol=2e-3, atol=1)
    with pytest.raises(Refused, match=r"preset dynamic-world-9: is no straight line. Use normalise."):
        each.shift_scale()


def test_half_takes_any_anonymous_bands_in_their_own_order():
    """003: (x - 0.5) / 0.5."""
    made = normalise(np.full((7, 2, 2), 0.75), [f"b{k}" for k in range(7)], value("1"), "half")

    np.testing.assert_array_equal(made, np.full((7, 2, 2), 0.5, np.float32))


def test_denormalise_undoes_normalise():
    for each in PRESETS.values():
        if each.kind in ("log-sigmoid", "two-sigma-8bit"):
            continue
        count = len(each.bands) or 3
        mean, std = (np.resize(np.array(v), (count, 1, 1)) for v in (each.mean, each.std))
        data = (mean + np.linspace(0.1, 0.9, 6).reshape(1, 2, 3) * std).astype(np.float32)
        offset = 0.0 if each.mixed_offsets else None
        quantity = dn(each.quantity.of, offset=0) if each.mixed_offsets else each.quantity

        made = normalise(data, each.bands or ("b1", "b2", "b3"), quantity, each, offset=offset)

        np.testing.assert_allclose(denormalise(made, each), data, rtol=1e-4, atol=1e-3)


def test_nan_stays_nan_and_empty_stays_empty():
    bands = preset("eurosat-13").bands
    data = np.full((13, 1, 1), np.nan, np.float32)

    assert np.isnan(normalise(data, bands, TOA, "eurosat-13")).all()
    assert normalise(np.zeros((0, 13, 8, 8), np.uint16), bands, L1C, "eurosat-13").shape == (0, 13, 8, 8)


def test_a_selected_preset_keeps_numbers_with_their_bands():
    some = preset("ssl4eo-l2a").select(("B12", "B02"))

    assert (some.bands, some.mean, some.std) == (("B12", "B02"), (1805.1, 884.3), (1343.5, 1155.2))
    with pytest.raises(Mismatch, match=r"preset ssl4eo-l2a: bands \(B10 missing\)"):
        preset("ssl4eo-l2a").select(("B10",))


def test_the_radar_quantity_of_each_data_set_is_its_own():
    assert preset("clay-s1").quantity == preset("terramind-s1-rtc").quantity == GAMMA0_RTC_DB
    assert preset("ssl4eo-s1").quantity == preset("terramind-s1-grd").quantity == SIGMA0_DB


@pytest.mark.realdata
def test_real_eurosat_patches_are_near_standard_under_their_preset():
    """80 of 27,000 patches: means within a third of a deviation, deviations 0.7 to 1.3 of the population's."""
    with zipfile.ZipFile(Path(os.environ["SWATH_REAL_DATA"]) / "eurosat-ms/EuroSAT_MS_subset.zip") as patches:
        stack = []
        for name in sorted(n for n in patches.namelist() if n.endswith(".tif")):
            with rasterio.MemoryFile(patches.read(name)) as memory, memory.open() as opened:
                stack.append(opened.read())

    made = normalise(np.stack(stack), band_order("eurosat-13").bands, L1C, "eurosat-13")

    assert np.abs(made.mean(axis=(0, 2, 3))).max() < 0.33
    deviation = made.std(axis=(0, 2, 3))
    assert deviation.min() > 0.7
    assert deviation.max() < 1.3
