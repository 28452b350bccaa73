"""Planet: the virtual planet as a source of samples, and as scenes of any size.

Everything is a function of the seed and of place and date: samples of the EuroSAT kind (13 bands of Sentinel-2 L1C at
10 m under a clear sky, one class each, and if wanted the exact class of every pixel) are planned by place and class,
and read from blocks that anyone computes alike. Artificial are the land, its seasons and its sensor; measured are the
spectra. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from swath.core.bands import S2_BANDS, resolve_all
from swath.core.errors import Failure, Mismatch, Refused, SwathError, Unknown
from swath.core.geobox import footprint, sample_geobox, utm_epsg
from swath.core.legends import legend
from swath.core.offset import baseline_offset
from swath.core.plan import PLAN_COLUMNS, Layout, Plan, StackSpec
from swath.core.progress import SILENT, Progress
from swath.core.quantity import class_of, dn
from swath.core.sample import Sample, Target, TargetSpec
from swath.core.specs import InputSpec
from swath.core.stack import NO_TIME, Stack
from swath.imaging.lattice import Extent, key, uniform
from swath.world.label import window_class
from swath.world.lattice import GSD, geobox_of, lonlat_of, pixel_at, pixel_of
from swath.world.places import WIDEST, Place, choose, group_of, most_regions
from swath.world.scene import (
    PlanetScene,
    TruthScene,
    decision,
    read_labels,
    read_numbers,
    stack_origin,
    times_of,
)
from swath.world.season import REFERENCE_DAY, YEAR
from swath.world.spectra import ATTRIBUTION

__all__ = ["PLANET_OPTIONS", "Planet", "open_planet"]

#: Option of `open_planet` -> what it means.
PLANET_OPTIONS: Final[dict[str, str]] = {
    "seed": "which planet; default 0",
    "n": "samples; default 1000",
    "size": "pixels a side, at 10 m; default 64",
    "dates": "dates a sample: how many (1 = near midsummer, more = spread over the year), or YYYY-MM-DD,YYYY-MM-DD,...",
    "year": "year that dates are drawn in; default 2018",
    "bands": "names in order, for example B04,B03,B02; default all 13",
    "baseline": "processing baseline to imitate: 02.06 (offset 0, default), 05.10 (offset -1000), ...",
    "landcover": "1 = every sample carries the exact class of each pixel; default 0",
}
#: Changes when the same options give other pixels.
_VERSION: Final = 1
#: A single date lies within so many days of local midsummer.
_SUMMER: Final = 45
_COLUMNS: Final = {
    **PLAN_COLUMNS,
    "epsg": pa.int32(),
    "left": pa.float64(),
    "top": pa.float64(),
    "class": pa.int16(),
    "dates": pa.list_(pa.string()),
}


def _to_day(date: Any, *, where: str) -> int:
    """Days since 1970 of a date in any of its usual forms."""
    try:
        moment = np.datetime64(date, "D")
    except ValueError:
        moment = np.datetime64("NaT", "D")
    if np.isnat(moment):
        raise Refused(where=where, what=f"{date!r} is no date", fix="Write it as YYYY-MM-DD.")
    if not np.datetime64("1000-01-01") <= moment <= np.datetime64("9998-12-31"):
        raise Refused(where=where, what=f"{date!r} lies outside the years 1000 to 9998", fix="Give another date.")
    return int(moment.astype(int))


def _to_date(day: int) -> str:
    return str(np.datetime64(day, "D"))


@dataclass(frozen=True, slots=True)
class Planet:
    """A virtual planet; a `core.plan.Source`.

    Examples
    --------
    >>> planet = Planet(seed=7, n=10)
    >>> planet.plan().summary()
    'planet: 10 samples; s2 1 x 13 x 64 x 64 dn offset 0 (toa reflectance, /10000); 1.1 MB raw'
    """

    #: Which planet.
    seed: int = 0
    #: How many samples its own plan has.
    n: int = 1000
    #: Pixels a side of a sample.
    size: int = 64
    #: Dates a sample: how many, or which (YYYY-MM-DD).
    dates: int | tuple[str, ...] = 1
    #: Year that dates are drawn in.
    year: int = 2018
    #: Canonical names in order.
    bands: tuple[str, ...] = S2_BANDS
    #: Processing baseline that it imitates; decides the offset of the digital numbers.
    baseline: str = "02.06"
    #: True if samples carry the exact class of every pixel as a target of its own, `landcover`.
    landcover: bool = False

    def __post_init__(self) -> None:
        where = "planet"
        for name, least, most in (("n", 1, 10_000_000), ("size", 1, 100_000), ("year", 1970, 9998)):
            if not least <= getattr(self, name) <= most:
                what = f"{name} must be {least} or more" + (f", up to {most:,}" if getattr(self, name) > most else "")
                have = f"{name} {getattr(self, name)}"
                raise Refused(where=where, what=what, have=have, fix=f"Give another {name}.")
        unknown = [band for band in self.bands if band not in S2_BANDS]
        if unknown:
            raise Unknown(unknown[0], S2_BANDS, what="band of the planet", where=where)
        if not self.bands:
            raise Refused(where=where, what="a stack needs a band", fix="Name one band or more.")
        if baseline_offset(self.baseline) is None:
            raise Refused(
                where=where,
                what=f"baseline {self.baseline!r} implies no offset",
                fix="Name one such as 02.06 (offset 0) or 05.10 (offset -1000).",
            )
        if (isinstance(self.dates, int) and self.dates < 1) or self.dates == ():
            raise Refused(where=where, what="a sample needs a date", have=str(self.dates), fix="Ask for 1 or more.")
        if not isinstance(self.dates, int):
            object.__setattr__(self, "dates", tuple(_to_date(_to_day(d, where=where)) for d in self.dates))

    @property
    def name(self) -> str:
        """Its name in `recipes.open`."""
        return "planet"

    @property
    def offset(self) -> float:
        """What is added to its digital numbers before dividing by 10000: 0 or -1000."""
        return baseline_offset(self.baseline) or 0.0

    def plan(self, places: Any = None, dates: Any = None, spec: Any = None, *, progress: Progress = SILENT) -> Plan:
        """Say which samples there will be; no pixel is read.

        Parameters
        ----------
        places : sequence of (lon, lat), optional
            Centres [degrees]; None = the planet chooses `n` places, balanced by class.
        dates : sequence of dates, optional
            For every sample; None = as the planet's own `dates` say.
        spec : InputSpec, optional
            What a model needs: refused unless this planet is made that way.
        progress : Progress
            Called with places found and wanted.

        Raises
        ------
        Mismatch
            The planet does not give what `spec` needs.
        Refused
            Windows of this size are too rarely of one class; or a place lies outside UTM.
        """
        if spec is not None:
            self._require(spec)
        asked: dict[str, Any] = {
            "version": _VERSION,
            "seed": self.seed,
            "size": self.size,
            "bands": list(self.bands),
            "baseline": self.baseline,
            "offset": self.offset,
            "landcover": self.landcover,
            "year": self.year,
        }
        days = None if dates is None else [_to_day(date, where="planet") for date in dates]
        if days == []:
            raise Refused(where="planet", what="a sample needs a date", have="none", fix="Give one date or more.")
        if days is None:
            asked["dates"] = self.dates if isinstance(self.dates, int) else list(self.dates)
        else:
            asked["dates"] = [_to_date(day) for day in days]
        if places is None:
            asked["n"] = self.n
            chosen = self._own_places(progress)
        else:
            given = [(float(lon), float(lat)) for lon, lat in places]
            asked["places"] = [list(place) for place in given]
            chosen = []
            for place in given:
                chosen.append(self._place(*place))
                progress(len(chosen), len(given))
        rows = [self._row(k, place, days) for k, place in enumerate(chosen)]
        most = max((len(row["dates"]) for row in rows), default=1)
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
        return Plan(self.name, asked, self._layout(most), table)

    def read(self, rows: pa.Table) -> Iterator[Sample | Failure]:
        """Read rows of a plan of this planet, in their order."""
        for row in rows.to_pylist():
            try:
                yield self._sample(row)
            except SwathError as error:
                yield Failure.of(row["id"], error)

    def scene(self, lon: float, lat: float, *, size: tuple[int, int], date: Any = None) -> PlanetScene:
        """A scene around a place.

        Parameters
        ----------
        lon, lat : float
            Centre [degrees]; the scene lies in the UTM zone of this place and its corner on the 60 m lattice.
        size : (int, int)
            Pixels at 10 m, (h, w).
        date : str, date or datetime64, optional
            None = local midsummer of the planet's year.

        Returns
        -------
        PlanetScene
            Its `truth` is the exact class of the same pixels.

        Examples
        --------
        >>> scene = Planet(seed=7).scene(11.3, 46.5, size=(400, 600), date="2018-07-14")
        >>> scene.shape, scene.geobox.crs.epsg, str(scene.quantity)
        ((400, 600), 32632, 'dn offset 0 (toa reflectance, /10000)')
        """
        epsg, extent = self._frame(lon, lat, size)
        day = self._summer(epsg) if date is None else _to_day(date, where="planet")
        return PlanetScene(self.seed, epsg, extent, day, self.baseline, self.bands)

    def truth_scene(self, lon: float, lat: float, *, size: tuple[int, int]) -> TruthScene:
        """The exact class of the ground that `scene` shows."""
        return TruthScene(self.seed, *self._frame(lon, lat, size))

    def _frame(self, lon: float, lat: float, size: tuple[int, int]) -> tuple[int, Extent]:
        height, width = size
        if min(size) < 1:
            raise Refused(
                where="planet", what="a scene needs a pixel", have=f"{height} x {width}", fix="Give its size."
            )
        epsg = utm_epsg(lon, lat)
        row, col = pixel_at(epsg, lon, lat)
        return epsg, Extent(round((row - height / 2) / 6) * 6, round((col - width / 2) / 6) * 6, height, width)

    def _summer(self, epsg: int) -> int:
        """Local midsummer of the planet's year: days since 1970."""
        first = _to_day(f"{self.year}-01-01", where="planet")
        return first + round((REFERENCE_DAY + YEAR / 2 * (epsg > 32700)) % YEAR)

    def _own_places(self, progress: Progress) -> list[Place]:
        if self.size > WIDEST:
            raise Refused(
                where="planet",
                what=f"chooses no places for windows of more than {WIDEST} pixels",
                have=str(self.size),
                fix="Name the places, or read a scene.",
            )
        places = choose(self.seed, self.n, self.size, progress=progress)
        if len(places) < self.n:
            raise Refused(
                where="planet",
                what=f"windows of {self.size} pixels are too rarely of one class to balance all ten",
                want=f"{self.n} samples",
                have=f"{len(places)} after looking through {most_regions(self.n)} regions",
                fix="Ask for smaller windows, or name the places.",
            )
        return places

    def _place(self, lon: float, lat: float) -> Place:
        box = sample_geobox(lon, lat, size=self.size)
        epsg = utm_epsg(lon, lat)
        extent = Extent(*pixel_of(box.transform.c, box.transform.f, epsg), self.size, self.size)
        return Place(epsg, extent, *window_class(read_labels(self.seed, epsg, extent)))

    def _days(self, place: Place) -> list[int]:
        """Dates of one sample, drawn for its place."""
        if not isinstance(self.dates, int):
            return [_to_day(date, where="planet") for date in self.dates]
        where = key(self.seed, "date", place.epsg, place.extent.row, place.extent.col)
        draw = uniform(where, np.arange(self.dates), np.array(0))[:, 0].astype(float)
        if self.dates == 1:
            return [self._summer(place.epsg) + round(float(draw[0] * 2 - 1) * _SUMMER)]
        first = _to_day(f"{self.year}-01-01", where="planet")
        return sorted({first + int((k + float(draw[k])) * 365 / self.dates) for k in range(self.dates)})

    def _row(self, k: int, place: Place, days: Sequence[int] | None) -> dict[str, Any]:
        extent, epsg = place.extent, place.epsg
        held = self._days(place) if days is None else list(days)
        lon, lat = lonlat_of(epsg, extent.row + extent.height / 2, extent.col + extent.width / 2)
        box = geobox_of(extent, epsg)
        pixels = extent.height * extent.width
        return {
            "id": f"planet-{self.seed}-{k:06d}",
            "group": group_of(self.seed, epsg, extent),
            "lon": lon,
            "lat": lat,
            "bytes": pixels * (2 * len(held) * len(self.bands) + self.landcover),
            "why": place.why,
            "epsg": epsg,
            "left": box.transform.c,
            "top": box.transform.f,
            "class": place.code,
            "dates": [_to_date(day) for day in held],
        }

    def _layout(self, most: int) -> Layout:
        size, gsd = (self.size, self.size), (float(GSD), float(GSD))
        quantity = dn("toa", offset=self.offset)
        stacks = {"s2": StackSpec(self.bands, size, "uint16", quantity, "s2-l1c", "L1C", gsd, most)}
        targets = {"class": TargetSpec("class", "eurosat")}
        if self.landcover:
            stacks["landcover"] = StackSpec(("landcover",), size, "uint8", class_of("eurosat"), "planet", "", gsd)
            targets["landcover"] = TargetSpec("map", "eurosat")
        return Layout(stacks, targets, {"eurosat": legend("eurosat")}, (ATTRIBUTION,))

    def _sample(self, row: dict[str, Any]) -> Sample:
        epsg = int(row["epsg"])
        extent = Extent(*pixel_of(row["left"], row["top"], epsg), self.size, self.size)
        days = [_to_day(date, where=row["id"]) for date in row["dates"]]
        box, gsd = geobox_of(extent, epsg), (float(GSD), float(GSD))
        whole = [read_numbers(self.seed, epsg, extent, day, bands=S2_BANDS, offset=self.offset) for day in days]
        cirrus = S2_BANDS.index("B10")
        decisions = [
            decision(self.baseline, numbers[cirrus], where=f"{row['id']} {date}")
            for numbers, date in zip(whole, row["dates"], strict=True)
        ]
        index = [S2_BANDS.index(band) for band in self.bands]
        numbers = np.stack(whole) if self.bands == S2_BANDS else np.stack([each[index] for each in whole])
        stack = Stack(
            numbers,
            self.bands,
            times_of(days, row["lon"]),
            dn("toa", offset=self.offset),
            box,
            gsd,
            None,
            stack_origin(self.seed, epsg, days, self.baseline, decisions),
        )
        targets = {"class": Target(code=row["class"])}
        if self.landcover:
            truth = TruthScene(self.seed, epsg, extent)
            ground = read_labels(self.seed, epsg, extent)[None, None]
            held = Stack(ground, truth.bands, np.array([NO_TIME]), truth.quantity, box, gsd, None, truth.origin)
            targets["landcover"] = Target(stack=held)
        return Sample(row["id"], {"s2": stack}, targets, footprint(box), row["group"], (row["lon"], row["lat"]))

    def _require(self, spec: InputSpec) -> None:
        """Refuse what a model needs and this planet does not give."""
        for name, need in spec.stacks.items():
            if name != "s2":
                raise Unknown(name, ["s2"], what="stack of the planet", where="planet")
            dates = self.dates if isinstance(self.dates, int) else len(self.dates)
            for what, want, have in (
                ("bands", " ".join(need.bands), " ".join(self.bands)),
                ("size", f"{spec.size[0]} x {spec.size[1]}", f"{self.size} x {self.size}"),
                ("gsd", f"{need.gsd:g} m", f"{GSD} m"),
                ("level", need.level or "L1C", "L1C"),
                ("dates", str(need.dates), str(dates)),
            ):
                if want != have:
                    fix = "Make the planet with what the model needs: Planet(bands=..., size=..., dates=...)."
                    raise Mismatch(where="planet", what=what, want=want, have=have, fix=fix)


