"""Corpus to tensors: order, reading, augmentation and collation, as functions of seed, epoch and id."""

from __future__ import annotations

from swath.batch.augment import augment
from swath.batch.collate import collate
from swath.batch.loader import Loader
from swath.batch.mixing import cutmix, mixup
from swath.batch.options import Augmentation
from swath.batch.record import Batch
from swath.batch.samplers import Sampling
from swath.batch.view import View

__all__ = ["Augmentation", "Batch", "Loader", "Sampling", "View", "augment", "collate", "cutmix", "mixup"]
