"""Real sets as corpora: which reader opens each, what is declared, and what the corpus then says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from swath.core.errors import SwathError
from swath.core.sample import Sample
from swath.corpus import build, open_corpus
from swath.corpus.corpus import Corpus
from swath.draw import Tile, contact_sheet, dates_of, spread
from swath.formats import format_named
from swath.recipes.figures import stretch_of

__all__ = ["SETS", "RealSet", "picture_of", "row_of"]

_L2A_ORDER: Final = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"
_SEN12: Final = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B10,B11,B12"
_DN: Final[dict[str, Any]] = {"kind": "dn", "convention": 0}
_MAPS: Final = Path(__file__).parents[1] / "docs" / "rasters"
_AWS: Final = "aws-layout/sentinel-{}"
#: Bytes of a picture; tiles are left out until it has no more.
MOST_PICTURE: Final = 300_000


@dataclass(frozen=True, slots=True)
class RealSet:
    """One real set."""

    format: str
    #: Below the folder of the data.
    paths: tuple[str, ...]
    declared: Mapping[str, Any] = field(default_factory=dict)
    #: Dates of one stack that are pictured.
    dates: int = 6
    #: Whose data: stands below the picture.
    credit: str = "Contains modified Copernicus Sentinel data."


_CREDITS: Final = {
    "eurosat": "EuroSAT, Helber et al. 2019, MIT. Contains modified Copernicus Sentinel data.",
    "cr": "SEN12MS-CR, Ebel et al. 2021, CC-BY 4.0. Contains modified Copernicus Sentinel data.",
    "ts": "SEN12MS-CR-TS, Ebel et al. 2022, CC-BY 4.0. Contains modified Copernicus Sentinel data 2018.",
    "ben": "BigEarthNet, Sumbul et al. 2019, CDLA-Permissive-1.0. Contains modified Copernicus Sentinel data 2017/18.",
    "gfmap": "openeo-gfmap, Apache-2.0. Contains modified Copernicus Sentinel data 2023.",
    "mesh": "TerraMesh, CC-BY-SA 4.0 (believed). Contains modified Copernicus Sentinel data 2017, 2021.",
    "harvest": "CropHarvest, Tseng et al. 2021, CC-BY-SA 4.0. Contains modified Copernicus Sentinel data 2019, 2020.",
    "eodatasets": "eo-datasets, Apache-2.0. Contains modified Copernicus Sentinel data 2018.",
    "pds": "rio-tiler-pds, BSD-3. Contains modified Copernicus Sentinel data 2020.",
}
_BOLZANO: Final = "openEO Platform. Contains modified Copernicus Sentinel data 2022."
#: Name of the row -> set.
SETS: Final[dict[str, RealSet]] = {
    "eurosat-rgb": RealSet(
        "eurosat-rgb",
        ("eurosat-rgb/EuroSAT_RGB.zip",),
        {"positions": "eurosat-rgb/positions.csv.gz"},
        credit=_CREDITS["eurosat"],
    ),
    "eurosat-ms": RealSet("eurosat-ms", ("eurosat-ms/EuroSAT_MS_subset.zip",), credit=_CREDITS["eurosat"]),
    "scenes: Bolzano": RealSet(
        "geotiff",
        ("scenes/bolzano_s2_l2a_2022.tif",),
        {**_DN, "level": "L2A", "bands": "B04,B03,B02,B08,SCL", "date": "2022-06-12", "size": 128},
        credit=_BOLZANO,
    ),
    "scenes: clear mosaic": RealSet(
        "geotiff",
        ("scenes/sen12mscr_136_clear.tif",),
        {**_DN, "level": "L1C", "bands": _SEN12, "size": 128},
        credit=_CREDITS["cr"],
    ),
    "scenes: cloudy mosaic": RealSet(
        "geotiff",
        ("scenes/sen12mscr_136_cloudy.tif",),
        {**_DN, "level": "L1C", "bands": _SEN12, "size": 128},
        credit=_CREDITS["cr"],
    ),
    "sen12mscr-triplets": RealSet("sen12mscr", ("sen12mscr-triplets",), credit=_CREDITS["cr"]),
    "sen12mscr-pairs": RealSet("sen12mscr", ("sen12mscr-pairs",), credit=_CREDITS["cr"]),
    "s2-timeseries-italy": RealSet("sen12mscr", ("s2-timeseries-italy",), dates=12, credit=_CREDITS["ts"]),
    "s2-timeseries-places: Apulia": RealSet(
        "cube",
        tuple(f"s2-timeseries-places/place_{k}.nc" for k in range(6)),
        {**_DN, "nodata": 65535, "size": 64, "edge": "pad"},
        credit=_CREDITS["gfmap"],
    ),
    "s2-timeseries-places: Belgium": RealSet(
        "cube", ("s2-timeseries-places/belgium_scl_2023Q4.nc",), _DN, dates=12, credit=_CREDITS["gfmap"]
    ),
    "s1s2-timeseries-belgium: S2": RealSet(
        "cube", ("s1s2-timeseries-belgium/cdse_sentinel2_l2a.nc",), _DN, dates=12, credit=_CREDITS["gfmap"]
    ),
    "s1s2-timeseries-belgium: S1": RealSet(
        "cube",
        ("s1s2-timeseries-belgium/cdse_sentinel1_grd.nc",),
        {"kind": "sigma0_db", "level": "GRD", "coding": "20*log10(DN)-83"},
        credit=_CREDITS["gfmap"],
    ),
    "s1s2-timeseries-belgium: Togo": RealSet(
        "rasters",
        ("s1s2-timeseries-belgium",),
        {"map": _MAPS / "cropharvest.yaml"},
        dates=12,
        credit=_CREDITS["harvest"],
    ),
    "s1s2-places": RealSet("rasters", ("s1s2-places",), {"map": _MAPS / "terramesh.yaml"}, credit=_CREDITS["mesh"]),
    "bigearthnet: S2": RealSet("bigearthnet", ("bigearthnet/BigEarthNet-S2-v1.0_subset.zip",), credit=_CREDITS["ben"]),
    "bigearthnet: S1": RealSet("bigearthnet", ("bigearthnet/BigEarthNet-S1-v1.0_subset.zip",), credit=_CREDITS["ben"]),
    "safe": RealSet("safe-s2", ("safe",), {"grid": "files"}, credit=_CREDITS["eodatasets"]),
    "aws-layout: sentinel-cogs": RealSet(
        "stac",
        (_AWS.format("cogs/sentinel-s2-l2a-cogs/29/R/KH/2020/2/S2A_29RKH_20200219_0_L2A"),),
        {"grid": "files"},
        credit=_CREDITS["pds"],
    ),
    "aws-layout: sentinel-s1-l1c": RealSet("geotiff", (_AWS.format("s1-l1c"),), {"kind": "dn"}),
    "aws-layout: sentinel-s2-l1c": RealSet("geotiff", (_AWS.format("s2-l1c"),), {**_DN, "level": "L1C"}),
    "timeseries": RealSet(
        "series",
        ("timeseries/Crop_TRAIN.tsv.gz",),
        {"gsd": 8},
        dates=0,
        credit="UCR archive, Crop, Tan, Webb, Petitjean 2017.",
    ),
}


def _corpus_of(real: RealSet, data: Path, folder: Path) -> Corpus:
    """The set as a corpus; one that is there already is opened."""
    declared = {name: data / value if name == "positions" else value for name, value in real.declared.items()}
    source = format_named(real.format).open([data / path for path in real.paths], **declared)
    plan = source.plan()
    there = folder.with_name(f"{folder.name}-{plan.hash[:8]}")
    build(source, plan, there)
    return open_corpus(there)


def row_of(name: str, data: Path, work: Path) -> tuple[dict[str, Any], Corpus | None]:
    """Build one set, and say what its corpus holds; a set that is refused says with which sentence."""
    real = SETS[name]
    said = {
        "format": real.format,
        "declared": {key: value.name if isinstance(value, Path) else value for key, value in real.declared.items()},
        "credit": real.credit,
    }
    try:
        corpus = _corpus_of(real, data, work / name.replace(": ", "-").replace(" ", "-"))
    except SwathError as error:
        sentence = str(error).replace(str(data), "...")
        return {**said, "refused": sentence, "samples": 0, "quarantined": 0, "reasons": {}, "stacks": {}}, None
    quarantined = corpus.quarantine().to_pylist()
    rows = corpus.rows()
    stacks = {stack: _stack_of(corpus, rows, stack) for stack in corpus.layout.stacks}
    return {
        **said,
        "samples": len(corpus),
        "quarantined": len(quarantined),
        "reasons": dict(Counter(row["reason"] for row in quarantined)),
        "stacks": stacks,
        "targets": {target: spec.kind for target, spec in corpus.layout.targets.items()},
        "groups": len(set(rows["group"].to_pylist()) - {""}),
        "lon": _range(rows, "lon"),
        "lat": _range(rows, "lat"),
    }, corpus


def _range(rows: Any, name: str) -> list[float]:
    held = [value for value in rows[name].to_pylist() if value is not None and np.isfinite(value)]
    return [round(min(held), 3), round(max(held), 3)] if held else []


def _stack_of(corpus: Corpus, rows: Any, name: str) -> dict[str, Any]:
    """What one stack is, over all samples."""
    spec = corpus.spec(name)
    times, answers, first = [], Counter[str](), dict[str, str]()
    gsds = set[tuple[float, float]]()
    shifted = 0
    for sample in corpus.samples(_looked_at(len(corpus))):
        target = sample.targets.get(name)
        stack = sample.stacks.get(name) or (None if target is None else target.stack)
        if stack is None:
            continue
        times.append(stack.times)
        gsds.add((round(stack.gsd[0], 3), round(stack.gsd[1], 3)))
        for note in stack.origin.offsets:
            said = str(note["verdict"])
            answer = said.split(" ")[0]
            answers[answer] += 1
            first.setdefault(answer, said)
            shifted += "stored" in note
    flat = np.concatenate(times) if times else np.array([], "datetime64[us]")
    known = flat[~np.isnat(flat)].astype("datetime64[D]")
    xs, ys = ([g[k] for g in gsds] for k in (0, 1))
    return {
        "bands": list(spec.bands),
        "size": list(spec.size),
        "dates": spec.dates,
        "dtype": spec.dtype,
        "quantity": str(spec.quantity),
        "sensor": spec.sensor,
        "level": spec.level,
        "gsd": [[min(xs), max(xs)], [min(ys), max(ys)]] if gsds else [],
        "first": str(known.min()) if known.size else "",
        "last": str(known.max()) if known.size else "",
        "undated": int(np.isnat(flat).sum()),
        "verdicts": dict(answers),
        "evidence": first,
        "shifted_up": shifted,
    }


_MOST_LOOKS: Final = 2000


def _looked_at(count: int) -> Any:
    """Samples whose dates and verdicts are counted: all of a small corpus, spread evenly over a large one."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_LOOKS)).round().astype(int)) if count else []


