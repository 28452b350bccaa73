"""One thread a test, so that tests beside one another do not starve, and sums come out alike."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
