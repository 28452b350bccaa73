"""BigEarthNet: bands of their own sizes, labels in either legend, radar with its partner; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from swath.core.errors import Refused, Unknown, Unreadable
from swath.core.quantity import SIGMA0_DB
from swath.core.quantity import dn as numbers
from swath.core.sample import Sample, TargetSpec
from swath.formats import sniff
from swath.formats.bigearthnet import BIGEARTHNET, LABELS
from swath.testing.format import check_format
from tests.formats.a_bigearthnet import OTHER, PARTNER, RADAR, SHORT, a_patch, db, dn, zipped
from tests.formats.reading import by_id, samples_of, the_failure


def test_optical_patches_keep_the_contract(tmp_path):
    """Data README: 12 bands of native size 120/60/20 px (10/20/60 m), uint16 L2A DN."""
    a_patch(tmp_path / "b")
    plan = check_format(BIGEARTHNET, zipped(a_patch(tmp_path / "b", SHORT)))

    stacks = plan.layout.stacks
    assert {name: (spec.bands, spec.size[0], spec.gsd[0]) for name, spec in stacks.items()} == {
        "s2-10m": (("B02", "B03", "B04", "B08"), 120, 10.0),
        "s2-20m": (("B05", "B06", "B07", "B8A", "B11", "B12"), 60, 20.0),
        "s2-60m": (("B01", "B09"), 20, 60.0),
    }
    assert {(spec.quantity, spec.level) for spec in stacks.values()} == {(numbers("boa", offset=0), "L2A")}
    assert plan.layout.targets == {LABELS: TargetSpec("classes", legend="corine-3")}


def test_pairs_keep_the_contract(tmp_path):
    a_patch(tmp_path / "b", RADAR)
    plan = check_format(BIGEARTHNET, a_patch(tmp_path / "b"), spawned=False)

    assert list(plan.layout.stacks) == ["s2-10m", "s2-20m", "s2-60m", "s1"]
    assert plan.layout.stacks["s1"].quantity == SIGMA0_DB
    assert plan.rows["id"].to_pylist() == [PARTNER]
    assert plan.rows["why"].to_pylist() == ["joined by the radar's metadata"]


def test_every_band_is_its_files(tmp_path):
    a_patch(tmp_path / "b", RADAR)

    (sample,) = samples_of(BIGEARTHNET.open([a_patch(tmp_path / "b")]))

    np.testing.assert_array_equal(sample.stacks["s2-10m"].data[0, 3], dn("B08"))
    np.testing.assert_array_equal(sample.stacks["s2-20m"].data[0, 3], dn("B8A"))
    np.testing.assert_array_equal(sample.stacks["s2-60m"].data[0, 1], dn("B09"))
    np.testing.assert_array_equal(sample.stacks["s1"].data[0], [db("VV"), db("VH")])
    assert [str(sample.stacks[name].times[0]) for name in ("s2-60m", "s1")] == [
        "2017-06-13T10:10:31.000000",
        "2017-06-13T16:50:43.000000",
    ]


def test_zips_and_folders_give_the_same(tmp_path):
    a_patch(tmp_path / "b", SHORT)
    folder = a_patch(tmp_path / "b")

    packed, loose = by_id(BIGEARTHNET.open([zipped(folder)])), by_id(BIGEARTHNET.open([folder]))

    assert packed.keys() == loose.keys() == {PARTNER, SHORT}
    for id, sample in packed.items():
        np.testing.assert_array_equal(sample.stacks["s2-20m"].data, loose[id].stacks["s2-20m"].data)


def test_labels_are_a_set_of_corine_classes(tmp_path):
    """CORINE: 211 non-irrigated arable land, 311 broad-leaved forest, 511 water courses."""
    (sample,) = samples_of(BIGEARTHNET.open([a_patch(tmp_path / "b")]))

    assert sample.targets[LABELS].codes == (211, 311, 511)


def test_labels_of_nineteen_classes_join_and_drop(tmp_path):
    """Sumbul et al. 2021: arable land 2, broad-leaved forest 8, inland waters 17; airports have no counterpart."""
    a_patch(tmp_path / "b", labels=("Non-irrigated arable land", "Rice fields", "Broad-leaved forest", "Airports"))
    a_patch(tmp_path / "b", OTHER, labels=("Airports",))

    made = by_id(BIGEARTHNET.open([tmp_path / "b"], legend="bigearthnet-19"))

    assert made[PARTNER].targets[LABELS].codes == (2, 8)
    assert made[OTHER].message == (
        f"{OTHER}: has no label of the legend bigearthnet-19: have Airports. "
        "Read it with legend=corine-3, or leave it out as the set's authors do."
    )


def test_an_unknown_label_is_refused_with_the_nearest(tmp_path):
    a_patch(tmp_path / "b", labels=("Broad-leaf forest",))
    a_patch(tmp_path / "b", OTHER)

    assert "Did you mean 'Broad-leaved forest'?" in the_failure(BIGEARTHNET.open([tmp_path / "b"])).message


def test_a_radar_patch_alone_keeps_the_name_of_its_partner(tmp_path):
    (sample,) = samples_of(BIGEARTHNET.open([a_patch(tmp_path / "b", RADAR)]))

    assert set(sample.stacks) == {"s1"}
    assert sample.stacks["s1"].origin.declared["s2_partner"] == PARTNER
    assert sample.group == "S1A_IW_GRDH_1SDV_20170613T165043_33UUP"


def test_radar_and_optical_patches_of_other_ground_are_not_joined(tmp_path):
    """The real subset: its three radar patches belong to patches that are not in it."""
    a_patch(tmp_path / "b", RADAR)
    a_patch(tmp_path / "b", OTHER)

    with pytest.raises(Refused) as raised:
        BIGEARTHNET.open([tmp_path / "b"]).plan()

    assert f"{RADAR}: belongs to {PARTNER}, which is not here" in str(raised.value)
    assert str(raised.value).endswith("Open each apart, or read one kind with stacks=.")
    assert set(by_id(BIGEARTHNET.open([tmp_path / "b"], stacks="s1"))) == {RADAR}


def test_an_optical_patch_without_radar_is_quarantined_among_pairs(tmp_path):
    for name in (RADAR, PARTNER, OTHER):
        a_patch(tmp_path / "b", name)

    failure = the_failure(BIGEARTHNET.open([tmp_path / "b"]))

    assert (failure.id, failure.reason) == (OTHER, "missing")
    assert failure.message == f"{OTHER}: has no radar patch here. Read it without: leave s1 out of stacks=."


def test_an_irregular_name_is_read_and_the_metadata_date_it(tmp_path):
    """Data README: S2B_MSIL2A_20170924T93021_41_29 lacks a digit in the time."""
    (sample,) = samples_of(BIGEARTHNET.open([a_patch(tmp_path / "b", SHORT)]))

    assert str(sample.stacks["s2-10m"].times[0]) == "2017-09-24T09:30:21.000000"
    assert "time_in_name" not in sample.stacks["s2-10m"].origin.declared


def test_another_time_than_the_names_is_told_and_another_day_refused(tmp_path):
    """Metadata win within the day: names are cut from product names, metadata from the products."""
    a_patch(tmp_path / "b", meta={"acquisition_date": "2017-06-13 10:10:39"})
    a_patch(tmp_path / "b", OTHER, meta={"acquisition_date": "2017-06-14 10:10:31"})

    made = by_id(BIGEARTHNET.open([tmp_path / "b"]))

    said = made[PARTNER].stacks["s2-10m"].origin.declared["time_in_name"]
    assert said == "10:10:31, the metadata say 10:10:39"
    assert made[OTHER].message == (
        f"{OTHER}: date differs: want 2017-06-13 (its name), have 2017-06-14 (its metadata). "
        "One of the two is of another patch."
    )


def test_files_in_wrong_order_are_told_by_their_size(tmp_path):
    """B05 lies where B04 should: 60 pixels are not 120."""
    a_patch(tmp_path / "b", pixels={"B04": dn("B05")})
    a_patch(tmp_path / "b", OTHER)

    said = the_failure(BIGEARTHNET.open([tmp_path / "b"])).message

    assert said.startswith(
        f"{PARTNER}_B04.tif: patch differs: want 1 band of uint16, 120 x 120 pixels (BigEarthNet s2-10m), have 1 of "
        "uint16, 60 x 60 pixels."
    )


def test_bands_on_other_ground_are_refused(tmp_path):
    a_patch(tmp_path / "b", moved="B11")
    a_patch(tmp_path / "b", OTHER)

    assert f"{PARTNER}_B11.tif: grid differs" in the_failure(BIGEARTHNET.open([tmp_path / "b"])).message


def test_labels_of_other_ground_are_refused(tmp_path):
    """A shifted label: the corner in the metadata is not the pixels'."""
    a_patch(tmp_path / "b", meta={"coordinates": {"ulx": 374400, "uly": 5353200}})
    a_patch(tmp_path / "b", OTHER)

    assert the_failure(BIGEARTHNET.open([tmp_path / "b"])).message == (
        f"{PARTNER}: upper-left corner differs: want 374400, 5353200 (its metadata), have 373200, 5353200 (B02.tif). "
        "Labels are of other ground."
    )


