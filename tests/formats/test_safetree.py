"""Trees of products in zips and folders: what is found, and what is refused before a byte of it is believed."""

from __future__ import annotations

import os
import shutil
import zipfile

import numpy as np
import pytest

from swath.core.errors import Refused, Unreadable
from swath.core.scene import Window
from swath.formats import safetree
from swath.formats.safeproduct import is_product_head, read_product
from swath.formats.safetree import find_trees, open_member, read_member, read_window
from tests.formats.a_safe import a_band, a_safe


def test_a_folder_holds_products_zips_and_other_things(tmp_path):
    a_safe(tmp_path)
    a_safe(tmp_path, level="L2A", is_zip=True)
    (tmp_path / "notes.zip").write_bytes(b"no zip")
    (tmp_path / "readme.txt").write_text("hello")

    assert sorted(tree.name[:10] for tree in find_trees(tmp_path, is_product_head)) == ["S2A_MSIL1C", "S2A_MSIL2A"]


def test_images_read_alike_from_zip_and_folder(tmp_path):
    """The builder's numbers come out, lossless JPEG 2000 and inflated members alike."""
    for path in (a_safe(tmp_path, added=0), a_safe(tmp_path, added=0, is_zip=True)):
        tree = find_trees(path, is_product_head)[0]
        with open_member(tree, read_product(tree).images[20]["B05"]) as dataset:
            data, inside = read_window(dataset, [1], Window(0, 0, 60, 60))

        np.testing.assert_array_equal(data[0], a_band("B05", 60))
        assert inside is None


@pytest.mark.parametrize("window", [Window(-2, -3, 5, 6), Window(55, 58, 10, 10), Window(70, 0, 4, 4)])
def test_windows_reach_beyond_the_edge(tmp_path, window):
    tree = find_trees(a_safe(tmp_path, added=0), is_product_head)[0]
    with open_member(tree, read_product(tree).images[20]["B05"]) as dataset:
        data, inside = read_window(dataset, [1], window)

    padded = np.pad(a_band("B05", 60), 100)
    at = np.s_[100 + window.row : 100 + window.row + window.height, 100 + window.col : 100 + window.col + window.width]
    np.testing.assert_array_equal(data[0], padded[at])
    np.testing.assert_array_equal(inside, np.pad(np.ones((60, 60), bool), 100)[at])


def test_handles_are_bounded_in_number_and_bytes(tmp_path, monkeypatch):
    """Memory must not grow with the number of products."""
    monkeypatch.setattr(safetree, "MOST_HANDLES", 3)
    trees = [tree for seed in range(2) for tree in find_trees(a_safe(tmp_path / str(seed), seed=seed), is_product_head)]
    for tree in trees:
        for member in read_product(tree).images[20].values():
            with open_member(tree, member):
                assert len(safetree._HANDLES.held) <= 3
    (tmp_path / "zip").mkdir()
    packed = find_trees(a_safe(tmp_path / "zip", is_zip=True), is_product_head)[0]
    monkeypatch.setattr(safetree, "MOST_HELD", 30_000)
    for member in read_product(packed).images[10].values():
        with open_member(packed, member):
            assert sum(handle.size for handle in safetree._HANDLES.held.values()) <= 30_000 + member.size


def test_a_file_that_changes_is_opened_again(tmp_path):
    tree = find_trees(a_safe(tmp_path), is_product_head)[0]
    member = read_product(tree).images[20]["B05"]
    with open_member(tree, member) as dataset:
        before = dataset.read(1)
    other = next((tmp_path).rglob("*_B06.jp2")).read_bytes()
    next(tmp_path.rglob("*_B05.jp2")).write_bytes(other)
    os.utime(next(tmp_path.rglob("*_B05.jp2")), ns=(1, 1))

    with open_member(tree, member) as dataset:
        assert (dataset.read(1) != before).any()


@pytest.mark.parametrize("cut", [100, 3000, 1])
def test_an_image_that_is_cut_short_is_refused(tmp_path, cut):
    """JPEG 2000 may decode in part without an error: the end of its codestream has to be there."""
    path = a_safe(tmp_path)
    image = next(path.rglob("*_B02.jp2"))
    size = image.stat().st_size
    os.truncate(image, size - cut)
    tree = find_trees(path, is_product_head)[0]
    with pytest.raises(Unreadable, match=r"_B02.jp2: is cut short: "), open_member(tree, tree.find("_B02.jp2")[0]):
        pass


@pytest.mark.parametrize(
    "blob", [b"", b"no image at all", b"\0\0\0\x0cjP  \r\n\x87\n", b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x02jp2c"]
)
def test_what_is_no_image_is_refused(tmp_path, blob):
    path = a_safe(tmp_path)
    next(path.rglob("*_B02.jp2")).write_bytes(blob)
    tree = find_trees(path, is_product_head)[0]
    with pytest.raises(Unreadable, match=r"_B02.jp2: "), open_member(tree, tree.find("_B02.jp2")[0]):
        pass


def packed(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, blob in members.items():
            made.writestr(name.replace("__", "/"), blob)
    return path


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"A.SAFE__MTD_MSIL1C.xml": "<a/>", "..__evil.xml": "x"}, "holds a path that leaves its folder"),
        ({"A.SAFE__MTD_MSIL1C.xml": "<a/>", "__etc__passwd": "x"}, "holds an absolute or foreign path"),
        ({"A.SAFE__MTD_MSIL1C.xml": "<a/>", "A.SAFE__x.jp2": bytes(2**24)}, "times (a zip bomb)"),
    ],
)
def test_hostile_zips_are_refused_before_anything_is_read(tmp_path, members, said):
    with pytest.raises(Unreadable) as raised:
        find_trees(packed(tmp_path / "a.zip", **members), is_product_head)

    assert said in str(raised.value)


def test_metadata_that_inflate_beyond_measure_are_not_read(tmp_path, monkeypatch):
    tree = find_trees(packed(tmp_path / "a.zip", **{"A.SAFE__MTD_MSIL1C.xml": "<a>" + " " * 5000}), is_product_head)[0]
    monkeypatch.setattr(safetree, "MOST_BYTES", 1000)
    with pytest.raises(Unreadable, match="inflates to 5,003 bytes, above 1,000"):
        read_member(tree, tree.members["MTD_MSIL1C.xml"])


def test_a_flipped_byte_in_a_zip_is_found(tmp_path):
    path = a_safe(tmp_path, is_zip=True)
    tree = find_trees(path, is_product_head)[0]
    member = read_product(tree).images[20]["B05"]
    with path.open("r+b") as handle:
        handle.seek(member.offset + member.packed // 2)
        old = handle.read(1)[0]
        handle.seek(-1, 1)
        handle.write(bytes([old ^ 1]))
    with pytest.raises(Unreadable, match="Fetch the zip again"), open_member(tree, member):
        pass


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    path = a_safe(tmp_path / "here")
    outside = tmp_path / "outside.jp2"
    image = next(path.rglob("*_B02.jp2"))
    shutil.move(image, outside)
    image.symlink_to(outside)
    with pytest.raises(Refused, match="holds a link that leaves it"):
        find_trees(path, is_product_head)
