"""VisionDL, written: samples back into the HDF5 batches and TFRecords that Remote-Sensing-VisionDL reads.

What that system cannot say is lost: invalid pixels become 0 (NaN in the land cover), the grid goes, one label a sample
stays. Everything else comes back bit for bit. One sample in memory at a time.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import h5py
import numpy as np

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch, Refused
from swath.core.files import publish, write_whole
from swath.core.geobox import centre
from swath.core.progress import SILENT, Progress
from swath.core.quantity import TOA
from swath.core.sample import Sample
from swath.core.stack import Stack, to_physical
from swath.formats.tfrecord import encode_example, frame_record
from swath.formats.visiondl import CHANNELS, LABEL, LANDCOVER, ORDER

__all__ = ["PER_FILE", "write_batches", "write_records"]

#: Samples a file, as that system has it.
PER_FILE: Final = 512
_LEVEL: Final = 4  # of gzip: h5py's own


def write_batches(
    samples: Iterable[Sample],
    folder: Path,
    *,
    first: int = 1,
    total: int = 0,
    per_file: int = PER_FILE,
    progress: Progress = SILENT,
) -> list[Path]:
    """Write samples as `data_batch_<k>.h5`: `data` (n, 24 or 25, h, w), `locations` (n, 2) and `labels` (n,).

    Parameters
    ----------
    samples : iterable of Sample
        Each with a stack `s2` of four dates that converts to L1C reflectance and holds B02 B03 B04 B08 B11 B12, a
        target `wi` and a place; a stack `landcover` becomes the 25th channel, of all or of none.
    folder : Path
        Where the files go; each appears whole.
    first : int
        Number of the first file, for writing that goes on where it stopped.
    total : int
        How many there will be, for `progress`.

    Returns
    -------
    list of Path

    Raises
    ------
    Mismatch, Refused
        A sample lacks one of these, or is of another size than the first.
    """
    written: list[Path] = []
    kept: list[tuple[tuple[float, float], float]] = []
    done = 0
    folder.mkdir(parents=True, exist_ok=True)
    path, temporary = folder / f"data_batch_{first}.h5", folder / ".data_batch.h5.tmp"
    file: h5py.File | None = None
    try:
        for sample in samples:
            channels, place, label = _flat(sample)
            if file is None:
                path = folder / f"data_batch_{first + len(written)}.h5"
                file = _started(temporary, channels.shape)
            held = file["data"]
            if held.shape[1:] != channels.shape:
                want, have = " x ".join(map(str, held.shape[1:])), " x ".join(map(str, channels.shape))
                raise Mismatch(where=f"sample {sample.id}", what="size", want=f"{want} (the first)", have=have)
            held.resize(held.shape[0] + 1, axis=0)
            held[-1] = channels
            kept.append((place, label))
            done += 1
            progress(done, total)
            if len(kept) == per_file:
                _finished(file, kept, temporary, path)
                written.append(path)
                file, kept = None, []
        if file is not None:
            _finished(file, kept, temporary, path)
            written.append(path)
            file = None
    finally:
        if file is not None:
            file.close()
        temporary.unlink(missing_ok=True)
    return written


def _started(temporary: Path, shape: tuple[int, ...]) -> h5py.File:
    file = h5py.File(temporary, "w")
    options = {"compression": "gzip", "compression_opts": _LEVEL}
    file.create_dataset("data", (0, *shape), "f4", maxshape=(None, *shape), chunks=(1, *shape), **options)
    return file


def _finished(file: h5py.File, kept: Sequence[tuple[tuple[float, float], float]], temporary: Path, path: Path) -> None:
    file.create_dataset("locations", data=np.array([place for place, _ in kept], "f8"), compression="gzip")
    file.create_dataset("labels", data=np.array([label for _, label in kept], "f4"), compression="gzip")
    file.close()
    publish(temporary, path)


def write_records(
    samples: Iterable[Sample], folder: Path, *, total: int = 0, progress: Progress = SILENT
) -> list[Path]:
    """Write samples as `<year>_<lon>_<lat>_<wi>.tfrecord.gz`, one a file.

    Parameters
    ----------
    samples : iterable of Sample
        As for `write_batches`; the year stands in the origin of `s2`, or is that of its first date.

    Raises
    ------
    Mismatch, Refused
        A sample lacks something, its year included.
    """
    written = []
    for sample in samples:
        channels, (lon, lat), label = _flat(sample)
        path = folder / f"{_year(sample)}_{lon!r}_{lat!r}_{label!r}.tfrecord.gz"
        features = {name: band.ravel() for name, band in zip((*CHANNELS, "label"), channels, strict=False)}
        scalars = {"longtitude": [lon], "latitude": [lat], LABEL: [label]}
        blob = frame_record(encode_example({**features, **scalars}))
        write_whole(path, gzip.compress(blob, mtime=0))
        written.append(path)
        progress(len(written), total)
    return written


def _year(sample: Sample) -> int:
    stack = sample.stacks["s2"]
    if "year" in stack.origin.declared:
        return int(stack.origin.declared["year"])
    if np.isnat(stack.times[0]):
        raise Refused(where=f"sample {sample.id}", what="has no year, which the file's name needs", fix="Date it.")
    return int(stack.times[0].astype("datetime64[Y]").astype(int)) + 1970


def _flat(sample: Sample) -> tuple[Array, tuple[float, float], float]:
    """Channels (24 or 25, h, w), place and label of a sample."""
    where = f"sample {sample.id}"
    if "s2" not in sample.stacks:
        raise Mismatch(where=where, what="stacks", want="s2", have=", ".join(sample.stacks))
    stack = _reflectance(sample.stacks["s2"], where)
    if stack.shape[0] != ORDER.dates:
        raise Mismatch(where=where, what="dates", want=f"{ORDER.dates} (one a quarter)", have=str(stack.shape[0]))
    at = order(stack.bands, ORDER.bands, where=where)
    data = stack.data[:, at]
    if stack.valid is not None:
        data = np.where(np.broadcast_to(stack.valid, stack.data.shape)[:, at], data, np.float32(0))
    dates = [date for _, date in ORDER.channels]
    bands = [ORDER.bands.index(band) for band, _ in ORDER.channels]
    channels = data[dates, bands]
    if LANDCOVER in sample.stacks:
        cover = sample.stacks[LANDCOVER]
        codes = cover.data[0, :1].astype(np.float32)
        channels = np.concatenate([channels, codes if cover.valid is None else np.where(cover.valid[0], codes, np.nan)])
    held = sample.targets[LABEL].values if LABEL in sample.targets else None
    if held is None or LABEL not in held:
        raise Refused(where=where, what=f"has no label {LABEL}", fix=f"Give it a target {LABEL} of values.")
    return channels, _place(sample, where), float(held[LABEL])


def _reflectance(stack: Stack, where: str) -> Stack:
    physical = stack if stack.quantity == TOA else to_physical(stack)
    if physical.quantity != TOA or physical.data.dtype != np.float32:
        have = f"{physical.quantity} as {physical.data.dtype}"
        raise Mismatch(where=where, what="quantity", want="toa reflectance as float32", have=have)
    return physical


def _place(sample: Sample, where: str) -> tuple[float, float]:
    box = sample.stacks["s2"].geobox
    place = sample.lonlat or (None if box is None else centre(box))
    if place is None or not all(math.isfinite(x) for x in place):
        raise Refused(where=where, what="has no place, which that system needs", fix="Leave it out.")
    return place
