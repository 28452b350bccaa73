"""Real scenes as models would see them; see the data's README for what is in each file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from swath.core.errors import Mismatch
from swath.core.quantity import TOA, rgb8
from swath.core.scene import Window
from swath.core.specs import InputSpec, StackInput
from swath.formats.scene import open_scene
from swath.prediction import MapOptions
from swath.prediction.fit import fit_scene
from swath.recipes.map import map_scene
from tests.bundle.a_bundle import a_bundle, some_facts

pytestmark = pytest.mark.realdata

BOLZANO = {"bands": "B04,B03,B02,B08,SCL", "level": "L2A", "kind": "dn", "offset": 0, "nodata": 0, "date": "2022-06-12"}
#: science.md 1, SEN12MS-CR's order: B8A after B08, and all thirteen bands.
CLEAR = {"bands": "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B10,B11,B12", "level": "L1C", "kind": "dn", "offset": 0}


def scene(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / "scenes" / name


def pictures() -> InputSpec:
    stack = StackInput(("B04", "B03", "B02"), rgb8("eurosat-2750-jpeg"), "L1C", 10.0, 1, (90.0,) * 3, (50.0,) * 3)
    return InputSpec({"rgb": stack}, (64, 64))


def test_bolzano_is_no_picture_of_l1c_until_that_is_declared():
    """Issue 10, on real input: the user declares boa-as-toa."""
    held = open_scene(scene("bolzano_s2_l2a_2022.tif"), **BOLZANO)

    with pytest.raises(Mismatch, match=r"want toa reflectance.*pass --treat-as toa"):
        fit_scene(held, pictures(), by="bundle rgb")
    fitted = fit_scene(held, pictures(), by="bundle rgb", treat_as="toa")

    x, valid = fitted.read(Window(300, 400, 64, 64))
    with rasterio.open(scene("bolzano_s2_l2a_2022.tif")) as file:
        raw = file.read([1, 2, 3], window=rasterio.windows.Window(400, 300, 64, 64)).astype(float)
    np.testing.assert_array_equal(x, np.floor(1 + raw.clip(0, 2750) * 254 / 2750 + 0.5))
    assert valid.all()
    assert fitted.declared == {"treat_as": "boa as toa", "level": "L2A as L1C"}


def test_a_13_band_mosaic_is_mapped_on_its_own_grid(tmp_path):
    """512 x 384 px, EPSG:32639, 10 m; a bundle of thirteen bands in EuroSAT's order finds them by name."""
    torch.set_num_threads(1)
    bands = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
    stack = StackInput(bands, TOA, "L1C", 10.0, 1, (0.15,) * 13, (0.05,) * 13)
    facts = some_facts(input=InputSpec({"s2": stack}, (32, 32)))
    from swath.bundle import Bundle
    from swath.bundle.bundle import make_network

    model = Bundle(facts, make_network(facts))

    made = map_scene(
        model, scene("sen12mscr_136_clear.tif"), tmp_path / "m.tif", declared=CLEAR, options=MapOptions(stride=32)
    )

    with rasterio.open(made.files.map) as file, rasterio.open(scene("sen12mscr_136_clear.tif")) as theirs:
        assert (file.crs, file.transform, file.shape) == (theirs.crs, theirs.transform, theirs.shape)
        assert file.crs.to_epsg() == 32639
    assert made.nodata == 0


BUNDLES = Path(__file__).parents[2] / "results" / "bundles"


def test_the_wooded_slope_above_bolzano_is_mapped_as_forest(tmp_path):
    """Issue 10, on real input: forest on the slopes. The kept bundle of EuroSAT's pictures, boa declared as toa."""
    torch.set_num_threads(1)
    path = tmp_path / "slope.tif"
    with rasterio.open(scene("bolzano_s2_l2a_2022.tif")) as file:
        at, grid = rasterio.windows.Window(680, 480, 128, 96), file.transform
        shifted = rasterio.Affine(grid.a, 0, grid.c + 680 * grid.a, 0, grid.e, grid.f + 480 * grid.e)
        size = {"width": 128, "height": 96, "transform": shifted}
        with rasterio.open(path, "w", **file.profile | size) as made:
            made.write(file.read(window=at))
    options = MapOptions(stride=32, views=1, treat_as="toa")

    done = map_scene(BUNDLES / "eurosat-rgb", path, tmp_path / "m.tif", declared=BOLZANO, options=options)

    shares = {each.name: each.pixels / done.pixels for each in done.areas}
    assert shares["Forest"] > 0.9


def test_bands_in_another_order_give_the_same_map(tmp_path):
    """Issue 10, on real input: the mosaic's B8A follows B08, the bundle's comes last; here all are turned round."""
    torch.set_num_threads(1)
    turned = tmp_path / "turned.tif"
    with (
        rasterio.open(scene("sen12mscr_136_clear.tif")) as file,
        rasterio.open(turned, "w", **file.profile) as made,
    ):
        made.write(file.read()[::-1])
    orders = {scene("sen12mscr_136_clear.tif"): CLEAR["bands"], turned: ",".join(CLEAR["bands"].split(",")[::-1])}
    options = MapOptions(stride=64, views=1)

    maps = [
        map_scene(
            BUNDLES / "eurosat-13-demonstration",
            path,
            tmp_path / f"{i}.tif",
            declared={**CLEAR, "bands": bands},
            options=options,
        )
        for i, (path, bands) in enumerate(orders.items())
    ]

    for kind in ("map", "probability"):
        with rasterio.open(getattr(maps[0].files, kind)) as one, rasterio.open(getattr(maps[1].files, kind)) as other:
            np.testing.assert_array_equal(one.read(), other.read())


def test_bolzanos_class_band_is_never_read(tmp_path):
    """Issue 10: the label band leaves the inputs; here four measured bands of five are looked at."""
    torch.set_num_threads(1)
    model = a_bundle(tmp_path / "alps")

    made = map_scene(
        model,
        scene("bolzano_s2_l2a_2022.tif"),
        tmp_path / "m.tif",
        declared=BOLZANO,
        options=MapOptions(stride=32, treat_as="toa"),
    )

    assert made.pixels == 705 * 935
    with rasterio.open(scene("bolzano_s2_l2a_2022.tif")) as theirs:
        empty = int((theirs.read([1, 2, 3, 4]) == 0).all(axis=0).sum())
    assert made.nodata == empty
