"""torchgeo: a whole scene mapped as its documentation has it: GridGeoSampler, DataLoader, a network of timm.

python -m benchmarks.rivals.torchgeo_maps SCENE FOLDER THREADS; `benchmarks.peer` starts it in the environment of the
rivals. The answer of each window is written at its place in a raster of one pixel a window.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from torch.utils.data import DataLoader

from benchmarks.ratio import row
from benchmarks.rivals.torchgeo_rasters import Rasters

import timm  # isort: skip  # after torchvision's operators are declared
from torchgeo.datasets import stack_samples  # isort: skip
from torchgeo.samplers import GridGeoSampler  # isort: skip

#: As in `benchmarks.peer`.
SIZE, STRIDE, BATCH, BANDS, CLASSES = 64, 16, 64, 4, 10
MEAN, SD = 0.1, 0.05


def main(scene: Path, folder: Path) -> None:
    """Map the scene some times, beside the bare network; leave a row."""
    torch.set_num_threads(int(sys.argv[3]))
    network: Any = timm.create_model("resnet18", in_chans=BANDS, num_classes=CLASSES).eval()
    network = network.to(memory_format=torch.channels_last)
    numbers = count()
    with rasterio.open(scene) as file:
        height, width, grid, crs = file.height, file.width, file.transform, str(file.crs)
    down, across = ((side - SIZE) // STRIDE + 1 for side in (height, width))

    @torch.inference_mode()
    def theirs() -> None:
        dataset = Rasters(scene.parent, res=grid.a)
        sampler = GridGeoSampler(dataset, size=SIZE, stride=STRIDE)
        loader: DataLoader[Any] = DataLoader(dataset, batch_size=BATCH, sampler=sampler, collate_fn=stack_samples)
        said = []
        for batch in loader:
            x = (batch["image"].float() / 10000 - MEAN) / SD
            said.append(network(x.contiguous(memory_format=torch.channels_last)).argmax(1).numpy())
        # The sampler goes from the lower edge up.
        answers = np.concatenate(said)[: down * across].reshape(down, across)[::-1]
        profile: dict[str, Any] = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": down, "width": across}
        step = grid * rasterio.Affine.scale(STRIDE)
        with rasterio.open(folder / f"{next(numbers)}.tif", "w", crs=crs, transform=step, **profile) as made:
            made.write(answers.astype("uint8"), 1)

    ready = torch.randn(BATCH, BANDS, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    windows = down * across

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(-(-windows // BATCH)):
            network(ready).argmax(1).numpy()

    made = row("torchgeo, the same network / bare network", theirs, bare, items=windows, rounds=3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (folder / "rows.json").write_text(json.dumps({**asdict(made), "peak": peak}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
