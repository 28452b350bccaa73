"""Show: what a corpus looks like before it is trusted; a series shows its dates side by side."""

from __future__ import annotations

import io

from PIL import Image

from swath.corpus import build, open_corpus
from swath.formats.rasters import RASTERS
from swath.recipes.show import show_corpus
from tests.formats.a_rasters import steps


def test_a_series_is_pictured_date_by_date_in_the_order_of_time(tmp_path):
    """A swapped order of dates, or one date that is shifted, is seen only beside the others."""
    source = RASTERS.open([steps(tmp_path / "s", names=("98", "99"))])
    build(source, source.plan(), tmp_path / "corpus")

    summary = show_corpus(open_corpus(tmp_path / "corpus"), tmp_path / "page.html", tmp_path / "sheet.png")

    days = ("2019-02-06", "2019-03-08", "2019-04-07")
    assert [each.caption for each in summary.thumbnails] == [f"{id}\n{day}" for id in ("98", "99") for day in days]
    pictures = [Image.open(io.BytesIO(each.png)).tobytes() for each in summary.thumbnails]
    assert len(set(pictures[:3])) == 3
