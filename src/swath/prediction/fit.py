"""Fit: whether a scene is what a model takes, and windows of it as the model takes them.

Bands, quantity, level and ground size are compared before a pixel is read; what differs is refused by a sentence that
names both sides. What a user declares instead (boa reflectance for toa, another ground size) is obeyed and kept, so
that every map can say it. A model that learnt from a named 8-bit picture sees a scene of reflectance through the same
stretch. Knows no files and no lattice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.inputs import require_gsd, require_input, to_input
from swath.core.plan import StackSpec
from swath.core.quantity import Quantity
from swath.core.rendering import rendering, stretched
from swath.core.scene import Scene, Window
from swath.core.specs import InputSpec, StackInput
from swath.core.stack import NO_TIME, Stack, treat_as

__all__ = ["TREATABLE", "Fitted", "fit_scene"]

#: What reflectance may be declared to stand for.
TREATABLE: Final = ("toa", "boa")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A scene that a model can look at; made by `fit_scene`."""

    #: The scene.
    scene: Scene
    #: The model's stack, and what it needs of it.
    stack: str
    needs: StackInput
    #: What the scene's numbers are taken for.
    spec: StackSpec
    #: What the user declared in place of a check: name -> sentence.
    declared: Mapping[str, str] = field(default_factory=dict)
    #: Rendering whose stretch the model sees; empty = the numbers themselves.
    rendering: str = ""

    def read(self, window: Window) -> tuple[Array, Array]:
        """Read a window as the model takes it, not normalised.

        Returns
        -------
        float32 array, shape (b, h, w)
            The model's bands in its order; what is no measurement is the band's mean.
        bool array, shape (b or 1, h, w)
            Which pixels are measurements.
        """
        stack = self.scene.read(window)
        valid = None if stack.valid is None else stack.valid[0]
        where = str(window)
        if not self.rendering:
            return to_input(stack.data[0], valid, self.spec, self.needs, where=where)
        shown = rendering(self.rendering).bands
        index = [self.spec.bands.index(band) for band in shown]
        plain = replace(self.needs, bands=shown, quantity=self.spec.quantity.select(index))
        _, good = to_input(stack.data[0], valid, self.spec, plain, where=where)
        picture = stretched(stack.data[0], self.spec.quantity, self.spec.bands, self.rendering)
        seen = replace(self.spec, bands=shown, quantity=self.needs.quantity)
        return to_input(picture, good, seen, self.needs, where=where)


def _name(scene: Scene) -> str:
    return f"scene {scene.origin.items[0]}" if scene.origin.items else "scene"


def _only_stack(input: InputSpec, by: str) -> tuple[str, StackInput]:
    """The one stack of one date that a scene can give."""
    if len(input.stacks) != 1:
        have = ", ".join(input.stacks)
        fix = "Build a corpus of the places and predict with it."
        raise Refused(where=by, what="looks at several stacks, and a scene gives one", have=have, fix=fix)
    name, needs = next(iter(input.stacks.items()))
    if needs.dates != 1:
        fix = "Build a corpus of the places and predict with it."
        raise Refused(where=by, what=f"looks at {needs.dates} dates, and a scene has one", fix=fix)
    return name, needs


def _treated(scene: Scene, kind: str, where: str) -> tuple[Quantity, dict[str, str]]:
    """The scene's quantity once it stands for another, and what is to be written of that."""
    if kind not in TREATABLE:
        raise Unknown(kind, TREATABLE, what="quantity to treat a scene as", where=where)
    pixel = np.zeros((1, len(scene.bands), 1, 1), np.float32)
    whole = treat_as(Stack(pixel, scene.bands, np.array([NO_TIME]), scene.quantity, None, (1.0, 1.0)), kind)
    return whole.quantity, {name: str(said) for name, said in whole.origin.declared.items()}


def _require_bands(scene: Scene, needs: StackInput, by: str, where: str) -> None:
    missing = [band for band in needs.bands if band not in scene.bands]
    if missing:
        raise Mismatch(
            where=where,
            what=f"bands ({', '.join(missing)} missing)",
            want=f"{' '.join(needs.bands)} ({by})",
            have=" ".join(scene.bands),
            fix="Name the scene's bands as they are (-d bands=B04,B03,...), or choose a model that does without.",
        )


def _rendered(quantity: Quantity, scene: Scene, needs: StackInput, by: str, where: str) -> str:
    """Rendering whose stretch makes the scene into what the model learnt from; empty where none is needed."""
    wanted = needs.quantity
    if wanted.kind != "rgb8" or quantity.kind == "rgb8":
        return ""
    name = str(wanted.rendering)
    asked = rendering(name, where=by)
    lost = [band for band in asked.bands if band not in scene.bands]
    if lost:
        have = " ".join(scene.bands)
        raise Mismatch(where=where, what="bands", want=f"{' '.join(asked.bands)} (rendering {name})", have=have)
    stretched(np.ones((len(scene.bands), 1, 1)), quantity, scene.bands, name)
    return name


