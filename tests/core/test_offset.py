"""The offset: evidence in order, claims checked against pixels, both readings named where they disagree."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused, Unknown
from swath.core.offset import Claim, baseline_offset, decide_offset, provider_claim
from swath.core.pixelcheck import Verdict, check_pair, check_pixels, check_series

UNSHIFTED = Verdict("unshifted", "0.1 % quantile of B02 is 120, below 700", 9000)
SHIFTED = Verdict("shifted", "0.1 % quantile of B02 is 1085, within 950..1300", 9000)
UNDECIDED = Verdict("undecided", "overcast", 9000)
XML = Claim("xml", (-1000.0,), "MTD_MSIL2A.xml")
FLAG = Claim("flag", (0.0,), "earthsearch:boa_offset_applied true")
RASTER = Claim("raster", (-1000.0,), "raster:bands offset -0.1")
BASELINE = Claim("baseline", (-1000.0,), "s2:processing_baseline 05.09")


@pytest.mark.parametrize(
    ("baseline", "offset"),
    [
        ("02.09", 0),
        ("03.01", 0),
        ("04.00", -1000),
        ("05.00", -1000),
        ("05.10", -1000),
        ("N0511", -1000),
        ("5.1", -1000),
    ],
)
def test_baselines_are_compared_as_two_integers(baseline, offset):
    """science 1.3: by processing baseline, >= 04.00; "05.10" > "05.09"."""
    assert baseline_offset(baseline) == offset


@pytest.mark.parametrize("baseline", ["99.99", "N9999", "", "unknown"])
def test_local_processing_says_nothing(baseline):
    """science 1.3: 99.99 is locally run Sen2Cor."""
    assert baseline_offset(baseline) is None


def test_an_override_beats_everything_and_the_contradiction_is_recorded():
    said = decide_offset([Claim("override", (0.0,), "--offset 0"), XML], SHIFTED, where="item")

    assert (said.offset, said.by, said.confidence) == ((0.0,), "override", "declared")
    assert "shifted" in said.verdict


def test_the_xml_beats_the_flag():
    assert decide_offset([FLAG, XML], SHIFTED, where="item").by == "xml"


def test_odd_offsets_of_an_xml_are_obeyed():
    """science 1.5: -7000 in a fixture's XML; obey it, and let a pixel check object."""
    odd = Claim("xml", (-7000.0,), "MTD_TL.xml")

    assert decide_offset([odd], UNDECIDED, where="item").offset == (-7000.0,)
    with pytest.raises(Refused, match="the pixels contradict the metadata: xml says -7000"):
        decide_offset([odd], UNSHIFTED, where="item")


def test_flag_true_with_offset_left_in_place_goes_to_the_pixels():
    """earth-search#9: boa_offset_applied true while raster:bands still says -0.1."""
    said = decide_offset([FLAG, RASTER, BASELINE], UNSHIFTED, where="item")

    assert (said.offset, said.by, said.confidence) == ((0.0,), "pixels", "measured")


def test_flag_false_on_already_shifted_pixels_goes_to_the_pixels():
    """earth-search#66, #71: flag false, offset -0.1, but -1000 is already applied."""
    claims = [Claim("flag", (-1000.0,), "boa_offset_applied false"), RASTER]

    said = decide_offset(claims, UNSHIFTED, where="S2B_33UXP_20250302_0_L2A", provider="sentinel-cogs")

    assert (said.offset, said.by) == ((0.0,), "pixels")


def test_a_truly_unshifted_neighbour_with_identical_fields_keeps_its_offset():
    """earth-search#66: S2B_52SFA_20220126."""
    claims = [Claim("flag", (-1000.0,), "boa_offset_applied false"), RASTER]

    said = decide_offset(claims, SHIFTED, where="S2B_52SFA_20220126", provider="sentinel-cogs")

    assert (said.offset, said.by) == ((-1000.0,), "pixels")


def test_claims_that_disagree_under_cloud_are_refused_with_both_readings():
    with pytest.raises(Refused) as raised:
        decide_offset([FLAG, RASTER], UNDECIDED, where="S2A_31UDQ")

    assert "S2A_31UDQ: the offset is undecided: raster says -1000 (raster:bands offset -0.1); flag says 0" in str(
        raised.value
    )


def test_a_claim_a_band_agrees_with_one_for_all():
    claims = [Claim("raster", (-1000.0,) * 4, "raster:bands"), BASELINE]

    assert decide_offset(claims, UNDECIDED, where="item").offset == (-1000.0,)


def test_claims_that_agree_stand_under_cloud():
    assert decide_offset([RASTER, BASELINE], UNDECIDED, where="item").by == "raster"


def test_a_convention_alone_is_vetoed_by_its_pixels():
    """TerraMind's patches: three of five L1C patches are shifted against the others."""
    convention = Claim("convention", (0.0,), "offset-free data set")

    with pytest.raises(Refused, match="convention says 0 .* the pixel check says shifted"):
        decide_offset([convention], SHIFTED, where="282D_485L_3_3")


def test_no_claim_is_unknown_whatever_the_pixels_say():
    """science 1.6: else unknown, refuse conversion."""
    said = decide_offset([], UNSHIFTED, where="item")

    assert (said.offset, said.confidence) == (None, "unknown")
    assert "unshifted" in said.verdict


