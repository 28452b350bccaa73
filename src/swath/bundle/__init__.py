"""Bundle: a trained model on disk, with everything that is needed to predict honestly; opens as core's Predictor."""

from __future__ import annotations

from swath.bundle.bundle import Bundle
from swath.bundle.disk import open_bundle, write_bundle
from swath.bundle.facts import Facts, NetworkFacts, OriginFacts

__all__ = ["Bundle", "Facts", "NetworkFacts", "OriginFacts", "open_bundle", "write_bundle"]
