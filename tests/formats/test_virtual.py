"""Products of the virtual world and fusion patches: both ways, nulls, counts, orders, truth."""

from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image

from swath.core.errors import Failure, Mismatch, Refused, Unreadable
from swath.core.quantity import dn, value
from swath.core.sample import Sample
from swath.formats.virtual import VIRTUAL, read_index
from swath.formats.virtual_write import write_patch, write_product
from swath.testing.build import a_sample, a_stack
from swath.testing.format import check_format
from tests.formats.a_virtual import BOUNDS, DATES, HEIGHT, WIDTH, a_patch, a_product, annotation, frame, scenes
from tests.formats.reading import all_of, samples_of


def change(folder, **entries) -> None:
    """Change features of an index, or files by their key."""
    held = json.loads((folder / "index.json").read_text())
    for key, entry in entries.items():
        held["features" if key in held["features"] else "files"][key.removeprefix("f")] = entry
    (folder / "index.json").write_text(json.dumps(held))


def test_scenes_of_products_keep_the_contract(tmp_path):
    plan = check_format(VIRTUAL, scenes(tmp_path / "v"))

    assert plan.rows["id"].to_pylist() == ["1", "2", "10"]
    spec = plan.layout.stacks["clean_optical"]
    assert (spec.bands, spec.size, spec.dates, spec.dtype) == (("b1", "b2", "b3"), (HEIGHT, WIDTH), 3, "float64")
    assert spec.quantity == value("1")
    assert set(plan.layout.targets) == {
        f"{what}-{name}" for what in ("class", "instance") for name in ("clean_optical", "sar")
    }


def test_one_product_keeps_the_contract(tmp_path):
    plan = check_format(VIRTUAL, a_product(tmp_path / "clouded_optical"), spawned=False)

    assert set(plan.layout.stacks) == {"product", "class", "instance"}
    assert plan.layout.legends["virtual-2"].codes == (1, 2)


def test_fusion_patches_keep_the_contract(tmp_path):
    for number in range(3):
        a_patch(tmp_path / "f" / f"patch_{number:03d}", number)

    plan = check_format(VIRTUAL, tmp_path / "f")

    spec = plan.layout.stacks["modis"]
    assert spec.bands == ("modis_red", "modis_nir", "modis_blue", "modis_green")
    assert (spec.quantity, spec.sensor, spec.dates) == (dn("boa", offset=0), "mcd43a4", 3)
    assert any("U.S. Geological Survey" in sentence for sentence in plan.layout.licences)


def test_frames_are_what_h5py_reads_bands_first(tmp_path):
    """An image of other height than width, so that a turned axis shows."""
    (sample,) = samples_of(VIRTUAL.open([a_product(tmp_path / "p", seed=5)]))

    for step in range(3):
        np.testing.assert_array_equal(sample.stacks["product"].data[step], frame(5, step).transpose(2, 0, 1))
    np.testing.assert_array_equal(sample.targets["class"].stack.data[0, 0], annotation(5)[..., 1])
    np.testing.assert_array_equal(sample.targets["instance"].stack.data[0, 0], annotation(5)[..., 0])
    assert np.isnat(sample.stacks["product"].times).all()


def test_frames_go_by_number_not_by_letter(tmp_path):
    """`10` comes before `2` in an index that was sorted as text."""
    folder = a_product(tmp_path / "p", steps=(10, 2, 9), nulls=(0, 1, 3))

    (sample,) = samples_of(VIRTUAL.open([folder]))

    assert sample.stacks["product"].origin.declared["steps"] == [2, 9, 10]
    np.testing.assert_array_equal(sample.stacks["product"].data[2], frame(1, 10).transpose(2, 0, 1))


def test_null_frames_are_left_out_and_told(tmp_path):
    """003-D7: null frames crashed the loader."""
    folder = a_product(tmp_path / "p", steps=(0, 5), nulls=(1, 2, 3, 4))

    plan = VIRTUAL.open([folder]).plan()

    assert plan.rows["why"].to_pylist() == ["product: 4 null frames left out"]
    assert samples_of(VIRTUAL.open([folder]))[0].stacks["product"].shape[0] == 2


