"""Masks of products: polygons and rasters on windows, against a naive loop over pixels."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from swath.core.errors import Mismatch, Unreadable
from swath.core.scene import Window
from swath.formats.safemask import QUALITY_LAYERS, bad_pixels, cloud_masks
from swath.formats.safeproduct import is_product_head, read_product
from swath.formats.safetree import find_trees
from tests.formats.a_safe import LEFT, TOP, a_gml, a_jp2, a_safe

# Metres from the corner: a square of 200 m and a sliver one metre wide.
SQUARE = [(LEFT + 100, TOP - 100), (LEFT + 300, TOP - 100), (LEFT + 300, TOP - 300), (LEFT + 100, TOP - 300)]
SQUARE.append(SQUARE[0])
SLIVER = [(LEFT + 615, TOP), (LEFT + 616, TOP), (LEFT + 616, TOP - 1200), (LEFT + 615, TOP - 1200), (LEFT + 615, TOP)]
NOTHING = np.zeros((8, 60, 60), np.uint8)


def product(folder, **masks):
    named = {name.replace("__", "."): blob for name, blob in masks.items()}
    return read_product(find_trees(a_safe(folder, masks=named), is_product_head)[0])


def crossed(ring, grid, window):
    """Naive: pixels whose inside meets the polygon."""
    shape, t = shapely.Polygon(ring), grid.transform
    made = np.zeros((window.height, window.width), bool)
    for i in range(window.height):
        for j in range(window.width):
            x, y = t.c + t.a * (window.col + j), t.f + t.e * (window.row + i)
            made[i, j] = shapely.intersection(shape, shapely.box(x, y + t.e, x + t.a, y)).area > 0
    return made


@pytest.mark.parametrize("window", [Window(0, 0, 60, 60), Window(4, 7, 20, 40), Window(-3, -2, 20, 20)])
def test_polygons_touch_every_pixel_that_they_cross(tmp_path, window):
    made = product(tmp_path, MSK_DEFECT_B05__gml=a_gml("QT_DEFECTIVE_PIXELS", [SQUARE, SLIVER]))
    grid = made.grids[20]

    want = crossed(SQUARE, grid, window) | crossed(SLIVER, grid, window)
    have = bad_pixels(made, "B05", grid, window)
    np.testing.assert_array_equal(have & want, want)
    # GDAL's rule may add the pixels along an edge that lies exactly between two.
    assert (have & ~want).sum() <= 2 * (window.height + window.width)


def test_degraded_pixels_stay_and_bands_without_a_mask_are_not_judged(tmp_path):
    made = product(tmp_path, MSK_NODATA_B05__gml=a_gml("QT_PARTIALLY_CORRECTED_PIXELS", [SQUARE]))

    assert bad_pixels(made, "B05", made.grids[20], Window(0, 0, 60, 60)) is None
    assert bad_pixels(made, "B06", made.grids[20], Window(0, 0, 60, 60)) is None


def quality(side, **layers):
    data = np.zeros((len(QUALITY_LAYERS), side, side), np.uint8)
    for name, (row, col) in layers.items():
        data[QUALITY_LAYERS.index(name), row, col] = 1
    return data


def test_raster_masks_name_their_layers(tmp_path):
    """Layers 5, 6 and 8 are defective, no data and saturated; 7 is corrected in part, which is a measurement."""
    layers = {"QT_DEFECTIVE_PIXELS": (3, 4), "QT_PARTIALLY_CORRECTED_PIXELS": (5, 6), "QT_SATURATED_PIXELS": (7, 8)}
    made = product(tmp_path, MSK_QUALIT_B05__jp2=a_jp2(quality(60, **layers), 20))

    bad = bad_pixels(made, "B05", made.grids[20], Window(2, 2, 10, 10))

    assert np.argwhere(bad).tolist() == [[1, 2], [5, 6]]


def test_a_finer_mask_counts_a_pixel_as_bad_if_any_of_it_is(tmp_path):
    made = product(tmp_path, MSK_QUALIT_B02__jp2=a_jp2(quality(120, MSI_LOST=(13, 25)), 10))

    assert np.argwhere(bad_pixels(made, "B02", made.grids[60], Window(0, 0, 20, 20))).tolist() == [[2, 4]]


@pytest.mark.parametrize("window", [Window(0, 0, 60, 60), Window(4, 5, 11, 13), Window(-2, -1, 30, 30)])
def test_a_coarser_mask_covers_all_pixels_under_it(tmp_path, window):
    made = product(tmp_path, MSK_QUALIT_B01__jp2=a_jp2(quality(20, MSI_LOST=(3, 4)), 60))

    whole = np.zeros((90, 90), bool)  # 15 pixels around the image on each side
    whole[15 + 9 : 15 + 12, 15 + 12 : 15 + 15] = True
    at = whole[15 + window.row : 15 + window.row + window.height, 15 + window.col : 15 + window.col + window.width]
    np.testing.assert_array_equal(bad_pixels(made, "B01", made.grids[20], window), at)


def test_cloud_polygons_know_no_snow(tmp_path):
    made = product(tmp_path, MSK_CLOUDS_B00__gml=a_gml("CIRRUS", [SQUARE]))
    data, valid = cloud_masks(made, made.grids[60], Window(0, 0, 20, 20))

    assert (data[0].sum(), data[1].sum() > 0, data[2].sum()) == (0, True, 0)
    assert valid.all(axis=(1, 2)).tolist() == [True, True, False]


def test_cloud_rasters_know_all_three_and_nothing_beyond_the_edge(tmp_path):
    layers = np.zeros((3, 20, 20), np.uint8)
    layers[0, 1, 1] = layers[1, 2, 2] = layers[2, 3, 3] = 1
    made = product(tmp_path, MSK_CLASSI_B00__jp2=a_jp2(layers, 60))

    data, valid = cloud_masks(made, made.grids[60], Window(0, 0, 20, 20))
    assert np.argwhere(data).tolist() == [[0, 1, 1], [1, 2, 2], [2, 3, 3]]
    assert valid is None
    assert cloud_masks(made, made.grids[60], Window(10, 10, 20, 20))[1].mean() == 0.25


def test_no_mask_is_unknown_and_never_clear(tmp_path):
    made = product(tmp_path)

    assert not cloud_masks(made, made.grids[60], Window(0, 0, 20, 20))[1].any()


@pytest.mark.parametrize(
    ("name", "blob", "error", "said"),
    [
        ("MSK_DEFECT_B05.gml", a_gml("ANC_LOST", [SQUARE], epsg=32633), Mismatch, "want EPSG:32632 (its tile)"),
        ("MSK_DEFECT_B05.gml", a_gml("QT_DEFECTIVE_PIXELS", [SQUARE[:2]]), Unreadable, "posList is no ring (6 numbers"),
        ("MSK_DEFECT_B05.gml", "<a", Unreadable, "MSK_DEFECT_B05.gml: is no whole XML"),
        ("MSK_QUALIT_B05.jp2", a_jp2(NOTHING[:3], 20), Unreadable, "layers of the mask: want 8, have 3"),
        ("MSK_QUALIT_B05.jp2", a_jp2(NOTHING[:, :50, :50], 24), Unreadable, "50 x 50 pixels for an image of 60"),
        ("MSK_QUALIT_B05.jp2", b"none", Unreadable, "MSK_QUALIT_B05.jp2: cannot be read as an image"),
    ],
)  # fmt: skip
def test_masks_that_cannot_be_are_refused(tmp_path, name, blob, error, said):
    made = product(tmp_path, **{name.replace(".", "__"): blob})
    with pytest.raises(error) as raised:
        bad_pixels(made, "B05", made.grids[20], Window(0, 0, 60, 60))

    assert said in str(raised.value)
