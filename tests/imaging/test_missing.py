"""What is missing: counts, places and marks, and stripes with their detectors."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused, Unknown
from swath.imaging.lattice import Extent
from swath.imaging.missing import Gaps, Stripes, drop, drop_bands, stripe, subsample

SERIES = np.random.default_rng(0).uniform(1, 2, (8, 3, 60, 50)).astype(np.float32)


def test_every_kth_date_is_kept_and_the_others_are_null():
    """C9: every k-th; counts and nulls true (003: keep every k-th frame)."""
    found = subsample(SERIES, 3)

    np.testing.assert_array_equal(found.data, SERIES[[0, 3, 6]])
    assert found.frames == (0, None, None, 1, None, None, 2, None)


@pytest.mark.parametrize("every", [0, 9, -1])
def test_k_beyond_the_series_is_refused(every):
    """C9: k > horizon refused."""
    with pytest.raises(Refused, match=f"temporal_res: {every} is outside 1 to 8, the dates of the series"):
        subsample(SERIES, every)
    assert subsample(SERIES, 8).data.shape[0] == 1


def test_named_bands_go_on_all_dates():
    found = drop_bands(SERIES, ["B10"], bands=("B04", "B10", "B12"))

    assert (found.data[:, 1] == 0).all()
    np.testing.assert_array_equal(found.data[:, [0, 2]], SERIES[:, [0, 2]])
    assert found.present.tolist() == [[True, False, True]] * 8
    np.testing.assert_array_equal(found.valid, found.data != 0)
    with pytest.raises(Unknown, match="missing bands: unknown band 'B1O'.*Known: B04, B10, B12"):
        drop_bands(SERIES, ["B1O"], bands=("B04", "B10", "B12"))


def test_what_is_missing_is_0_and_marked_and_the_rest_untouched():
    found = drop(SERIES, Gaps(bands=0.2, lines=0.1, wedge=0.25, wedge_chance=0.5), seed=3)

    np.testing.assert_array_equal(found.data, np.where(found.valid, SERIES, 0))
    truth = found.present[:, :, None, None] & ~found.lost[..., None] & ~found.outside[:, None]
    np.testing.assert_array_equal(found.valid, np.broadcast_to(truth, found.valid.shape))
    assert 0 < found.outside.any(axis=(1, 2)).sum() < 8


def test_lines_and_bands_are_lost_as_often_as_said():
    """100 dates of 100 bands, 100 lines each: four standard errors."""
    found = drop(np.ones((100, 100, 100, 1)), Gaps(bands=0.1, lines=0.05), seed=0)

    assert (~found.present).mean() == pytest.approx(0.1, abs=4 * 0.3 / 100)
    assert found.lost.mean() == pytest.approx(0.05, abs=4 * 0.22 / 1000)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_wedge_takes_the_share_asked_for_on_one_side_of_a_line(share):
    found = drop(SERIES, Gaps(wedge=share, tilt=13.0), seed=1)

    assert found.outside.mean(axis=(1, 2)) == pytest.approx(share, abs=0.5 / 3000)
    if 0 < share < 1:
        # A straight edge: rows change by tan(13 degrees) of a column.
        starts = found.outside[0].argmax(axis=1) if found.outside[0][0, -1] else found.outside[0].sum(axis=1)
        whole = (starts > 0) & (starts < 50)
        slope = np.polyfit(np.arange(60)[whole], starts[whole], 1)[0]
        assert abs(slope) == pytest.approx(np.tan(np.radians(13)), abs=0.02)


def test_a_date_loses_the_same_whatever_other_dates_there_are():
    options = Gaps(bands=0.3, lines=0.1, wedge=0.2, wedge_chance=0.5)
    whole = drop(SERIES, options, seed=5, dates=range(100, 108))

    part = drop(SERIES[3:4], options, seed=5, dates=[103])

    np.testing.assert_array_equal(part.data, whole.data[3:4])


def test_numbers_keep_their_type():
    assert drop(np.ones((1, 1, 4, 4), np.uint16), Gaps(lines=0.5), seed=0).data.dtype == np.uint16


@pytest.mark.parametrize("axis", [0, 1])
def test_stripes_are_the_gain_and_offset_of_the_record(axis):
    found = stripe(
        SERIES, Stripes(gain=0.03, offset=0.01, detectors=10, axis=axis), extent=Extent(0, 0, 60, 50), seed=2
    )

    shape = (3, 1, -1) if axis else (3, -1, 1)
    np.testing.assert_allclose(found.data, SERIES * found.gain.reshape(shape) + found.offset.reshape(shape), rtol=1e-6)
    np.testing.assert_array_equal(found.gain[:, :40], found.gain[:, 10:50])


def test_stripes_have_the_spread_asked_for():
    found = stripe(np.ones((1, 20, 1, 2000)), Stripes(gain=0.03, offset=0.01), extent=Extent(0, 0, 1, 2000), seed=2)

    assert found.gain.std() == pytest.approx(0.03, rel=0.03)
    assert found.gain.mean() == pytest.approx(1, abs=0.001)
    assert found.offset.std() == pytest.approx(0.01, rel=0.03)


def test_a_column_keeps_its_detector_in_every_extent():
    options = Stripes(gain=0.03, detectors=7)
    whole = stripe(np.ones((1, 3, 2, 50)), options, extent=Extent(0, -1000, 2, 50), seed=2).gain

    part = stripe(np.ones((1, 3, 2, 20)), options, extent=Extent(9, -987, 2, 20), seed=2).gain

    np.testing.assert_array_equal(part, whole[:, 13:33])


def test_no_stripes_change_nothing():
    np.testing.assert_array_equal(stripe(SERIES, Stripes(), extent=Extent(0, 0, 60, 50), seed=0).data, SERIES)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Gaps(bands=1.5), "gaps bands: is a share from 0 to 1, have 1.5"),
        (lambda: Gaps(lines=-0.1), "gaps lines: .*have -0.1"),
        (lambda: Gaps(tilt=100), "gaps tilt: is an angle from -90 to 90 degrees, have 100"),
        (lambda: Stripes(gain=-1), "stripes gain: is a number of 0 or more, have -1"),
        (lambda: Stripes(detectors=-1), "stripes detectors: are 0 or more, have -1"),
        (lambda: Stripes(axis=3), "stripes axis: is 0 .rows. or 1 .columns., have 3"),
    ],
)
def test_numbers_that_cannot_be_are_refused(make, said):
    with pytest.raises(Refused, match=said):
        make()
