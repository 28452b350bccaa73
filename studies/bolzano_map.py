"""Bolzano: a real scene mapped with the model of EuroSAT's pictures, and how fast, beside a loop over pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import torch
from scipy.ndimage import maximum_filter, minimum_filter

from studies.bolzano import ATTRIBUTION, DECLARED, FILE, SMALL, piece_of, true_colour
from studies.class_counts import commonest, keys_by_share, piece, shares, window_check
from studies.keeping import BUNDLES
from studies.markdown import paragraph, table
from studies.pixel_loop import as_vgg, timed_loop, timed_map
from studies.side_by_side import coloured, photograph, write_beside
from studies.steps import step
from swath.bundle import Bundle, open_bundle
from swath.core.array import Array
from swath.core.legends import legend
from swath.core.quantity import dn
from swath.core.rendering import render
from swath.core.sample import Sample
from swath.core.scene import Window
from swath.formats import format_named

TITLE: Final = "Bolzano: a real scene mapped"
_EUROSAT: Final = legend("eurosat")
_SHOWN: Final = ("B04", "B03", "B02")
#: Town, works, river and slope, for the bundle's own views; and a piece of them for stride 1, of which half a window at
#: the rim sees the mirror instead of the scene.
_PART: Final = Window(200, 300, 256, 320)
_PIECE: Final = Window(320, 480, 128, 128)
_RIM: Final = 32
#: Pixels from a border between classes that count as near.
_NEAR: Final = 8
#: Cut out of the scene.
_PIECES: Final = {"small.tif": SMALL, "part.tif": _PART, "piece.tif": _PIECE}
#: Rows of the small piece that the loop goes along: its pixels cost the same in all of them.
_LOOPED: Final = 16
#: Rectangles of one kind of ground, chosen by eye on the true-colour picture -> where, and classes that fit it.
_GROUND: Final[dict[str, tuple[Window, str]]] = {
    "wooded slope in the south-east": (Window(420, 620, 240, 260), "Forest"),
    "works south of the river": (Window(460, 360, 140, 90), "Industrial"),
    "town north of the river": (Window(250, 400, 120, 110), "Residential"),
    "orchards in the west": (Window(240, 0, 130, 130), "PermanentCrop"),
}
#: Scene class -> (code, least share of a window, classes of the map that fit it).
_CHECKS: Final[dict[str, tuple[int, float, tuple[str, ...]]]] = {
    "vegetation": (4, 0.9, ("AnnualCrop", "Forest", "HerbaceousVegetation", "Pasture", "PermanentCrop")),
    "not vegetated": (5, 0.5, ("Highway", "Industrial", "Residential")),
    "water": (6, 0.02, ("River", "SeaLake")),
}


def _map_of(path: Path) -> Array:
    with rasterio.open(path) as file:
        codes: Array = file.read(1)
    return codes


def _forest_of_l1c(data: Path) -> Array:
    """Median numbers of EuroSAT's 8 forest patches of L1C, in the order of `_SHOWN`."""
    source = format_named("eurosat-ms").open([data / "eurosat-ms" / "EuroSAT_MS_subset.zip"])
    held = [each for each in source.read(source.plan().rows) if isinstance(each, Sample)]
    forest = [each.stacks["s2"] for each in held if each.targets["class"].code == _EUROSAT.code_of("Forest")]
    pixels = np.stack([each.data[0][[each.bands.index(band) for band in _SHOWN]] for each in forest])
    return np.asarray(np.median(pixels, axis=(0, 2, 3)))


