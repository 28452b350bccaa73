"""Archives: what is hostile is refused before a byte is inflated, what is damaged is told member by member."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from swath.core.errors import Refused, Unreadable
from swath.formats.archive import MOST_RATIO, glance, list_archive, reading

MOST = 2**20


def a_zip(path: Path, members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, blob in members.items():
            made.writestr(zipfile.ZipInfo(name), blob, compress_type=method)
    return path


def noise(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_members_read_by_offset_are_those_that_zipfile_reads(tmp_path, method):
    """Python's zipfile is the other reader."""
    held = {f"a/b/{i}.bin": noise(100 * i, i) + b"x" * 5000 for i in range(20)}
    path = a_zip(tmp_path / "a.zip", held, method=method)
    listing = list_archive(path, most=MOST)

    with reading(path, most=MOST) as read:
        ours = {member.name: read(member) for member in listing.members}

    assert ours == held
    assert listing.folders == ("a", "a/b")


def test_a_folder_reads_as_the_zip_of_it(tmp_path):
    for name in ("a/1.bin", "b.bin"):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(name.encode())
    path = a_zip(tmp_path / "a.zip", {"b.bin": b"b.bin", "a/1.bin": b"a/1.bin"})

    seen = []
    for root in (tmp_path / "f", path):
        listing = list_archive(root, most=MOST)
        with reading(root, most=MOST) as read:
            seen.append([(m.name, m.size, read(m)) for m in listing.members])

    assert seen[0] == seen[1]


def test_hidden_files_are_passed_over(tmp_path):
    path = a_zip(tmp_path / "a.zip", {"__MACOSX/a/._1.jpg": b"x", ".DS_Store": b"x", "a/1.jpg": b"y"})

    assert [member.name for member in list_archive(path, most=MOST).members] == ["a/1.jpg"]


@pytest.mark.parametrize("name", ["../x.jpg", "a/../../x.jpg", "a/.."])
def test_a_member_that_leaves_its_folder_is_refused(tmp_path, name):
    path = a_zip(tmp_path / "a.zip", {"a/1.jpg": b"y", name: b"x"})

    with pytest.raises(Unreadable) as raised:
        list_archive(path, most=MOST)

    assert f"a.zip: holds a path that leaves its folder: member {name!r}. Nothing was read from it." in str(
        raised.value
    )


@pytest.mark.parametrize("name", ["/etc/x.jpg", "C:/x.jpg", "a\\b.jpg"])
def test_an_absolute_or_foreign_path_is_refused(tmp_path, name):
    path = a_zip(tmp_path / "a.zip", {name: b"x"})

    with pytest.raises(Unreadable, match="holds an absolute or foreign path: member"):
        list_archive(path, most=MOST)


def test_a_link_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        info = zipfile.ZipInfo("Forest/Forest_1.jpg")
        info.external_attr = 0o120777 << 16
        made.writestr(info, "../../secret")

    with pytest.raises(Unreadable, match=r"holds a link: member 'Forest/Forest_1\.jpg'"):
        list_archive(tmp_path / "a.zip", most=MOST)


def test_a_bomb_is_refused_by_its_headers_alone(tmp_path):
    """Deflate reaches 1032 to 1; a member that claims more than 200 to 1 is not inflated to find out."""
    path = a_zip(tmp_path / "a.zip", {"a/1.jpg": bytes(4 * 2**20)})

    with pytest.raises(Unreadable, match=r"inflates 1,028 times \(a zip bomb\): member 'a/1\.jpg'"):
        list_archive(path, most=2**30)

    assert MOST_RATIO == 200


def test_a_member_above_the_limit_of_its_kind_is_refused(tmp_path):
    path = a_zip(tmp_path / "a.zip", {"a/1.jpg": noise(5000)})

    with pytest.raises(Unreadable, match=r"inflates to 5,000 bytes, above 4,096 \(a zip bomb, or another kind\)"):
        list_archive(path, most=4096)


