"""The run page: how good it is first, in words, with n and interval; nothing stands there without its n."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from swath.evaluate import Interval
from swath.report import run_page
from swath.report.run import judge_run
from tests.report.a_run_summary import a_band, a_floor, a_run_summary, an_interval
from tests.report.test_corpus import Reader


def cells(page):
    """What stands in tables, cell by cell."""
    return "|".join(re.findall(r"<td[^>]*>([^<]*)</td>", page))


def test_the_verdict_comes_before_everything_with_n_and_interval():
    """0.9 of 1,200."""
    text = Reader(run_page(a_run_summary())).text

    assert "Right for 1,080 of 1,200 samples: 90 % (95 % interval 88.0 to 92.0 %)." in text
    assert text.index("Right for 1,080") < text.index("fields-small gives one class")


def test_the_lead_says_where_by_which_split_and_what_guessing_reaches():
    text = " ".join(Reader(run_page(a_run_summary())).text.split())

    assert "It was asked about 1,200 samples of fields in " in text
    assert "part test of split blocks-4deg (by place, in blocks of 4deg, with a buffer of 925 m)" in text
    assert "Always giving the commonest class of train would be right for 10.0 % and giving" in text
    assert "the class of the nearest known place would be right for 30.0 % of the same samples." in text


def test_a_model_without_fault_is_good():
    held = judge_run(a_run_summary())

    assert (held.level, held.wrong, held.unknown) == ("good", (), ())


@pytest.mark.parametrize(
    ("changes", "said", "level"),
    [
        ({"is_unseen": False, "seen": "40 of the 1,200 were in train."}, "40 of the 1,200 were in train.", "bad"),
        ({"is_unseen": None, "seen": "Nobody can count them."}, "Nobody can count them.", "look"),
        ({"floors": (a_floor("random filters", 0.95, "floor"),)}, "is better: random filters (95.0 %)", "bad"),
        ({"floors": (a_floor("band mean and sd", 0.89, "tie"),)}, "band mean and sd (89.0 %)", "look"),
        ({"unanswered": 3}, "3 samples could not be answered", "bad"),
        ({"unlabelled": 1}, "1 sample without a label could not be judged", "look"),
        ({"caution": "neighbours are alike"}, "Neighbours are alike.", "look"),
        (
            {"scores": {"Accuracy": an_interval(0.9, units=7)}},
            "rest on only 7 blocks of 4deg and are unreliable",
            "look",
        ),
    ],
)
def test_what_speaks_against_it_stands_in_the_verdict(changes, said, level):
    summary = a_run_summary(**changes)
    held = judge_run(summary)

    assert held.level == level
    assert said in " ".join(sentence for sentence, _ in (*held.wrong, *held.unknown))
    assert said in Reader(run_page(summary)).text


def test_a_leaking_split_is_bad():
    summary = a_run_summary()
    split = replace(summary.split, is_leaking=True, verdict="leaks: 9 % of test lies within 1 km of train.")

    assert judge_run(replace(summary, split=split)).wrong[0] == (
        "Split blocks-4deg leaks: 9 % of test lies within 1 km of train.",
        "split",
    )


def test_sections_stand_in_their_order_and_links_lead_to_them():
    page = run_page(a_run_summary(floors=(a_floor("majority", 0.95, "floor"),)))
    sections = re.findall(r'<section id="(\w+)">', page)

    assert sections == [
        "classes",
        "mistakes",
        "floors",
        "map",
        "split",
        "inputs",
        "calibration",
        "training",
        "next",
        "origin",
    ]
    assert set(re.findall(r'href="#(\w+)"', page)) <= set(sections)


def test_classes_stand_weakest_first():
    summary = a_run_summary()
    table = run_page(summary).split('<td data-label="Class">')[1:]

    assert [each.split("<")[0] for each in table] == [each.name for each in summary.classes]
    assert "Weakest first: AnnualCrop, Forest and HerbaceousVegetation." in run_page(summary)


def test_pairs_that_are_mixed_up_are_named_with_their_counts():
    summary = a_run_summary()
    summary.confusion[8, 3] = 31

    assert "Most often taken: River for Highway (31 of 150)" in run_page(summary)


def test_a_class_that_was_never_asked_about_is_said():
    summary = a_run_summary()
    first, *others = summary.classes
    unknown = Interval(math.nan, math.nan, math.nan, 200)
    empty = replace(first, n=0, rates=dict.fromkeys(first.rates, unknown))
    page = run_page(replace(summary, classes=(empty, *others)))

    assert "Never asked about AnnualCrop" in page


def test_mistakes_have_picture_truth_answer_confidence_and_place():
    page = Reader(run_page(a_run_summary()))
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]

    assert len(pictures) == 24
    assert pictures[0]["alt"] == "River_0"
    text = " ".join(page.text.split())
    assert "Forest99 % sure, is AnnualCropRiver_046.5° N, 11.3° E" in text
    assert "120 answers of 1,200 are wrong. The 24 of which it was surest" in text


def test_floors_have_exact_descriptions_n_and_the_difference():
    text = " ".join(Reader(run_page(a_run_summary())).text.split())

    assert "random filters, exactly. Fitted on 3,600 samples." in text
    assert "+20.0 % [+1.0, +25.0]" in text
    assert "the model is better" in text


def test_a_page_without_floors_says_why():
    assert "They were not asked for." in run_page(a_run_summary(floors=(), floors_about="They were not asked for."))


def test_bands_have_quantity_pixel_moments_and_their_shift():
    """0.06 of a deviation of 0.08."""
    summary = a_run_summary()
    stack = replace(summary.inputs[0], bands=(a_band("B04"), a_band("B8A", shift=0.06)))
    page = run_page(replace(summary, inputs=(stack,)))

    assert "toa reflectance|10 m|0.300 ± 0.080|0.300 ± 0.080|0.360 ± 0.080|+0.75 sd" in cells(page)
    assert "s2|-1000|xml|documented|600|shifted (B10)" in cells(page)
    assert "In test the mean of B8A is more than 0.5 deviations from what the model expects." in page


def test_calibration_is_shown_before_and_after():
    held = cells(run_page(a_run_summary()))

    assert "as trained|8.0 % [6.0, 10.0]|0.400 [0.380, 0.420]" in held
    assert "with temperature 1.4|2.0 % [0.0, 4.0]" in held


def test_a_bundle_without_its_run_says_that_the_training_is_not_recorded():
    assert "how it was trained is not recorded" in run_page(a_run_summary(curves=None))


def test_a_model_of_several_labels_has_no_matrix():
    page = run_page(a_run_summary(confusion=None, scores={"Micro mAP": an_interval(0.81)}))

    assert "Micro mAP 81 % on 1,200 samples (95 % interval 79.0 to 83.0 %)." in page
    assert "Rows: what it is." not in page


def test_without_places_there_is_no_map():
    assert "No sample has a known place, so there is no map." in run_page(a_run_summary(places=None))


def test_unreliable_intervals_carry_a_star_that_is_explained():
    summary = a_run_summary(scores={"Accuracy": an_interval(0.9, units=7)}, units=7)
    text = Reader(run_page(summary)).text

    assert "[88.0, 92.0] *" in text
    assert "* fewer than 20 units were resampled, or all resamples agree: the interval is unreliable." in text


def test_names_are_escaped():
    page = run_page(a_run_summary(name="<script>alert(1)</script>", corpus="a&b", does="<i>"))

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_page_asks_for_nothing_and_is_the_same_every_time():
    page = run_page(a_run_summary())

    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert "<script" not in page
    assert page == run_page(a_run_summary())
