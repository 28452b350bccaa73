"""Cut: a corpus with its split and its list, the same bytes however it is built, and figures that add up."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import yaml

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import legend
from swath.corpus import open_corpus
from swath.corpus.build import build
from swath.corpus.splitfile import load_split, split_names
from swath.corpus.verify import verify
from swath.recipes.build import repair_corpus
from swath.recipes.chain import plan_chain, run_chain
from swath.recipes.cut import SplitWish, block_side, cut_corpus, left_path, survey_cut
from swath.recipes.open import Opening, describe, opening_of
from swath.recipes.recipe import read_recipe
from swath.testing.build import a_geotiff
from tests.sources.a_place import DECLARED, a_scene, quarters, some_labels

#: Small enough to split the small scene in blocks.
SMALL = SplitWish(block="320m", buffer="100m")


def an_opening(folder: Path, drawn=None, *, suffix: str = "gpkg", scene: dict | None = None, **options) -> Opening:
    labels = some_labels(folder / f"f.{suffix}", quarters() if drawn is None else drawn)
    path = a_scene(folder / "s.tif", **(scene or {}))
    return Opening("cut", (str(path), str(labels)), {"column": "crop", "size": 16, **DECLARED, **options})


def listed(path: Path) -> list[dict[str, str]]:
    with left_path(path).open() as file:
        return list(csv.DictReader(file))


def files_of(path: Path) -> dict[str, bytes]:
    return {str(each.relative_to(path)): each.read_bytes() for each in sorted(path.rglob("*")) if each.is_file()}


def test_a_cut_ends_with_a_corpus_and_a_list(tmp_path):
    done = cut_corpus(an_opening(tmp_path, size=32), tmp_path / "c", split=SplitWish("none"))

    corpus = open_corpus(tmp_path / "c")
    assert (len(corpus), split_names(corpus), verify(tmp_path / "c").holds) == (8, [], True)
    assert done.summary().splitlines() == [
        "labels   f.gpkg: 4 polygons of 3 classes (column crop)",
        "windows  8 cut of 12, 4 straddling classes",
        "classes  maize 4, vines 2, wheat 2",
        f"listed   {tmp_path / 'c.left.csv'}",
        f"{tmp_path / 'c'}: done 8, skipped 0, 0 quarantined, of 8 planned",
    ]
    assert [(row["kind"], row["id"], row["reason"]) for row in listed(tmp_path / "c")] == [
        ("window", f"s_r00032_c000{col:02d}", "straddling classes") for col in (0, 32, 64, 96)
    ]
    assert not done.has_holes


def test_blocks_are_frozen_by_default_and_their_buffer_is_stated(tmp_path):
    done = cut_corpus(an_opening(tmp_path), tmp_path / "c", split=SMALL)

    split = load_split(open_corpus(tmp_path / "c"), "blocks")
    assert (split.recipe["method"], split.recipe["block"], split.recipe["buffer"]) == ("place", "320m", 100.0)
    assert done.split[-1].strip() == (
        "Blocks of 320m; train and val nearer than 100 m to a sample of a higher part are dropped."
    )


def test_the_same_command_again_does_nothing_and_keeps_the_split(tmp_path):
    opening = an_opening(tmp_path)
    cut_corpus(opening, tmp_path / "c", split=SMALL)
    before = files_of(tmp_path / "c")

    again = cut_corpus(opening, tmp_path / "c", split=SMALL)

    assert (again.built.done, again.built.skipped, files_of(tmp_path / "c")) == (0, 48, before)
    assert again.split[0].endswith(" It was there.")
    with pytest.raises(Refused, match="split 'blocks' is there already"):
        cut_corpus(opening, tmp_path / "c", split=SplitWish(block="300m", buffer="100m"))


@pytest.mark.parametrize("target", ["class", "map"])
def test_any_number_of_workers_leaves_the_same_bytes(tmp_path, target):
    """One sample a batch, so that every worker has its share; spawned ones read labels and scene for themselves."""
    source, _, plan = survey_cut(an_opening(tmp_path, target=target))
    for workers in (1, 2):
        build(source, plan, tmp_path / f"c{workers}", workers=workers, shard_bytes=20_000)

    assert files_of(tmp_path / "c1") == files_of(tmp_path / "c2")
    assert len(list((tmp_path / "c1" / "samples").iterdir())) > 2


def test_a_cut_that_was_stopped_goes_on_to_the_same_bytes(tmp_path):
    source, _, plan = survey_cut(an_opening(tmp_path, target="map"))
    build(source, plan, tmp_path / "whole", shard_bytes=20_000)

    def stop(done: int, total: int) -> None:
        if done > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(source, plan, tmp_path / "c", shard_bytes=20_000, progress=stop)
    built = build(source, plan, tmp_path / "c", shard_bytes=20_000)

    assert built.skipped > 0
    assert files_of(tmp_path / "c") == files_of(tmp_path / "whole")


def test_other_labels_in_the_same_folder_are_refused(tmp_path):
    cut_corpus(an_opening(tmp_path), tmp_path / "c", split=SplitWish("none"))
    moved = [(shapely.affinity.translate(shape, 3, 0), name) for shape, name in quarters()]

    with pytest.raises(Mismatch, match="plan differs: want .*which it was begun with"):
        cut_corpus(an_opening(tmp_path, moved), tmp_path / "c", split=SplitWish("none"))


def test_a_damaged_corpus_is_mended_from_scene_and_labels(tmp_path):
    path = tmp_path / "c"
    cut_corpus(an_opening(tmp_path, target="map"), path, split=SplitWish("none"))
    before = files_of(path)
    shard = next(path.glob("pixels/map.zarr/pixels/c/**/*"))
    while shard.is_dir():
        shard = next(shard.iterdir())
    shard.write_bytes(shard.read_bytes()[:-9])

    said = repair_corpus(opening_of(path), path)

    assert (said.lost, verify(path).holds) == ((), True)
    assert {name: blob for name, blob in files_of(path).items() if "zarr" in name} == {
        name: blob for name, blob in before.items() if "zarr" in name
    }


def test_windows_without_measurements_are_holes_and_in_the_list(tmp_path):
    opening = an_opening(tmp_path, scene={"nodata": 0})
    with rasterio.open(tmp_path / "s.tif", "r+") as file:
        file.write(np.zeros((3, 96, 20), "uint16"), window=rasterio.windows.Window(0, 0, 20, 96))

    done = cut_corpus(opening, tmp_path / "c", split=SplitWish("none"))

    assert (done.built.done, done.built.quarantined, done.has_holes) == (42, 6, True)
    assert [(row["id"], row["reason"]) for row in listed(tmp_path / "c")] == [
        (f"s_r{16 * k:05d}_c00000", "invalid") for k in range(6)
    ]
    assert "want 50% or more, have 0.0%" in listed(tmp_path / "c")[0]["message"]


def test_a_scene_without_any_measurement_is_all_holes(tmp_path):
    opening = an_opening(tmp_path, scene={"nodata": 0})
    with rasterio.open(tmp_path / "s.tif", "r+") as file:
        file.write(np.zeros((3, 96, 128), "uint16"))

    done = cut_corpus(opening, tmp_path / "c")

    assert (done.built.done, done.built.quarantined, len(listed(tmp_path / "c")), done.has_holes) == (0, 48, 48, True)
    assert done.split[0].startswith("split    none: ")


def test_not_a_number_is_no_measurement(tmp_path):
    """Reals without a nodata tag: NaN in one band of a window's upper half leaves exactly half of it."""
    path, labels = tmp_path / "s.tif", some_labels(tmp_path / "f.gpkg", quarters())
    numbers = np.full((2, 96, 128), 0.2)
    numbers[1, :8, :16] = np.nan
    a_geotiff(path, numbers, dtype="float32")
    options = {"column": "crop", "size": 16, "bands": "B04,B03", "kind": "boa", "level": "L2A"}
    made = []
    for least in (0.5, 0.51):
        opening = Opening("cut", (str(path), str(labels)), {**options, "min_valid": least})
        made.append(cut_corpus(opening, tmp_path / f"c{least}", split=SplitWish("none")).built.quarantined)

    assert made == [0, 1]


