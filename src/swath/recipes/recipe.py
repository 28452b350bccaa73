"""Recipe: a chain of named stages, read from YAML and checked whole before anything is done.

    about: One line for people.
    stages:
      fields:                              # a name of one's own ...
        do: build                          # ... and a kind; left out where the name is a kind's
        source: planet
        declare: {n: 600, seed: 7}
      blocks: {do: split, corpus: fields, method: place, block: 1deg}
      train: {corpus: fields, split: blocks, loop: {epochs: 8}}

A stage names earlier ones by what it needs them for (`corpus: fields`); everything else are options of its kind,
checked by the same records as the commands'. Recipes that ship lie in `shipped/` and are found by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from swath.core.errors import Mismatch, Refused, Unknown
from swath.core.options import read_options, read_yaml, setting, with_settings
from swath.recipes.stage import Kind, Stage
from swath.recipes.stage_kinds import stage_kind

__all__ = ["Recipe", "find_recipe", "read_recipe", "recipe_text", "seeds_of", "shipped_recipes", "with_seeds"]

_KEYS: Final = ("about", "stages")
_SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Stages in their order; each stands on earlier ones only."""

    #: The file's name without its ending.
    name: str
    #: One line for people.
    about: str
    stages: tuple[Stage, ...]


def _shipped() -> dict[str, Path]:
    folder = Path(str(files("swath.recipes") / "shipped"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def shipped_recipes() -> dict[str, str]:
    """Name -> what it is about, of every recipe that ships.

    Examples
    --------
    >>> shipped_recipes()["planet"]
    'The virtual planet: a corpus, a split by place, a small network; offline, in a minute or two.'
    """
    return {name: str(read_yaml(path).get("about", "")) for name, path in _shipped().items()}


def find_recipe(name: str | Path) -> Path:
    """Find the file of a recipe: a path, or the name of one that ships.

    Raises
    ------
    Unknown
        There is none; the nearest is named.
    """
    path = Path(name)
    if path.suffix in _SUFFIXES or path.is_file():
        return path
    shipped = _shipped()
    if str(name) not in shipped:
        raise Unknown(str(name), shipped, what="recipe")
    return shipped[str(name)]


def recipe_text(name: str | Path) -> str:
    """The file of a recipe as it is, to be read or copied."""
    return find_recipe(name).read_text(encoding="utf-8")


def read_recipe(name: str | Path, *, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe and check all of it.

    Parameters
    ----------
    name : str or Path
        A file, or the name of a recipe that ships.
    settings : sequence of str
        `stage.option=value`, laid over what the file says.

    Raises
    ------
    Unreadable
        It is no YAML, or not a mapping.
    Unknown
        A key, a kind of stage, an option, or a stage that is named does not exist; the nearest is named, with file and
        stage.
    Mismatch
        A value does not fit, or a stage of another kind is needed.
    Refused
        There are no stages, or one lacks what it stands on.
    """
    path = find_recipe(name)
    held, where = read_yaml(path), str(path) if Path(name) == path else f"recipe {name}"
    for key in held:
        if key not in _KEYS:
            raise Unknown(str(key), _KEYS, what="key", where=where)
    asked = held.get("stages")
    if not isinstance(asked, Mapping) or not asked:
        raise Refused(
            where=where, what="has no stages", fix="Write `stages:` and below it a name and options for each."
        )
    laid = _by_stage(settings, asked)
    stages: dict[str, Stage] = {}
    for stage_name, said in asked.items():
        stages[str(stage_name)] = _stage(str(stage_name), said, stages, laid.get(str(stage_name), ()), where)
    return Recipe(path.stem, str(held.get("about", "")), tuple(stages.values()))


def _by_stage(settings: Sequence[str], asked: Mapping[str, Any]) -> dict[str, list[str]]:
    """Settings without the stage's name, by stage."""
    laid: dict[str, list[str]] = {}
    for pair in settings:
        stage, inner = next(iter(setting(pair).items()))
        if stage not in asked:
            raise Unknown(stage, map(str, asked), what="stage", where=f"--set {pair}")
        path = pair.partition("=")[0]
        if "." not in path or not isinstance(inner, Mapping):
            fix = f"Write --set {stage}.OPTION=VALUE."
            raise Refused(where=f"--set {pair}", what="names a stage but no option", fix=fix)
        laid.setdefault(stage, []).append(pair.strip()[len(stage) + 1 :])
    return laid


def _stage(name: str, said: Any, earlier: Mapping[str, Stage], settings: Sequence[str], where: str) -> Stage:
    """Check one stage."""
    if not name.isidentifier():
        fix = "Use letters, digits and underscores, a letter first."
        raise Refused(where=f"{where} stage {name}", what="cannot be named so", fix=fix)
    where = f"{where} stage {name}"
    if said is None:
        said = {}
    if not isinstance(said, Mapping):
        raise Mismatch(where=where, what="stage", want="options, such as `do: build`", have=repr(said))
    given = {str(key): value for key, value in said.items()}
    kind_name = str(given.pop("do", name))
    kind = stage_kind(kind_name, where=where)
    known = [*kind.needs, *(each.name for each in fields(kind.options))]
    for key in given:
        if key not in known:
            raise Unknown(key, ["do", *known], what=f"option of a {kind_name} stage", where=where)
    kept = []
    for pair in settings:
        key, named = next(iter(setting(pair).items()))
        if key in kind.needs:
            given[key] = named
        else:
            kept.append(pair)
    inputs = {key: _named(key, given.pop(key, None), kind, earlier, where) for key in kind.needs}
    options = read_options(kind.options, given, where=where)
    for pair in kept:
        options = with_settings(options, [pair], where=f"{where} --set")
    for path, default in kind.filled.items():
        value: Any = options
        for part in path.split("."):
            value = getattr(value, part)
        if value != default:
            fix = f"Leave {path} out: it follows from the stages that this one names."
            raise Refused(where=where, what=f"says {path} {value!r}", fix=fix)
    return Stage(name, kind_name, kind, options, inputs, base=name)


def _named(key: str, said: Any, kind: Kind, earlier: Mapping[str, Stage], where: str) -> tuple[str, ...]:
    """The earlier stages that are named under a key."""
    need = kind.needs[key]
    names = [] if said is None else [said] if isinstance(said, str) else said
    if not isinstance(names, list) or (len(names) > 1 and not need.is_many):
        want = "names of earlier stages" if need.is_many else "the name of an earlier stage"
        raise Mismatch(where=where, what=key, want=want, have=repr(said))
    kinds = " or ".join(need.kinds)
    if not names and not need.is_optional:
        able = [each.name for each in earlier.values() if each.kind_name in need.kinds]
        fix = f"Write `{key}: {able[-1]}`." if able else f"Put a stage of kind {kinds} before it."
        raise Refused(where=where, what=f"does not say {key}, the name of an earlier stage of kind {kinds}", fix=fix)
    for each in names:
        if str(each) not in earlier:
            raise Unknown(str(each), earlier, what="earlier stage", where=f"{where} {key}")
        found = earlier[str(each)].kind_name
        if found not in need.kinds:
            raise Mismatch(where=where, what=key, want=f"a stage of kind {kinds}", have=f"{each}, of kind {found}")
    return tuple(map(str, names))


def seeds_of(text: str) -> tuple[int, ...]:
    """Read seeds: how many (0, 1, ...), or which, with commas.

    Examples
    --------
    >>> seeds_of("3"), seeds_of("4,7"), seeds_of("5,")
    ((0, 1, 2), (4, 7), (5,))
    """
    parts = [part.strip() for part in text.split(",")]
    parts = parts[:-1] if len(parts) > 1 and not parts[-1] else parts
    if not all(part.isdecimal() for part in parts) or text.strip() == "0" or len(set(parts)) < len(parts):
        fix = "Say how many, as 3, or which, as 0,1,2."
        raise Refused(where=f"--seeds {text}", what="are no seeds", fix=fix)
    return tuple(map(int, parts)) if "," in text else tuple(range(int(text)))


def with_seeds(recipe: Recipe, seeds: Sequence[int]) -> Recipe:
    """Repeat what depends on a seed once a seed: the stages that have one, and whatever stands on them.

    Raises
    ------
    Refused
        No stage has a seed.
    """
    if not seeds:
        return recipe
    split: set[str] = set()
    stages: list[Stage] = []
    for stage in recipe.stages:
        is_many = {key: need.is_many for key, need in stage.kind.needs.items()}
        follows = any(name in split for key, names in stage.inputs.items() if not is_many[key] for name in names)
        alone = {
            key: tuple(each for name in names for each in (_of_seeds(name, seeds) if name in split else [name]))
            for key, names in stage.inputs.items()
        }
        if not (stage.kind.seed or follows):
            stages.append(replace(stage, inputs=alone))
            continue
        split.add(stage.name)
        for seed in seeds:
            inputs = {
                key: alone[key] if is_many[key] else tuple(f"{n}-seed{seed}" if n in split else n for n in names)
                for key, names in stage.inputs.items()
            }
            options = stage.options
            if stage.kind.seed:
                options = with_settings(options, [f"{stage.kind.seed}={seed}"])
            name = f"{stage.name}-seed{seed}"
            stages.append(replace(stage, name=name, options=options, inputs=inputs, seed=seed))
    if not split:
        raise Refused(where=f"recipe {recipe.name}", what="has no stage with a seed", fix="Leave --seeds out.")
    return replace(recipe, stages=tuple(stages))


def _of_seeds(name: str, seeds: Sequence[int]) -> list[str]:
    return [f"{name}-seed{seed}" for seed in seeds]
