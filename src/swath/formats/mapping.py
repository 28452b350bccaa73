"""Mapping: what a user declares about rasters that do not say it themselves, and how one file is read by it.

Bands by position, level, kind, offset, date: each is declared, or stands in the file, or stays unknown; where both
speak and disagree the file is refused with both sides named. What is known of the offset becomes claims for
`core.offset`. Knows no pixels, and no folders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from swath.core.bands import resolve
from swath.core.errors import Mismatch, Refused, SwathError, Unknown
from swath.core.geobox import ground_gsd
from swath.core.legends import Legend, LegendClass, class_colours, legend
from swath.core.offset import Claim
from swath.core.quantity import KINDS, S2_QUANTIFICATION, Quantity, dn
from swath.core.sensors import SENSORS, sensor
from swath.core.stack import NO_TIME
from swath.formats.options import as_date, as_names, as_number, as_numbers, as_size, one_of, only_known
from swath.formats.raster import Header

__all__ = [
    "CLASS_BANDS",
    "DECLARES",
    "LEVEL_SENSORS",
    "Declared",
    "Mapped",
    "declare",
    "folder_legend",
    "gsd_of",
    "leave_out",
    "map_bands",
    "with_tags",
]

#: Option -> what it means.
DECLARES: Final[dict[str, str]] = {
    "bands": "names of the bands by their position in the file, as B04,B03,B02,B08,SCL; - leaves one out",
    "keep": "bands to keep, in the order wanted; default all",
    "kind": "what the numbers are: dn, toa, boa, sigma0, sigma0_db, gamma0_rtc, rgb8, probability, value, ...",
    "level": "product level: L1C, L2A, GRD or RTC",
    "offset": "dn: what is to be added (0, or -1000 from baseline 04.00 on); obeyed even against the pixels",
    "convention": "dn: the offset that the data set documents; the pixel check may veto it",
    "quantification": "dn: divisor; default that of Sentinel-2, 10000",
    "unit": "kind=value: its unit, 1 for none",
    "rendering": "kind=rgb8: name of the rendering",
    "sensor": "sensor, or anonymous-<n>; default that of the level",
    "date": "acquisition of every file, as 2022-06-12 or 2022-06-12T10:10:31Z (UTC)",
    "nodata": "code of absence, in place of the files' own",
    "gsd": "metres a pixel: checked against the grid, or taken where the file has no place",
    "class_band": "bands that hold class codes and become maps of their own; SCL always is one",
    "class_legend": "legends of class_band, in its order",
    "class_role": "stack (default) or target: what class_band becomes",
    "labels": "folder: the class of a file is the name of its folder",
    "legend": "legend that holds the folders' names; default one made of them",
    "size": "pixels a sample, as 64 or 120,60 (down, across); a single file is cut into such windows",
    "stride": "pixels from window to window; default size. Given for a folder, every file in it is cut",
    "min_valid": "least share of valid pixels of a sample; default: more than none",
}
#: Bands that hold class codes whenever they are so named -> their legend.
CLASS_BANDS: Final[dict[str, str]] = {"SCL": "scl"}
#: Level -> sensor that it is of.
LEVEL_SENSORS: Final[dict[str, str]] = {each.level: name for name, each in SENSORS.items()}
_OPTICAL: Final = {"toa": "L1C", "boa": "L2A"}
_COUNTED: Final = ("dn", "rgb8", "value", "probability")  # kinds that integers can hold
_GSD_TOLERANCE: Final = 0.05
#: Declaration -> tag of `formats.tiff` that says the same.
_TAGS: Final = {
    "kind": "SWATH_KIND",
    "level": "SWATH_LEVEL",
    "sensor": "SWATH_SENSOR",
    "date": "SWATH_TIME",
    "unit": "SWATH_UNIT",
    "rendering": "SWATH_RENDERING",
}
#: Those that say something of one kind of numbers only: maps of swath use the same tags for other things.
_ONLY_OF: Final = {"unit": "value", "rendering": "rgb8"}
_LEFT_OUT: Final = "-"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a user declared, read and checked as far as that needs no file."""

    #: As given, for plan and origin.
    given: Mapping[str, Any] = field(default_factory=dict)
    bands: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    kind: str = ""
    level: str = ""
    offset: tuple[float, ...] | None = None
    convention: tuple[float, ...] | None = None
    quantification: tuple[float, ...] | None = None
    unit: str = ""
    rendering: str = ""
    sensor: str = ""
    #: NaT = unknown.
    date: np.datetime64 = NO_TIME
    nodata: float | None = None
    gsd: float | None = None
    #: Band -> legend.
    classes: Mapping[str, str] = field(default_factory=dict)
    class_role: str = "stack"
    labels: bool = False
    legend: str = ""
    size: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    min_valid: float = 0.0


