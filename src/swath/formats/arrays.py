"""Arrays: what a NetCDF file or a Zarr group holds, by name, with dimensions and attributes; read piece by piece.

NetCDF of the classic kind is read by scipy, NetCDF-4 by `formats.hdf5`, Zarr of version 2 and 3 by zarr. Nothing is
believed that the bytes do not hold: claimed sizes are checked before anything is allocated, codecs that could run code
are refused, and chunks of a Zarr array that are not there are told apart from chunks of zeros. Knows no band, no date
and no place: see `formats.cube`.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import zarr
from scipy.io import netcdf_file

from swath.core.array import Array
from swath.core.errors import SwathError, Unreadable
from swath.formats.hdf5 import array_of, open_hdf5

__all__ = ["MOST_READ", "Arrays", "Variable", "is_arrays", "open_arrays"]

#: Bytes that one read may give.
MOST_READ: Final = 2**30
_MOST_CHUNK: Final = 256 * 2**20
_CLASSIC, _HDF5 = b"CDF", b"\x89HDF"
_ZARR: Final = ("zarr.json", ".zgroup", ".zmetadata")
#: Codecs that only pack bytes; `pickle` and the like are not among them.
_CODECS: Final = frozenset(
    [
        "blosc",
        "bytes",
        "crc32c",
        "gzip",
        "zlib",
        "zstd",
        "lz4",
        "lzma",
        "bz2",
        "shuffle",
        "delta",
        "transpose",
        "sharding_indexed",
        "vlen-utf8",
        "vlen-bytes",
        "fixedscaleoffset",
        "packbits",
        "quantize",
        "fletcher32",
        "numcodecs.zlib",
        "numcodecs.shuffle",
        "numcodecs.delta",
    ]
)
#: Attribute that names the scales of a NetCDF-4 variable; bytes that an attribute may have.
_SCALES: Final = "DIMENSION_LIST"
_MOST_ATTRIBUTE: Final = 2**20
_BROKEN: Final = (
    OSError,
    SystemError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    MemoryError,
    AssertionError,
    EOFError,
)
_AGAIN: Final = "It is truncated, corrupt or of another kind: fetch it again."


@dataclass(frozen=True, slots=True)
class Variable:
    """One array, as its file describes it."""

    #: In the file.
    name: str
    #: Names of its dimensions.
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    #: numpy name of the dtype that a read gives: unsigned where the file says that its numbers are.
    dtype: str
    #: Texts and numbers; what is neither is left out.
    attrs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arrays:
    """An open file."""

    #: By name.
    variables: Mapping[str, Variable]
    #: Name and slices -> numbers, and which of them were never written (None = none).
    _read: Callable[[str, tuple[slice, ...]], tuple[Any, Array | None]]
    _where: str

    def read(self, name: str, at: tuple[slice, ...] = ()) -> tuple[Array, Array | None]:
        """Read a piece of an array.

        Parameters
        ----------
        at : tuple of slice
            One a dimension, with whole bounds; () = all.

        Returns
        -------
        data : array
        written : bool array, or None = every number was written

        Raises
        ------
        Unreadable
            There is no such array, it claims more than `MOST_READ` bytes, or its bytes are corrupt.
        """
        where = f"{self._where} {name}"
        held = self.variables.get(name)
        if held is None:
            raise Unreadable(where=where, what="is not there", have=", ".join(self.variables)[:100], fix=_AGAIN)
        spans = [len(range(*s.indices(n))) for s, n in zip(at, held.shape, strict=True)] if at else list(held.shape)
        size = int(np.prod(spans, dtype=object)) * np.dtype(held.dtype).itemsize
        if size > MOST_READ:
            what = f"claims {size:,} bytes, above {MOST_READ:,}"
            raise Unreadable(where=where, what=what, fix="Nothing was read: cut it with size=, or look at the file.")
        with _told(where):
            data, written = self._read(name, at or tuple(slice(0, n) for n in held.shape))
            data = np.asarray(data)
            if data.dtype.kind in "iuf":
                data = _native(data, held.dtype)
            if list(data.shape) != spans:
                raise Unreadable(where=where, what="shape", want=str(spans), have=str(list(data.shape)), fix=_AGAIN)
        return data, written


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Tell whatever goes wrong inside as `Unreadable`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SwathError:
        raise
    except _BROKEN as error:
        said = str(error).split(", time =")[0].split("\n")[0][:160]
        what = f"cannot be read ({type(error).__name__}: {said})"
        raise Unreadable(where=where, what=what, fix=_AGAIN) from None


def _native(data: Array, dtype: str) -> Array:
    """Numbers in the machine's byte order, unsigned where the file says so."""
    held = data.astype(data.dtype.newbyteorder("="), copy=False)
    wanted = np.dtype(dtype)
    is_turned = held.dtype.kind == "i" and wanted.kind == "u"
    return np.asarray(held.view(wanted) if is_turned else held.astype(wanted, copy=False))


