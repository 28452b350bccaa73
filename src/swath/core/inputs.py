"""Inputs: whether stored pixels are what a model takes, and how they become it.

`require_inputs` compares what a corpus says of its stacks with what a model says it needs, before a pixel is read; what
differs and cannot be converted is refused by a sentence that names both sides. `to_input` then picks bands by name and
brings numbers to the model's quantity: the one way from stored pixels to a model, for training as for prediction.
Normalising is the model's own. Knows no corpora and reads no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.bands import order
from swath.core.errors import Mismatch
from swath.core.plan import StackSpec
from swath.core.quantity import DN_NODATA, DN_SATURATED, to_float
from swath.core.specs import InputSpec, StackInput

__all__ = ["GSD_TOLERANCE", "require_gsd", "require_input", "require_inputs", "size_of", "to_input"]

#: How far, as a share, a ground size may be off: beyond it a model sees another task.
GSD_TOLERANCE: Final = 0.05


def size_of(needs: InputSpec, stack: str) -> tuple[int, int]:
    """Pixels (h, w) of one of a model's stacks: `needs.size` is that of the finest, and all cover the same ground.

    Examples
    --------
    >>> from swath.core.quantity import TOA
    >>> fine, coarse = (StackInput(("B04",), TOA, "L1C", gsd, 1, (0.1,), (0.1,)) for gsd in (10.0, 20.0))
    >>> size_of(InputSpec({"s2": fine, "coarse": coarse}, (64, 64)), "coarse")
    (32, 32)
    """
    ratio = min(each.gsd for each in needs.stacks.values()) / needs.stacks[stack].gsd
    return round(needs.size[0] * ratio), round(needs.size[1] * ratio)


def require_gsd(gsd: tuple[float, float], needs: StackInput, *, by: str, where: str, fix: str = "") -> None:
    """Refuse a ground size, (x, y) in metres, that is off by more than `GSD_TOLERANCE`; `fix` adds a way out.

    Raises
    ------
    Mismatch
        Names both sides and the next step.
    """
    if any(abs(each / needs.gsd - 1) > GSD_TOLERANCE for each in gsd):
        have = " x ".join(f"{each:.4g}" for each in gsd)
        said = f"Resample to {needs.gsd:g} m{fix}."
        raise Mismatch(where=where, what="gsd", want=f"{needs.gsd:g} m ({by})", have=f"{have} m", fix=said)


def require_input(spec: StackSpec, needs: StackInput, *, size: tuple[int, int], by: str, where: str) -> None:
    """Refuse a stack that cannot become what a model needs; reads no pixel.

    Parameters
    ----------
    spec : StackSpec
        What the corpus says. More bands than needed, in any order, are as good as the right ones.
    needs : StackInput
        What the model takes.
    size : tuple of int
        Pixels (h, w) that it takes of this stack.
    by, where : str
        The model and the corpus, as the error shall name them ("bundle eurosat-13", "corpora/alps stack s2").

    Raises
    ------
    Mismatch
        Bands, quantity, level, gsd, size or number of dates differ; names both sides and the next step.
    Refused
        The offset of the corpus's digital numbers is unknown.
    """
    missing = [band for band in needs.bands if band not in spec.bands]
    if missing:
        raise Mismatch(
            where=where,
            what=f"bands ({', '.join(missing)} missing)",
            want=f"{' '.join(needs.bands)} ({by})",
            have=" ".join(spec.bands),
            fix="Choose a model that does without, or build the corpus with these bands.",
        )
    index = order(spec.bands, needs.bands, where=where)
    probe = np.ones((len(index), 1, 1), np.float32)
    to_float(probe, spec.quantity.select(index), needs.quantity, by=by, where=where)
    if needs.level and spec.level != needs.level:
        fix = "Use products of that level: toa and boa are different measurements."
        raise Mismatch(where=where, what="level", want=f"{needs.level} ({by})", have=spec.level or "unknown", fix=fix)
    require_gsd(spec.gsd, needs, by=by, where=where)
    if spec.size != size:
        want, have = (f"{h} x {w} pixels" for h, w in (size, spec.size))
        raise Mismatch(where=where, what="size", want=f"{want} ({by})", have=have, fix="Cut samples of that size.")
    if spec.dates != needs.dates:
        fix = "Build the corpus with that many dates."
        raise Mismatch(where=where, what="dates", want=f"{needs.dates} ({by})", have=str(spec.dates), fix=fix)


def require_inputs(stacks: Mapping[str, StackSpec], needs: InputSpec, *, by: str, where: str) -> None:
    """Refuse stacks of a corpus that cannot become all that a model needs; reads no pixel.

    Raises
    ------
    Mismatch, Refused
        As `require_input`, or the corpus has no stack of a name that is needed.
    """
    for name, wanted in needs.stacks.items():
        if name not in stacks:
            want, have = f"{', '.join(needs.stacks)} ({by})", ", ".join(stacks)
            fix = "Name the stack of the corpus as the model does when importing or building it."
            raise Mismatch(where=where, what="stacks", want=want, have=have, fix=fix)
        require_input(stacks[name], wanted, size=size_of(needs, name), by=by, where=f"{where} stack {name}")


def _measured(raw: Array, valid: Array | None, spec: StackSpec) -> Array:
    """Which of the stored numbers are measurements; one band wide where nothing can tell bands apart."""
    masks = [] if valid is None else [valid]
    if spec.quantity.kind == "dn" and spec.quantity.of in ("toa", "boa"):
        masks.append((raw != DN_NODATA) & (raw != DN_SATURATED))
    if raw.dtype.kind == "f":
        masks.append(np.isfinite(raw))
    if not masks:
        return np.ones((*raw.shape[:-3], 1, *raw.shape[-2:]), bool)
    good = masks[0]
    for mask in masks[1:]:
        good = good & mask
    return good


def to_input(
    data: Array, valid: Array | None, spec: StackSpec, needs: StackInput, *, where: str = ""
) -> tuple[Array, Array]:
    """Turn stored pixels into what a model takes: its bands in its order, its quantity, float32, not normalised.

    What is no measurement is decided on the stored numbers, before any offset: what `valid` says, nodata (0) and
    saturated (65535) Sentinel-2 digital numbers, NaN and infinity. It comes out as the band's mean.

    Parameters
    ----------
    data : array, shape (..., b, h, w)
        Pixels as stored, in the bands and the quantity of `spec`; not changed.
    valid : bool array, shape (..., b or 1, h, w), optional
        None = what the numbers themselves say.
    spec : StackSpec
        What `data` is.
    needs : StackInput
        What the model takes; see `require_input`.
    where : str
        Named in the error.

    Returns
    -------
    float32 array, shape (..., len(needs.bands), h, w)
    bool array, shape (..., len(needs.bands) or 1, h, w)

    Raises
    ------
    Mismatch
        `data` or `valid` has another number of bands than `spec`, or there is no such conversion.

    Examples
    --------
    >>> from swath.core.quantity import TOA, dn
    >>> spec = StackSpec(("B03", "B04"), (1, 2), "uint16", dn("toa", offset=-1000), "s2-l1c", "L1C", (10, 10))
    >>> needs = StackInput(("B04",), TOA, "L1C", 10.0, 1, (0.1,), (0.05,))
    >>> x, valid = to_input(np.array([[[[1500, 1600]], [[2000, 0]]]], np.uint16), None, spec, needs)
    >>> x.tolist(), valid.tolist()
    ([[[[0.10000000149011612, 0.10000000149011612]]]], [[[[True, False]]]])
    """
    bands = len(spec.bands)
    if data.ndim < 3 or data.shape[-3] != bands:
        raise Mismatch(where=where, what="shape", want=f"(..., {bands} bands, h, w)", have=str(data.shape))
    if valid is not None and (valid.ndim != data.ndim or valid.shape[-3] not in (1, bands)):
        raise Mismatch(where=where, what="validity", want=f"(..., {bands} or 1, h, w)", have=str(valid.shape))
    index = order(spec.bands, needs.bands, where=where)
    if index != list(range(bands)):
        data = data[..., index, :, :]
        if valid is not None and valid.shape[-3] > 1:
            valid = valid[..., index, :, :]
    good = _measured(data, valid, spec)
    numbers = to_float(data, spec.quantity.select(index), needs.quantity, where=where)
    if not good.all():
        np.copyto(numbers, np.asarray(needs.mean, np.float32)[:, None, None], where=~good)
    return numbers, good
