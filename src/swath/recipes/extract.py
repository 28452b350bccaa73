"""Extract: one sample as GeoTIFF files, for QGIS; `swath corpus extract`."""

from __future__ import annotations

from pathlib import Path

from swath.core.errors import Refused, Unknown
from swath.core.sample import Sample
from swath.core.stack import Stack
from swath.corpus.corpus import Corpus
from swath.formats.tiff import write_tiff

__all__ = ["extract"]


def _stacks(sample: Sample) -> dict[str, Stack]:
    maps = {name: target.stack for name, target in sample.targets.items() if target.stack is not None}
    return {**sample.stacks, **maps}


def extract(corpus: Corpus, id: str, path: Path, *, stack: str | None = None) -> list[Path]:
    """Write a sample's stacks, its class maps among them.

    Parameters
    ----------
    path : Path
        The file; where the sample holds several stacks and none is named, each goes to `<path>-<stack>.tif`.

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
    written = []
    for name, each in chosen.items():
        out = path if len(chosen) == 1 else path.with_name(f"{path.stem}-{name}{path.suffix}")
        if out.exists():
            raise Refused(where=str(out), what="is there already", fix="Choose another name.")
        legend = corpus.layout.legends.get(each.quantity.legend or "")
        write_tiff(each, out, legend=legend)
        written.append(out)
    return written
