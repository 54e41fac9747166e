"""Three ways to use the pages: by mouse, by touch and by keyboard alone; and a worker who goes their whole way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from salcompare.collect.stimuli import HOUSE_PARTS
from tests.collect.browsing import Box, draw_by_keys, draw_by_mouse, draw_by_touch, moved_on, photograph, ready

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TRUE_NOSE = (96, 120, 144, 180)  # of the checks' photographs, which serving.py draws
TRIAL = ("eyes", (60, 80, 131, 117))


@dataclass(frozen=True)
class Hand:
    """How a worker presses, draws and picks a label; `screen` are the browser's options."""

    press: Callable[[Locator], None]
    draw: Callable[[Page, Box], None]
    pick: Callable[[Page, str], None]
    screen: dict[str, Any]


def by_key(wanted: Locator) -> None:
    """Go to an element by Tab, and press Enter."""
    tab_to(wanted)
    wanted.page.keyboard.press("Enter")


def tab_to(wanted: Locator) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        wanted.page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {wanted}")


def pick_by_keys(page: Page, label: str) -> None:
    """Go to the labels by Tab, and to one by the arrow keys."""
    tab_to(page.locator("#label-1"))
    page.keyboard.press("Space")
    wanted = page.locator(f'#labels input[value="{label}"]')
    for _ in range(20):
        if wanted.is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"the arrow keys never come to {label}")


def _label(page: Page, label: str) -> Locator:
    return page.locator(".choice").filter(has=page.locator(f'input[value="{label}"]'))


HANDS = {
    "mouse": Hand(lambda wanted: wanted.click(), draw_by_mouse, lambda page, label: _label(page, label).click(), {}),
    "touch": Hand(lambda wanted: wanted.tap(), draw_by_touch, lambda page, label: _label(page, label).tap(),
                  {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True,
                   "device_scale_factor": 3}),
    "keyboard": Hand(by_key, draw_by_keys, pick_by_keys, {}),
}


def button(page: Page, name: str) -> Locator:
    """Give a button or a link that looks like one."""
    return page.locator(".button", has_text=name).filter(visible=True)


def instructed(page: Page, *, practice: bool) -> tuple[str, Box]:
    """Give the label and box that the line above a photograph asks for; a choice of one's own where it asks none."""
    words = page.locator("#instruction").inner_text()
    asked = words.removeprefix("Draw a box around the ").removesuffix(".")
    if practice:
        return asked, HOUSE_PARTS[asked]
    return ("nose", TRUE_NOSE) if asked == "nose" else TRIAL


def answer(page: Page, hand: Hand, label: str, box: Box) -> None:
    """Draw, choose a label, and send."""
    hand.draw(page, box)
    hand.pick(page, label)
    hand.press(button(page, "Send and go on"))


def practise(page: Page, hand: Hand, *, badly: Box | None = None) -> list[str]:
    """Practise until the trials begin, the first time with a bad box if told so; gives the headings of feedback."""
    heard = []
    while page.url.endswith("/practice"):
        ready(page)
        before = photograph(page)
        label, box = instructed(page, practice=True)
        answer(page, hand, label, badly if badly and not heard else box)
        panel = page.locator("#feedback")
        panel.wait_for()
        heard.append(panel.locator("h2").inner_text())
        hand.press(panel.locator("a"))
        moved_on(page, before)
    return heard


def try_trials(page: Page, hand: Hand) -> int:
    """Answer photographs until the debriefing; gives their number."""
    done = 0
    while page.url.endswith("/trial"):
        ready(page)
        before = photograph(page)
        answer(page, hand, *instructed(page, practice=False))
        moved_on(page, before)
        done += 1
    return done


def agree_and_start(page: Page, hand: Hand) -> None:
    """Go through consent and instructions."""
    hand.press(button(page, "I agree"))
    page.wait_for_url("**/instructions")
    hand.press(button(page, "Start"))
    ready(page)
