"""Animation: the series of a sample as a moving GIF, dates in order and written in the frames."""

from __future__ import annotations

from pathlib import Path

from swath.core.files import write_whole
from swath.core.plan import Layout
from swath.core.sample import Sample
from swath.draw import MOST_FRAMES, frames_of, gif, spread
from swath.formats.geotiff_write import file_name
from swath.recipes.figures import stretch_of

__all__ = ["SECONDS", "gif_path", "write_gif"]

#: How long a frame is shown.
SECONDS = 0.5


def gif_path(folder: Path, id: str, stack: str, *, is_only: bool) -> Path:
    """`<id>.gif`, or `<id>-<stack>.gif` where several stacks are drawn."""
    name = file_name(id, is_path=True)
    return folder / (f"{name}.gif" if is_only else f"{name}-{file_name(stack)}.gif")


def write_gif(sample: Sample, stack: str, path: Path, layout: Layout, *, note: str = "") -> str:
    """Write the dates of one stack of a sample as a GIF: half a second each, all by one stretch.

    Parameters
    ----------
    sample : Sample
    stack : str
        Which of its stacks, or of its targets that are stacks.
    path : Path
    layout : Layout
        What every sample holds.
    note : str
        Attribution, kept in the file.

    Returns
    -------
    str
        What is not shown; empty = all dates are.
    """
    target = sample.targets.get(stack)
    held = sample.stacks[stack] if target is None or target.stack is None else target.stack
    at = spread(held.times)
    legend = layout.legends.get(held.quantity.legend or "")
    frames = frames_of(held, at, stretch=stretch_of(layout.stacks[stack]), legend=legend)
    write_whole(path, gif(frames, seconds=SECONDS, comment=note))
    if len(held.times) <= MOST_FRAMES:
        return ""
    return f"{sample.id} {stack}: {len(at)} of {len(held.times)} dates, evenly spread"
