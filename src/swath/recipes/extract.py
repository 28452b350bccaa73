"""Extract: one sample as GeoTIFF files, for QGIS; `swath corpus extract`."""

from __future__ import annotations

from pathlib import Path

from swath.core.errors import Refused, Unknown
from swath.core.sample import Sample
from swath.core.stack import Stack, select_date
from swath.corpus.corpus import Corpus
from swath.formats.geotiff_write import date_names
from swath.formats.tiff import write_tiff

__all__ = ["extract"]


def _stacks(sample: Sample) -> dict[str, Stack]:
    maps = {name: target.stack for name, target in sample.targets.items() if target.stack is not None}
    return {**sample.stacks, **maps}


def extract(corpus: Corpus, id: str, path: Path, *, stack: str | None = None) -> list[Path]:
    """Write a sample's stacks, its class maps among them; `formats.geotiff` opens each file with nothing declared.

    Parameters
    ----------
    path : Path
        The file; where the sample holds several stacks and none is named, each goes to `<path>-<stack>.tif`, and the
        dates of a series to `<path>-<date>.tif`.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    Unknown
        There is no such sample or stack; the nearest is named.
    Refused
        The file is there already.
    """
    held = _stacks(corpus.sample(id))
    if stack is not None and stack not in held:
        raise Unknown(stack, held, what="stack", where=f"sample {id}")
    chosen = held if stack is None else {stack: held[stack]}
    if not path.name:
        raise Refused(where=str(path), what="is no name for a file", fix="Name one, as sample.tif.")
    named: dict[Path, Stack] = {}
    for name, each in chosen.items():
        tail = "" if len(chosen) == 1 else f"-{name}"
        dates = [f"-{date}" for date in date_names(each.times)] if len(each.times) > 1 else [""]
        named |= {
            path.with_name(f"{path.stem}{tail}{date}{path.suffix}"): select_date(each, k)
            for k, date in enumerate(dates)
        }
    there = next((str(out) for out in named if out.exists()), None)
    if there is not None:
        raise Refused(where=there, what="is there already", fix="Choose another name.")
    for out, each in named.items():
        write_tiff(each, out, legend=corpus.layout.legends.get(each.quantity.legend or ""))
    return list(named)