def declare(options: Mapping[str, Any], *, where: str) -> Declared:
    """Read options as `DECLARES` lists them.

    Raises
    ------
    Unknown
        An option, level, kind, sensor or legend that nobody knows; the nearest is named.
    Refused
        A value that cannot be read, or options that contradict one another.

    Examples
    --------
    >>> declare({"bands": "red,nir", "kind": "boa"}, where="geotiff").bands
    ('red', 'nir')
    """
    given = only_known(options, DECLARES, where=where)
    read: dict[str, Any] = {"given": {name: _plain(value) for name, value in given.items()}}
    for name, reader in _READERS.items():
        if name in given:
            read[name] = reader(name, given[name])
    read["classes"] = _classes_of(given, where)
    if "labels" in given or "legend" in given:
        one_of("labels", given.get("labels", "folder"), ["folder"])
        read["labels"] = True
    made = Declared(**read)
    if made.sensor:
        level = sensor(made.sensor, where=where).level
        if level and made.level not in ("", level):
            raise Mismatch(where=where, what="level", want=f"{level} (sensor {made.sensor})", have=made.level)
        made = replace(made, level=level or made.level)
    if made.legend:
        legend(made.legend, where=where)
    if made.kind in _OPTICAL and made.level and made.level != _OPTICAL[made.kind]:
        raise Mismatch(where=where, what="level", want=f"{_OPTICAL[made.kind]} (kind {made.kind})", have=made.level)
    if not 0 <= made.min_valid <= 1:
        raise Refused(where=where, what=f"min_valid must be a share from 0 to 1, have {made.min_valid:g}")
    return made


def _name(name: str, value: Any) -> str:
    return str(value)


def _kind(name: str, value: Any) -> str:
    return one_of("quantity", value, [kind for kind in KINDS if kind != "class"])


_READERS: Final[dict[str, Any]] = {
    "bands": as_names,
    "keep": as_names,
    "kind": _kind,
    "level": lambda name, value: one_of(name, value, LEVEL_SENSORS),
    "offset": as_numbers,
    "convention": as_numbers,
    "quantification": as_numbers,
    "unit": _name,
    "rendering": _name,
    "sensor": _name,
    "date": as_date,
    "nodata": as_number,
    "gsd": as_number,
    "class_role": lambda name, value: one_of(name, value, ["stack", "target"]),
    "legend": _name,
    "size": as_size,
    "stride": as_size,
    "min_valid": as_number,
}


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | bool):
        return value
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else str(value)


def _classes_of(given: Mapping[str, Any], where: str) -> dict[str, str]:
    """Band that holds class codes -> its legend."""
    names = as_names("class_band", given["class_band"]) if "class_band" in given else ()
    legends = as_names("class_legend", given["class_legend"]) if "class_legend" in given else ()
    if not legends and all(name.upper() in CLASS_BANDS for name in names):
        legends = tuple(CLASS_BANDS[name.upper()] for name in names)
    if len(names) != len(legends):
        have, want = ", ".join(legends) or "none", f"one a class_band ({', '.join(names) or 'none declared'})"
        fix = "Name a legend for each, in their order."
        raise Mismatch(where=where, what="class_legend", want=want, have=have, fix=fix)
    for each in legends:
        legend(each, where=where)
    return {**CLASS_BANDS, **dict(zip(names, legends, strict=True))}


