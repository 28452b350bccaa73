"""Mapping: a plan run over a scene, strip by strip, into maps that explain themselves.

While one strip is predicted the next is read and the one before is written. Finished strips lie in a folder beside the
map until it is whole: a run that was killed goes on from there and ends with the same bytes. Then rows are painted into
two COGs, of classes and of probabilities, everything is read back and compared, and the files take their names, the map
itself last.

    map.tif              classes: palette, nodata, overviews by mode, tags
    map.tif.aux.xml      names and a table of classes, for GDAL
    map.qml              colours and names, for QGIS
    map-probability.tif  of the class on the map, then of every class, in 8 bits
    map.png              a preview with legend and scale bar
    map.json             a STAC item
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock, Timeout

from swath.core.array import Array
from swath.core.errors import Mismatch, Refused, Unreadable
from swath.core.files import publish, refusal, remove, write_new, write_whole
from swath.core.progress import SILENT, Progress
from swath.core.scene import Window
from swath.core.specs import Predictor
from swath.draw.legend import Key
from swath.draw.picture import png
from swath.draw.preview import class_picture, map_preview
from swath.formats.cog import CogSpec, RowWriter, bounded_cache, read_small, read_tags
from swath.formats.style import aux_xml, qml, world_file
from swath.prediction.answers import FULL, NONE, Carry, answer, count_asked, load_answers, read_strip, save_answers
from swath.prediction.describe import item_bytes, legend_of, map_tags
from swath.prediction.mapped import ClassArea, MapFiles, MappedScene, map_files, mapped_areas
from swath.prediction.mapplan import GDAL_CACHE, MapPlan, Strip
from swath.prediction.paint import Painter

__all__ = ["run_map"]

_PREVIEW: Final = 1200  # pixels of its longer side at most
_WIDE: Final = 65535  # nodata where a code needs 16 bits


@contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Nobody else may make this map meanwhile."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0, mode=0o644)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise Refused(where=str(path), what="another process is making it", fix="Wait for it, or stop it.") from None
    except OSError as error:
        raise refusal(path, error) from error
    try:
        yield
    finally:
        lock.release()
        remove(Path(lock.lock_file))


def run_map(
    plan: MapPlan,
    predictor: Predictor,
    path: Path | str,
    *,
    overwrite: bool = False,
    has_world: bool = False,
    progress: Progress = SILENT,
    painting: Progress = SILENT,
) -> MappedScene:
    """Map a scene.

    Parameters
    ----------
    plan : MapPlan
        From `plan_map`.
    predictor : Predictor
        The plan's model.
    path : Path
        The map, `.tif`; its companions lie beside it.
    overwrite : bool
        Replace what is there; what another plan began is thrown away.
    has_world : bool
        Write a `.tfw` too.
    progress : Progress
        Told the windows after each strip.
    painting : Progress
        Told the rows that are painted.

    Returns
    -------
    MappedScene

    Raises
    ------
    Refused
        The file is there and is of another plan, the disk is full, or no window is measured well enough.
    Unreadable
        The scene cannot be read; what was finished is kept.
    """
    files = map_files(Path(path), has_world=has_world)
    if has_world and plan.fitted.scene.geobox is None:
        raise Refused(where=str(files.world), what="needs a place, and the scene has none", fix="Leave --tfw out.")
    if files.map.exists() and not overwrite:
        return _there(plan, files)
    work = files.map.with_name(f".{files.map.name}.work")
    with _only_writer(files.map), bounded_cache(GDAL_CACHE):
        _begin(plan, work, files.map, overwrite=overwrite)
        _require_room(plan, files.map)
        asked, resumed = _answer_all(plan, predictor, work, progress)
        done = _assemble(plan, work, files, painting)
        shutil.rmtree(work)
    return MappedScene(
        files, *done, asked=asked, resumed=resumed, strips=len(plan.strips), declared=dict(plan.fitted.declared)
    )


def _there(plan: MapPlan, files: MapFiles) -> MappedScene:
    """The map that is there, if it is this one."""
    try:
        made = read_tags(files.map).get("SWATH_PLAN", "")
    except Unreadable:
        made = ""
    if made != plan.hash or not all(each.exists() for each in files.all):
        fix = "Choose another name, or pass --overwrite."
        raise Refused(where=str(files.map), what="is there already, and is not the whole of this map", fix=fix)
    areas, pixels, nodata = mapped_areas(plan, files.map)
    return MappedScene(files, areas, pixels, nodata, was_there=True, declared=dict(plan.fitted.declared))


def _begin(plan: MapPlan, work: Path, path: Path, *, overwrite: bool) -> None:
    """Make the folder of finished strips, or find the one of this very plan."""
    about = work / "plan.json"
    try:
        held = json.loads(about.read_bytes()) if about.exists() else None
    except (OSError, ValueError):
        held = {}
    if held is not None and held.get("hash") != plan.hash:
        if not overwrite:
            differs = ", ".join(_differences(held.get("plan", {}), plan)) or "its plan"
            fix = "Give the command that began it, or pass --overwrite to begin anew."
            raise Refused(where=str(path), what=f"was begun by another plan ({differs} differs)", fix=fix)
        held = None
    if held is None:
        shutil.rmtree(work, ignore_errors=True)
        text = json.dumps({"hash": plan.hash, "plan": plan.to_json()}, indent=1, sort_keys=True, ensure_ascii=False)
        write_new(about, text.encode())


def _differences(held: dict[str, object], plan: MapPlan) -> list[str]:
    now = json.loads(json.dumps(plan.to_json()))
    return sorted(name for name in now if held.get(name) != now[name])


def _require_room(plan: MapPlan, path: Path) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < plan.disk // 4:  # what compression leaves is not known before
        want, have = (f"{each / 1e6:,.0f} MB" for each in (plan.disk, free))
        fix = "Free some space, or write to another disk."
        raise Refused(where=str(path), what="has too little room", want=f"up to {want}", have=have, fix=fix)


def _strip_file(work: Path, number: int) -> Path:
    return work / f"strip-{number:06d}.npz"


def _answer_all(plan: MapPlan, predictor: Predictor, work: Path, progress: Progress) -> tuple[int, int]:
    """Answer what is not answered yet: read ahead, predict, write behind."""
    todo = [i for i in range(len(plan.strips)) if not _strip_file(work, i).exists()]
    resumed, across = len(plan.strips) - len(todo), len(plan.cols)
    done = plan.windows - sum(plan.strips[i].stop - plan.strips[i].start for i in todo) * across
    asked = 0
    with (
        ThreadPoolExecutor(1, thread_name_prefix="swath-read") as reader,
        ThreadPoolExecutor(1, thread_name_prefix="swath-write") as writer,
    ):
        writing: Future[None] | None = None
        carry: Carry | None = None
        strips = [_begun(plan, todo, n) for n in range(len(todo))]
        coming = [reader.submit(read_strip, plan, each) for each in strips[:1]]
        progress(done, plan.windows)
        for n, i in enumerate(todo):
            pixels = coming.pop().result()
            coming += [reader.submit(read_strip, plan, each) for each in strips[n + 1 : n + 2]]
            follows = n > 0 and todo[n - 1] == i - 1
            held, carry = answer(plan, predictor, strips[n], pixels, carry if follows else None)
            del pixels
            if writing is not None:
                writing.result()
            writing = writer.submit(save_answers, _strip_file(work, i), held)
            asked += held.asked
            done += (plan.strips[i].stop - plan.strips[i].start) * across
            progress(done, plan.windows)
        if writing is not None:
            writing.result()
    return asked, resumed


def _begun(plan: MapPlan, todo: Sequence[int], n: int) -> Strip:
    """The strip to be answered next; a dense one that does not follow its neighbour begins further up."""
    strip = plan.strips[todo[n]]
    follows = n > 0 and todo[n - 1] == todo[n] - 1
    return plan.warmed(strip) if plan.is_dense and not follows else strip


def _code_table(plan: MapPlan) -> tuple[Array, int]:
    """Code of each position in the model's output, and of `NONE`; and nodata."""
    codes = plan.output.codes
    wide = max(codes) >= NONE or min(codes) < 0
    if wide and not (min(codes) >= 0 and max(codes) < _WIDE):
        want = f"0 to {_WIDE - 1}"
        raise Mismatch(where=f"bundle {plan.bundle}", what="codes of classes", want=want, have=str(codes))
    nodata = _WIDE if wide else NONE
    table = np.full(NONE + 1, nodata, np.uint16 if wide else np.uint8)
    table[: len(codes)] = codes
    return table, nodata


