"""A worker's whole way in a browser: by mouse, by touch, by keyboard alone, and two workers at once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.collect import browsing
from tests.collect.browsing import begin, choose, draw_by_mouse, ready, shown_box, visiting
from tests.collect.hands import HANDS, TRIAL, TRUE_NOSE, agree_and_start, answer, button, practise, tab_to, try_trials
from tests.collect.proxy import proxied
from tests.collect.serving import serving

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", HANDS)
def test_the_whole_way_by(name: str, browser, tmp_path: Path):
    hand = HANDS[name]
    with serving(tmp_path, n_images=1) as url, visiting(browser, **hand.screen) as page:
        page.goto(url)
        if name == "keyboard":
            tab_to(page.locator("#worker"))
            page.keyboard.type("W1")
        else:
            page.locator("#worker").fill("W1")
        hand.press(button(page, "Begin"))
        agree_and_start(page, hand)
        assert practise(page, hand, badly=(20, 20, 120, 120)) == ["Not quite yet", "That is it", "That is it"]
        assert try_trials(page, hand) == 3
        assert page.locator(".code").inner_text().strip()
    shown = browsing.shown(tmp_path)
    assert sorted(shown["kind"]) == ["check", "check", "practice", "practice", "practice", "trial"]
    assert shown["passed"].tolist().count("yes") == 4
    for row in shown[shown["kind"] != "practice"].itertuples():
        label, box = TRIAL if row.kind == "trial" else ("nose", TRUE_NOSE)
        assert row.label == label
        assert (row.x0, row.y0, row.x1, row.y1) == pytest.approx(box, abs=0 if name == "keyboard" else 1)


def test_the_whole_way_under_a_path_of_another_server(browser, tmp_path: Path):
    strays: list[str] = []
    with serving(tmp_path, n_images=2, practice=1, checks=False, root_path="/study") as url, \
            proxied(url, "/study", strip=True, strays=strays) as outside, visiting(browser) as page:
        begin(page, outside, "W1")
        assert page.evaluate("getComputedStyle(document.querySelector('.frame')).position") == "relative"
        practise(page, HANDS["mouse"])
        assert try_trials(page, HANDS["mouse"]) == 2
        assert page.url == f"{outside}/debrief"
    assert len(browsing.boxes(tmp_path)) == 2
    assert strays == []


def test_numbers_typed_and_words_of_ones_own_are_an_answer_too(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, practice=0, checks=False) as url, visiting(browser) as page:
        begin(page, url, "W1")
        tab_to(page.locator("summary", has_text="numbers"))
        page.keyboard.press("Enter")
        for field, value in zip(browsing.FIELDS, (12, 34, 56, 400), strict=True):
            tab_to(page.locator(f"#box-{field}"))
            page.keyboard.type(str(value))
        page.keyboard.press("Enter")
        assert shown_box(page) == (12, 34, 68, 300)
        assert "brought inside" in page.locator("#voice").inner_text()
        choose(page, "Something else")
        page.keyboard.type("  a   dimple ")
        browsing.send(page)
    found = browsing.boxes(tmp_path).iloc[0]
    assert tuple(found[["label", "x0", "y0", "x1", "y1"]]) == ("a dimple", 12, 34, 68, 300)


def test_a_key_held_down_goes_faster_and_is_one_step_to_undo(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, practice=0, checks=False) as url, visiting(browser) as page:
        begin(page, url, "W1")
        page.locator("#frame").focus()
        page.keyboard.press("ArrowLeft")
        start = shown_box(page)
        for _ in range(12):
            page.keyboard.down("ArrowLeft")
        page.keyboard.up("ArrowLeft")
        assert shown_box(page)[0] < start[0] - 12
        page.keyboard.press("Control+z")
        assert shown_box(page) == start


def test_what_is_missing_is_said_and_linked(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, practice=0, checks=False) as url, visiting(browser) as page:
        begin(page, url, "W1")
        button(page, "Send and go on").click()
        errors = page.locator("#errors")
        assert errors.evaluate("one => one === document.activeElement")
        assert errors.locator("a").all_inner_texts() == ["Draw a box on the photograph.", "Choose what is in the box."]
        errors.locator("a").last.click()
        assert page.locator("#label-1").evaluate("one => one === document.activeElement")
        choose(page, "Something else")
        assert errors.locator("a").all_inner_texts() == ["Draw a box on the photograph."]
        draw_by_mouse(page, TRIAL[1])
        assert errors.is_hidden()
        button(page, "Send and go on").click()
        assert errors.locator("a").all_inner_texts() == ["Write in your own words what is in the box."]
    assert browsing.boxes(tmp_path).empty


def test_nothing_to_box_is_asked_again_and_then_an_answer(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, practice=0, checks=False) as url, visiting(browser) as page:
        begin(page, url, "W1")
        button(page, "I see nothing to box").click()
        button(page, "Go back").click()
        assert page.url.endswith("/trial")
        button(page, "I see nothing to box").click()
        button(page, "Send without a box").click()
        page.wait_for_url("**/debrief")
    assert browsing.boxes(tmp_path).empty
    assert browsing.shown(tmp_path)["nothing"].tolist() == ["yes"]


def test_who_declines_leaves_no_trace_and_may_think_again(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1) as url, visiting(browser) as page:
        page.goto(f"{url}/?worker=W1")
        button(page, "I do not agree").click()
        assert "no answers were collected" in page.locator("main").inner_text()
        assert browsing.shown(tmp_path).empty
        page.get_by_role("link", name="read the information again").click()
        assert button(page, "I agree").is_visible()


def test_two_workers_at_once_share_nothing(browser, tmp_path: Path):
    mouse = HANDS["mouse"]
    boxes = {"W1": (60, 80, 130, 150), "W2": (20, 200, 90, 260)}
    with serving(tmp_path, n_images=2, practice=0, checks=False) as url, contextlib.ExitStack() as stack:
        pages = {name: stack.enter_context(visiting(browser)) for name in boxes}
        for name, page in pages.items():
            begin(page, url, name)
        first = {name: browsing.photograph(page) for name, page in pages.items()}
        assert first["W1"] != first["W2"]
        for _ in range(2):
            before = {name: browsing.photograph(page) for name, page in pages.items()}
            for name, page in pages.items():
                answer(page, mouse, "eyes", boxes[name])
            for name, page in pages.items():
                browsing.moved_on(page, before[name])
        codes = {page.locator(".code").inner_text() for page in pages.values()}
        assert len(codes) == 2
    found = browsing.boxes(tmp_path)
    assert found.groupby("worker")["image"].nunique().tolist() == [2, 2]
    assert sorted(found["x0"]) == pytest.approx([20, 20, 60, 60], abs=1)


def test_practice_shows_where_the_feature_is_and_asks_again(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1) as url, visiting(browser) as page:
        begin(page, url, "W1")
        asked = page.locator("#instruction").inner_text()
        answer(page, HANDS["mouse"], "nose", (20, 20, 120, 120))
        page.locator("#feedback").wait_for()
        assert page.locator("#feedback").evaluate("one => one === document.activeElement")
        target = page.locator(".target .line-over")
        assert [float(target.get_attribute(side)) for side in ("x", "y", "width", "height")] == [204, 268, 72, 104]
        before = browsing.photograph(page)
        button(page, "Try again").click()
        browsing.moved_on(page, before)
        ready(page)
        assert page.locator("#instruction").inner_text() == asked
        assert target.is_visible()
