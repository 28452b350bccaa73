"""The contest's tables: their form, and every way in which two of them do not belong together."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, Unreadable
from swath.formats.answers import read_answers, read_ids, require_matching, write_answers


def a_table(path, rows, head="Patch ID,Result"):
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_an_answer_is_an_image_and_a_corner(tmp_path):
    """B13: "0,192 219 143" parses; the rows come in any order."""
    held = read_answers(a_table(tmp_path / "a.csv", ["7,3 448 0", "0,192 219 143"]))

    assert held.patches.tolist() == [0, 7]
    assert held.found.tolist() == [[192, 219, 143], [3, 448, 0]]


def test_what_is_written_is_the_form_of_the_contest(tmp_path):
    """000.4: columns Patch ID, Result; G5: byte-equal to the stored example's form."""
    write_answers(tmp_path / "a.csv", {5: (1, 448, 0), 0: (192, 219, 143)})

    assert (tmp_path / "a.csv").read_bytes() == b"Patch ID,Result\n0,192 219 143\n5,1 448 0\n"
    assert read_answers(tmp_path / "a.csv").found.tolist() == [[192, 219, 143], [1, 448, 0]]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("0,192 219", "a.csv line 2: is no answer: want 'patch,image x y' (whole numbers), have '0,192 219'."),
        ("0,192 1.5 2", "is no answer"),
        ("0,1,2,3", "is no answer"),
        ("x,1 2 3", "a.csv line 2: Patch ID is no whole number: have 'x'."),
        (
            "0,1 449 0",
            "a.csv line 2: has a corner (449, 0) at which no patch can begin: want 0..448 both ways. "
            "Corners, not centres, are wanted.",
        ),
    ],
)
def test_a_row_that_is_no_answer_is_named(tmp_path, row, sentence):
    with pytest.raises(Refused) as raised:
        read_answers(a_table(tmp_path / "a.csv", [row]))

    assert sentence in str(raised.value)


def test_the_same_patch_twice_is_refused(tmp_path):
    with pytest.raises(Refused, match=r"a.csv line 4: patch 0 is there twice\. Leave one row\."):
        read_answers(a_table(tmp_path / "a.csv", ["0,1 2 3", "1,1 2 3", "0,4 5 6"]))


def test_other_columns_are_named(tmp_path):
    with pytest.raises(Mismatch, match="a.csv: columns differs: want Patch ID, Result, have Image ID"):
        read_answers(a_table(tmp_path / "a.csv", [], head="Image ID"))
    with pytest.raises(Unreadable, match="cannot be read"):
        read_answers(tmp_path / "nothing.csv")


def some_answers(tmp_path, name, corners, patches=None):
    numbers = range(len(corners)) if patches is None else patches
    rows = [f"{n},{image} {x} {y}" for n, (image, x, y) in zip(numbers, corners, strict=True)]
    return read_answers(a_table(tmp_path / name, rows))


def corners_of(n=200, seed=4):
    draw = np.random.default_rng(seed)
    return [tuple(row) for row in np.column_stack([draw.integers(0, 600, n), draw.integers(0, 449, (n, 2))])]


def test_exchanged_axes_are_said(tmp_path):
    """000-D7: a table with swapped axes scores about 0.5 instead of failing."""
    corners = corners_of()
    truth = some_answers(tmp_path, "t.csv", corners)
    turned = some_answers(tmp_path, "s.csv", [(image, y, x) for image, x, y in corners])

    require_matching(truth, truth, where="t.csv")
    with pytest.raises(Refused) as raised:
        require_matching(turned, truth, where="s.csv")

    assert str(raised.value) == (
        "s.csv: has x and y exchanged: of 200 patches in the right image 1 corners agree as written, 200 with x and y "
        "exchanged. Write x before y as the truth does."
    )


def test_answers_that_are_merely_bad_are_judged(tmp_path):
    truth = some_answers(tmp_path, "t.csv", corners_of())

    require_matching(some_answers(tmp_path, "s.csv", corners_of(seed=5)), truth, where="s.csv")


def test_tables_of_other_patches_are_refused(tmp_path):
    """000-D5: their scorer asserted counts only, so files with different ids were compared row by row."""
    truth = some_answers(tmp_path, "t.csv", corners_of(4))

    with pytest.raises(Refused, match=r"s.csv: has no answer for 1 of 4 patches, the first is 3\."):
        require_matching(some_answers(tmp_path, "s.csv", corners_of(3)), truth, where="s.csv")
    with pytest.raises(Refused, match=r"s.csv: answers 1 patches that nobody asked for, the first is 9\."):
        require_matching(some_answers(tmp_path, "s.csv", corners_of(4), [0, 1, 2, 9]), truth, where="s.csv")


def test_a_subset_is_chosen_by_its_table(tmp_path):
    """000-D5: the 6,400-patch round; its ids are shuffled."""
    truth = some_answers(tmp_path, "t.csv", corners_of(10))
    ids = read_ids(a_table(tmp_path / "patch_id.csv", ["7", "2", "5"], head="Patch ID"))

    assert ids == (7, 2, 5)
    assert truth.only(ids).patches.tolist() == [2, 5, 7]
    assert truth.only(ids).found[2].tolist() == truth.found[7].tolist()
    with pytest.raises(Refused, match="answers: hold none for 1 of 2 patches, the first is 11"):
        truth.only([2, 11])


def test_a_table_of_the_other_kind_is_named(tmp_path):
    path = a_table(tmp_path / "image_id.csv", ["7"], head="Image ID")

    assert read_ids(path, "images") == (7,)
    with pytest.raises(Mismatch, match=r"header differs: want Patch ID, have Image ID\. Name a table of patches\."):
        read_ids(path)
    with pytest.raises(Refused, match="line 3: Patch ID 7 is there twice"):
        read_ids(a_table(tmp_path / "b.csv", ["7", "7"], head="Patch ID"))


def test_what_no_reader_of_csv_takes_is_named(tmp_path):
    """A field beyond csv's own limit of 131,072 characters."""
    with pytest.raises(Unreadable, match=r"a.csv: is no CSV \(field larger than field limit"):
        read_answers(a_table(tmp_path / "a.csv", ["0," + "9" * 200_000]))
