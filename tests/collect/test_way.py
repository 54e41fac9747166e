"""A worker's way over HTTP, from the entry to the completion code."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import time

import pytest
from PIL import Image

from salcompare.collect.keys import SESSION_SECONDS
from salcompare.collect.stimuli import HOUSE_HEIGHT, HOUSE_LABELS, HOUSE_PARTS, HOUSE_WIDTH
from salcompare.schema import LABELS
from salcompare.sources.collected import DATABASE, collected_responses, collected_shown
from tests.collect.serving import field, make_task, serving
from tests.collect.worker import BOX, Worker, answer_to


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def url(tmp_path, clock):
    task = dataclasses.replace(make_task(tmp_path, n_images=4, practice=1, prolific_code="C0DE"), clock=clock)
    with serving(tmp_path, task) as address:
        yield address


def shown(root):
    return collected_shown(root / DATABASE, shown=DATABASE)


def practised(worker):
    """Pass the practice; gives the first trial's page."""
    page = worker.begin()
    assert page.url.path == "/practice"
    label = page.text.split("around the ")[1].split(".")[0]
    reply = worker.answer(page, HOUSE_PARTS[label], label).json()
    assert reply["feedback"]["ok"]
    return worker.get(reply["next"])


def test_the_whole_way_ends_with_a_completion_code_and_every_answer_stored(url, tmp_path):
    worker = Worker(url)
    assert worker.enter().url.path == "/consent"
    assert worker.begin().url.path == "/practice"
    page = worker.finish()
    assert page.url.path == "/debrief"
    assert len(field_text(page.text)) == 8
    table = shown(tmp_path)
    assert table["kind"].value_counts().to_dict() == {"trial": 4, "practice": 3, "check": 2}
    assert (table["submitted"] != "").all()
    boxes = collected_responses(tmp_path / DATABASE, shown=DATABASE)
    assert boxes[["x0", "y0", "x1", "y1"]].drop_duplicates().to_numpy().tolist() == [list(map(float, BOX))]
    assert boxes["image"].is_unique
    assert boxes["seconds"].tolist() == [2.5] * 4


def field_text(page):
    return page.split('class="code">')[1].split("<")[0]


def test_practice_says_what_was_wrong_and_goes_on_after_three_tries(url):
    worker = Worker(url)
    page = worker.begin()
    for _ in range(2):
        reply = worker.answer(page, (0, 0, 30, 30), "roof").json()
        assert not reply["feedback"]["ok"]
        assert reply["feedback"]["box"] == list(HOUSE_PARTS["door"])
        assert reply["next"] == "/practice"
        page = worker.get(reply["next"])
        assert "Please draw yours like it" in page.text
    assert worker.answer(page, (0, 0, 30, 30), "roof").json()["next"] == "/trial"


def test_a_box_in_the_right_place_with_another_label_is_told_so(url):
    worker = Worker(url)
    feedback = worker.answer(worker.begin(), HOUSE_PARTS["door"], "roof").json()["feedback"]
    assert not feedback["ok"]
    assert "choose the label “door”" in feedback["text"]


def test_trials_give_no_feedback_and_a_check_looks_like_a_trial(url):
    worker = Worker(url)
    page, checks = practised(worker), 0
    while page.url.path == "/trial":
        checks += "Draw a box around the nose." in page.text
        assert 'data-kind="trial"' in page.text
        reply = worker.answer(page).json()
        assert "feedback" not in reply
        page = worker.get(reply["next"])
    assert checks == 2


def test_a_reload_shows_the_same_photograph_under_the_same_token(url):
    worker = Worker(url)
    first, again = practised(worker), worker.get("/trial")
    assert field(first.text, "image") == field(again.text, "image")
    assert field(first.text, "token") == field(again.text, "token")


def test_who_comes_back_on_another_device_goes_on_where_they_were(url, tmp_path):
    first = Worker(url)
    page = practised(first)
    first.answer(page)
    waiting = field(first.get("/trial").text, "image")
    second = Worker(url)
    assert second.enter().url.path == "/trial"
    assert field(second.get("/trial").text, "image") == waiting
    assert shown(tmp_path)["worker"].nunique() == 1


