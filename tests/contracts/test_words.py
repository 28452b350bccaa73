"""Words and shapes that other people's files and programs rest on: changing one is a deliberate act."""

from __future__ import annotations

import inspect
from dataclasses import fields

from swath.core.bands import S2_BANDS, S2_L2A_BANDS
from swath.core.errors import Failure, SwathError
from swath.core.offset import RANK
from swath.core.origin import Origin
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, Source, StackSpec
from swath.core.quantity import CONVERSIONS, KINDS
from swath.core.sample import TARGET_KINDS, Sample, Target
from swath.core.specs import OUTPUT_KINDS, Predictor
from swath.core.stack import Stack


def names(record: type) -> list[str]:
    return [field.name for field in fields(record)]


def test_kinds_of_quantity():
    """Contract 1."""
    assert list(KINDS) == [
        "dn",
        "toa",
        "boa",
        "beta0",
        "sigma0",
        "gamma0_ellipsoid",
        "gamma0_rtc",
        "beta0_db",
        "sigma0_db",
        "gamma0_ellipsoid_db",
        "gamma0_rtc_db",
        "rgb8",
        "class",
        "probability",
        "value",
    ]


def test_no_conversion_joins_toa_and_boa_or_rtc_and_ellipsoid():
    """Contract 1 and science 1.8, 2.5: what is not in the table is an error."""
    assert sorted(CONVERSIONS) == sorted(
        [
            ("dn", "toa"),
            ("dn", "boa"),
            ("toa", "dn"),
            ("boa", "dn"),
            ("dn", "dn"),
            ("sigma0", "gamma0_ellipsoid"),
            ("gamma0_ellipsoid", "sigma0"),
            *((kind, f"{kind}_db") for kind in ("beta0", "sigma0", "gamma0_ellipsoid", "gamma0_rtc")),
            *((f"{kind}_db", kind) for kind in ("beta0", "sigma0", "gamma0_ellipsoid", "gamma0_rtc")),
        ]
    )


def test_canonical_bands():
    """Contract 2; the order of band_id 0..12 in Sentinel-2 metadata."""
    assert " ".join(S2_BANDS) == "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12"
    assert " ".join(S2_L2A_BANDS) == "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12"


def test_fields_of_records():
    """Contracts 3 to 5."""
    assert names(Stack) == ["data", "bands", "times", "quantity", "geobox", "gsd", "valid", "origin"]
    assert names(Origin) == [
        "items",
        "sensor",
        "level",
        "provider",
        "baselines",
        "offsets",
        "declared",
        "attribution",
        "geometry",
    ]
    assert names(Sample) == ["id", "stacks", "targets", "footprint", "group", "lonlat"]
    assert names(Target) == ["code", "codes", "values", "stack"]
    assert names(Failure) == ["id", "reason", "message"]
    assert names(Plan) == ["source", "asked", "layout", "rows", "failures"]
    assert names(Layout) == ["stacks", "targets", "legends", "licences"]
    assert names(StackSpec) == [
        "bands",
        "size",
        "dtype",
        "quantity",
        "sensor",
        "level",
        "gsd",
        "dates",
        "has_valid",
    ]


def test_kinds_of_target_and_output():
    """Contracts 4 and 9."""
    assert TARGET_KINDS == ("class", "classes", "map", "values", "stack")
    assert list(OUTPUT_KINDS) == ["scene", "dense", "image", "values", "vector"]


def test_columns_of_a_plan():
    """Contract 5."""
    assert {name: str(kind) for name, kind in PLAN_COLUMNS.items()} == {
        "id": "string",
        "group": "string",
        "lon": "double",
        "lat": "double",
        "bytes": "int64",
        "why": "string",
    }


def test_signatures_of_the_seams():
    """Contracts 5 and 10."""
    assert list(inspect.signature(Source.plan).parameters) == ["self", "places", "dates", "spec"]
    assert list(inspect.signature(Source.read).parameters) == ["self", "rows"]
    assert list(inspect.signature(Predictor.samples).parameters) == ["self", "stacks", "valid", "times"]
    assert list(inspect.signature(Predictor.windows).parameters) == ["self", "stacks", "valid", "corners"]
    assert list(inspect.signature(Predictor.dense).parameters) == ["self", "stacks", "valid"]


def test_order_of_evidence():
    """science 1.6."""
    assert sorted(RANK, key=lambda kind: RANK[kind]) == [
        "override",
        "xml",
        "provider",
        "convention",
        "raster",
        "flag",
        "baseline",
    ]


def test_fields_of_an_error():
    assert list(inspect.signature(SwathError).parameters) == ["where", "what", "want", "have", "fix"]