def _hazed(scene: Path, target: Path, added: Array) -> Path:
    """The scene with a number added to each of the three bands that are shown."""
    with rasterio.open(scene) as file:
        pixels, profile = file.read(), file.profile
    seen = pixels[:3].astype(np.int64)
    pixels[:3] = np.where(seen > 0, seen + added[:, None, None], 0)
    with rasterio.open(target, "w", **profile) as made:
        made.write(pixels)
    return target


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Map the scene and pieces of it in several ways; every map is a step, which is kept with what it took."""
    torch.set_num_threads(1)
    bundle, scene = open_bundle(BUNDLES / "eurosat-rgb"), data / FILE
    one, vgg = bundle.from_views(1), as_vgg(bundle)
    small, part, fine = (piece_of(scene, at, work / name) for name, at in _PIECES.items())
    with rasterio.open(scene) as file:
        pixels = file.read()

    def run(name: str, model: Bundle, path: Path, stride: int) -> dict[str, float]:
        held: dict[str, float] = step(
            work, name, lambda: timed_map(model, path, work / f"{name}.tif", stride=stride)[1]
        )
        return held

    rates = {"one-8": run("one-8", one, scene, 8)}
    single = _map_of(work / "one-8.tif")
    forest = (single == _EUROSAT.code_of("Forest")) & (pixels[4] == 4)
    added = np.rint(_forest_of_l1c(data) - np.median(pixels[:3, forest], axis=1)).astype(int)
    run("hazed-8", one, _hazed(scene, work / "hazed.tif", added), 8)
    rates |= {
        "vgg-8": run("vgg-8", vgg, small, 8),
        "own-8": run("own-8", bundle, part, 8),
        "part-8": run("part-8", one, part, 8),
        "loop": step(work, "loop", lambda: timed_loop(vgg, small, rows=_LOOPED)),
        "one-1": run("one-1", one, fine, 1),
    }
    hazed, each, own, once = (_map_of(work / f"{name}.tif") for name in ("hazed-8", "one-1", "own-8", "part-8"))
    inner = slice(_RIM, -_RIM)
    _draw(pictures / "bolzano-map.png", pixels, single)
    return {
        "n": int(single.size),
        "shape": list(single.shape),
        "bundle": bundle.hash,
        "views": bundle.views,
        "numbers": _numbers(pixels[:3], bundle),
        "shares": shares(single, _EUROSAT),
        "ground": {name: shares(piece(single, at), _EUROSAT) for name, (at, _) in _GROUND.items()},
        "checks": _checks(single, pixels[4]),
        "views_same": float((own == once).mean()),
        "views_at_border": float(_near_border(own)[own != once].mean()),
        "strides_same": float((piece(single, _PIECE) == each)[inner, inner].mean()),
        "haze": {
            "added": added.tolist(),
            "same": float((hazed == single).mean()),
            "shares": shares(hazed, _EUROSAT),
            "ground": {name: shares(piece(hazed, at), _EUROSAT) for name, (at, _) in _GROUND.items()},
        },
        "rates": {
            name: {
                "pixels": int(held["pixels"]),
                "cpu": round(held["pixels"] / held["cpu"], 1),
            }
            for name, held in rates.items()
        },
    }


def _near_border(codes: Array) -> Array:
    """Pixels within `_NEAR` of one of another class."""
    side = 2 * _NEAR + 1
    return np.asarray(maximum_filter(codes, side) != minimum_filter(codes, side))


def _numbers(pixels: Array, bundle: Bundle) -> dict[str, dict[str, float]]:
    """What the model sees of the scene beside what it learnt from, band by band."""
    seen = render(pixels, dn("toa", offset=0), _SHOWN, "eurosat-2750").astype(float).mean((1, 2))
    needs = bundle.input.stacks["rgb"]
    return {
        band: {"mean": round(value, 1), "learnt": round(mean, 1), "std": round(std, 1)}
        for band, value, mean, std in zip(_SHOWN, seen.tolist(), needs.mean, needs.std, strict=True)
    }


def _checks(mapped: Array, scl: Array) -> dict[str, Any]:
    return {
        name: window_check(mapped, scl == code, side=64, stride=8, least=least, legend=_EUROSAT, wanted=wanted)
        for name, (code, least, wanted) in _CHECKS.items()
    }


def _draw(path: Path, pixels: Array, mapped: Array) -> None:
    held = shares(mapped, _EUROSAT)
    notes = ("Left: true colour. Right: answers about 640 x 640 m each, boa declared as toa.", ATTRIBUTION)
    row = (photograph(true_colour(pixels[:3]), 2), coloured(mapped, _EUROSAT, 2))
    title = "The valley of Bolzano on 2022-06-12, and its map by eurosat-rgb"
    write_beside(path, [row], keys_by_share(held, _EUROSAT), metres=20, title=title, notes=notes)


_WAYS: Final = (
    ("loop", "CNN-Sentinel's loop: VGG16, a window a pixel, a row a call"),
    ("vgg-8", "`swath map`, the same network (the default stride: 8)"),
    ("own-8", "`swath map`, `eurosat-rgb` in its {views} views (the default)"),
    ("one-8", "`swath map --views 1`, `eurosat-rgb`"),
    ("one-1", "`swath map --views 1 --stride 1`, `eurosat-rgb`"),
)


def page(figures: dict[str, Any]) -> str:
    """The page."""
    h, w = figures["shape"]
    declared = " ".join(f"-d {name}={said}" for name, said in DECLARED.items())
    return "\n".join(
        [
            paragraph(
                f"A Sentinel-2 scene of the valley of Bolzano, {h} x {w} pixels of 10 m, 2022-06-12, L2A, mapped with",
                "`results/bundles/eurosat-rgb`, which learnt EuroSAT's pictures of 64 x 64 pixels of L1C:",
            ),
            "",
            "```text",
            "swath map results/bundles/eurosat-rgb bolzano_s2_l2a_2022.tif --treat-as toa --views 1 -o bolzano.tif \\",
            f"    {declared}",
            "```",
            "",
            "![The scene in true colour; beside it, its map in classes of EuroSAT](bolzano-map.png)",
            "",
            *_said_of_ground(figures),
            "",
            *_said_of_declaring(figures),
            "",
            *_said_of_checks(figures),
            "",
            _said_of_views(figures),
            "",
            *_said_of_speed(figures),
            "",
            ATTRIBUTION,
        ]
    )


def _said_of_ground(figures: dict[str, Any]) -> list[str]:
    rows = [[name, fits, commonest(figures["ground"][name])] for name, (_, fits) in _GROUND.items()]
    return [
        paragraph(
            f"**What the map shows**: {commonest(figures['shares'], least=0.001)} of {figures['n']:,} pixels.",
            "Rectangles of one kind of ground, chosen by eye on the left picture; nobody was there:",
        ),
        "",
        table(["ground", "class that fits", "mapped"], rows),
        "",
        paragraph(
            "The slopes are forest, and the works are works. The town is taken for permanent crops, and the orchards",
            "of the valley, whose crowns close, for forest: where the valley lies is right, what stands in it is",
            "not.",
        ),
    ]


def _said_of_declaring(figures: dict[str, Any]) -> list[str]:
    seen, haze = figures["numbers"], figures["haze"]
    rows = [
        [band, held["mean"], held["learnt"], f"{(held['mean'] - held['learnt']) / held['std']:+.1f}"]
        for band, held in seen.items()
    ]
    ground = [
        [name, fits, commonest(figures["ground"][name]), commonest(haze["ground"][name])]
        for name, (_, fits) in _GROUND.items()
    ]
    added = ", ".join(f"{value} to {band}" for band, value in zip(_SHOWN, haze["added"], strict=True))
    return [
        paragraph(
            "**What declaring boa as toa does.** The scene is reflectance at the surface; the model learnt reflectance",
            "above the atmosphere, where the air adds light, most of it blue. `--treat-as toa` converts nothing: it",
            "lets the one stand for the other, and the map's tags say that it was said. The model then sees a",
            "valley without",
            "air. Grey values of `eurosat-2750` over the whole scene:",
        ),
        "",
        table(["band", "mean here", "mean that it learnt", "in standard deviations"], rows),
        "",
        paragraph(
            f"How much that matters: {added} (digital numbers) make the forest here as bright as EuroSAT's own",
            "forest of L1C. That is no atmosphere, but one constant a band.",
            f"Then {1 - haze['same']:.0%} of the pixels change class:",
        ),
        "",
        table(["ground", "class that fits", "as declared", "with the constants"], ground),
        "",
        paragraph(f"The whole scene is then {commonest(haze['shares'])}. Whoever has the L1C product should map that."),
    ]


def _said_of_checks(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name, held in figures["checks"].items():
        _, least, wanted = _CHECKS[name]
        agree = "" if held["agree"] is None else f"{held['agree']:.1%}"
        seen = f"{held['windows']:,} ({least:.0%} of it or more)"
        rows.append([name, seen, ", ".join(wanted), agree, f"{held['elsewhere']:.1%}", commonest(held["mapped"])])
    of = next(iter(figures["checks"].values()))["of"]
    head = ["scene class", "windows that hold it", "classes that fit", "mapped so", "elsewhere", "mapped as"]
    return [
        paragraph(
            f"**A rough check by the scene's own classes**, at the centres of {of:,} windows, since an answer is",
            "about its window. They overlap by seven eighths: the scene has room for some 150 windows side by",
            "side, and no more.",
        ),
        "",
        table(head, rows),
        "",
        paragraph(
            "SCL is the product's machine-made class of each pixel, made to find clouds. It is neither a land-cover",
            "map nor the truth: it knows vegetation but no forest, field or town, and calls bare soil and roofs",
            "the same.",
        ),
    ]


def _said_of_views(figures: dict[str, Any]) -> str:
    rates = figures["rates"]
    times = rates["part-8"]["cpu"] / rates["own-8"]["cpu"]
    return paragraph(
        f"**Views and strides.** The bundle averages {figures['views']} orientations of each window, and the map",
        f"above was made of one. On {_PART.height} x {_PART.width} pixels of town, works and slope, all",
        f"{figures['views']} take",
        f"{times:.1f} times as long, and {1 - figures['views_same']:.1%} of the pixels have another class,",
        f"{figures['views_at_border']:.0%} of them within {10 * _NEAR} m of a border between classes. Stride 1 and",
        f"stride 8 (one view) differ on {1 - figures['strides_same']:.1%} of the pixels of a piece of",
        f"{_PIECE.height} x",
        f"{_PIECE.width}, without its rim of {_RIM} pixels, where the piece is mirrored and the scene goes on.",
    )


def _said_of_speed(figures: dict[str, Any]) -> list[str]:
    rates = figures["rates"]
    base = rates["loop"]["cpu"]
    rows = [
        [
            said.format(views=figures["views"]),
            f"{rates[name]['pixels']:,}",
            f"{rates[name]['cpu']:,}",
            f"{rates[name]['cpu'] / base:,.1f}",
        ]
        for name, said in _WAYS
    ]
    return [
        paragraph(
            "**Speed**, on one thread. Other work ran on the machine, so that the time of the clock says little;",
            "pixels a second of processor time are what the work costs. Maps count with all that belongs to them:",
            "reading, probabilities, COGs, overviews, preview. VGG16 has fresh weights, which change no speed.",
        ),
        "",
        table(["how", "pixels", "pixels/s of CPU time", "times the loop"], rows),
        "",
        paragraph(
            f"The loop went along {_LOOPED} of the {SMALL.height} rows of a crop of {SMALL.height} x {SMALL.width}",
            "pixels, whose pixels cost the same in all of them. At stride 1 a map asks its network about the same",
            "windows as the loop, and",
            "with the same network takes as long; speed comes from the stride, and from the network.",
        ),
    ]