def _numbers_of(name: str, given: Any) -> Any:
    """An option as it stands on a command line, in the type that `Planet` takes."""
    if name == "bands":
        return resolve_all(str(given).split(",") if isinstance(given, str | int | float) else given, where="planet")
    if name == "baseline":
        return f"{given:05.2f}" if isinstance(given, int | float) else str(given)
    if name == "landcover":
        if str(given).lower() not in ("0", "1", "true", "false"):
            raise Refused(where="planet", what=f"landcover {given!r} is neither 0 nor 1", fix="Say landcover=1.")
        return str(given).lower() in ("1", "true")
    if name == "dates" and not isinstance(given, int):
        if isinstance(given, float):
            raise Refused(where="planet", what=f"dates {given!r} is no number of dates", fix="Say for example dates=4.")
        return tuple(given.split(",") if isinstance(given, str) else given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise Refused(where="planet", what=f"{name} {given!r} is no whole number", fix=f"Say for example {name}=64.")
    return given


def open_planet(**declared: Any) -> Planet:
    """Open a planet by options as a command line gives them.

    Raises
    ------
    Unknown
        There is no such option; the nearest is named.

    Examples
    --------
    >>> open_planet(seed=7, bands="red,green,blue", baseline=5.1, dates="2018-07-14").offset
    -1000.0
    """
    for name in declared:
        if name not in PLANET_OPTIONS:
            raise Unknown(name, PLANET_OPTIONS, what="option", where="planet")
    return Planet(**{name: _numbers_of(name, given) for name, given in declared.items()})