def is_arrays(path: Path) -> bool:
    """True for a NetCDF file by name and first bytes, or the folder of a Zarr group."""
    if path.is_dir():
        return any((path / name).is_file() for name in _ZARR)
    if not path.is_file() or path.suffix.lower() not in (".nc", ".nc4", ".cdf", ".netcdf"):
        return False
    try:
        with path.open("rb") as handle:
            head = handle.read(4)
    except OSError:
        return False
    return head.startswith((_CLASSIC, _HDF5))


@contextmanager
def open_arrays(path: Path, *, where: str = "") -> Iterator[Arrays]:
    """Open a NetCDF file or a Zarr group for reading.

    Raises
    ------
    Unreadable
        It is not there, cut short, corrupt, or neither.
    """
    where = where or path.name
    if path.is_dir():
        with _told(where):
            made = _open_zarr(path, where)
        yield made
        return
    try:
        with path.open("rb") as handle:
            head = handle.read(4)
    except OSError as error:
        raise Unreadable(where=where, what=f"cannot be opened ({error.strerror})", fix="Look at the path.") from None
    if head.startswith(_CLASSIC):
        with _told(where):
            classic = _open_classic(path, where)
        yield classic
    elif head.startswith(_HDF5):
        with open_hdf5(path, where=where) as file:
            with _told(where):
                made = _of_hdf5(file, where)
            yield made
    else:
        raise Unreadable(where=where, what="is no NetCDF file and no Zarr group", fix="Look at the path.")


def _plain(value: Any) -> Any:
    """An attribute as text or number; None for what is neither."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size == 1 else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value if isinstance(value, str | int | float | bool) else None


def _attrs(held: Mapping[str, Any]) -> dict[str, Any]:
    plain = {str(name): _plain(value) for name, value in held.items() if name not in ("DIMENSION_LIST",)}
    return {name: value for name, value in plain.items() if value is not None}


def _dtype(dtype: np.dtype[Any], attrs: Mapping[str, Any]) -> str:
    """Name of the dtype that a read gives; `_Unsigned` is how NetCDF 3 says that integers are."""
    native = dtype.newbyteorder("=")
    if native.kind == "i" and str(attrs.get("_Unsigned", "")).lower() == "true":
        native = np.dtype(f"u{native.itemsize}")
    return str(native.name)


def _open_classic(path: Path, where: str) -> Arrays:
    """A classic file is mapped, not loaded: what its header claims beyond its end has no bytes."""
    variables = {}
    with netcdf_file(path, "r", mmap=True) as opened:
        for name, each in opened.variables.items():
            attrs = _attrs(each._attributes)
            shape = tuple(int(n) for n in each.data.shape)
            variables[name] = Variable(name, tuple(each.dimensions), shape, _dtype(each.data.dtype, attrs), attrs)
            del each

    def read(name: str, at: tuple[slice, ...]) -> tuple[Array, None]:
        with netcdf_file(path, "r", mmap=True) as again:
            return np.array(again.variables[name].data[at]), None

    return Arrays(variables, read, where)


def _attrs_of_hdf5(found: h5py.Dataset) -> dict[str, Any]:
    """Texts and numbers, one at a time; lists of references are left alone, as HDF5 hangs in damaged ones."""
    held = {}
    for name in found.attrs:
        about = found.attrs.get_id(name)
        text = h5py.check_string_dtype(about.dtype)
        is_plain = about.dtype.kind in "iufSU" or text is not None
        if is_plain and about.shape is not None and math.prod(about.shape) * about.dtype.itemsize <= _MOST_ATTRIBUTE:
            held[name] = found.attrs[name]
    return held


def _scales(file: h5py.File, found: h5py.Dataset) -> tuple[str, ...]:
    """Names of the dimensions by the scales attached to them; HDF5's own way (`H5DSiterate_scales`) frees twice."""
    plain = tuple(f"dim_{i}" for i in range(len(found.shape)))
    if _SCALES not in found.attrs:
        return plain
    about = found.attrs.get_id(_SCALES)
    kind = h5py.check_vlen_dtype(about.dtype)
    if about.shape != (len(plain),) or kind is None or h5py.check_ref_dtype(kind) is not h5py.Reference:
        return plain
    return tuple(
        str(file[each[0]].name).rpartition("/")[2] if len(each) else name
        for each, name in zip(found.attrs[_SCALES], plain, strict=True)
    )


