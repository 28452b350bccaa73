"""Corpus: a store of samples, open for reading.

The manifest is read through pyarrow, only the columns asked for, geometries as bytes; pixels come through
`corpus.store` straight into one array. A corpus can be pickled and crosses fork, spawn and threads. Writing is
`corpus.build`, and splits are frozen by `save_split`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import shapely

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.plan import Layout, StackSpec
from swath.core.sample import Sample
from swath.core.stack import Stack
from swath.corpus.checksums import read_lines, sum_of
from swath.corpus.layout import Meta, array_name, batch_of, part_name
from swath.corpus.rows import QUARANTINE_SCHEMA, rows_schema, stack_of, target_of
from swath.corpus.store import PixelStore, unpack_valid

__all__ = ["Corpus", "open_corpus"]


def open_corpus(path: Path | str, *, is_checked: bool = True) -> Corpus:
    """Open a corpus for reading; a build that was cut off opens too, with what it has.

    Parameters
    ----------
    path : Path
        Its folder.
    is_checked : bool
        Whether `corpus.json`, which says what every number means, must equal what was written. `verify` and `repair`
        look for themselves.

    Raises
    ------
    Unreadable
        There is no corpus, or its `corpus.json` is damaged.
    Refused
        A newer swath wrote it.
    """
    folder = Path(path)
    file = folder / "corpus.json"
    try:
        blob = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        fix = "Build one: swath corpus build, or swath corpus import."
        raise Unreadable(where=str(folder), what="holds no corpus", fix=fix) from None
    except OSError as error:
        raise Unreadable(where=str(folder), what=f"cannot be opened ({error.strerror})", fix="Look at it.") from None
    meta = Meta.from_bytes(blob, where=str(file))
    if is_checked and read_lines(folder).get(file.name) != sum_of(blob):
        raise Unreadable(where=str(file), what="differs from what was written", fix="Run: swath corpus repair.")
    return Corpus(folder, meta)


class Corpus:
    """A store of samples; made by `open_corpus`."""

    def __init__(self, path: Path, meta: Meta) -> None:
        self.path, self.meta = path, meta
        self._stores: dict[str, PixelStore] = {}

    def __getstate__(self) -> tuple[Path, Meta]:
        return self.path, self.meta

    def __setstate__(self, state: tuple[Path, Meta]) -> None:
        self.path, self.meta = state
        self._stores = {}

    @property
    def layout(self) -> Layout:
        """What every sample holds."""
        return self.meta.layout

    @cached_property
    def batches(self) -> int:
        """Batches committed so far: up to the last one whose part is there. A part missing before it is damage."""
        numbers = [batch_of(f"samples/{path.name}") for path in (self.path / "samples").glob("part-*.parquet")]
        return max(numbers, default=-1) + 1

    @property
    def is_complete(self) -> bool:
        """True if every batch of the plan is there."""
        return self.batches == self.meta.batches

    def rows(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of the manifest, in the order of the plan.

        Parameters
        ----------
        columns : sequence of str, optional
            Only these; `stack_<name>.first_frame` reaches into a stack.

        Raises
        ------
        Unreadable
            A part is damaged.
        """
        known = rows_schema(self.layout).names
        for name in columns or ():
            if name.split(".")[0] not in known:
                raise Unknown(name, known, what="column", where=str(self.path))
        fields = None if columns is None else {name: ds.field(*name.split(".")) for name in columns}
        with self._reading():
            return self._dataset().to_table(columns=fields)

    def _dataset(self) -> Any:
        schema = rows_schema(self.layout)
        parts = [str(self.path / part_name("samples", batch)) for batch in range(self.batches)]
        return ds.dataset(parts, schema=schema, format="parquet") if parts else ds.dataset(schema.empty_table())

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn what pyarrow says of a damaged part into a sentence."""
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            fix = "Run: swath corpus verify, then repair."
            raise Unreadable(where=str(self.path / "samples"), what=f"a part is damaged ({error})", fix=fix) from error

    @cached_property
    def ids(self) -> pa.ChunkedArray:
        """Identifiers of all samples, in order."""
        return self.rows(["id"])["id"]

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: Sequence[str] | pa.Array) -> Array:
        """Positions of identifiers in the manifest.

        Raises
        ------
        Unknown
            The corpus has no such sample; the nearest is named.
        """
        asked = pa.array(ids, pa.string()) if not isinstance(ids, pa.Array | pa.ChunkedArray) else ids
        found = pc.index_in(asked, value_set=self.ids.combine_chunks())
        if found.null_count:
            name = asked.filter(pc.is_null(found))[0].as_py()
            raise Unknown(str(name), self.ids.to_pylist(), what="sample", where=str(self.path))
        return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)

    def spec(self, stack: str) -> StackSpec:
        """What a stack is.

        Raises
        ------
        Unknown
            The corpus has no such stack.
        """
        if stack not in self.layout.stacks:
            raise Unknown(stack, self.layout.stacks, what="stack", where=str(self.path))
        return self.layout.stacks[stack]

    def _store(self, name: str, *, valid: bool = False) -> PixelStore:
        key = array_name(name, valid=valid)
        if key not in self._stores:
            spec = self.spec(name)
            h, w = spec.size
            shape = (len(spec.bands), h, (w + 7) // 8 if valid else w)
            dtype = "uint8" if valid else spec.dtype
            store = PixelStore(self.path / key, shape, dtype, self.meta.frames_per_shard(name))
            self._stores[key] = store
        return self._stores[key]

    @cached_property
    def _frames(self) -> dict[str, tuple[Array, Array]]:
        """Stack name -> (first frame, frames) of every sample; 0 frames where a sample lacks the stack."""
        names = list(self.layout.stacks)
        table = self.rows([f"stack_{n}.{field}" for n in names for field in ("first_frame", "frames")])
        held = {}
        for name in names:
            first, count = (
                pc.fill_null(table[f"stack_{name}.{field}"], 0).to_numpy() for field in ("first_frame", "frames")
            )
            held[name] = (np.asarray(first, np.int64), np.asarray(count, np.int64))
        return held

    def _positions(self, positions: Sequence[int] | Array) -> Array:
        """Check positions: whole numbers from 0 to the last sample."""
        where = np.asarray(positions)
        if where.size and (where.dtype.kind not in "iu" or where.min() < 0 or where.max() >= len(self)):
            want, have = f"whole numbers from 0 to {len(self) - 1}", f"{where.dtype} {where.min()} to {where.max()}"
            raise Mismatch(where=str(self.path), what="positions", want=want, have=have)
        return where.astype(np.int64)

    def _frame_numbers(self, stack: str, positions: Array) -> Array:
        self.spec(stack)
        first, count = self._frames[stack]
        counts = count[positions]
        if len(positions) and counts.min() != counts.max():
            have = f"{counts.min()} to {counts.max()}"
            fix = "Read samples of equal length together, or one by one with sample()."
            raise Mismatch(where=f"{self.path} stack {stack}", what="dates a sample", want="equal", have=have, fix=fix)
        dates = int(counts[0]) if len(positions) else 0
        return (first[positions][:, None] + np.arange(dates)).ravel()

    def pixels(
        self, stack: str, positions: Sequence[int] | Array, *, out: Array | None = None, threads: int = 1
    ) -> Array:
        """Read the pixels of some samples into one array.

        Parameters
        ----------
        stack : str
            Name of the stack.
        positions : int sequence, shape (n,)
            Positions in the manifest, in any order; see `positions`.
        out : array, shape (n, t, b, h, w), optional
            Decoded into.
        threads : int
            How many decode at once.

        Returns
        -------
        array, shape (n, t, b, h, w)

        Raises
        ------
        Mismatch
            The samples have different numbers of dates.
        Unreadable
            Pixels fail their checksum.
        """
        where = self._positions(positions)
        frames = self._frame_numbers(stack, where)
        store = self._store(stack)
        shape = (len(where), len(frames) // max(1, len(where)), *store.shape)
        if out is not None and (out.shape != shape or not out.flags.c_contiguous):
            have = f"{out.shape}" + ("" if out.flags.c_contiguous else ", not contiguous")
            raise Mismatch(where=stack, what="output array", want=f"{shape}, contiguous", have=have)
        flat = None if out is None else out.reshape(len(frames), *store.shape)
        return store.read(frames, out=flat, threads=threads).reshape(shape)

    def valid(self, stack: str, positions: Sequence[int] | Array, *, threads: int = 1) -> Array | None:
        """Read the validity of some samples, bool (n, t, b, h, w); None if the stack stores none (all valid)."""
        spec = self.spec(stack)
        if not spec.has_valid:
            return None
        where = self._positions(positions)
        frames = self._frame_numbers(stack, where)
        bits = self._store(stack, valid=True).read(frames, threads=threads)
        mask = unpack_valid(bits, spec.size[1])
        return mask.reshape(len(where), len(frames) // max(1, len(where)), *mask.shape[1:])

    def samples(self, positions: Sequence[int] | Array) -> Iterator[Sample]:
        """Read whole samples, with everything that says what their numbers are."""
        where = self._positions(positions)
        with self._reading():
            rows = self._dataset().take(pa.array(where)).to_pylist()
        for position, row in zip(where, rows, strict=True):
            yield self._sample(int(position), row)

    def sample(self, id: str) -> Sample:
        """Read one sample by its identifier."""
        return next(self.samples(self.positions([id])))

    def _stack(self, name: str, position: int, row: Mapping[str, Any]) -> Stack | None:
        held = row[f"stack_{name}"]
        if held is None:
            return None
        at = [position]
        mask = self.valid(name, at)
        return stack_of(held, self.spec(name), self.pixels(name, at)[0], None if mask is None else mask[0])

    def _sample(self, position: int, row: Mapping[str, Any]) -> Sample:
        pixels = {name: self._stack(name, position, row) for name in self.layout.stacks}
        targets = {
            name: target_of(row, name, spec, pixels.pop(name, None)) for name, spec in self.layout.targets.items()
        }
        outline = None if row["geometry"] is None else shapely.from_wkb(row["geometry"])
        lonlat = None if row["lon"] is None else (row["lon"], row["lat"])
        return Sample(
            id=row["id"],
            stacks={name: stack for name, stack in pixels.items() if stack is not None},
            targets=targets,
            footprint=outline,
            group=row["group"],
            lonlat=lonlat,
        )

    def quarantine(self) -> pa.Table:
        """What could not be read: id, reason, message; in the order of the plan, its own omissions first."""
        names = ["plan", *range(self.batches)]
        paths = [self.path / part_name("quarantine", name) for name in names]
        with self._reading():
            tables = [pq.read_table(path) for path in paths if path.exists()]
        return pa.concat_tables(tables) if tables else QUARANTINE_SCHEMA.empty_table()

    def labels(self, target: str | None = None) -> tuple[str, Array]:
        """Name and codes of a class target, shape (n,), -1 where a sample has none.

        Parameters
        ----------
        target : str, optional
            Which one; needed only if there are several.

        Raises
        ------
        Unknown
            There is no such class target.
        Refused
            There are several, and none was named.
        """
        known = [name for name, spec in self.layout.targets.items() if spec.kind == "class"]
        if target is None:
            if len(known) != 1:
                have = ", ".join(known) or "none"
                raise Refused(where=str(self.path), what="needs one class target", have=have, fix="Name it.")
            target = known[0]
        if target not in known:
            raise Unknown(target, known, what="class target", where=str(self.path))
        column = self.rows([f"target_{target}"])[f"target_{target}"]
        return target, np.asarray(pc.fill_null(column, -1).to_numpy(), np.int64)
