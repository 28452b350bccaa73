"""NPZ of others: headers that lie, pickles, bombs."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from swath.core.errors import Mismatch, Unreadable
from swath.formats.npz import names_in, read_npz


def read(path, name="arr", **more):
    return read_npz(path, name, where="a.npz", **{"kinds": "fiu", **more})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_what_numpy_reads(tmp_path, save, order):
    held = np.asarray(np.arange(24.0).reshape(2, 3, 4), order=order)
    save(tmp_path / "a.npz", arr=held, other=np.arange(3, dtype=np.uint8))

    np.testing.assert_array_equal(read(tmp_path / "a.npz"), held)
    assert read(tmp_path / "a.npz", "other").dtype == np.uint8
    assert names_in(tmp_path / "a.npz") == ("arr", "other")


def test_pickles_are_never_read(tmp_path):
    np.savez(tmp_path / "a.npz", arr=np.array([{"a": 1}], object))

    with pytest.raises(Unreadable, match=r"a.npz: array 'arr' is pickled, which is never read\. Save it anew\."):
        read(tmp_path / "a.npz")


def put(path, blob):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("arr.npy", blob)
    return path


def test_a_header_that_claims_ten_gigabytes_is_refused(tmp_path):
    target = io.BytesIO()
    np.lib.format.write_array_header_1_0(target, {"descr": "<f8", "fortran_order": False, "shape": (1342177280,)})
    path = put(tmp_path / "a.npz", target.getvalue() + bytes(80))

    with pytest.raises(Unreadable, match="array 'arr' claims other bytes than it has: want 10,737,418,240, have 80"):
        read(path)


def test_what_is_no_array_is_named(tmp_path):
    with pytest.raises(Unreadable, match=r"a.npz: array 'arr' is none of numpy's \(.*magic"):
        read(put(tmp_path / "a.npz", b"no array at all"))


def test_other_arrays_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", arr=np.zeros((4, 4, 3), np.float32))

    with pytest.raises(Mismatch) as raised:
        read(tmp_path / "a.npz", shape=(None, None, 12))
    assert str(raised.value) == "a.npz: array arr differs: want kind fiu (any x any x 12), have float32 (4 x 4 x 3)."
    with pytest.raises(Unreadable, match="a.npz: holds no array 'X': have arr"):
        read(tmp_path / "a.npz", "X")


def test_a_file_cut_short_is_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, arr=np.zeros(1000))
    path.write_bytes(path.read_bytes()[:4000])

    with pytest.raises(Unreadable, match="is no whole zip file"):
        read(path)


def test_a_flipped_byte_is_found(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, arr=np.zeros(1000))
    blob = bytearray(path.read_bytes())
    blob[4000] ^= 1
    path.write_bytes(blob)

    with pytest.raises(Unreadable, match="is damaged: its checksum does not agree"):
        read(path)
