"""Virtual, written: stacks back into the products and fusion patches of Cervest's virtual remote sensing.

`nframes` and `horizon` are the number of frames that are there. One frame in memory at a time besides the stack.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import simplejpeg

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch, Refused
from swath.core.files import write_whole
from swath.core.quantity import value
from swath.core.sample import Sample
from swath.core.stack import Stack, require_times
from swath.formats.virtual import FUSION, FUSION_BANDS

__all__ = ["write_patch", "write_product", "write_scene"]

_QUALITY: Final = 75  # Pillow's own, which that system used


def write_product(
    folder: Path,
    stack: Stack,
    *,
    classes: Array | None = None,
    instances: Array | None = None,
    steps: tuple[int, ...] = (),
    horizon: int = 0,
    kind: str = "h5",
) -> Path:
    """Write one product: `frames`, `annotations` and `index.json`, which comes last.

    Parameters
    ----------
    folder : Path
        Of the product.
    stack : Stack
        Frames (t, b, h, w), without gaps.
    classes, instances : integer arrays, shape (h, w) or (t, h, w), optional
        Truth; the same at every frame, or one a frame. Both or none.
    steps : tuple of int
        Time step of each frame; default 0, 1, 2, ... Those between that are not there are written as null.
    horizon : int
        Time steps in all; default one more than the last.
    kind : str
        `h5`, or `jpg`: three bands, clipped to 0..1, which loses what 8 bits and JPEG lose.

    Raises
    ------
    Mismatch, Refused
        The stack has gaps, or truth and frames do not fit.
    """
    t, b, h, w = stack.data.shape
    where = f"product {folder.name}"
    _require_whole(stack, where)
    if stack.quantity != value("1") or stack.data.dtype.kind != "f":
        want, have = (
            f"{value('1')} as floating point: the layout cannot say another",
            f"{stack.quantity} as {stack.data.dtype}",
        )
        raise Mismatch(where=where, what="quantity", want=want, have=have)
    if kind not in ("h5", "jpg") or (kind == "jpg" and b != 3):
        raise Mismatch(where=where, what="kind", want="h5, or jpg of three bands", have=f"{kind} of {b}")
    numbers = steps or tuple(range(t))
    if len(numbers) != t or list(numbers) != sorted(set(numbers)) or numbers[0] < 0:
        raise Mismatch(where=where, what="steps", want=f"{t} ascending", have=", ".join(map(str, numbers[:6])))
    truth = _truth(classes, instances, (t, h, w), where)
    total = max(horizon, numbers[-1] + 1)
    files: dict[str, Any] = {str(step): None for step in range(total)}
    for k, step in enumerate(numbers):
        frame = f"frames/frame_{step:03d}.{kind}"
        write_whole(folder / frame, _jpeg(stack.data[k]) if kind == "jpg" else _hdf5(stack.data[k].transpose(1, 2, 0)))
        files[str(step)] = {"frame": frame}
        if truth is not None:
            annotation = f"annotations/annotation_{step:03d}.h5"
            write_whole(folder / annotation, _hdf5(truth[k % len(truth)]))
            files[str(step)]["annotation"] = annotation
    parcels = 0 if truth is None else int(truth[..., 0].max(initial=0))
    features = {"width": w, "height": h, "nbands": b, "horizon": total, "ndigit": parcels, "nframes": t}
    return _index(folder, features, files)


def _truth(classes: Array | None, instances: Array | None, shape: tuple[int, ...], where: str) -> Array | None:
    """Instance and class, shape (1 or t, h, w, 2)."""
    if classes is None and instances is None:
        return None
    if classes is None or instances is None:
        raise Refused(where=where, what="has classes or instances alone", fix="Give both, or none.")
    both = [each[None] if each.ndim == 2 else each for each in (instances, classes)]
    if any(each.shape not in (shape, (1, *shape[1:])) or each.dtype.kind not in "iu" for each in both):
        have = ", ".join(f"{each.dtype} {each.shape}" for each in both)
        raise Mismatch(where=where, what="truth", want=f"integers {shape} or {shape[1:]}", have=have)
    if min(int(each.min()) for each in both) < 0 or max(int(each.max()) for each in both) > np.iinfo(np.int16).max:
        raise Mismatch(where=where, what="truth", want="codes 0..32767", have="others")
    return np.stack(np.broadcast_arrays(*both), axis=-1).astype(np.int16)


def write_scene(folder: Path, sample: Sample, *, is_flat: bool = False) -> list[Path]:
    """Write a sample as products, one a stack, with its truth where it has some.

    Parameters
    ----------
    folder : Path
        Of the scene; one folder a product is made in it.
    sample : Sample
        Its stacks, and targets `class` and `instance`, or `class-<stack>` and `instance-<stack>`.
    is_flat : bool
        The one stack goes into `folder` itself.

    Returns
    -------
    list of Path
        Folders of the products.

    Raises
    ------
    Mismatch, Refused
        As `write_product`; or a scene of several stacks is to be one product.
    """
    if is_flat and len(sample.stacks) != 1:
        raise Mismatch(where=f"sample {sample.id}", what="stacks", want="one", have=", ".join(sample.stacks))
    written = []
    for name, stack in sample.stacks.items():
        truth = {role: _truth_of(sample, role, name) for role in ("class", "instance")}
        written.append(
            write_product(
                folder if is_flat else folder / name,
                stack,
                classes=truth["class"],
                instances=truth["instance"],
                steps=tuple(int(step) for step in stack.origin.declared.get("steps", ())),
            )
        )
    return written


def _truth_of(sample: Sample, role: str, name: str) -> Array | None:
    """Codes (h, w) or (t, h, w) of a stack: those under its name, or the only ones, if they came with it."""
    target = sample.targets.get(f"{role}-{name}") or sample.targets.get(role)
    if target is None or target.stack is None:
        return None
    items, own = target.stack.origin.items, f"{sample.id}/{name}/"
    is_own = len(sample.stacks) == 1 or f"{role}-{name}" in sample.targets or (items and items[0].startswith(own))
    if not is_own:
        return None
    return target.stack.data[0, 0] if len(target.stack.data) == 1 else target.stack.data[:, 0]


def write_patch(folder: Path, sample: Sample, number: int) -> Path:
    """Write one fusion patch: `landsat/<date>.h5`, `modis/<date>.h5` and `index.json`, which comes last.

    Parameters
    ----------
    folder : Path
        Of the patch.
    sample : Sample
        Stacks `landsat` and `modis` on one grid of degrees, on the same dates.
    number : int
        Of the patch, for its index.

    Raises
    ------
    Mismatch, Refused
        Stacks, dates or grids differ, there is no grid of degrees, numbers mean something else, or there are gaps.
    """
    where = f"patch {folder.name}"
    if not {"landsat", "modis"} <= set(sample.stacks):
        raise Mismatch(where=where, what="stacks", want="landsat, modis", have=", ".join(sample.stacks))
    landsat, modis = sample.stacks["landsat"], sample.stacks["modis"]
    box = landsat.geobox
    if box is None or box.crs is None or box.crs.epsg != 4326 or modis.geobox != box:
        raise Refused(where=where, what="needs one grid in EPSG:4326 for both stacks", fix="Warp them to it.")
    require_times(landsat, by=where)
    dates = [str(each) for each in landsat.times.astype("datetime64[D]")]
    if not np.array_equal(landsat.times, modis.times) or len(set(dates)) < len(dates):
        raise Mismatch(where=where, what="dates", want="the same days, each once", have=", ".join(dates[:4]))
    for name, stack in (("landsat", landsat), ("modis", modis)):
        if stack.quantity != FUSION:
            want = f"{FUSION}: the layout cannot say another"
            raise Mismatch(where=f"{where} {name}", what="quantity", want=want, have=str(stack.quantity))
        _require_whole(stack, f"{where} {name}")
    files = {}
    for k, date in enumerate(dates):
        for name, stack in (("modis", modis), ("landsat", landsat)):
            at = order(stack.bands, FUSION_BANDS[name], where=where)
            write_whole(folder / name / f"{date}.h5", _hdf5(stack.data[k, at]))
        files[str(k + 1)] = {"date": date, "modis": f"modis/{date}.h5", "landsat": f"landsat/{date}.h5"}
    left, bottom, right, top = box.extent.boundingbox
    features = {"patch_idx": number, "patch_bounds": [left, bottom, right, top], "horizon": len(dates)}
    return _index(folder, features, files)


def _require_whole(stack: Stack, where: str) -> None:
    if stack.valid is not None and not stack.valid.all():
        raise Refused(where=where, what="has invalid pixels, which that layout cannot say", fix="Fill them first.")


def _index(folder: Path, features: dict[str, Any], files: dict[str, Any]) -> Path:
    write_whole(folder / "index.json", json.dumps({"features": features, "files": files}).encode())
    return folder


def _hdf5(array: Array) -> bytes:
    """One array `data`, as h5py writes it by default."""
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file.create_dataset("data", data=np.ascontiguousarray(array))
    return target.getvalue()


def _jpeg(frame: Array) -> bytes:
    pixels = (np.clip(frame, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    held = np.ascontiguousarray(pixels)
    return bytes(simplejpeg.encode_jpeg(held, _QUALITY, colorspace="RGB", colorsubsampling="420"))
