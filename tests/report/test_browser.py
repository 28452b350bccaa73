"""The page in a real browser, at the widths of a phone, a tablet and a desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swath.core.legends import legend
from swath.report import corpus_page, map_page, run_page
from tests.report.a_map_summary import a_map_summary
from tests.report.a_run_summary import a_run_summary, some_classes
from tests.report.a_summary import a_summary, a_virtual_summary

pytestmark = pytest.mark.browser

WIDTHS = (360, 390, 768, 1280)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    long = "a_very_long_name_without_any_place_to_break_" * 4
    written = {
        "fields": a_summary(),
        "planet": a_virtual_summary(),
        "long": a_summary(name="x" * 120, source=long, command=long, licences=(long,), alarms=(long,)),
    }
    for name, summary in written.items():
        (folder / f"{name}.html").write_text(corpus_page(summary), encoding="utf-8")
    many = a_run_summary(
        classes=some_classes("corine-3"), confusion=np.eye(len(legend("corine-3").codes), dtype=int) * 27
    )
    runs = {
        "run": a_run_summary(),
        "many": many,
        "longrun": a_run_summary(name="x" * 120, corpus=long, commands={"Test": long}),
    }
    for name, run in runs.items():
        (folder / f"{name}.html").write_text(run_page(run), encoding="utf-8")
    maps = {"map": a_map_summary(), "longmap": a_map_summary(scene="x" * 120, files={long: long}, command=long)}
    for name, held in maps.items():
        (folder / f"{name}.html").write_text(map_page(held), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in (*written, *runs, *maps)}


@pytest.fixture(params=WIDTHS)
def opened(request: pytest.FixtureRequest, chromium: Any, pages: dict[str, Path]) -> Iterator[Any]:
    """A function: name -> the page as opened, with what it asked for and complained of."""
    context = chromium.new_context(viewport={"width": request.param, "height": 900})

    def show(name: str) -> tuple[Any, list[str], list[str]]:
        page, asked, said = context.new_page(), [], []
        page.on("request", lambda r: asked.append(r.url))
        page.on("console", lambda m: said.append(m.text))
        page.on("pageerror", lambda e: said.append(str(e)))
        page.goto(pages[name].as_uri(), wait_until="load")
        return page, asked, said

    yield show
    context.close()


@pytest.mark.parametrize("name", ["fields", "planet", "long", "run", "many", "longrun", "map", "longmap"])
def test_nothing_scrolls_sideways_complains_or_asks(opened, name):
    """On a phone a page that is wider than the screen is a page that is not read."""
    page, asked, said = opened(name)

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert [url for url in asked if not url.startswith("data:")] == [page.url]
    assert said == []


@pytest.mark.parametrize("name", ["fields", "run", "many", "map"])
def test_letters_are_at_least_11_pixels_high(opened, name):
    """Also those in drawings, after whatever the page scales."""
    page, _, _ = opened(name)

    smallest = page.evaluate(
        """() => {
          const seen = [...document.querySelectorAll('svg text')].filter(t => t.getClientRects().length)
            .map(t => [parseFloat(t.getAttribute('font-size')), t.getScreenCTM()])
            .map(([size, m]) => size * Math.hypot(m.a, m.b))
          const other = [...document.querySelectorAll('p, td, th, dt, dd, li, figcaption, code')]
            .map(e => parseFloat(getComputedStyle(e).fontSize))
          return [Math.min(...seen), Math.min(...other), seen.length]
        }"""
    )

    assert smallest[0] >= 11
    assert smallest[1] >= 11
    assert smallest[2] > 50


@pytest.mark.parametrize("name", ["fields", "run", "many", "map"])
def test_one_width_of_each_drawing_is_shown(opened, name):
    """Three are in the page; more or less than one on the screen would be a mistake of the style."""
    page, _, _ = opened(name)

    shown = page.evaluate(
        """() => [...document.querySelectorAll('.wide')].map(w =>
          [w, w.nextElementSibling, w.nextElementSibling.nextElementSibling].filter(e => e.offsetParent).length)"""
    )

    assert set(shown) == {1}


@pytest.mark.parametrize("name", ["fields", "run", "many", "map"])
def test_text_in_drawings_stays_inside_them(opened, name):
    """Labels cut off at an edge are labels that lie."""
    page, _, _ = opened(name)

    outside = page.evaluate(
        """() => [...document.querySelectorAll('svg[role=img] text')].filter(t => {
          if (!t.getClientRects().length) return false
          const text = t.getBoundingClientRect(), whole = t.closest('svg[role=img]').getBoundingClientRect()
          return text.left < whole.left - 1 || text.right > whole.right + 1 || text.bottom > whole.bottom + 1
        }).map(t => t.textContent)"""
    )

    assert outside == []


@pytest.mark.parametrize("name", ["fields", "run", "many", "map"])
def test_every_link_leads_somewhere(opened, name):
    """All of them inside the page, but those to other pages of the same making."""
    page, _, _ = opened(name)

    assert page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].every(a => document.querySelector(a.getAttribute('href')))"
    )


@pytest.mark.parametrize("name", ["fields", "run", "many", "map"])
def test_pictures_are_loaded(opened, name):
    """A broken data URI has no width."""
    page, _, _ = opened(name)

    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth === 64)")
