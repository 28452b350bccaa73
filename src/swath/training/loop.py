"""The loop: every task is trained by these lines, from top to bottom; plain torch and nothing hidden.

    for each stage      some layers learn, others stay as they are, running statistics too
        for each epoch  the loader's batches in an order that follows from (seed, pass over train)
            for each step   for (part, loss) of the task: backward, average over processes, step
            judge on val    with averaged weights, if there are any
            keep            metrics, the best weights, a checkpoint

A run is resumed by giving the same command: it goes on from its last checkpoint, in the middle of an epoch if need be,
and on a CPU ends with the same bytes as if it had never stopped, because everything random is a function of the seed
and of where the training is. A loss that is no number stops it at the last good state.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from swath.batch.loader import Loader
from swath.batch.record import Batch
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused
from swath.core.files import remove
from swath.evaluate import metric
from swath.tasks.task import State, Task
from swath.training.average import Average
from swath.training.checkpoint import load_parts, read_state, read_weights, write_state, write_weights
from swath.training.device import Device, processes
from swath.training.log import Log, Row
from swath.training.options import LoopOptions, Stage
from swath.training.rates import factor, make_optimisers, set_rates
from swath.training.watch import Silent, Tick, Watch

__all__ = ["Fitted", "fit"]

#: Steps between looks at the loss on a GPU, which each wait for it.
_LOOK: Final = 16
#: Seconds between two ticks.
_TICK: Final = 0.25
_LAST: Final = "last.pt"


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training left behind."""

    #: One an epoch, as in `metrics.csv`.
    rows: tuple[Row, ...]
    #: Metric that decided; None = there was no val.
    metric: str | None
    #: Its value for the weights that were selected, and their epoch, counted from 1.
    value: float | None
    epoch: int
    #: The selected weights.
    weights: Path


@dataclass
class _Position:
    """Where a training is, as plain numbers: the next step to be taken."""

    stage: int = 0
    #: Epochs done, in all and in this stage.
    epoch: int = 0
    stage_epoch: int = 0
    #: Steps of this epoch done.
    step: int = 0
    #: Epochs since the metric was best in this stage.
    stale: int = 0
    #: Of this epoch, part -> (summed loss, samples).
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Loss:
    """A loss that is still on the device, and where it came from."""

    part: str
    loss: Tensor
    step: int
    batch: Batch


def fit(
    task: Task,
    train: Loader,
    val: Loader | None,
    options: LoopOptions,
    folder: Path,
    *,
    signature: str,
    watch: Watch | None = None,
) -> Fitted:
    """Train a task, or go on with a training that was cut off.

    Parameters
    ----------
    task : Task
        What is to be learnt; its parts are trained in place.
    train, val : Loader
        What to learn from, and what to judge on while learning; without val the last epoch is taken.
    options : LoopOptions
        How.
    folder : Path
        `checkpoints/`, `metrics.csv` and `events/` go here.
    signature : str
        Stands for everything that decides the training; a checkpoint of another one is refused.
    watch : Watch, optional
        Looks on.

    Returns
    -------
    Fitted
        The task's parts hold the selected weights afterwards.

    Raises
    ------
    Mismatch
        The folder holds a checkpoint of another configuration.
    Refused
        The loss is no number, or the disk is full; the last good state is kept.
    """
    with processes(options.device, options.precision) as device:
        return _Training(task, train, val, options, folder, device, signature, watch or Silent()).run()