@pytest.mark.parametrize(
    ("provider", "baseline", "offset"),
    [
        ("planetary-computer", "05.09", -1000.0),
        ("planetary-computer", "02.12", 0.0),
        ("gee-harmonised", "05.09", 0.0),
        ("earth-search-c1", "05.00", -1000.0),
    ],
)
def test_what_providers_do_to_pixels(provider, baseline, offset):
    """science 1.4."""
    claim = provider_claim(provider, baseline)

    assert claim is not None
    assert claim.offset == (offset,)


def test_a_mixed_provider_claims_nothing():
    assert provider_claim("sentinel-cogs", "05.09") is None


def test_an_unknown_provider_names_the_nearest():
    with pytest.raises(Unknown, match="Did you mean 'planetary-computer'"):
        provider_claim("planetary", None)


def ground(b10: float, land: float = 900.0, size: int = 64) -> np.ndarray:
    """Two bands, B02 and B10, smooth with a little noise."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 5, (2, size, size))
    return np.clip(noise + np.array([land, b10])[:, None, None], 1, None).astype(np.uint16)


@pytest.mark.parametrize(("b10", "answer"), [(12, "unshifted"), (400, "unshifted"), (1012, "shifted")])
def test_the_cirrus_band_decides_l1c(b10, answer):
    """science 1.7: q < 500 unshifted, 950..1150 shifted."""
    assert check_pixels(ground(b10, land=3000), ("B02", "B10"), level="L1C").answer == answer


@pytest.mark.parametrize("dark", [1752, 2251])
def test_overcast_dates_are_undecided(dark):
    """science 1.7: two overcast unshifted dates gave 1752 and 2251."""
    said = check_pixels(ground(dark, land=dark + 500), ("B02", "B10"), level="L1C")

    assert said.answer == "undecided"


@pytest.mark.parametrize(
    ("dark", "answer"), [(300, "unshifted"), (1085, "shifted"), (800, "undecided"), (1500, "undecided")]
)
def test_the_dark_end_decides_l2a(dark, answer):
    """science 1.7: 0.1 % quantile < 700, 950..1300, else undecided; real: 1..330 unshifted, 1085 shifted."""
    said = check_pixels(np.full((1, 64, 64), dark, np.uint16), ("B04",), level="L2A")

    assert said.answer == answer


def test_nodata_does_not_make_a_scene_unshifted():
    raw = np.full((1, 80, 80), 1085, np.uint16)
    raw[:, :20] = 0

    assert check_pixels(raw, ("B04",), level="L2A").answer == "shifted"


def test_too_few_pixels_decide_nothing():
    said = check_pixels(np.full((1, 40, 40), 5, np.uint16), ("B04",), level="L2A")

    assert str(said) == "undecided (fewer than 2000 valid pixels; 1600 pixels)"


@pytest.mark.parametrize(("shift", "answer"), [(0, "unshifted"), (1000, "shifted")])
def test_a_pair_tells_whether_both_levels_agree(shift, answer):
    """science 1.7: slope 0.82..0.92; intercept 24..135 if both agree, 1009..1085 if only L1C is shifted."""
    l2a = np.random.default_rng(0).integers(300, 4000, (2, 64, 64)).astype(np.uint16)
    l1c = (0.87 * l2a + 60 + shift).astype(np.uint16)

    assert check_pair(l1c, l2a, ("B11", "B12")).answer == answer


def test_a_date_1000_above_its_series_is_shifted():
    series = np.random.default_rng(0).integers(400, 500, (7, 3, 64, 64)).astype(np.uint16)
    series[4] += 1000

    assert [v.answer for v in check_series(series)] == ["unshifted"] * 4 + ["shifted"] + ["unshifted"] * 2


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_the_darkest_pixels_are_those_of_numpy(kind):
    """numpy's own quantile is the other side; the figure that the verdict tells is the same."""
    draw = np.random.default_rng(8)
    for size in (45, 51, 64, 91, 256):
        ground = draw.integers(1, 3000, (2, size, size)).astype(kind)

        said = check_pixels(ground, ["B02", "B04"], level="L2A").evidence

        lows = [float(np.quantile(each, 0.001)) for each in ground]
        band = ("B02", "B04")[int(np.argmin(lows))]
        assert said == f"0.1 % quantile of {band} is {min(lows):.0f}, below 700"


@pytest.mark.parametrize("dark_rows", [[0], [7, 8], list(range(300))])
def test_the_darkest_pixels_of_a_large_picture_are_found_wherever_they_lie(dark_rows):
    """Only some pixels guess where the dark end is: rows that they miss, or hit alone, change nothing."""
    ground = np.random.default_rng(5).integers(1500, 3000, (1, 300, 300)).astype(np.uint16)
    ground[0, dark_rows, ::3] = np.random.default_rng(6).integers(1, 900, (len(dark_rows), 100))

    said = check_pixels(ground, ["B02"], level="L2A").evidence

    assert said.startswith(f"0.1 % quantile of B02 is {float(np.quantile(ground, 0.001)):.0f}")