def test_an_answer_sent_twice_counts_once_and_is_acknowledged_alike(url, tmp_path):
    worker = Worker(url)
    sent = answer_to(practised(worker))
    first, second = worker.send(sent), worker.send(sent)
    other = worker.send(sent | {"boxes": [{"label": "chin", "x0": 0, "y0": 0, "x1": 50, "y1": 50}]})
    assert first.json() == second.json() == other.json()
    assert collected_responses(tmp_path / DATABASE, shown=DATABASE)["label"].tolist() == ["nose"]


def test_seeing_nothing_is_an_answer_and_looking_alone_is_recorded(url, tmp_path):
    worker = Worker(url)
    worker.answer(practised(worker), None)
    worker.get("/trial")
    table = shown(tmp_path)
    assert table["nothing"].fillna("").tolist() == ["no", "yes", ""]
    assert (table["submitted"] == "").tolist() == [False, False, True]
    assert collected_responses(tmp_path / DATABASE, shown=DATABASE).empty


def test_a_token_is_of_no_use_to_another_worker(url, tmp_path):
    sent = answer_to(practised(Worker(url, "ada")))
    other = Worker(url, "bob")
    practised(other)
    reply = other.send(sent)
    assert (reply.status_code, reply.json()["next"]) == (409, "/next")
    assert collected_responses(tmp_path / DATABASE, shown=DATABASE).empty


@pytest.mark.parametrize("change", [lambda token: token.replace(".", ".x", 1), lambda token: "",
                                    lambda token: token.split(".")[0], lambda token: "\ud800", lambda token: "[1,2]"])
def test_a_token_that_was_changed_is_refused(url, change):
    worker = Worker(url)
    sent = answer_to(practised(worker))
    sent["token"] = change(sent["token"])
    assert worker.send(sent).status_code == 409


def test_a_token_ends_with_its_lease_and_a_new_one_is_given(url, clock, tmp_path):
    worker = Worker(url)
    page = practised(worker)
    clock.now += 31 * 60
    reply = worker.answer(page)
    assert (reply.status_code, reply.json()["next"]) == (410, "/next")
    again = worker.get("/next")
    assert field(again.text, "image") == field(page.text, "image")
    assert worker.answer(page).status_code == 410
    assert worker.answer(again).status_code == 200
    assert len(collected_responses(tmp_path / DATABASE, shown=DATABASE)) == 1


def test_an_acknowledged_answer_is_acknowledged_again_after_its_lease(url, clock):
    worker = Worker(url)
    sent = answer_to(practised(worker))
    first = worker.send(sent).json()
    clock.now += 3600
    assert worker.send(sent).json() == first


def test_a_clock_that_steps_back_throws_nobody_out(url, clock, tmp_path, monkeypatch):
    ahead = time.time() + 3600
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: ahead)
        worker = Worker(url)
        page = practised(worker)
    clock.now -= 3600
    assert worker.answer(page).json()["ok"]
    table = shown(tmp_path)
    assert (table["submitted"] >= table["shown"])[table["submitted"] != ""].all()
    assert worker.get("/next").url.path == "/trial"


def test_a_session_ends_after_its_time(url, monkeypatch):
    worker = Worker(url)
    worker.enter()
    later = time.time() + SESSION_SECONDS + 5
    monkeypatch.setattr(time, "time", lambda: later)
    assert worker.get("/next").url.path == "/"


def test_a_worker_of_prolific_gets_the_return_link(url):
    worker = Worker(url, query="PROLIFIC_PID=5f3a&STUDY_ID=1&SESSION_ID=2")
    worker.begin()
    page = worker.finish()
    assert "https://app.prolific.com/submissions/complete?cc=C0DE" in page.text
    assert field_text(page.text) == "C0DE"


