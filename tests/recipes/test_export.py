"""Exports: what goes out comes in again, what was cut off goes on, and what cannot be said is refused."""

from __future__ import annotations

from dataclasses import replace

import geopandas
import h5py
import numpy as np
import pyogrio
import pytest
from PIL import Image

from swath.core.errors import Mismatch, Refused, SwathError, Unknown
from swath.core.geobox import footprint, sample_geobox
from swath.core.stack import same
from swath.corpus.build import build
from swath.corpus.corpus import Corpus, open_corpus
from swath.recipes.build import build_corpus
from swath.recipes.export import EXPORTS, Choice, export_corpus
from swath.recipes.extract import extract
from swath.recipes.footprints import write_footprints
from swath.recipes.open import Opening
from swath.recipes.split import split_corpus
from tests.corpus.a_source import Numbers
from tests.formats import a_deepsentinel, a_virtual, a_visiondl


def a_corpus(path, **options):
    source = Numbers(**{"n": 6, "dates": 2, "masked": (1, 3), **options})
    build(source, source.plan(), path)
    return open_corpus(path)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return a_corpus(tmp_path_factory.mktemp("export") / "numbers")


def imported(name, path, out, **declared):
    build_corpus(Opening(name, (str(path),), declared), out)
    return open_corpus(out)


def everything(sample):
    held = {**sample.stacks, **{name: t.stack for name, t in sample.targets.items() if t.stack is not None}}
    return {name: replace(each, data=_seen(each)) for name, each in held.items()}


def _seen(stack):
    return stack.data if stack.valid is None else np.where(stack.valid, stack.data, 0)


def require_same(one, other):
    """Every sample with its stacks, dates, masks, targets and place; assert, sample by sample."""
    ids = one.ids.to_pylist()
    assert other.ids.to_pylist() == ids
    for first, second in zip(one.samples(np.arange(len(one))), other.samples(np.arange(len(other))), strict=True):
        have, want = everything(second), everything(first)
        assert list(have) == list(want)
        assert all(same(want[name], have[name]) for name in want)
        assert (first.footprint, first.lonlat, first.group) == (second.footprint, second.lonlat, second.group)
        assert {n: (t.code, t.codes, t.values) for n, t in first.targets.items()} == {
            n: (t.code, t.codes, t.values) for n, t in second.targets.items()
        }


def test_a_corpus_comes_back_from_geotiffs(numbers, tmp_path):
    """Series, masks, class maps, classes, groups, places: all of it, with nothing declared."""
    done = export_corpus("geotiff", numbers, tmp_path / "t")
    again = imported("geotiff", tmp_path / "t", tmp_path / "again")

    assert done.summary() == "done 6, skipped 0, of 6 samples"
    assert again.layout == numbers.layout
    require_same(numbers, again)


def test_an_export_that_was_cut_off_goes_on(numbers, tmp_path):
    """Files that are there stay as they are; the tables come last."""
    whole = tmp_path / "whole"
    export_corpus("geotiff", numbers, whole)
    names = sorted(path.relative_to(whole) for path in whole.rglob("*.tif"))
    cut = tmp_path / "cut"

    class Cut(Exception):
        pass

    def stop(done, total):
        if done == 3:
            raise Cut

    with pytest.raises(Cut):
        export_corpus("geotiff", numbers, cut, progress=stop)
    assert not (cut / "swath.json").exists()
    done = export_corpus("geotiff", numbers, cut)

    assert (done.done, done.skipped) == (3, 3)
    assert sorted(path.relative_to(cut) for path in cut.rglob("*.tif")) == names
    assert all((whole / name).read_bytes() == (cut / name).read_bytes() for name in [*names, "labels.csv", "files.csv"])