def test_a_file_that_breaks_half_way_loses_what_cannot_be_read(tmp_path):
    """Tiles in the middle of a deflated file overwritten: those windows are quarantined, the others cut."""
    opening = an_opening(tmp_path, scene={"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"})
    source, _, plan = survey_cut(opening)
    path = tmp_path / "s.tif"
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2 : len(blob) // 2 + 3000] = b"\x5a" * 3000
    path.write_bytes(bytes(blob))

    built = build(source, plan, tmp_path / "c")

    assert 0 < built.quarantined < 10
    assert built.done + built.quarantined == 48
    assert set(open_corpus(tmp_path / "c").quarantine()["reason"].to_pylist()) == {"unreadable"}


def test_broken_labels_are_holes_and_in_the_list(tmp_path):
    bow_tie = shapely.Polygon([(2, 2), (9, 9), (9, 2), (2, 9)])
    done = cut_corpus(
        an_opening(tmp_path, [*quarters(), (bow_tie, "wheat")], suffix="geojson"),
        tmp_path / "c",
        split=SplitWish("none"),
    )

    assert (done.built.quarantined, done.has_holes) == (1, True)
    assert [(row["kind"], row["id"], row["reason"]) for row in listed(tmp_path / "c")] == [
        ("label", "f-4", "invalid geometry")
    ]


