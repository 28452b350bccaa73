"""torchgeo: a zstd GeoTIFF a record; RasterDataset, RandomGeoSampler and a DataLoader, as its documentation has it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rasterio
import torch
from rasterio.transform import from_origin
from torch.utils.data import DataLoader

from benchmarks.rivals.measure import BATCH, Rival, measure

if TYPE_CHECKING:
    from swath.core.array import Array

# torchgeo imports torchvision, whose compiled operators do not load beside a CPU build of torch: the two that it asks
# for are declared here, and nobody calls them.
try:
    importlib.import_module("torchvision")
except RuntimeError:
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    DECLARED: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    DECLARED.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    DECLARED.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchgeo.datasets import RasterDataset, stack_samples
from torchgeo.samplers import RandomGeoSampler


class Rasters(RasterDataset):  # type: ignore[misc]
    """All files of a folder."""

    filename_glob = "*.tif"
    filename_regex = r".*"


def rivals(records: Array, folder: Path) -> Iterator[Rival]:
    """Random windows of a record's size, each a whole file: places lie apart."""
    _, bands, height, width = records.shape
    for i, each in enumerate(records):
        profile: dict[str, Any] = {"driver": "GTiff", "dtype": "uint16", "count": bands, "height": height}
        profile |= {"width": width, "crs": "EPSG:32632", "transform": from_origin(i * 20 * width, 5_000_000, 10, 10)}
        profile |= {"compress": "zstd", "predictor": 2, "interleave": "band", "tiled": True}
        with rasterio.open(folder / f"{i}.tif", "w", **profile) as file:
            file.write(each)
    dataset = Rasters(folder)
    sampler = RandomGeoSampler(dataset, size=height, length=BATCH)
    loader: DataLoader[Any] = DataLoader(dataset, batch_size=BATCH, sampler=sampler, collate_fn=stack_samples)
    yield Rival("torchgeo, zstd GeoTIFFs, RandomGeoSampler", lambda: (batch["image"] for batch in loader))


if __name__ == "__main__":
    measure(rivals)
