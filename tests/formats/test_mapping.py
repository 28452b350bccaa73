"""Mapping: declared against written, and nothing physical guessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from swath.core.errors import Mismatch, Refused, SwathError, Unknown
from swath.core.quantity import BOA, SIGMA0_DB, TOA, class_of, dn, rgb8, value
from swath.formats.mapping import declare, folder_legend, gsd_of, leave_out, map_bands, with_tags
from swath.formats.raster import Header


def a_header(bands: int = 4, *, dtype: str = "uint16", names: tuple[str | None, ...] = (), scales=()) -> Header:
    return Header(
        shape=(8, 8),
        indexes=tuple(range(1, bands + 1)),
        dtype=dtype,
        geobox=GeoBox((8, 8), Affine(10, 0, 680040, 0, -10, 5152200), "EPSG:32632"),
        place=(11.35, 46.5),
        descriptions=names or (None,) * bands,
        nodata=(None,) * bands,
        has_mask=False,
        scales=scales or ((1.0, 0.0),) * bands,
    )


def mapped(header: Header, **options):
    return map_bands(declare(options, where="geotiff"), header, where="a.tif")


def refusal(header: Header, **options) -> str:
    with pytest.raises(SwathError) as raised:
        mapped(header, **options)
    return str(raised.value)


def test_bands_are_named_by_position_and_chosen_by_name():
    made = mapped(a_header(), bands="red,green,B2,nir", kind="dn", level="L2A", keep="B08,B04")

    assert made.names == ("B04", "B03", "B02", "B08")
    assert (made.bands, made.measured) == (("B08", "B04"), (3, 0))


def test_names_written_in_the_file_are_used_where_nothing_is_declared():
    made = mapped(a_header(3, names=("red", "B3", "blue")), kind="dn", level="L2A")

    assert made.bands == ("B04", "B03", "B02")


def test_a_declared_order_against_a_written_one_is_refused_with_both():
    assert refusal(a_header(3, names=("B02", "B03", "B04")), bands="B04,B03,B02", kind="dn") == (
        "a.tif: band order differs: want B04 B03 B02 (declared), have B02 B03 B04 (written in the file). "
        "Declare the file's own order, or nothing."
    )


@pytest.mark.parametrize("text", ["bands", "Band 1", "gray", "rededge"])
def test_a_description_that_names_no_band_says_nothing(text):
    """Real files carry 'bands' on each of them; `rededge` means any of three."""
    made = mapped(a_header(2, names=(text, text)), bands="B05,B06", kind="dn", level="L2A")

    assert made.bands == ("B05", "B06")


def test_a_file_that_names_no_band_wants_a_declaration():
    assert refusal(a_header(5), kind="dn") == (
        "a.tif: does not say which of its 5 bands is which. Declare bands=B04,B03,... by their position, or "
        "sensor=anonymous-<n> if nobody knows."
    )


def test_the_number_of_bands_must_agree():
    assert refusal(a_header(5), bands="B04,B03", kind="dn") == (
        "a.tif: number of bands differs: want 2 (B04 B03, declared), have 5 in the file. "
        "Name every band of the file, in its order; choose with keep=."
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bands": "B04,B03,B02,B88", "kind": "dn"}, "a.tif: unknown band 'B88'. Did you mean 'B8A'"),
        ({"bands": "B04,red,B02,B08", "kind": "dn"}, "a.tif: band B04 is named more than once."),
        ({"bands": "B04,B03,B02,B10", "kind": "dn", "level": "L2A"}, "a.tif: unknown band of s2-l2a 'B10'."),
        ({"bands": "B04,B03,B02,VV", "kind": "dn", "level": "L1C"}, "a.tif: unknown band of s2-l1c 'VV'."),
        (
            {"bands": "B04,B03,B02,B08", "kind": "dn", "keep": "B11"},
            "a.tif: unknown band to keep 'B11'. Known: B04, B03,",
        ),
        ({"bands": "B04,B03,B02,B08"}, "a.tif: does not say what its numbers are. Declare kind=: dn (with level"),
        ({"bands": "B04,B03,B02,B08", "kind": "dn", "offset": 0}, "a.tif: has an offset but no level to say what"),
        ({"sensor": "anonymous-3", "kind": "dn"}, "a.tif: number of bands differs: want 3 (anonymous-3), have 4."),
    ],
)
def test_what_is_declared_wrongly_is_told(options, sentence):
    assert refusal(a_header(), **options).startswith(sentence)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"level": "L1D"}, "unknown level 'L1D'. Did you mean 'L1C'"),
        ({"kind": "sigma"}, "unknown quantity 'sigma'. Did you mean 'sigma0'"),
        ({"kind": "class"}, "unknown quantity 'class'."),
        ({"sensor": "s2-l1d"}, "geotiff: unknown sensor 's2-l1d'. Did you mean 's2-l1c'"),
        ({"legend": "eurosatt"}, "geotiff: unknown legend 'eurosatt'. Did you mean 'eurosat'"),
        ({"labels": "folders"}, "unknown labels 'folders'. Did you mean 'folder'"),
        ({"class_role": "targets"}, "unknown class_role 'targets'. Did you mean 'target'"),
        ({"kind": "toa", "level": "L2A"}, "geotiff: level differs: want L1C (kind toa), have L2A."),
        ({"sensor": "s2-l1c", "level": "L2A"}, "geotiff: level differs: want L1C (sensor s2-l1c), have L2A."),
        ({"kind": "boa", "level": "L1C"}, "geotiff: level differs: want L2A (kind boa), have L1C."),
        ({"min_valid": 50}, "geotiff: min_valid must be a share from 0 to 1, have 50."),
        (
            {"class_band": "LC,SCL", "class_legend": "worldcover"},
            "geotiff: class_legend differs: want one a class_band (LC, SCL), have worldcover. Name a legend for each",
        ),
        ({"class_band": "LC", "class_legend": "worldcov"}, "geotiff: unknown legend 'worldcov'. Did you mean 'worldc"),
    ],
)
def test_declarations_that_need_no_file_are_checked_at_once(options, sentence):
    with pytest.raises((Mismatch, Refused, Unknown)) as raised:
        declare(options, where="geotiff")

    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("dtype", "options", "quantity"),
    [
        ("uint16", {"kind": "dn", "level": "L1C"}, dn("toa", offset=None)),
        ("uint16", {"kind": "dn", "level": "L1C", "offset": "-1000"}, dn("toa", offset=-1000)),
        ("int16", {"kind": "dn", "level": "L2A", "convention": 0}, dn("boa", offset=0)),
        ("uint16", {"kind": "dn", "level": "L2A", "quantification": 9}, dn("boa", offset=None, quantification=9)),
        ("float32", {"kind": "toa", "level": "L1C"}, TOA),
        ("float32", {"kind": "boa"}, BOA),
        ("uint16", {"kind": "dn"}, dn(None, offset=None)),
        ("int16", {"kind": "value", "unit": "m"}, value("m")),
        ("uint8", {"kind": "rgb8", "rendering": "eurosat-2750"}, rgb8("eurosat-2750")),
    ],
)  # fmt: skip
def test_the_quantity_is_what_is_declared(dtype, options, quantity):
    assert mapped(a_header(3, dtype=dtype), bands="B04,B03,B02", **options).quantity == quantity


def test_radar_in_decibels_is_taken_as_it_is():
    made = mapped(a_header(2, dtype="float64"), bands="VV,VH", kind="sigma0_db", level="GRD")

    assert (made.quantity, made.sensor, made.level) == (SIGMA0_DB, "s1-grd", "GRD")


def test_scale_and_offset_in_the_file_are_a_claim():
    """GDAL: value = scale x number + offset, so 0.0001 and -0.1 are /10000 and -1000."""
    header = a_header(3, scales=((0.0001, -0.1),) * 3)

    made = mapped(header, bands="B04,B03,B02", kind="dn", level="L2A")

    assert made.quantity == dn("boa", offset=-1000)
    assert str(made.claims[0]) == "raster says -1000 (scale and offset in the file)"


def test_a_declared_offset_stands_above_the_file():
    header = a_header(3, scales=((0.0001, -0.1),) * 3)

    made = mapped(header, bands="B04,B03,B02", kind="dn", level="L2A", offset=0)

    assert made.quantity == dn("boa", offset=0)
    assert [claim.kind for claim in made.claims] == ["override", "raster"]


def test_offsets_a_band_follow_the_bands_that_are_kept():
    made = mapped(a_header(3), bands="B04,B03,B02", kind="dn", level="L2A", offset="-1,-2,-3", keep="B02,B04")

    assert made.quantity == dn("boa", offset=[-3, -1])


@pytest.mark.parametrize(
    ("dtype", "scales", "options", "sentence"),
    [
        ("uint16", (), {"kind": "toa"}, "a.tif: dtype differs: want floating point (toa refl"),
        ("uint16", (), {"kind": "rgb8", "rendering": "eurosat-2750"}, "a.tif: picture differs: want 3 bands of uint8"),
        ("float32", ((0.1, 1.0),) * 3, {"kind": "toa"}, "a.tif: scale differs: want none (kind toa, declared)"),
        ("uint16", ((0.0001, 0.0),) * 3, {"kind": "dn", "level": "L2A", "quantification": 1000},
         "a.tif: quantification differs: want 1000 (declared), have 10000 (written in the file)."),
        ("uint16", (), {"kind": "dn", "level": "L2A", "offset": "0,1"}, "a.tif: offset differs: want one number,"),
        ("uint8", (), {"kind": "value"}, "quantity value: has no unit."),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_what_is_declared_are_refused(dtype, scales, options, sentence):
    assert refusal(a_header(3, dtype=dtype, scales=scales), bands="B04,B03,B02", **options).startswith(sentence)


def test_scl_is_a_map_of_its_own_whenever_it_is_so_named():
    made = mapped(a_header(3), bands="B04,B08,SCL", kind="dn", level="L2A")

    assert made.bands == ("B04", "B08")
    assert made.classes == ((2, "SCL", "scl"),)


def test_other_class_bands_are_declared_with_their_legend():
    options = {"bands": "LC", "class_band": "LC", "class_legend": "worldcover"}
    made = mapped(a_header(1, dtype="uint8"), **options)

    assert made.classes == ((0, "LC", "worldcover"),)
    assert made.quantity is None
    assert class_of(made.classes[0][2]) == class_of("worldcover")


def test_bands_of_nobody_keep_their_names():
    made = mapped(a_header(4), sensor="anonymous-4", kind="value", unit="1")

    assert (made.bands, made.sensor, made.level) == (("b1", "b2", "b3", "b4"), "anonymous-4", "")


def test_values_keep_the_names_that_they_are_given():
    assert mapped(a_header(1, dtype="int16"), bands="elevation", kind="value", unit="m").bands == ("elevation",)


def test_the_declared_ground_size_is_checked_against_the_grid():
    with pytest.raises(Mismatch) as raised:
        gsd_of(declare({"gsd": 20}, where=""), a_header(), where="a.tif")

    assert str(raised.value) == (
        "a.tif: gsd differs: want 20 m (declared), have 10 x 10 m by its grid. Declare the grid's own, or resample it."
    )


def test_a_file_without_a_place_takes_the_declared_ground_size():
    header = replace(a_header(), geobox=None)

    assert gsd_of(declare({"gsd": "10"}, where=""), header, where="a.tif") == (10.0, 10.0)
    with pytest.raises(Refused, match=r"a\.tif: has no place, so its ground size is unknown\. Declare gsd="):
        gsd_of(declare({}, where=""), header, where="a.tif")


def test_folder_names_become_a_legend_in_alphabetical_order():
    made = folder_legend(["river", "crop", "forest"])

    assert dict(zip(made.names, made.codes, strict=True)) == {"crop": 0, "forest": 1, "river": 2}
    assert len(set(made.colours)) == 3


def test_a_sensor_says_its_level():
    assert mapped(a_header(3), bands="B04,B03,B02", kind="dn", sensor="s2-l2a").quantity == dn("boa", offset=None)


def test_bands_that_nobody_needs_are_left_out():
    made = mapped(a_header(5), bands="B04,-,B02,-,SCL", kind="dn", level="L2A")

    assert made.bands == ("B04", "B02")
    assert made.judged == (0, 2)
    assert made.classes == ((4, "SCL", "scl"),)
    assert "unknown band to keep '-'. Known: B04, B02." in refusal(a_header(3), bands="B04,-,B02", kind="dn", keep="-")


WRITTEN = {"SWATH_KIND": "dn", "SWATH_LEVEL": "L1C", "SWATH_SENSOR": "s2-l1c", "SWATH_TIME": "2018-07-14T09:45:00"}


def test_what_swath_wrote_into_a_file_need_not_be_declared():
    header = replace(a_header(2, names=("B04", "B03")), tags=WRITTEN)

    read = mapped(header)

    assert (read.quantity, read.level, read.sensor) == (dn("toa", offset=None), "L1C", "s2-l1c")
    assert with_tags(declare({}, where=""), header, where="").date == np.datetime64("2018-07-14T09:45", "us")


def test_a_declared_date_stands_in_place_of_the_written_one():
    header = replace(a_header(2, names=("B04", "B03")), tags=WRITTEN)

    said = with_tags(declare({"date": "2019-01-02"}, where=""), header, where="")

    assert said.date == np.datetime64("2019-01-02", "us")


@pytest.mark.parametrize(("name", "value"), [("kind", "boa"), ("level", "L2A")])
def test_a_declaration_against_the_written_is_refused(name, value):
    header = replace(a_header(2, names=("B04", "B03")), tags=WRITTEN)

    assert f"a.tif: {name} differs: want {value} (declared), have " in refusal(header, **{name: value})


def test_a_band_of_labels_leaves_the_inputs_whatever_it_is_called():
    """By description, by declaration, or without any name."""
    described = a_header(3, names=("B04", "landcover", "B03"))
    declared, name, known = leave_out(declare({"kind": "boa"}, where=""), described, 2, where="a.tif")
    assert (declared.bands, name, known) == (("B04", "-", "B03"), "landcover", "")

    asked = declare({"bands": "B04,B03,SCL"}, where="")
    declared, name, known = leave_out(asked, a_header(3), 3, where="a.tif")
    assert (declared.bands, name, known) == (("B04", "B03", "-"), "SCL", "scl")

    asked = declare({"sensor": "anonymous-2", "kind": "value", "unit": "1"}, where="")
    declared, name, known = leave_out(asked, a_header(3), 1, where="a.tif")
    assert (declared.bands[0], len(declared.bands), name, known) == ("-", 3, "band1", "")


def test_a_band_that_is_not_there_is_told():
    with pytest.raises(Unknown, match="a.tif: unknown band '7'.*Known: 1, 2, 3, 4"):
        leave_out(declare({}, where=""), a_header(4), 7, where="a.tif")
