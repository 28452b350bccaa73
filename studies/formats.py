"""Real sets through their readers: what each becomes, which items lie, and where we measure otherwise than was said."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from studies.formats_items import agreements, lies
from studies.formats_sets import SETS, picture_of, row_of
from studies.markdown import table
from swath.core.files import write_whole
from swath.core.quantity import BOA, to_float
from swath.corpus.corpus import Corpus

TITLE: Final = "Formats: every real set as a corpus"
#: Esri's land cover of 10 m: the codes as its image service names them.
_ESRI: Final = {1: "water", 2: "trees", 4: "flooded vegetation", 5: "crops", 7: "built area", 8: "bare ground",
                9: "snow or ice", 10: "clouds", 11: "rangeland"}  # fmt: skip


def compute(data: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Build every set, picture it, and compare."""
    rows: dict[str, dict[str, Any]] = {}
    held: dict[str, Corpus] = {}
    for name in SETS:
        rows[name], corpus = row_of(name, data, work)
        if corpus is None:
            continue
        held[name] = corpus
        blob, tiles = picture_of(name, corpus)
        if blob:
            file = f"formats-{name.replace(': ', '-').replace(' ', '-').lower()}.png"
            write_whole(pictures / file, blob)
            rows[name] |= {"picture": file, "tiles": tiles, "picture_bytes": len(blob)}
    return {
        "n": len(rows),
        "rows": rows,
        "trees": agreements(data),
        "items": lies(data),
        "otherwise": otherwise(held),
    }


def otherwise(held: dict[str, Corpus]) -> list[dict[str, str]]:
    """Where a figure of ours is not the one that stands beside the data: set, said, measured."""
    made = []

    def say(name: str, said: str, measured: str) -> None:
        made.append({"set": name, "said": said, "measured": measured})

    snow = held["sen12mscr-pairs"].sample("ROIs1158_spring_26_p100").targets["s2-clear"].stack
    if snow is not None:
        blue = snow.data[0, snow.bands.index("B02")]
        low = int((blue <= 2500).sum())
        say(
            "sen12mscr-pairs, 26_p100",
            "clear look: B02 above 2500 everywhere",
            f"{low} of {blue.size:,} pixels lie at 2500 or below, the darkest at {int(blue.min()):,}",
        )
    for name, said in (
        ("s1s2-timeseries-belgium: S2", "2023-04-05 and 2023-04-15 are free of cloud by SCL"),
        ("s2-timeseries-places: Belgium", "three dates lie below 50 % cloud: 10-07 (58 %), 10-22 and 12-26 (0 %)"),
    ):
        (sample,) = held[name].samples([0])
        classes = sample.stacks["scl"]
        cloud = np.isin(classes.data, (8, 9, 10)).mean(axis=(1, 2, 3))
        days = [str(day)[:10] for day in classes.times]
        few = [f"{day}: {share:.1%}" for day, share in zip(days, cloud, strict=True) if share < 0.6]
        say(name, said, f"share of SCL classes 8 to 10, all dates below 60 %: {', '.join(few)}")
    say("s1s2-places, LULC", "codes 1 to 9 in Esri's legend of 10 m (believed)", _renumbered(held["s1s2-places"]))
    (togo,) = held["s1s2-timeseries-belgium: Togo"].samples([0])
    times = togo.stacks["s2"].times.astype("datetime64[D]")
    say(
        "s1s2-timeseries-belgium, Togo",
        "12 months",
        f"12 steps of 30 days: the name's two dates lie 360 days apart; the last step begins on {times[-1]}",
    )
    rain = togo.stacks["precipitation"].data.mean(axis=(1, 2, 3))
    say(
        "s1s2-timeseries-belgium, Togo",
        "precipitation, without a unit",
        f"sums to {rain.sum() * 1000:.0f} mm over 12 steps: a desert's year if it were metres a month, "
        f"{rain.sum() * 30000:.0f} mm if metres a day, which Togo has",
    )
    return made


def _renumbered(corpus: Corpus) -> str:
    """Reflectance of the classes whose codes Esri gives to something else."""
    told = []
    for sample in corpus.samples(np.arange(len(corpus))):
        codes = sample.targets["lulc"].stack
        stack = sample.stacks["s2-l2a"]
        if codes is None:
            continue
        red, nir = (to_float(stack.data[0], stack.quantity, BOA)[stack.bands.index(band)] for band in ("B04", "B08"))
        index = (nir - red) / np.maximum(nir + red, 1e-6)
        for code in np.unique(codes.data):
            here = codes.data[0, 0] == code
            if code in (4, 6, 9):
                esri = _ESRI.get(int(code), "no class")
                told.append(
                    f"{sample.id} {code} ({esri} there): NDVI {np.median(index[here]):.2f}, "
                    f"B04 {np.median(red[here]):.2f} on {here.mean():.0%}"
                )
    return f"numbered anew without gaps (6 bare ground, 9 rangeland): {'; '.join(told)}"


