"""A worker's whole way in a browser: by mouse, by touch, by keyboard alone, and two workers at once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.collect import browsing
from tests.collect.browsing import begin, choose, draw_by_mouse, ready, shown_box, visiting
from tests.collect.hands import HANDS, TRIAL, TRUE_NOSE, agree_and_start, answer, button, practise, tab_to, try_trials
from tests.collect.proxy import proxied
from tests.collect.serving import make_task, serving
from tests.collect.worker import Worker

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
        answer(page, HANDS["mouse"], "door", (20, 20, 120, 120))
        page.locator("#feedback").wait_for()
        assert page.locator("#feedback").evaluate("one => one === document.activeElement")
        target = page.locator(".target .line-over")
        assert [float(target.get_attribute(side)) for side in ("x", "y", "width", "height")] == [260, 392, 82, 148]
        before = browsing.photograph(page)
        button(page, "Try again").click()
        browsing.moved_on(page, before)
        ready(page)
        assert page.locator("#instruction").inner_text() == asked
        assert target.is_visible()


def focused(page) -> str:
    return page.evaluate("document.activeElement.id")


def test_the_keyboard_is_on_each_photograph_digits_choose_and_enter_sends(browser, tmp_path: Path):
    with serving(tmp_path, n_images=3, practice=0, checks=False) as url, visiting(browser) as page:
        begin(page, url, "W1")
        labels = page.locator("#labels input").evaluate_all("all => all.map(one => one.value)")
        for key in ("1", "0"):
            assert focused(page) == "frame"
            before = browsing.photograph(page)
            page.keyboard.press("Enter")  # a box
            page.keyboard.press("Enter")  # no label yet
            assert page.locator("#errors a").all_inner_texts() == ["Choose what is in the box."]
            page.locator("#frame").focus()
            page.keyboard.press(key)
            assert page.locator("#labels input:checked").get_attribute("value") == labels["1234567890".index(key)]
            page.keyboard.press("Enter")
            browsing.moved_on(page, before)
        page.keyboard.press("ArrowRight")
        tab_to(page.locator("#label-1"))
        page.keyboard.press("3")
        assert focused(page) == "label-3"
        page.keyboard.press("Enter")
        page.wait_for_url("**/debrief")
    assert browsing.boxes(tmp_path)["label"].tolist() == [labels[0], labels[9], labels[2]]


def test_digits_typed_into_words_of_ones_own_are_words_and_a_held_enter_draws_nothing(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, practice=0, checks=False) as url, visiting(browser) as page:
        begin(page, url, "W1")
        page.locator("#frame").dispatch_event("keydown", {"key": "Enter", "repeat": True, "bubbles": True})
        assert shown_box(page) is None
        draw_by_mouse(page, TRIAL[1])
        choose(page, "Something else")
        page.keyboard.type("scar 12")
        browsing.send(page)
    assert browsing.boxes(tmp_path)["label"].tolist() == ["scar 12"]


@pytest.mark.parametrize(("size", "sticks"), [((390, 844), "all"), ((320, 640), "buttons"), ((1280, 800), "nothing")])
def test_what_each_photograph_needs_is_in_the_window_without_scrolling(browser, tmp_path: Path, size, sticks):
    width, height = size
    with serving(tmp_path, n_images=2, practice=0, checks=False) as url, \
            visiting(browser, viewport={"width": width, "height": height}) as page:
        begin(page, url, "W1")
        assert page.locator("#trial").get_attribute("data-sticks") == sticks
        needed = ["#send", *(["#label-1", "#label-12"] if sticks != "buttons" else [])]
        for name in (*needed, "#frame"):
            found = page.locator(name).bounding_box()
            assert found["y"] >= 0, name
            assert found["y"] + found["height"] <= height + (1 if name != "#frame" or sticks == "all" else 999), name
        if sticks == "all":
            frame, side = (page.locator(name).bounding_box() for name in ("#frame", "#labels"))
            assert frame["height"] >= 220
            assert frame["y"] + frame["height"] <= side["y"]
        draw_by_mouse(page, TRIAL[1])
        choose(page, "eyes")
        browsing.send(page)
        assert page.evaluate("scrollY") == 0 or sticks != "all"
        ring = "getComputedStyle(document.getElementById('frame')).outlineStyle"
        assert (focused(page), page.evaluate(ring)) == ("frame", "none")  # no ring for who uses a mouse
        page.keyboard.press("ArrowRight")
        assert page.evaluate(ring) == "solid"
    assert browsing.boxes(tmp_path)["label"].tolist() == ["eyes"]


@pytest.mark.parametrize("allowed", [True, False])
def test_the_completion_code_can_be_copied(browser, tmp_path: Path, allowed):
    with serving(tmp_path, n_images=1, practice=0, checks=False) as url, visiting(browser) as page:
        worker = Worker(url, "W1")
        worker.begin()
        worker.finish()
        if allowed:
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        else:
            page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
        page.goto(f"{url}/?worker=W1")
        code = page.locator(".code").inner_text()
        button(page, "Copy the code").click()
        page.locator("#copied", has_text="The code is copied.").wait_for()
        page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'into'}))")
        page.locator("#into").focus()
        page.keyboard.press("Control+v")
        assert page.locator("#into").input_value() == code


def test_the_monitor_refreshes_itself_whatever_has_the_focus_and_keeps_its_place(browser, tmp_path: Path):
    task = make_task(tmp_path, n_images=40, practice=0, checks=False)
    with serving(tmp_path, task) as url, visiting(browser) as page:
        page.clock.install()
        page.goto(f"{url}/monitor?token={task.keys.monitor_token}")
        table = page.get_by_role("region", name="Images")
        table.focus()
        table.evaluate("one => { one.scrollTop = 100; }")
        worker = Worker(url, "W1")
        worker.begin()
        worker.finish()
        page.clock.run_for(10_500)
        page.locator("#fresh", has_text="As it was at").wait_for()
        assert page.locator(".counts div").first.inner_text().split() == ["workers", "1"]
        assert table.evaluate("one => one === document.activeElement")
        assert table.evaluate("one => one.scrollTop") == 100
