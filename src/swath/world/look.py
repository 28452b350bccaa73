"""Look: one block of the planet on one day, from painted ground to what the sensor measures.

Units green and fade by the season's curves around the reference day; texture, thin things, waters and the light on
slopes are added, all in top-of-atmosphere reflectance with the atmosphere that the measured spectra hold. The block is
computed whole and kept for a while, so that windows that share it agree to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np

from swath.core.array import Array
from swath.core.bands import S2_BANDS
from swath.world.cover import MATERIALS, Ground, ground
from swath.world.landscape import block_extent
from swath.world.lattice import BLOCK, GSD, HALO
from swath.world.season import CURVES, ONSET_SPREAD, REFERENCE_DAY, greenness, local_day, strength
from swath.world.sensor import GROUPS, observe, rim
from swath.world.spectra import code, load_spectra

__all__ = ["day_of_year", "look", "reflectance"]

#: Kind of season -> onset, end, rise, fall, amplitude.
_TABLE = np.array([(c.onset, c.end, c.rise, c.fall, c.amplitude) for c in CURVES.values()])
#: Classes of fields, meadows and gardens; the darkest they get in the first five bands, as a share of lush green, and
#: how softly they come to it.
_SOWN = [code(name) for name in ("AnnualCrop", "HerbaceousVegetation", "Pasture", "PermanentCrop", "Residential")]
_VISIBLE, _FLOOR, _SOFT = 5, np.float32(0.93), np.float32(0.05)


def day_of_year(day: int) -> float:
    """Day of its year, from days since 1970.

    Examples
    --------
    >>> day_of_year(0), day_of_year(17726)                                # 1970-01-01, 2018-07-14
    (0.0, 194.0)
    """
    date = np.datetime64(day, "D")
    return float((date - date.astype("datetime64[Y]").astype("datetime64[D]")).astype(int))


@cache
def _usual() -> Array:
    """Mean greenness of each kind at the reference day over onsets and kinds: what class means stand for."""
    shift = np.linspace(-ONSET_SPREAD, ONSET_SPREAD, 61)
    each = [greenness(REFERENCE_DAY, on + shift, end + shift, rise, fall).mean() for on, end, rise, fall, _ in _TABLE]
    return np.asarray(each)


def _latitude(row: int) -> float:
    """Latitude [degrees] of a block to within half a degree: enough for the strength of seasons."""
    return -row * BLOCK * GSD / 110_900


def _greened(held: Ground, day: int, epsg: int, latitude: float) -> Array:
    """Spectra of units on a day: (n, b)."""
    curve = _TABLE[held.kind]
    local = local_day(day_of_year(day), is_south=epsg > 32700)
    green = greenness(local, curve[:, 0] + held.shift, curve[:, 1] + held.shift, curve[:, 2], curve[:, 3])
    change = (green - _usual()[held.kind]) * curve[:, 4] * held.vigour * strength(latitude)
    table = load_spectra()
    spectrum = held.spectrum + change[:, None].astype(np.float32) * table.greening[held.use]
    # Leaves over leaves darken no further: a soft floor in the visible, which leaves brighter ground as it is.
    soft, floor = _SOFT * table.lush[:_VISIBLE], _FLOOR * table.lush[:_VISIBLE]
    seen = spectrum[:, :_VISIBLE]
    grown = floor + soft * np.logaddexp(np.float32(0), (seen - floor) / soft)
    spectrum[:, :_VISIBLE] = np.where(np.isin(held.use, _SOWN)[:, None], grown, seen)
    return np.asarray(spectrum)


def reflectance(held: Ground, spectrum: Array, bands: Sequence[str], *, rim: int) -> Array:
    """Top-of-atmosphere reflectance of some bands of a block, before the sensor.

    Parameters
    ----------
    held : Ground
        The block, n units.
    spectrum : float32 array, shape (n, 13)
        Of its units, on the day.
    bands : sequence of str
        Which of `core.bands.S2_BANDS`.
    rim : int
        Pixels around the block; its halo at most.

    Returns
    -------
    float32 array, shape (b, BLOCK + 2 rim, BLOCK + 2 rim)
    """
    table = load_spectra()
    index = [S2_BANDS.index(band) for band in bands]
    part = slice(HALO - rim, HALO + BLOCK + rim)
    unit, label, silt = held.unit[part, part], held.label[part, part], held.silt[part, part]
    out = np.take(np.ascontiguousarray(spectrum[:, index].T), unit, axis=1)
    for k in range(3):
        moved = np.take(np.ascontiguousarray(table.within[:, k, index].T), label, axis=1)
        moved *= held.texture[k, part, part]
        out += moved
    turbid = table.between[code("SeaLake"), 0, index]
    is_lake = label == code("SeaLake")
    if is_lake.any():
        out[:, is_lake] += turbid[:, None] * silt[is_lake]
    for whole, use in zip(held.share, MATERIALS.values(), strict=True):
        is_covered = whole[part, part] > 0
        share = whole[part, part][is_covered]
        if len(share):
            of = table.mean[use, index][:, None]
            if use == code("River"):
                of = of + turbid[:, None] * silt[is_covered]
            below = out[:, is_covered]
            out[:, is_covered] = below + share * (of - below)
    dark = table.dark[index][:, None, None]
    out -= dark
    out *= held.light[part, part]
    out += dark
    return np.asarray(np.maximum(out, np.float32(0.85) * dark, out=out))


@lru_cache(maxsize=128)
def look(seed: int, epsg: int, row: int, col: int, day: int) -> Array:
    """What the sensor measures of one block on one day: float32 (13, BLOCK, BLOCK), reflectance * 10000, read-only.

    Parameters
    ----------
    seed, epsg : int
        Planet and zone.
    row, col : int
        Number of the block.
    day : int
        Days since 1970.
    """
    held = ground(seed, epsg, row, col)
    spectrum = _greened(held, day, epsg, _latitude(row))
    seen = np.empty((len(S2_BANDS), BLOCK, BLOCK), np.float32)
    for gsd, bands in GROUPS.items():
        edge = rim(gsd)
        light = reflectance(held, spectrum, bands, rim=edge)
        extent = block_extent(row, col).grow(edge)
        seen[[S2_BANDS.index(band) for band in bands]] = observe(light, extent, gsd, seed=seed, epsg=epsg, day=day)
    seen.flags.writeable = False
    return seen
