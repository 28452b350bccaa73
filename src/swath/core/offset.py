"""Offset: which number is to be added to Sentinel-2 digital numbers, decided from evidence in a fixed order.

From processing baseline 04.00 on (by processing, never by acquisition date) products carry +1000. Catalogues copy,
remove and misstate it. So every source makes *claims*, ranked here; claims that disagree, and sources known to mix, go
to the pixel check; the pixel check always runs and may veto, never silently. Nothing decided is nothing converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from swath.core.errors import Refused, Unknown
from swath.core.pixelcheck import Verdict

__all__ = [
    "BASELINE_0400_OFFSET",
    "PROVIDERS",
    "RANK",
    "Claim",
    "ClaimKind",
    "Decision",
    "baseline_offset",
    "decide_offset",
    "provider_claim",
]

ClaimKind = Literal["override", "xml", "provider", "convention", "raster", "flag", "baseline"]
#: Smaller = stronger. `provider` and `convention` (a data set's documented rule) share a rank.
RANK: Final[dict[str, int]] = {
    "override": 1,
    "xml": 2,
    "provider": 3,
    "convention": 3,
    "raster": 4,
    "flag": 5,
    "baseline": 6,
}
#: What baselines >= 04.00 add (RADIO_ADD_OFFSET, BOA_ADD_OFFSET), as all products measured say. An XML at hand wins.
BASELINE_0400_OFFSET: Final = -1000.0

#: Who serves the pixels -> what they did to them: `raw` (as processed), `removed` (offset taken away), `mixed`.
PROVIDERS: Final[dict[str, str]] = {
    "safe": "raw",
    "cdse": "raw",
    "gcs": "raw",
    "sentinel-s2-l1c": "raw",
    "sentinel-s2-l2a": "raw",
    "planetary-computer": "raw",
    "earth-search-c1": "raw",
    "earth-search-l1c": "raw",
    "sentinel-cogs": "mixed",
    "sentinel-hub-harmonised": "removed",
    "sentinel-hub-raw": "raw",
    "gee-harmonised": "removed",
    "gee": "raw",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What one piece of evidence says the offset is."""

    #: One of `RANK`.
    kind: ClaimKind
    #: One number for all bands, or one a band.
    offset: tuple[float, ...]
    #: Where it says so.
    source: str

    def __post_init__(self) -> None:
        if len(set(self.offset)) == 1:
            object.__setattr__(self, "offset", self.offset[:1])

    def __str__(self) -> str:
        return f"{self.kind} says {','.join(f'{o:g}' for o in self.offset)} ({self.source})"


@dataclass(frozen=True, slots=True)
class Decision:
    """The offset that was decided, and why; stored with every sample."""

    #: None = unknown: digital numbers stay digital numbers.
    offset: tuple[float, ...] | None
    #: The evidence that won: a claim's kind, or `pixels`, or `none`.
    by: str
    #: `declared`, `documented`, `measured`, `claimed` or `unknown`.
    confidence: str
    #: Every claim heard, strongest first, in words.
    claims: tuple[str, ...]
    #: What the pixel check said, or that it was not run.
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the corpus."""
        return {
            "offset": None if self.offset is None else list(self.offset),
            "by": self.by,
            "confidence": self.confidence,
            "claims": list(self.claims),
            "verdict": self.verdict,
        }


def baseline_offset(baseline: str) -> float | None:
    """Offset that a processing baseline implies; None for locally processed or unreadable ones.

    Examples
    --------
    >>> baseline_offset("03.01"), baseline_offset("N0510"), baseline_offset("05.09"), baseline_offset("99.99")
    (0.0, -1000.0, -1000.0, None)
    """
    major, dot, minor = baseline.strip().removeprefix("N").partition(".")
    if not dot and len(major) == 4:
        major, minor = major[:2], major[2:]
    digits = major + minor
    if not (major and minor and digits.isascii() and digits.isdecimal()) or int(major) == 99:
        return None
    return BASELINE_0400_OFFSET if (int(major), int(minor)) >= (4, 0) else 0.0


def provider_claim(provider: str, baseline: str | None) -> Claim | None:
    """What is known of a provider's pixels; None where it mixes, or where a raw product's baseline is not known.

    Raises
    ------
    Unknown
        No such provider.
    """
    if provider not in PROVIDERS:
        raise Unknown(provider, PROVIDERS, what="provider")
    habit = PROVIDERS[provider]
    if habit == "removed":
        return Claim("provider", (0.0,), f"{provider} serves the old range")
    implied = None if baseline is None else baseline_offset(baseline)
    if habit == "raw" and implied is not None:
        return Claim("provider", (implied,), f"{provider} serves baseline {baseline} as processed")
    return None


def decide_offset(
    claims: Sequence[Claim], verdict: Verdict | None, *, where: str, provider: str | None = None
) -> Decision:
    """Decide the offset of one acquisition.

    Parameters
    ----------
    claims : sequence of Claim
        All there are, in any order.
    verdict : Verdict or None
        The pixel check's answer; None only where no pixel can be read yet (a plan).
    where : str
        The item or sample, for the error.
    provider : str, optional
        A key of `PROVIDERS`; one that mixes makes the pixel check decide.

    Raises
    ------
    Refused
        The claims disagree and the pixels do not decide; or the pixels contradict what was decided. Both readings are
        named. An override is obeyed, and the contradiction recorded.
    """
    heard = sorted(claims, key=lambda claim: RANK[claim.kind])
    words = tuple(str(claim) for claim in heard)
    said = str(verdict) if verdict else "not run"

    def decided(offset: tuple[float, ...] | None, by: str, confidence: str) -> Decision:
        return Decision(offset, by, confidence, words, said)

    if not heard:
        return decided(None, "none", "unknown")
    best = heard[0]
    if best.kind == "override":
        return decided(best.offset, "override", "declared")
    if best.kind != "xml":
        offsets = {claim.offset for claim in heard}
        is_mixed = provider is not None and PROVIDERS.get(provider) == "mixed"
        if len(offsets) > 1 or is_mixed:
            return decided(*_by_pixels(heard, verdict, where))
    if verdict is not None and any(verdict.contradicts(offset) for offset in best.offset):
        raise Refused(
            where=where,
            what=f"the pixels contradict the metadata: {best}, the pixel check says {verdict}",
            fix="Look at the item; then declare its offset (0 or -1000), which is recorded as an override.",
        )
    return decided(best.offset, best.kind, "documented" if RANK[best.kind] <= 3 else "claimed")


def _by_pixels(
    heard: Sequence[Claim], verdict: Verdict | None, where: str
) -> tuple[tuple[float, ...] | None, str, str]:
    """Let the pixels choose between claims that disagree; undecided pixels leave claims that agree standing."""
    offsets = {claim.offset for claim in heard}
    if verdict is not None and verdict.answer != "undecided":
        fitting = [claim for claim in heard if not any(verdict.contradicts(offset) for offset in claim.offset)]
        if fitting:
            return fitting[0].offset, "pixels", "measured"
        if verdict.answer == "unshifted":
            return (0.0,), "pixels", "measured"
    elif len(offsets) == 1:
        return heard[0].offset, heard[0].kind, "claimed"
    raise Refused(
        where=where,
        what=f"the offset is undecided: {'; '.join(map(str, heard))}; the pixel check says {verdict or 'nothing'}",
        fix="Declare its offset (0 or -1000), or leave the sample in quarantine.",
    )
