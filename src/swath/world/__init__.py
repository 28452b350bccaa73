"""The virtual planet: imagery with exact truth, from a seed; a source like any other."""

from __future__ import annotations

from swath.world.planet import PLANET_OPTIONS, Planet, open_planet
from swath.world.scene import PlanetScene, TruthScene

__all__ = ["PLANET_OPTIONS", "Planet", "PlanetScene", "TruthScene", "open_planet"]
