"""Raster set: which files a source reads, and what every sample of them holds.

Shared by the two ways in which GeoTIFFs become samples: one a file (`formats.geotiff`), or windows cut from scenes
(`formats.windows`). Knows no pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa

from swath.core.errors import Failure, Mismatch, Refused
from swath.core.geobox import footprint
from swath.core.legends import Legend, legend
from swath.core.plan import PLAN_COLUMNS, Layout, StackSpec
from swath.core.quantity import class_of
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.stack import Stack, measured
from swath.formats.archive import list_archive
from swath.formats.mapping import Declared, Mapped, folder_legend
from swath.formats.raster import Header

__all__ = [
    "COLUMNS",
    "LABEL",
    "SUFFIXES",
    "Choices",
    "RasterFile",
    "assemble",
    "files_of",
    "is_raster",
    "labels_of",
    "layout_of",
    "map_name",
    "may_be_invalid",
    "other_size",
    "path_of",
    "raw_bytes",
    "require_stack",
    "stack_name",
]

SUFFIXES: Final = (".tif", ".tiff", ".vrt")
_SIGNATURES: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SENTINEL: Final = "contains modified copernicus sentinel data"
_ANY_SIZE: Final = 2**62  # files of a folder are not inflated
#: Name of the target that the folder's name becomes.
LABEL: Final = "class"
#: Columns of a plan: which file below which root, its folder's code, its size.
COLUMNS: Final = {
    **PLAN_COLUMNS,
    "root": pa.int32(),
    "path": pa.string(),
    "code": pa.int32(),
    "height": pa.int32(),
    "width": pa.int32(),
}


def is_raster(path: Path) -> bool:
    """True if name and first bytes are those of a TIFF or VRT."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        with path.open("rb") as handle:
            head = handle.read(64)
    except OSError:
        return False
    return head[:4] in _SIGNATURES or b"<VRTDataset" in head


@dataclass(frozen=True, slots=True)
class RasterFile:
    """One raster of a source."""

    #: Position of what was opened.
    root: int
    #: Path below it; the name of the file where a file was opened.
    path: str
    #: Where it is.
    at: Path
    #: Name of its folder.
    label: str

    @property
    def id(self) -> str:
        """Path without suffix."""
        return str(PurePosixPath(self.path).with_suffix(""))


def files_of(roots: Sequence[Path]) -> list[RasterFile]:
    """All rasters, in the order of roots and names."""
    found = []
    for i, root in enumerate(roots):
        home = root.absolute()
        if root.is_file():
            found.append(RasterFile(i, root.name, root, home.parent.name))
            continue
        names = [m.name for m in list_archive(root, most=_ANY_SIZE).members if m.name.lower().endswith(SUFFIXES)]
        if not names:
            raise Refused(where=str(root), what=f"holds no raster ({', '.join(SUFFIXES)})", fix="Look at the path.")
        found += [RasterFile(i, name, root / name, PurePosixPath(name).parent.name or home.name) for name in names]
    if not found:
        raise Refused(where="format geotiff", what="no path was given", fix="Name files or folders.")
    return found


def path_of(roots: Sequence[Path], row: Mapping[str, Any]) -> Path:
    """Where the file of a plan's row is."""
    root: Path = roots[row["root"]]
    return root / row["path"] if root.is_dir() else root


def stack_name(sensor: str) -> str:
    """Name of the stack of measured bands: `s1`, `s2`, or `image` of any other sensor."""
    return sensor[:2] if sensor.startswith(("s1-", "s2-")) else "image"


def map_name(band: str) -> str:
    """Name of the stack or target of a class band."""
    return band.lower()


def labels_of(files: Sequence[RasterFile], declared: Declared) -> Legend | None:
    """Legend of the folders' names, if labels are declared."""
    if not declared.labels:
        return None
    names = sorted({file.label for file in files})
    if not declared.legend:
        return folder_legend(names)
    known = legend(declared.legend)
    for name in names:
        known.code_of(name)
    return known


@dataclass(frozen=True, slots=True)
class Choices:
    """What both sources carry besides the mapping."""

    #: What the user declared.
    declared: Declared
    #: Legend of the folders' names; None = no labels.
    labels: Legend | None

    def code(self, label: str) -> int | None:
        """Code of a folder's name; None without labels."""
        return None if self.labels is None else self.labels.code_of(label)


