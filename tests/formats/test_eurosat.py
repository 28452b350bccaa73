"""EuroSAT as pictures and as thirteen bands: layout, places, order, offset, and all that a copy can have wrong."""

from __future__ import annotations

import io
import pickle
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from swath.core.errors import Failure, Mismatch, Refused, Unknown, Unreadable
from swath.core.quantity import dn, rgb8
from swath.core.sample import Sample
from swath.formats.eurosat import EUROSAT_MS, EUROSAT_RGB
from swath.testing.build import (
    CLASSES,
    EUROSAT_ORDER,
    a_eurosat_folder,
    a_eurosat_patch,
    a_eurosat_zip,
    a_geotiff,
    a_positions_table,
)
from swath.testing.format import check_format
from tests.formats.reading import the_failure


def a_jpeg(size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    Image.new(mode, size, 90).save(target, "JPEG")
    return target.getvalue()


def put(path, name: str, blob: bytes):
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(blob)
    return path


def test_the_rgb_zip_keeps_the_contract(tmp_path):
    path = a_eurosat_zip(tmp_path / "EuroSAT_RGB.zip", n=3)
    positions = a_positions_table(tmp_path / "p.csv", n=3, leave_out=["River_2"])

    plan = check_format(EUROSAT_RGB, path, positions=positions, missing_positions="allow")

    spec = plan.layout.stacks["rgb"]
    assert (spec.bands, spec.size, spec.dtype) == (("B04", "B03", "B02"), (64, 64), "uint8")
    assert (spec.quantity, spec.sensor, spec.level) == (rgb8("eurosat-2750-jpeg"), "s2-l1c", "L1C")
    assert plan.rows["id"].to_pylist()[:4] == ["AnnualCrop_1", "AnnualCrop_2", "AnnualCrop_3", "Forest_1"]
    assert any("10.1109/JSTARS.2019.2918242" in sentence for sentence in plan.layout.licences)


def test_the_ms_folder_keeps_the_contract(tmp_path):
    plan = check_format(EUROSAT_MS, a_eurosat_folder(tmp_path / "ms", n=3, kind="ms"))

    spec = plan.layout.stacks["s2"]
    assert (spec.bands, spec.size, spec.dtype) == (EUROSAT_ORDER, (64, 64), "uint16")
    assert spec.quantity == dn("toa", offset=0)


def test_pictures_are_what_pillow_decodes(tmp_path):
    path = a_eurosat_zip(tmp_path / "a.zip", n=2)
    source = EUROSAT_RGB.open([path])

    with zipfile.ZipFile(path) as held:
        for sample in source.read(source.plan().rows):
            name = sample.stacks["rgb"].origin.items[0]
            theirs = np.asarray(Image.open(io.BytesIO(held.read(name))))
            np.testing.assert_array_equal(sample.stacks["rgb"].data[0], theirs.transpose(2, 0, 1))


def test_bands_are_what_the_file_holds_in_its_own_order(tmp_path):
    source = EUROSAT_MS.open([a_eurosat_zip(tmp_path / "a.zip", n=2, kind="ms")])

    for sample in source.read(source.plan().rows):
        label, number = sample.id.rsplit("_", 1)
        np.testing.assert_array_equal(sample.stacks["s2"].data[0], a_eurosat_patch(label, int(number)))


def test_patches_are_placed_by_their_own_transform(tmp_path):
    """science 1.11: EuroSAT's pixels are 10.002 x 9.997 m and unsnapped; the builder's are 10.003 x 9.997."""
    source = EUROSAT_MS.open([a_eurosat_zip(tmp_path / "a.zip", n=2, kind="ms")])

    stack = next(iter(source.read(source.plan().rows))).stacks["s2"]

    assert stack.gsd == (10.003, 9.997)
    assert stack.geobox.transform == Affine(10.003, 0, 600900.25, 0, -9.997, 5200000.75)


def test_every_sample_says_why_its_offset_is_zero(tmp_path):
    source = EUROSAT_MS.open([a_eurosat_zip(tmp_path / "a.zip", n=2, kind="ms")])

    for sample in source.read(source.plan().rows):
        (offset,) = sample.stacks["s2"].origin.offsets
        assert offset["offset"] == [0.0]
        assert offset["claims"] == ["convention says 0 (EuroSAT: L1C, offset-free)"]
        assert offset["verdict"].startswith("unshifted (1 % quantile of B10 is ")


def test_a_patch_with_the_offset_in_its_pixels_is_quarantined(tmp_path):
    """The pixel check vetoes the convention: B10 of clear ground cannot be 1010 without +1000."""
    path = a_eurosat_folder(tmp_path / "ms", n=2, kind="ms")
    shifted = a_eurosat_patch("Forest", 1) + np.uint16(1000)
    a_geotiff(path / "ds/images/tif/Forest/Forest_1.tif", shifted)

    failure = the_failure(EUROSAT_MS.open([path]))

    assert (failure.id, failure.reason) == ("Forest_1", "refused")
    assert (
        "the pixels contradict the metadata: convention says 0 (EuroSAT: L1C, offset-free), the pixel check says "
        in (failure.message)
    )


def test_a_permuted_set_is_refused_with_both_orders(tmp_path):
    """science 1.11: B8A last is EuroSAT's own order; files in the sensor's order fit another, which is named."""
    path = tmp_path / "ms"
    sensor = [*EUROSAT_ORDER[:8], "B8A", *EUROSAT_ORDER[8:12]]
    index = [EUROSAT_ORDER.index(band) for band in sensor]
    for label in CLASSES:
        for n in range(1, 6):
            a_geotiff(path / label / f"{label}_{n}.tif", a_eurosat_patch(label, n)[index])

    with pytest.raises(Mismatch) as raised:
        EUROSAT_MS.open([path])

    assert f"ms: band order differs: want {' '.join(EUROSAT_ORDER)}, have " in str(raised.value)
    assert f"({' '.join(sensor)})" in str(raised.value)


def test_the_plan_says_what_physics_said_of_the_order(tmp_path):
    source = EUROSAT_MS.open([a_eurosat_zip(tmp_path / "a.zip", n=5, kind="ms")])

    assert source.plan().asked["band_order"] == f"{' '.join(EUROSAT_ORDER)}: proved by physics on 50 patches"


def test_a_file_that_names_its_bands_otherwise_is_quarantined(tmp_path):
    path = a_eurosat_folder(tmp_path / "ms", n=1, kind="ms")
    names = [*EUROSAT_ORDER[:8], "B8A", *EUROSAT_ORDER[8:12]]
    a_geotiff(path / "ds/images/tif/Forest/Forest_1.tif", a_eurosat_patch("Forest", 1), descriptions=names)

    failure = the_failure(EUROSAT_MS.open([path]))

    assert f"band order differs: want {' '.join(EUROSAT_ORDER)} (declared), have {' '.join(names)} (written in" in (
        failure.message
    )


@pytest.mark.parametrize(
    ("numbers", "have"),
    [
        (np.ones((13, 32, 64), np.uint16), "13 bands of uint16, 32 x 64 pixels"),
        (np.ones((3, 64, 64), np.uint16), "3 bands of uint16, 64 x 64 pixels"),
    ],
)
def test_a_patch_of_another_shape_is_quarantined(tmp_path, numbers, have):
    path = a_eurosat_folder(tmp_path / "ms", n=1, kind="ms")
    a_geotiff(path / "ds/images/tif/Forest/Forest_1.tif", numbers)

    failure = the_failure(EUROSAT_MS.open([path]))

    assert failure == Failure(
        "Forest_1",
        "mismatch",
        "ms/ds/images/tif/Forest/Forest_1.tif: patch differs: want 13 bands of uint16, 64 x 64 pixels (EuroSAT), "
        f"have {have}.",
    )


def test_a_patch_without_a_place_has_no_geobox(tmp_path):
    path = a_eurosat_folder(tmp_path / "ms", n=1, kind="ms")
    a_geotiff(path / "ds/images/tif/Forest/Forest_1.tif", a_eurosat_patch("Forest", 1), crs=None)
    source = EUROSAT_MS.open([path])

    held = {made.id: made for made in source.read(source.plan().rows)}

    assert held["Forest_1"].stacks["s2"].geobox is None
    assert held["Forest_1"].footprint is None
    assert held["River_1"].footprint is not None


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_tiff_is_quarantined(tmp_path, share):
    path = a_eurosat_folder(tmp_path / "ms", n=1, kind="ms")
    file = path / "ds/images/tif/Forest/Forest_1.tif"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    failure = the_failure(EUROSAT_MS.open([path]))

    assert (failure.id, failure.reason) == ("Forest_1", "unreadable")
    assert failure.message.startswith("ms/ds/images/tif/Forest/Forest_1.tif: is cut short: ")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_jpeg_is_quarantined(tmp_path, share):
    path = a_eurosat_folder(tmp_path / "rgb", n=1)
    file = path / "2750/Forest/Forest_1.jpg"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    failure = the_failure(EUROSAT_RGB.open([path]))

    assert (failure.id, failure.reason) == ("Forest_1", "unreadable")
    assert failure.message.startswith("rgb/2750/Forest/Forest_1.jpg: is no ")


@pytest.mark.parametrize(
    ("blob", "sentence"),
    [
        (a_jpeg((65, 64)), "size differs: want 64 x 64 pixels (EuroSAT), have 64 x 65."),
        (a_jpeg((16384, 16384)), "size differs: want 64 x 64 pixels (EuroSAT), have 16384 x 16384."),
        (a_jpeg(mode="L"), "picture differs: want three colours (EuroSAT), have one grey band."),
    ],
)
def test_a_picture_of_another_kind_is_quarantined_by_its_header(tmp_path, blob, sentence):
    path = a_eurosat_folder(tmp_path / "rgb", n=1)
    put(path, "2750/Forest/Forest_1.jpg", blob if len(blob) < 2**20 else blob[: 2**20 - 1])

    failure = the_failure(EUROSAT_RGB.open([path]))

    assert failure == Failure("Forest_1", "mismatch", f"rgb/2750/Forest/Forest_1.jpg: {sentence}")


def test_an_empty_class_folder_is_refused(tmp_path):
    path = a_eurosat_folder(tmp_path / "rgb", n=1, classes=["Forest", "River"])
    (path / "2750/Highway").mkdir()

    with pytest.raises(Refused) as raised:
        EUROSAT_RGB.open([path]).plan()

    assert str(raised.value) == (
        "rgb: class folder 2750/Highway is empty. "
        "Fetch its files, or remove the folder and have a set without this class."
    )


def test_an_unknown_class_folder_is_refused_with_the_nearest(tmp_path):
    path = a_eurosat_folder(tmp_path / "rgb", n=1, classes=["River"])
    put(path, "2750/Forrest/Forrest_1.jpg", a_jpeg())

    with pytest.raises(Unknown) as raised:
        EUROSAT_RGB.open([path]).plan()

    assert "rgb/2750/Forrest/Forrest_1.jpg: unknown class folder 'Forrest'. Did you mean 'Forest'?" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("River_7", "class differs: want Forest (its folder), have River (its name). Move it."),
        ("cover", "file name differs: want Forest_<number>, have cover.jpg. Move it elsewhere."),
    ],
)
def test_a_file_in_the_wrong_folder_is_refused(tmp_path, name, sentence):
    path = put(tmp_path / "rgb", f"2750/Forest/{name}.jpg", a_jpeg())

    with pytest.raises(Mismatch) as raised:
        EUROSAT_RGB.open([path]).plan()

    assert str(raised.value) == f"rgb/2750/Forest/{name}.jpg: {sentence}"


