"""Scene: a raster on a grid, read window by window; maps and `cut` read only through it.

A window may reach beyond the edge: what lies outside is invalid. The scene says before any pixel is read what its
numbers are and what evidence its offset rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from odc.geo.geobox import GeoBox

from swath.core.errors import Refused
from swath.core.origin import Origin
from swath.core.quantity import Quantity
from swath.core.stack import Stack

__all__ = ["Scene", "Window"]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A pixel rectangle inside a scene; row and column may be negative or reach beyond the edge.

    Examples
    --------
    >>> Window(0, 0, 64, 64).shift(32, 0)
    Window(row=32, col=0, height=64, width=64)
    """

    #: First row and column.
    row: int
    col: int
    #: Pixels down and across.
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise Refused(where=str(self), what="an empty window", fix="Give at least one row and one column.")

    def shift(self, rows: int, cols: int) -> Window:
        """The same window elsewhere."""
        return Window(self.row + rows, self.col + cols, self.height, self.width)

    def __str__(self) -> str:
        return f"window rows {self.row}..{self.row + self.height}, columns {self.col}..{self.col + self.width}"


class Scene(Protocol):
    """A raster to be mapped or cut, of any size."""

    @property
    def geobox(self) -> GeoBox | None:
        """Pixel grid; None = the place is unknown."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels, (h, w)."""
        ...

    @property
    def gsd(self) -> tuple[float, float]:
        """Metres on the ground a pixel, (x, y)."""
        ...

    @property
    def bands(self) -> tuple[str, ...]:
        """Canonical names in the order that `read` gives."""
        ...

    @property
    def quantity(self) -> Quantity:
        """What the numbers mean."""
        ...

    @property
    def origin(self) -> Origin:
        """Where the pixels came from, the offset's evidence included."""
        ...

    def read(self, window: Window) -> Stack:
        """Read one window as a stack of one date, exactly of the window's size."""
        ...
