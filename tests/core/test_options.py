"""Options: what a file or a command says fits the record, or the sentence says what does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from swath.core.errors import Mismatch, Refused, Unknown, Unreadable
from swath.core.options import read_options, read_yaml, setting, to_plain, with_setting, with_settings


@dataclass(frozen=True, slots=True)
class Clouds:
    cloud_density: float = 1.0
    kind: Literal["thin", "thick"] = "thin"


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    epochs: int = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    seed: int = 0
    clouds: Clouds = Clouds()
    steps: tuple[Step, ...] = ()
    patience: int | None = None
    also: Clouds | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise Refused(where="recipe", what="seed must not be negative", have=str(self.seed))


def test_what_a_file_leaves_out_keeps_its_default():
    got = read_options(
        Recipe, {"clouds": {"kind": "thick"}, "steps": [{"name": "a"}, {"name": "b", "epochs": 3}]}, where="r"
    )

    assert got == Recipe(clouds=Clouds(kind="thick"), steps=(Step("a"), Step("b", 3)))


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (
            {"sead": 1},
            "r.yaml: unknown option 'sead'. Did you mean 'seed'? Known: seed, clouds, steps, patience, also.",
        ),
        (
            {"clouds": {"cloud_densty": 1}},
            "r.yaml: unknown option 'clouds.cloud_densty'. Did you mean 'clouds.cloud_density'?",
        ),
        (
            {"steps": [{"name": "a", "epoch": 2}]},
            "r.yaml: unknown option 'steps[0].epoch'. Did you mean 'steps[0].epo",
        ),
        ({"also": {"knd": "thin"}}, "r.yaml: unknown option 'also.knd'. Did you mean 'also.kind'?"),
    ],
)
def test_an_unknown_key_names_the_nearest_wherever_it_stands(held, sentence):
    """Issue: "an unknown key is an error naming the nearest"; union table C12 has the same typo."""
    with pytest.raises(Unknown) as raised:
        read_options(Recipe, held, where="r.yaml")

    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ({"seed": "many"}, "r.yaml: option seed differs: want a valid integer"),
        ({"seed": 1.5}, "r.yaml: option seed differs: want a valid integer, got a number with a fractional part"),
        ({"clouds": {"kind": "grey"}}, "r.yaml: option clouds.kind differs: want 'thin' or 'thick', have 'grey'."),
        ({"steps": [{}]}, "r.yaml: option steps.0.name differs: want Field required"),
        ({"clouds": 3}, "r.yaml: option clouds differs: want a dictionary or an instance of Clouds, have 3."),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_path(held, sentence):
    with pytest.raises(Mismatch) as raised:
        read_options(Recipe, held, where="r.yaml")

    assert str(raised.value).startswith(sentence)


def test_what_the_record_itself_refuses_is_its_own_sentence():
    with pytest.raises(Refused, match="recipe: seed must not be negative: have -1"):
        read_options(Recipe, {"seed": -1}, where="r.yaml")


def test_settings_lie_over_the_file_and_keep_the_type():
    """Union table D12: type kept."""
    got = with_settings(Recipe(), ["clouds.cloud_density=1e-3", "patience=4", "steps=[{name: a}]", "clouds.kind=thick"])

    assert got == Recipe(clouds=Clouds(0.001, "thick"), steps=(Step("a"),), patience=4)


@pytest.mark.parametrize(
    ("pair", "want"),
    [
        ("bands={}", {"bands": {}, "width": 8}),
        ("bands={nir: [B08]}", {"bands": {"nir": ["B08"]}, "width": 8}),
        ("bands.nir=[B08]", {"bands": {"rgb": ["B04"], "nir": ["B08"]}, "width": 8}),
        ("bands=null", {"bands": None, "width": 8}),
        ("width.more=1", {"bands": {"rgb": ["B04"]}, "width": {"more": 1}}),
    ],
)
def test_a_setting_replaces_what_its_path_names_and_nothing_beside_it(pair, want):
    """An empty mapping must be a way to take everything out."""
    assert with_setting({"bands": {"rgb": ["B04"]}, "width": 8}, pair) == want


def test_a_setting_with_a_typo_names_the_nearest():
    with pytest.raises(Unknown, match=r"^--set clouds.kin=thin: unknown option 'clouds.kin'. Did you mean 'clouds.ki"):
        with_settings(Recipe(), ["clouds.kin=thin"])


@pytest.mark.parametrize("pair", ["seed", "a b=1", "=1", "a..b=1"])
def test_a_setting_of_another_form_is_refused(pair):
    with pytest.raises(Refused, match="is not KEY=VALUE"):
        setting(pair)


def test_a_value_that_is_no_yaml_is_refused():
    with pytest.raises(Refused, match="has a value that cannot be read"):
        setting("a=[1")


def test_records_become_plain_data_and_come_back():
    recipe = Recipe(steps=(Step("a", 2),), also=Clouds(2.0))

    assert to_plain(recipe)["steps"] == [{"name": "a", "epochs": 2}]
    assert read_options(Recipe, to_plain(recipe), where="again") == recipe


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("a: [1", "is no YAML in line 1"), ("- a", "holds a list, not keys with values"), ("", "holds a NoneType")],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, sentence):
    (tmp_path / "r.yaml").write_text(text)

    with pytest.raises(Unreadable, match=sentence):
        read_yaml(tmp_path / "r.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Unreadable, match=r"r.yaml: cannot be read \(No such file or directory\)"):
        read_yaml(tmp_path / "r.yaml")


def test_options_are_explained_as_yaml_that_reads_back_as_the_same_record():
    """Issue: "options as documented frozen records": the file can be given back as it was written."""
    import yaml

    from swath.core.options import explained
    from swath.core.specs import Calibration

    recipe = Recipe(steps=(Step("a", 2),), clouds=Clouds(0.25, "thick"), also=Clouds())

    assert read_options(Recipe, yaml.safe_load(explained(recipe)), where="again") == recipe
    assert explained(Calibration(1.5)) == "# > 0; 1 = as trained.\ntemperature: 1.5"
