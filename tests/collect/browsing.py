"""What the browser tests share: a worker's steps on the pages, in natural pixels of the photograph."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salcompare.sources.collected import DATABASE, collected_responses, collected_shown

if TYPE_CHECKING:
    import pandas as pd
    from playwright.sync_api import Browser, BrowserContext, Page

Box = tuple[int, int, int, int]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")
FIELDS = ("left", "top", "wide", "high")


def chromium_path() -> str | None:
    """Give the path of an installed Chromium, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def chromium_running() -> Iterator[Browser]:
    """Run the installed Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextlib.contextmanager
def visiting(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a page of its own session; anything that the browser complains about fails the test at the end."""
    context: BrowserContext = browser.new_context(**{"viewport": {"width": 1280, "height": 860}} | options)
    context.set_default_timeout(120_000)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    yield page
    context.close()
    assert not complaints


def _is_complaint(message: Any) -> bool:
    # A failed request is what the tests of failing connections are about.
    return message.type in {"error", "warning"} and "Failed to load resource" not in message.text


def begin(page: Page, url: str, worker: str) -> None:
    """Go through consent and instructions to the first photograph."""
    page.goto(f"{url}/?worker={worker}")
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="Start").click()
    ready(page)


def ready(page: Page) -> None:
    """Wait until the photograph can be drawn on."""
    page.wait_for_selector("#trial[data-ready]")


def photograph(page: Page) -> str:
    """Give the address of the photograph that is shown."""
    return page.locator("#trial").get_attribute("data-image") or ""


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Give where a natural pixel's corner is in the window."""
    left, top, right, bottom = page.evaluate(
        "() => { const r = document.getElementById('sheet').getBoundingClientRect();"
        " return [r.left, r.top, r.right, r.bottom]; }")
    width, height = (float(page.locator("#trial").get_attribute(f"data-{side}") or 0) for side in ("width", "height"))
    return left + (right - left) * x / width, top + (bottom - top) * y / height


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse from one natural point to another."""
    page.locator("#frame").scroll_into_view_if_needed()
    page.mouse.move(*on_screen(page, *start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, *((a + b) / 2 for a, b in zip(start, end, strict=True))))
    page.mouse.move(*on_screen(page, *end))
    page.mouse.up()


def draw_by_mouse(page: Page, box: Box) -> None:
    """Drag from the box's top left corner to the other."""
    drag(page, box[:2], box[2:])


def touch(page: Page, *steps: list[tuple[float, float]]) -> None:
    """Put fingers down at window points, move them step by step, and lift them."""
    session = page.context.new_cdp_session(page)
    for number, fingers in enumerate(steps):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent",
                     {"type": "touchMove" if number else "touchStart", "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def draw_by_touch(page: Page, box: Box) -> None:
    """Drag a finger from the box's top left corner to the other."""
    page.locator("#frame").scroll_into_view_if_needed()
    (x0, y0), (x1, y1) = on_screen(page, *box[:2]), on_screen(page, *box[2:])
    touch(page, [(x0, y0)], [((x0 + x1) / 2, (y0 + y1) / 2)], [(x1, y1)])


def press(page: Page, key: str, times: int) -> None:
    """Press a key so many times."""
    for _ in range(times):
        page.keyboard.press(key)


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if page.evaluate("selector => Boolean(document.activeElement?.matches(selector))", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {selector}")


def draw_by_keys(page: Page, box: Box) -> None:
    """Make a box with an arrow key, then move and size it; ten pixels with Control, one without."""
    tab_to(page, "#frame")
    page.keyboard.press("ArrowRight")
    left, top, right, bottom = shown_box(page)
    steps = (("ArrowRight", "ArrowLeft", "", box[0] - left), ("ArrowDown", "ArrowUp", "", box[1] - top),
             ("ArrowRight", "ArrowLeft", "Shift+", (box[2] - box[0]) - (right - left)),
             ("ArrowDown", "ArrowUp", "Shift+", (box[3] - box[1]) - (bottom - top)))
    for onward, back, shift, way in sorted(steps, key=lambda step: (step[3] > 0, not step[2])):
        key = onward if way > 0 else back
        press(page, f"Control+{shift}{key}", abs(way) // 10)
        press(page, f"{shift}{key}", abs(way) % 10)


def shown_box(page: Page) -> Box | None:
    """Give the box that the number fields show."""
    values = [page.locator(f"#box-{field}").input_value() for field in FIELDS]
    if not all(values):
        return None
    left, top, wide, high = map(int, values)
    return left, top, left + wide, top + high


def choose(page: Page, label: str) -> None:
    """Press a label's button."""
    page.locator(".choice", has_text=label).click()


def send(page: Page) -> None:
    """Press the button that sends, and wait for the next photograph or page."""
    before = photograph(page)
    page.get_by_role("button", name="Send and go on").click()
    moved_on(page, before)


def moved_on(page: Page, before: str) -> None:
    """Wait until another page than that photograph's is there."""
    page.wait_for_selector(f'#trial[data-ready]:not([data-image="{before}"]), h1:not(.instruction)')


def boxes(root: Path) -> pd.DataFrame:
    """Read the responses that the database holds."""
    return collected_responses(root / DATABASE, shown=DATABASE)


def shown(root: Path) -> pd.DataFrame:
    """Read what was shown to whom."""
    return collected_shown(root / DATABASE, shown=DATABASE)