def test_a_split_that_cannot_be_made_is_told_and_the_corpus_is_there(tmp_path):
    """Blocks of 640 m on 960 m of ground: fewer than parts."""
    done = cut_corpus(an_opening(tmp_path), tmp_path / "c", split=SplitWish(block="5km"))

    assert (done.built.done, done.has_holes, split_names(open_corpus(tmp_path / "c"))) == (48, True, [])
    assert done.split[0].startswith("split    none: ")
    assert "Split it yourself: swath corpus split" in done.split[0]


def test_a_way_to_split_that_nobody_knows_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(Unknown, match="--split: unknown way to split 'block'. Did you mean 'blocks'"):
        cut_corpus(an_opening(tmp_path), tmp_path / "c", split=SplitWish("block"))
    assert not (tmp_path / "c").exists()


def test_labels_in_another_crs_cut_the_same_corpus(tmp_path):
    """Through degrees and back, a corner moves by less than a thousandth of a pixel: no window changes its class."""
    made = []
    for crs in (32632, 4326):
        folder = tmp_path / str(crs)
        labels = some_labels(folder.with_suffix(".gpkg"), quarters(), crs=crs)
        scene = a_scene(folder / "s.tif")
        opening = Opening("cut", (str(scene), str(labels)), {"column": "crop", "size": 16, **DECLARED})
        cut_corpus(opening, folder / "c", split=SplitWish("none"))
        corpus = open_corpus(folder / "c")
        made.append((corpus.ids.to_pylist(), corpus.labels()[1].tolist(), corpus.pixels("s2", np.arange(len(corpus)))))

    assert made[0][:2] == made[1][:2]
    np.testing.assert_array_equal(made[0][2], made[1][2])


def test_a_stage_of_a_recipe_cuts_and_is_up_to_date_until_labels_change(tmp_path):
    """`source: cut` as any other source: the plan's hash says whether the stage still stands."""
    opening = an_opening(tmp_path)
    stage = {"do": "build", "source": "cut", "paths": list(opening.paths), "declare": dict(opening.declared or {})}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"about": "mine", "stages": {"mine": stage}}))
    states = []
    for _ in range(2):
        run_chain(read_recipe(str(tmp_path / "mine.yaml")), tmp_path / "run")
        states.append(plan_chain(read_recipe(str(tmp_path / "mine.yaml")), tmp_path / "run")[0].state)

    assert states == ["up to date", "up to date"]
    assert len(open_corpus(tmp_path / "run" / "mine")) == 48
    some_labels(tmp_path / "f.gpkg", [*quarters()[:3], (quarters()[3][0], "rice")])
    assert plan_chain(read_recipe(str(tmp_path / "mine.yaml")), tmp_path / "run")[0].state != "up to date"


def test_options_of_a_cut_are_its_own_and_those_of_pixels():
    options = describe("cut")

    assert {"column", "band", "size", "share", "bands", "kind", "level", "offset"} <= set(options)
    assert not {"class_role", "labels"} & set(options)


def test_blocks_grow_with_windows_and_ground():
    """Four windows; 2 km from 8 km of ground on; an eighth of it from 16 km on."""
    ten = {"gsd": (10.0, 10.0)}
    assert [block_side(n, n, size=(32, 32), **ten) for n in (500, 800, 1600, 10_980)] == [1280, 2000, 2000, 13_725]


@pytest.mark.realdata
def test_bolzanos_scene_classes_cut_its_own_bands(tmp_path):
    """Data README: band 5 of the file holds scene classes 2..7. Majority shares as numpy counts them."""
    scene = Path(os.environ["SWATH_REAL_DATA"]) / "scenes/bolzano_s2_l2a_2022.tif"
    declared = {"bands": "B04,B03,B02,B08,SCL", "kind": "dn", "level": "L2A", "offset": 0, "date": "2022-06-12"}
    done = cut_corpus(Opening("cut", (str(scene),), {"band": 5, "size": 16, **declared}), tmp_path / "c")

    corpus = open_corpus(tmp_path / "c")
    with rasterio.open(scene) as file:
        scl = file.read(5)
    want = {}
    for row in range(0, 705 - 15, 16):
        for col in range(0, 935 - 15, 16):
            codes, counts = np.unique(scl[row : row + 16, col : col + 16], return_counts=True)
            if counts.max() >= 0.8 * 256 and codes[counts.argmax()] != 0:
                want[f"bolzano_s2_l2a_2022_r{row:05d}_c{col:05d}"] = int(codes[counts.argmax()])
    assert dict(zip(corpus.ids.to_pylist(), corpus.labels()[1].tolist(), strict=True)) == want
    assert corpus.spec("s2").bands == ("B04", "B03", "B02", "B08")
    assert corpus.layout.legends == {"scl": legend("scl")}
    assert (done.built.quarantined, split_names(corpus)) == (0, ["blocks"])
