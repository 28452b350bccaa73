"""Train: from a corpus and a frozen split to a run folder with a bundle in it; `swath train`.

config.yaml     every option as it was used
metrics.csv     one row an epoch; events/ for TensorBoard
checkpoints/    from where the same command goes on
bundle/         the trained model
report/         added by `swath test`
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
import torch
import yaml

from swath.batch import Augmentation, Loader, Sampling
from swath.bundle import Bundle, Facts, NetworkFacts, OriginFacts, write_bundle
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.files import write_whole
from swath.core.inputs import require_inputs
from swath.core.options import to_plain
from swath.core.plan import StackSpec
from swath.core.presets import PRESETS, preset
from swath.core.progress import SILENT, Progress
from swath.core.quantity import Quantity, physical_moments
from swath.core.specs import Calibration, InputSpec, OutputSpec, StackInput
from swath.core.version import __version__
from swath.corpus.corpus import Corpus
from swath.corpus.splitfile import load_split, split_names
from swath.corpus.splits import Split
from swath.evaluate import fit_temperature
from swath.models import ModelOptions, make_backbone
from swath.models.freezing import frozen_in
from swath.recipes.statistics import corpus_statistics
from swath.tasks import SceneNetwork, SceneOptions, SceneTask
from swath.training import Fitted, LoopOptions, fit
from swath.training.device import place
from swath.training.watch import Watch

__all__ = ["DataOptions", "TrainOptions", "Trained", "input_of", "open_split", "output_of", "physical", "train"]

#: Metrics of a scene, the deciding one first.
_METRICS: Final = {False: ("accuracy", "macro_f1"), True: ("micro_map", "macro_f1")}
#: Of the kinds of targets that scene classification learns.
_SCENE_TARGETS: Final = ("class", "classes")


@dataclass(frozen=True, slots=True)
class DataOptions:
    """What is learnt from, and how it is shown."""

    #: Frozen split of the corpus; None = the only one.
    split: str | None = None
    #: Which fold of it.
    fold: int = 0
    #: Stacks that the network sees; none = all that are no target.
    stacks: tuple[str, ...] = ()
    #: Stack -> bands, in the order wanted; a stack that is not named keeps all of its bands.
    bands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Stack -> name of a preset that normalises it; a stack that is not named is measured on train's valid pixels.
    normalise: Mapping[str, str] = field(default_factory=dict)
    #: Samples a step, over all processes: small, for corpora of some hundred samples; 128 for tens of thousands.
    batch_size: int = 32
    #: Which samples an epoch shows.
    sampling: Sampling = field(default_factory=Sampling)
    #: Threads that read ahead.
    threads: int = 1


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Everything that decides a training; `config.yaml` holds it and `--set a.b=c` changes it."""

    #: Of the bundle; None = the run folder's.
    name: str | None = None
    data: DataOptions = field(default_factory=DataOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    task: SceneOptions = field(default_factory=SceneOptions)
    augment: Augmentation = field(default_factory=lambda: Augmentation(right_angles="alternate"))
    loop: LoopOptions = field(default_factory=LoopOptions)
    #: Which script of CNN-Sentinel stages freeze like, a key in `models.FREEZING`; None = by the encoder's own blocks.
    freeze_like: str | None = None
    #: Orientations whose answers the bundle averages: 1, 4 or 8.
    views: int = 1
    #: Whether the bundle's weights are stored in float16.
    is_half: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left behind."""

    run: Path
    bundle: Bundle
    fitted: Fitted
    #: Samples of train and val, and those among them that have no label.
    train: int
    val: int
    unlabelled: int

    def summary(self) -> str:
        """One line of counts."""
        fitted = self.fitted
        value = (
            "no val" if fitted.value is None else f"{fitted.metric} {fitted.value:.4f} on val of epoch {fitted.epoch}"
        )
        left = f", {self.unlabelled} without label left out" if self.unlabelled else ""
        temperature = self.bundle.calibration.temperature
        return (
            f"{self.bundle.name}: {len(fitted.rows)} epochs, {self.train} train, {self.val} val{left}; {value};"
            f" temperature {temperature:.3f}; bundle {self.bundle.hash[:12]}"
        )


def physical(quantity: Quantity) -> Quantity:
    """What a network is fed: reflectance for digital numbers, anything else as it is."""
    if quantity.kind != "dn":
        return quantity
    if quantity.of is None or quantity.offset is None:
        fix = "Say it when importing: swath corpus import ... -d offset=0 (or -1000)."
        raise Refused(where="training", what=f"cannot learn from {quantity}: its meaning is unknown", fix=fix)
    return Quantity(quantity.of)


def _measured(
    corpus: Corpus, name: str, bands: tuple[str, ...], split: Split, fold: int, progress: Progress
) -> StackInput:
    """A stack, normalised by what train's valid pixels are like."""
    spec = corpus.spec(name)
    quantity = physical(spec.quantity)
    said = corpus_statistics(corpus, stack=name, split=split.name, part="train", fold=fold, progress=progress)
    moments = said.moments()
    mean, std = (np.array([moments[kind][band] for band in bands]) for kind in ("mean", "std"))
    if spec.quantity.kind == "dn":
        index = [spec.bands.index(band) for band in bands]
        mean, std = physical_moments(mean, std, spec.quantity.select(index))
    flat = [band for band, each in zip(bands, std, strict=True) if not each > 0]
    if flat:
        fix = "Leave it out with data.bands, or look at the corpus: swath corpus stats."
        raise Refused(
            where=f"{corpus.path} stack {name}", what=f"band {flat[0]} is the same everywhere in train", fix=fix
        )
    gsd = sum(spec.gsd) / 2
    return StackInput(bands, quantity, spec.level, gsd, spec.dates, tuple(mean.tolist()), tuple(std.tolist()))


def _by_preset(spec: StackSpec, name: str, bands: tuple[str, ...] | None) -> StackInput:
    """A stack, normalised by a published preset."""
    if name not in PRESETS:
        raise Unknown(name, PRESETS, what="preset", where="option data.normalise")
    held = preset(name)
    wanted = bands or held.bands
    at = [held.bands.index(band) for band in wanted]
    mean, std = (tuple(numbers[i] for i in at) for numbers in (held.mean, held.std))
    return StackInput(wanted, held.quantity.select(at), spec.level, sum(spec.gsd) / 2, spec.dates, mean, std)


def input_of(corpus: Corpus, split: Split, data: DataOptions, *, progress: Progress = SILENT) -> InputSpec:
    """What a network that learns from this corpus takes.

    Raises
    ------
    Unknown
        The corpus has no such stack, or a stack no such band, or there is no such preset.
    Refused
        The meaning of the stored numbers is unknown, or a band is the same everywhere.
    """
    known = [name for name in corpus.layout.stacks if name not in corpus.layout.targets]
    names = data.stacks or tuple(known)
    for name in (*names, *data.bands, *data.normalise):
        if name not in known:
            raise Unknown(name, known, what="stack", where=str(corpus.path))
    stacks = {}
    for name in names:
        spec = corpus.spec(name)
        bands = data.bands.get(name)
        for band in bands or ():
            if band not in spec.bands:
                raise Unknown(band, spec.bands, what=f"band of stack {name}", where=str(corpus.path))
        if name in data.normalise:
            stacks[name] = _by_preset(spec, data.normalise[name], bands)
        else:
            stacks[name] = _measured(corpus, name, bands or spec.bands, split, data.fold, progress)
    finest = min(names, key=lambda name: corpus.spec(name).gsd)
    return InputSpec(stacks, corpus.spec(finest).size)


def output_of(corpus: Corpus, target: str | None) -> tuple[str, OutputSpec]:
    """Which target is learnt, and what a network gives for it.

    Raises
    ------
    Unknown, Refused
        There is no such target, or several and none was named, or it is of a kind that nobody here learns.
    """
    known = [name for name, spec in corpus.layout.targets.items() if spec.kind in _SCENE_TARGETS]
    if target is None:
        if len(known) != 1:
            have, fix = ", ".join(known) or "none", "Name it: --set task.target=NAME."
            raise Refused(where=str(corpus.path), what="needs one target of classes", have=have, fix=fix)
        target = known[0]
    if target not in known:
        raise Unknown(target, known, what="target of classes", where=str(corpus.path))
    spec = corpus.layout.targets[target]
    legend = corpus.layout.legends[spec.legend or ""]
    is_multilabel = spec.kind == "classes"
    metrics = _METRICS[is_multilabel]
    return target, OutputSpec("scene", legend.codes, legend, is_multilabel=is_multilabel, metrics=metrics)


def open_split(corpus: Corpus, name: str | None) -> Split:
    """A frozen split of a corpus.

    Raises
    ------
    Refused
        There is none, or several and none was named.
    """
    names = split_names(corpus)
    if name is None:
        if len(names) != 1:
            have = ", ".join(names) or "none"
            fix = "Make one: swath corpus split." if not names else "Name it: --split NAME."
            raise Refused(where=str(corpus.path), what="needs one split", have=have, fix=fix)
        name = names[0]
    return load_split(corpus, name)


def _labelled(corpus: Corpus, target: str, positions: Array) -> Array:
    """Those of some samples that have a label."""
    column = corpus.rows([f"target_{target}"])[f"target_{target}"]
    known: Array = np.asarray(pc.is_valid(column).to_numpy())
    labelled: Array = positions[known[positions]]
    return labelled


def _signature(corpus: Corpus, split: Split, options: TrainOptions, input: InputSpec) -> str:
    """A hash over everything that decides the weights."""
    plain = to_plain(replace(options, name=None, views=1, is_half=False))
    plain["loop"] |= {"device": "", "save_minutes": 0}
    plain["data"] |= {"threads": 0}
    held = {"plan": corpus.meta.plan_hash, "split": split.hash, "options": plain, "input": input.to_json()}
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def train(
    corpus: Corpus,
    options: TrainOptions,
    run: Path,
    *,
    watch: Watch | None = None,
    progress: Progress = SILENT,
    command: str = "",
) -> Trained:
    """Train a scene classifier, or go on with a training that was cut off.

    Parameters
    ----------
    corpus : Corpus
        With a frozen split.
    options : TrainOptions
        Everything that decides it.
    run : Path
        Folder of the run.
    watch : Watch, optional
        Looks on while the network learns.
    progress : Progress
        Of measuring train.
    command : str
        What was typed, for the bundle.

    Returns
    -------
    Trained
        Of several processes, the first writes the bundle, and it alone fits the temperature.

    Raises
    ------
    Refused
        Train or val cannot be learnt from; a run of other options lies in the folder.
    """
    split = open_split(corpus, options.data.split)
    target, output = output_of(corpus, options.task.target)
    parts = {part: corpus.positions(split.ids(part, fold=options.data.fold)) for part in ("train", "val")}
    held = {part: _labelled(corpus, target, positions) for part, positions in parts.items()}
    unlabelled = sum(len(positions) for positions in parts.values()) - sum(len(each) for each in held.values())
    if len(held["train"]) < 2:
        have = f"{len(held['train'])} of {len(parts['train'])} samples"
        what = f"train of split {split.name} has too few labels of target {target}"
        raise Refused(
            where=str(corpus.path), what=what, want="2 or more", have=have, fix="Take another split or target."
        )
    input = input_of(corpus, split, options.data, progress=progress)
    require_inputs(corpus.layout.stacks, input, by="network", where=str(corpus.path))
    signature = _signature(corpus, split, options, input)
    rank, world = place()
    if rank == 0:
        _write_config(run, options, signature)
    size, seed = options.data.batch_size, options.loop.seed
    shared: dict[str, Any] = {"workers": options.data.threads, "by": "network", "shard": (rank, world)}
    outputs = {target: output}
    learnt = Loader(
        corpus,
        held["train"],
        input,
        outputs,
        batch_size=size,
        seed=seed,
        augmentation=options.augment,
        sampling=options.data.sampling,
        **shared,
    )
    judged = Loader(corpus, held["val"], input, outputs, batch_size=256, **shared) if len(held["val"]) else None
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone, coverage = make_backbone(options.model, input, seed=seed)
        network = SceneNetwork(backbone, len(output.codes), hidden=options.task.hidden)
    task = SceneTask(
        network,
        output,
        target,
        options.task,
        counts=torch.from_numpy(_counts(corpus, target, output, held["train"])),
        freezing=lambda kind: frozen_in(backbone, kind, like=options.freeze_like),
    )
    fitted = fit(task, learnt, judged, options.loop, run, signature=signature, watch=watch)
    facts = Facts(
        name=options.name or run.absolute().name,
        input=input,
        output=output,
        calibration=Calibration(),
        network=NetworkFacts(options.model, hidden=options.task.hidden, views=options.views),
        origin=_origin(
            corpus, split, options, held, fitted, command=command, weights="" if coverage is None else str(coverage)
        ),
    )
    network.cpu()
    bundle = Bundle(facts, network)
    if rank == 0:
        alone: dict[str, Any] = {**shared, "shard": (0, 1)}
        seen = Loader(
            corpus, held["val"] if len(held["val"]) else held["train"][:1], input, outputs, batch_size=256, **alone
        )
        if len(held["val"]):
            facts = replace(facts, calibration=_calibrated(bundle, seen, target))
        example, valid = _example(seen)
        bundle = write_bundle(run / "bundle", facts, network, example, valid, is_half=options.is_half)
    return Trained(run, bundle, fitted, len(held["train"]), len(held["val"]), unlabelled)


def _counts(corpus: Corpus, target: str, output: OutputSpec, positions: Array) -> Array:
    """Samples a class in train, in the order of the output."""
    column = corpus.rows([f"target_{target}"])[f"target_{target}"].take(positions)
    codes = pc.list_flatten(column) if output.is_multilabel else column
    found = np.asarray(codes.to_numpy())
    return np.array([(found == code).sum() for code in output.codes], np.int64)


def _write_config(run: Path, options: TrainOptions, signature: str) -> None:
    """Keep the options beside what they make; other ones in the same folder are refused."""
    path = run / "config.yaml"
    text = yaml.safe_dump({"signature": signature, **to_plain(options)}, sort_keys=False, allow_unicode=True)
    if path.exists() and yaml.safe_load(path.read_text(encoding="utf-8")).get("signature") != signature:
        fix = "Choose another folder, or remove it."
        have = "a run with other options, data or split"
        raise Mismatch(where=str(run), what="run", want="this training", have=have, fix=fix)
    write_whole(path, text.encode())


def _origin(
    corpus: Corpus,
    split: Split,
    options: TrainOptions,
    held: Mapping[str, Array],
    fitted: Fitted,
    *,
    command: str,
    weights: str,
) -> OriginFacts:
    table = corpus.rows(["lon", "lat"])
    lon, lat = (
        np.asarray(pc.fill_null(table[side], float("nan")).to_numpy())[held["train"]] for side in ("lon", "lat")
    )
    placed = ~np.isnan(lon)
    bbox = None
    if placed.any():
        bbox = tuple(
            round(float(each), 5)
            for each in (lon[placed].min(), lat[placed].min(), lon[placed].max(), lat[placed].max())
        )
    return OriginFacts(
        corpus=corpus.path.absolute().name,
        corpus_hash=corpus.meta.plan_hash,
        train=len(held["train"]),
        val=len(held["val"]),
        split=split.name,
        split_hash=split.hash,
        fold=options.data.fold,
        recipe=dict(split.recipe),
        bbox=bbox,  # type: ignore[arg-type]
        dates=_dates(corpus, held["train"]),
        version=__version__,
        torch=str(torch.__version__),
        command=command or shlex.join(["swath", *sys.argv[1:]]),
        seed=options.loop.seed,
        metric=fitted.metric or "",
        value=None if fitted.value is None else round(fitted.value, 6),
        weights=weights,
        licences=tuple(corpus.layout.licences),
    )


def _dates(corpus: Corpus, positions: Array) -> tuple[str, str] | None:
    """First and last date of some samples."""
    found = []
    for name in corpus.layout.stacks:
        if name in corpus.layout.targets:
            continue
        times = pc.list_flatten(corpus.rows([f"stack_{name}.times"])[0].take(positions)).drop_null()
        found += [pc.min(times).as_py(), pc.max(times).as_py()] if len(times) else []
    return (f"{min(found):%Y-%m-%dT%H:%M:%SZ}", f"{max(found):%Y-%m-%dT%H:%M:%SZ}") if found else None


def _calibrated(bundle: Bundle, judged: Loader, target: str) -> Calibration:
    """The temperature that fits val best."""
    raw, truth = [], []
    for batch in judged.in_order():
        x = {name: each.numpy() for name, each in batch.x.items()}
        raw.append(bundle.samples(x, {name: each.numpy() for name, each in batch.valid.items()}, {}))
        truth.append(batch.y[target].numpy())
    return Calibration(fit_temperature(np.concatenate(raw), np.concatenate(truth)))


def _example(loader: Loader) -> tuple[dict[str, Array], dict[str, Array]]:
    """A sample of val whose answer the bundle stores."""
    batch = next(iter(loader.in_order(1)))
    x = {name: each.numpy()[:1] for name, each in batch.x.items()}
    return x, {name: each.numpy()[:1] for name, each in batch.valid.items()}
