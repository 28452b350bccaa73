"""Studies: one module a page of `docs/results`, with what is computed on real input and how it is told.

Each has `TITLE`, `compute(data, work, pictures) -> figures` and `page(figures) -> Markdown`; `scripts/result.py` runs
them, stores the figures in `results/<id>.json` and writes the page from that file alone. Those that train also have
`stored_in(results)` and `recompute(stored)`: all figures again from stored answers alone, which CI compares.
"""

from __future__ import annotations

from typing import Final

__all__ = ["STUDIES"]

#: Identifier -> module.
STUDIES: Final[dict[str, str]] = {
    "eurosat-splits": "studies.eurosat_splits",
    "band-order": "studies.band_order",
    "offset-verdicts": "studies.offset_verdicts",
    "formats": "studies.formats",
    "eurosat-scratch": "studies.eurosat_scratch",
    "eurosat-eighty": "studies.eurosat_eighty",
    "front-door": "studies.front_door",
    "bolzano-map": "studies.bolzano_map",
    "bolzano-scl": "studies.bolzano_scl",
    "mosaic-map": "studies.mosaic_map",
    "speed": "studies.speed",
}
