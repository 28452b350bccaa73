"""Bolzano's own scene classes as labels: cut by a band of the scene, split by blocks, trained, tested, mapped."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import torch

from studies.bolzano import ATTRIBUTION, DECLARED, FILE, true_colour
from studies.class_counts import commonest, keys_by_share, shares
from studies.markdown import paragraph, table
from studies.side_by_side import coloured, photograph, write_beside
from swath.core.array import Array
from swath.core.files import write_whole
from swath.core.legends import legend
from swath.corpus import open_corpus
from swath.corpus.splitfile import load_split
from swath.evaluate import Answers, Interval, classification_intervals, compare, resample
from swath.prediction import MapOptions
from swath.prediction.table import find_truth
from swath.recipes.cut import cut_corpus
from swath.recipes.floors import FLOORS, make_floors
from swath.recipes.map import map_scene
from swath.recipes.open import Opening
from swath.recipes.scores import units_of
from swath.recipes.split import places_of
from swath.recipes.test import run_test
from swath.recipes.train import DataOptions, TrainOptions, train
from swath.training import LoopOptions

TITLE: Final = "Bolzano: the scene's own classes as labels"
_SCL: Final = legend("scl")
_BAND, _SIZE, _STRIDE = 5, 16, 4
_COMMAND: Final = "make result ID=bolzano-scl"


def stored_in(results: Path) -> Path:
    """Folder of the stored answers."""
    return results / "predictions" / "bolzano-scl"


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Cut, train, test, map; store the answers for test."""
    torch.set_num_threads(1)
    scene = data / FILE
    cut = cut_corpus(Opening("cut", (str(scene),), {**DECLARED, "band": _BAND, "size": _SIZE}), work / "scl")
    corpus = open_corpus(work / "scl")
    options = TrainOptions(name="bolzano-scl", data=DataOptions(split="blocks"), loop=LoopOptions(device="cpu"))
    trained = train(corpus, options, work / "run", command=_COMMAND)
    outcome = run_test(work / "run", corpus, command=_COMMAND)
    held, split = outcome.table, load_split(corpus, "blocks")
    model = trained.bundle
    target = find_truth(corpus, model.output, by=f"bundle {model.name}") or ""
    floors = make_floors(corpus, split, model.input, target, model.output.codes)
    units = units_of(places_of(corpus), split, held.ids)
    mapped = map_scene(
        model,
        scene,
        work / "map.tif",
        declared=DECLARED,
        options=MapOptions(stride=_STRIDE, threads=1),
        overwrite=True,
    )
    with rasterio.open(scene) as file, rasterio.open(mapped.files.map) as made:
        pixels, codes = file.read(), made.read(1)
    _draw(pictures / "bolzano-scl.png", pixels, codes)
    facts = {
        "survey": cut.survey.summary().splitlines(),
        "split": [line.strip() for line in cut.split],
        "counts": split.counts(fold=0),
        "epochs": len(trained.fitted.rows),
        "parameters": sum(each.numel() for each in model.network.parameters()),
        "units": units.name,
        "codes": list(model.output.codes),
        "pixels": {
            "n": int(codes.size),
            "same": float((codes == pixels[4]).mean()),
            "commonest": float((pixels[4] == 4).mean()),
            "mapped": shares(codes, _SCL),
            "scl": shares(pixels[4], _SCL),
            "river": shares(codes[pixels[4] == 6], _SCL),
        },
    }
    answers: dict[str, Any] = {f"floor {each.name}": each.predicted[_order(each.ids, held.ids)] for each in floors}
    answers |= {
        "id": np.array(held.ids),
        "truth": np.asarray(held.output.codes)[held.truth_index()],
        "answer": held.predicted,
        "block": np.array(units.of),
        "facts": np.array(json.dumps(facts)),
    }
    blob = io.BytesIO()
    np.savez_compressed(blob, **answers)
    stored = stored_in(Path(__file__).parents[1] / "results")
    stored.mkdir(parents=True, exist_ok=True)
    write_whole(stored / "answers.npz", blob.getvalue())
    return recompute(stored)


def _order(have: tuple[str, ...], want: tuple[str, ...]) -> list[int]:
    at = {id: i for i, id in enumerate(have)}
    return [at[id] for id in want]


