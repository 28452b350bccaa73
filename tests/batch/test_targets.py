"""Targets: columns become the numbers that learning needs; what the output does not know is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swath.batch import Augmentation, Loader
from swath.batch.targets import read_targets, require_target
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import LegendClass
from swath.core.sample import TargetSpec
from swath.core.specs import OutputSpec
from tests.batch.a_corpus import LEGEND, a_corpus, an_input, outputs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Samples 5 and 6 have no labels."""
    return a_corpus(tmp_path_factory.mktemp("targets") / "c", n=12, bare=(5, 6), has_more=True)


EVERY = np.arange(12)


def test_a_class_is_its_index_in_the_outputs_codes(corpus):
    """Sample i has code i % 10; the output counts them backwards."""
    output = OutputSpec("scene", tuple(range(9, -1, -1)), LEGEND)

    y = read_targets(corpus, EVERY, {"class": output})["class"]

    assert y.tolist() == [9, 8, 7, 6, 5, -1, -1, 2, 1, 0, 9, 8]
    assert y.dtype == np.int64


def test_several_classes_are_a_row_of_ones(corpus):
    """Sample i has codes i and i + 3; sample 5 has none at all, which is not the same as none of them."""
    y = read_targets(corpus, np.array([11, 5]), outputs("several"))["several"]

    np.testing.assert_array_equal(y, [[0, 1, 0, 0, 1, 0, 0, 0, 0, 0], [np.nan] * 10])
    assert y.dtype == np.float32


def test_values_come_in_the_order_of_the_output(corpus):
    """index = i / 4, area = 2 i, missing where i is a multiple of 3."""
    output = OutputSpec("values", units={"area": "m2", "index": "1"})

    y = read_targets(corpus, np.array([4, 6, 9]), {"wealth": output})["wealth"]

    np.testing.assert_array_equal(y, np.float32([[8, 1], [np.nan, np.nan], [np.nan, 2.25]]))


def test_a_map_is_looked_up_pixel_by_pixel(corpus):
    """Code (y + x + i) % 10, in an output that counts backwards; sample 5 has no map."""
    output = OutputSpec("dense", tuple(range(9, -1, -1)), LEGEND)
    loader = Loader(corpus, [4, 5], an_input(), {"truth": output}, batch_size=2, workers=0)

    y = next(loader.in_order()).y["truth"].numpy()

    row = np.arange(8)
    np.testing.assert_array_equal(y[0], 9 - (row[:, None] + row + 4) % 10)
    assert (y[1] == -1).all()


def test_codes_that_mean_no_class_are_minus_one(corpus):
    """A legend may say that code 0 is none."""
    layout = corpus.layout
    legend = replace(LEGEND, none=(0,))
    corpus.meta = replace(corpus.meta, layout=replace(layout, legends={"eurosat": legend}))
    try:
        y = read_targets(corpus, EVERY, {"class": OutputSpec("scene", legend.codes, legend)})["class"]
    finally:
        corpus.meta = replace(corpus.meta, layout=layout)

    assert y.tolist() == [-1, 0, 1, 2, 3, -1, -1, 6, 7, 8, -1, 0]


def test_maps_and_labels_follow_the_image(corpus):
    """Trap 20: the class of a pixel is read from the pixel itself, wherever both were moved to."""
    options = Augmentation(right_angles="random", crop=6, shift=2)
    loader = Loader(corpus, EVERY[:5], an_input(size=6), outputs("class", "truth"), batch_size=5, augmentation=options)

    for epoch in range(4):
        for batch in loader.epoch(epoch):
            for x, y, label in zip(batch.x["s2"], batch.y["truth"], batch.y["class"], strict=True):
                numbers = x[0, 0].long() - 1
                i = numbers[0, 0] // 4000
                row, column = numbers % 4000 // 10, numbers % 10
                np.testing.assert_array_equal(y.numpy(), ((row + column + i) % 10).numpy())
                assert label == i


def test_an_unknown_target_is_refused(corpus):
    with pytest.raises(Unknown, match="unknown target 'weath'. Did you mean 'wealth'?"):
        require_target(corpus, "weath", outputs("wealth")["wealth"])


def test_a_class_that_the_output_does_not_know_is_refused(corpus):
    said = r"target class: class differs: want codes 0, 1, have 2 HerbaceousVegetation. Train on every class"
    with pytest.raises(Mismatch, match=said):
        read_targets(corpus, EVERY, {"class": OutputSpec("scene", (0, 1), LEGEND)})


def test_a_map_with_a_class_that_the_output_does_not_know_is_refused(corpus):
    loader = Loader(corpus, [4], an_input(), {"truth": OutputSpec("dense", (0, 1), LEGEND)}, batch_size=2)

    with pytest.raises(Mismatch, match="target truth: class differs: want codes 0, 1, have 4 Industrial."):
        next(loader.in_order())


def test_a_legend_with_other_names_is_refused(corpus):
    other = replace(LEGEND, name="mine", classes=(LegendClass(0, "Maize", "ff0000"), *LEGEND.classes[1:]))

    said = r"legend differs: want 0 Maize \(legend mine\), have 0 AnnualCrop \(legend eurosat\). Map one legend to the"
    with pytest.raises(Mismatch, match=said):
        require_target(corpus, "class", OutputSpec("scene", (0, 1), other))


def test_an_output_of_another_kind_is_refused(corpus):
    with pytest.raises(
        Mismatch, match=r"target several: output differs: want scene of several labels \(classes target\)"
    ):
        require_target(corpus, "several", outputs("class")["class"])


def test_values_with_other_units_are_refused(corpus):
    said = r"target wealth: values differs: want index \[1\], have index \[1\], area \[m2\]."
    with pytest.raises(Mismatch, match=said):
        require_target(corpus, "wealth", OutputSpec("values", units={"index": "1"}))


def test_a_target_that_no_loader_reads_is_refused(corpus):
    layout = corpus.layout
    corpus.meta = replace(corpus.meta, layout=replace(layout, targets={"clear": TargetSpec("stack")}))
    try:
        with pytest.raises(Refused, match="target clear: is of kind stack, which no loader reads yet. Choose another."):
            require_target(corpus, "clear", OutputSpec("image"))
    finally:
        corpus.meta = replace(corpus.meta, layout=layout)