def with_tags(declared: Declared, header: Header, *, where: str) -> Declared:
    """Add what swath itself has written into the file and the user leaves unsaid: what, when, and by which legend.

    Raises
    ------
    Mismatch
        What is declared is not what the file says of itself.
    """
    held: dict[str, Any] = {}
    kind = header.tags.get("SWATH_KIND", "")
    for name, tag in _TAGS.items():
        text = header.tags.get(tag, "")
        if not text or text == "class" or _ONLY_OF.get(name, kind) != kind:
            continue
        said = as_date(name, text) if name == "date" else text
        own = getattr(declared, name)
        is_unsaid = np.isnat(own) if name == "date" else own in ("", said)
        if is_unsaid:
            held[name] = said
        elif name in ("kind", "level"):
            fix = "Leave it out, or mend the file's tag if that is wrong."
            raise Mismatch(
                where=where, what=name, want=f"{own} (declared)", have=f"{said} (written in the file)", fix=fix
            )
    if kind == "class" and header.tags.get("SWATH_LEGEND"):
        codes = {text: header.tags["SWATH_LEGEND"] for text in header.descriptions if text}
        held["classes"] = {**codes, **declared.classes}
    return replace(declared, **held)


def leave_out(declared: Declared, header: Header, number: int, *, where: str) -> tuple[Declared, str, str]:
    """Take one band of a file away from all that is read as measurements, whatever it is called.

    Parameters
    ----------
    number : int
        As GDAL counts, from 1.

    Returns
    -------
    declared : Declared
        For the other bands.
    name : str
        What the band is called, or `band<n>`.
    legend : str
        Legend that its name stands for, as SCL does; empty if none.

    Raises
    ------
    Unknown
        The file has no such band.
    """
    if number not in header.indexes:
        raise Unknown(str(number), [str(i) for i in header.indexes], what="band", where=where)
    at = header.indexes.index(number)
    names: list[str | None] = list(declared.bands or (text or None for text in header.descriptions))
    if not declared.bands and declared.sensor.startswith("anonymous"):
        names = list(sensor(declared.sensor, where=where).names)
        names.insert(at, None)
    name = names[at] if at < len(names) else None
    called = name if name not in (None, _LEFT_OUT) else None
    if at < len(names):
        names[at] = _LEFT_OUT
    bands = declared.bands if None in names else tuple(str(each) for each in names)
    classes = {_folded(key): legend_ for key, legend_ in declared.classes.items()}
    return replace(declared, bands=bands), called or f"band{number}", classes.get(_folded(called or ""), "")