def recompute(stored: Path) -> dict[str, Any]:
    """All figures from stored answers alone."""
    with np.load(stored / "answers.npz", allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    facts, ids = json.loads(str(held["facts"])), tuple(map(str, held["id"]))
    truth, codes, blocks = held["truth"].astype(int), tuple(facts["codes"]), [str(each) for each in held["block"]]
    drawn = resample(len(truth), blocks=blocks)
    model = Answers("bolzano-scl", ids, truth, held["answer"].astype(int))
    rows = []
    for name in ("bolzano-scl", *FLOORS):
        answer = held["answer" if name == model.name else f"floor {name}"].astype(int)
        ends = classification_intervals(truth, answer, codes, drawn)
        row = {"name": name, "accuracy": ends.accuracy.to_json(), "macro_f1": ends.macro_f1.to_json()}
        if name != model.name:
            both = compare(
                [model, Answers(name, ids, truth, answer)], codes, blocks=dict(zip(ids, blocks, strict=True))
            )
            gap = next(each for each in both.differences if each.metric == "accuracy")
            row |= {"gap": gap.interval.to_json(), "outcome": gap.outcome}
        rows.append(row)
    seen = {_SCL.name_of(code): int((truth == code).sum()) for code in codes if (truth == code).any()}
    return {"n": len(truth), "blocks": drawn.units, "classes": seen, "rows": rows, "facts": facts}


def _draw(path: Path, pixels: Array, codes: Array) -> None:
    row = [photograph(true_colour(pixels[:3]), 3)] + [coloured(each, _SCL, 3) for each in (pixels[4], codes)]
    notes = (
        "Left: true colour. Middle: the scene's own SCL. Right: the map of a network that learnt from it.",
        ATTRIBUTION,
    )
    keys = keys_by_share(shares(pixels[4], _SCL), _SCL)
    write_beside(
        path, [row], keys, metres=30, title="Bolzano on 2022-06-12: scene classes, and learnt again", notes=notes
    )


def _percent(held: dict[str, Any]) -> str:
    each = Interval.from_json(held)
    return f"{100 * each.value:.1f} ({100 * each.low:.1f} to {100 * each.high:.1f})"


def page(figures: dict[str, Any]) -> str:
    """The page."""
    facts = figures["facts"]
    declared = " ".join(f"-d {name}={said}" for name, said in DECLARED.items())
    rows = [
        [
            row["name"],
            FLOORS.get(row["name"], "the network"),
            _percent(row["accuracy"]),
            _percent(row["macro_f1"]),
            _percent(row["gap"]) if "gap" in row else "",
        ]
        for row in figures["rows"]
    ]
    counts = ", ".join(f"{part} {count:,}" for part, count in facts["counts"].items())
    seen = ", ".join(f"{name} {count:,}" for name, count in figures["classes"].items())
    pixels = facts["pixels"]
    return "\n".join(
        [
            paragraph(
                "What most people come for is one's own scene and one's own labels. Here both lie in one file: the",
                "fifth band of the scene of Bolzano (2022-06-12, L2A, 705 x 935 pixels of 10 m) is the product's",
                "scene classification (SCL).",
            ),
            "",
            "```text",
            f"swath corpus cut bolzano_s2_l2a_2022.tif --band {_BAND} --size {_SIZE} -o scl/ \\",
            f"    {declared}",
            "swath train scl/ --split blocks -o run",
            "swath test run scl/",
            f"swath map run bolzano_s2_l2a_2022.tif --stride {_STRIDE} -o map.tif \\",
            f"    {declared}",
            "```",
            "",
            "```text",
            *facts["survey"],
            *facts["split"],
            "```",
            "",
            paragraph(
                "**What SCL is not.** It is a machine's class of each pixel, made to find clouds: no truth, and no",
                "land-cover map. A network that learns it learns an algorithm whose rules look at the very bands",
                "that the network sees; so these figures say that the chain works, and nothing about the ground.",
            ),
            "",
            paragraph(
                f"**Test**: {figures['n']:,} windows in {figures['blocks']} {facts['units']} ({seen}); split:",
                f"{counts}. The default network ({facts['parameters']:,} parameters), {facts['epochs']} epochs, one",
                f"thread. Intervals of 95 % are over blocks: {figures['blocks']} of them say little, and an end at",
                "100 % nothing.",
            ),
            "",
            table(["who answers", "what it is", "accuracy [%]", "macro-F1 [%]", "the network less it [points]"], rows),
            "",
            paragraph(
                "By such intervals all of these are ties, and what needs no network does as well: means and deviations",
                "of four bands tell SCL's two large classes apart, for SCL is a rule about colours of single pixels.",
                "The split leaks, as the cut has said: classes agree up to a third of the way across the scene, which",
                "has no room for blocks that are wide enough.",
            ),
            "",
            paragraph(
                "Only windows are judged in which one class holds 80 % of the pixels; what straddles is harder, and",
                "is in no figure here. Water fills no window, so that nobody could learn it.",
            ),
            "",
            "![The scene, its own classes, and the map of the network](bolzano-scl.png)",
            "",
            paragraph(
                f"**Map**, an answer about 160 x 160 m each: {pixels['same']:.1%} of {pixels['n']:,} pixels have the",
                f"class that SCL gives them (vegetation everywhere would have {pixels['commonest']:.1%}); train's",
                "ground is among",
                f"them. SCL: {commonest(pixels['scl'], least=0.001)}. Mapped:",
                f"{commonest(pixels['mapped'], least=0.001)}. What is water by SCL was mapped as",
                f"{commonest(pixels['river'])}.",
            ),
            "",
            ATTRIBUTION,
        ]
    )
