"""Layout on disk: what lies where in a corpus folder, and how a plan is cut into batches.

    corpus.json              schema version, what every sample holds, legends, licences, the plan's hash
    plan.parquet             the plan's rows
    samples/part-<batch>     GeoParquet, one row a sample
    quarantine/part-<batch>  what could not be read, and why; part-plan for what the plan left out
    pixels/<stack>.zarr      zarr v3 group: array `pixels`, and `valid` where there are masks; one shard a batch
    splits/                  frozen assignments of ids to parts
    checksums.sha256         one line a file
    .tmp/                    files not yet finished; readers pass over it

A batch is committed when its part in `samples` is there. Its number is the only order: nothing here knows a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import numpy as np

from swath.core.errors import Mismatch, Refused, SwathError, Unreadable
from swath.core.plan import Layout, Plan, StackSpec
from swath.corpus.store import GROUP, pixels_metadata, shard_path, valid_metadata

__all__ = [
    "MOST_FRAME",
    "MOST_ROWS",
    "SCHEMA",
    "SHARD_BYTES",
    "SPLITS_FOLDER",
    "Meta",
    "array_name",
    "batch_of",
    "frame_bytes",
    "head_files",
    "meta_of",
    "part_name",
    "shard_name",
]

#: Version of everything above; a newer one is refused by name.
SCHEMA: Final = 1
#: Folder of the frozen splits.
SPLITS_FOLDER: Final = "splits"
#: Raw bytes that a shard aims at.
SHARD_BYTES: Final = 32_000_000
#: Most raw bytes of one date of one sample, which is compressed as a whole.
MOST_FRAME: Final = 2**31 - 16
#: Most rows a batch.
MOST_ROWS: Final = 4096


@dataclass(frozen=True, slots=True)
class Meta:
    """What `corpus.json` says."""

    #: Name of the source or format that it was built from.
    source: str
    #: What was asked of it.
    asked: Mapping[str, Any]
    #: What every sample holds.
    layout: Layout
    #: Hash and number of rows of the plan.
    plan_hash: str
    plan_rows: int
    #: Rows a batch.
    batch_rows: int

    @property
    def batches(self) -> int:
        """How many batches a complete corpus has."""
        return ceil(self.plan_rows / self.batch_rows)

    def frames_per_shard(self, stack: str) -> int:
        """K of a stack: room for every row of a batch."""
        return self.batch_rows * self.layout.stacks[stack].dates

    def to_bytes(self) -> bytes:
        """The file."""
        held = {
            "swath_corpus": SCHEMA,
            "source": self.source,
            "asked": dict(self.asked),
            "plan": {"hash": self.plan_hash, "rows": self.plan_rows, "batch_rows": self.batch_rows},
            **self.layout.to_json(),
        }
        return (json.dumps(held, indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, blob: bytes, *, where: str) -> Meta:
        """Read the file.

        Raises
        ------
        Refused
            A newer swath wrote it.
        Unreadable
            It is no such file.
        """
        try:
            held = json.loads(blob)
            version = held["swath_corpus"]
        except (ValueError, KeyError, TypeError):
            raise Unreadable(where=where, what="is no corpus.json", fix="Run: swath corpus repair.") from None
        if not isinstance(version, int) or version > SCHEMA:
            raise Refused(
                where=where,
                what=f"the corpus has schema {version}, and this swath reads up to schema {SCHEMA}",
                fix="Upgrade swath: pip install -U swath.",
            )
        try:
            plan = held["plan"]
            return cls(
                source=held["source"],
                asked=held["asked"],
                layout=Layout.from_json(held),
                plan_hash=plan["hash"],
                plan_rows=int(plan["rows"]),
                batch_rows=int(plan["batch_rows"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, SwathError) as error:
            what = f"does not say what a corpus must say ({error})"
            raise Unreadable(where=where, what=what, fix="Run: swath corpus repair.") from None


def frame_bytes(spec: StackSpec) -> int:
    """Raw bytes of one date of one sample."""
    return int(len(spec.bands) * spec.size[0] * spec.size[1] * np.dtype(spec.dtype).itemsize)


def meta_of(plan: Plan, shard_bytes: int = SHARD_BYTES) -> Meta:
    """Decide the batches of a plan: as many rows as fill a shard of the largest stack, a power of two."""
    largest = max(frame_bytes(spec) * spec.dates for spec in plan.layout.stacks.values())
    for name, spec in plan.layout.stacks.items():
        if frame_bytes(spec) > MOST_FRAME:
            have = f"{frame_bytes(spec) / 1e9:.1f} GB"
            fix = "Cut smaller windows (size=...)."
            raise Mismatch(where=f"stack {name}", what="size of a date", want="less than 2 GB", have=have, fix=fix)
    rows = max(1, min(MOST_ROWS, shard_bytes // max(1, largest)))
    rows = 1 << (rows.bit_length() - 1)
    return Meta(plan.source, dict(plan.asked), plan.layout, plan.hash, len(plan), rows)


def part_name(folder: str, batch: int | str) -> str:
    """Path of a batch's part in `samples` or `quarantine`."""
    return f"{folder}/part-{batch:06d}.parquet" if isinstance(batch, int) else f"{folder}/part-{batch}.parquet"


def batch_of(name: str) -> int:
    """Number of the batch that a file belongs to; -1 for files of the whole corpus."""
    if name.startswith("pixels/") and "/c/" in name:
        number = name.split("/c/")[1].split("/")[0]
    else:
        number = name.rsplit("/", 1)[-1].removeprefix("part-").removesuffix(".parquet")
    return int(number) if number.isascii() and number.isdecimal() else -1


def array_name(stack: str, *, valid: bool = False) -> str:
    """Path of a stack's array of pixels, or of its masks."""
    return f"pixels/{stack}.zarr/{'valid' if valid else 'pixels'}"


def shard_name(stack: str, batch: int, *, valid: bool = False) -> str:
    """Path of a batch's shard of a stack, or of its masks."""
    return f"{array_name(stack, valid=valid)}/{shard_path(batch)}"


def head_files(meta: Meta) -> dict[str, bytes]:
    """The files that are there before the first batch, but for the plan: name -> bytes."""
    files = {"corpus.json": meta.to_bytes()}
    for name, spec in meta.layout.stacks.items():
        per = meta.frames_per_shard(name)
        frames = per * meta.batches
        files[f"pixels/{name}.zarr/zarr.json"] = GROUP
        files[f"{array_name(name)}/zarr.json"] = pixels_metadata(spec, frames, per)
        if spec.has_valid:
            files[f"{array_name(name, valid=True)}/zarr.json"] = valid_metadata(spec, frames, per)
    return files
