"""A real 13-band mosaic under a veil and under cloud, mapped by the demonstration of 80 patches; bands by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import torch

from studies.class_counts import commonest, keys_by_share, shares
from studies.eurosat_thirteen import BUNDLE
from studies.keeping import BUNDLES
from studies.markdown import paragraph, table
from studies.side_by_side import coloured, photograph, write_beside
from swath.bundle import open_bundle
from swath.core.array import Array
from swath.core.legends import legend
from swath.prediction import MapOptions
from swath.recipes.map import map_scene

TITLE: Final = "A 13-band mosaic mapped: a demonstration"
_EUROSAT: Final = legend("eurosat")
_FILES: Final = {"clear": "scenes/sen12mscr_136_clear.tif", "cloudy": "scenes/sen12mscr_136_cloudy.tif"}
#: The mosaics' order; EuroSAT's, in which the bundle takes them, has B8A last.
ORDER: Final = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
DECLARED: Final[dict[str, Any]] = {"kind": "dn", "level": "L1C", "offset": 0}
_CIRRUS: Final = ORDER.index("B10")
#: Band B01 (aerosol, 60 m) above which a pixel is counted as cloud [DN]: bright ground stays below, thick cloud not.
_BRIGHT: Final = 3000
_ATTRIBUTION: Final = (
    "SEN12MS-CR, Ebel et al. 2021, doi 10.1109/TGRS.2020.3024744, CC-BY 4.0. Contains modified Copernicus Sentinel "
    "data."
)


def _read(path: Path) -> Array:
    with rasterio.open(path) as file:
        pixels: Array = file.read()
    return pixels


def _altered(scene: Path, target: Path, pixels: Array) -> Path:
    """The same file with other numbers."""
    with rasterio.open(scene) as file, rasterio.open(target, "w", **file.profile) as made:
        made.write(pixels)
    return target


def _unveiled(pixels: Array, learnt: float) -> Array:
    """The numbers with a cirrus band as dark as what the model learnt from; nothing else of the veil is taken off."""
    held = pixels.copy()
    held[_CIRRUS] = round(learnt)
    return held


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Map both mosaics as they are and with a dark cirrus band, and the clear one with its bands in another order."""
    torch.set_num_threads(1)
    bundle = open_bundle(BUNDLES / BUNDLE)
    needs = bundle.input.stacks["s2"]
    at = needs.bands.index(ORDER[_CIRRUS])
    mean, deviation = needs.mean[at], needs.std[at]
    pixels = {name: _read(data / path) for name, path in _FILES.items()}
    given = {name: (data / path, ORDER) for name, path in _FILES.items()}
    for name, path in _FILES.items():
        dark = _altered(data / path, work / f"{name}-dark-scene.tif", _unveiled(pixels[name], mean))
        given[f"{name}-dark"] = (dark, ORDER)
    turned = _altered(data / _FILES["clear"], work / "backwards-scene.tif", pixels["clear"][::-1])
    given["backwards"] = (turned, ORDER[::-1])
    maps, windows = {}, 0
    for name, (scene, bands) in given.items():
        declared = {**DECLARED, "bands": ",".join(bands)}
        options = MapOptions(views=1, threads=1)
        made = map_scene(bundle, scene, work / f"{name}.tif", declared=declared, options=options, overwrite=True)
        windows = made.asked
        maps[name] = np.concatenate([_read(made.files.map), _read(made.files.probability)])
    cloud = pixels["cloudy"][0] > _BRIGHT
    _draw(pictures / "mosaic-map.png", pixels, {name: maps[name][0] for name in maps})
    return {
        "n": int(maps["clear"][0].size),
        "shape": list(maps["clear"][0].shape),
        "windows": windows,
        "bundle": bundle.hash,
        "learnt": bundle.facts.origin.train,
        "shares": {name: shares(maps[name][0], _EUROSAT) for name in maps if name != "backwards"},
        "reordered_differ": int((maps["backwards"] != maps["clear"]).sum()),
        "numbers": int(maps["clear"].size),
        "cirrus": {
            "held": {
                name: [int(v) for v in np.percentile(each[_CIRRUS], [0, 50, 100])] for name, each in pixels.items()
            },
            "mean": round(mean, 1),
            "deviation": round(deviation, 1),
        },
        "sure": {name: float(maps[name][1].mean() / 254) for name in maps if name != "backwards"},
        "cloud": {
            "share": float(cloud.mean()),
            "changed": float((maps["clear-dark"][0] != maps["cloudy-dark"][0])[cloud].mean()),
            "mapped": shares(maps["cloudy-dark"][0][cloud], _EUROSAT),
            "sure": float(maps["cloudy-dark"][1][cloud].mean() / 254),
        },
    }


