"""Extras: import a package that not every installation has, or say which command installs it."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Final

from swath.core.errors import MissingExtra

__all__ = ["EXTRAS", "need"]

#: Import name -> extra that brings it.
EXTRAS: Final[dict[str, str]] = {
    "torch": "torch",
    "safetensors": "torch",
    "tensorboard": "torch",
    "sklearn": "torch",
    "pystac_client": "acquire",
    "odc.stac": "acquire",
    "obstore": "acquire",
    "dask": "acquire",
    "ee": "ee",
    "fastapi": "serve",
    "uvicorn": "serve",
    "rio_tiler": "serve",
    "faiss": "search",
    "onnx": "export",
    "onnxruntime": "export",
    "timm": "timm",
}


def need(package: str, *, by: str) -> ModuleType:
    """Import `package` for `by`.

    Raises
    ------
    MissingExtra
        It is not installed; the sentence holds the command.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package.split(".")[0]:
            raise
        raise MissingExtra(package, EXTRAS[package], where=by) from None
