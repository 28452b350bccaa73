"""Band labels: codes as they stand, in a legend that knows them, and nothing taken for classes that is none."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused
from swath.core.legends import legend
from swath.core.scene import Scene, Window
from swath.formats.mapping import declare
from swath.formats.scene import open_band
from swath.sources.bands import label_band
from swath.sources.labels import NONE
from swath.testing.build import a_geotiff


def a_band(path, numbers, number: int = 1, **more) -> Scene:
    return open_band(a_geotiff(path, np.asarray(numbers), **more), declare({}, where=""), number)[0]


def codes(*rows) -> np.ndarray:
    return np.array([rows], "uint16")


def test_codes_of_a_known_legend_and_its_absence(tmp_path):
    """SCL: 4 vegetation, 6 water; 0 is nodata by the legend, with or without a nodata tag."""
    band = a_band(tmp_path / "s.tif", codes([4, 6, 0], [4, 4, 6]))

    labels = label_band(band, legend=legend("scl"))

    burnt = labels.burn(Window(-1, 0, 3, 4))
    names = [["-" if k == NONE else legend("scl").names[k] for k in row] for row in burnt.tolist()]
    assert names == [
        ["-", "-", "-", "-"],
        ["vegetation", "water", "-", "-"],
        ["vegetation", "vegetation", "water", "-"],
    ]
    assert labels.summary() == "band1: 2 classes of legend scl"
    assert pickle.loads(pickle.dumps(labels)).digest == labels.digest


def test_without_a_legend_codes_are_their_own_names_and_nodata_is_none(tmp_path):
    labels = label_band(a_band(tmp_path / "s.tif", codes([7, 300, 9]), nodata=300))

    assert (labels.legend.codes, labels.legend.names, labels.legend.name) == ((7, 9), ("7", "9"), "s.band1")
    assert labels.burn(Window(0, 0, 1, 3)).tolist() == [[0, NONE, 1]]


def test_whole_numbers_may_be_stored_as_reals(tmp_path):
    band = a_band(tmp_path / "s.tif", np.array([[[4.0, 6.0, np.nan]]]), dtype="float32")

    assert label_band(band, legend=legend("scl")).burn(Window(0, 0, 1, 3)).tolist() == [[3, 5, NONE]]


@pytest.mark.parametrize(
    ("numbers", "dtype", "known", "kind", "sentence"),
    [
        (
            [[4, 6, 77, 77]],
            "uint16",
            "scl",
            Mismatch,
            "class code differs: want one of legend scl .*have 77 .2 pixels.",
        ),
        ([[0.5, 1.5]], "float32", None, Refused, "band band1 holds real numbers, not codes of classes"),
        ([list(range(300))], "uint16", None, Refused, "holds more than 255 different numbers, too many for classes"),
        ([[0, 0]], "uint16", "scl", Refused, "holds no class at all"),
    ],
)
def test_what_is_no_band_of_classes_is_refused(tmp_path, numbers, dtype, known, kind, sentence):
    band = a_band(tmp_path / "s.tif", np.array([numbers]), dtype=dtype)

    with pytest.raises(kind, match=sentence):
        label_band(band, legend=None if known is None else legend(known))


def test_other_codes_are_other_labels(tmp_path):
    one, other = (
        label_band(a_band(tmp_path / f"{k}" / "s.tif", codes([4, 6, k])), legend=legend("scl")) for k in (4, 6)
    )

    assert one.digest != other.digest