def _draw(path: Path, pixels: dict[str, Array], maps: dict[str, Array]) -> None:
    at = [ORDER.index(band) for band in ("B04", "B03", "B02")]
    rows = []
    for name, numbers in pixels.items():
        low, high = np.percentile(numbers[at], [1, 99], axis=(1, 2))[..., None, None]
        seen = (255 * np.clip((numbers[at] - low) / (high - low), 0, 1)).astype(np.uint8).transpose(1, 2, 0)
        drawn = [coloured(maps[each], _EUROSAT, 2) for each in (name, f"{name}-dark")]
        rows.append([photograph(seen, 2), *drawn])
    held = shares(np.stack([each for name, each in maps.items() if name != "backwards"]), _EUROSAT)
    notes = (
        "Above: under a veil of cirrus. Below: under cloud, where any map is worthless. Left: true colour, each band "
        "stretched by itself. Middle: the map. Right: the map with a dark cirrus band.",
        _ATTRIBUTION,
    )
    title = "A mosaic of SEN12MS-CR, and a demonstration's maps of it"
    write_beside(path, rows, keys_by_share(held, _EUROSAT), metres=20, title=title, notes=notes)


_MAPS: Final[dict[str, str]] = {
    "clear": "under the veil, as it is",
    "clear-dark": "under the veil, B10 set to what was learnt",
    "cloudy": "under cloud, as it is",
    "cloudy-dark": "under cloud, B10 set to what was learnt",
}


def page(figures: dict[str, Any]) -> str:
    """The page."""
    (h, w), cloud, cirrus = figures["shape"], figures["cloud"], figures["cirrus"]
    held = cirrus["held"]["clear"]
    off = (held[1] - cirrus["mean"]) / cirrus["deviation"]
    rows = [[said, commonest(figures["shares"][name]), f"{figures['sure'][name]:.0%}"] for name, said in _MAPS.items()]
    return "\n".join(
        [
            paragraph(
                f"Two mosaics of the same ground, {h} x {w} pixels of 10 m, 13 bands of L1C (SEN12MS-CR, Ebel et al.",
                f"2021), mapped with `results/bundles/{BUNDLE}` (`--views 1`, {figures['windows']:,} windows).",
                f"**That bundle learnt from {figures['learnt']} patches; its maps are demonstrations** that bands,",
                "offset and level meet, and no statement about the ground.",
            ),
            "",
            "```text",
            f"swath map results/bundles/{BUNDLE} sen12mscr_136_clear.tif --views 1 -o clear.tif \\",
            f"    -d bands={','.join(ORDER)} \\",
            "    -d kind=dn -d level=L1C -d offset=0",
            "```",
            "",
            "![Both mosaics in true colour, each beside its map, and its map with a dark cirrus band](mosaic-map.png)",
            "",
            table(["mosaic", "mapped", "how sure the model is"], rows),
            "",
            paragraph(
                "**Order.** The files hold B8A after B08, the bundle takes it last, as EuroSAT has it; bands are",
                "found by name. With the bands of the file the other way round, and declared so,",
                f"{figures['reordered_differ']} of {figures['numbers']:,} stored classes and probabilities differ.",
            ),
            "",
            paragraph(
                f'**"Clear" is not clear, and the map shows it.** B10, which sees no ground, holds {held[0]} to',
                f"{held[2]} (median {held[1]}) where the bundle learnt {cirrus['mean']} with a deviation of",
                f"{cirrus['deviation']}:",
                f"{off:.0f} deviations off. Then nothing else counts, and all of the mosaic is one class, of which the",
                "model is sure. Quantity, level, offset and bands are all as they must be: no check of those can see",
                "it. With B10 set to what was learnt the other twelve bands are heard again, each still brightened",
                "by the veil.",
            ),
            "",
            paragraph(
                f"**Where cloud is, any map is worthless.** {cloud['share']:.0%} of the cloudy mosaic is cloud (B01",
                f"above {_BRIGHT}). With B10 out of the way, {cloud['changed']:.0%} of those pixels have another",
                f"class than under the veil alone; cloud was mapped as {commonest(cloud['mapped'])}. The model does",
                "not notice: it",
                f"calls its class {cloud['sure']:.0%} probable there. No class of EuroSAT means cloud: mask it before",
                "mapping, so that it is nodata.",
            ),
            "",
            _ATTRIBUTION,
        ]
    )
