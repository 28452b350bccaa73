"""Runs: where things lie in a run's folder, or beside a bundle that came without one; reads no network.

A run holds `config.yaml`, `metrics.csv`, `bundle/` and `report/`; scores lie in `bundle/scores/`, one file a corpus,
split, fold and part. What belongs in `report/` goes to `BUNDLE-report/` where a bundle is no run's.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from swath.core.errors import Refused, Unreadable
from swath.core.options import read_yaml

__all__ = ["SCORES_SCHEMA", "Home", "find_home", "read_config", "read_epochs", "read_scores", "recipe_key", "stem_of"]

#: Version of the files in `scores/`; a newer one is refused by name.
SCORES_SCHEMA: Final = 1
#: Options that say where and how fast, not what.
_ASIDE: Final = {"loop": ("seed", "device", "save_minutes", "keep"), "data": ("threads",)}


@dataclass(frozen=True, slots=True)
class Home:
    """Folders of one trained model."""

    #: Holds `bundle.json`.
    bundle: Path
    #: Where predictions, confusion and page go.
    report: Path
    #: Folder of the training; None = the bundle came alone.
    run: Path | None

    @property
    def scores(self) -> Path:
        """Where `swath test` puts its figures."""
        return self.bundle / "scores"

    @property
    def name(self) -> str:
        """The folder's own name: the run's, or the bundle's."""
        return (self.run or self.bundle).absolute().name


def find_home(path: Path | str) -> Home:
    """Find a run or a bundle.

    Parameters
    ----------
    path : Path
        Folder of a run, or of a bundle.

    Raises
    ------
    Unreadable
        It is neither.
    """
    folder = Path(path)
    for bundle in (folder, folder / "bundle"):
        if (bundle / "bundle.json").exists():
            above = bundle.absolute().parent
            is_of_run = bundle.absolute().name == "bundle" and (above / "config.yaml").exists()
            run = (bundle.parent if bundle != Path() else above) if is_of_run else None
            report = run / "report" if run is not None else bundle.with_name(f"{bundle.absolute().name}-report")
            return Home(bundle, report, run)
    fix = "Train one: swath train CORPUS -o RUN."
    raise Unreadable(where=str(folder), what="holds neither a run nor a bundle", fix=fix)


def stem_of(corpus: str, split: str, fold: int, folds: int, part: str) -> str:
    """Name of the files of one test.

    Examples
    --------
    >>> stem_of("fields", "blocks", 0, 1, "test"), stem_of("fields", "blocks", 2, 5, "val")
    ('fields-blocks', 'fields-blocks-fold2-val')
    """
    said = [corpus, split, *([f"fold{fold}"] if folds > 1 else []), *([part] if part != "test" else [])]
    return "-".join(said)


def read_config(home: Home) -> dict[str, Any]:
    """Options of the training; empty where the bundle came alone."""
    return {} if home.run is None else read_yaml(home.run / "config.yaml")


def recipe_key(home: Home, origin: dict[str, Any]) -> str:
    """What runs share that differ in nothing but the seed, as a hash; empty where nobody knows.

    Parameters
    ----------
    home : Home
        Of the run.
    origin : dict
        Hashes of what was learnt from: corpus, split and fold.
    """
    config = read_config(home)
    if not config:
        return ""
    for name in ("signature", "name"):
        config.pop(name, None)
    for section, names in _ASIDE.items():
        config[section] = {key: value for key, value in config.get(section, {}).items() if key not in names}
    return hashlib.sha256(json.dumps([config, origin], sort_keys=True, default=str).encode()).hexdigest()


def read_epochs(home: Home) -> list[dict[str, str]]:
    """Rows of `metrics.csv`, one an epoch, as they are written; empty where there is none."""
    path = None if home.run is None else home.run / "metrics.csv"
    if path is None or not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_scores(path: Path) -> dict[str, Any]:
    """Read a file that `swath test` wrote.

    Raises
    ------
    Unreadable
        It is no such file.
    Refused
        A newer swath wrote it.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        schema = held["swath_scores"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Unreadable(where=str(path), what="is no file of scores", fix="Write it again: swath test.") from None
    if not isinstance(schema, int) or schema > SCORES_SCHEMA:
        what = f"has schema {schema}, and this swath reads up to schema {SCORES_SCHEMA}"
        raise Refused(where=str(path), what=what, fix="Upgrade swath: pip install -U swath.")
    return dict(held)
