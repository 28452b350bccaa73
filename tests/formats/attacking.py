"""Attacks: hostile files through one reader, in a process of its own with bounded memory; run by `test_attacks`.

`python attacking.py FORMAT [table]`: a JSON line an attack: what came out (`refused` with its sentence, `failures`,
`read`), and how much more memory and time it took. Each attack is made of a valid file of the format
(`mutating.CASES`), so that a new reader is attacked as soon as it is damaged.
"""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import h5py
import numpy as np
import pandas as pd

from swath.core.errors import Failure, SwathError
from swath.formats import archive, format_named
from tests.formats import mutating

SECONDS = 60
MEMORY = 6 * 2**30
_SIDE = 70_000  # pixels: 4.9 thousand million of them are 10 GB of 16 bits


def files_of(path: Path) -> list[tuple[str, bytes]]:
    """Every file of a valid input, by the name that it would have in a zip."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as opened:
            return [(name, opened.read(name)) for name in opened.namelist() if not name.endswith("/")]
    if path.is_file():
        return [(path.name, path.read_bytes())]
    return [
        (f"{path.name}/{each.relative_to(path)}", each.read_bytes())
        for each in sorted(path.rglob("*"))
        if each.is_file()
    ]


def _zipped(home: Path, files: list[tuple[str, bytes]], extra: list[tuple[str, bytes]] = ()) -> Path:  # type: ignore[assignment]
    with zipfile.ZipFile(home / "a.zip", "w", zipfile.ZIP_DEFLATED) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, blob in [*files, *extra]:
            made.writestr(zipfile.ZipInfo(name), blob, zipfile.ZIP_DEFLATED)
    return home / "a.zip"


def _bomb(home: Path, files: list[tuple[str, bytes]]) -> Path:
    """The last file of the input inflates to 512 MB of zeros."""
    return _zipped(home, files[:-1], [(files[-1][0], bytes(512 * 2**20))])


def _nested(home: Path, files: list[tuple[str, bytes]]) -> Path:
    """Every file is a zip in which 64 MB of zeros are zipped twice over."""
    inner = b""
    blob, name = bytes(64 * 2**20), "0"
    for _ in range(2):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr(name, blob)
        blob, name, inner = out.getvalue(), "a.zip", out.getvalue()
    return _zipped(home, [(each, inner) for each, _ in files])


def _many(home: Path, files: list[tuple[str, bytes]]) -> Path:
    """More members than are read; the bound is lowered here, as two million take minutes to write."""
    archive.MOST_MEMBERS = 2_000  # type: ignore[misc]
    return _zipped(home, files, [(f"{files[0][0]}.{k}", b"") for k in range(2_001)])


def _lying(home: Path, files: list[tuple[str, bytes]]) -> Path:
    """Each member holds more than its directory and its header say."""
    made = _zipped(home, [(name, blob + bytes(9_000_000)) for name, blob in files])
    blob = bytearray(made.read_bytes())
    at = 0
    while (at := blob.find(b"PK\x01\x02", at)) >= 0:
        offset = struct.unpack_from("<L", blob, at + 42)[0]
        struct.pack_into("<L", blob, at + 24, 100)
        struct.pack_into("<L", blob, offset + 22, 100)
        at += 4
    made.write_bytes(blob)
    return made


def _named(name: str) -> Callable[[Path, list[tuple[str, bytes]]], Path]:
    return lambda home, files: _zipped(home, files, [(name + Path(files[0][0]).name, files[0][1])])


def _zip_link(home: Path, files: list[tuple[str, bytes]]) -> Path:
    made = _zipped(home, files)
    info = zipfile.ZipInfo(f"{files[0][0]}.link{Path(files[0][0]).suffix}")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(made, "a") as opened:
        opened.writestr(info, "/etc/passwd")
    return made


def _folder_link(home: Path, files: list[tuple[str, bytes]]) -> Path:
    """One file of the folder is a link to the same bytes outside of it."""
    root = home / "a"
    for name, blob in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(blob)
    largest = root / max(files, key=lambda each: len(each[1]))[0]
    outside = home / f"secret{largest.suffix}"
    largest.rename(outside)
    largest.symlink_to(outside)
    tops = list(root.iterdir())
    return tops[0] if len(tops) == 1 and tops[0].is_dir() else root


def _claiming(home: Path, files: list[tuple[str, bytes]]) -> Path:
    """Every header claims 10 GB."""
    for name, blob in files:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(claim(name, blob))
    tops = list(home.iterdir())
    return tops[0] if len(tops) == 1 else home


def claim(name: str, blob: bytes) -> bytes:
    """The file with a header that claims 10 GB; files of kinds that claim nothing stay as they are."""
    if blob[:4] in (b"II*\0", b"MM\0*"):
        return _tiff(blob)
    if blob[:8] == b"\x89HDF\r\n\x1a\n":
        return _netcdf4(blob) if name.endswith(".nc") else _hdf5(blob)
    if blob[:4] == b"CDF\2":
        return _classic(blob)
    if name.endswith(("zarr.json", ".zarray")):
        return _zarr(blob)
    if blob[:2] == b"\xff\xd8":
        at = next(i for i in range(len(blob)) if blob[i] == 0xFF and blob[i + 1] in (0xC0, 0xC2))
        return blob[: at + 5] + struct.pack(">HH", 65500, 65500) + blob[at + 9 :]
    if blob[4:8] == b"jP  ":
        at, siz = blob.index(b"ihdr"), blob.index(b"\xff\x51")
        blob = blob[: at + 4] + struct.pack(">LL", _SIDE, _SIDE) + blob[at + 12 :]
        return blob[: siz + 6] + struct.pack(">LL", _SIDE, _SIDE) + blob[siz + 14 :]
    if name.endswith(".npz"):
        return _npz(blob)
    if ".tfrecord" in name:
        length = struct.pack("<Q", 10 * 2**30)
        return length + struct.pack("<L", _masked(length)) + blob[12:]
    return blob


def _masked(blob: bytes) -> int:
    crc = int(google_crc32c.value(blob))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _tiff(blob: bytes) -> bytes:
    order = "<" if blob[:2] == b"II" else ">"
    out = bytearray(blob)
    at = struct.unpack_from(f"{order}L", blob, 4)[0]
    for k in range(struct.unpack_from(f"{order}H", blob, at)[0]):
        place = at + 2 + 12 * k
        if struct.unpack_from(f"{order}H", blob, place)[0] in (256, 257):  # width, length
            struct.pack_into(f"{order}HLL", out, place + 2, 4, 1, _SIDE)
    return bytes(out)


def _hdf5(blob: bytes) -> bytes:
    out = io.BytesIO()
    with h5py.File(io.BytesIO(blob)) as held, h5py.File(out, "w") as made:
        for name, each in held.items():
            shape = (
                (*each.shape[:-2], _SIDE, _SIDE) if each.ndim > 2 else (10 * 2**30,) if each.ndim == 1 else each.shape
            )
            made.create_dataset(name, shape, each.dtype, chunks=(1,) * (len(shape) - 1) + (min(shape[-1], 64),))
    return out.getvalue()


def _netcdf4(blob: bytes) -> bytes:
    """The same cube, `_SIDE` pixels a side: coordinates are real, chunks of 3 GB were never written."""
    out = io.BytesIO(blob)
    with h5py.File(out, "r+") as file:
        for name in "yx":
            held, about = file[name][:], dict(file[name].attrs)
            del file[name]
            file[name] = held[0] + (held[1] - held[0]) * np.arange(_SIDE)
            file[name].make_scale(name)
            own = ("CLASS", "NAME", "REFERENCE_LIST")
            file[name].attrs.update({key: text for key, text in about.items() if key not in own})
        for name in [name for name, each in file.items() if each.ndim == 3]:
            shape, dtype, about = (file[name].shape[0], _SIDE, _SIDE), file[name].dtype, dict(file[name].attrs)
            del file[name]
            made = file.create_dataset(name, shape, dtype, chunks=(1, 40_000, 40_000))
            for i, dim in enumerate("tyx"):
                made.dims[i].attach_scale(file[dim])
            made.attrs.update({key: text for key, text in about.items() if key != "DIMENSION_LIST"})
    return out.getvalue()


def _classic(blob: bytes) -> bytes:
    """The same header with other lengths of y and x; what they claim lies beyond the end of the file."""
    for name in (b"y", b"x"):
        at = blob.index(struct.pack(">L", 1) + name + bytes(3)) + 8
        blob = blob[:at] + struct.pack(">L", _SIDE) + blob[at + 4 :]
    return blob


def _zarr(blob: bytes) -> bytes:
    """Every axis `_SIDE` long, in one chunk; that of a coordinate is 10 GB by itself."""
    held = json.loads(blob)
    if held.get("node_type") == "group" or not held["shape"]:
        return blob
    held["shape"] = [10 * 2**30] if len(held["shape"]) == 1 else [*held["shape"][:-2], _SIDE, _SIDE]
    return json.dumps(held).encode()


def _npz(blob: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(blob)) as held, zipfile.ZipFile(out, "w") as made:
        for name in held.namelist():
            array = np.load(io.BytesIO(held.read(name)))
            head = io.BytesIO()
            fields = {
                "descr": array.dtype.str,
                "fortran_order": False,
                "shape": (10 * 2**30 // max(1, array.itemsize),),
            }
            np.lib.format.write_array_header_1_0(head, fields)
            made.writestr(name, head.getvalue() + array.tobytes())
    return out.getvalue()


Attack = Callable[[Path, list[tuple[str, bytes]]], Path]
#: Name -> what makes the hostile file of the files of a valid one, and what a reader of zips says of it.
ATTACKS: dict[str, tuple[Attack, str]] = {
    "a zip that inflates beyond measure": (_bomb, r"zip bomb|above [\d,]+|no whole"),
    "a zip of zips of zeros": (_nested, ""),
    "a zip of too many members": (_many, "members, above 2,000"),
    "a zip whose members lie about their sizes": (_lying, ""),
    "a member above its folder": (_named("../"), "leaves its folder"),
    "a member with an absolute path": (_named("/"), "absolute or foreign path"),
    "a member that is a link": (_zip_link, "holds a link"),
    "a link out of the folder": (_folder_link, ""),
    "ten gigabytes claimed in every header": (_claiming, ""),
}


def _rows(head: str, line: Callable[[int], str], name: str) -> Callable[[Path], Path]:
    def make(home: Path) -> Path:
        with (home / name).open("w") as file:
            file.write(head)
            file.writelines(line(k) for k in range(1_000_000))
        return home / name

    return make


def _points(home: Path) -> Path:
    n = 1_000_000
    pd.DataFrame({"lon": np.zeros(n), "lat": np.zeros(n), "S2_L2A_rec": ["x"] * n, "S1_rec": ["y"] * n}).to_parquet(
        home / "p.parquet"
    )
    return home / "p.parquet"


#: Format -> case of `mutating.CASES`, option that takes a table ("" = the file itself is one), and what makes one of a
#: million rows; None = it takes none.
TABLES: dict[str, tuple[str, str, Callable[[Path], Path]] | None] = {
    "eurosat-rgb": (
        "eurosat-rgb",
        "positions",
        _rows("path,class,lat,lon\n", lambda k: f"2750/Forest/Forest_{k}.jpg,Forest,46.5,11.3\n", "p.csv"),
    ),
    "deepsentinel": ("deepsentinel", "points", _points),
    "visiondl": (
        "visiondl-records",
        "labels",
        _rows("year,centroid_longtitude,centroid_latitude,wi\n", lambda k: f"2016,{k / 1e5},1.5,0.1\n", "l.csv"),
    ),
    "hackathon": ("hackathon", "ids", _rows("Patch ID\n", lambda k: f"{k}\n", "ids.csv")),
    "series": ("series-tsv", "", _rows("", lambda k: f"{k % 3}\t0.2\t0.4\n", "a.tsv")),
    "geotiff": ("geotiff-exported", "", lambda home: _exported_rows(home)),
    "bigearthnet": None,
    "sen12mscr": None,
    "cube": None,
    "eurosat-ms": None,
    "safe-s2": None,
    "safe-s1": None,
    "stac": None,
    "earthengine": None,
    "virtual": None,
    "rasters": None,
}


def _exported_rows(home: Path) -> Path:
    """A folder of GeoTIFFs whose table names a million samples of one file that is not there."""
    path = mutating.CASES["geotiff-exported"][1](home)
    line = (path / "files.csv").read_text().splitlines()[1]
    with (path / "files.csv").open("w") as file:
        file.write("id,stack,date,file\n")
        file.writelines(f"{k},{line.split(',', 1)[1]}\n" for k in range(1_000_000))
    return path


def attacks_on(name: str, home: Path) -> Iterator[tuple[str, Callable[[], tuple[Path, dict[str, Any]]]]]:
    """Name of each attack on a format, and what makes its files and declarations."""
    cases = [case for case, (of, _, _) in mutating.CASES.items() if of == name]
    for case in cases:
        _, make, declared = mutating.CASES[case]
        valid = home / "valid" / case
        valid.mkdir(parents=True)
        files = files_of(make(valid))
        for attack, (hostile, _) in ATTACKS.items():
            yield (
                f"{case}: {attack}",
                lambda hostile=hostile, files=files, declared=declared: (hostile(home / "now", files), declared),
            )


def table_on(name: str, home: Path) -> Iterator[tuple[str, Callable[[], tuple[Path, dict[str, Any]]]]]:
    """The attack by a table, where the format takes one."""
    table = TABLES[name]
    if table is None:
        return
    case, option, rows = table
    _, make, declared = mutating.CASES[case]

    def with_table() -> tuple[Path, dict[str, Any]]:
        path = rows(home / "now")
        return (path, declared) if not option else (make(home / "now"), {**declared, option: path})

    yield f"{case}: a table of a million rows", with_table


def _outcome(name: str, path: Path, declared: dict[str, Any]) -> tuple[str, str]:
    try:
        source = format_named(name).open([path], **declared)
        plan = source.plan()
        made = [*plan.failures, *source.read(plan.rows.slice(0, 50))]
    except SwathError as error:
        return "refused", str(error)
    failed = [each.message for each in made if isinstance(each, Failure)]
    return ("read" if len(failed) < len(made) else "failures"), (failed or [""])[0]


def _resident(name: str) -> int:
    """Megabytes of this process by `/proc`: `VmRSS` now, `VmHWM` at most since `_forget`."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) // 1024


def _forget() -> None:
    """Begin to measure anew: what making a hostile file took must not hide what reading it takes."""
    Path("/proc/self/clear_refs").write_text("5")


def main(name: str, attacks: Callable[[str, Path], Iterator[Any]] = attacks_on, seconds: int = SECONDS) -> None:
    """Attack one reader in every way, and say how each ended."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        members = archive.MOST_MEMBERS
        for attack, make in attacks(name, home):
            (home / "now").mkdir()
            path, declared = make()
            _forget()
            before, began = _resident("VmRSS"), time.monotonic()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.alarm(seconds)
            try:
                kind, said = _outcome(name, path, declared)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                kind, said = "BAD", repr(error)
            signal.alarm(0)
            took = {"mb": _resident("VmHWM") - before, "seconds": round(time.monotonic() - began, 1)}
            print(json.dumps({"attack": attack, "kind": kind, "said": said[:400], **took}), flush=True)
            archive.MOST_MEMBERS = members  # type: ignore[misc]
            shutil.rmtree(home / "now")
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[2:] == ["table"]:
        main(sys.argv[1], table_on, 10 * SECONDS)
    else:
        main(sys.argv[1])