def test_others_get_a_code_of_their_own_and_no_link(url):
    pages = []
    for name in ("ada", "bob"):
        worker = Worker(url, name)
        worker.begin()
        pages.append(worker.finish().text)
    assert not any("prolific" in page for page in pages)
    assert field_text(pages[0]) != field_text(pages[1])


def test_who_declines_leaves_no_trace(url, tmp_path):
    worker = Worker(url)
    assert "did not agree" in worker.agree(worker.enter(), agree="no").text
    assert shown(tmp_path).empty
    assert worker.get("/next").url.path == "/consent"


@pytest.mark.parametrize("path", ["/consent", "/instructions", "/practice", "/trial", "/debrief"])
def test_each_page_sends_workers_to_where_they_stand(url, path):
    worker = Worker(url)
    assert worker.get(path).url.path == "/"
    worker.enter()
    assert worker.get(path).url.path == "/consent"
    practised(worker)
    assert worker.get(path).url.path == ("/instructions" if path == "/instructions" else "/trial")


def test_progress_counts_what_was_answered(url):
    worker = Worker(url)
    page = practised(worker)
    for done in range(6):
        assert f'max="6" value="{done}"' in page.text
        page = worker.get(worker.answer(page).json()["next"])
    assert page.url.path == "/debrief"
    assert "answered 6 photographs" in page.text


def labels_in(page):
    return re.findall(r'name="label" id="label-\d+" value="([^"]*)"', page.text)


def test_each_worker_has_an_order_of_labels_of_their_own_which_is_kept_and_exported(url, tmp_path):
    orders = {}
    for name in ("ada", "bob", "eve"):
        worker = Worker(url, name)
        first = practised(worker)
        orders[name] = labels_in(first)
        worker.answer(first)
        assert labels_in(worker.get("/next")) == orders[name]
        assert orders[name][-1] == ""  # a word of one's own comes last
        assert sorted(orders[name][:-1]) == sorted(LABELS)
    assert len({tuple(order) for order in orders.values()}) == 3
    table = shown(tmp_path)
    kept = table[table["kind"] != "practice"].groupby("worker", sort=False)["label_order"].unique()
    assert [[json.loads(one) for one in of_worker] for of_worker in kept] == [[o[:-1]] for o in orders.values()]


def test_practice_names_and_shows_nothing_of_a_face(url, tmp_path):
    worker = Worker(url)
    page = worker.begin()
    assert "Draw a box around the door." in page.text
    assert set(labels_in(page)) == {*HOUSE_LABELS, ""}
    assert not set(HOUSE_LABELS) & set(LABELS)
    picture = Image.open(io.BytesIO(worker.get(field(page.text, "image")).content)).convert("RGB")
    assert picture.size == (HOUSE_WIDTH, HOUSE_HEIGHT)
    for x0, y0, x1, y1 in HOUSE_PARTS.values():
        assert 0 <= x0 < x1 <= HOUSE_WIDTH
        assert 0 <= y0 < y1 <= HOUSE_HEIGHT
    x0, y0, x1, y1 = HOUSE_PARTS["door"]
    inside, outside = picture.getpixel((x0 + 8, y0 + 8)), picture.getpixel((x0 - 8, y0 + 8))
    assert inside != outside


def test_a_photograph_taken_out_of_the_study_is_not_asked_for_again(tmp_path):
    with serving(tmp_path, n_images=4, practice=0, checks=False) as url:
        worker = Worker(url)
        page = worker.begin()
        image = shown(tmp_path)["image"].tolist()[0]
    task = make_task(tmp_path, n_images=4, practice=0, checks=False)
    left = tuple(photo for photo in task.stimuli.trials if photo.image != image)
    task = dataclasses.replace(task, stimuli=dataclasses.replace(task.stimuli, trials=left))
    with serving(tmp_path, task) as url:
        worker.client.base_url = url
        assert worker.answer(page).status_code == 410
        assert worker.finish().url.path == "/debrief"
        assert len(collected_responses(tmp_path / DATABASE, shown=DATABASE)) == 3