def _specs(plan: MapPlan) -> tuple[CogSpec, CogSpec]:
    """What both files are to be."""
    table, nodata = _code_table(plan)
    tags, box = map_tags(plan), plan.fitted.scene.geobox
    colours = {each.code: each.rgb for each in legend_of(plan).classes if each.code in plan.output.codes}
    classes = CogSpec(
        shape=plan.shape,
        bands=1,
        dtype=table.dtype.name,
        nodata=nodata,
        geobox=box,
        overviews="mode",
        names=("class",),
        palette=colours,
        tags=tags,
    )
    chances = CogSpec(
        shape=plan.shape,
        bands=len(plan.output.codes) + 1,
        dtype="uint8",
        nodata=NONE,
        geobox=box,
        overviews="average",
        names=("highest", *plan.output.names),
        scale=1 / FULL,
        tags=tags,
    )
    return classes, chances


def _assemble(plan: MapPlan, work: Path, files: MapFiles, painting: Progress) -> tuple[tuple[ClassArea, ...], int, int]:
    """Paint, check and publish."""
    if not any(count_asked(_strip_file(work, i)) for i in range(len(plan.strips))):
        shutil.rmtree(work)
        share = plan.options.min_valid
        what = f"holds no window of which {share:.0%} was measured" if share else "holds no measured pixel"
        fix = "Look at its nodata, or lower --min-valid."
        raise Refused(where=f"scene {plan.where}", what=what, fix=fix)
    made = {each: work / each.name for each in files.all}
    table, nodata = _code_table(plan)
    classes, chances = _specs(plan)
    painter = Painter(plan, lambda i: load_answers(_strip_file(work, i)))
    height = plan.shape[0]
    with RowWriter(made[files.map], classes) as one, RowWriter(made[files.probability], chances) as other:
        painting(0, height)
        for top in range(0, height, plan.paint_rows):
            bottom = min(top + plan.paint_rows, height)
            best, probability = painter.rows(top, bottom)
            one.write(table[best][None])
            other.write(probability)
            painting(bottom, height)
        one.finish()
        other.finish()
    areas, pixels, empty = mapped_areas(plan, made[files.map])
    _write_beside(plan, files, made, areas, classes.dtype, nodata)
    for each in files.all:
        publish(made[each], each)
    return areas, pixels, empty


