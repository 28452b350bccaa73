"""Text: plain and gzipped alike, and what cannot be read."""

from __future__ import annotations

import gzip

import pytest

from swath.core.errors import Unreadable
from swath.formats.text import read_text


def test_plain_and_gzipped_are_one_text_whatever_their_names(tmp_path):
    said = "a,ä\n"
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + said.encode())
    (tmp_path / "b.csv").write_bytes(gzip.compress(said.encode()))

    assert read_text(tmp_path / "a.csv", most=100) == read_text(tmp_path / "b.csv", most=100) == said


def test_the_bound_counts_unpacked_bytes(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"0" * 10_000))

    assert len(read_text(tmp_path / "a.gz", most=10_000)) == 10_000
    with pytest.raises(Unreadable) as raised:
        read_text(tmp_path / "a.gz", most=9_999)
    assert str(raised.value) == "a.gz: has more than 9,999 bytes. Split it."


@pytest.mark.parametrize(
    "blob",
    [b"\xff\xfe\x00", gzip.compress(b"abc", mtime=0)[:-3], b"\x1f\x8bno gzip"],
    ids=["no UTF-8", "cut short", "no gzip"],
)
def test_what_is_no_text_is_told(tmp_path, blob):
    (tmp_path / "a").write_bytes(blob)

    with pytest.raises(Unreadable, match=r"a: cannot be read \(.*\)\. Fetch the table again\."):
        read_text(tmp_path / "a", most=100)
