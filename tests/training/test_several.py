"""Several processes: gloo on one machine, a network without batch norm."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
import os
import numpy as np
import torch
from swath.corpus import open_corpus
from swath.training import fit
from tests.training.a_training import QUICK, a_loader, a_task

torch.set_num_threads(1)
corpus = open_corpus(sys.argv[1])
shard = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
train = a_loader(corpus, np.arange(29), shard=shard)
val = a_loader(corpus, np.arange(29, 40), shard=shard)
fitted = fit(a_task("group"), train, val, replace(QUICK, epochs=3), Path(sys.argv[2]), signature="several")
assert len(fitted.rows) == 3
"""


def curve(folder: Path) -> list[tuple[float, float]]:
    with (folder / "metrics.csv").open() as file:
        return [(float(row["train_loss_network"]), float(row["val_nll"])) for row in csv.DictReader(file)]


def test_two_processes_follow_the_curve_of_one(corpus, tmp_path):
    """Union table E18: 1 vs 2 processes, same loss curve to 1e-3; batches of odd size are weighted by their samples."""
    program = tmp_path / "train.py"
    program.write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "OMP_NUM_THREADS": "1"}
    one = [sys.executable, program, corpus.path, tmp_path / "one"]
    # The launcher takes any free port of this machine.
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for command in (one, [*launch, program, corpus.path, tmp_path / "two"]):
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    for a, b in zip(curve(tmp_path / "one"), curve(tmp_path / "two"), strict=True):
        assert b == pytest.approx(a, abs=1e-3)