def _of_hdf5(file: h5py.File, where: str) -> Arrays:
    variables, strange = {}, {}
    for name in file:
        link = file.get(name, getlink=True)
        found = file[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(found, h5py.Dataset) or found.shape is None:
            continue
        attrs = _attrs(_attrs_of_hdf5(found))
        if attrs.get("CLASS") == "DIMENSION_SCALE" and len(found.shape) == 1:
            dims: tuple[str, ...] = (name,)
        else:
            dims = _scales(file, found)
        is_text = found.dtype.kind in "SO"
        variables[name] = Variable(name, dims, found.shape, "S" if is_text else _dtype(found.dtype, attrs), attrs)
        strange[name] = is_text

    def read(name: str, at: tuple[slice, ...]) -> tuple[Any, None]:
        kinds = "SO" if strange[name] else "iuf"
        shape = [None] * len(variables[name].shape)
        held = array_of(file, name, where=where, kinds=kinds, shape=shape, most=2**62)
        return np.asarray(held[at]), None

    return Arrays(variables, read, where)


def _open_zarr(path: Path, where: str) -> Arrays:
    group = zarr.open_group(str(path), mode="r", use_consolidated=False)
    arrays = dict(group.arrays())
    variables = {}
    for name, each in arrays.items():
        attrs = _attrs(dict(each.attrs))
        _require_codecs(each, f"{where} {name}")
        dims: Any = getattr(each.metadata, "dimension_names", None) or each.attrs.get("_ARRAY_DIMENSIONS")
        known = tuple(str(dim) for dim in dims) if dims else tuple(f"dim_{i}" for i in range(len(each.shape)))
        fill = _plain(each.metadata.fill_value) if "_FillValue" not in attrs else None
        if fill is not None and each.metadata.zarr_format == 2 and np.dtype(each.dtype).kind in "iuf":
            attrs["_FillValue"] = fill  # version 2 keeps it there; in version 3 it is only what is not written
        dtype = "S" if np.dtype(each.dtype).kind not in "iufb" else _dtype(np.dtype(each.dtype), attrs)
        if len(known) != len(each.shape):
            raise Unreadable(where=f"{where} {name}", what="names of dimensions", want=str(len(each.shape)), fix=_AGAIN)
        variables[name] = Variable(name, known, tuple(each.shape), dtype, attrs)

    def read(name: str, at: tuple[slice, ...]) -> tuple[Any, Array | None]:
        held = arrays[name]
        return held[at], _written(path / name, held, at)

    return Arrays(variables, read, where)


def _codecs_in(held: Any) -> Iterator[str]:
    """Names of all codecs in the metadata of an array, nested ones among them."""
    if isinstance(held, Mapping):
        name = held.get("id") or held.get("name")
        if isinstance(name, str):
            yield name
        for inner in held.values():
            yield from _codecs_in(inner)
    elif isinstance(held, list | tuple):
        for inner in held:
            yield from _codecs_in(inner)


def _require_codecs(array: Any, where: str) -> None:
    said = array.metadata.to_dict()
    packing = [said.get(name) for name in ("codecs", "compressor", "filters")]
    strange = sorted(set(_codecs_in(packing)) - _CODECS)
    if strange:
        raise Unreadable(where=where, what=f"is packed by {strange[0]}, which is not read", fix="Write it anew.")
    chunk = int(np.prod(array.chunks, dtype=object)) * np.dtype(array.dtype).itemsize
    if chunk > _MOST_CHUNK:
        raise Unreadable(where=where, what=f"has chunks of {chunk:,} bytes, above {_MOST_CHUNK:,}", fix=_AGAIN)


def _written(folder: Path, array: Any, at: tuple[slice, ...]) -> Array | None:
    """Which numbers lie in chunks that are there; None = all."""
    if not array.shape:
        return None
    outer = array.shards or array.chunks
    ranges = [range(s.start // c, -(-s.stop // c)) for s, c in zip(at, outer, strict=True)]
    made = None
    for index in itertools.product(*ranges):
        if (folder / array.metadata.encode_chunk_key(index)).is_file():
            continue
        if made is None:
            made = np.ones([s.stop - s.start for s in at], bool)
        inside = [
            slice(max(i * c - s.start, 0), max((i + 1) * c - s.start, 0))
            for i, c, s in zip(index, outer, at, strict=True)
        ]
        made[tuple(inside)] = False
    return made