@dataclass(frozen=True, slots=True)
class Mapped:
    """How the bands of a file are read; the same for every file that opens beside it."""

    #: Names of all bands, by position.
    names: tuple[str, ...]
    #: Positions of the measured bands that are kept, in the order wanted.
    measured: tuple[int, ...]
    #: Positions of the measured bands that the pixel check may look at: all of them.
    judged: tuple[int, ...]
    #: Position, name and legend of each class band that is kept.
    classes: tuple[tuple[int, str, str], ...]
    #: What the bands that are kept mean; None where there are none.
    quantity: Quantity | None
    #: What all measured bands mean.
    whole: Quantity | None
    #: What is known of the offset.
    claims: tuple[Claim, ...]
    #: Sensor and level.
    sensor: str
    level: str

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the measured bands that are kept."""
        return tuple(self.names[i] for i in self.measured)

    @property
    def has_offset(self) -> bool:
        """True if there is an offset to be decided: Sentinel-2 digital numbers."""
        return self.quantity is not None and self.quantity.kind == "dn" and self.quantity.of is not None


def map_bands(declared: Declared, header: Header, *, where: str) -> Mapped:
    """Say how the bands of one file are read.

    Raises
    ------
    Mismatch
        Declaration and file contradict each other: number or names of bands, dtype, scale, kind, level.
    Refused
        Something physical is neither declared nor in the file.
    Unknown
        A band that nobody knows, or that its sensor does not have.
    """
    declared = with_tags(declared, header, where=where)
    names = _names(declared, header, where)
    classes = {_folded(name): legend_ for name, legend_ in declared.classes.items()}
    measured = [i for i, name in enumerate(names) if _folded(name) not in classes and name != _LEFT_OUT]
    wanted = _kept(declared, names, where)
    kept = tuple(i for i in wanted if i in measured)
    maps = tuple((i, names[i], classes[_folded(names[i])]) for i in wanted if i not in measured)
    if not kept:
        only = declared.sensor or LEVEL_SENSORS.get(declared.level, "")
        return Mapped(names, (), (), maps, None, None, (), only, declared.level)
    own = declared.sensor or LEVEL_SENSORS.get(declared.level, f"anonymous-{len(measured)}")
    if own in SENSORS:
        for i in measured:
            sensor(own, where=where).band(names[i], where=where)
    quantity, claims = _quantity(declared, header, measured, where)
    at = [measured.index(i) for i in kept]
    return Mapped(
        names=names,
        measured=kept,
        judged=tuple(measured),
        classes=maps,
        quantity=quantity.select(at),
        whole=quantity,
        claims=tuple(Claim(c.kind, _picked(c.offset, at), c.source) for c in claims),
        sensor=own,
        level=declared.level,
    )


def _folded(name: str) -> str:
    return name.strip().upper()


def _picked(numbers: tuple[float, ...], at: Sequence[int]) -> tuple[float, ...]:
    kept = numbers if len(numbers) == 1 else tuple(numbers[i] for i in at)
    return kept[:1] if len(set(kept)) == 1 else kept


def _canonical(name: str, declared: Declared, where: str) -> str:
    """The name inside: class bands and bands of no known sensor keep their own."""
    if name.strip() == _LEFT_OUT:
        return _LEFT_OUT
    for band in declared.classes:
        if _folded(name) == _folded(band):
            return band
    return name.strip() if _keeps_names(declared) else resolve(name, where=where)


def _keeps_names(declared: Declared) -> bool:
    """True where bands are of no known sensor, so that their names are anybody's."""
    return declared.kind in ("value", "probability") or bool(declared.sensor and declared.sensor not in SENSORS)


def _names(declared: Declared, header: Header, where: str) -> tuple[str, ...]:
    described = [_described(text, declared) for text in header.descriptions]
    if not declared.bands:
        if declared.sensor.startswith("anonymous"):
            names = sensor(declared.sensor, where=where).names
            if len(names) != header.bands:
                want = f"{len(names)} ({declared.sensor})"
                raise Mismatch(where=where, what="number of bands", want=want, have=str(header.bands))
            return names
        if None in described:
            raise Refused(
                where=where,
                what=f"does not say which of its {header.bands} bands is which",
                fix="Declare bands=B04,B03,... by their position, or sensor=anonymous-<n> if nobody knows.",
            )
        return _once(tuple(name for name in described if name), where)
    if len(declared.bands) != header.bands:
        raise Mismatch(
            where=where,
            what="number of bands",
            want=f"{len(declared.bands)} ({' '.join(declared.bands)}, declared)",
            have=f"{header.bands} in the file",
            fix="Name every band of the file, in its order; choose with keep=.",
        )
    names = _once(tuple(_canonical(name, declared, where) for name in declared.bands), where)
    if any(have not in (None, want) and want != _LEFT_OUT for want, have in zip(names, described, strict=True)):
        raise Mismatch(
            where=where,
            what="band order",
            want=f"{' '.join(names)} (declared)",
            have=f"{' '.join(have or '?' for have in described)} (written in the file)",
            fix="Declare the file's own order, or nothing.",
        )
    return names


