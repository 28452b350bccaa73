"""Origin: where pixels came from, kept beside them for good.

Items, sensor, level, provider, and for each date the baseline and the offset with its evidence. What a user declared
in place of evidence stands in `declared`, what no grid says of the place in `geometry`. Plain strings and numbers, so
that it travels as JSON in every corpus row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["NOWHERE", "Origin"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the pixels of a stack came from."""

    #: Identifier of each item, one a date (or one for all); file members for files.
    items: tuple[str, ...] = ()
    #: Key of `core.sensors.SENSORS`, or a name of its own for anonymous bands.
    sensor: str = ""
    #: The provider's product level: `L1C`, `L2A`, `GRD`, `RTC`; empty = unknown.
    level: str = ""
    #: Who served the pixels.
    provider: str = ""
    #: Processing baseline, one a date; empty = unknown.
    baselines: tuple[str, ...] = ()
    #: `core.offset.Decision` as JSON, one a date (or one for all).
    offsets: tuple[Mapping[str, Any], ...] = ()
    #: What the user declared: name -> value, as given.
    declared: Mapping[str, Any] = field(default_factory=dict)
    #: Attribution that every export must carry.
    attribution: str = ""
    #: How it was seen, and placed where no grid places it: `georef` (`gcp` = by control points), `displacement_m` (how
    #: far that may be off), `relative_orbit`, `direction`, `incidence_deg`; empty = unknown, and placed by its geobox.
    geometry: Mapping[str, Any] = field(default_factory=dict)

    def declare(self, **what: Any) -> Origin:
        """Add a declaration."""
        return replace(self, declared={**self.declared, **what})

    def to_json(self) -> dict[str, Any]:
        """The fields that are set, as plain JSON."""
        fields: dict[str, Any] = {
            "items": list(self.items),
            "sensor": self.sensor,
            "level": self.level,
            "provider": self.provider,
            "baselines": list(self.baselines),
            "offsets": [dict(o) for o in self.offsets],
            "declared": dict(self.declared),
            "attribution": self.attribution,
            "geometry": dict(self.geometry),
        }
        return {name: value for name, value in fields.items() if value}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Origin:
        """Read what `to_json` wrote.

        Examples
        --------
        >>> held = Origin(items=("a",), level="L1C")
        >>> held.to_json(), Origin.from_json(held.to_json()) == held
        ({'items': ['a'], 'level': 'L1C'}, True)
        """
        given = dict(fields)
        for name in ("items", "baselines", "offsets"):
            if name in given:
                given[name] = tuple(given[name])
        return cls(**given)


NOWHERE = Origin()