@pytest.mark.parametrize(("nframes", "nulls"), [(6, ()), (6, (3, 4, 5)), (9, (3, 4, 5))])
def test_counted_twice_is_told_and_read(tmp_path, nframes, nulls):
    """003-D7: a derived index began with its source's nframes and counted on."""
    folder = a_product(tmp_path / "p", nframes=nframes, nulls=nulls)

    index = read_index(folder)
    (sample,) = samples_of(VIRTUAL.open([folder]))

    assert index.note.startswith(f"nframes says {nframes}: counted twice, 3 are there")
    assert sample.stacks["product"].shape[0] == 3
    assert index.note in sample.stacks["product"].origin.declared["index"]


def test_another_count_is_refused(tmp_path):
    with pytest.raises(Mismatch) as raised:
        read_index(a_product(tmp_path / "p", nframes=5))

    assert str(raised.value) == (
        "p/index.json: nframes differs: want 3 (the frames it names), have 5. Mend the index, or fetch all frames."
    )


def test_frames_in_the_wrong_order_are_refused(tmp_path):
    folder = a_product(tmp_path / "p")
    change(folder, f1={"frame": "frames/frame_002.h5", "annotation": "annotations/annotation_002.h5"})

    with pytest.raises(Mismatch) as raised:
        read_index(folder)
    assert str(raised.value) == (
        "p/index.json: order of its frames (frame 1) differs: want file 1, have frame_002.h5. "
        "Number frames as their files are."
    )


def test_dates_in_the_wrong_order_are_refused(tmp_path):
    folder = a_patch(tmp_path / "patch_000", dates=DATES[::-1])

    with pytest.raises(Mismatch, match=r"order of its dates differs: want ascending, have 2016-01-06, 2014-07-23"):
        read_index(folder)
    change(
        a_patch(folder), f1={"date": "2013-06-03", "modis": "modis/2013-06-02.h5", "landsat": "landsat/2013-06-02.h5"}
    )
    with pytest.raises(Mismatch, match=r"date of frame 1 differs: want 2013-06-03, have landsat/2013-06-02.h5"):
        read_index(folder)


def test_a_file_outside_of_the_folder_is_refused(tmp_path):
    folder = a_product(tmp_path / "p")
    change(folder, f0={"frame": "../../etc/frame_000.h5"})

    with pytest.raises(Refused, match=r"names a file outside of its folder: '../../etc/frame_000.h5'"):
        read_index(folder)


def test_a_missing_frame_quarantines_its_scene(tmp_path):
    root = scenes(tmp_path / "v")
    (root / "2" / "sar" / "frames" / "frame_001.h5").unlink()

    made = {each.id: each for each in all_of(VIRTUAL.open([root]))}

    assert made["2"] == Failure(
        "2", "missing", "sar/frames/frame_001.h5: is not there, though the index names it. Fetch it, or make it null."
    )
    assert isinstance(made["1"], Sample)


def test_a_scene_without_one_of_the_products_is_quarantined(tmp_path):
    root = scenes(tmp_path / "v")
    (root / "10" / "sar" / "index.json").unlink()

    made = {each.id: each for each in all_of(VIRTUAL.open([root]))}

    assert (made["10"].reason, made["10"].message) == (
        "missing",
        "10: has no product sar, which the others have. Open it apart.",
    )


def test_a_frame_cut_short_is_named(tmp_path):
    root = scenes(tmp_path / "v")
    path = root / "1" / "sar" / "frames" / "frame_000.h5"
    path.write_bytes(path.read_bytes()[:-100])

    failures = [each for each in all_of(VIRTUAL.open([root])) if isinstance(each, Failure)]

    assert [failure.id for failure in failures] == ["1"]
    assert failures[0].message.startswith("sar/frames/frame_000.h5: cannot be opened (")


def test_a_frame_of_another_size_is_named(tmp_path):
    folder = a_product(tmp_path / "p")
    with h5py.File(folder / "frames" / "frame_002.h5", "w") as file:
        file["data"] = np.zeros((WIDTH, HEIGHT, 3))  # width first

    (failure,) = all_of(VIRTUAL.open([folder]))

    assert "array data differs: want floating point (12 x 20 x 3), have float64 (20 x 12 x 3)" in failure.message


def test_annotations_that_change_are_stored_only_if_asked_for(tmp_path):
    folder = a_product(tmp_path / "p")
    moved = annotation(1)[::-1].copy()
    with h5py.File(folder / "annotations" / "annotation_002.h5", "w") as file:
        file["data"] = moved

    (failure,) = all_of(VIRTUAL.open([folder]))
    assert failure.message == (
        "p/product: annotations of frames 0 and 2 differs: want equal, have others. Declare annotations=each: one a "
        "frame is then stored."
    )

    (sample,) = samples_of(VIRTUAL.open([folder], annotations="each"))
    np.testing.assert_array_equal(sample.targets["class"].stack.data[2, 0], moved[..., 1])
    assert "class" not in VIRTUAL.open([folder], annotations="leave").plan().layout.targets