def _described(text: str | None, declared: Declared) -> str | None:
    """Band that a description names, if it names one."""
    if (
        not text
        or text.strip() == _LEFT_OUT
        or (_keeps_names(declared) and declared.bands and text not in declared.bands)
    ):
        return None
    try:
        return _canonical(text, declared, "")
    except SwathError:
        return None


def _once(names: tuple[str, ...], where: str) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1 and name != _LEFT_OUT})
    if twice:
        raise Refused(where=where, what=f"band {twice[0]} is named more than once", fix="Name each once.")
    return names


def _kept(declared: Declared, names: tuple[str, ...], where: str) -> list[int]:
    """Positions of the bands to keep, in the order wanted."""
    if not declared.keep:
        return [i for i, name in enumerate(names) if name != _LEFT_OUT]
    at = []
    for name in declared.keep:
        known = names.index(name) if name in names and name != _LEFT_OUT else None
        if known is None:
            try:
                known = names.index(_canonical(name.strip(_LEFT_OUT), declared, where))
            except (ValueError, SwathError):
                held = [each for each in names if each != _LEFT_OUT]
                raise Unknown(name, held, what="band to keep", where=where) from None
        at.append(known)
    _once(tuple(names[i] for i in at), where)
    return at


def _quantity(
    declared: Declared, header: Header, measured: Sequence[int], where: str
) -> tuple[Quantity, tuple[Claim, ...]]:
    """What all measured bands mean, and the claims about their offset."""
    kind = declared.kind
    if not kind:
        raise Refused(
            where=where,
            what="does not say what its numbers are",
            fix="Declare kind=: dn (with level and offset), toa, boa, sigma0_db, rgb8, value, ...",
        )
    scales = [header.scales[i] for i in measured]
    is_scaled = any(pair != (1.0, 0.0) for pair in scales)
    if kind != "dn":
        if is_scaled:
            said = f"value = {scales[0][0]:g} x number + {scales[0][1]:g} (written in the file)"
            raise Mismatch(
                where=where, what="scale", want=f"none (kind {kind}, declared)", have=said, fix="Declare kind=dn."
            )
        return _plain_quantity(declared, header, len(measured), where), ()
    of = {"L1C": "toa", "L2A": "boa"}.get(declared.level)
    if of is None:
        for name in ("offset", "convention", "quantification"):
            if getattr(declared, name) is not None:
                fix = "Declare level=L1C or level=L2A."
                raise Refused(where=where, what=f"has an {name} but no level to say what it leads to", fix=fix)
        return dn(None, offset=None), ()
    claims = _claims(declared, scales if is_scaled else (), len(measured), where)
    offset = claims[0].offset if claims else None
    return dn(of, offset=offset, quantification=_quantification(declared, scales, len(measured), where)), claims


def _plain_quantity(declared: Declared, header: Header, bands: int, where: str) -> Quantity:
    kind, dtype = declared.kind, np.dtype(header.dtype)
    if kind not in _COUNTED and dtype.kind in "ui":
        raise Mismatch(
            where=where,
            what="dtype",
            want=f"floating point ({KINDS[kind]}, declared)",
            have=header.dtype,
            fix="Whole numbers are digital numbers: declare kind=dn and its level.",
        )
    if kind == "rgb8" and (dtype != np.uint8 or bands != 3):
        have = f"{bands} bands of {header.dtype}"
        raise Mismatch(where=where, what="picture", want="3 bands of uint8 (rgb8, declared)", have=have)
    return Quantity(kind, rendering=declared.rendering or None, unit=declared.unit or None)


