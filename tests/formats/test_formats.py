"""The list of formats: by name, by look, and light until one is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from swath.core.errors import Refused, Unknown, Unreadable
from swath.core.plan import Format
from swath.formats import FORMATS, format_named, sniff
from swath.testing.build import a_eurosat_folder, a_eurosat_zip, a_geotiff


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_name_in_the_list_is_a_format_of_that_name(name):
    found = format_named(name)

    assert isinstance(found, Format)
    assert found.name == name


def test_an_unknown_format_is_refused_with_the_nearest():
    with pytest.raises(Unknown) as raised:
        format_named("eurosat-rbg")

    assert str(raised.value) == (
        "unknown format 'eurosat-rbg'. Did you mean 'eurosat-rgb'? "
        f"Known: {', '.join(list(FORMATS)[:12])}, ... ({len(FORMATS)} in all)."
    )


def test_a_path_is_taken_for_the_most_particular_format(tmp_path):
    """A folder of EuroSAT GeoTIFFs is also a folder of GeoTIFFs."""
    assert sniff(a_eurosat_zip(tmp_path / "r.zip", n=1)) == "eurosat-rgb"
    assert sniff(a_eurosat_folder(tmp_path / "m", n=1, kind="ms")) == "eurosat-ms"
    assert sniff(a_geotiff(tmp_path / "g" / "a.tif").parent) == "geotiff"


def test_a_path_of_no_format_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("x")

    with pytest.raises(Refused, match=r"looks like no format that swath reads\. Name one of them: eurosat-rgb, "):
        sniff(tmp_path / "note.txt")
    with pytest.raises(Unreadable, match="is not there"):
        sniff(tmp_path / "nothing")


def test_the_list_imports_nothing_heavy():
    code = "import sys, swath.formats; print(sorted({'numpy', 'rasterio', 'pyarrow'} & set(sys.modules)))"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.strip() == "[]"
