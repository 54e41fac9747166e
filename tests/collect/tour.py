"""A walk past every page that a worker or a researcher can see, stopping at each: for axe and for screenshots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from salcompare.collect.stimuli import HOUSE_PARTS
from tests.collect.browsing import Box, moved_on, photograph, ready
from tests.collect.hands import HANDS, answer, button

if TYPE_CHECKING:
    from playwright.sync_api import Page

HAND = HANDS["mouse"]
DOOR, WINDOW = HOUSE_PARTS["door"], HOUSE_PARTS["window"]
WRONG = (104, 190, 376, 300)


def tour(page: Page, url: str, monitor_token: str, box: Box) -> Iterator[str]:
    """Stop at every page; gives its name.

    Parameters
    ----------
    page : Page
        Of a new session.
    url : str
        Of a study with two practice tasks on the drawn house, and checks.
    monitor_token : str
        The monitor's.
    box : tuple of int
        To draw on the photographs.
    """
    yield from _before(page, url)
    yield from _practice(page)
    yield from _trials(page, box)
    page.goto(f"{url}/no-such-page")
    yield "error"
    page.goto(f"{url}/monitor?token={monitor_token}")
    yield "monitor"


def _before(page: Page, url: str) -> Iterator[str]:
    page.goto(url)
    yield "entry"
    page.goto(f"{url}/?worker={'x' * 70}")
    yield "entry-error"
    page.goto(f"{url}/?worker=W2")
    yield "consent"
    button(page, "I do not agree").click()
    yield "declined"
    page.goto(f"{url}/?worker=W1")
    button(page, "I agree").click()
    page.wait_for_url("**/instructions")
    yield "instructions"
    button(page, "Start").click()
    ready(page)


def _practice(page: Page) -> Iterator[str]:
    yield "practice"
    answer(page, HAND, "wall", WRONG)
    page.locator("#feedback").wait_for()
    yield "practice-bad"
    before = photograph(page)
    button(page, "Try again").click()
    moved_on(page, before)
    yield "practice-again"
    answer(page, HAND, "door", DOOR)
    page.locator("#feedback").wait_for()
    yield "practice-good"
    before = photograph(page)
    button(page, "Go on").click()
    moved_on(page, before)
    answer(page, HAND, "window", WINDOW)
    page.locator("#feedback").wait_for()
    before = photograph(page)
    button(page, "Go on").click()
    moved_on(page, before)


def _trials(page: Page, box: Box) -> Iterator[str]:
    yield "trial"
    button(page, "Send and go on").click()
    yield "trial-missing"
    button(page, "I see nothing to box").click()
    yield "trial-none"
    button(page, "Go back").click()
    for summary in page.locator("summary").all():
        summary.click()
    HAND.draw(page, box)
    HAND.pick(page, "")
    yield "trial-numbers"
    for summary in page.locator("summary").all():
        summary.click()
    page.reload()  # what was said to be missing goes, the box stays
    ready(page)
    HAND.pick(page, "eye brows")
    yield "trial-box"
    before = photograph(page)
    page.context.set_offline(True)
    button(page, "Send and go on").click()
    page.locator("#notice").wait_for()
    yield "offline"
    page.context.set_offline(False)
    moved_on(page, before)
    while page.url.endswith("/trial"):
        ready(page)
        if "nose" in page.locator("#instruction").inner_text():
            yield "check"
        before = photograph(page)
        answer(page, HAND, "eye brows", box)
        moved_on(page, before)
    yield "debrief"

