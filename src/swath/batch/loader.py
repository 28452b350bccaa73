"""Loader: batches of a corpus, epoch by epoch, the same for the same seed whatever machine or thread makes them.

Pixels are decoded straight into one array a batch, moved while they are still small integers, brought to the model's
quantity by `core.inputs`, lit, and handed over as tensors. A few threads work ahead of the training step; none is alive
between epochs. Batch `k` of an epoch is a function of (seed, epoch, ids), so an epoch resumes at any batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from swath.batch.augment import light_views, move_views, warp_views
from swath.batch.collate import tensors
from swath.batch.geometry import Grid, Moves, centred, draw_moves, require_aligned
from swath.batch.keys import id_keys, occurrences, repeated, uniform
from swath.batch.mixing import MIXINGS
from swath.batch.options import Augmentation
from swath.batch.photometry import require_lighting
from swath.batch.prefetch import prefetched
from swath.batch.record import NO_TIME, Batch
from swath.batch.samplers import Sampling, batches, order
from swath.batch.targets import map_lookups, read_targets
from swath.batch.view import View, Views
from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.inputs import require_input, size_of, to_input
from swath.core.sensors import SENSORS
from swath.core.specs import InputSpec, OutputSpec
from swath.corpus.corpus import Corpus

__all__ = ["Loader"]


class Loader:
    """Batches of some samples of a corpus, as a model takes them.

    Parameters
    ----------
    corpus : Corpus
        Where the samples lie.
    positions : int array, shape (n,)
        Which of them, as positions in the manifest (`corpus.positions(ids)`).
    input : InputSpec
        What the model takes.
    outputs : mapping
        Target -> what the model gives for it; which targets are read, and in which order their classes count. {} = no
        targets.
    batch_size : int
        Samples a batch at most, over all processes; batches of an epoch differ by one sample at most.
    seed : int
        Of order and augmentation.
    augmentation : Augmentation
        What is done to the samples of `epoch`.
    sampling : Sampling
        Which samples an epoch shows.
    weights : array, shape (n,), optional
        For weighted sampling, one a position.
    workers, ahead : int
        Threads that make batches, and batches that may wait for the consumer; `workers` 0 = in the caller's thread.
    shard : tuple of int
        (rank, processes): each batch is cut into so many parts, and this process gets the one of its rank.
    by : str
        Who takes the batches, named in errors.

    Raises
    ------
    Mismatch, Refused, Unknown
        The corpus is not what the model takes or learns, or the options cannot be applied to it; nothing is read then.
    """

    def __init__(
        self,
        corpus: Corpus,
        positions: Sequence[int] | Array,
        input: InputSpec,
        outputs: Mapping[str, OutputSpec],
        *,
        batch_size: int,
        seed: int = 0,
        augmentation: Augmentation = Augmentation(),  # noqa: B008  (frozen)
        sampling: Sampling = Sampling(),  # noqa: B008  (frozen)
        weights: Array | None = None,
        workers: int = 2,
        ahead: int = 2,
        shard: tuple[int, int] = (0, 1),
        by: str = "model",
    ) -> None:
        self.corpus, self.positions = corpus, np.asarray(positions, np.int64)
        self.input, self.outputs = input, dict(outputs)
        self.batch_size, self.seed = batch_size, seed
        self.augmentation, self.sampling, self.weights = augmentation, sampling, weights
        self.workers, self.ahead, self.shard = workers, ahead, shard
        self._lookups = map_lookups(corpus, self.outputs)
        self._check(by)
        for name in self._grids:
            corpus.pixels(name, [])  # what a corpus computes once is there before threads and forks
        chosen = pa.array(self.positions)
        self._ids = corpus.ids.combine_chunks().take(chosen)
        self._keys = id_keys(seed, self._ids.to_pylist())
        self._y = read_targets(corpus, self.positions, self.outputs)
        self._frames, self._times = self._read_dates(chosen)
        lonlat = [pc.fill_null(corpus.rows([side])[side], np.nan).to_numpy() for side in ("lon", "lat")]
        self._lonlat = np.stack(lonlat, axis=1)[self.positions].astype(np.float64)
        self.wavelengths = {name: self._centres(name) for name in input.stacks}
        self._size = len(self.order(0))

    def _check(self, by: str) -> None:
        """Refuse what does not fit together, before anything is read."""
        if not len(self.positions):
            raise Refused(where=str(self.corpus.path), what="no sample is asked for", fix="Look at the split.")
        if self.positions.min() < 0 or self.positions.max() >= len(self.corpus):
            want, have = f"0 to {len(self.corpus) - 1}", f"{self.positions.min()} to {self.positions.max()}"
            raise Mismatch(where=str(self.corpus.path), what="positions", want=want, have=have)
        rank, world = self.shard
        if not 0 <= rank < world:
            have = f"rank {rank} of {world} processes"
            raise Refused(where="loader", what=f"shard is (rank, processes), have {have}", fix="Count ranks from 0.")
        crop = self.augmentation.crop_in(None)
        if crop and self.input.size != (crop, crop):
            want, have = f"{self.input.size[0]} x {self.input.size[1]} pixels ({by})", f"{crop} x {crop}"
            raise Mismatch(where="augmentation", what="crop", want=want, have=have, fix="Crop to what the model takes.")
        for name, needs in self.input.stacks.items():
            spec = self.corpus.spec(name)
            size = spec.size if crop else size_of(self.input, name)
            require_input(spec, needs, size=size, by=by, where=f"{self.corpus.path} stack {name}")
        self._grids = {name: self._grid(name) for name in self.input.stacks}
        for name in self._lookups:
            spec = self.corpus.spec(name)
            if (len(spec.bands), spec.dates) != (1, 1):
                have = f"{spec.dates} dates of {len(spec.bands)} bands"
                raise Mismatch(where=f"{self.corpus.path} target {name}", what="map", want="one band", have=have)
            self._grids[name] = self._grid(name)
        require_aligned(self._grids, self.augmentation, where=str(self.corpus.path))
        require_lighting(self.augmentation, self.input)

    def _grid(self, name: str) -> Grid:
        spec = self.corpus.spec(name)
        return Grid(spec.size, spec.gsd)

    def _read_dates(self, chosen: Any) -> tuple[dict[str, Array], dict[str, Array]]:
        """Stack -> dates of each sample, and their times (n, t) in microseconds."""
        frames, times = {}, {}
        for name in self._lookups:
            column = self.corpus.rows([f"stack_{name}.frames"])[0]
            frames[name] = pc.fill_null(column, 0).to_numpy().astype(np.int64)[self.positions]
        for name, needs in self.input.stacks.items():
            columns = [f"stack_{name}.frames", f"stack_{name}.times"]
            table = self.corpus.rows(columns).combine_chunks().take(chosen)
            frames[name] = pc.fill_null(table[columns[0]], 0).to_numpy().astype(np.int64)
            lists = table[columns[1]].combine_chunks()
            flat = pc.list_flatten(lists).cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
            held = np.full((len(table), needs.dates), NO_TIME, np.int64)
            rows = np.repeat(np.arange(len(table)), frames[name])
            column = np.arange(len(rows)) - np.repeat(np.cumsum(frames[name]) - frames[name], frames[name])
            held[rows, column] = flat.astype("datetime64[us]").astype(np.int64)
            times[name] = held
        return frames, times

    def _centres(self, name: str) -> Array:
        """Nominal wavelengths [nm] of a stack's bands."""
        known = SENSORS.get(self.corpus.spec(name).sensor)
        centres = {} if known is None else {band.name: next(iter(band.centre.values()), None) for band in known.bands}
        return np.array([centres.get(band) or np.nan for band in self.input.stacks[name].bands], np.float32)

    def __len__(self) -> int:
        return len(batches(np.arange(self._size), self.batch_size))

    def order(self, epoch: int) -> Array:
        """Which samples an epoch shows, and when: numbers into `positions`, shape (draws,)."""
        sampling, labels = self.sampling, None
        names: tuple[str, ...] = ()
        if sampling.kind == "balanced":
            target, labels = self._labels()
            codes, names = self.outputs[target].codes, self.outputs[target].names
            for code in sampling.classes:
                if code not in codes:
                    raise Unknown(
                        str(code), map(str, codes), what=f"code of target {target}", where="balanced sampling"
                    )
            sampling = replace(sampling, classes=tuple(codes.index(code) for code in sampling.classes))
        return order(self._keys, epoch=epoch, sampling=sampling, labels=labels, names=names, weights=self.weights)

    def _labels(self) -> tuple[str, Array]:
        """The class target that is balanced."""
        known = [name for name, y in self._y.items() if y.dtype == np.int64]
        asked = self.sampling.target
        if not asked and len(known) != 1:
            have = ", ".join(known) or "none"
            raise Refused(where="balanced sampling", what="needs one class target", have=have, fix="Name it.")
        if asked and asked not in known:
            raise Unknown(asked, known, what="class target", where="balanced sampling")
        name = asked or known[0]
        return name, self._y[name]

    def epoch(self, number: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Iterate the batches of an epoch, from batch `start` up to `stop`; None = to the last one.

        Raises
        ------
        Refused
            Some batch has fewer samples than there are processes, or `start` is beyond the last one.
        """
        cut = batches(self.order(number), self.batch_size)
        if not 0 <= start <= len(cut):
            fix = "Go on with the next epoch."
            raise Refused(where=f"epoch {number}", what=f"has {len(cut)} batches, none is number {start}", fix=fix)
        world = self.shard[1]
        if cut and len(cut[-1]) < world:
            what = f"a batch of {len(cut[-1])} samples cannot be shared by {world} processes"
            raise Refused(where=f"epoch {number}", what=what, fix="Make batches larger, or take fewer processes.")
        times = np.array_split(occurrences(np.concatenate(cut)), np.cumsum([len(each) for each in cut])[:-1])
        make = partial(self._numbered, cut, times, number)
        end = len(cut) if stop is None else min(stop, len(cut))
        return prefetched(make, start, end, workers=self.workers, ahead=self.ahead)

    def _numbered(self, cut: Sequence[Array], times: Sequence[Array] | None, epoch: int | None, number: int) -> Batch:
        """Batch `number` of a cut order, this process's part of it."""
        rank, world = self.shard
        rows = np.array_split(cut[number], world)[rank]
        again = np.zeros(len(rows), np.int64) if times is None else np.array_split(times[number], world)[rank]
        batch = self._batch(rows, again, epoch, whole=len(cut[number]))
        return batch if epoch is None else self._mixed(batch, epoch, number)

    def _mixed(self, batch: Batch, epoch: int, number: int) -> Batch:
        """Mix the samples of a batch, if it is this batch's turn."""
        options = self.augmentation
        turn = uniform(np.array([number], np.uint64), epoch, f"mix {self.seed}")[0, 0] if options.mix else 1.0
        if turn >= options.mix or len(batch) < 2:
            return batch
        return MIXINGS[options.mixing](batch, self.input, seed=self.seed, epoch=epoch, step=number)

    def in_order(self, batch_size: int = 0) -> Iterator[Batch]:
        """Iterate every sample exactly once, in the order of `positions`, as it is; a crop takes the middle.

        Parameters
        ----------
        batch_size : int
            0 = that of the loader. Of several processes each gets its part; one that would get none skips the batch.
        """
        cut = batches(np.arange(len(self.positions)), batch_size or self.batch_size)
        rank, world = self.shard
        cut = [each for each in cut if len(np.array_split(each, world)[rank])]
        make = partial(self._numbered, cut, None, None)
        return prefetched(make, 0, len(cut), workers=self.workers, ahead=self.ahead)

    def view(self, id: str, epoch: int | None = None) -> View:
        """One sample as `epoch` shows it the first time; None = as `in_order` does.

        Raises
        ------
        Unknown
            It is none of this loader's samples.
        """
        row = pc.index(self._ids, id).as_py()
        if row < 0:
            raise Unknown(id, self._ids.to_pylist(), what="sample", where=str(self.corpus.path))
        rows = np.array([row])
        views = self._views(rows, self._keys[rows], epoch)
        return View(
            id=id,
            x={name: x[0] for name, x in views.x.items()},
            valid={name: mask[0] for name, mask in views.valid.items() if mask is not None},
            maps={name: codes[0] for name, codes in views.maps.items()},
            present={name: flags[0] for name, flags in views.present.items()},
            times={name: held[row] for name, held in self._times.items()},
            y={name: y[row] for name, y in self._y.items()},
            lonlat=(float(self._lonlat[row, 0]), float(self._lonlat[row, 1])),
        )

    def _batch(self, rows: Array, again: Array, epoch: int | None, *, whole: int) -> Batch:
        """Read, move, convert, light and stack some samples."""
        views = self._views(rows, repeated(self._keys[rows], again), epoch)
        return Batch(
            x=tensors(views.x),
            valid=tensors({name: mask for name, mask in views.valid.items() if mask is not None}),
            present=tensors(views.present),
            times=tensors({name: held[rows] for name, held in self._times.items()}),
            wavelengths=tensors({name: each.copy() for name, each in self.wavelengths.items()}),
            lonlat=torch.from_numpy(self._lonlat[rows]),
            y=tensors({**{name: y[rows] for name, y in self._y.items()}, **views.maps}),
            ids=tuple(self._ids.take(pa.array(rows)).to_pylist()),
            whole=whole,
        )

    def _moves(self, keys: Array, epoch: int | None) -> Moves | None:
        options = self.augmentation
        if epoch is not None and options.moves:
            return draw_moves(keys, self._grids, options, epoch=epoch)
        crop = options.crop_in(None)
        return centred(len(keys), self._grids, crop) if epoch is None and crop else None

    def _views(self, rows: Array, keys: Array, epoch: int | None) -> Views:
        """Samples as arrays, in the input's quantity; epoch None = not augmented."""
        views = self._read(rows, keys)
        moves = self._moves(keys, epoch)
        if moves is not None and moves.is_whole:
            move_views(views, moves, self._grids)
        for name, needs in self.input.stacks.items():
            x, valid = views.x[name], views.valid[name]
            views.x[name], views.valid[name] = to_input(x, valid, self.corpus.spec(name), needs, where=name)
        if moves is not None and not moves.is_whole:
            warp_views(views, moves, self._grids, self.input)
        if epoch is not None:
            light_views(views, self.augmentation, self.input, epoch=epoch)
        views.maps = {name: index.astype(np.int64) for name, index in views.maps.items()}
        return views

    def _read(self, rows: Array, keys: Array) -> Views:
        """Samples as stored; maps as indices."""
        views = Views(keys, {}, {}, {}, {})
        for name, needs in self.input.stacks.items():
            counts = self._frames[name][rows]
            x, valid = self._read_stack(name, self.positions[rows], counts, needs.dates)
            there = np.arange(needs.dates) < counts[:, None]
            views.x[name], views.valid[name] = x, valid
            views.present[name] = np.repeat(there[:, :, None], len(needs.bands), axis=2)
        for name, lookup in self._lookups.items():
            views.maps[name] = self._read_map(name, rows, lookup)
        return views

    def _read_stack(self, name: str, positions: Array, counts: Array, dates: int) -> tuple[Array, Array | None]:
        """Pixels (n, dates, b, h, w) and validity of samples with `counts` dates each; the rest is 0 and invalid."""
        corpus, spec = self.corpus, self.corpus.spec(name)
        if (counts == dates).all():
            return corpus.pixels(name, positions), corpus.valid(name, positions)
        shape = (len(positions), dates, len(spec.bands), *spec.size)
        x, valid = np.zeros(shape, spec.dtype), np.zeros(shape, bool)
        for count in np.unique(counts[counts > 0]):
            these = np.flatnonzero(counts == count)
            x[these, :count] = corpus.pixels(name, positions[these])
            mask = corpus.valid(name, positions[these])
            valid[these, :count] = True if mask is None else mask
        return x, valid

    def _read_map(self, name: str, rows: Array, lookup: Any) -> Array:
        """A class map (n, h, w) as indices; -1 where there is none."""
        counts = self._frames[name][rows]
        codes, valid = self._read_stack(name, self.positions[rows], counts, 1)
        there = np.ones(codes.shape, bool) if valid is None else valid
        index = np.full(codes.shape, -1, np.int16)  # small while it is moved
        index[there] = lookup(codes[there], where=f"{self.corpus.path} target {name}")
        return index[:, 0, 0]
