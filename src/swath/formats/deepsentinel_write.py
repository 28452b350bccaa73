"""DeepSentinel, written: samples back into the tree that its loaders read, one folder a sample.

Arrays come back bit for bit. That system has no mask: invalid pixels become 0, as it had them. What DescartesLabs said
of its scenes (`S2meta.json`, `S1meta.json`) is not kept by a corpus and is written empty.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from odc.geo.geobox import GeoBox
from PIL import Image

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch, Refused
from swath.core.files import write_whole
from swath.core.geobox import centre
from swath.core.presets import band_order
from swath.core.progress import SILENT, Progress
from swath.core.quantity import S2_QUANTIFICATION, SIGMA0_DB, dn
from swath.core.sample import Sample
from swath.core.stack import Stack
from swath.formats.deepsentinel import LANDCOVER

__all__ = ["numbers_of", "write_tree"]

_GEE: Final = band_order("deepsentinel-gee-14").bands
_DL: Final = band_order("deepsentinel-dl-16").bands[:13]
_SAR: Final = ("VV", "VH")
#: The tree says nothing of an offset: its readers take the numbers of Earth Engine for reflectance * 10000.
_GEE_DN: Final = dn("boa", offset=0)
#: Of the thumbnails: half of full reflectance is white.
_BRIGHT: Final = 2 / S2_QUANTIFICATION


def numbers_of(ids: Sequence[str]) -> list[str]:
    """Folders of samples: the numbers at the end of their ids, or their places in order where those do not tell all.

    Examples
    --------
    >>> numbers_of(["v1-7", "v1-12"]), numbers_of(["v1-7", "v2-7"]), numbers_of(["a", "b-1"])
    (['7', '12'], ['0', '1'], ['0', '1'])
    """
    held = [id.rpartition("-")[2] for id in ids]
    is_told = len(set(held)) == len(held) and all(each.isascii() and each.isdigit() for each in held)
    return held if is_told else [str(k) for k in range(len(ids))]


def write_tree(
    samples: Iterable[Sample], folder: Path, *, numbers: Sequence[str] | None = None, progress: Progress = SILENT
) -> list[Path]:
    """Write samples as `{n}/{n}_{GEE|DL|LC}_{date}_{lon}_{lat}_...`.

    Parameters
    ----------
    samples : iterable of Sample
        With stacks `gee-s2` and `gee-s1`, or `dl-s2` and `dl-s1`, or all four; a target `landcover` goes along.
    folder : Path
        Of the version; one folder a sample is made in it.
    numbers : sequence of str, optional
        Of each sample; default as `numbers_of` gives them, for which all samples are held at once.

    Returns
    -------
    list of Path
        Folder of each sample.

    Raises
    ------
    Mismatch, Refused
        A sample has no date, no place, no such stacks, or is no square in UTM.
    """
    written: list[Path] = []
    if numbers is None:
        samples = list(samples)
        numbers = numbers_of([sample.id for sample in samples])
    for idx, sample in zip(numbers, samples, strict=True):
        written.append(_write(sample, folder / idx, idx))
        progress(len(written), len(numbers))
    return written


def _write(sample: Sample, folder: Path, idx: str) -> Path:
    where = f"sample {sample.id}"
    sources = [name for name in ("gee", "dl") if f"{name}-s2" in sample.stacks and f"{name}-s1" in sample.stacks]
    if not sources:
        have = ", ".join(sample.stacks)
        raise Mismatch(where=where, what="stacks", want="gee-s2 and gee-s1, or dl-s2 and dl-s1", have=have)
    first = sample.stacks[f"{sources[0]}-s2"]
    if np.isnat(first.times[0]):
        raise Refused(where=where, what="has no date, which its names need", fix="Date it.")
    lon, lat = sample.lonlat or centre(_box(first, where))
    date = str(first.times[0].astype("datetime64[D]"))
    heads = {source: f"{idx}_{source}_{date}_{lon!r}_{lat!r}_" for source in ("GEE", "DL", "LC")}
    files: dict[str, bytes] = {}
    tile = _tile(_box(first, where)) if "dl" in sources or LANDCOVER in sample.targets else None
    if "gee" in sources:
        files |= {f"{heads['GEE']}{name}": blob for name, blob in _gee(sample, tile, where).items()}
    if "dl" in sources:
        files |= {f"{heads['DL']}{name}": blob for name, blob in _dl(sample, where).items()}
    if LANDCOVER in sample.targets:
        held = sample.targets[LANDCOVER].stack
        if held is None or held.geobox != first.geobox:
            raise Refused(where=where, what="has land cover on another grid", fix="Warp it to that of the pixels.")
        codes = held.data[0, 0]
        files |= {f"{heads['LC']}LCarr.npz": _npz(codes.astype(np.uint8)), f"{heads['LC']}LCmeta.json": b"{}"}
    for name, blob in files.items():
        write_whole(folder / name, blob)
    return folder


def _box(stack: Stack, where: str) -> GeoBox:
    box = stack.geobox
    code = None if box is None or box.crs is None else box.crs.epsg
    if box is None or code is None or code // 100 not in (326, 327) or box.shape.y != box.shape.x:
        raise Refused(where=where, what="is no square on a UTM grid", fix="Warp and cut it first.")
    return box


def _gee(sample: Sample, tile: Mapping[str, Any] | None, where: str) -> dict[str, bytes]:
    s2, s1 = sample.stacks["gee-s2"], sample.stacks["gee-s1"]
    box = _box(s2, where)
    if s1.geobox != box or s1.quantity != SIGMA0_DB or s2.quantity != _GEE_DN:
        want, have = f"{_GEE_DN} and {SIGMA0_DB} on one grid", f"{s2.quantity} and {s1.quantity}"
        raise Mismatch(where=where, what="stacks", want=want, have=have)
    optical, radar = _flat(s2, _GEE[:12], where), _flat(s1, _SAR, where)
    meta = {
        "tile": tile,
        "S2_name": s2.origin.items[0],
        "S1_name": s1.origin.items[0],
        "S2_bands": [_ee_name(band) for band in _GEE[:12]],
        "S1_bands": list(_SAR),
        "x_off": box.transform.c,
        "y_off": box.transform.f,
        "patch_size": box.shape.y,
        "crs_code": f"EPSG:{box.crs.epsg}" if box.crs else "",
    }
    return {
        "S2arr.npz": _npz(optical),
        "S1arr.npz": _npz(radar),
        "meta.json": json.dumps(meta).encode(),
        "S2thumb.png": _png(optical[..., [3, 2, 1]] * _BRIGHT),
        "S1thumb.png": _png((radar[..., [0, 0, 1]] + 50) / 60 * [1, 0, 1]),
    }


def _dl(sample: Sample, where: str) -> dict[str, bytes]:
    s2, s1 = sample.stacks["dl-s2"], sample.stacks["dl-s1"]
    optical, radar = _flat(s2, _DL, where), _flat(s1, _SAR, where)
    alpha = np.ones((*optical.shape[:2], 1), np.float32)
    if s2.valid is not None:
        alpha = s2.valid[0].all(axis=0)[..., None].astype(np.float32)
    return {
        "S2arr.npz": _npz(np.concatenate([optical, alpha], axis=2)),
        "S1arr.npz": _npz(radar),
        "S2meta.json": b"{}",
        "S1meta.json": b"{}",
        "tile.json": json.dumps(_tile(_box(s2, where))).encode(),
        "S2thumb.png": _png(optical[..., [3, 2, 1]] * _BRIGHT),
        "S1thumb.png": _png(radar[..., [0, 0, 1]] / 255 * 2.5 * [1, 0, 1]),
    }


def _ee_name(band: str) -> str:
    """B04 -> B4: Earth Engine's spelling."""
    return f"B{int(band[1:])}" if band[1:].isdigit() else band