def _label(corpus: Corpus, sample: Sample) -> str:
    """Class of a sample, or its name."""
    for name, target in sample.targets.items():
        legend = corpus.layout.targets[name].legend
        if target.code is not None and legend is not None:
            return corpus.layout.legends[legend].name_of(target.code)
    return sample.id


def picture_of(name: str, corpus: Corpus, *, side: int = 128, width: int = 900) -> tuple[bytes, int]:
    """A contact sheet of a set, and how many tiles it has: two samples with all their stacks, or many with one."""
    real = SETS[name]
    if not real.dates:
        return b"", 0
    stacks = list(corpus.layout.stacks)
    single = len(stacks) == 1 and corpus.spec(stacks[0]).dates == 1
    count = 16 if single else 2 if len(stacks) > 1 else 3
    chosen = np.unique(np.linspace(0, len(corpus) - 1, min(len(corpus), count)).round().astype(int))
    tiles: list[Tile] = []
    for sample in corpus.samples(chosen):
        for stack in stacks:
            target = sample.targets.get(stack)
            held = sample.stacks.get(stack) or (None if target is None else target.stack)
            if held is None:
                continue
            spec = corpus.spec(stack)
            legend = None if spec.quantity.legend is None else corpus.layout.legends[spec.quantity.legend]
            at = spread(held.times, most=real.dates)
            for k, rgb in zip(at, dates_of(held, at, stretch=stretch_of(spec), legend=legend), strict=True):
                date = "no date" if np.isnat(held.times[k]) else str(held.times[k])[:10]
                caption = f"{_label(corpus, sample) if single else stack}\n{date}"
                tiles.append(Tile(rgb, caption, "" if single else sample.id, is_map=legend is not None))
    while tiles:
        made = contact_sheet(tiles, note=real.credit, width=width, side=side)
        if len(made) <= MOST_PICTURE:
            return made, len(tiles)
        tiles = tiles[:-1]
    return b"", 0
