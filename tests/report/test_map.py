"""The map page: what was mapped, how right it is and on how many places, where it fails, what next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swath.report import AreaFigures, map_page
from swath.report.map import judge_map_page
from tests.report.a_map_summary import a_map_summary, a_model_test, a_truth
from tests.report.a_run_summary import an_interval, some_classes
from tests.report.test_corpus import Reader


def said(summary):
    held = judge_map_page(summary)
    return held.level, held.sentence, " ".join(sentence for sentence, _ in (*held.wrong, *held.unknown))


def test_the_four_questions_are_answered_in_order():
    """Issue: what was mapped, how right it is and on how many places, where it fails, what to type next."""
    text = " ".join(Reader(map_page(a_map_summary())).text.split())

    found = [
        text.index(
            "This map is right for 70.0 % of its pixels, and for 180 of 200 places that one class nearly fills "
            "(90 %, 95 % interval 88 to 92 %)."
        ),
        text.index("scene: 10.24 x 10.24 km around 40.40° N, 3.70° W, 2018-07-14."),
        text.index("Ground mapped"),
        text.index("Weakest first: "),
        text.index("swath map runs/planet YOURS.tif"),
    ]
    assert found == sorted(found)


def test_what_no_place_could_judge_is_told():
    """56 mixed windows beside 200 places; AnnualCrop has 19 % of the map and 10 % of the truth."""
    level, _, more = said(a_map_summary())

    assert level == "look"
    assert "56 windows of 256 hold several classes and are no places: an answer is about 640 x 640 m" in more
    assert "It shows too much or too little of some classes: AnnualCrop on 19.0 % (in truth 10.0)" in more


def test_classes_on_the_ground_are_told_apart_from_absent_ones():
    """`Forest` fills no window but has pixels in the truth; `River` has none."""
    areas = (AreaFigures("Forest", 9.0, 0.5, 0.2), AreaFigures("River", 9.0, 0.5, 0.0))
    classes = tuple(
        replace(each, n=0) if each.name in ("Forest", "River") else each for each in some_classes("eurosat")
    )
    text = Reader(map_page(a_map_summary(areas=areas, truth=a_truth(classes=classes)))).text

    assert "Not judged: Forest, which lie on this ground and nearly fill no window." in text
    assert "Not on this ground at all: River." in text


def test_an_artificial_ground_is_said_before_anything_else():
    held = judge_map_page(a_map_summary(is_artificial=True))

    assert held.unknown[0][0].startswith("The ground is artificial: a virtual planet")


def test_a_map_without_truth_is_never_called_right():
    level, sentence, more = said(a_map_summary(truth=None))

    assert level == "look"
    assert sentence == "How right this map is nobody has measured: no truth was given for its ground."
    own = (
        "In its own test, on other ground, the model was right for 103 of 121 samples (85 %, 95 % interval 83 to 87 %)"
    )
    assert own in more
    assert "On other ground than this: the 121 samples of its test." in Reader(map_page(a_map_summary(truth=None))).text


def test_a_model_that_brought_no_test_says_so():
    level, _, more = said(a_map_summary(truth=None, tested=None))

    assert (level, more) == ("look", "The model brought no test with it.")
    text = Reader(map_page(a_map_summary(truth=None, tested=None))).text
    assert "Nobody knows: no truth was given, and the model brought no test with it." in text


@pytest.mark.parametrize(
    ("changes", "sentence", "level"),
    [
        (
            {"tested": a_model_test(is_unseen=False, seen="9 were in train.")},
            "test is no test: 9 were in train.",
            "bad",
        ),
        (
            {"tested": a_model_test(floors=(("random filters", an_interval(0.9), "floor"),))},
            "what needs no network is better than the model: random filters (90.0 %)",
            "bad",
        ),
        (
            {"tested": a_model_test(floors=(("band mean and sd", an_interval(0.84), "tie"),))},
            "the model (85.0 %) is not shown to be better than what needs no network: band mean and sd (84.0 %)",
            "look",
        ),
        (
            {"shifts": {"B04": 0.4, "B10": 87.2, "B02": -4.0}},
            "unlike what the model learnt: its mean is off in B10 by +87.2 and B02 by -4.0 standard deviations.",
            "bad",
        ),
        ({"truth": a_truth(foreign={"maize": 9})}, "maize is in the truth and not on the map", "look"),
        ({"truth": a_truth(accuracy=an_interval(0.9, units=5))}, "rests on only 5 blocks and is unreliable", "look"),
        ({"declared": ("Declared, and not checked: boa as toa.",)}, "Declared, and not checked: boa as toa.", "look"),
        ({"nodata": 0.31}, "31 % of the scene has no class.", "look"),
        ({"unsure": 0.4}, "On 40 % of the ground the model is less than half sure.", "look"),
    ],
)
def test_what_speaks_against_it_stands_in_the_verdict(changes, sentence, level):
    found, _, more = said(a_map_summary(**changes))

    assert sentence in more
    assert found == level


def test_a_map_without_fault_is_good():
    truth = a_truth(noun="pixel", accuracy=an_interval(0.97, units=60), pixel_accuracy=an_interval(0.97, units=60))

    assert said(a_map_summary(truth=truth, areas=())) == (
        "good",
        "This map is right for 194 of 200 pixels (97 %, 95 % interval 95 to 99 %) whose class is known.",
        "",
    )


def test_a_probability_sample_comes_first():
    """Olofsson et al. 2014: it alone is free of the map's own bias."""
    _, sentence, _ = said(a_map_summary(sampled=(300, 0.913, 0.021)))

    assert sentence == "By a probability sample of 300 points, 91.3 % of the map is right, give or take 2.1 (95 %)."
