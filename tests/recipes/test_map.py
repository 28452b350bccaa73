"""Maps of real files by a real bundle: what opens, what is refused, and what is declared instead."""

from __future__ import annotations

import json
import os
from collections import Counter

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import torch
from affine import Affine

import swath
from swath.bundle import open_bundle
from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.quantity import rgb8
from swath.core.rendering import render
from swath.core.scene import Window
from swath.core.specs import InputSpec, StackInput
from swath.formats.scene import open_scene
from swath.prediction import MapOptions, mapplan, run_map
from swath.prediction.fit import fit_scene
from swath.recipes.areas import adjust_areas
from swath.recipes.map import map_scene, open_model, plan_scene
from swath.testing.build import EUROSAT_ORDER, a_eurosat_patch, a_geotiff
from tests.bundle.a_bundle import BANDS, a_bundle
from tests.prediction.a_map import HeldScene, Projected, noise

L1C = {"kind": "dn", "level": "L1C", "offset": 0}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def alps(tmp_path_factory):
    """A bundle of four bands of L1C reflectance, windows of 32 pixels, fresh weights whose classes are all met."""
    made = a_bundle(tmp_path_factory.mktemp("bundle") / "alps")
    windows = [numbers(size=(32, 32), seed=i).astype(np.float32) / 10000 for i in range(100)]
    raw = torch.from_numpy(made.samples({"s2": np.stack(windows)[:, None]}, {}, {}))
    last = [each for each in made.network.modules() if isinstance(each, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.bias -= raw.mean(0)
        last.weight /= raw.std()
        last.bias /= raw.std()
    return made


def pixels_of(made):
    """Classes and probabilities of a map."""
    with rasterio.open(made.files.map) as one, rasterio.open(made.files.probability) as other:
        return np.concatenate([one.read(), other.read()])


def numbers(bands=4, size=(64, 80), *, seed=0):
    rng = np.random.default_rng(seed)
    return (100 + rng.integers(0, 3000, (bands, *size))).astype("uint16")


def a_scene(folder, *, name="s.tif", descriptions=BANDS, pixels=None, **more):
    return a_geotiff(folder / name, numbers() if pixels is None else pixels, descriptions=descriptions, **more)


def test_at_stride_1_a_bundles_map_is_the_naive_loop(alps, tmp_path):
    """source-systems.md F1, by torch: a padded copy of the whole scene, a window for every pixel."""
    pixels = numbers(size=(40, 44))
    made = map_scene(alps, a_scene(tmp_path, pixels=pixels), tmp_path / "m.tif", declared=L1C, options=MapOptions(1))

    padded = np.pad(pixels.astype(np.float32) / 10000, ((0, 0), (32, 32), (32, 32)), mode="symmetric")
    windows = [padded[:, r + 16 : r + 48, c + 16 : c + 48] for r in range(40) for c in range(44)]
    raw = alps.samples({"s2": np.stack(windows)[:, None]}, {}, {})
    chance = alps.output.decode(raw, alps.calibration).probability
    best_two = np.sort(chance, axis=1)[:, -2:]
    sure = (best_two[:, 1] - best_two[:, 0] > 1e-5).reshape(40, 44)
    want = np.array(alps.output.codes)[chance.argmax(axis=1)].reshape(40, 44)
    got = pixels_of(made)
    assert sure.mean() > 0.99
    assert len(np.unique(want)) > 3
    np.testing.assert_array_equal(got[0][sure], want[sure])
    assert np.abs(got[2:] / 254 - chance.T.reshape(-1, 40, 44)).max() <= 0.5 / 254 + 1e-5


def test_a_strip_is_normalised_once_and_crosses_once(alps, tmp_path, monkeypatch):
    """Contract 10: "a strip crosses to the device once and is normalised once"."""
    calls = Counter()
    picture = alps.network.backbone.picture

    def counted(x, valid=None):
        calls["normalised"] += 1
        return picture(x, valid)

    monkeypatch.setattr(alps.network.backbone, "picture", counted)
    plan = plan_scene(alps, a_scene(tmp_path), declared=L1C, options=MapOptions(2))
    assert plan.windows > 10 * alps.batch

    swath.map_scene(alps, a_scene(tmp_path), tmp_path / "m.tif", declared=L1C, options=MapOptions(2))

    assert calls["normalised"] == len(plan.strips) == 1


def test_cog_and_vrt_give_the_map_of_the_geotiff(alps, tmp_path):
    """Issue: GeoTIFF, COG and VRT."""
    path = a_scene(tmp_path)
    rasterio.shutil.copy(path, tmp_path / "cog.tif", driver="COG")
    rasterio.shutil.copy(path, tmp_path / "s.vrt", driver="VRT")
    maps = []
    for name in ("s.tif", "cog.tif", "s.vrt"):
        made = map_scene(alps, tmp_path / name, tmp_path / f"m-{name.replace('.', '-')}.tif", declared=L1C)
        maps.append(pixels_of(made))

    assert len(np.unique(maps[0][0])) > 1
    np.testing.assert_array_equal(maps[0], maps[1])
    np.testing.assert_array_equal(maps[0], maps[2])


def test_the_hash_of_a_vrt_is_that_of_what_it_is_made_of(tmp_path):
    path = a_scene(tmp_path)
    rasterio.shutil.copy(path, tmp_path / "s.vrt", driver="VRT")
    before = open_scene(tmp_path / "s.vrt", **L1C).hash

    a_scene(tmp_path, pixels=numbers(seed=1))

    assert open_scene(tmp_path / "s.vrt", **L1C).hash != before


def test_bands_in_another_order_are_found_by_name(alps, tmp_path):
    pixels = numbers()
    one = map_scene(alps, a_scene(tmp_path, pixels=pixels), tmp_path / "a.tif", declared=L1C)
    turned = a_scene(tmp_path, name="t.tif", pixels=pixels[::-1].copy(), descriptions=BANDS[::-1])
    other = map_scene(alps, turned, tmp_path / "b.tif", declared=L1C)

    np.testing.assert_array_equal(pixels_of(one), pixels_of(other))
    wrong = a_scene(tmp_path, name="w.tif", pixels=pixels[::-1].copy())
    assert (pixels_of(one) != pixels_of(map_scene(alps, wrong, tmp_path / "c.tif", declared=L1C))).any()


def test_bands_without_names_are_refused_until_they_are_declared(alps, tmp_path):
    """Bad input: bands unnamed; F4: wrong order refused."""
    path = a_scene(tmp_path, descriptions=())

    with pytest.raises(Refused, match=r"^s\.tif: does not say which of its 4 bands is which\. Declare bands=B04,B03,"):
        plan_scene(alps, path, declared=L1C)
    plan_scene(alps, path, declared={**L1C, "bands": ",".join(BANDS)})
    with pytest.raises(Mismatch, match=r"^s\.tif: band order differs: want B03 B04 B02 B08 \(declared\), have B04 B03"):
        plan_scene(alps, a_scene(tmp_path), declared={**L1C, "bands": "B03,B04,B02,B08"})


def test_thirteen_bands_in_another_order_than_declared_are_refused_by_physics(alps, tmp_path):
    """F5: B8A in its natural place instead of last; both orders are named."""
    labels = ("Pasture", "Forest", "HerbaceousVegetation", "AnnualCrop")
    rows = [np.concatenate([a_eurosat_patch(c, n) for n in range(4)], axis=2) for c in labels]
    path = a_geotiff(tmp_path / "e.tif", np.concatenate(rows, axis=1))
    natural = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B10,B11,B12"

    with pytest.raises(Mismatch) as raised:
        plan_scene(alps, path, declared={**L1C, "bands": natural})
    assert "B8A" in str(raised.value)
    plan_scene(alps, path, declared={**L1C, "bands": ",".join(EUROSAT_ORDER)})


def test_a_scene_that_lacks_a_band_is_refused(alps, tmp_path):
    path = a_scene(tmp_path, pixels=numbers(3), descriptions=BANDS[:3])

    said = r"^scene s: bands \(B08 missing\) differs: want B04 B03 B02 B08 \(bundle alps\), have B04 B03 B02\."
    with pytest.raises(Mismatch, match=said):
        plan_scene(alps, path, declared=L1C)


def test_another_level_is_refused_unless_declared_and_then_in_the_tags(alps, tmp_path):
    """Bad input: another level. science.md, trap 6."""
    path, l2a = a_scene(tmp_path), {"kind": "dn", "level": "L2A", "offset": 0}

    with pytest.raises(Mismatch) as raised:
        plan_scene(alps, path, declared=l2a)
    assert str(raised.value) == (
        "scene s: quantity differs: want toa reflectance (bundle alps), have dn offset 0 (boa reflectance, /10000). "
        "To take one for the other all the same, pass --treat-as toa (written into the map's tags)."
    )
    made = map_scene(alps, path, tmp_path / "m.tif", declared=l2a, options=MapOptions(treat_as="toa"))

    with rasterio.open(made.files.map) as file:
        assert json.loads(file.tags()["SWATH_DECLARED"]) == {"treat_as": "boa as toa", "level": "L2A as L1C"}


def test_another_ground_size_is_refused_unless_declared_and_then_in_the_tags(alps, tmp_path):
    """Bad input: another gsd; style.md: "Resample to 10 m, or pass --gsd 60 (written into the map's tags)"."""
    path = a_scene(tmp_path, transform=Affine(60, 0, 680040, 0, -60, 5152200))

    said = r"^scene s: gsd differs: want 10 m \(bundle alps\), have 60 x 60 m\. Resample to 10 m, or pass --gsd 60 \("
    with pytest.raises(Mismatch, match=said):
        plan_scene(alps, path, declared=L1C)
    made = map_scene(alps, path, tmp_path / "m.tif", declared=L1C, options=MapOptions(gsd=60))

    with rasterio.open(made.files.map) as file:
        assert json.loads(file.tags()["SWATH_DECLARED"]) == {"gsd": "60 m as 10 m"}
        assert file.tags()["SWATH_SUPPORT_M"].startswith("1920 x 1920 ")
    with pytest.raises(Mismatch, match=r"gsd differs: want 20 m \(declared\), have 60 x 60 m"):
        plan_scene(alps, path, declared=L1C, options=MapOptions(gsd=20))


def test_an_unknown_offset_is_refused(alps, tmp_path):
    with pytest.raises(Refused, match=r"the offset of dn offset unknown .* is unknown, so the numbers may be 1000 off"):
        plan_scene(alps, a_scene(tmp_path), declared={"kind": "dn", "level": "L1C"})


def test_a_scene_without_a_crs_needs_its_ground_size(alps, tmp_path):
    """Bad input: no CRS. Nothing is guessed; with a declared size it becomes a map without a place."""
    path = a_scene(tmp_path, crs=None)

    with pytest.raises(Refused, match=r"^s\.tif: has no place, so its ground size is unknown\. Declare gsd= in metres"):
        plan_scene(alps, path, declared=L1C)
    made = map_scene(alps, path, tmp_path / "m.tif", declared={**L1C, "gsd": 10})

    assert made.nodata == 0
    with pytest.raises(Refused, match="has no place, so no point can be found on it"):
        adjust_areas(made, _csv(tmp_path / "p.csv", [(11.3, 46.5, "Forest")]))


def test_a_scene_smaller_than_a_window_is_refused(alps, tmp_path):
    path = a_scene(tmp_path, pixels=numbers(size=(20, 80)))

    said = r"^scene s: size differs: want 32 x 32 pixels at least \(a window of bundle alps\), have 20 x 80 pixels\."
    with pytest.raises(Mismatch, match=said):
        plan_scene(alps, path, declared=L1C)


def test_nan_is_nodata(alps, tmp_path):
    """Bad input: NaN."""
    pixels = numbers().astype("float32") / 10000
    pixels[:, 10, 10:20] = np.nan
    path = a_scene(tmp_path, pixels=pixels, dtype="float32")

    made = map_scene(alps, path, tmp_path / "m.tif", declared={"kind": "toa", "level": "L1C"})

    with rasterio.open(made.files.map) as file:
        np.testing.assert_array_equal(file.read(1) == 255, np.isnan(pixels[0]))


def test_a_scene_of_nodata_is_refused(alps, tmp_path):
    """DN 0 is nodata of Sentinel-2, whatever the file says."""
    path = a_scene(tmp_path, pixels=np.zeros((4, 64, 80), "uint16"))

    with pytest.raises(Refused, match=r"^scene s: holds no window of which 50% was measured"):
        map_scene(alps, path, tmp_path / "m.tif", declared=L1C)


def test_a_corrupt_tile_is_named_and_the_rest_kept(alps, tmp_path, monkeypatch):
    """Bad input: a read error half-way, in the bytes of a real file."""
    monkeypatch.setattr(mapplan, "_VALUES", 30_000)
    pixels = numbers(size=(256, 64))
    path = a_scene(tmp_path, pixels=pixels, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    blob = bytearray(path.read_bytes())
    half, most = len(blob) // 2, len(blob) * 9 // 10
    blob[half:most] = b"\xff" * (most - half)
    declared = {**L1C, "date": "2022-06-12"}
    plan = plan_scene(alps, path, declared=declared)
    assert len(plan.strips) > 2
    whole = path.stat()
    path.write_bytes(bytes(blob))
    os.utime(path, ns=(whole.st_atime_ns, whole.st_mtime_ns))

    with pytest.raises(Unreadable, match=r"cannot be read as a raster"):
        run_map(plan, alps, tmp_path / "m.tif")
    assert list((tmp_path / ".m.tif.work").glob("strip-*.npz"))
    assert not (tmp_path / "m.tif").exists()


def test_a_bundle_is_opened_by_its_folder_with_the_batch_asked_for(alps, tmp_path):
    folder = tmp_path / "alps"
    a_bundle(folder)

    assert open_model(folder, batch=7).batch == 7
    assert open_model(str(folder)).hash == open_bundle(folder).hash
    assert open_model(alps) is alps
    with pytest.raises(Unreadable, match="holds neither a run nor a bundle"):
        open_model(tmp_path)


def test_an_open_scene_is_mapped_as_it_is(tmp_path):
    """The planet, or whatever keeps `core.Scene`."""
    model, scene = Projected(), HeldScene(noise(48, 48))

    made = map_scene(model, scene, tmp_path / "m.tif")

    assert made.nodata == 0
    with pytest.raises(Refused, match=r"^map: an open scene says itself what it is, have kind|itself what it is: have"):
        plan_scene(model, scene, declared={"kind": "dn"})


def picture_input(name="eurosat-2750-jpeg"):
    stack = StackInput(("B04", "B03", "B02"), rgb8(name), "L1C", 10.0, 1, (90.0,) * 3, (50.0,) * 3)
    return InputSpec({"rgb": stack}, (32, 32))


def test_a_model_of_pictures_sees_a_scene_through_their_stretch(tmp_path):
    """Data README: u8 = rint(1 + clip(DN, 0, 2750) * 254 / 2750) on B04, B03, B02; the coding is left out."""
    pixels = numbers()
    path = a_scene(tmp_path, pixels=pixels)
    fitted = fit_scene(open_scene(path, **L1C), picture_input(), by="bundle rgb")

    x, valid = fitted.read(Window(5, 6, 20, 30))

    want = np.rint(1 + pixels[:3, 5:25, 6:36].clip(0, 2750).astype(float) * 254 / 2750)
    np.testing.assert_array_equal(x, want)
    assert valid.all()
    np.testing.assert_array_equal(
        x, render(pixels[:, 5:25, 6:36], open_scene(path, **L1C).quantity, BANDS, "eurosat-2750")
    )


def test_a_model_of_pictures_keeps_nodata_and_refuses_surface_reflectance(tmp_path):
    pixels = numbers()
    pixels[:, 3, 4] = 0
    path = a_scene(tmp_path, pixels=pixels)
    fitted = fit_scene(open_scene(path, **L1C), picture_input(), by="bundle rgb")
    assert np.argwhere(~fitted.read(Window(0, 0, 64, 80))[1].any(axis=0)).tolist() == [[3, 4]]

    l2a = open_scene(path, kind="dn", level="L2A", offset=0)
    with pytest.raises(Mismatch, match=r"pass --treat-as toa \(written into the map's tags\)\.$"):
        fit_scene(l2a, picture_input(), by="bundle rgb")
    assert fit_scene(l2a, picture_input(), by="bundle rgb", treat_as="toa").declared["treat_as"] == "boa as toa"
    with pytest.raises(Unknown, match="unknown quantity to treat a scene as 'to'"):
        fit_scene(l2a, picture_input(), by="bundle rgb", treat_as="to")


def test_a_picture_of_the_same_stretch_will_do(tmp_path):
    path = a_geotiff(tmp_path / "p.tif", 90, bands=3, size=(40, 40), dtype="uint8", descriptions=BANDS[:3])
    scene = open_scene(path, kind="rgb8", level="L1C", rendering="eurosat-2750")

    assert fit_scene(scene, picture_input(), by="bundle rgb").rendering == ""


def test_a_map_may_be_asked_for_in_fewer_orientations_and_says_how_many(alps, tmp_path):
    """`--views`: the answers of the same weights seen once; written to the tags, the item and the plan."""
    scene = a_scene(tmp_path)
    own = map_scene(alps, scene, tmp_path / "own.tif", declared=L1C)

    made = map_scene(alps, scene, tmp_path / "one.tif", declared=L1C, options=MapOptions(views=1))

    same = map_scene(alps.from_views(1), scene, tmp_path / "same.tif", declared=L1C)
    np.testing.assert_array_equal(pixels_of(made), pixels_of(same))
    assert (pixels_of(made) != pixels_of(own)).any()
    with rasterio.open(made.files.map) as one, rasterio.open(own.files.map) as four:
        assert one.tags()["SWATH_VIEWS"] == "1: orientations of a window, averaged"
        assert four.tags()["SWATH_VIEWS"] == "4: orientations of a window, averaged"
        assert one.tags()["SWATH_BUNDLE_HASH"] == four.tags()["SWATH_BUNDLE_HASH"]
    assert json.loads(made.files.item.read_text())["properties"]["swath:views"] == 1
    said = plan_scene(alps, scene, declared=L1C).summary().splitlines()[1]
    assert said.endswith("10 classes, each window seen from 4 orientations")


def test_a_map_begun_in_other_orientations_is_no_map_to_go_on_with(alps, tmp_path):
    scene, path = a_scene(tmp_path), tmp_path / "m.tif"
    plan = plan_scene(alps, scene, declared=L1C)
    work = tmp_path / ".m.tif.work"
    work.mkdir()
    (work / "plan.json").write_text(json.dumps({"hash": plan.hash, "plan": plan.to_json()}))

    with pytest.raises(Refused, match=r"m\.tif: was begun by another plan \(views differs\)\. Give the command that"):
        map_scene(alps, scene, path, declared=L1C, options=MapOptions(views=1))
    assert map_scene(alps, scene, path, declared=L1C, options=MapOptions(views=4)).files.map == path


def test_orientations_are_refused_where_a_model_knows_none(alps, tmp_path):
    with pytest.raises(Refused, match=r"^bundle projected: does not average over orientations of a window\. Leave"):
        map_scene(Projected(), HeldScene(noise(48, 48)), tmp_path / "m.tif", options=MapOptions(views=1))
    with pytest.raises(Refused, match=r"^option views: must be 1, 4 or 8: have 2\."):
        open_model(alps, views=2)
    with pytest.raises(Mismatch, match=r"^bundle alps: views differs: want 1, have 4\. Open it so: open_model\(model"):
        plan_scene(alps, a_scene(tmp_path), declared=L1C, options=MapOptions(views=1))


def test_models_of_several_stacks_or_dates_are_refused(tmp_path):
    scene = open_scene(a_scene(tmp_path), **L1C)
    one = picture_input().stacks["rgb"]
    several = InputSpec({"a": one, "b": one}, (32, 32))
    dates = InputSpec({"a": StackInput(one.bands, one.quantity, "L1C", 10.0, 2, one.mean, one.std)}, (32, 32))

    with pytest.raises(Refused, match=r"^bundle m: looks at several stacks, and a scene gives one: have a, b\."):
        fit_scene(scene, several, by="bundle m")
    with pytest.raises(Refused, match=r"^bundle m: looks at 2 dates, and a scene has one\."):
        fit_scene(scene, dates, by="bundle m")


def _csv(path, rows):
    path.write_text("lon,lat,class\n" + "".join(f"{lon},{lat},{name}\n" for lon, lat, name in rows))
    return path


def _centres(made, at):
    """Longitude and latitude of pixels."""
    from pyproj import Transformer

    with rasterio.open(made.files.map) as file:
        t, turn = file.transform, Transformer.from_crs(file.crs, 4326, always_xy=True)
    return [turn.transform(t.c + t.a * (c + 0.5), t.f + t.e * (r + 0.5)) for r, c in at]


def test_areas_are_adjusted_by_a_sample_that_finds_its_pixels(tmp_path):
    """With a sample that is right everywhere, adjusted and mapped areas are the same; a wrong one moves area."""
    import geopandas

    made = map_scene(Projected(), HeldScene(noise(96, 120, smooth=4)), tmp_path / "m.tif")
    with rasterio.open(made.files.map) as file:
        labels = file.read(1)
    names = {each.code: each.name for each in made.areas}
    at = [tuple(p) for code in names for p in np.argwhere(labels == code)[::40][:30]]
    places = _centres(made, at)
    said = [names[int(labels[p])] for p in at]
    right = adjust_areas(made, _csv(tmp_path / "p.csv", [(*p, s) for p, s in zip(places, said, strict=True)]))

    mapped = {each.name: each.hectares for each in made.areas}
    for name, area in zip(right.names, right.areas.area, strict=True):
        assert area == pytest.approx(mapped[name])
    assert right.areas.overall == 1.0
    table = geopandas.GeoDataFrame(
        {"truth": ["Forest"] * len(at)}, geometry=geopandas.points_from_xy(*zip(*places, strict=True)), crs=4326
    ).to_crs(32632)
    table.to_file(tmp_path / "p.gpkg")
    wrong = adjust_areas(made, tmp_path / "p.gpkg", column="truth")
    whole = sum(mapped.values())
    assert wrong.areas.area[wrong.names.index("Forest")] == pytest.approx(whole)
    assert wrong.table().splitlines()[0].startswith("adjusted area")
    assert wrong.to_json()["classes"][0]["name"] == "SeaLake"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("x,lat,class\n1,2,Forest\n", Unknown, "unknown column 'lon'"),
        ("lon,lat,class\nhere,2,Forest\n", Unreadable, "holds a place that is no number"),
        ("lon,lat,class\n11.35,46.49,Swamp\n", Unknown, "unknown class of the map 'Swamp'"),
        ("lon,lat,class\n11.35,46.49,Forest\n", Refused, "has fewer than two points where the map shows "),
    ],
)
def test_samples_that_say_too_little_are_refused(tmp_path, text, error, said):
    made = map_scene(Projected(), HeldScene(noise(96, 120, smooth=4)), tmp_path / "m.tif")
    (tmp_path / "p.csv").write_text(text)

    with pytest.raises(error, match=said):
        adjust_areas(made, tmp_path / "p.csv")