def test_a_class_beyond_those_first_met_is_refused(tmp_path):
    folder = a_product(tmp_path / "p")

    (failure,) = all_of(VIRTUAL.open([folder], classes=1))
    assert "class code differs: want 1..1 (the first scenes), have 2. Declare classes= for all of them." in (
        failure.message
    )
    assert VIRTUAL.open([folder], classes=12).plan().layout.legends["virtual-12"].codes == tuple(range(1, 13))


def test_more_classes_than_anybody_has_are_refused(tmp_path):
    """One flipped byte of an annotation makes 26,637 classes of two."""
    folder = a_product(tmp_path / "p")
    held = annotation(1)
    held[0, 0, 1] = 26637
    with h5py.File(folder / "annotations" / "annotation_000.h5", "w") as file:
        file["data"] = held

    with pytest.raises(Refused) as raised:
        VIRTUAL.open([folder])
    assert str(raised.value) == (
        "format virtual: would have 26,637 classes: an annotation is damaged, or no annotation. Declare classes=, or "
        "annotations=leave."
    )


def test_pictures_are_what_pillow_decodes(tmp_path):
    folder = a_product(tmp_path / "p", kind="jpg")

    (sample,) = samples_of(VIRTUAL.open([folder]))

    theirs = np.asarray(Image.open(folder / "frames" / "frame_001.jpg")).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(sample.stacks["product"].data[1], theirs, atol=1e-7)
    assert sample.stacks["product"].data.dtype == np.float32


def test_patches_lie_in_their_bounds(tmp_path):
    (sample,) = samples_of(VIRTUAL.open([a_patch(tmp_path / "patch_000")]))

    assert sample.footprint.bounds == pytest.approx(BOUNDS)
    stack = sample.stacks["landsat"]
    assert stack.geobox.crs.epsg == 4326
    assert [str(day) for day in stack.times.astype("datetime64[D]")] == list(DATES)
    draw = np.random.default_rng((0, 0))
    np.testing.assert_array_equal(sample.stacks["modis"].data[0], draw.integers(1, 5000, (4, 16, 20)))


def test_bounds_that_are_no_place_are_refused(tmp_path):
    folder = a_patch(tmp_path / "f" / "patch_000")
    a_patch(tmp_path / "f" / "patch_001", 1)
    change(folder, patch_bounds=[51.5, 10.25, 51.4, 10.35])

    (failure,) = [each for each in all_of(VIRTUAL.open([tmp_path / "f"])) if isinstance(each, Failure)]

    assert failure.message == (
        "patch_000/index.json: has patch_bounds that are no place: have [51.5, 10.25, 51.4, 10.35]. "
        "left, bottom, right, top in degrees are wanted."
    )


def test_products_beside_patches_are_refused(tmp_path):
    a_product(tmp_path / "x" / "p")
    a_patch(tmp_path / "x" / "patch_000")

    with pytest.raises(Refused, match=r"holds products beside fusion patches\. Open them apart\."):
        VIRTUAL.open([tmp_path / "x"])
    with pytest.raises(Refused, match=r"holds no index.json"):
        VIRTUAL.open([tmp_path / "x" / "p" / "frames"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"features": {}, "files": []}', "[" * 100_000])
def test_an_index_that_is_none_is_named(tmp_path, text):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "index.json").write_text(text)

    with pytest.raises(Unreadable, match=r"p/index.json: (cannot be read|is no index of a product)"):
        read_index(folder)


def test_an_index_of_nulls_has_no_frame(tmp_path):
    with pytest.raises(Refused, match="has no frame: all are null"):
        read_index(a_product(tmp_path / "p", steps=(), nulls=(0, 1)))


