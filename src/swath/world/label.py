"""Label: the one class that a window of ground stands for, by a rule that can be read.

As in EuroSAT, Highway and River mean "contains one, through the middle"; every other class means "mostly this". Works
on the exact class of each pixel. Knows no spectra: a label is never judged by how the window looks.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from swath.core.array import Array
from swath.world.spectra import CLASSES, code

__all__ = ["AREAL_SHARE", "LINEAR_SHARE", "window_class"]

#: Share of the window that an areal class must cover.
AREAL_SHARE: Final = 0.8
#: Share that a linear class must cover, by its code; a tenth of that must lie in the middle third.
LINEAR_SHARE: Final = {code("River"): 0.2, code("Highway"): 0.02}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def window_class(labels: Array) -> tuple[int | None, str]:
    """Name the class of a window.

    Parameters
    ----------
    labels : uint8 array, shape (h, w)
        Codes of the EuroSAT legend, exact.

    Returns
    -------
    code : int or None
        None where no rule holds: the window has no class.
    why : str
        The figures that decided, as a sentence.

    Notes
    -----
    A river wins over a highway, and either over what covers the most.

    Examples
    --------
    >>> meadow = np.full((9, 9), code("Pasture"), np.uint8)
    >>> window_class(meadow)
    (5, 'Pasture covers 100 %')
    >>> meadow[4] = code("Highway")
    >>> window_class(meadow)
    (3, 'Highway runs through the middle third, on 11 % of the window')
    """
    height, width = labels.shape
    count = np.bincount(labels.ravel(), minlength=len(CLASSES))
    middle = labels[height // 3 : height - height // 3, width // 3 : width - width // 3]
    for line, share in LINEAR_SHARE.items():
        if count[line] >= share * labels.size and (middle == line).sum() >= 0.1 * share * labels.size:
            covered = _percent(count[line] / labels.size)
            return line, f"{CLASSES[line]} runs through the middle third, on {covered} of the window"
    most = int(count.argmax())
    said = f"{CLASSES[most]} covers {_percent(count[most] / labels.size)}"
    if most in LINEAR_SHARE or count[most] < AREAL_SHARE * labels.size:
        return None, f"no class: {said}"
    return most, said