def _write_beside(
    plan: MapPlan,
    files: MapFiles,
    made: dict[Path, Path],
    areas: Sequence[ClassArea],
    dtype: str,
    nodata: int,
) -> None:
    """Companions of the map."""
    legend, codes = legend_of(plan), plan.output.codes
    counts = {each.code: each.pixels for each in areas}
    date = plan.fitted.scene.read(Window(0, 0, 1, 1)).times[0]
    names = {
        "map": files.map.name,
        "probability": files.probability.name,
        "preview": files.preview.name,
        "style": files.style.name,
        "table": files.table.name,
    }
    hectares = {each.name: each.hectares for each in areas}
    write_whole(made[files.style], qml(legend, codes).encode())
    write_whole(made[files.table], aux_xml(legend, codes, counts).encode())
    item = item_bytes(plan, assets=names, dtype=dtype, nodata=nodata, areas=hectares, date=date)
    write_whole(made[files.item], item)
    write_whole(made[files.preview], _preview(plan, made[files.map], areas, date))
    box = plan.fitted.scene.geobox
    if files.world is not None and box is not None:
        write_whole(made[files.world], world_file(box).encode())


def _preview(plan: MapPlan, path: Path, areas: Sequence[ClassArea], date: np.datetime64) -> bytes:
    legend, scene = legend_of(plan), plan.fitted.scene
    small = read_small(path, _PREVIEW)
    known = sum(each.pixels for each in areas)
    seen = sorted((each for each in areas if each.pixels), key=lambda each: -each.pixels)
    colours = {each.code: f"#{each.colour}" for each in legend.classes}
    keys = [Key(f"{each.name} {each.pixels / known:.0%}", colours[each.code]) for each in seen if each.code in colours]
    picture = class_picture(small, legend, shown=plan.output.codes)
    down, across = plan.support
    when = "" if np.isnat(date) else f" on {np.datetime_as_string(date, unit='D')}"
    notes = [
        f"By {plan.bundle}. Each answer looks at {down:g} x {across:g} m. Shares are of mapped area, which carries the "
        "map's errors.",
        *(f"Declared, not checked: {said} ({name})." for name, said in plan.fitted.declared.items()),
    ]
    metres = scene.gsd[0] * plan.shape[1] / small.shape[1]
    if not seen:
        return png(picture)
    return map_preview(picture, keys, metres=metres, title=f"{plan.where}{when}", notes=notes)
