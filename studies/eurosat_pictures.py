"""The same 80 patches as JPEG files and as digital numbers, through the bundle that learnt EuroSAT's pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from studies.keeping import BUNDLES
from swath.bundle import open_bundle
from swath.core.array import Array
from swath.core.errors import Mismatch
from swath.core.rendering import decode_jpeg, render
from swath.core.sample import Sample

__all__ = ["DOORS", "answer_pictures"]

#: What the model is shown -> exactly what it is.
DOORS: Final[dict[str, str]] = {
    "file": "the distributed JPEG file, decoded",
    "numbers, coded": "`eurosat-2750-jpeg` of the digital numbers: stretched, coded as JPEG and decoded",
    "numbers, plain": "`eurosat-2750` of the digital numbers: stretched only",
}


def answer_pictures(samples: Sequence[Sample], zipped: Path) -> dict[str, Array]:
    """Raw answers, float32 (n, k), by what the model is shown.

    Raises
    ------
    Mismatch
        Digital numbers, coded, are not the very pixels of a file.
    """
    bundle = open_bundle(BUNDLES / "eurosat-rgb")
    shown: dict[str, list[Array]] = {door: [] for door in DOORS}
    with zipfile.ZipFile(zipped) as distributed:
        members = {Path(name).stem: name for name in distributed.namelist() if name.endswith(".jpg")}
        for sample in samples:
            stack = sample.stacks["s2"]
            file = decode_jpeg(distributed.read(members[sample.id]))
            coded, plain = (
                render(stack.data[0], stack.quantity, stack.bands, name)
                for name in ("eurosat-2750-jpeg", "eurosat-2750")
            )
            if not np.array_equal(file, coded):
                have = f"{int((file != coded).sum())} values differ"
                raise Mismatch(where=sample.id, what="picture", want="the distributed file's", have=have)
            for door, picture in zip(DOORS, (file, coded, plain), strict=True):
                shown[door].append(picture)
    return {
        door: bundle.samples({"rgb": np.stack(each)[:, None].astype(np.float32)}, {}, {})
        for door, each in shown.items()
    }