def test_products_come_back_as_they_were(tmp_path):
    """B6: round trip equal, nulls included; `nframes` true."""
    folder = a_product(tmp_path / "p", steps=(0, 2, 5), nulls=(1, 3, 4), nframes=9)
    (sample,) = samples_of(VIRTUAL.open([folder]))

    again = write_product(
        tmp_path / "again",
        sample.stacks["product"],
        classes=sample.targets["class"].stack.data[0, 0],
        instances=sample.targets["instance"].stack.data[0, 0],
        steps=(0, 2, 5),
        horizon=30,
    )

    theirs, ours = (json.loads((each / "index.json").read_text()) for each in (folder, again))
    assert {k: v for k, v in ours["files"].items() if v} == {k: v for k, v in theirs["files"].items() if v}
    assert ours["features"] == {**theirs["features"], "nframes": 3}
    for path in sorted(folder.rglob("*.h5")):
        with h5py.File(path) as one, h5py.File(again / path.relative_to(folder)) as other:
            assert one["data"].dtype == other["data"].dtype
            np.testing.assert_array_equal(one["data"][:], other["data"][:])
    (back,) = samples_of(VIRTUAL.open([again]))
    np.testing.assert_array_equal(back.stacks["product"].data, sample.stacks["product"].data)


def test_patches_come_back_as_they_were(tmp_path):
    folder = a_patch(tmp_path / "patch_007", 7)
    (sample,) = samples_of(VIRTUAL.open([folder]))

    again = write_patch(tmp_path / "again" / "patch_007", sample, 7)

    theirs, ours = (json.loads((each / "index.json").read_text()) for each in (folder, again))
    assert ours["files"] == theirs["files"]
    assert ours["features"]["patch_bounds"] == pytest.approx(theirs["features"]["patch_bounds"], abs=1e-9)
    for path in sorted(folder.rglob("*.h5")):
        with h5py.File(path) as one, h5py.File(again / path.relative_to(folder)) as other:
            np.testing.assert_array_equal(one["data"][:], other["data"][:])


def test_what_a_patch_cannot_say_is_not_written(tmp_path):
    """The layout has no place for an offset and none for a mask: both would be read back as measurements."""
    (sample,) = samples_of(VIRTUAL.open([a_patch(tmp_path / "patch_007", 7)]))
    landsat = sample.stacks["landsat"]
    shifted = replace(landsat, quantity=dn("boa", offset=-1000))
    holed = replace(landsat, valid=np.arange(landsat.data[:, :1].size).reshape(landsat.data[:, :1].shape) > 0)

    with pytest.raises(Mismatch, match="patch_008 landsat: quantity differs: want dn offset 0 .* have dn offset -1000"):
        write_patch(tmp_path / "patch_008", replace(sample, stacks={**sample.stacks, "landsat": shifted}), 8)
    with pytest.raises(Refused, match="patch_008 landsat: has invalid pixels, which that layout cannot say"):
        write_patch(tmp_path / "patch_008", replace(sample, stacks={**sample.stacks, "landsat": holed}), 8)
    assert not (tmp_path / "patch_008").exists()


def test_pictures_are_written_as_pictures(tmp_path):
    stack = samples_of(VIRTUAL.open([a_product(tmp_path / "p")]))[0].stacks["product"]

    write_product(tmp_path / "again", stack, kind="jpg")

    (back,) = samples_of(VIRTUAL.open([tmp_path / "again"]))
    smooth = np.abs(back.stacks["product"].data - np.clip(stack.data, 0, 1)).mean()
    assert smooth < 0.35  # JPEG of noise; that it is the same picture is what is asked
    assert np.corrcoef(back.stacks["product"].data.ravel(), np.clip(stack.data, 0, 1).ravel())[0, 1] > 0.5


def test_what_that_layout_cannot_say_is_refused(tmp_path):
    gaps = a_stack(1.0, dtype="float64", quantity=value("1"), valid=np.zeros((1, 1, 4, 4), bool))
    whole = a_stack(1.0, dtype="float64", quantity=value("1"))

    with pytest.raises(Refused, match="has invalid pixels, which that layout cannot say"):
        write_product(tmp_path / "p", gaps)
    with pytest.raises(Refused, match="has classes or instances alone"):
        write_product(tmp_path / "p", whole, classes=np.zeros((4, 4), int))
    with pytest.raises(Mismatch, match="steps differs: want 1 ascending, have 3, 4"):
        write_product(tmp_path / "p", whole, steps=(3, 4))
    with pytest.raises(Mismatch, match="truth differs: want integers"):
        write_product(tmp_path / "p", whole, classes=np.zeros((5, 4), int), instances=np.zeros((5, 4), int))
    with pytest.raises(Mismatch, match="stacks differs: want landsat, modis, have s2"):
        write_patch(tmp_path / "p", a_sample(), 0)
    with pytest.raises(Refused, match="needs one grid in EPSG:4326 for both stacks"):
        write_patch(tmp_path / "p", a_sample(stacks={"landsat": whole, "modis": whole}), 0)
    assert not (tmp_path / "p" / "index.json").exists()