def page(figures: dict[str, Any]) -> str:
    """The page."""
    rows = figures["rows"]
    parts = [
        f"{figures['n']} rows: every real set that holds pixels or series, opened by its reader, built into a corpus.",
        "What cannot be read is counted in quarantine with its reason; what is refused as a whole says why.",
        "",
        _sets(rows),
        "",
        "EuroSAT RGB's places come from `positions.csv.gz`. The five quarantined trees of `safe` hold metadata and no",
        "image. Dates and offset verdicts are counted over all samples, or 2,000 spread evenly where there are more.",
        "A row's name leads to its picture.",
        "",
        "## Offsets, and the evidence",
        "",
        _offsets(rows),
        "",
        "## SAFE trees beside the items that others made of them",
        "",
        table(
            ["tree", "baseline", "offset", "facts that agree", "that differ"],
            [
                [
                    f"`{each['tree']}`",
                    each["baseline"],
                    ", ".join(f"{offset:g}" for offset in each["offset"]) or "-",
                    f"{each['agree']} of {each['facts']}",
                    "; ".join(each["differ"]) or "none",
                ]
                for each in figures["trees"]
            ],
        ),
        "",
        "Facts are name, baseline, platform, tile, CRS, cloud cover, angles, orbit, time, outline, and of every asset",
        "the grid, offset and scale. An item of a bucket's tile is dated by the tile, that of a SAFE by its datatake.",
        "",
        "## Items that lie",
        "",
        table(
            ["items", "n", "lies"],
            [[f"`{each['file']}`", each["items"], _lies(each)] for each in figures["items"]],
        ),
        "",
        "## Where we measure otherwise",
        "",
        "Figures that stand beside the data, and what our readers measure in it:",
        "",
        table(
            ["set", "said", "measured"],
            [[each["set"], each["said"], each["measured"]] for each in figures["otherwise"]],
        ),
        "",
        "## Pictures",
        "",
        "Every stack of a few samples, dates in the order of time, shown alike. A tile that is all white is",
        "thick cloud; a chequered one holds no measurement there.",
    ]
    for name, row in rows.items():
        if "picture" in row:
            parts += ["", f"### {name}", "", f"![{name}, {row['tiles']} pictures]({row['picture']})", "", row["credit"]]
    return "\n".join(parts)


def _sets(rows: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, row in rows.items():
        if "refused" in row:
            lines.append([f"`{name}`", row["format"], 0, 0, f"refused: {row['refused']}", "", "", ""])
            continue
        for k, (stack, held) in enumerate(row["stacks"].items()):
            size = f"{len(held['bands'])} x {held['size'][0]} x {held['size'][1]}"
            reasons = ", ".join(f"{count} {reason}" for reason, count in row["reasons"].items())
            shown = f"[`{name}`]({row['picture']})" if "picture" in row else f"`{name}`"
            first = [shown, row["format"], f"{row['samples']:,}", reasons or 0] if k == 0 else [""] * 4
            role = " (target)" if stack in row["targets"] else ""
            lines.append(
                [*first, f"{stack}{role}: {size}, {held['quantity']}", held["level"] or "-", _dates(held), _gsd(held)]
            )
    head = ["set", "format", "samples", "quarantined", "stack, quantity", "level", "dates", "gsd [m]"]
    return table(head, lines)


def _dates(held: dict[str, Any]) -> str:
    if not held["first"]:
        return "unknown"
    span = held["first"] if held["first"] == held["last"] else f"{held['first']} .. {held['last']}"
    return f"{span} ({held['dates']})" if held["dates"] > 1 else span


def _gsd(held: dict[str, Any]) -> str:
    if not held["gsd"]:
        return ""
    (west, east), (north, south) = held["gsd"]
    if (west, east) == (north, south):
        return f"{west:.4g}" if west == east else f"{west:.4g}..{east:.4g}"
    said = [f"{low:.4g}" if low == high else f"{low:.4g}..{high:.4g}" for low, high in ((west, east), (north, south))]
    return " x ".join(said)


def _offsets(rows: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, row in rows.items():
        for stack, held in row["stacks"].items():
            if not held["verdicts"]:
                continue
            counts = ", ".join(f"{count:,} {answer}" for answer, count in held["verdicts"].items())
            moved = f"; {held['shifted_up']} shifted up" if held["shifted_up"] else ""
            evidence = "; ".join(held["evidence"].values())
            lines.append([f"`{name}`", stack, held["quantity"], f"{counts}{moved}", evidence])
    return table(["set", "stack", "read as", "verdicts, one a date", "the first of each"], lines)


def _lies(each: dict[str, Any]) -> str:
    return (
        "; ".join(text if count == 1 else f"{text} ({count} items)" for text, count in each["lies"].items()) or "none"
    )