def test_a_set_without_a_patch_is_refused(tmp_path):
    path = put(tmp_path / "x", "docs/readme.md", b"x")

    with pytest.raises(Refused, match=r"x: holds no EuroSAT patch \(Class/Class_n\.jpg\)\. Look at the path\."):
        EUROSAT_RGB.open([path]).plan()
    with pytest.raises(Refused, match="holds no EuroSAT patch"):
        EUROSAT_MS.open([path])
    with pytest.raises(Refused, match="format eurosat-rgb: no path was given"):
        EUROSAT_RGB.open([])


def test_the_same_patch_in_two_archives_is_refused(tmp_path):
    paths = [a_eurosat_zip(tmp_path / f"{i}.zip", n=1, classes=["Forest"]) for i in range(2)]

    with pytest.raises(Refused, match="identifier 'Forest_1' occurs twice"):
        EUROSAT_RGB.open(paths).plan()


def test_several_archives_are_one_set(tmp_path):
    paths = [a_eurosat_zip(tmp_path / f"{c}.zip", n=2, classes=[c]) for c in ("River", "Forest")]
    source = EUROSAT_RGB.open(paths)

    made = list(source.read(source.plan().rows))

    assert [sample.id for sample in made] == ["Forest_1", "Forest_2", "River_1", "River_2"]
    assert [sample.targets["class"].code for sample in made] == [1, 1, 8, 8]


