"""What a worker drew survives trouble: a reload, a lost connection, a server that cannot store, time running out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.collect import browsing
from tests.collect.browsing import begin, choose, draw_by_mouse, photograph, ready, shown_box, visiting
from tests.collect.hands import button
from tests.collect.serving import make_task, serving

pytestmark = pytest.mark.browser

BOX = (60, 80, 130, 150)
PLAIN = {"practice": 0, "checks": False}


def drawn(page) -> None:
    draw_by_mouse(page, BOX)
    choose(page, "nose")


def notice(page) -> str:
    page.locator("#notice").wait_for()
    return page.locator("#notice p").inner_text()


def held_back(page, first) -> list:
    """Have `first` meet the next answer, and hold back those that the page then sends by itself, however soon."""
    waiting: list = []
    page.route("**/submit", lambda route: waiting.append(route))
    page.route("**/submit", first, times=1)
    return waiting


def let_through(page, waiting: list) -> None:
    """Once the page has sent again, let that through, and all that follows."""
    for _ in range(1200):
        if waiting:
            break
        page.wait_for_timeout(100)
    for route in waiting:
        route.continue_()
    page.unroute("**/submit")


def test_a_reload_mid_trial_keeps_photograph_box_label_and_time(browser, tmp_path: Path):
    with serving(tmp_path, n_images=3, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
        page.wait_for_timeout(700)
        before = photograph(page)
        page.reload()
        ready(page)
        assert photograph(page) == before
        assert shown_box(page) == BOX
        assert page.locator("#labels input:checked").get_attribute("value") == "nose"
        browsing.send(page)
        assert shown_box(page) is None
    found = browsing.boxes(tmp_path)
    assert len(found) == 1
    assert found["seconds"].iloc[0] > 0.7
    assert len(browsing.shown(tmp_path)) == 2


def test_offline_at_submit_then_online_stores_the_answer_once(browser, tmp_path: Path):
    with serving(tmp_path, n_images=2, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
        before = photograph(page)
        page.context.set_offline(True)
        button(page, "Send and go on").click()
        assert "no connection" in notice(page)
        button(page, "Try now").click()
        assert browsing.boxes(tmp_path).empty
        page.context.set_offline(False)
        browsing.moved_on(page, before)
        drawn(page)
        browsing.send(page)
    found = browsing.boxes(tmp_path)
    assert found["image"].nunique() == len(found) == 2


def test_an_answer_whose_acknowledgement_was_lost_counts_once(browser, tmp_path: Path):
    with serving(tmp_path, n_images=2, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
        before, lost = photograph(page), []

        def lose(route) -> None:
            lost.append(json.loads(route.request.post_data)["token"])
            route.fetch()
            route.abort("connectionreset")

        again = held_back(page, lose)
        button(page, "Send and go on").click()
        assert "no connection" in notice(page)
        assert len(browsing.boxes(tmp_path)) == 1
        button(page, "Try now").click()
        let_through(page, again)
        browsing.moved_on(page, before)
        sent = [json.loads(route.request.post_data)["token"] for route in again]
    assert len(browsing.boxes(tmp_path)) == 1
    assert lost == sent[:1]


def test_a_reload_while_an_answer_waits_sends_it_from_the_new_page(browser, tmp_path: Path):
    with serving(tmp_path, n_images=2, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
        before = photograph(page)
        page.route("**/submit", lambda route: route.abort("internetdisconnected"))
        page.on("dialog", lambda dialog: dialog.accept())  # the page asks before it is left
        button(page, "Send and go on").click()
        notice(page)
        page.unroute("**/submit")
        page.reload()
        browsing.moved_on(page, before)
    assert len(browsing.boxes(tmp_path)) == 1


@pytest.mark.parametrize(("status", "words"), [(503, "could not be stored"), (429, "busy")])
def test_a_server_that_cannot_store_is_asked_again(status: int, words: str, browser, tmp_path: Path):
    told = {"ok": False, "error": "Your box could not be stored just now.", "retry": True}
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
        again = held_back(page, lambda route: route.fulfill(status=status, json=told, headers={"Retry-After": "1"}))
        button(page, "Send and go on").click()
        assert words in notice(page)
        let_through(page, again)
        page.wait_for_url("**/debrief")
    assert len(browsing.boxes(tmp_path)) == 1


def test_a_server_started_anew_takes_the_answer(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        page.goto(f"{url}/?worker=W1")
        ready(page)
        drawn(page)
        browsing.send(page)
    assert len(browsing.boxes(tmp_path)) == len(browsing.shown(tmp_path)) == 1


def test_a_photograph_whose_time_is_over_is_told_and_another_offered(browser, tmp_path: Path):
    now = [1_800_000_000.0]
    task = make_task(tmp_path, n_images=1, **PLAIN)
    object.__setattr__(task, "clock", lambda: now[0])
    with serving(tmp_path, task) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
        now[0] += 3600
        button(page, "Send and go on").click()
        panel = page.locator("#feedback")
        panel.wait_for()
        assert "waited for too long" in panel.inner_text()
        panel.locator("a").click()
        page.wait_for_selector("#feedback", state="hidden")
        ready(page)
        assert shown_box(page) == BOX
        button(page, "Send and go on").click()
        page.wait_for_url("**/debrief")
    assert len(browsing.boxes(tmp_path)) == 1


def test_going_back_shows_where_one_stands_not_an_old_photograph(browser, tmp_path: Path):
    with serving(tmp_path, n_images=2, **PLAIN) as url, visiting(browser) as page:
        begin(page, url, "W1")
        drawn(page)
        browsing.send(page)
        now = photograph(page)
        page.go_back()
        page.goto(f"{url}/next")
        ready(page)
        assert photograph(page) == now


def test_the_page_works_where_nothing_can_be_remembered(browser, tmp_path: Path):
    with serving(tmp_path, n_images=1, **PLAIN) as url, visiting(browser) as page:
        page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }")
        begin(page, url, "W1")
        drawn(page)
        browsing.send(page)
    assert len(browsing.boxes(tmp_path)) == 1
