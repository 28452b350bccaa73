"""Survey: which windows become samples, against a loop over windows and pixels; and what is left, counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import rasterio.transform
import shapely
from pyproj import Transformer

from swath.core.errors import Refused
from swath.core.geobox import centre, window_geobox
from swath.core.scene import Window
from swath.sources.labels import CONFLICT, lay
from swath.sources.survey import CutOptions, survey
from tests.sources.a_place import BOX, SIZE, TRANSFORM, on_ground, quarters, some_labels, some_polygons


def surveyed(path, **options):
    return survey("s", lay(path, BOX, column="crop"), geobox=BOX, shape=SIZE, options=CutOptions(**options))


def naive(pixels: np.ndarray, names, *, size, stride, share, target):
    """Window by window, class by class: (row, col, class or None) of the chosen ones, and reasons of the others."""
    chosen, lost, empty = [], Counter(), 0
    for row in range(0, pixels.shape[0] - size[0] + 1, stride[0]):
        for col in range(0, pixels.shape[1] - size[1] + 1, stride[1]):
            part = pixels[row : row + size[0], col : col + size[1]]
            counts = {name: int((part == k).sum()) for k, name in enumerate(names) if (part == k).any()}
            best = [name for name in counts if counts[name] == max(counts.values())]
            if target == "map" and counts and sum(counts.values()) >= share * part.size:
                chosen.append((row, col, None))
            elif target == "class" and len(best) == 1 and counts[best[0]] >= share * part.size:
                chosen.append((row, col, best[0]))
            elif target == "class" and len(counts) > 1:
                lost["straddling classes"] += 1
            elif counts:
                lost["too little labelled"] += 1
            elif (part == CONFLICT).any():
                lost["overlapping labels"] += 1
            else:
                empty += 1
    return chosen, lost, empty


@pytest.mark.parametrize("target", ["class", "map"])
@pytest.mark.parametrize(
    ("size", "stride", "share"),
    [((16, 16), None, 0.8), ((7, 11), (3, 5), 0.5), ((1, 1), (4, 4), 1.0), ((40, 30), (10, 10), 0.4)],
)
def test_windows_are_chosen_as_by_a_loop(tmp_path, size, stride, share, target):
    labels = some_labels(tmp_path / "f.gpkg", some_polygons(np.random.default_rng(3), 40))
    held = lay(labels, BOX, column="crop")
    options = {"size": size, "stride": stride or size, "share": share, "target": target}
    chosen, lost, empty = naive(held.burn(Window(0, 0, *SIZE)), held.legend.names, **options)

    made = surveyed(labels, **options)
    names = [None if each.index is None else held.legend.names[each.index] for each in made.found]
    assert [(each.row, each.col, name) for each, name in zip(made.found, names, strict=True)] == chosen
    assert Counter(each.reason for each in made.left if each.kind == "window") == lost
    assert (made.unlabelled, made.looked) == (empty, len(chosen) + sum(lost.values()) + empty)
    assert len(chosen) > 1


def test_straddling_windows_are_counted_exactly(tmp_path):
    """Four fields of 48 x 64 pixels under windows of 32: the second of three rows lies half in each, on all columns."""
    made = surveyed(some_labels(tmp_path / "f.gpkg", quarters()), size=(32, 32))

    assert [(each.row, each.col) for each in made.found] == [(r, c) for r in (0, 64) for c in (0, 32, 64, 96)]
    assert [each.id for each in made.left] == [f"s_r00032_c000{c:02d}" for c in (0, 32, 64, 96)]
    assert made.counts() == {"window: straddling classes": 4}
    want = "s_r00032_c00000: maize 50.0 %, wheat 50.0 %; one class must hold 80 % of its pixels"
    assert made.left[0].message == want
    assert made.summary().split("\n")[1] == "windows  8 cut of 12, 4 straddling classes"


def test_rows_of_windows_are_counted_as_they_are_looked_at(tmp_path):
    labels = lay(some_labels(tmp_path / "f.gpkg", quarters()), BOX, column="crop")
    told = []

    survey(
        "s",
        labels,
        geobox=BOX,
        shape=SIZE,
        options=CutOptions(size=(32, 32)),
        progress=lambda done, total: told.append((done, total)),
    )

    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_tie_is_nobodys(tmp_path):
    """At a share of one half, two classes of one half each."""
    made = surveyed(some_labels(tmp_path / "f.gpkg", quarters()), size=(32, 32), share=0.5)

    assert (len(made.found), made.counts()) == (8, {"window: straddling classes": 4})


def test_the_bound_itself_is_enough(tmp_path):
    """12 of 16 rows are three quarters."""
    drawn = [(shapely.box(0, 0, 16, 12), "a"), (shapely.box(0, 12, 16, 16), "b"), (shapely.box(16, 0, 32, 16), "b")]
    labels = some_labels(tmp_path / "f.gpkg", drawn)

    made = surveyed(labels, size=(16, 16), share=0.75)

    assert [(each.index, each.share, each.why) for each in made.found] == [
        (0, 0.75, "a 75.0 %, b 25.0 %"),
        (1, 1.0, "b 100.0 %"),
    ]
    assert (made.mixed, made.unlabelled) == (1, 6 * 8 - 2)
    with pytest.raises(Refused, match="s .windows that can be cut.: has one class only on this scene, 'b'"):
        surveyed(labels, size=(16, 16), share=0.76)


def test_rows_and_columns_that_no_window_covers_are_told(tmp_path):
    made = surveyed(some_labels(tmp_path / "f.gpkg", quarters()), size=(20, 30))

    assert made.edges == (96 % 20, 128 % 30)
    assert made.summary().split("\n")[1].endswith("; 16 rows and 8 columns at the edges are in none")


def test_polygons_that_bear_out_no_window_are_told(tmp_path):
    """A pond of 4 x 4 pixels in a window of wheat: it is there, and no sample says so."""
    drawn = [*quarters(), (shapely.box(70, 60, 74, 64), "pond")]
    drawn[3] = (shapely.difference(drawn[3][0], drawn[4][0]), "vines")
    made = surveyed(some_labels(tmp_path / "f.geojson", drawn), size=(16, 16))

    (pond,) = [each for each in made.left if each.kind == "label"]
    assert (pond.id, pond.reason, pond.message) == ("f-4", "in no window", "f-4 (pond) bears out no window")
    assert made.mixed == 1
    assert made.classes == {"maize": 24, "pond": 0, "vines": 12, "wheat": 12}
    assert made.summary().endswith("classes  maize 24, vines 12, wheat 12; none of pond")


def test_windows_know_where_they_are(tmp_path):
    made = surveyed(some_labels(tmp_path / "f.gpkg", quarters()), size=(32, 32))

    for each in made.found:
        lon, lat = centre(window_geobox(BOX, each.row, each.col, 32, 32))
        assert (each.lon, each.lat) == (pytest.approx(lon, abs=1e-7), pytest.approx(lat, abs=1e-7))


@pytest.mark.parametrize("size", [(8, 8), (9, 9), (6, 11)])
def test_a_window_around_a_point_has_it_in_its_middle_pixel(tmp_path, size):
    """As rasterio finds the point's pixel; of an even side, the pixel behind the middle (size // 2)."""
    rng = np.random.default_rng(0)
    drawn = [(shapely.Point(rng.uniform(12, 110), rng.uniform(12, 80)), "ab"[k % 2]) for k in range(30)]
    made = surveyed(some_labels(tmp_path / "p.geojson", drawn), size=size)

    for (point, _), each in zip(drawn, made.found, strict=True):
        ground = on_ground(point)
        row, col = rasterio.transform.rowcol(TRANSFORM, ground.x, ground.y)
        assert (each.row + size[0] // 2, each.col + size[1] // 2) == (int(row), int(col))
    assert [each.id for each in made.found] == [f"s_p-{k}" for k in range(30)]


def test_points_on_the_edge_are_told_and_those_that_just_fit_are_cut(tmp_path):
    """A window of 8 needs 4 pixels before its point's and 3 behind."""
    inside = [(4.0, 4.0), (124.99, 92.99)]
    outside = [(3.99, 50.0), (50.0, 3.99), (125.0, 50.0), (50.0, 93.0)]
    drawn = [(shapely.Point(at), "ab"[k % 2]) for k, at in enumerate([*inside, *outside])]
    made = surveyed(some_labels(tmp_path / "p.geojson", drawn), size=(8, 8))

    assert [(each.row, each.col) for each in made.found] == [(0, 0), (88, 120)]
    assert [(each.id, each.reason) for each in made.left] == [(f"p-{k}", "edge") for k in (2, 3, 4, 5)]
    want = "p-2 (a) lies at row 50, column 3: its 8 x 8 window reaches beyond the scene"
    assert made.left[0].message == want
    ground = on_ground(shapely.Point(outside[0]))
    lon, lat = Transformer.from_crs(32632, 4326, always_xy=True).transform(ground.x, ground.y)
    assert (made.left[0].lon, made.left[0].lat) == (pytest.approx(lon, abs=1e-7), pytest.approx(lat, abs=1e-7))


def test_points_of_one_pixel_are_told(tmp_path):
    """Of one class: the first is enough. Of two: nobody knows."""
    at = [(20.1, 20.1), (20.9, 20.9), (40.1, 40.1), (40.9, 40.2), (60, 60), (70, 70)]
    drawn = [(shapely.Point(each), name) for each, name in zip(at, "aaababab", strict=False)]
    drawn[2], drawn[3] = (drawn[2][0], "a"), (drawn[3][0], "b")
    made = surveyed(some_labels(tmp_path / "p.geojson", drawn), size=(8, 8))

    assert [each.id for each in made.found] == ["s_p-0", "s_p-4", "s_p-5"]
    assert [(each.id, each.reason) for each in made.left] == [
        ("p-1", "duplicate"),
        ("p-2", "conflict"),
        ("p-3", "conflict"),
    ]


def test_the_points_of_a_multipoint_are_told_apart(tmp_path):
    drawn = [(shapely.MultiPoint([(20, 20), (60, 60)]), "a"), (shapely.Point(40, 40), "b")]
    made = surveyed(some_labels(tmp_path / "p.geojson", drawn), size=(8, 8))

    assert [(each.id, each.row) for each in made.found] == [("s_p-0", 16), ("s_p-0.1", 56), ("s_p-1", 36)]


def test_where_nothing_can_be_cut_the_counts_are_in_the_sentence(tmp_path):
    labels = some_labels(tmp_path / "f.gpkg", quarters())
    want = "s: no window is borne out by the labels: have 1 straddling classes.*Cut smaller windows"

    with pytest.raises(Refused, match=want):
        surveyed(labels, size=(96, 128))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"share": 1.5}, "share must be a share from 0 to 1: have 1.5"),
        ({"min_valid": -1}, "min_valid must be a share from 0 to 1: have -1"),
        ({"size": (0, 8)}, "windows need a pixel and a step"),
        ({"stride": (8, 0)}, "windows need a pixel and a step"),
        ({"target": "pixels"}, "target 'pixels' is neither class nor map"),
    ],
)
def test_options_that_make_no_windows_are_refused(options, sentence):
    with pytest.raises(Refused, match=sentence):
        CutOptions(**options)
