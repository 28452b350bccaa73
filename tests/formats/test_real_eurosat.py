"""EuroSAT itself: 27,000 pictures with their places, and 80 patches of thirteen bands."""

from __future__ import annotations

import csv
import gzip
import io
import os
import shutil
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer

from swath.core.bandproof import prove_order
from swath.core.errors import Mismatch
from swath.core.geobox import ground_gsd, utm_epsg
from swath.core.legends import legend
from swath.core.rendering import encode_jpeg, render
from swath.core.sample import Sample
from swath.core.sphere import distance
from swath.formats.eurosat import EUROSAT_MS, EUROSAT_RGB
from swath.testing.build import EUROSAT_ORDER, a_geotiff
from swath.testing.format import check_format
from swath.testing.source import check_source

pytestmark = pytest.mark.realdata


def data(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / name


def rgb(**declared):
    return EUROSAT_RGB.open([data("eurosat-rgb/EuroSAT_RGB.zip")], **declared)


def ms():
    return EUROSAT_MS.open([data("eurosat-ms/EuroSAT_MS_subset.zip")])


def test_the_whole_set_is_planned_with_its_counts():
    """Data README: 27,000 JPEG; five classes of 3000, four of 2500, Pasture 2000; numbers run 1..N without gap."""
    plan = rgb().plan()

    names = [legend("eurosat").name_of(code) for code in plan.rows["code"].to_pylist()]
    large = dict.fromkeys(("AnnualCrop", "Forest", "HerbaceousVegetation", "Residential", "SeaLake"), 3000)
    small = dict.fromkeys(("Highway", "Industrial", "PermanentCrop", "River"), 2500)
    assert Counter(names) == {**large, **small, "Pasture": 2000}
    assert len(plan) == 27_000
    assert plan.rows["id"][2999].as_py() == "AnnualCrop_3000"


def test_the_plan_takes_less_than_two_seconds():
    source = rgb(positions=data("eurosat-rgb/positions.csv.gz"))

    began = time.process_time()
    source.plan()

    assert time.process_time() - began < 2.0


def test_every_picture_has_its_place():
    """Data README: extent lat 27.97..65.24, lon -20.99..33.53; the point is half a pixel, 7.07 m, off the centre."""
    plan = rgb(positions=data("eurosat-rgb/positions.csv.gz")).plan()
    with gzip.open(data("eurosat-rgb/positions.csv.gz"), "rt") as handle:
        table = {Path(row["path"]).stem: row for row in csv.DictReader(handle)}

    lon, lat = (plan.rows[name].to_numpy() for name in ("lon", "lat"))
    given = [table[id] for id in plan.rows["id"].to_pylist()]
    off = distance(lon, lat, np.array([float(r["lon"]) for r in given]), np.array([float(r["lat"]) for r in given]))

    assert plan.asked["without_place"] == 0
    assert (round(lat.min(), 2), round(lat.max(), 2)) == (27.97, 65.24)
    assert (round(lon.min(), 2), round(lon.max(), 2)) == (-20.99, 33.53)
    # 5 m in x and y of UTM; the sphere of `distance` is within 0.6 % of the geodesic.
    assert off.min() > 7.0
    assert off.max() < 7.15


def test_places_of_pictures_agree_with_the_transforms_of_their_patches():
    """The same patch as GeoTIFF carries its own transform: the picture's square must lie on it to a metre or two.

    Pixels are not exactly 10 m (9.93..10.06), which costs up to 2 % of the overlap; where the tile was of the
    neighbouring zone, its square is turned by up to 4 degrees against that of the point's own, which costs up to 8 %.
    """
    patches = {made.id: made for made in ms().read(ms().plan().rows)}
    source = rgb(positions=data("eurosat-rgb/positions.csv.gz"))
    rows = source.plan().rows
    rows = rows.filter(np.isin(rows["id"].to_numpy(zero_copy_only=False), list(patches)))

    for picture in source.read(rows):
        patch = patches[picture.id]
        assert distance(*(np.array([n]) for n in (*picture.lonlat, *patch.lonlat)))[0] < 3.0
        overlap = picture.footprint.intersection(patch.footprint).area / picture.footprint.union(patch.footprint).area
        epsg = patch.stacks["s2"].geobox.crs.epsg
        assert overlap > (0.975 if epsg == utm_epsg(*picture.lonlat) else 0.92)


def test_pictures_are_what_pillow_decodes():
    source = rgb()
    rows = source.plan().rows
    rows = rows.take(np.linspace(0, len(rows) - 1, 200).astype(int))

    with zipfile.ZipFile(data("eurosat-rgb/EuroSAT_RGB.zip")) as held:
        for sample in source.read(rows):
            stack = sample.stacks["rgb"]
            theirs = np.asarray(Image.open(io.BytesIO(held.read(stack.origin.items[0]))))
            np.testing.assert_array_equal(stack.data[0].transpose(1, 2, 0), theirs)


def test_patches_are_what_rasterio_reads():
    source = ms()
    path = data("eurosat-ms/EuroSAT_MS_subset.zip")

    made = list(source.read(source.plan().rows))

    assert len(made) == 80
    for sample in made:
        stack = sample.stacks["s2"]
        with rasterio.open(f"zip://{path}!{stack.origin.items[0]}") as theirs:
            np.testing.assert_array_equal(stack.data[0], theirs.read())
            assert stack.geobox.transform == theirs.transform
            assert stack.geobox.crs.epsg == theirs.crs.to_epsg()


def test_pixels_are_not_ten_metres_and_the_patches_say_so():
    """Data README: 9.94..10.06 m, x and y differ, UTM zones 29..36 N; the smallest is 9.933 m, in y."""
    source = ms()
    stacks = [sample.stacks["s2"] for sample in source.read(source.plan().rows)]

    sides = np.array([stack.gsd for stack in stacks])
    zones = {stack.geobox.crs.epsg for stack in stacks}

    assert (round(sides.min(), 3), round(sides.max(), 3)) == (9.933, 10.063)
    assert (sides[:, 0] != sides[:, 1]).any()
    assert min(zones) >= 32629
    assert max(zones) <= 32636
    assert all(stack.gsd == ground_gsd(stack.geobox) for stack in stacks)


def test_physics_proves_the_order_of_the_files():
    source = ms()

    assert source.plan().asked["band_order"] == f"{' '.join(EUROSAT_ORDER)}: proved by physics on 80 patches"


def test_every_patch_is_unshifted():
    """science 1.7: 1 % quantile of B10 is 4..33 in 100 EuroSAT patches."""
    source = ms()

    for sample in source.read(source.plan().rows):
        (offset,) = sample.stacks["s2"].origin.offsets
        assert offset["verdict"].startswith("unshifted (1 % quantile of B10 is ")


@pytest.mark.parametrize("kind", ["sensor order", "B04 and B03 exchanged", "B11 and B12 exchanged"])
def test_a_permuted_copy_is_refused(tmp_path, kind):
    order = list(EUROSAT_ORDER)
    if kind == "sensor order":
        order = [*EUROSAT_ORDER[:8], "B8A", *EUROSAT_ORDER[8:12]]
    else:
        one, _, other, _ = kind.split()
        i, j = order.index(one), order.index(other)
        order[i], order[j] = order[j], order[i]
    index = [EUROSAT_ORDER.index(band) for band in order]
    source = ms()
    for sample in source.read(source.plan().rows):
        stack = sample.stacks["s2"]
        label = sample.id.split("_")[0]
        a_geotiff(
            tmp_path / "ms" / label / f"{sample.id}.tif",
            stack.data[0, index],
            crs=str(stack.geobox.crs),
            transform=stack.geobox.transform,
        )

    with pytest.raises(Mismatch) as raised:
        EUROSAT_MS.open([tmp_path / "ms"])

    assert f"band order differs: want {' '.join(EUROSAT_ORDER)}, have " in str(raised.value)
    if kind == "sensor order":
        assert f"The pixels fit sen12ms ({' '.join(order)})" in str(raised.value) or " ".join(order) in str(
            raised.value
        )


def test_patches_render_to_the_distributed_pictures_byte_for_byte():
    """Data README: 100 of 100 are byte-identical after the stretch and the JPEG coding."""
    source = ms()

    with zipfile.ZipFile(data("eurosat-rgb/EuroSAT_RGB.zip")) as held:
        for sample in source.read(source.plan().rows):
            stack = sample.stacks["s2"]
            picture = render(stack.data[0], stack.quantity, stack.bands, "eurosat-2750")
            assert encode_jpeg(picture) == held.read(f"2750/{sample.id.split('_')[0]}/{sample.id}.jpg")


def test_the_real_zips_keep_the_contract(tmp_path):
    check_format(EUROSAT_MS, data("eurosat-ms/EuroSAT_MS_subset.zip"))
    check_source(rgb(positions=data("eurosat-rgb/positions.csv.gz")), rows=64)


def test_the_unpacked_folder_reads_as_the_zip(tmp_path):
    shutil.unpack_archive(data("eurosat-ms/EuroSAT_MS_subset.zip"), tmp_path / "ms")
    packed, loose = ms(), EUROSAT_MS.open([tmp_path / "ms"])

    pairs = zip(packed.read(packed.plan().rows), loose.read(loose.plan().rows), strict=True)

    for one, other in pairs:
        assert isinstance(one, Sample)
        np.testing.assert_array_equal(one.stacks["s2"].data, other.stacks["s2"].data)
        assert one.lonlat == other.lonlat


def test_band_proof_hears_what_the_source_reads():
    source = ms()
    pixels = np.concatenate([sample.stacks["s2"].data for sample in source.read(source.plan().rows)])

    assert prove_order(pixels, source.plan().layout.stacks["s2"].bands).holds


def test_the_utm_square_of_a_picture_is_640_metres():
    source = rgb(positions=data("eurosat-rgb/positions.csv.gz"))
    rows = source.plan().rows.slice(0, 50)

    for picture, epsg in zip(source.read(rows), rows["epsg"].to_pylist(), strict=True):
        x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(
            *np.array(picture.footprint.exterior.coords).T
        )
        assert np.ptp(x) == pytest.approx(640, abs=0.01)
        assert np.ptp(y) == pytest.approx(640, abs=0.01)
