"""Augmentation: one sample, or many at once, moved and lit as the options say.

Every stack, mask and map of a sample moves alike over the ground, for all its dates. What is drawn is a function of
seed, epoch and id; many samples at once give the same numbers as each alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from swath.batch.geometry import Grid, Moves, draw_moves, move, require_aligned, warp, warp_codes
from swath.batch.keys import id_keys
from swath.batch.options import Augmentation
from swath.batch.photometry import drop_bands, light, lighting, require_lighting
from swath.batch.view import View, Views
from swath.core.errors import Mismatch
from swath.core.quantity import Quantity
from swath.core.specs import InputSpec

__all__ = ["augment", "light_views", "move_views", "warp_views"]


def move_views(views: Views, moves: Moves, grids: Mapping[str, Grid]) -> None:
    """Move stacks, masks and maps by whole pixels, in whatever dtype they are."""
    for name, pixels in views.x.items():
        views.x[name] = move(pixels, moves, grids[name])
        mask = views.valid[name]
        views.valid[name] = None if mask is None else move(mask, moves, grids[name])
    for name, codes in views.maps.items():
        views.maps[name] = move(codes, moves, grids[name])


def _is_linear(quantity: Quantity) -> bool:
    return not (quantity.is_db or quantity.is_categorical)


def warp_views(views: Views, moves: Moves, grids: Mapping[str, Grid], input: InputSpec) -> None:
    """Move stacks, masks and maps by parts of a pixel; stacks are float32 and have masks."""
    for name, needs in input.stacks.items():
        mask = views.valid[name]
        mask = np.ones_like(views.x[name][:, :, :1], bool) if mask is None else mask
        x, valid = warp(views.x[name], mask, moves, grids[name], is_linear=_is_linear(needs.quantity))
        if not valid.all():
            np.copyto(x, np.asarray(needs.mean, np.float32)[:, None, None], where=~valid)
        views.x[name], views.valid[name] = x, valid
    for name, codes in views.maps.items():
        views.maps[name] = warp_codes(codes, moves, grids[name])


def light_views(views: Views, options: Augmentation, input: InputSpec, *, epoch: int) -> None:
    """Change the light and take bands away; stacks are float32 and belong to nobody else."""
    for name, needs in input.stacks.items():
        x, valid, lit = views.x[name], views.valid[name], lighting(needs)
        valid = np.ones_like(x[:, :, :1], bool) if valid is None else valid
        light(x, valid, views.keys, options, lit, epoch=epoch, stack=name)
        if options.band_dropout:
            valid, views.present[name] = drop_bands(
                x, valid, views.present[name], views.keys, options, lit, epoch=epoch, stack=name
            )
        views.valid[name] = valid


def augment(
    view: View,
    options: Augmentation,
    input: InputSpec,
    *,
    seed: int,
    epoch: int,
    gsd: Mapping[str, tuple[float, float]] | None = None,
) -> View:
    """Augment one sample.

    Parameters
    ----------
    view : View
        Its pixels are in the quantities of `input`; not changed.
    options : Augmentation
        What may be done.
    input : InputSpec
        What the numbers are.
    seed, epoch : int
        Together with the view's id they decide everything.
    gsd : mapping, optional
        Name of a map target (or stack) -> metres a pixel (x, y); a stack's is the input's if not given, and a map
        covers the ground of the finest stack.

    Returns
    -------
    View
        A new one.

    Raises
    ------
    Mismatch, Refused
        The options cannot be applied to such samples; see `require_aligned` and `require_lighting`.

    Examples
    --------
    >>> from swath.core.specs import StackInput
    >>> from swath.core.quantity import TOA
    >>> input = InputSpec({"s2": StackInput(("B04",), TOA, "L1C", 10.0, 1, (0.1,), (0.1,))}, (2, 2))
    >>> view = View("a", {"s2": np.float32([[[[0.1, 0.2], [0.3, 0.4]]]])}, {"s2": np.ones((1, 1, 2, 2), bool)})
    >>> augment(view, Augmentation(flip=1), input, seed=0, epoch=0).x["s2"].ravel().tolist() == [
    ...     *np.float32([0.4, 0.3, 0.2, 0.1]).tolist()]
    True
    """
    if set(view.x) != set(input.stacks):
        want, have = (", ".join(sorted(names)) for names in (input.stacks, view.x))
        raise Mismatch(where=view.id, what="stacks", want=want, have=have)
    require_lighting(options, input)
    grids = _grids(view, input, gsd or {})
    require_aligned(grids, options, where=view.id)
    views = Views.of(view, int(id_keys(seed, [view.id])[0]))
    views.x = {name: np.array(x, np.float32) for name, x in views.x.items()}
    if options.moves:
        moves = draw_moves(views.keys, grids, options, epoch=epoch)
        if moves.is_whole:
            move_views(views, moves, grids)
        else:
            warp_views(views, moves, grids, input)
    light_views(views, options, input, epoch=epoch)
    return replace(
        view,
        x={name: x[0] for name, x in views.x.items()},
        valid={name: mask[0] for name, mask in views.valid.items() if mask is not None},
        maps={name: codes[0] for name, codes in views.maps.items()},
        present={name: flags[0] for name, flags in views.present.items()},
    )


def _grids(view: View, input: InputSpec, gsd: Mapping[str, tuple[float, float]]) -> dict[str, Grid]:
    """Grids of a view's stacks and maps."""
    grids = {}
    for name, x in view.x.items():
        side = input.stacks[name].gsd
        grids[name] = Grid((x.shape[-2], x.shape[-1]), gsd.get(name, (side, side)))
    ground = min(grids.values(), key=lambda grid: grid.gsd).ground
    for name, codes in view.maps.items():
        h, w = codes.shape
        grids[name] = Grid((h, w), gsd.get(name, (ground[1] / w, ground[0] / h)))
    return grids
