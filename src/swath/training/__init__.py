"""Training: the one loop, in plain torch, for every task; what it needs beside it has a file of its own."""

from __future__ import annotations

from swath.training.loop import Fitted, fit
from swath.training.options import LoopOptions, Optimiser, Schedule, Stage

__all__ = ["Fitted", "LoopOptions", "Optimiser", "Schedule", "Stage", "fit"]
