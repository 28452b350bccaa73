"""Facts: what `bundle.json` says of a model: what it takes and gives, how it was built, and where it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from swath.core.errors import Refused, SwathError, Unreadable
from swath.core.options import read_options, to_plain
from swath.core.specs import Calibration, InputSpec, OutputSpec
from swath.models.options import ModelOptions

__all__ = ["SCHEMA", "VIEWS", "Facts", "NetworkFacts", "OriginFacts", "require_views"]

#: Version of the file; a newer one is refused by name.
SCHEMA: Final = 1
#: Orientations of a window whose answers are averaged -> which.
VIEWS: Final[dict[int, str]] = {1: "as it is", 4: "and its flips", 8: "and its flips and right angles"}


def require_views(views: int) -> int:
    """Give back a number of orientations that answers can be averaged over.

    Raises
    ------
    Refused
        It is none of `VIEWS`.
    """
    if views not in VIEWS:
        have = str(views)
        raise Refused(where="option views", what="must be 1, 4 or 8", have=have, fix="8 is slowest and steadiest.")
    return views


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """How to build the network that the weights belong to."""

    #: Backbone.
    model: ModelOptions
    #: Kind of head; `scene`.
    head: str = "scene"
    #: Channels of the head's hidden layers.
    hidden: tuple[int, ...] = ()
    #: Orientations whose answers are averaged, one of `VIEWS`.
    views: int = 1

    def __post_init__(self) -> None:
        require_views(self.views)


@dataclass(frozen=True, slots=True)
class OriginFacts:
    """Where a model came from."""

    #: Name of what it learnt from, and the hash of that corpus's plan.
    corpus: str
    corpus_hash: str
    #: Samples that it learnt from, and that it was selected on.
    train: int
    val: int
    #: Name, hash and fold of the split, and its recipe.
    split: str
    split_hash: str
    fold: int
    recipe: Mapping[str, Any]
    #: Ground that the samples cover, (west, south, east, north) in degrees; None = unknown.
    bbox: tuple[float, float, float, float] | None
    #: First and last date of its samples, ISO 8601; None = unknown.
    dates: tuple[str, str] | None
    #: Of the code, and of what it computed with.
    version: str
    torch: str
    #: What made it, and with which seed.
    command: str
    seed: int
    #: Which metric decided on val, and its value there.
    metric: str
    value: float | None
    #: Where pretrained weights came from and how much of them was placed; empty = from scratch.
    weights: str = ""
    #: Licences of data, labels and weights.
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All of `bundle.json`."""

    #: Under which the model is known.
    name: str
    input: InputSpec
    output: OutputSpec
    calibration: Calibration
    network: NetworkFacts
    origin: OriginFacts
    #: File -> its SHA-256; weights and the stored example.
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without the hash."""
        return {
            "name": self.name,
            "input": self.input.to_json(),
            "output": self.output.to_json(),
            "calibration": self.calibration.to_json(),
            "network": to_plain(self.network),
            "origin": to_plain(self.origin),
            "files": dict(self.files),
        }

    @property
    def hash(self) -> str:
        """SHA-256 over specs, weights, calibration, example and origin: what scores and maps quote."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """The file."""
        held = {"swath_bundle": SCHEMA, "hash": self.hash, **self.to_json()}
        return (json.dumps(held, indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, blob: bytes, *, where: str) -> Facts:
        """Read the file.

        Raises
        ------
        Unreadable
            It is no such file, or was altered.
        Refused
            A newer swath wrote it.
        """
        try:
            held = json.loads(blob)
            version = held["swath_bundle"]
        except (ValueError, KeyError, TypeError):
            raise Unreadable(where=where, what="is no bundle.json", fix="Copy the bundle again, whole.") from None
        if not isinstance(version, int) or version > SCHEMA:
            what = f"the bundle has schema {version}, and this swath reads up to schema {SCHEMA}"
            raise Refused(where=where, what=what, fix="Upgrade swath: pip install -U swath.")
        try:
            facts = cls(
                name=str(held["name"]),
                input=InputSpec.from_json(held["input"]),
                output=OutputSpec.from_json(held["output"]),
                calibration=Calibration.from_json(held["calibration"]),
                network=read_options(NetworkFacts, held["network"], where=where),
                origin=read_options(OriginFacts, held["origin"], where=where),
                files=dict(held["files"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, SwathError) as error:
            raise Unreadable(where=where, what=f"does not say what a bundle must say ({error})") from None
        if facts.hash != held.get("hash"):
            fix = "Take the bundle from where it was made; scores and maps quote the hash that it had."
            raise Unreadable(where=where, what="was altered: it does not have its hash", fix=fix)
        return facts
