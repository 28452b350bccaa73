"""HDF5 of others: what is refused before it is read."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from swath.core.errors import Mismatch, Unreadable
from swath.formats import hdf5
from swath.formats.hdf5 import array_of, open_hdf5, read_array


def found(path, name="data", **more):
    asked = {"kinds": "f", "shape": (None, 4), "most": 2**20, **more}
    with open_hdf5(path, where="a.h5") as file:
        return read_array(array_of(file, name, where="a.h5", **asked), where="a.h5")


@pytest.mark.parametrize("packed", [{}, {"compression": "gzip"}, {"compression": "lzf", "shuffle": True}])
def test_arrays_are_what_h5py_reads(tmp_path, packed):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.arange(12.0).reshape(3, 4), **packed)

    np.testing.assert_array_equal(found(path), np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(found(path.read_bytes()), np.arange(12.0).reshape(3, 4))


def test_what_points_elsewhere_is_refused(tmp_path):
    """HDF5 can read any file of the machine through external storage, external links and virtual arrays."""
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["data"] = np.zeros((3, 4))
    (tmp_path / "secret").write_bytes(bytes(96))
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink(str(other), "data")
        file["soft"] = h5py.SoftLink("/real")
        file["real"] = np.zeros((3, 4))
        file.create_dataset("outside", (3, 4), "f8", external=[(str(tmp_path / "secret"), 0, 96)])
        layout = h5py.VirtualLayout((3, 4), "f8")
        layout[:] = h5py.VirtualSource(str(other), "data", (3, 4))
        file.create_virtual_dataset("virtual", layout)

    for name in ("link", "soft"):
        with pytest.raises(Unreadable, match=rf"a.h5: holds no array '{name}' of its own \(a link stands in its place"):
            found(path, name)
    for name in ("outside", "virtual"):
        with pytest.raises(Unreadable, match=f"a.h5: array '{name}' points into other files"):
            found(path, name)


def test_claimed_sizes_are_refused(tmp_path, monkeypatch):
    """Ten gigabytes of zeros that nobody wrote: HDF5 would fill them in silence."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (10 * 2**30 // 32, 4), "f8", chunks=(2**16, 4), compression="gzip")
        file.create_dataset("some", (2**18, 4), "f8", chunks=(2**16, 4), compression="gzip")
        file["some"][: 2**16] = 1.0
        file.create_dataset("none", (100, 4), "f8")
    assert path.stat().st_size < 2**20

    with pytest.raises(Unreadable, match="array 'data' claims 10,737,418,240 bytes, above 1,048,576"):
        found(path)
    with pytest.raises(Unreadable, match="array 'data' is not all there: want 5,120 chunks, have 0"):
        found(path, most=2**40)
    with pytest.raises(Unreadable, match="array 'some' is not all there: want 4 chunks, have 1"):
        found(path, "some", most=2**40)
    with pytest.raises(Unreadable, match="array 'none' is not all there: want 3,200 bytes, have 0"):
        found(path, "none")
    monkeypatch.setattr(hdf5, "MOST_CHUNK", 2**16)
    with pytest.raises(Unreadable, match="array 'some' has chunks of 2,097,152 bytes"):
        found(path, "some", most=2**40)


def test_another_filter_is_named(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.zeros((3, 4)), chunks=(3, 4), scaleoffset=4)

    with pytest.raises(Unreadable, match="array 'data' is packed by filter 6; only deflate, shuffle"):
        found(path)


def test_other_arrays_are_named(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((3, 5))
        file["codes"] = np.zeros((3, 4), np.int16)
        file.create_group("group")

    with pytest.raises(Mismatch) as raised:
        found(path)
    assert str(raised.value) == (
        "a.h5: array data differs: want floating point (any x 4), have float64 (3 x 5). It is a file of another kind."
    )
    with pytest.raises(Mismatch, match=r"have int16 \(3 x 4\)"):
        found(path, "codes")
    with pytest.raises(Unreadable, match="'group' is a group, not an array"):
        found(path, "group")
    with pytest.raises(Unreadable, match="a.h5: holds no array 'frames' of its own: have codes, data, group"):
        found(path, "frames")


def test_a_file_that_is_none_is_named(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"not HDF5" * 100)

    with pytest.raises(Unreadable, match=r"a.h5: cannot be opened \(.*\)\. It is truncated, corrupt or no HDF5 file"):
        found(tmp_path / "a.h5")
