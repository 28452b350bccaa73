"""The sample store: one loop that writes it, a reader at the speed of its decoder, splits, leakage, statistics."""

from __future__ import annotations

from swath.corpus.build import Built, build
from swath.corpus.corpus import Corpus, open_corpus

__all__ = ["Built", "Corpus", "build", "open_corpus"]
