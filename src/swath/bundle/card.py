"""Card: what a person should know of a model before using it, as Markdown, written from the bundle's own facts."""

from __future__ import annotations

from typing import Final

from swath.bundle.facts import VIEWS, Facts
from swath.core.specs import StackInput

__all__ = ["card"]

_SCORES: Final = (
    "`swath test` adds scores to `scores/`: each names corpus, split and hash, with intervals over samples or\n"
    "blocks of ground. Until it has run, nothing is known but the figure on val, which may have selected the weights."
)


def _stack(name: str, stack: StackInput) -> str:
    level = f"{stack.level}, " if stack.level else ""
    dates = "one date" if stack.dates == 1 else f"{stack.dates} dates"
    return f"- `{name}`: {' '.join(stack.bands)}, {level}{stack.quantity}, {stack.gsd:g} m, {dates}"


def card(facts: Facts, *, parameters: int) -> str:
    """Write the card.

    Parameters
    ----------
    facts : Facts
        What the bundle says.
    parameters : int
        Numbers that the network learnt.
    """
    origin, out = facts.origin, facts.output
    (h, w), (rows, columns) = facts.input.support, facts.input.size
    value = "" if origin.value is None else f" ({origin.metric} {origin.value:.4f} there)"
    held = f"{origin.val:,} held out as val{value}" if origin.val else "none held out as val"
    fold = f", fold {origin.fold}" if origin.fold else ""
    where = "unknown" if origin.bbox is None else "lon {0:.2f} to {2:.2f}, lat {1:.2f} to {3:.2f}".format(*origin.bbox)
    when = "unknown" if origin.dates is None else f"{origin.dates[0][:10]} to {origin.dates[1][:10]}"
    lines = [
        f"# {facts.name}",
        "",
        f"{_kind(facts)} It looks at {h:g} x {w:g} m of ground ({rows} x {columns} pixels) and",
        f"has {parameters:,} parameters ({facts.network.model.encoder}). Hash `{facts.hash}`.",
        "",
        "## What it takes",
        "",
        *(_stack(name, stack) for name, stack in facts.input.stacks.items()),
        "",
        "Anything else (another level, offset, ground size or band order) is refused by name. No offset is guessed.",
        "",
        "## What it gives",
        "",
        *([f"Classes of legend `{out.legend.name}`: {', '.join(out.names)}."] if out.legend is not None else []),
        f"Answers are averaged over {facts.network.views} orientation(s): the window {VIEWS[facts.network.views]}.",
        *_calibration(facts),
        "",
        "## Where it came from",
        "",
        f"- corpus `{origin.corpus}` (plan `{origin.corpus_hash[:12]}`): {origin.train:,} samples to learn from,"
        f" {held}",
        f"- split `{origin.split}`{fold} (hash `{origin.split_hash[:12]}`)",
        f"- ground: {where}; dates: {when}",
        f"- weights before training: {origin.weights or 'fresh'}",
        f"- `{origin.command}`, seed {origin.seed}, swath {origin.version}, PyTorch {origin.torch}",
        "",
        "## How good it is",
        "",
        _SCORES,
        "",
        "## What it is not for",
        "",
        "Ground, seasons and sensors that it never saw: a score on neighbours of the training's places says little",
        "about them. Areas from counted pixels of its maps: those are mapped areas, not estimates. Objects much",
        "smaller than the window it looks at.",
        "",
        "## Licences",
        "",
        *(f"- {each}" for each in origin.licences or ("none named by the corpus",)),
        "",
    ]
    return "\n".join(lines)


def _calibration(facts: Facts) -> list[str]:
    """What a probability is worth."""
    if not facts.origin.val:
        return ["Probabilities are as the network gives them: there was no val to fit a temperature on."]
    return [
        f"Probabilities are calibrated with temperature {facts.calibration.temperature:.4g}, fitted on val: of answers",
        "given with 0.8, about four in five should be right, on ground like that of the training.",
    ]


def _kind(facts: Facts) -> str:
    if facts.output.kind == "scene" and facts.output.is_multilabel:
        return "Says which classes a window of ground holds."
    if facts.output.kind == "scene":
        return "Gives a window of ground one class."
    return f"A model of kind {facts.output.kind}."
