"""Every page is one that anybody can use: axe finds nothing in light and dark, and nothing is wider than the window."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collect.browsing import visiting
from tests.collect.serving import make_task, serving
from tests.collect.tour import tour

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
STOPS = {"entry", "entry-error", "consent", "declined", "instructions", "practice", "practice-bad", "practice-again",
         "practice-good", "trial", "trial-missing", "trial-none", "trial-numbers", "trial-box", "offline", "check",
         "debrief", "error", "monitor"}
SCREENS = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},  # WCAG's width for reflow
}


@pytest.mark.parametrize("scheme", SCREENS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(scheme: str, browser, tmp_path: Path):
    from axe_playwright_python.sync_playwright import Axe

    axe, options = Axe(), {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    task = make_task(tmp_path, n_images=1)
    stops = {}
    with serving(tmp_path, task) as url, visiting(browser, **SCREENS[scheme]) as page:
        for name in tour(page, url, task.keys.monitor_token, (60, 80, 130, 150)):
            found = axe.run(page, options=options).response["violations"]
            wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            stops[name] = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
            stops[name] += ["wider than the window"] if wide else []
    assert {name: faults for name, faults in stops.items() if faults} == {}
    assert set(stops) == STOPS
