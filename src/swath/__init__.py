"""The Python face: the few names that a notebook needs and that stay stable, imported when they are asked for.

`import swath` reads this file and nothing else; each name brings the module that holds it the first time it is used.
Everything the command line does is one call away here. Modules of the package import each other, never this.

Examples
--------
>>> import swath
>>> swath.Mismatch(where="a.tif", what="gsd", want="10 m", have="60 m").have
'60 m'
"""

from __future__ import annotations

#: Type checkers take this for true; `typing` itself would cost more than all the rest of the import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from swath.core.errors import Failure, Mismatch, MissingExtra, Refused, SwathError, Unknown, Unreadable
    from swath.core.quantity import Quantity
    from swath.core.sample import Sample
    from swath.core.stack import Stack
    from swath.core.version import __version__
    from swath.corpus import build, open_corpus
    from swath.recipes.map import map_scene

__all__ = [
    "Failure",
    "Mismatch",
    "MissingExtra",
    "Quantity",
    "Refused",
    "Sample",
    "Stack",
    "SwathError",
    "Unknown",
    "Unreadable",
    "__version__",
    "build",
    "map_scene",
    "open_corpus",
]

#: Name -> module that holds it.
_HOMES = {
    "Failure": "swath.core.errors",
    "Mismatch": "swath.core.errors",
    "MissingExtra": "swath.core.errors",
    "Quantity": "swath.core.quantity",
    "Refused": "swath.core.errors",
    "Sample": "swath.core.sample",
    "Stack": "swath.core.stack",
    "SwathError": "swath.core.errors",
    "Unknown": "swath.core.errors",
    "Unreadable": "swath.core.errors",
    "__version__": "swath.core.version",
    "build": "swath.corpus",
    "map_scene": "swath.recipes.map",
    "open_corpus": "swath.corpus",
}

if not TYPE_CHECKING:  # so that type checkers still know which names there are

    def __getattr__(name: str) -> object:
        """Import a name the first time it is asked for."""
        if name not in _HOMES:
            raise AttributeError(f"module 'swath' has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - the point of this file is to import nothing

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List the names that are there for the asking."""
        return list(__all__)