def test_shifted_numbers_are_quarantined(tmp_path):
    """science 1.7: darker than an offset allows is certain, so one size of pixels speaks for the whole product."""
    ten, twenty = ("B02", "B03", "B04", "B08"), ("B05", "B06", "B07", "B8A", "B11", "B12")
    a_patch(tmp_path / "b", pixels={band: dn(band) + 1000 for band in ten})
    a_patch(tmp_path / "b", OTHER, pixels={band: dn(band) + 1000 for band in (*ten, *twenty)})

    made = by_id(BIGEARTHNET.open([tmp_path / "b"]))

    assert "the pixel check says shifted (0.1 % quantile of B0" in made[OTHER].message
    assert isinstance(made[PARTNER], Sample)


def test_a_patch_that_lacks_a_file_is_quarantined(tmp_path):
    a_patch(tmp_path / "b", OTHER)
    next(a_patch(tmp_path / "b").rglob(f"{PARTNER}_B8A.tif")).unlink()

    failure = the_failure(BIGEARTHNET.open([tmp_path / "b"]))

    assert (failure.id, failure.reason) == (PARTNER, "missing")
    assert failure.message == (
        f"{PARTNER}: lacks 1 of its files, the first is {PARTNER}_B8A.tif. Fetch it again, or read fewer stacks=."
    )
    assert len(samples_of(BIGEARTHNET.open([tmp_path / "b"], stacks="s2-10m,s2-60m"))) == 2


