"""Real patches and cubes of published sets become corpora; figures are the data README's and science 9's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from swath.core.errors import Refused
from swath.core.quantity import SIGMA0_DB, dn, value
from swath.core.sample import Sample
from swath.corpus import build, open_corpus
from swath.corpus.corpus import Corpus
from swath.formats import format_named, sniff
from swath.formats.bigearthnet import BIGEARTHNET, LABELS
from swath.formats.cube import CUBE
from swath.formats.sen12mscr import CLEAR, CLOUDY, SEN12MSCR

pytestmark = pytest.mark.realdata

DN = {"kind": "dn", "convention": 0}


def data(name: str) -> Path:
    return Path(os.environ["SWATH_REAL_DATA"]) / name


def corpus_of(name: str, paths: list[Path], out: Path, *, count: int, **declared: object) -> Corpus:
    """All of it, with nothing left out."""
    source = format_named(name).open(paths, **declared)
    built = build(source, source.plan(), out / "corpus")
    assert (built.done, built.quarantined) == (count, 0)
    return open_corpus(out / "corpus")


def samples(corpus: Corpus) -> list[Sample]:
    return list(corpus.samples(np.arange(len(corpus))))


def verdicts(sample: Sample, name: str) -> list[str]:
    stack = sample.targets[name].stack if name in sample.targets else sample.stacks[name]
    assert stack is not None
    return [str(note["verdict"]).split(" ")[0] for note in stack.origin.offsets]


def test_bigearthnet_optical(tmp_path):
    """README: 8 patches, 12 bands of 120/60/20 px, L2A DN, UTM 29/34/35; S2B_..._20170924T93021 lacks a digit."""
    path = data("bigearthnet/BigEarthNet-S2-v1.0_subset.zip")

    held = samples(corpus_of("bigearthnet", [path], tmp_path, count=8))

    assert sniff(path) == "bigearthnet"
    assert {sample.stacks["s2-10m"].geobox.crs.epsg for sample in held} == {32629, 32634, 32635}
    for sample in held:
        assert [sample.stacks[name].data.shape for name in ("s2-10m", "s2-20m", "s2-60m")] == [
            (1, 4, 120, 120),
            (1, 6, 60, 60),
            (1, 2, 20, 20),
        ]
        assert sample.stacks["s2-10m"].quantity == dn("boa", offset=0)
        assert verdicts(sample, "s2-10m") == ["unshifted"]
    short = next(sample for sample in held if "T93021" in sample.id)
    assert str(short.stacks["s2-10m"].times[0]) == "2017-09-24T09:30:21.000000"
    assert short.targets[LABELS].codes == (311, 313)  # broad-leaved and mixed forest, as its JSON says


def test_bigearthnet_in_nineteen_classes(tmp_path):
    """Real labels: arable land and pastures of the first patch are classes 2 and 4."""
    path = data("bigearthnet/BigEarthNet-S2-v1.0_subset.zip")

    held = corpus_of("bigearthnet", [path], tmp_path, count=8, legend="bigearthnet-19")

    assert held.sample("S2A_MSIL2A_20170617T113321_36_85").targets[LABELS].codes == (2, 4)


def test_bigearthnet_radar_and_its_absent_partners(tmp_path):
    """README: 3 patches VV, VH dB 120 x 120; their S2 partners are not in the subset."""
    zips = [data(f"bigearthnet/BigEarthNet-{kind}-v1.0_subset.zip") for kind in ("S2", "S1")]

    held = samples(corpus_of("bigearthnet", zips[1:], tmp_path, count=3))
    with pytest.raises(Refused, match="belongs to S2A_MSIL2A_20170613T101031_61_39, which is not here"):
        BIGEARTHNET.open(zips).plan()

    for sample in held:
        stack = sample.stacks["s1"]
        assert (stack.quantity, stack.bands, stack.data.shape) == (SIGMA0_DB, ("VV", "VH"), (1, 2, 120, 120))
        apart = float(np.median(stack.data[0, 0]) - np.median(stack.data[0, 1]))
        assert 4 <= apart <= 10  # science, trap 12
        assert stack.origin.declared["s2_partner"].startswith("S2A_MSIL2A_20170613T101031_61_")
        assert str(stack.times[0]) == "2017-06-13T16:50:43.000000"


def test_sen12mscr_triplets_and_pairs(tmp_path):
    """README: one triplet, two pairs, 256 px of 10 m, no dates, no offset; clear 26_p100 is snow.

    README says B02 > 2500 everywhere; measured: in all but 45 of 65,536 pixels, the darkest has 1752.
    """
    triplets = samples(corpus_of("sen12mscr", [data("sen12mscr-triplets")], tmp_path / "t", count=1))
    pairs = samples(corpus_of("sen12mscr", [data("sen12mscr-pairs")], tmp_path / "p", count=2))

    (triplet,) = triplets
    assert (triplet.id, set(triplet.stacks), set(triplet.targets)) == (
        "ROIs1970_fall_139_p839",
        {"s1", CLOUDY},
        {CLEAR},
    )
    assert triplet.lonlat == pytest.approx((119.2, 33.5), abs=0.05)
    for sample in (*triplets, *pairs):
        stack = sample.stacks[CLOUDY]
        assert (stack.data.shape, stack.gsd, stack.quantity) == ((1, 13, 256, 256), (10.0, 10.0), dn("toa", offset=0))
        assert np.isnat(stack.times).all()
        assert verdicts(sample, CLOUDY) == verdicts(sample, CLEAR) == ["unshifted"]
    snow = next(sample for sample in pairs if "_26_" in sample.id).targets[CLEAR].stack
    blue = snow.data[0, snow.bands.index("B02")]
    assert ((blue <= 2500).sum(), blue.min()) == (45, 1752)


def test_the_italian_year(tmp_path):
    """README: 30 dates 2018-01-06 .. 12-22, 7.4 x 10.0 m; science 1.7: 28 of 30 decided, two overcast ones follow."""
    source = SEN12MSCR.open([data("s2-timeseries-italy")])
    (sample,) = samples(corpus_of("sen12mscr", [data("s2-timeseries-italy")], tmp_path, count=1))

    stack = sample.stacks["s2"]
    days = [str(time)[:10] for time in stack.times]
    assert (len(days), days[0], days[-1], days == sorted(days)) == (30, "2018-01-06", "2018-12-22", True)
    assert stack.gsd == pytest.approx((7.4, 10.0), abs=0.05)
    assert source.plan().asked["band_order"].endswith("proved by physics on 64 windows")
    open_ = [day for day, said in zip(days, verdicts(sample, "s2"), strict=True) if said == "undecided"]
    assert open_ == ["2018-11-02", "2018-12-22"]
    assert all(note["offset"] == [0.0] for note in stack.origin.offsets)
    cirrus = np.median(stack.data[days.index("2018-12-22"), stack.bands.index("B10")])
    assert cirrus == pytest.approx(2455, abs=30)  # README: 12-22 B10 2455
    assert stack.data.max() > 10000


def test_places_of_apulia(tmp_path):
    """README: 6 places, 19 steps of 5 days, BOA without offset, EPSG:3035 10 m; 65535 is nodata and undeclared."""
    paths = sorted(data("s2-timeseries-places").glob("place_*.nc"))

    with pytest.raises(Refused, match=r"place_0: 63\.8% of the numbers of S2-L2A-B02 are 65535"):
        CUBE.open(paths, **DN)
    held = samples(corpus_of("cube", paths, tmp_path, count=11, nodata=65535, size=64, edge="pad", **DN))

    assert {sample.group for sample in held} == {f"place_{k}" for k in range(6)}
    for sample in held:
        stack = sample.stacks["s2"]
        assert (stack.bands, stack.geobox.crs.epsg, stack.gsd) == (("B02", "B03", "B04"), 3035, (10.0, 10.0))
        days = stack.times.astype("datetime64[D]")
        assert (len(days), str(days[0]), str(days[-1])) == (19, "2023-06-23", "2023-09-21")
        assert set(np.diff(days).astype(int)) == {5}
        assert not (stack.data[np.broadcast_to(stack.valid, stack.data.shape)] == 65535).any()
    assert held[0].lonlat == pytest.approx((17.7, 40.6), abs=0.1)


def test_a_belgian_quarter_with_scene_classes(tmp_path):
    """README: 46 x 52 px, 19 dates 2023-10-02 .. 12-31; below 50 % cloud only 10-22 and 12-26, both 0 %."""
    path = data("s2-timeseries-places/belgium_scl_2023Q4.nc")

    (sample,) = samples(corpus_of("cube", [path], tmp_path, count=1, **DN))

    classes = sample.stacks["scl"]
    days = [str(time)[:10] for time in classes.times]
    assert (len(days), days[0], days[-1], classes.data.shape) == (19, "2023-10-02", "2023-12-31", (19, 1, 52, 46))
    cloud = np.isin(classes.data, (8, 9, 10)).mean(axis=(1, 2, 3))
    assert [day for day, share in zip(days, cloud, strict=True) if share == 0] == ["2023-10-22", "2023-12-26"]


def test_a_belgian_pair_of_cubes(tmp_path):
    """README: S2 12 dates 2023-04-02..30, S1 10 dates 04-03..29, dB = 20 log10(DN) - 83, median VV -12.3 dB.

    README calls 04-05 and 04-15 cloud-free by SCL; measured: 1.2 % and 0 % of classes 8 to 10, all others 100 %.
    """
    folder = data("s1s2-timeseries-belgium")
    coded = {"kind": "sigma0_db", "level": "GRD", "coding": "20*log10(DN)-83"}

    with pytest.raises(Refused, match="holds decibels as uint16, and does not say how they were coded"):
        CUBE.open([folder / "cdse_sentinel1_grd.nc"], kind="sigma0_db", level="GRD")
    (radar,) = samples(corpus_of("cube", [folder / "cdse_sentinel1_grd.nc"], tmp_path / "1", count=1, **coded))
    (optical,) = samples(corpus_of("cube", [folder / "cdse_sentinel2_l2a.nc"], tmp_path / "2", count=1, **DN))

    s1, s2 = radar.stacks["s1"], optical.stacks["s2"]
    assert (s1.data.shape, s2.data.shape) == ((10, 2, 66, 64), (12, 4, 66, 64))
    assert float(np.median(s1.data[:, 0])) == pytest.approx(-12.3, abs=0.05)
    assert s2.bands == ("B01", "B04", "B08", "B11")
    assert s1.geobox == s2.geobox
    assert s1.geobox.crs.epsg == 32631
    assert [str(s1.times[k])[:10] for k in (0, -1)] == ["2023-04-03", "2023-04-29"]
    assert optical.stacks["aot"].quantity == value("1")
    assert 0.05 < float(np.median(optical.stacks["aot"].data)) < 0.6
    cloud = np.isin(optical.stacks["scl"].data, (8, 9, 10)).mean(axis=(1, 2, 3))
    few = {str(s2.times[k])[:10]: round(float(cloud[k]), 3) for k in np.flatnonzero(cloud < 1)}
    assert few == {"2023-04-05": 0.012, "2023-04-15": 0.0}