def _same_picture(quantity: Quantity, needs: StackInput, where: str) -> bool:
    """True for two 8-bit pictures that differ in nothing but their coding."""
    wanted = needs.quantity
    if quantity.kind != "rgb8" or wanted.kind != "rgb8" or quantity == wanted:
        return False
    one, other = (rendering(str(each.rendering), where=where) for each in (quantity, wanted))
    return replace(one, name="", jpeg=False, source="") == replace(other, name="", jpeg=False, source="")


def fit_scene(
    scene: Scene, input: InputSpec, *, by: str, treat_as: str | None = None, gsd: float | None = None
) -> Fitted:
    """Compare a scene with what a model takes; reads no pixel.

    Parameters
    ----------
    scene : Scene
        To be mapped; more bands than needed, in any order, are as good as the right ones.
    input : InputSpec
        What the model takes: one stack of one date.
    by : str
        The model, as errors shall name it ("bundle eurosat-13").
    treat_as : str, optional
        Declare that the scene's reflectance stands for `toa` or `boa`; its level then stands for the model's.
    gsd : float, optional
        Metres a pixel: declare that the scene's own ground size, which must be this, will do.

    Returns
    -------
    Fitted

    Raises
    ------
    Mismatch
        Bands, quantity, level or ground size differ; names both sides and the next step.
    Refused
        The model wants several stacks or dates, the scene is smaller than a window, or its offset is unknown.
    Unknown
        `treat_as` is no such quantity.
    """
    where = _name(scene)
    name, needs = _only_stack(input, by)
    _require_size(scene.shape, input.size, by, where)
    _require_bands(scene, needs, by, where)
    declared: dict[str, str] = {}
    quantity, level = scene.quantity, scene.origin.level
    if treat_as is not None:
        quantity, declared = _treated(scene, treat_as, where)
        if needs.level and level != needs.level:
            declared["level"] = f"{level or 'unknown level'} as {needs.level}"
            level = needs.level
    found = scene.gsd
    if gsd is not None:
        require_gsd(found, replace(needs, gsd=gsd), by="declared", where=where)
        if abs(gsd / needs.gsd - 1) > 1e-9:
            declared["gsd"] = f"{gsd:g} m as {needs.gsd:g} m"
        found = (needs.gsd, needs.gsd)
    own = f"{max(scene.gsd):g}"
    require_gsd(found, needs, by=by, where=where, fix=f", or pass --gsd {own} (written into the map's tags)")
    try:
        picture = _rendered(quantity, scene, needs, by, where)
        seen = needs.quantity if picture or _same_picture(quantity, needs, where) else quantity
        # The dtype is that of what is read, which nobody has to know before.
        spec = StackSpec(scene.bands, input.size, "float32", seen, scene.origin.sensor, level, found)
        require_input(spec, needs, size=input.size, by=by, where=where)
    except Mismatch as error:
        raise _with_way_out(error, scene, needs) from None
    return Fitted(scene, name, needs, replace(spec, quantity=quantity if picture else seen), declared, picture)


def _reflectance(quantity: Quantity) -> str:
    """`toa` or `boa` where numbers are reflectance in any form, else nothing."""
    if quantity.kind == "rgb8":
        return rendering(str(quantity.rendering)).of
    kind = quantity.of if quantity.kind == "dn" else quantity.kind
    return kind if kind in TREATABLE else ""


def _with_way_out(error: Mismatch, scene: Scene, needs: StackInput) -> Mismatch:
    """The same error; where one reflectance is taken for another, with what a map can do about it."""
    have, want = _reflectance(scene.quantity), _reflectance(needs.quantity)
    if error.what not in ("quantity", "level") or not have or not want or have == want:
        return error
    fix = f"To take one for the other all the same, pass --treat-as {want} (written into the map's tags)."
    return Mismatch(where=error.where, what=error.what, want=error.want, have=error.have, fix=fix)


def _require_size(shape: tuple[int, int], size: tuple[int, int], by: str, where: str) -> None:
    if shape[0] < size[0] or shape[1] < size[1]:
        want, have = (f"{h} x {w} pixels" for h, w in (size, shape))
        fix = "Take a larger scene: all of a window would be its mirror image."
        raise Mismatch(where=where, what="size", want=f"{want} at least (a window of {by})", have=have, fix=fix)
