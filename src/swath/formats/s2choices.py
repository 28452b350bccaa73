"""Sentinel-2 choices: which sizes, bands, extra stacks and windows of a product a user asks for, read and checked.

The same for products on disk (`formats.safe`) and for items of catalogues (`formats.stac`). Knows which bands are
measured at which size, and no files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from swath.core.bands import S2_BANDS, resolve, resolve_all
from swath.core.errors import Mismatch, Refused, Unknown
from swath.formats.options import as_names, as_number, as_size, one_of, only_known

__all__ = ["CHOICES", "NATIVE", "Choices", "choose_bands", "read_choices", "size_of_codes"]

#: Metres a pixel -> the bands that are measured so.
NATIVE: Final[dict[int, tuple[str, ...]]] = {
    10: ("B02", "B03", "B04", "B08"),
    20: ("B05", "B06", "B07", "B8A", "B11", "B12"),
    60: ("B01", "B09", "B10"),
}
#: Option -> what it means, of those that all formats of Sentinel-2 scenes take.
CHOICES: Final[dict[str, str]] = {
    "size": "pixels a sample at the smallest pixels read, as 240 or 240,120 (down, across); default the whole scene",
    "stride": "pixels from window to window; default size",
    "gsd": "native (default: every band at its own 10, 20 or 60 m), or sizes as 20 or 10,20: all bands that have it",
    "bands": "bands to keep; default all",
    "scl": "yes (default for L2A) or no: the scene codes become a stack",
    "offset": "what is to be added to the digital numbers; obeyed even against the pixels",
    "min_valid": "share of measured pixels below which a window is left out; default: any above 0",
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What was declared, read."""

    #: As given, as plain JSON.
    given: Mapping[str, Any]
    #: Pixels of a window, and from window to window; None = whole.
    size: tuple[int, int] | None
    stride: tuple[int, int] | None
    #: Sizes of pixels [m]; empty = every band at its own.
    gsd: tuple[int, ...]
    #: Bands to keep; empty = all.
    bands: tuple[str, ...]
    #: Scene codes; None = where there are any.
    scl: bool | None
    #: Declared; None = the evidence decides.
    offset: float | None
    #: Share of measured pixels that a window must have.
    min_valid: float
    #: Cloud masks become a stack.
    clouds: bool
    #: `no`, `mean`, or a band.
    angles: str
    #: Damaged pixels are invalid.
    quality: bool
    #: True = the files' own grids.
    own_grid: bool


def read_choices(declared: Mapping[str, Any], known: Mapping[str, str], *, where: str) -> Choices:
    """Read what was declared.

    Parameters
    ----------
    declared : mapping
        Options, as text or values.
    known : mapping
        Those that the format takes: `CHOICES` and its own.
    where : str
        The format, for errors.

    Raises
    ------
    Unknown, Refused
        An option, or a value of one, that does not exist.

    Examples
    --------
    >>> read_choices({"gsd": "10,20", "size": 120}, CHOICES, where="format x").gsd
    (10, 20)
    """
    given = only_known(declared, known, where=where)

    def said(name: str, default: str) -> bool:
        return one_of(name, given.get(name, default), ["yes", "no"]) == "yes"

    sizes: tuple[int, ...] = ()
    if str(given.get("gsd", "native")) != "native":
        held = given["gsd"] if isinstance(given["gsd"], str | list | tuple) else str(given["gsd"])
        sizes = tuple(sorted({int(as_number("gsd", each)) for each in as_names("gsd", held)}))
        for each in sizes:
            if each not in NATIVE:
                raise Unknown(str(each), [str(size) for size in NATIVE], what="gsd", where=where)
    angles = str(given.get("angles", "no"))
    if angles not in ("no", "mean"):
        angles = resolve(angles, where=f"{where} option angles")
    share = as_number("min_valid", given.get("min_valid", 0))
    if not 0 <= share <= 1:
        raise Refused(where="option min_valid", what=f"cannot be read from {share:g}", want="a share from 0 to 1")
    others = [name for name in ("metadata", "item", "files") if name in known.get("grid", "metadata")]
    return Choices(
        given={name: str(each) for name, each in given.items()},
        size=as_size("size", given["size"]) if "size" in given else None,
        stride=as_size("stride", given["stride"]) if "stride" in given else None,
        gsd=sizes,
        bands=resolve_all(as_names("bands", given["bands"]), where=where) if "bands" in given else (),
        scl=said("scl", "yes") if "scl" in given else None,
        offset=as_number("offset", given["offset"]) if "offset" in given else None,
        min_valid=share,
        clouds=said("clouds", "no"),
        angles=angles,
        quality=said("quality", "yes"),
        own_grid=one_of("grid", given.get("grid", others[0]), others) == "files",
    )


def choose_bands(images: Mapping[int, Collection[str]], choices: Choices, *, where: str) -> dict[int, tuple[str, ...]]:
    """Say which bands are read at which size.

    Parameters
    ----------
    images : mapping
        Metres a pixel -> names of the images that are there.
    choices : Choices
        What was asked for.
    where : str
        The product, for the error.

    Returns
    -------
    dict
        Metres a pixel -> bands in the order of the sensor; no size without a band.

    Raises
    ------
    Mismatch
        A band that was asked for is not there at these sizes, or none is.
    """
    chosen = {}
    for gsd in choices.gsd or tuple(NATIVE):
        have = [band for band in S2_BANDS if band in images.get(gsd, ()) and (choices.gsd or band in NATIVE[gsd])]
        bands = tuple(band for band in have if not choices.bands or band in choices.bands)
        if bands:
            chosen[gsd] = bands
    lacking = [band for band in choices.bands if not any(band in bands for bands in chosen.values())]
    if lacking or not chosen:
        have_all = ", ".join(sorted({band for held in images.values() for band in held}))
        said = ", ".join(f"{gsd} m" for gsd in choices.gsd) or "its own size"
        what = f"bands ({', '.join(lacking) or 'any'} at {said})"
        raise Mismatch(where=where, what=what, want="an image of each", have=have_all or "none")
    return chosen


def size_of_codes(
    images: Mapping[int, Collection[str]], chosen: Mapping[int, tuple[str, ...]], choices: Choices
) -> int | None:
    """Metres a pixel of the scene codes that are read beside the bands; None = none are."""
    gsd = 60 if set(chosen) == {60} else 20
    is_wanted = choices.scl or (choices.scl is None and "SCL" in images.get(gsd, ()))
    return gsd if is_wanted else None