class _Training:
    """The state of a training and its steps."""

    def __init__(
        self,
        task: Task,
        train: Loader,
        val: Loader | None,
        options: LoopOptions,
        folder: Path,
        device: Device,
        signature: str,
        watch: Watch,
    ) -> None:
        self.task, self.train, self.val, self.options, self.device = task, train, val, options, device
        self.folder, self.checkpoints = folder, folder / "checkpoints"
        self.signature, self.watch = signature, watch
        self.metric = task.output.metrics[0] if val is not None else None
        self.stages = options.all_stages()
        #: Of an epoch.
        self.steps = options.steps or len(train)
        self.at = _Position()
        self.rows: list[Row] = []
        #: (metric, epoch) of the weights that are kept, best first.
        self.kept: list[tuple[float, int]] = []
        self.parts = {name: part.to(device.torch) for name, part in task.parts().items()}
        device.same_weights(self.parts)
        self.average = Average(self.parts, options.average)
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        #: Losses of steps that nobody has looked at yet.
        self.unread: list[_Loss] = []
        self.saved = time.monotonic()
        self.clock = _Clock()
        if options.compile:
            for part in self.parts.values():
                part.compile()

    def run(self) -> Fitted:
        """All stages."""
        state = self._restore()
        self._begin_stage(state.get("optimisers"))
        if not state:
            self._save()
        with Log(self.folder, is_on=self.device.is_first, from_epoch=self.at.epoch) as log:
            while self.at.stage < len(self.stages):
                while not self._is_stage_over():
                    self._epoch(log)
                self._end_stage()
        return self._finish()

    # ---- stages

    @property
    def stage(self) -> Stage:
        return self.stages[self.at.stage]

    def _begin_stage(self, optimisers: dict[str, Any] | None = None) -> None:
        """Let the stage's layers learn, and no others."""
        if self.at.stage >= len(self.stages):
            return
        prefixes = self.task.frozen(self.stage.trains)
        for part, module in self.parts.items():
            for name, parameter in module.named_parameters():
                parameter.requires_grad_(not f"{part}.{name}".startswith(prefixes))
        self.optimisers = make_optimisers(self._optimiser_options(), self.parts)
        for name, held in (optimisers or {}).items():
            self.optimisers[name].load_state_dict(held)

    def _learn_mode(self) -> None:
        """Switch to learning; layers that stay as they are keep their running statistics, too."""
        prefixes = self.task.frozen(self.stage.trains)
        for part, module in self.parts.items():
            module.train()
            for name, inner in module.named_modules():
                if name and f"{part}.{name}.".startswith(prefixes):
                    inner.eval()

    def _optimiser_options(self) -> Any:
        return self.stage.optimiser or self.options.optimiser

    def _is_stage_over(self) -> bool:
        is_stale = self.stage.patience is not None and self.at.stale >= self.stage.patience
        return self.at.stage_epoch >= self.stage.epochs or (is_stale and self.val is not None)

    def _end_stage(self) -> None:
        if self.stage.restores_best and self.kept:
            self._load_best()
            self.average = Average(self.parts, self.options.average)
        self.at.stage, self.at.stage_epoch, self.at.stale = self.at.stage + 1, 0, 0
        self._begin_stage()
        self._save()

    # ---- epochs and steps

    def _epoch(self, log: Log) -> None:
        """Steps over train, judged and kept."""
        start, cpu, fresh = time.monotonic(), time.process_time(), self.at.step == 0
        self.clock.begin(self._epochs_left() * self.steps, self.train.batch_size)
        self._learn_mode()
        state: State = {}
        for batch in self._batches():
            state = {} if batch.opens else state
            self._step(batch.to(self.device.torch), state)
            if self.device.world == 1 and time.monotonic() - self.saved > 60 * self.options.save_minutes:
                self._save()
        self._look()
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
        sums = self._sums()
        losses = {part: total / max(1, count) for part, (total, count) in sums.items()}
        row: dict[str, float | str | None] = {"epoch": self.at.epoch + 1, "stage": self.stage.name}
        row["rate"] = next(iter(self.optimisers.values())).param_groups[0]["lr"]
        row |= {f"train_loss_{part}": loss for part, loss in losses.items()}
        row |= {f"val_{name}": value for name, value in self._judge().items()}
        row["seconds"] = round(seconds, 2) if fresh else None
        row["cpu_seconds"] = round(cpu, 2) if fresh else None
        row["samples_per_second"] = round(max(n for _, n in sums.values()) / seconds, 1) if fresh else None
        self._advance(row)
        if self.device.is_first:
            self._keep(row)
        self.device.gather(None)  # nobody goes on before the weights are written
        log.write(self.rows)
        self._save()
        self._forget()
        self.watch.epoch(row)

    def _batches(self) -> Iterator[Batch]:
        """What is left of this epoch: passes over train are cut into epochs of so many steps wherever they fall."""
        done, end = (self.at.epoch * self.steps + step for step in (self.at.step, self.steps))
        while done < end:
            number, start = divmod(done, len(self.train))
            stop = min(len(self.train), start + end - done)
            yield from self.train.epoch(number, start, stop)
            done += stop - start

    def _epochs_left(self) -> int:
        later = sum(stage.epochs for stage in self.stages[self.at.stage + 1 :])
        return self.stage.epochs - self.at.stage_epoch + later

    def _step(self, batch: Batch, state: State) -> None:
        """Take a step for every part that the task names, in its order."""
        steps = self.steps
        options, schedule = self._optimiser_options(), self.stage.schedule or self.options.schedule
        done = self.at.stage_epoch * steps + self.at.step
        set_rates(self.optimisers, options, factor(schedule, done, self.stage.epochs * steps, per_epoch=steps))
        torch.manual_seed(_seed(self.options.seed, self.at.epoch, self.at.step, self.device.rank))
        with self.device.autocast():
            losses = self.task.step(batch, self.parts, state)
            for part, loss in losses:
                self._learn(part, loss, len(batch) * self.device.world / batch.whole)
                self.unread.append(_Loss(part, loss.detach(), self.at.step, batch))
        self.average.update()
        self.at.step += 1
        if self.device.torch.type == "cpu" or self.at.step % _LOOK == 0:
            self._look()
        tick = self.clock.tick()
        if tick is not None:
            means = {part: total / max(1, count) for part, (total, count) in self.at.sums.items()}
            rate, left = tick
            epochs = self.at.epoch + self._epochs_left()
            self.watch.step(Tick(self.stage.name, self.at.epoch, epochs, self.at.step, steps, means, rate, left))

    def _learn(self, part: str, loss: Tensor, share: float) -> None:
        """Update one part."""
        optimiser = self.optimisers.get(part)
        if optimiser is None:
            return
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device.torch.type, enabled=False):
            loss.backward()  # type: ignore[no-untyped-call]
        self.device.average_gradients(self.parts[part], share)
        clip = self._optimiser_options().clip
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parts[part].parameters(), clip)
        optimiser.step()

    def _look(self) -> None:
        """Read the losses since the last look; one that is no number stops the training before anything is saved."""
        for each in self.unread:
            value, batch = float(each.loss), each.batch
            if not math.isfinite(value):
                names = [name for name, x in batch.x.items() if not torch.isfinite(x).all()]
                cause = f"numbers in {', '.join(names)} are not finite" if names else "the input is finite"
                raise Refused(
                    where=f"epoch {self.at.epoch + 1}, step {each.step + 1}, part {each.part}",
                    what=f"the loss is {value}",
                    have=f"{cause}; samples {', '.join(batch.ids[:3])}{', ...' if len(batch) > 3 else ''}",
                    fix=f"The last good state is in {self.checkpoints / _LAST}. Lower optimiser.rate or set a clip.",
                )
            total, count = self.at.sums.get(each.part, (0.0, 0))
            self.at.sums[each.part] = (total + value * len(batch), count + len(batch))
        self.unread = []

    def _sums(self) -> dict[str, tuple[float, int]]:
        """Of all processes."""
        if self.device.world == 1:
            return self.at.sums
        held = self.device.gather(dict(self.at.sums))
        return {
            part: (sum(each[part][0] for each in held), sum(each[part][1] for each in held)) for part in self.at.sums
        }

    # ---- judging and keeping

    @torch.inference_mode()
    def _judge(self) -> dict[str, float]:
        """Metrics on val, of all processes' predictions together."""
        if self.val is None:
            return {}
        for part in self.average.parts.values():
            part.eval()
        raw: list[Array] = []
        truth: list[Array] = []
        state: State = {}
        for batch in self.val.in_order():
            state = {} if batch.opens else state
            here = batch.to(self.device.torch)
            with self.device.autocast():
                raw.append(self.task.raw(here, self.average.parts, state).float().cpu().numpy())
            truth.append(self.task.truth(here).cpu().numpy())
        held = self.device.gather((np.concatenate(raw), np.concatenate(truth)))
        return self.task.score(np.concatenate([r for r, _ in held]), np.concatenate([t for _, t in held]))

    def _advance(self, row: Row) -> None:
        """Count the epoch."""
        self.rows.append(row)
        self.at.epoch, self.at.stage_epoch = self.at.epoch + 1, self.at.stage_epoch + 1
        self.at.step, self.at.sums = 0, {}
        if self.metric is not None:
            values = [_goodness(self.metric, each) for each in self.rows[-self.at.stage_epoch :]]
            self.at.stale = len(values) - 1 - max(range(len(values)), key=lambda i: (values[i], -i))

    def _keep(self, row: Row) -> None:
        """Keep the weights if they are among the best, or the last."""
        good = _goodness(self.metric, row) if self.metric is not None else float(self.at.epoch)
        ranked = sorted([*self.kept, (good, self.at.epoch)], key=lambda each: (-each[0], each[1]))
        self.kept = ranked[: self.options.keep]
        if (good, self.at.epoch) in self.kept:
            write_weights(self._weights(self.at.epoch), self.average.parts)

    def _weights(self, epoch: int) -> Path:
        return self.checkpoints / f"epoch-{epoch:04d}.safetensors"

    def _forget(self) -> None:
        """Remove weights that are no longer among the best; only after the checkpoint no longer names them."""
        names = {self._weights(epoch).name for _, epoch in self.kept}
        if self.device.is_first:
            for path in self.checkpoints.glob("epoch-*.safetensors"):
                if path.name not in names:
                    remove(path)

    def _load_best(self) -> None:
        epoch = self.kept[0][1]
        load_parts(self.parts, read_weights(self._weights(epoch)), where=str(self._weights(epoch)))

    def _finish(self) -> Fitted:
        """Put the selected weights into the parts."""
        last = self.checkpoints / "selected.safetensors"
        epoch = self.at.epoch
        if self.options.select == "best" and self.metric is not None and self.kept:
            epoch = self.kept[0][1]
            self._load_best()
        else:
            for name, part in self.average.parts.items():
                self.parts[name].load_state_dict(part.state_dict())
        if self.device.is_first:
            write_weights(last, self.parts)
        for part in self.parts.values():
            part.requires_grad_(True).eval()
        value = None
        if self.metric is not None:
            held = self.rows[epoch - 1][f"val_{self.metric}"]
            value = math.nan if held is None else float(held)
        return Fitted(tuple(self.rows), self.metric, value, epoch, last)

    # ---- checkpoints

    def _save(self) -> None:
        """Write everything that is needed to go on."""
        self.saved = time.monotonic()
        self._look()
        if not self.device.is_first:
            return
        at = self.at
        write_state(
            self.checkpoints / _LAST,
            {
                "signature": self.signature,
                "position": [at.stage, at.epoch, at.stage_epoch, at.step, at.stale],
                "sums": {part: list(held) for part, held in at.sums.items()},
                "rows": [dict(row) for row in self.rows],
                "kept": [list(each) for each in self.kept],
                "parts": {name: part.state_dict() for name, part in self.parts.items()},
                "average": {name: part.state_dict() for name, part in self.average.parts.items()}
                if self.average.memory
                else {},
                "averaged": self.average.steps,
                "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            },
        )

    def _restore(self) -> dict[str, Any]:
        """Go back to the last checkpoint, if there is one."""
        path = self.checkpoints / _LAST
        if not path.exists():
            return {}
        state = read_state(path)
        if state.get("signature") != self.signature:
            raise Mismatch(
                where=str(path),
                what="configuration",
                want=self.signature[:12],
                have=str(state.get("signature"))[:12],
                fix="It belongs to a training with other options or data: choose another folder, or remove it.",
            )
        self.at = _Position(*state["position"])
        self.at.sums = {part: (float(total), int(count)) for part, (total, count) in state["sums"].items()}
        self.rows = list(state["rows"])
        self.kept = [(float(value), int(epoch)) for value, epoch in state["kept"]]
        load_parts(self.parts, state["parts"], where=str(path))
        if self.average.memory:
            load_parts(self.average.parts, state["average"], where=str(path))
        self.average.steps = int(state["averaged"])
        return state


class _Clock:
    """Samples a second lately, and how long the rest takes at that rate."""

    def __init__(self) -> None:
        self.rate, self.left, self.size = 0.0, 0, 0
        self.last = self.shown = time.monotonic()
        self.since = 0

    def begin(self, steps: int, size: int) -> None:
        """Begin an epoch with so many steps to go in all."""
        self.left, self.size, self.since = steps, size, 0
        self.last = time.monotonic()

    def tick(self) -> tuple[float, float] | None:
        """Count a step; (samples a second, seconds left) if it is time to tell."""
        now = time.monotonic()
        self.left, self.since = self.left - 1, self.since + 1
        if now - self.shown < _TICK or now == self.last:
            return None
        lately = self.since * self.size / (now - self.last)
        self.rate = lately if not self.rate else 0.8 * self.rate + 0.2 * lately
        self.last, self.shown, self.since = now, now, 0
        return self.rate, self.left * self.size / self.rate


def _goodness(name: str, row: Row) -> float:
    """A metric so that more is better; one that is no number is worst."""
    value = row[f"val_{name}"]
    number = float(value) if value is not None else math.nan
    if math.isnan(number):
        return -math.inf
    return number if metric(name).is_higher_better else -number


def _seed(*numbers: int) -> int:
    """A seed that is a function of its numbers."""
    return int.from_bytes(hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest()) >> 1