def test_a_class_folder_alone_is_a_set(tmp_path):
    path = a_eurosat_folder(tmp_path / "rgb", n=2, classes=["Forest"]) / "2750/Forest"

    assert EUROSAT_RGB.sniff(path)
    assert EUROSAT_RGB.open([path]).plan().rows["code"].to_pylist() == [1, 1]


def test_missing_positions_are_refused_with_their_count(tmp_path):
    path = a_eurosat_zip(tmp_path / "a.zip", n=2)
    table = a_positions_table(tmp_path / "p.csv", n=2, leave_out=["Forest_2", "River_1"])

    with pytest.raises(Refused) as raised:
        EUROSAT_RGB.open([path], positions=table).plan()

    assert str(raised.value) == (
        "p.csv: has no position for 2 of 20 patches, the first is 2750/Forest/Forest_2.jpg. "
        "Add them, or declare missing_positions=allow: those samples then have no place."
    )


def test_missing_positions_that_are_allowed_are_counted(tmp_path):
    path = a_eurosat_zip(tmp_path / "a.zip", n=2)
    table = a_positions_table(tmp_path / "p.csv", n=2, leave_out=["Forest_2", "River_1"])
    source = EUROSAT_RGB.open([path], positions=str(table), missing_positions="allow")
    plan = source.plan()

    unplaced = [sample.id for sample in source.read(plan.rows) if sample.footprint is None]

    assert plan.asked["without_place"] == 2
    assert unplaced == ["Forest_2", "River_1"]
    assert plan.rows["lon"].null_count == 2