def test_metadata_that_are_no_json_are_told(tmp_path):
    path = a_patch(tmp_path / "b") / PARTNER / f"{PARTNER}_labels_metadata.json"
    path.write_text("{")
    a_patch(tmp_path / "b", OTHER)

    said = the_failure(BIGEARTHNET.open([tmp_path / "b"])).message

    assert said.startswith(f"{PARTNER}_labels_metadata.json: cannot be read (JSONDecodeError")


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    path = a_patch(tmp_path / "b") / PARTNER / f"{PARTNER}_B02.tif"
    path.rename(tmp_path / "elsewhere.tif")
    path.symlink_to(tmp_path / "elsewhere.tif")

    with pytest.raises(Refused, match=rf"holds a link that leaves it: '{PARTNER}_B02\.tif'"):
        BIGEARTHNET.open([tmp_path / "b"])


def test_options_and_paths_are_judged(tmp_path):
    a_patch(tmp_path / "b")

    with pytest.raises(Unknown, match="unknown stacks 's1'"):
        BIGEARTHNET.open([tmp_path / "b"], stacks="s1")
    with pytest.raises(Unknown, match="Did you mean 'bigearthnet-19'"):
        BIGEARTHNET.open([tmp_path / "b"], legend="bigearthnet19")
    with pytest.raises(Unreadable, match="is not there"):
        BIGEARTHNET.open([tmp_path / "nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="holds no patch of BigEarthNet"):
        BIGEARTHNET.open([tmp_path / "empty"])
    assert sniff(tmp_path / "b") == sniff(zipped(tmp_path / "b")) == "bigearthnet"
