"""Legends: published class counts, colours, and what may be mapped to what."""

from __future__ import annotations

import json

import numpy as np
import pytest

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.legends import (
    LEGEND_MAPS,
    LEGENDS,
    SCL_BAD,
    Legend,
    LegendClass,
    LegendMap,
    legend,
    legend_map,
)


def test_corine_has_5_15_and_44_classes():
    """European Environment Agency, CORINE Land Cover nomenclature."""
    assert [len(legend(f"corine-{level}").codes) for level in (1, 2, 3)] == [5, 15, 44]


def test_every_corine_class_has_its_parents():
    """Level 1 = code // 100, level 2 = code // 10."""
    fine = legend("corine-3").codes

    assert {code // 10 for code in fine} == set(legend("corine-2").codes)
    assert {code // 100 for code in fine} == set(legend("corine-1").codes)
    assert fine[0] == 111
    assert fine[-1] == 523
    assert list(fine) == sorted(fine)


def test_the_other_legends_have_their_published_number_of_classes():
    """EuroSAT 10, Dynamic World 9, WorldCover 11, scene classification 12 with nodata, BigEarthNet 19."""
    counts = {name: len(legend(name).codes) for name in LEGENDS if not name.startswith("corine")}

    assert counts == {"eurosat": 10, "dynamic-world": 9, "worldcover": 11, "scl": 11, "bigearthnet-19": 19}
    assert len(legend("scl").classes) == 12


def test_zero_is_water_in_dynamic_world_and_nodata_in_scl_and_corine():
    """A code alone never says: the legend does."""
    assert legend("dynamic-world").name_of(0) == "water"
    assert legend("dynamic-world").none == ()
    assert legend("eurosat").name_of(0) == "AnnualCrop"
    for name in ("scl", "corine-1", "corine-2", "corine-3", "corine-index", "worldcover"):
        assert 0 in legend(name).none
        assert 0 not in legend(name).codes


def test_grid_codes_of_corine_rasters_name_nodata_and_the_two_unclassified():
    """DeepSentinel's legend: 0, 45, 48 nodata, 46 unclassified land, 47 unclassified water."""
    grid = legend("corine-index")

    assert grid.none == (0, 45, 48)
    assert grid.codes == (*range(1, 45), 46, 47)
    assert grid.names[:44] == legend("corine-3").names
    assert grid.colours[:44] == legend("corine-3").colours


def test_colours_are_those_of_the_publishers():
    """Earth Engine's catalogue: CORINE V20, Dynamic World, WorldCover, S2_SR (SCL)."""
    assert legend("corine-3").palette()[111] == (230, 0, 77)
    assert legend("corine-3").palette()[523] == (230, 242, 255)
    assert legend("dynamic-world").palette()[0] == (65, 155, 223)
    assert legend("worldcover").palette()[95] == (0, 207, 117)
    assert legend("scl").palette()[10] == (186, 197, 235)


def test_coarse_corine_classes_wear_the_colour_of_their_first_child():
    fine = legend("corine-3")
    for coarse, step in (("corine-1", 100), ("corine-2", 10)):
        for each in legend(coarse).classes:
            first = next(c for c in fine.classes if c.code // step == each.code)
            assert each.colour == first.colour
        assert "first level-3 class" in legend(coarse).note


def test_every_legend_has_distinct_colours_a_source_and_an_attribution():
    """Two classes of one colour cannot be told apart on a map."""
    for name, each in LEGENDS.items():
        assert each.name == name
        assert each.source
        assert each.attribution
        assert len(set(each.colours)) == len(each.colours), name


def test_bad_scene_classes_are_nodata_defects_shadow_and_cloud():
    """The default of the cloud mask: {0, 1, 3, 8, 9, 10}."""
    assert {legend("scl").name_of(code) for code in SCL_BAD} == {
        "nodata",
        "saturated or defective",
        "cloud shadow",
        "cloud, medium probability",
        "cloud, high probability",
        "thin cirrus",
    }


def test_names_of_bigearthnets_label_files_find_their_corine_codes():
    """Spellings in `labels_metadata.json`, which differ from the nomenclature's."""
    corine = legend("corine-3")

    assert corine.code_of("Transitional woodland/shrub") == 324
    assert corine.code_of("Peatbogs") == 412
    assert corine.code_of("Natural grassland") == 321
    assert corine.code_of("bare rock") == 332


def test_an_unknown_class_or_code_names_the_nearest():
    with pytest.raises(Unknown, match=r"unknown class of legend eurosat 'Forrest'. Did you mean 'Forest'?"):
        legend("eurosat").code_of("Forrest")
    with pytest.raises(Unknown, match=r"unknown code of legend scl '12'"):
        legend("scl").name_of(12)
    with pytest.raises(Unknown, match=r"map.tif: unknown legend 'corine'. Did you mean"):
        legend("corine", where="map.tif")


def test_a_legend_survives_json_whole():
    """It travels with a corpus."""
    for each in LEGENDS.values():
        assert Legend.from_json(json.loads(json.dumps(each.to_json()))) == each


def test_a_code_or_name_that_stands_twice_is_refused():
    one, two = LegendClass(1, "a", "000000"), LegendClass(1, "b", "ffffff")
    with pytest.raises(Refused, match=r"legend mine: code 1 stands for more than one class"):
        Legend("mine", (one, two))
    with pytest.raises(Refused, match=r"legend mine: name a stands for more than one class"):
        Legend("mine", (one, LegendClass(2, "A", "ffffff")))


def test_a_colour_that_is_no_colour_is_refused():
    with pytest.raises(Refused, match=r"colour '#00ff00' is not six lower-case hexadecimal digits"):
        LegendClass(1, "a", "#00ff00")


def test_index_codes_become_level_3_codes_in_order():
    """Grid code 1..44 is the order of the level-3 codes; 23 is broad-leaved forest."""
    grid = np.array([[1, 23, 44], [45, 46, 0]], np.uint8)

    mapped = legend_map("corine-index", "corine-3").apply(grid)

    np.testing.assert_array_equal(mapped, [[111, 311, 523], [255, 255, 255]])
    assert mapped.dtype == np.uint16


def test_corine_to_bigearthnet_19_is_lossy_and_drops_eleven_classes_and_glaciers():
    """torchgeo's table: 32 of 44 classes kept; 335 is in neither of its lists and is ignored here."""
    table = legend_map("corine-3", "bigearthnet-19")

    assert table.lossy
    assert len(table.table) == 32
    assert set(table.table.values()) == set(range(19))
    assert set(table.unmappable) == {122, 123, 124, 131, 132, 133, 141, 142, 332, 334, 423, 335}
    assert set(table.table) | set(table.unmappable) == set(legend("corine-3").codes)
    codes = np.array([111, 112, 241, 333, 423, 335], np.uint16)
    np.testing.assert_array_equal(table.apply(codes), [0, 0, 3, 11, 255, 255])


def test_every_map_starts_and_ends_in_known_classes():
    for (source, target), table in LEGEND_MAPS.items():
        assert (table.source, table.target) == (source, target)
        assert set(table.table) | set(table.unmappable) == set(legend(source).codes)
        assert set(table.table.values()) == set(legend(target).codes)


def test_maps_join_end_to_end():
    """Grid codes to level 1 in two steps equal code // 100 of the level-3 code."""
    joined = legend_map("corine-index", "corine-3").then(legend_map("corine-3", "corine-1"))
    grid = np.arange(1, 45, dtype=np.uint8)

    np.testing.assert_array_equal(joined.apply(grid), [code // 100 for code in legend("corine-3").codes])
    assert joined.lossy
    assert joined.unmappable == (46, 47)


def test_unmappable_codes_stay_lost_when_maps_are_joined():
    joined = legend_map("corine-index", "corine-3").then(legend_map("corine-3", "bigearthnet-19"))

    np.testing.assert_array_equal(joined.apply(np.array([34, 46, 48, 255])), [255, 255, 255, 255])


def test_a_code_of_another_legend_is_an_error_not_ignored():
    """Whatever would have to guess stops: 255 marks what is known to have no counterpart."""
    with pytest.raises(Unknown, match=r"unknown code of corine-3 '23'"):
        legend_map("corine-3", "corine-1").apply(np.array([311, 23]))


def test_an_ignore_code_that_is_a_class_is_refused():
    with pytest.raises(Refused, match=r"ignore 5 is a class of corine-1. Choose another code."):
        legend_map("corine-3", "corine-1").apply(np.array([311]), ignore=5)


def test_codes_that_are_no_integers_are_refused():
    with pytest.raises(Refused, match=r"codes must be integers, have float32"):
        legend_map("corine-3", "corine-1").apply(np.array([311.0], np.float32))


def test_an_empty_map_stays_empty():
    assert legend_map("corine-3", "corine-1").apply(np.zeros((0, 4), np.uint16)).shape == (0, 4)


def test_a_map_that_lies_about_its_loss_is_refused():
    with pytest.raises(Mismatch, match=r"lossy differs: want True, have False"):
        LegendMap("a", "b", {1: 1, 2: 1}, lossy=False)


def test_a_code_both_mapped_and_unmappable_is_refused():
    with pytest.raises(Refused, match=r"code 2 is mapped and unmappable at once"):
        LegendMap("a", "b", {1: 1, 2: 2}, lossy=False, unmappable=(2,))


def test_maps_that_do_not_meet_are_refused():
    with pytest.raises(Mismatch, match=r"legend between the two differs: want corine-1, have corine-3"):
        legend_map("corine-3", "corine-1").then(legend_map("corine-3", "corine-2"))


def test_a_map_that_does_not_exist_names_the_nearest():
    with pytest.raises(Unknown, match=r"unknown legend map 'corine-1 to corine-3'. Did you mean"):
        legend_map("corine-1", "corine-3")