def test_a_table_that_calls_a_patch_otherwise_is_refused(tmp_path):
    path = a_eurosat_zip(tmp_path / "a.zip", n=1, classes=["Forest"])
    (tmp_path / "p.csv").write_text("path,class,lat,lon\n2750/Forest/Forest_1.jpg,River,46,11\n")

    with pytest.raises(Mismatch) as raised:
        EUROSAT_RGB.open([path], positions=tmp_path / "p.csv").plan()

    assert str(raised.value) == (
        "2750/Forest/Forest_1.jpg: class differs: want Forest (its folder), have River (p.csv). Mend the table."
    )


def test_options_are_known_by_name():
    with pytest.raises(Unknown, match="format eurosat-rgb: unknown option 'position'. Did you mean 'positions'"):
        EUROSAT_RGB.open(["x.zip"], position="p.csv")
    with pytest.raises(Unknown, match="format eurosat-ms: unknown option 'positions'. Known: none"):
        EUROSAT_MS.open(["x.zip"], positions="p.csv")
    with pytest.raises(Unknown, match="unknown missing_positions 'alow'. Did you mean 'allow'"):
        EUROSAT_RGB.open(["x.zip"], missing_positions="alow")


def test_a_set_is_not_chosen_by_place(tmp_path):
    path = a_eurosat_zip(tmp_path / "a.zip", n=1)

    with pytest.raises(Refused, match="files are read as they are, not by place, date or spec"):
        EUROSAT_RGB.open([path]).plan(places=[(11, 46)])
    with pytest.raises(Refused, match="format eurosat-ms: files are read as they are"):
        replace(EUROSAT_MS.open([a_eurosat_zip(tmp_path / "m.zip", n=1, kind="ms")])).plan(dates=["2020-01-01"])


def test_plans_do_not_depend_on_where_the_archive_lies(tmp_path):
    one = a_eurosat_zip(tmp_path / "a.zip", n=1)
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "a.zip"
    other.write_bytes(one.read_bytes())

    assert EUROSAT_RGB.open([one]).plan().hash == EUROSAT_RGB.open([other]).plan().hash


def test_another_archive_of_the_same_names_is_another_plan(tmp_path):
    one = EUROSAT_RGB.open([a_eurosat_zip(tmp_path / "a.zip", n=1)]).plan().hash
    other = EUROSAT_RGB.open([a_eurosat_zip(tmp_path / "a.zip", n=1, seed=1)]).plan().hash

    assert one != other