def layout_of(
    mapped: Mapped,
    dtype: str,
    size: tuple[int, int],
    gsd: tuple[float, float],
    has_valid: bool,
    choices: Choices,
    headers: Iterable[Header] = (),
) -> Layout:
    """What every sample holds; what the files say of whom to name (`headers`) comes before what their sensor says."""
    stacks: dict[str, StackSpec] = {}
    targets: dict[str, TargetSpec] = {}
    legends: dict[str, Legend] = {}
    sensor, level = mapped.sensor, mapped.level
    if mapped.quantity is not None:
        spec = StackSpec(mapped.bands, size, dtype, mapped.quantity, sensor, level, gsd, has_valid=has_valid)
        stacks[stack_name(sensor)] = spec
    for _, band, name in mapped.classes:
        spec = StackSpec((band,), size, "uint8", class_of(name), sensor, level, gsd, has_valid=has_valid)
        stacks[map_name(band)] = spec
        legends[name] = legend(name)
        if choices.declared.class_role == "target":
            targets[map_name(band)] = TargetSpec("map", legend=name)
    if choices.labels is not None:
        targets[LABEL] = TargetSpec("class", legend=choices.labels.name)
        legends[choices.labels.name] = choices.labels
    sentences = {each.attribution for each in legends.values() if each.attribution}
    sentences |= {header.tags.get("SWATH_ATTRIBUTION", "") for header in headers} - {""}
    if sensor.startswith(("s1-", "s2-")) and not any(_SENTINEL in sentence.lower() for sentence in sentences):
        sentences.add("Contains modified Copernicus Sentinel data.")
    return Layout(stacks, targets, legends, tuple(sorted(sentences)))


def raw_bytes(mapped: Mapped, dtype: str, size: tuple[int, int]) -> int:
    """Bytes of one sample before compression."""
    return size[0] * size[1] * (len(mapped.measured) * np.dtype(dtype).itemsize + len(mapped.classes))


def may_be_invalid(header: Header, declared: Declared) -> bool:
    """True if pixels of such a file may turn out not to be measurements."""
    has_code = declared.nodata is not None or any(code is not None for code in header.nodata)
    return has_code or header.has_mask or header.dtype.startswith("float")


def assemble(
    row: Mapping[str, Any], stacks: Mapping[str, Stack], maps: Sequence[str], choices: Choices
) -> Sample | Failure:
    """Put the sample of a plan's row together, if it has enough valid pixels.

    Parameters
    ----------
    row : mapping
        Of the plan.
    stacks : mapping
        All that was read.
    maps : sequence of str
        Which of them hold class codes.
    choices : Choices
        Say what becomes of those, and how many pixels are enough.
    """
    id = str(row["id"])
    declared = choices.declared
    held = [stack for name, stack in stacks.items() if name not in maps] or list(stacks.values())
    share = min(_share(stack) for stack in held)
    if share == 0 or share < declared.min_valid:
        want = f"{declared.min_valid:.0%} or more" if declared.min_valid else "some"
        error = Mismatch(where=id, what="share of valid pixels", want=want, have=f"{share:.1%}")
        return Failure.of(id, error, "invalid")
    is_target = declared.class_role == "target"
    targets = {name: Target(stack=stacks[name]) for name in maps if is_target}
    if choices.labels is not None:
        targets[LABEL] = Target(code=row["code"])
    box = held[0].geobox
    return Sample(
        id=id,
        stacks={name: stack for name, stack in stacks.items() if not (is_target and name in maps)},
        targets=targets,
        footprint=None if box is None else footprint(box),
        group=str(row["group"]),
        lonlat=None if row["lon"] is None else (row["lon"], row["lat"]),
    )


def _share(stack: Stack) -> float:
    """Share of the pixels that are measurements in every band."""
    good = measured(stack)
    return 1.0 if good is None else float(good.all(axis=1).mean())


def other_size(where: str, have: tuple[int, int], want: tuple[int, int], why: str) -> Mismatch:
    """Say that a file is of another size than wanted, and why that one is."""
    return Mismatch(
        where=where,
        what="size",
        want=f"{want[0]} x {want[1]} pixels ({why})",
        have=f"{have[0]} x {have[1]}",
        fix="Declare size= for another one; nothing is resized in silence.",
    )


def require_stack(mapped: Mapped, declared: Declared) -> None:
    """Refuse samples that would hold targets only."""
    if declared.class_role == "target" and mapped.quantity is None:
        what = "leaves no stack in a sample, only targets"
        raise Refused(where="format geotiff", what=what, fix="Keep a measured band too.")
