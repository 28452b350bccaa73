"""EuroSAT, 80 real 13-band patches: probes, a network of ours, and two doors to one model; demonstrations only."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from studies.eurosat_pictures import DOORS, answer_pictures
from studies.eurosat_thirteen import BUNDLE, answer_by_folds
from studies.markdown import table
from swath.core.array import Array
from swath.core.files import write_whole
from swath.core.legends import legend
from swath.core.presets import band_order
from swath.core.quantity import dn
from swath.core.sample import Sample
from swath.core.specs import InputSpec, StackInput
from swath.evaluate import Answers, Interval, classification_intervals, compare, resample
from swath.formats import format_named
from swath.models.galileo import Galileo, embed, open_galileo
from swath.recipes.floors import mean_and_sd

TITLE: Final = "EuroSAT: 80 real 13-band patches"
_EUROSAT: Final = legend("eurosat")
_BANDS: Final = band_order("eurosat-13").bands
_FOLDS, _SEEDS = 8, 5
_MONTH: Final = 6
#: What is probed -> exactly what it is.
_PROBED: Final[dict[str, str]] = {
    "Galileo-nano": "published weights, frozen; mean of the tokens of patches of 8 px",
    "Galileo-nano, random": "the same encoder with fresh weights, frozen; mean over five draws",
    "resnet10-32": "our compact network learning all of its weights from 70 patches a fold, 13 bands",
    "band mean and sd": "26 numbers a patch",
    "majority": "one class for all: each has as many patches as any other",
}


def stored_in(results: Path) -> Path:
    """Folder of the stored answers."""
    return results / "predictions" / "eurosat-eighty"


def _fold(truth: Array) -> Array:
    """Which fold tests each patch; every fold tests one of each class or more."""
    folds = np.empty(len(truth), int)
    for fold, (_, test) in enumerate(StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(truth, truth)):
        folds[test] = fold
    return folds


def _probe(features: Array, truth: Array) -> Array:
    """Answers of a logistic regression (L2, C = 1, features standardised on train), each by the folds it is not in."""
    answers, folds = np.empty(len(truth), int), _fold(truth)
    for fold in range(_FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        mean, std = features[train].mean(0), features[train].std(0) + 1e-9
        model = LogisticRegression(C=1.0, max_iter=1000).fit((features[train] - mean) / std, truth[train])
        answers[test] = model.predict((features[test] - mean) / std)
    return answers


def _embedded(model: Galileo, data: Array) -> Array:
    s2 = StackInput(_BANDS, dn("toa", offset=0), "L1C", 10.0, 1, (0.0,) * 13, (1.0,) * 13)
    input = InputSpec({"s2": s2}, (64, 64))
    times = np.full((len(data), 1), np.datetime64("NaT"), "datetime64[us]")
    return embed(model, {"s2": data[:, None]}, input, times, patch=8, undated=_MONTH)


def _fresh(seed: int) -> Galileo:
    """The nano encoder with fresh weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Galileo().eval()


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Embed, probe by eight folds, and store the answers."""
    source = format_named("eurosat-ms").open([data / "eurosat-ms" / "EuroSAT_MS_subset.zip"])
    samples = [each for each in source.read(source.plan().rows) if isinstance(each, Sample)]
    pixels = np.stack([sample.stacks["s2"].data[0] for sample in samples])
    order = [samples[0].stacks["s2"].bands.index(band) for band in _BANDS]
    pixels = pixels[:, order]
    truth = np.array([sample.targets["class"].code for sample in samples])
    model, coverage = open_galileo(data / "weights" / "galileo-nano")
    answers: dict[str, Array] = {"Galileo-nano": _probe(_embedded(model, pixels), truth)}
    for seed in range(_SEEDS):
        answers[f"Galileo-nano, random {seed}"] = _probe(_embedded(_fresh(seed), pixels), truth)
    rho = pixels[:, None].astype(np.float32) / 10000
    answers["band mean and sd"] = _probe(mean_and_sd(rho, np.ones((len(rho), 1, 1, 64, 64), bool)), truth)
    answers["majority"] = np.zeros(len(truth), int)
    ids = np.array([sample.id for sample in samples])
    raw = answer_by_folds(data / "eurosat-ms" / "EuroSAT_MS_subset.zip", ids, _fold(truth), work)
    answers["resnet10-32"] = raw.argmax(1)
    doors = answer_pictures(samples, data / "eurosat-rgb" / "EuroSAT_RGB.zip")
    facts = {"tensors": str(coverage).partition(": ")[2].rstrip("."), "embedding": int(model.size), "folds": _FOLDS}
    blob = io.BytesIO()
    held: dict[str, Any] = {f"answer {name}": each.astype(np.int8) for name, each in answers.items()}
    held |= {f"door {door}": each.astype(np.float16) for door, each in doors.items()}
    np.savez_compressed(blob, id=ids, truth=truth.astype(np.int8), facts=np.array(json.dumps(facts)), **held)
    stored = stored_in(Path(__file__).parents[1] / "results")
    stored.mkdir(parents=True, exist_ok=True)
    write_whole(stored / "answers.npz", blob.getvalue())
    return recompute(stored)


def _of(held: Mapping[str, Array], name: str) -> list[Array]:
    return [held[key].astype(int) for key in held if key == f"answer {name}" or key.startswith(f"answer {name} ")]


def recompute(stored: Path) -> dict[str, Any]:
    """All figures from stored answers alone."""
    with np.load(stored / "answers.npz", allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    truth, ids = held["truth"].astype(int), tuple(map(str, held["id"]))
    rows = []
    for name in _PROBED:
        scores = [
            classification_intervals(truth, each, _EUROSAT.codes, resample(len(truth))).accuracy
            for each in _of(held, name)
        ]
        rows.append({"name": name, "draws": len(scores), "accuracy": [each.to_json() for each in scores]})
    pair = [Answers(name, ids, truth, _of(held, name)[0]) for name in ("Galileo-nano", "Galileo-nano, random")]
    found = compare(pair, _EUROSAT.codes)
    difference = next(each for each in found.differences if each.metric == "accuracy")
    return {
        "n": len(truth),
        "facts": json.loads(str(held["facts"])),
        "rows": rows,
        "difference": difference.to_json(),
        "outcome": difference.outcome,
        "doors": _doors(held),
    }


def _doors(held: Mapping[str, Array]) -> list[dict[str, Any]]:
    """For every way of showing a patch to the model: whose label differs from the file's, and how far answers are."""
    file = held["door file"].astype(np.float32)
    rows = []
    for door in DOORS:
        raw = held[f"door {door}"].astype(np.float32)
        one, two = file.argmax(1), raw.argmax(1)
        other = [
            f"{held['id'][i]}: {_EUROSAT.name_of(_EUROSAT.codes[one[i]])} as a file,"
            f" {_EUROSAT.name_of(_EUROSAT.codes[two[i]])} as numbers"
            for i in np.flatnonzero(one != two)
        ]
        rows.append({"door": door, "differ": other, "farthest": round(float(np.abs(raw - file).max()), 3)})
    return rows