def test_a_folder_of_something_else_is_refused(numbers, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.txt").write_text("mine")
    with pytest.raises(Refused, match="mine: is there and is no export"):
        export_corpus("geotiff", numbers, tmp_path / "mine")
    export_corpus("geotiff", numbers, tmp_path / "t", choice=Choice(limit=1), stack="truth")
    with pytest.raises(Refused, match="t: holds another export"):
        export_corpus("geotiff", numbers, tmp_path / "t", choice=Choice(limit=2), stack="truth")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["a.txt"]


def test_samples_are_chosen_by_part_name_and_number(numbers, tmp_path):
    split_corpus(numbers, {"method": "group", "shares": {"train": 0.5, "test": 0.5}}, name="g", pictures=False)
    corpus = open_corpus(numbers.path)

    done = export_corpus("geotiff", corpus, tmp_path / "a", choice=Choice(split="g", part="test"), stack="truth")
    ids = ("number-0003", "number-0001")
    named = export_corpus("geotiff", corpus, tmp_path / "b", choice=Choice(ids=ids, limit=1), stack="truth")

    table = (tmp_path / "a/labels.csv").read_text().splitlines()
    assert done.total == len(table) - 1 < 6
    assert all(",test," in line for line in table[1:])
    assert named.total == 1
    assert [path.name for path in (tmp_path / "b/truth").iterdir()] == ["number-0003.tif"]
    with pytest.raises(Refused, match="takes samples or a split, not both"):
        export_corpus("geotiff", corpus, tmp_path / "c", choice=Choice(split="g", ids=ids))
    with pytest.raises(Unknown, match="Did you mean 'number-0003'"):
        export_corpus("geotiff", corpus, tmp_path / "c", choice=Choice(ids=("numbre-0003",)))


def test_what_is_asked_for_must_be_there(numbers, tmp_path):
    with pytest.raises(Unknown, match="Did you mean 'geotiff'"):
        export_corpus("geotif", numbers, tmp_path / "a")
    with pytest.raises(Unknown, match="unknown stack 's3'"):
        export_corpus("geotiff", numbers, tmp_path / "a", stack="s3")
    with pytest.raises(Refused, match="writes all stacks that it knows"):
        export_corpus("hdf5", numbers, tmp_path / "a", stack="s2")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("name", ["geotiff", "gif"])
def test_attribution_is_in_every_folder(name, numbers, tmp_path):
    """science.md 8: carried in every export; those of replaced systems where they come back."""
    export_corpus(name, numbers, tmp_path / "a", choice=Choice(limit=1))

    assert (tmp_path / "a/ATTRIBUTION.txt").read_text().splitlines() == [
        "numbers: public domain",
        "EuroSAT, Helber et al. 2019, MIT licence. Contains modified Copernicus Sentinel data.",
    ]


@pytest.mark.parametrize("name", [name for name, kind in EXPORTS.items() if kind.is_folder])
def test_an_export_that_is_refused_leaves_nothing(name, numbers, tmp_path, monkeypatch):
    """Not its folder, nor those above that it made; a folder that was empty stays, empty."""

    def refuse(self, positions):
        raise Refused(where="sample", what="cannot be read")
        yield

    monkeypatch.setattr("swath.corpus.corpus.Corpus.samples", refuse)
    (tmp_path / "empty").mkdir()

    for out in (tmp_path / "new/a", tmp_path / "empty"):
        with pytest.raises(SwathError):
            export_corpus(name, numbers, out)

    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_samples_that_were_whole_before_one_is_refused_stay(numbers, tmp_path, monkeypatch):
    """Hours of work are not thrown away for the last sample; the same command goes on behind them."""
    read = Corpus.samples

    def stop(self, positions):
        for position, made in zip(positions, read(self, positions), strict=True):
            if position == 4:
                raise Refused(where=made.id, what="cannot be read")
            yield made

    with monkeypatch.context() as patched:
        patched.setattr(Corpus, "samples", stop)
        with pytest.raises(Refused):
            export_corpus("geotiff", numbers, tmp_path / "a")

    assert (tmp_path / "a/ATTRIBUTION.txt").exists()
    assert export_corpus("geotiff", numbers, tmp_path / "a").skipped == 4


def test_footprints_open_in_geopandas(numbers, tmp_path):
    """One polygon a sample in EPSG:4326 with its columns, licences in the layer's description."""
    done = export_corpus("footprints", numbers, tmp_path / "a.gpkg")

    frame = geopandas.read_file(tmp_path / "a.gpkg")
    want = [sample.footprint for sample in numbers.samples(np.arange(6))]
    assert (done.done, frame.crs.to_epsg(), list(frame.geometry)) == (6, 4326, want)
    assert frame.id.tolist() == numbers.ids.to_pylist()
    first = frame.iloc[1]
    assert (first["class"], first["class_code"], first["group"]) == ("Forest", 1, "g0")
    assert str(first["first_date"]).startswith("2021-06-01")
    assert first["dates_s2"] == 2
    assert first["valid_s2"] == pytest.approx(numbers.sample("number-0001").stacks["s2"].valid.mean())
    assert "numbers: public domain" in pyogrio.read_info(tmp_path / "a.gpkg")["layer_metadata"]["DESCRIPTION"]
    with pytest.raises(Refused, match=r"a.gpkg: is there already"):
        export_corpus("footprints", numbers, tmp_path / "a.gpkg")
    with pytest.raises(Refused, match=r"Name it FILE.gpkg or FILE.geojson"):
        export_corpus("footprints", numbers, tmp_path / "a.shp")


def test_footprints_across_the_antimeridian_are_two_polygons(tmp_path):
    """A window at 180 degrees must not become a band around the Earth: its area stays 0.16 km by 0.16 km."""

    class Fiji(Numbers):
        def sample(self, row):
            box = sample_geobox(179.9999, -17.0, size=self.size)
            return replace(super().sample(row), footprint=footprint(box), lonlat=(179.9999, -17.0))

    source = Fiji(n=2)
    build(source, source.plan(), tmp_path / "fiji")
    corpus = open_corpus(tmp_path / "fiji")

    for name in ("f.gpkg", "f.geojson"):
        write_footprints(corpus, np.arange(2), tmp_path / name)
        frame = geopandas.read_file(tmp_path / name)
        assert [each.geom_type for each in frame.geometry] == ["MultiPolygon"] * 2
        assert frame.to_crs("ESRI:54034").area.to_numpy() == pytest.approx(160.0**2, rel=0.01)


def test_samples_without_a_place_are_counted(tmp_path):
    class Half(Numbers):
        def sample(self, row):
            made = super().sample(row)
            return made if row["index"] else replace(made, footprint=None)

    source = Half(n=3)
    build(source, source.plan(), tmp_path / "half")

    done = export_corpus("footprints", open_corpus(tmp_path / "half"), tmp_path / "a.geojson")

    assert done.summary() == "done 2, skipped 0, 1 left out, of 3 samples"
    assert done.notes == ("1 samples have no place and are not among them.",)


def test_a_gif_has_twelve_frames_of_half_a_second(tmp_path):
    """source-systems.md B11: "12-frame GIF has 12 frames at 0.5 s"; of 14 the spread twelve, and it is said."""
    series = a_corpus(tmp_path / "series", n=3, dates=14)
    done = export_corpus("gif", series, tmp_path / "g", choice=Choice(ids=("number-0002",)))

    with Image.open(tmp_path / "g/number-0002.gif") as image:
        assert image.n_frames == 12
        assert image.info["duration"] == 500
        assert image.size == (256, 280)
        assert b"numbers: public domain" in image.info["comment"]
    assert done.notes == ("number-0002 s2: 12 of 14 dates, evenly spread",)
    assert export_corpus("gif", series, tmp_path / "g", choice=Choice(ids=("number-0002",))).skipped == 1


def test_visiondl_batches_come_back(tmp_path):
    """B3: pixels, places and labels, bit for bit, 24 channels; a number of samples that no file divides."""
    theirs = a_visiondl.a_batch(tmp_path / "data_batch_1.h5", 5, side=12)
    corpus = imported("visiondl", theirs, tmp_path / "corpus")

    done = export_corpus("hdf5", corpus, tmp_path / "out")
    again = export_corpus("hdf5", corpus, tmp_path / "out")

    with h5py.File(theirs) as one, h5py.File(tmp_path / "out/data_batch_1.h5") as other:
        for name in ("data", "locations", "labels"):
            np.testing.assert_array_equal(one[name][:], other[name][:])
    assert (done.done, again.skipped, done.notes) == (5, 5, ())
    assert "Copernicus" in (tmp_path / "out/ATTRIBUTION.txt").read_text()
    require_same(corpus, imported("visiondl", tmp_path / "out", tmp_path / "again"))


def test_what_that_layout_cannot_say_is_refused(numbers, tmp_path):
    with pytest.raises(Mismatch, match="sample number-0000: dates differs: want 4 .one a quarter., have 2"):
        export_corpus("hdf5", numbers, tmp_path / "a")
    with pytest.raises(Mismatch, match="product s2: quantity differs: want value .1. as floating point"):
        export_corpus("virtual", numbers, tmp_path / "b")
    with pytest.raises(Mismatch, match="want gee-s2 and gee-s1, or dl-s2 and dl-s1, have s2"):
        export_corpus("deepsentinel", numbers, tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seeds", [(1, 2, 10), (3,)])
def test_virtual_products_come_back(tmp_path, seeds):
    """B6: frames, annotations and nulls of several products a seed."""
    corpus = imported("virtual", a_virtual.scenes(tmp_path / "v", seeds), tmp_path / "corpus")

    export_corpus("virtual", corpus, tmp_path / "out")

    require_same(corpus, imported("virtual", tmp_path / "out", tmp_path / "again"))


def test_fusion_patches_come_back(tmp_path):
    for k in range(2):
        a_virtual.a_patch(tmp_path / f"p/patch_{k:03d}", k)
    corpus = imported("virtual", tmp_path / "p", tmp_path / "corpus")

    export_corpus("virtual", corpus, tmp_path / "out")

    require_same(corpus, imported("virtual", tmp_path / "out", tmp_path / "again"))
    assert (tmp_path / "out/ATTRIBUTION.txt").read_text().splitlines() == list(corpus.layout.licences)


def test_the_deepsentinel_tree_comes_back(tmp_path):
    """B2: stacks, land cover and places; what was cut off goes on, the last folder anew."""
    corpus = imported("deepsentinel", a_deepsentinel.a_tree(tmp_path / "v_1k"), tmp_path / "corpus")

    export_corpus("deepsentinel", corpus, tmp_path / "out")
    again = export_corpus("deepsentinel", corpus, tmp_path / "out")

    assert (again.done, again.skipped) == (1, 2)
    assert (tmp_path / "out/ATTRIBUTION.txt").read_text().splitlines() == list(corpus.layout.licences)
    back = imported("deepsentinel", tmp_path / "out", tmp_path / "again")
    for one, other in zip(corpus.samples(np.arange(3)), back.samples(np.arange(3)), strict=True):
        assert one.id.rpartition("-")[2] == other.id.rpartition("-")[2]
        for name, stack in everything(one).items():
            np.testing.assert_array_equal(stack.data, everything(other)[name].data)
            assert stack.geobox == everything(other)[name].geobox


def test_extracted_files_open_again(numbers, tmp_path):
    """One file a date; quantity, bands, date, mask and origin stand in each."""
    written = extract(numbers, "number-0001", tmp_path / "a.tif", stack="s2")

    assert [path.name for path in written[:2]] == ["a-2021-06-01.tif", "a-2021-06-06.tif"]
    whole = numbers.sample("number-0001").stacks["s2"]
    held = imported("geotiff", written[1], tmp_path / "again").sample("a-2021-06-06").stacks["s2"]
    np.testing.assert_array_equal(_seen(held)[0], _seen(whole)[1])
    assert (held.bands, held.quantity, held.geobox, held.times[0]) == (
        whole.bands,
        whole.quantity,
        whole.geobox,
        whole.times[1],
    )
    assert held.origin.items == whole.origin.items
