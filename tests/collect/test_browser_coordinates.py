"""Boxes arrive in the photograph's own pixels, whatever the window, the screen and the zoom."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.collect import browsing
from tests.collect.browsing import begin, drag, draw_by_mouse, on_screen, shown_box, visiting
from tests.collect.serving import serving

pytestmark = pytest.mark.browser

WINDOWS = [(320, 640), (768, 1024), (1600, 900)]
RATIOS = [1, 2]
BOXES = [(31, 47, 118, 96), (0, 0, 240, 300), (200, 11, 240, 40)]
PLAIN = {"practice": 0, "checks": False}


def far(found: object, box: browsing.Box) -> float:
    return max(abs(getattr(found, edge) - value) for edge, value in zip(("x0", "y0", "x1", "y1"), box, strict=True))


def test_boxes_are_exact_to_a_pixel_at_three_windows_and_two_pixel_ratios(browser, tmp_path: Path):
    wanted = []
    with serving(tmp_path, n_images=1, **PLAIN) as url:
        for number, (window, ratio) in enumerate(itertools.product(WINDOWS, RATIOS)):
            size = {"width": window[0], "height": window[1]}
            with visiting(browser, viewport=size, device_scale_factor=ratio) as page:
                begin(page, url, f"W{number}")
                first, box = BOXES[number % 3], BOXES[(number + 1) % 3]
                draw_by_mouse(page, first)
                assert shown_box(page) == pytest.approx(first, abs=1)
                page.get_by_role("button", name="Draw again").click()
                draw_by_mouse(page, box)
                assert shown_box(page) == pytest.approx(box, abs=1)
                browsing.choose(page, "nose")
                browsing.send(page)
                wanted.append(box)
    found = list(browsing.boxes(tmp_path).itertuples())
    assert len(found) == len(wanted) == 6
    assert max(far(one, box) for one, box in zip(found, wanted, strict=True)) <= 1


@pytest.mark.parametrize("ratio", [1, 2.625])
def test_zoom_makes_a_large_photograph_exact_on_a_small_screen(browser, tmp_path: Path, ratio: float):
    box = (655, 802, 700, 833)
    with serving(tmp_path, n_images=1, size=(1300, 1700), min_box=0.005, **PLAIN) as url, \
            visiting(browser, viewport={"width": 360, "height": 640}, device_scale_factor=ratio) as page:
        begin(page, url, "W1")
        for _ in range(6):
            page.get_by_role("button", name="Zoom in").click()
        draw_by_mouse(page, box)
        browsing.choose(page, "nose")
        browsing.send(page)
    assert far(next(browsing.boxes(tmp_path).itertuples()), box) <= 1


def test_a_resized_window_keeps_the_box_on_its_pixels(browser, tmp_path: Path):
    box = (60, 80, 130, 150)
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        draw_by_mouse(page, box)
        page.set_viewport_size({"width": 420, "height": 700})
        page.wait_for_function("innerWidth === 420")
        page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        drawn = page.locator(".drawn .line-over").bounding_box()
        x0, y0 = on_screen(page, *box[:2])
        x1, y1 = on_screen(page, *box[2:])
        assert drawn == pytest.approx({"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0}, abs=3)
        assert shown_box(page) == box


def test_edges_corners_and_the_inside_can_be_dragged(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        draw_by_mouse(page, (60, 80, 130, 150))
        drag(page, (130, 150), (150, 170))
        assert shown_box(page) == (60, 80, 150, 170)
        drag(page, (60, 125), (50, 125))
        assert shown_box(page) == (50, 80, 150, 170)
        drag(page, (100, 120), (120, 100))
        assert shown_box(page) == (70, 60, 170, 150)
        drag(page, (120, 100), (400, 100))
        assert shown_box(page) == (140, 60, 240, 150)


def test_two_presses_draw_as_a_drag_does_and_escape_takes_the_first_back(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        page.mouse.click(*on_screen(page, 40, 50))
        page.keyboard.press("Escape")
        page.mouse.click(*on_screen(page, 130, 150))
        assert shown_box(page) is None
        page.mouse.click(*on_screen(page, 60, 80))
        assert shown_box(page) == (60, 80, 130, 150)


def test_undo_and_redo_walk_through_what_was_drawn_and_a_dot_is_no_box(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        first, second = (60, 80, 130, 150), (20, 200, 90, 260)
        draw_by_mouse(page, first)
        draw_by_mouse(page, second)
        draw_by_mouse(page, (200, 20, 202, 40))
        assert "too small" in page.locator("#voice").inner_text()
        assert shown_box(page) == second
        page.get_by_role("button", name="Undo").click()
        assert shown_box(page) == first
        page.keyboard.press("Control+z")
        assert shown_box(page) is None
        page.get_by_role("button", name="Redo").click()
        page.keyboard.press("Control+y")
        assert shown_box(page) == second
        page.get_by_role("button", name="Draw again").click()
        assert shown_box(page) is None


def test_two_fingers_zoom_and_draw_nothing(browser, tmp_path: Path):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser, **phone) as page:
        begin(page, url, "W1")
        middle = on_screen(page, 120, 150)
        fingers = [[(middle[0] - gap, middle[1]), (middle[0] + gap, middle[1])] for gap in (30, 45, 60)]
        browsing.touch(page, *fingers)
        assert page.locator("#zoom-level").inner_text() == "200 %"
        assert on_screen(page, 120, 150) == pytest.approx(middle, abs=2)
        assert shown_box(page) is None