def test_zip_and_folder_give_the_same_pixels(tmp_path):
    packed = EUROSAT_RGB.open([a_eurosat_zip(tmp_path / "a.zip", n=1)])
    loose = EUROSAT_RGB.open([a_eurosat_folder(tmp_path / "a", n=1)])

    for one, other in zip(packed.read(packed.plan().rows), loose.read(loose.plan().rows), strict=True):
        np.testing.assert_array_equal(one.stacks["rgb"].data, other.stacks["rgb"].data)


def test_a_plan_of_27000_members_takes_less_than_two_seconds(tmp_path):
    """The directory alone is read: members of a few bytes plan as real ones do."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        for label in CLASSES:
            for n in range(1, 2701):
                made.writestr(zipfile.ZipInfo(f"2750/{label}/{label}_{n}.jpg"), b"x")
    table = a_positions_table(tmp_path / "p.csv", n=2700)
    source = EUROSAT_RGB.open([tmp_path / "a.zip"], positions=table)
    source.plan()

    began = time.process_time()
    plan = source.plan()

    assert len(plan) == 27_000
    assert time.process_time() - began < 2.0


def test_sources_pickle_small(tmp_path):
    """A build sends the source to every worker with every batch."""
    source = EUROSAT_RGB.open([a_eurosat_zip(tmp_path / "a.zip", n=3)])

    assert len(pickle.dumps(source)) < 500


def test_reading_goes_on_behind_a_damaged_member(tmp_path):
    path = a_eurosat_zip(tmp_path / "a.zip", n=2, classes=["Forest", "River"])
    source = EUROSAT_RGB.open([path])
    plan = source.plan()
    blob = bytearray(path.read_bytes())
    at = plan.rows["offset"][1].as_py() + 200
    blob[at : at + 8] = bytes(8)
    path.write_bytes(blob)

    made = list(source.read(plan.rows))

    assert [isinstance(each, Sample) for each in made] == [True, False, True, True]
    assert made[1].message.startswith("a.zip/2750/Forest/Forest_2.jpg: ")


def test_an_archive_that_is_gone_fails_every_row(tmp_path):
    path = a_eurosat_zip(tmp_path / "a.zip", n=1)
    source = EUROSAT_RGB.open([path])
    plan = source.plan()
    path.unlink()

    failures = list(source.read(plan.rows))

    assert {failure.reason for failure in failures} == {"unreadable"}
    assert "cannot be opened (No such file or directory)" in failures[0].message


def test_sniffing_tells_the_two_apart(tmp_path):
    rgb, ms = a_eurosat_zip(tmp_path / "r.zip", n=1), a_eurosat_zip(tmp_path / "m.zip", n=1, kind="ms")

    assert [EUROSAT_RGB.sniff(rgb), EUROSAT_RGB.sniff(ms)] == [True, False]
    assert [EUROSAT_MS.sniff(rgb), EUROSAT_MS.sniff(ms)] == [False, True]


def test_a_folder_of_files_that_cannot_be_read_opens_and_fails_row_by_row(tmp_path):
    path = put(tmp_path / "ms", "Forest/Forest_1.tif", b"II*\0 and nothing else")
    source = EUROSAT_MS.open([path])

    (failure,) = source.read(source.plan().rows)

    assert source.proof == "untested: none of the patches that were tried can be read"
    assert isinstance(failure, Failure)


def test_a_zip_that_is_none_is_told(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\3\4 but no more")

    with pytest.raises(Unreadable, match="is no whole zip file"):
        EUROSAT_RGB.open([tmp_path / "a.zip"]).plan()


def test_rasterio_reads_the_same_members(tmp_path):
    """rasterio through GDAL's own zip reader is the other library."""
    path = a_eurosat_zip(tmp_path / "a.zip", n=2, kind="ms")
    source = EUROSAT_MS.open([path])

    for sample in source.read(source.plan().rows):
        stack = sample.stacks["s2"]
        with rasterio.open(f"zip://{path}!{stack.origin.items[0]}") as theirs:
            np.testing.assert_array_equal(stack.data[0], theirs.read())
            assert stack.geobox.transform == theirs.transform
            assert stack.geobox.crs.epsg == theirs.crs.to_epsg()