def page(figures: dict[str, Any]) -> str:
    """The page."""
    rows = []
    for row in figures["rows"]:
        each = [Interval.from_json(held) for held in row["accuracy"]]
        said = f"{100 * each[0].value:.1f} ({100 * each[0].low:.1f} to {100 * each[0].high:.1f})"
        if len(each) > 1:
            said += f"; {len(each)} draws: {', '.join(f'{100 * one.value:.1f}' for one in each)}"
        rows.append([row["name"], _PROBED[row["name"]], said])
    doors = [[row["door"], DOORS[row["door"]], len(row["differ"]), row["farthest"]] for row in figures["doors"]]
    listed = [f"- {said}" for row in figures["doors"] for said in row["differ"]]
    facts, gap = figures["facts"], Interval.from_json(figures["difference"]["interval"])
    outcome = "a tie" if figures["outcome"] == "tie" else f"{figures['outcome']} is better"
    return "\n".join(
        [
            f"{figures['n']} patches, eight a class (Helber et al. 2019, MIT; the public subset), {facts['folds']}",
            "folds, each patch answered by those that it is not in: a linear probe on what stays frozen, our compact",
            "network from scratch. So few patches prove nothing about models, and the intervals say how little: these",
            "are demonstrations that weights and inputs meet.",
            "",
            table(["what is probed", "what it is", "accuracy [%], 95 % over samples"], rows),
            "",
            f"Galileo-nano (Tseng et al. 2025, nasaharvest/galileo, MIT): {facts['tensors']}. The file is read",
            f"without unpickling code; months are unknown and said to be June; {facts['embedding']} numbers a patch.",
            "",
            f"Published minus random weights (first draw), paired on the same patches: {100 * gap.value:+.1f} points",
            f"({100 * gap.low:+.1f} to {100 * gap.high:+.1f}): {outcome}.",
            "",
            f"`results/bundles/{BUNDLE}` is the compact network on all {figures['n']} patches. Nothing is left to test",
            "it on: it is there to show a 13-band model at work, and its maps are demonstrations, too.",
            "",
            "## The same patches as files and as digital numbers",
            "",
            "The model that learnt EuroSAT's JPEG files (`results/bundles/eurosat-rgb`), shown the same patches in",
            "three ways. It has seen most of them in training, so that only the agreement of labels counts here.",
            "",
            table(["shown", "what it is", "labels that differ from the file's", "farthest logit"], doors),
            "",
            "Digital numbers that go through the rendering with its JPEG coding are the pixels of the files, value for",
            "value (asserted for every patch). The stretch alone is another input:",
            "",
            *(listed or ["- no label changes."]),
        ]
    )