def test_overlapping_members_are_refused(tmp_path):
    """Fifield 2019, "A better zip bomb": quoted local headers overlap, so no single ratio is large."""
    path = a_zip(tmp_path / "a.zip", {"a.jpg": noise(3000, 1), "b.jpg": noise(3000, 2)}, method=zipfile.ZIP_STORED)
    blob = bytearray(path.read_bytes())
    second = blob.rindex(b"PK\x01\x02")
    struct.pack_into("<L", blob, second + 42, 0)  # the second member begins where the first does
    path.write_bytes(blob)

    with pytest.raises(Unreadable, match=r"holds members that overlap \(a zip bomb\): "):
        list_archive(path, most=MOST)


def test_a_member_that_lies_about_its_size_stops_at_the_size_it_promised(tmp_path):
    """The central directory says 1,000 bytes, the deflate stream holds 100,000."""
    path = a_zip(tmp_path / "a.zip", {"a.jpg": b"x" * 100_000})
    blob = bytearray(path.read_bytes())
    struct.pack_into("<L", blob, blob.rindex(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(blob)
    member = list_archive(path, most=MOST).members[0]

    with reading(path, most=MOST) as read, pytest.raises(Unreadable) as raised:
        read(member)

    assert str(raised.value) == ("a.zip/a.jpg: bytes after inflating: want 1,000, have more. Fetch the zip again.")


def test_an_encrypted_member_is_refused(tmp_path):
    path = a_zip(tmp_path / "a.zip", {"a.jpg": b"x"})
    blob = bytearray(path.read_bytes())
    at = blob.rindex(b"PK\x01\x02") + 8
    struct.pack_into("<H", blob, at, struct.unpack_from("<H", blob, at)[0] | 1)
    path.write_bytes(blob)

    with pytest.raises(Unreadable, match=r"is encrypted: member 'a\.jpg'"):
        list_archive(path, most=MOST)


def test_another_compression_is_refused_by_its_number(tmp_path):
    """APPNOTE 4.4.5: 14 is LZMA."""
    path = a_zip(tmp_path / "a.zip", {"a.jpg": b"x" * 100}, method=zipfile.ZIP_LZMA)

    with pytest.raises(Unreadable, match="is packed by method 14, only stored and deflated are read"):
        list_archive(path, most=MOST)


def test_the_same_path_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr(zipfile.ZipInfo("a.jpg"), b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr(zipfile.ZipInfo("a.jpg"), b"2")

    with pytest.raises(Unreadable, match=r"holds the same path twice: member 'a\.jpg'"):
        list_archive(tmp_path / "a.zip", most=MOST)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_a_truncated_zip_is_told(tmp_path, share):
    path = a_zip(tmp_path / "a.zip", {f"{i}.jpg": noise(1000, i) for i in range(20)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    with pytest.raises(Unreadable, match=r"is no whole zip file \(.+\)\. Fetch it again; a download that was cut"):
        list_archive(path, most=MOST)


def test_a_zip_whose_front_is_missing_is_told(tmp_path):
    """The directory is whole, the members lie beyond the file."""
    path = a_zip(tmp_path / "a.zip", {"a.jpg": noise(9000), "b.jpg": noise(9000)}, method=zipfile.ZIP_STORED)
    blob = bytearray(path.read_bytes())
    first = blob.index(b"PK\x01\x02")
    second = blob.rindex(b"PK\x01\x02")
    struct.pack_into("<L", blob, second + 42, len(blob) - 100)
    assert first != second
    path.write_bytes(blob)

    with pytest.raises(Unreadable, match=r"is cut short: member 'b\.jpg' ends beyond it"):
        list_archive(path, most=MOST)


def test_a_flipped_byte_is_found_by_the_checksum(tmp_path):
    path = a_zip(tmp_path / "a.zip", {"a.jpg": noise(1000)}, method=zipfile.ZIP_STORED)
    member = list_archive(path, most=MOST).members[0]
    blob = bytearray(path.read_bytes())
    blob[200] ^= 1
    path.write_bytes(blob)

    with reading(path, most=MOST) as read, pytest.raises(Unreadable) as raised:
        read(member)

    assert str(raised.value) == "a.zip/a.jpg: is damaged: its checksum does not agree. Fetch the zip again."


def test_a_corrupt_stream_is_told(tmp_path):
    path = a_zip(tmp_path / "a.zip", {"a.jpg": b"abc" * 1000})
    member = list_archive(path, most=MOST).members[0]
    blob = bytearray(path.read_bytes())
    blob[35:45] = b"\xff" * 10
    path.write_bytes(blob)

    with reading(path, most=MOST) as read, pytest.raises(Unreadable, match=r"a\.zip/a\.jpg: "):
        read(member)


def test_a_zip_that_was_replaced_since_the_plan_is_told(tmp_path):
    path = a_zip(tmp_path / "a.zip", {"a.jpg": b"1" * 100, "b.jpg": b"2" * 100})
    member = list_archive(path, most=MOST).members[1]
    a_zip(path, {"long-name-of-another.jpg": noise(300)})

    with reading(path, most=MOST) as read, pytest.raises(Unreadable, match="the zip has changed. Plan again"):
        read(member)


def test_a_link_that_leaves_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (tmp_path / "f").mkdir()
    os.symlink("../secret.jpg", tmp_path / "f" / "a.jpg")

    with pytest.raises(Refused) as raised:
        list_archive(tmp_path / "f", most=MOST)

    assert "f: holds a link that leaves it: 'a.jpg' -> '../secret.jpg'. Copy the file here" in str(raised.value)


def test_a_link_inside_the_folder_is_followed(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    os.symlink("a.jpg", tmp_path / "b.jpg")

    assert [member.name for member in list_archive(tmp_path, most=MOST).members] == ["a.jpg", "b.jpg"]


def test_what_is_no_regular_file_is_not_opened(tmp_path):
    """A pipe would block whoever opens it."""
    os.mkfifo(tmp_path / "a.jpg")

    assert list_archive(tmp_path, most=MOST).members == ()


def test_a_name_that_is_no_utf8_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"a\xff.jpg")).write_bytes(b"x")

    with pytest.raises(Unreadable, match="holds a name that is no UTF-8"):
        list_archive(tmp_path, most=MOST)


def test_a_file_of_a_folder_that_is_gone_or_too_large_is_told(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x" * 100)
    (tmp_path / "b.jpg").write_bytes(b"x" * 100)
    one, other = list_archive(tmp_path, most=MOST).members
    (tmp_path / "a.jpg").unlink()

    with reading(tmp_path, most=50) as read:
        with pytest.raises(Unreadable, match=r"/a\.jpg: cannot be read \(No such file or directory\)"):
            read(one)
        with pytest.raises(Unreadable, match=r"/b\.jpg: has more than 50 bytes"):
            read(other)


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(Unreadable, match=r"x\.zip: is not there\. Look at the path"):
        list_archive(tmp_path / "x.zip", most=MOST)
    with pytest.raises(Unreadable, match="cannot be opened"), reading(tmp_path / "x.zip", most=MOST):
        pass


def test_a_glance_reads_names_only(tmp_path):
    path = a_zip(tmp_path / "a.zip", {f"{i}.jpg": b"x" for i in range(5)})
    (tmp_path / "text").write_text("x")

    assert list(glance(path, most=3)) == ["0.jpg", "1.jpg", "2.jpg"]
    assert list(glance(tmp_path / "text")) == []
    assert sorted(glance(tmp_path)) == ["a.zip", "text"]


def test_a_member_pickles_whole(tmp_path):
    path = a_zip(tmp_path / "a.zip", {"a.jpg": b"abc"})
    member = list_archive(path, most=MOST).members[0]

    assert pickle.loads(pickle.dumps(member)) == member