def _claims(declared: Declared, scales: Sequence[tuple[float, float]], bands: int, where: str) -> tuple[Claim, ...]:
    """Claims about the offset, strongest first."""
    claims = []
    if declared.offset is not None:
        claims.append(Claim("override", _one_or_each("offset", declared.offset, bands, where), "declared offset"))
    if declared.convention is not None:
        numbers = _one_or_each("convention", declared.convention, bands, where)
        claims.append(Claim("convention", numbers, "declared convention of the data set"))
    if scales:
        # value = scale * DN + offset is (DN + offset / scale) * scale.
        numbers = tuple(round(offset / scale, 6) for scale, offset in scales)
        claims.append(Claim("raster", _one_or_each("offset", numbers, bands, where), "scale and offset in the file"))
    return tuple(claims)


def _one_or_each(name: str, numbers: tuple[float, ...], bands: int, where: str) -> tuple[float, ...]:
    if len(numbers) not in (1, bands):
        raise Mismatch(where=where, what=name, want=f"one number, or one a band ({bands})", have=str(len(numbers)))
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def _quantification(
    declared: Declared, scales: Sequence[tuple[float, float]], bands: int, where: str
) -> tuple[float, ...]:
    has_own = any(scale != 1.0 for scale, _ in scales)
    own = _one_or_each("scale", tuple(round(1 / scale, 6) for scale, _ in scales), bands, where)
    if declared.quantification is None:
        return own if has_own else (S2_QUANTIFICATION,)
    asked = _one_or_each("quantification", declared.quantification, bands, where)
    if has_own and asked != own:
        want = f"{','.join(f'{q:g}' for q in asked)} (declared)"
        have = f"{','.join(f'{q:g}' for q in own)} (written in the file)"
        raise Mismatch(where=where, what="quantification", want=want, have=have, fix="Declare the file's own, or none.")
    return asked


def gsd_of(declared: Declared, header: Header, *, where: str) -> tuple[float, float]:
    """Metres on the ground a pixel: measured on the grid, or declared where the file has no place.

    What swath has written into the file itself is taken, unless the grid is another by now.

    Raises
    ------
    Mismatch
        The declared size is not the grid's.
    Refused
        The file has no place and nothing is declared.
    """
    said = None if declared.gsd is not None else _written_gsd(header)
    if header.geobox is None:
        if said is not None:
            return said
        if declared.gsd is None:
            raise Refused(
                where=where, what="has no place, so its ground size is unknown", fix="Declare gsd= in metres a pixel."
            )
        return declared.gsd, declared.gsd
    have = ground_gsd(header.geobox)
    if said is not None and all(abs(side / own - 1) <= _GSD_TOLERANCE for side, own in zip(have, said, strict=True)):
        return said
    if declared.gsd is not None and any(abs(side / declared.gsd - 1) > _GSD_TOLERANCE for side in have):
        raise Mismatch(
            where=where,
            what="gsd",
            want=f"{declared.gsd:g} m (declared)",
            have=f"{have[0]:.4g} x {have[1]:.4g} m by its grid",
            fix="Declare the grid's own, or resample it.",
        )
    return have


def _written_gsd(header: Header) -> tuple[float, float] | None:
    """What `formats.tiff` has written; None where it has not, or where it is no size."""
    text = header.tags.get("SWATH_GSD", "")
    sides = as_numbers("gsd", text) if text else ()
    return (sides[0], sides[1]) if len(sides) == 2 and all(0 < side < np.inf for side in sides) else None


def folder_legend(names: Sequence[str]) -> Legend:
    """Make a legend of folder names: codes in alphabetical order, colours as `class_colours` gives them.

    Examples
    --------
    >>> folder_legend(["forest", "crop"]).codes, folder_legend(["forest", "crop"]).names
    ((0, 1), ('crop', 'forest'))
    """
    listed = sorted(names)
    colours = class_colours(listed)
    classes = tuple(LegendClass(k, name, colour) for k, (name, colour) in enumerate(zip(listed, colours, strict=True)))
    return Legend("folders", classes, source="names of the folders, in alphabetical order")