def _flat(stack: Stack, bands: tuple[str, ...], where: str) -> Array:
    """One date as (h, w, c) float32; invalid pixels are 0."""
    if stack.shape[0] != 1:
        raise Mismatch(where=where, what="dates", want="1", have=str(stack.shape[0]))
    at = order(stack.bands, bands, where=where)
    data = stack.data[0, at].astype(np.float32)
    if stack.valid is not None:
        data = np.where(np.broadcast_to(stack.valid[0], stack.data.shape[1:])[at], data, np.float32(0))
    return np.ascontiguousarray(data.transpose(1, 2, 0))


def _tile(box: GeoBox) -> dict[str, Any]:
    """What a DescartesLabs tile says of its grid; its key is theirs alone."""
    code = box.crs.epsg if box.crs else 0
    t = box.transform
    held = {
        "cs_code": f"EPSG:{code}",
        "zone": int(code or 0) % 100,
        "geotrans": [t.c, t.a, 0, t.f, 0, t.e],
        "resolution": t.a,
        "tilesize": box.shape.y,
        "pad": 0,
    }
    return {"type": "Feature", "properties": held}


def _npz(array: Array) -> bytes:
    target = io.BytesIO()
    np.savez(target, arr=array)
    return target.getvalue()


def _png(pixels: Array) -> bytes:
    target = io.BytesIO()
    Image.fromarray((np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)).save(target, "PNG")
    return target.getvalue()
