"""GeoTIFF sources: files as samples, windows as samples, and every file that does not belong told by name."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import rasterio
from affine import Affine

from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown, Unreadable
from swath.core.quantity import class_of, dn
from swath.core.sample import Sample
from swath.formats.geotiff import GEOTIFF
from swath.testing.build import EUROSAT_ORDER, a_eurosat_folder, a_eurosat_patch, a_geotiff
from swath.testing.format import check_format
from tests.formats.attacking import claim

RGB = {"bands": "B04,B03,B02", "kind": "dn", "level": "L2A"}


def numbers(seed: int = 0, *, bands: int = 3, size: tuple[int, int] = (48, 48)) -> np.ndarray:
    return (100 + np.random.default_rng(seed).integers(0, 3000, (bands, *size))).astype(np.uint16)


def a_folder(path, n: int = 4, **more):
    for i in range(n):
        a_geotiff(path / f"f{i}.tif", numbers(i), **more)
    return path


def failures_of(source) -> dict[str, Failure]:
    plan = source.plan()
    return {made.id: made for made in [*plan.failures, *source.read(plan.rows)] if isinstance(made, Failure)}


def refusal(path, **options) -> str:
    with pytest.raises(SwathError) as raised:
        GEOTIFF.open([path], **options)
    return str(raised.value)


def test_a_folder_of_files_keeps_the_contract(tmp_path):
    for label in ("crop", "forest"):
        a_folder(tmp_path / "f" / label)

    plan = check_format(GEOTIFF, tmp_path / "f", labels="folder", convention=0, date="2022-06-12", **RGB)

    assert plan.rows["id"].to_pylist()[:5] == ["crop/f0", "crop/f1", "crop/f2", "crop/f3", "forest/f0"]
    assert plan.rows["code"].to_pylist() == [0] * 4 + [1] * 4
    assert plan.layout.legends["folders"].names == ("crop", "forest")
    assert plan.layout.stacks["s2"].quantity == dn("boa", offset=0)


def test_windows_of_a_scene_keep_the_contract(tmp_path):
    measured = numbers(size=(100, 130))
    classes = np.full((1, 100, 130), 4, np.uint16)
    measured[:, :40, :40] = classes[:, :40, :40] = 0
    path = a_geotiff(tmp_path / "s.tif", np.concatenate([measured, classes]), nodata=0, tiled=True)

    plan = check_format(
        GEOTIFF, path, bands="B04,B03,B02,SCL", kind="dn", level="L2A", size=32, offset=0, class_role="target"
    )

    assert len(plan) == 3 * 4
    assert plan.rows["id"][0].as_py() == "s_r00000_c00000"
    assert set(plan.rows["group"].to_pylist()) == {""}
    assert plan.layout.stacks["scl"].quantity == class_of("scl")


def test_files_are_what_rasterio_reads(tmp_path):
    source = GEOTIFF.open([a_folder(tmp_path / "f")], keep="B02,B04", **RGB)

    for i, sample in enumerate(source.read(source.plan().rows)):
        stack = sample.stacks["s2"]
        assert stack.bands == ("B02", "B04")
        np.testing.assert_array_equal(stack.data[0], numbers(i)[[2, 0]])


def test_sizes_are_fixed_by_the_most_and_the_others_named(tmp_path):
    path = a_folder(tmp_path / "f", 3)
    a_geotiff(path / "odd.tif", numbers(size=(32, 48)))
    source = GEOTIFF.open([path], **RGB)

    assert source.plan().layout.stacks["s2"].size == (48, 48)
    assert failures_of(source) == {
        "odd": Failure(
            "odd",
            "mismatch",
            "odd: size differs: want 48 x 48 pixels (3 of 4 files), have 32 x 48. "
            "Declare size= for another one; nothing is resized in silence.",
        )
    }


def test_a_declared_size_leaves_out_the_most_if_need_be(tmp_path):
    path = a_folder(tmp_path / "f", 3)
    a_geotiff(path / "odd.tif", numbers(size=(32, 48)))
    source = GEOTIFF.open([path], size="32,48", **RGB)

    assert source.plan().rows["id"].to_pylist() == ["odd"]
    assert "want 32 x 48 pixels (declared), have 48 x 48" in failures_of(source)["f0"].message


def test_files_that_are_not_like_the_first_are_named(tmp_path):
    path = a_folder(tmp_path / "f", 2)
    a_geotiff(path / "names.tif", numbers(), descriptions=["B02", "B03", "B04"])
    a_geotiff(path / "bands.tif", numbers(bands=4))
    a_geotiff(path / "real.tif", numbers(), dtype="float32")
    a_geotiff(path / "scale.tif", numbers(), scales=[1e-4] * 3, offsets=[-0.1] * 3)
    a_geotiff(path / "coarse.tif", numbers(), transform=rescaled(20))
    (path / "text.tif").write_text("hello")
    # `bands.tif` is the first by name: it would decide, so it is put behind.
    (path / "bands.tif").rename(path / "g_bands.tif")
    (path / "coarse.tif").rename(path / "g_coarse.tif")
    source = GEOTIFF.open([path], gsd=10, **RGB)

    said = {id: failure.message for id, failure in failures_of(source).items()}

    assert sorted(said) == ["g_bands", "g_coarse", "names", "real", "scale", "text"]
    assert said["names"].startswith("names: band order differs: want B04 B03 B02 (declared), have B02 B03 B04 (written")
    assert said["g_bands"].startswith("g_bands: number of bands differs: want 3 (B04 B03 B02, declared), have 4 in the")
    assert said["g_coarse"].startswith("g_coarse: gsd differs: want 10 m (declared), have 20 x 20 m by its grid.")
    assert said["real"] == (
        "real: dtype differs: want uint16 (the other files), have float32. Open it apart from the others."
    )
    assert said["scale"].startswith(
        "scale: quantity differs: want dn offset unknown (boa reflectance, /10000) (the oth"
    )
    assert said["text"].startswith("text: cannot be read as a raster (")


def rescaled(gsd: float):
    return Affine(gsd, 0, 680040, 0, -gsd, 5152200)


def test_a_truncated_tiff_is_quarantined(tmp_path):
    path = a_folder(tmp_path / "f", 2, compress="deflate")
    blob = (path / "f1.tif").read_bytes()
    (path / "f1.tif").write_bytes(blob[: len(blob) // 2])

    (failure,) = failures_of(GEOTIFF.open([path], **RGB)).values()

    assert (failure.id, failure.reason) == ("f1", "unreadable")


def test_nan_pixels_are_masked_and_all_nan_is_left_out(tmp_path):
    some, none = numbers().astype(np.float32), np.full((3, 48, 48), np.nan, np.float32)
    some[:, 0, :12] = np.nan
    a_geotiff(tmp_path / "f/some.tif", some / 10000, dtype="float32")
    a_geotiff(tmp_path / "f/none.tif", none, dtype="float32")
    source = GEOTIFF.open([tmp_path / "f"], bands="B04,B03,B02", kind="boa")
    plan = source.plan()

    none_, some_ = source.read(plan.rows)

    assert plan.layout.stacks["image"].has_valid
    assert none_ == Failure("none", "invalid", "none: share of valid pixels differs: want some, have 0.0%.")
    assert (~some_.stacks["image"].valid).sum() == 12


@pytest.mark.parametrize("nodata", [None, 0])
def test_a_file_of_nodata_is_left_out(tmp_path, nodata):
    """DN 0 is no measurement in Sentinel-2 whether or not the file says so."""
    path = a_folder(tmp_path / "f", 1)
    a_geotiff(path / "zero.tif", 0, size=(48, 48), nodata=nodata)

    (failure,) = failures_of(GEOTIFF.open([path], **RGB)).values()

    assert (failure.id, failure.reason) == ("zero", "invalid")


def test_windows_below_the_declared_share_are_left_out_and_counted(tmp_path):
    measured = numbers(size=(64, 64))
    measured[:, :, :24] = 0  # the left windows are three quarters empty
    path = a_geotiff(tmp_path / "s.tif", measured, nodata=0)
    source = GEOTIFF.open([path], size=32, min_valid=0.5, **RGB)

    assert {id: failure.message for id, failure in failures_of(source).items()} == {
        id: f"{id}: share of valid pixels differs: want 50% or more, have 25.0%."
        for id in ("s_r00000_c00000", "s_r00032_c00000")
    }


def test_windows_are_laid_by_stride(tmp_path):
    """Naive: every start from which a whole window fits."""
    path = a_geotiff(tmp_path / "s.tif", numbers(size=(50, 70)))
    source = GEOTIFF.open([path], size="20,30", stride="10,25", **RGB)

    starts = list(zip(*(source.plan().rows[name].to_pylist() for name in ("row", "col")), strict=True))

    assert starts == [(r, c) for r in range(0, 31, 10) for c in range(0, 41, 25)]
    for sample, (row, col) in zip(source.read(source.plan().rows), starts, strict=True):
        part = numbers(size=(50, 70))[:, row : row + 20, col : col + 30]
        np.testing.assert_array_equal(sample.stacks["s2"].data[0], part)


def test_a_file_without_a_size_is_one_sample(tmp_path):
    source = GEOTIFF.open([a_geotiff(tmp_path / "s.tif", numbers(size=(50, 70)))], **RGB)

    (sample,) = source.read(source.plan().rows)

    assert (sample.id, sample.stacks["s2"].shape) == ("s", (1, 3, 50, 70))


def test_several_scenes_are_cut_into_one_set(tmp_path):
    path = a_folder(tmp_path / "f", 3)
    plan = GEOTIFF.open([path], size=24, stride=24, **RGB).plan()

    assert len(plan) == 3 * 4
    assert sorted(set(plan.rows["path"].to_pylist())) == ["f0", "f1", "f2"]


def test_scenes_of_two_kinds_are_not_cut_together(tmp_path):
    path = a_folder(tmp_path / "f", 1)
    a_geotiff(path / "g.tif", numbers(), dtype="float32")

    assert refusal(path, size=24, stride=24, **RGB) == (
        "g.tif: scene differs: want dn offset unknown (boa reflectance, /10000) of B04 B03 B02 as uint16 (the first "
        "file), have dn offset unknown (boa reflectance, /10000) of B04 B03 B02 as float32. "
        "Open it apart from the others."
    )


def test_a_scene_smaller_than_its_windows_is_refused(tmp_path):
    path = a_geotiff(tmp_path / "s.tif", numbers())

    assert refusal(path, size=64, **RGB).startswith(
        "s.tif: size differs: want 64 x 64 pixels (at least, declared), have 48 x 48."
    )
    assert refusal(path, stride=64, **RGB) == ("format geotiff: stride says how far, not how large. Declare size= too.")


def test_a_class_band_becomes_a_stack_or_a_target(tmp_path):
    classes = np.full((1, 48, 48), 5, np.uint16)
    a_geotiff(tmp_path / "f/a.tif", np.concatenate([numbers(), classes]))
    options = {"bands": "B04,B03,B02,SCL", "kind": "dn", "level": "L2A"}

    (as_stack,) = read_all(tmp_path / "f", **options)
    (as_target,) = read_all(tmp_path / "f", class_role="target", **options)

    assert sorted(as_stack.stacks) == ["s2", "scl"]
    assert sorted(as_target.stacks) == ["s2"]
    np.testing.assert_array_equal(as_target.targets["scl"].stack.data[0], classes)
    assert as_stack.stacks["scl"].quantity == class_of("scl")
    assert as_stack.stacks["scl"].origin.offsets == ()


def read_all(path, **options) -> list[Sample]:
    source = GEOTIFF.open([path], **options)
    made = list(source.read(source.plan().rows))
    assert all(isinstance(each, Sample) for each in made), made
    return made


def test_only_targets_make_no_sample(tmp_path):
    a_geotiff(tmp_path / "f/a.tif", 10, bands=1, dtype="uint8")
    options = {"bands": "LC", "class_band": "LC", "class_legend": "worldcover"}

    assert [sorted(made.stacks) for made in read_all(tmp_path / "f", **options)] == [["lc"]]
    assert refusal(tmp_path / "f", class_role="target", **options) == (
        "format geotiff: leaves no stack in a sample, only targets. Keep a measured band too."
    )


def test_folder_names_are_codes_of_a_declared_legend(tmp_path):
    for label in ("Forest", "River"):
        a_folder(tmp_path / "f" / label, 1)

    made = read_all(tmp_path / "f", legend="eurosat", **RGB)

    assert [sample.targets["class"].code for sample in made] == [1, 8]


def test_a_folder_name_that_the_legend_lacks_is_refused_with_the_nearest(tmp_path):
    a_folder(tmp_path / "f" / "Forrest", 1)

    with pytest.raises(Unknown, match="unknown class of legend eurosat 'Forrest'. Did you mean 'Forest'"):
        GEOTIFF.open([tmp_path / "f"], legend="eurosat", **RGB)


def test_without_labels_declared_folders_mean_nothing(tmp_path):
    a_folder(tmp_path / "f" / "Forest", 1)

    assert read_all(tmp_path / "f", **RGB)[0].targets == {}


def test_the_offset_is_checked_on_every_file(tmp_path):
    """The set documents 0; one file of it carries +1000 and is quarantined with both readings."""
    path = a_folder(tmp_path / "f", 2)
    a_geotiff(path / "new.tif", numbers(9) + np.uint16(1000))

    (failure,) = failures_of(GEOTIFF.open([path], convention=0, **RGB)).values()

    assert (failure.id, failure.reason) == ("new", "refused")
    assert "convention says 0 (declared convention of the data set), the pixel check says shifted (0.1 % " in (
        failure.message
    )


def test_an_order_of_thirteen_bands_that_physics_breaks_is_refused(tmp_path):
    path = a_eurosat_folder(tmp_path / "ms", n=3, kind="ms")
    options = {"kind": "dn", "level": "L1C", "convention": 0}

    assert len(GEOTIFF.open([path], bands=EUROSAT_ORDER, **options).plan()) == 30
    with pytest.raises(Mismatch, match="ms: band order differs: want B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11"):
        GEOTIFF.open([path], bands=[*EUROSAT_ORDER[:8], "B8A", *EUROSAT_ORDER[8:12]], **options)


def test_an_order_is_not_judged_without_an_offset(tmp_path):
    """What physics compares are reflectances; without an offset they are not known."""
    path = a_eurosat_folder(tmp_path / "ms", n=2, kind="ms")
    wrong = [*EUROSAT_ORDER[:8], "B8A", *EUROSAT_ORDER[8:12]]

    assert len(GEOTIFF.open([path], bands=wrong, kind="dn", level="L1C").plan()) == 20


def test_a_damaged_file_does_not_stop_the_proof(tmp_path):
    path = a_eurosat_folder(tmp_path / "ms", n=2, kind="ms")
    (path / "ds/images/tif/Forest/Forest_1.tif").write_bytes(b"II*\0")
    source = GEOTIFF.open([path], bands=EUROSAT_ORDER, kind="dn", level="L1C", convention=0)

    assert len(source.plan()) == 19


def test_what_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tif").write_text("hello")

    with pytest.raises(Refused, match=r"empty: holds no raster \(\.tif, \.tiff, \.vrt\)\. Look at the path"):
        GEOTIFF.open([tmp_path / "empty"], **RGB)
    with pytest.raises(Unreadable, match=r"nothing: is not there"):
        GEOTIFF.open([tmp_path / "nothing"], **RGB)
    with pytest.raises(Unreadable, match="text: cannot be read as a raster"):
        GEOTIFF.open([tmp_path / "text.tif"], **RGB)
    with pytest.raises(Refused, match="format geotiff: no path was given"):
        GEOTIFF.open([], **RGB)


def test_files_are_not_chosen_by_place(tmp_path):
    source = GEOTIFF.open([a_folder(tmp_path / "f", 1)], **RGB)

    with pytest.raises(Refused, match="format geotiff: files are read as they are, not by place, date or spec"):
        source.plan(places=[(11, 46)])


def test_a_file_that_changed_since_the_plan_is_told(tmp_path):
    path = a_folder(tmp_path / "f", 2)
    source = GEOTIFF.open([path], **RGB)
    plan = source.plan()
    a_geotiff(path / "f0.tif", numbers(size=(20, 20)))

    failure, _ = source.read(plan.rows)

    assert failure.message.startswith("f0: size differs: want 48 x 48 pixels (when it was planned), have 20 x 20.")


def test_two_scenes_of_one_name_are_not_mixed(tmp_path):
    paths = [a_folder(tmp_path / name, 1) for name in ("a", "b")]

    with pytest.raises(Refused, match="identifier 'f0' occurs twice"):
        GEOTIFF.open(paths, **RGB).plan()
    with pytest.raises(Refused, match=r"f0\.tif: two files have this path\. Open them apart"):
        GEOTIFF.open(paths, size=24, stride=24, **RGB)


def test_sources_pickle_small(tmp_path):
    """A build sends the source to every worker with every batch; files stand in the rows."""
    source = GEOTIFF.open([a_folder(tmp_path / "f", 40)], **RGB)

    assert len(pickle.dumps(source)) < 3000


def test_a_patch_of_a_class_map_that_is_none_is_quarantined(tmp_path):
    strange = np.full((1, 48, 48), 99, np.uint16)
    a_geotiff(tmp_path / "f/a.tif", np.concatenate([numbers(), strange]))

    (failure,) = failures_of(GEOTIFF.open([tmp_path / "f"], bands="B04,B03,B02,SCL", kind="dn", level="L2A")).values()

    assert failure.message.startswith("a: class code differs: want one of legend scl (0, 1, 2, ")
    assert failure.message.endswith("have 99. Name the legend that the band has, or the right band.")


def test_licences_name_sentinel_and_the_legends(tmp_path):
    a_geotiff(tmp_path / "f/a.tif", np.concatenate([numbers(), np.full((1, 48, 48), 10, np.uint16)]))
    source = GEOTIFF.open(
        [tmp_path / "f"], bands="B04,B03,B02,LC", class_band="LC", class_legend="worldcover", kind="dn", level="L2A"
    )

    sentences = source.plan().layout.licences

    assert any("Contains modified Copernicus Sentinel data." in sentence for sentence in sentences)
    assert any("ESA WorldCover" in sentence for sentence in sentences)


def test_files_name_those_whom_they_carry_and_sentinel_once(tmp_path):
    """A planet's scene is no Sentinel data but names whose spectra it has; EuroSAT's own line leaves Copernicus out."""
    planet, eurosat = "Artificial imagery, which contains modified Copernicus Sentinel data", "EuroSAT, MIT licence."
    sentinel = "Contains modified Copernicus Sentinel data."
    for name, said in (("a", planet), ("b", eurosat)):
        with rasterio.open(a_geotiff(tmp_path / name / "a.tif", numbers()), "r+") as file:
            file.update_tags(SWATH_ATTRIBUTION=said)

    for more in ({}, {"size": 16, "stride": 16}):
        said = [GEOTIFF.open([tmp_path / name], **RGB, **more).plan().layout.licences for name in "ab"]
        assert said == [(planet,), (sentinel, eurosat)]


def test_eurosat_reads_alike_through_both_doors(tmp_path):
    path = a_eurosat_folder(tmp_path / "ms", n=1, kind="ms", classes=["Forest"])
    (sample,) = read_all(path, bands=EUROSAT_ORDER, kind="dn", level="L1C", convention=0)

    np.testing.assert_array_equal(sample.stacks["s2"].data[0], a_eurosat_patch("Forest", 1))


def test_a_file_that_claims_to_be_a_sample_of_many_gigabytes_is_refused(tmp_path):
    """A header is four numbers; room for 29 GB must not be made because it says so."""
    path = a_geotiff(tmp_path / "a.tif", descriptions=("B04", "B03", "B02"))
    path.write_bytes(claim(path.name, path.read_bytes()))

    plan = GEOTIFF.open([tmp_path], kind="dn", level="L1C", offset=0).plan()

    assert len(plan) == 0
    assert "a: would be one sample of 29,400,000,000 bytes, above 2,147,483,648" in plan.failures[0].message
