"""Behind a web server: names, a path, addresses that are believed; and what workers must be told."""

from __future__ import annotations

import json

import httpx
import pytest

from salcompare.collect.app import MAX_WORKER_ID
from salcompare.collect.limits import CSP, Rate
from salcompare.collect.serve import accepted_hosts, announcement, hold_to_front, make_server
from salcompare.config import Collect
from salcompare.errors import InputError
from tests.collect.proxy import proxied
from tests.collect.serving import TOLD, field, make_task, serving
from tests.collect.worker import HEADERS, Worker, answer_to

SMALL = {"n_images": 2, "practice": 0, "checks": False}


@pytest.mark.parametrize("strip", [True, False])
def test_the_whole_way_under_a_path(tmp_path, strip):
    strays = []
    task = make_task(tmp_path, root_path="/study/one", **SMALL)
    with serving(tmp_path, task) as url, proxied(url, "/study/one", strip=strip, strays=strays) as outside:
        worker = Worker(outside)
        entered = worker.client.get("?worker=ada", follow_redirects=False)
        assert entered.headers["location"] == "/study/one/next"
        assert "Path=/study/one/;" in entered.headers["set-cookie"]
        page = worker.begin()
        assert page.url.path == "/study/one/trial"
        image = field(page.text, "image")
        assert image.startswith("/study/one/image/")
        origin = outside.removesuffix("/study/one")
        assert worker.client.get(f"{origin}{image}").headers["content-type"] == "image/png"
        for part in page.text.split("/static/")[1:]:
            assert worker.get(f"/static/{part.split(chr(34))[0]}").status_code == 200
        sent = answer_to(page)
        assert worker.send(sent).json()["next"] == worker.send(sent).json()["next"] == "/study/one/trial"
        assert worker.finish().url.path == "/study/one/debrief"
        assert "/study/one/static/" in worker.get("/none").text
        monitor = worker.get(f"/monitor?token={task.keys.monitor_token}").text
        heatmap = monitor.split('<a href="')[1].split('"')[0].replace("&amp;", "&")
        assert worker.client.get(f"{origin}{heatmap}").headers["content-type"] == "image/png"
        reply = httpx.post(f"{outside}/submit", json={}, headers=HEADERS)
        assert (reply.status_code, reply.json()["next"]) == (403, "/study/one/")
    assert strays == []


def test_what_is_stored_of_a_reply_holds_no_path_so_that_the_path_may_change(tmp_path):
    with serving(tmp_path, make_task(tmp_path, root_path="/a", **SMALL)) as url:
        worker = Worker(f"{url}/a")
        sent = answer_to(worker.begin())
        assert worker.send(sent).json()["next"] == "/a/trial"
        cookie = worker.client.cookies["salcompare"]
    with serving(tmp_path, make_task(tmp_path, root_path="/b", **SMALL)) as url:
        reply = httpx.post(f"{url}/b/submit", content=json.dumps(sent), headers=HEADERS, cookies={"salcompare": cookie})
        assert reply.json()["next"] == "/b/trial"


def test_the_announcement_gives_the_addresses_that_others_use(tmp_path):
    task = make_task(tmp_path, root_path="/study", hosts=("faces.example.org",), **TOLD, **SMALL)
    said = announcement(task, host="127.0.0.1", port=8000)
    assert "https://faces.example.org/study/?worker=CODE" in said
    assert "name its address in proxies" in said
    believed = make_task(tmp_path, hosts=("faces.example.org",), proxies=("127.0.0.1",), **TOLD, **SMALL)
    assert "name its address in proxies" not in announcement(believed, host="127.0.0.1", port=8000)


def few_entries(task):
    """A task that lets each address in twice; its limit's clock stands still."""
    task.__dict__["entries"] = Rate(1.0, 2.0, lambda: 0.0)
    return task


def codes(url, client, **headers):
    return [httpx.get(f"{url}/?worker=w{number}", headers={"X-Forwarded-For": client} | headers).status_code
            for number in range(4)]


def test_one_client_who_enters_too_often_locks_out_nobody_else(tmp_path):
    task = few_entries(make_task(tmp_path, proxies=("127.0.0.0/8",), **SMALL))
    with serving(tmp_path, task) as url:
        assert codes(url, "203.0.113.1") == [303, 303, 429, 429]
        assert codes(url, "203.0.113.2") == [303, 303, 429, 429]
        assert codes(url, "198.51.100.9, 203.0.113.2") == [429] * 4  # what the client itself wrote before
        assert codes(url, "2001:db8::1") == [303, 303, 429, 429]
        assert codes(url, "2001:db8::2:2") == [429] * 4  # of one network


def test_nobody_is_believed_about_where_they_come_from_unless_study_toml_says_so(tmp_path):
    with serving(tmp_path, few_entries(make_task(tmp_path, **SMALL))) as url:
        assert codes(url, "203.0.113.1") == [303, 303, 429, 429]
        assert codes(url, "203.0.113.2") == [429] * 4


@pytest.mark.parametrize(("proxies", "secure"), [(("127.0.0.1",), True), (("10.0.0.0/8",), False), ((), False)])
def test_the_cookie_is_for_https_alone_where_a_believed_server_says_that_it_speaks_it(tmp_path, proxies, secure):
    with serving(tmp_path, make_task(tmp_path, proxies=proxies, **SMALL)) as url:
        cookie = httpx.get(f"{url}/?worker=ada", headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    assert ("Secure" in cookie) == secure


@pytest.mark.parametrize(("options", "host"), [({"hosts": ("faces.example.org",)}, "127.0.0.1"), ({}, "192.0.2.1")])
def test_others_are_not_served_without_what_they_must_be_told(tmp_path, options, host):
    task = make_task(tmp_path, **options, **SMALL)
    with pytest.raises(InputError) as caught:
        make_server(task, host=host, port=0)
    assert [problem.where for problem in caught.value.problems] == [
        f"study.toml [collect] {name}" for name in ("duration", "pay", "contact", "ethics")]
    for name in TOLD:
        with pytest.raises(InputError, match=rf"\[collect\] {name}: is empty"):
            hold_to_front(Collect(**options, **TOLD | {name: " "}), host=host)
    hold_to_front(Collect(**options, **TOLD), host=host)
    hold_to_front(Collect(), host="127.0.0.1")


def test_the_consent_page_says_it_all(tmp_path):
    with serving(tmp_path, make_task(tmp_path, n_images=3, practice=2, **TOLD)) as url:
        page = Worker(url).enter().text
    for words in (*TOLD.values(), "5 photographs, after 2 practice tasks"):
        assert words in page


@pytest.mark.parametrize("path", ["study", "/study/", "/", "/a b", "//x", "/../x", "/static", "/trial/x", "/é"])
def test_a_path_that_cannot_be_one_is_refused(path):
    with pytest.raises(InputError, match="root_path"):
        hold_to_front(Collect(root_path=path), host="127.0.0.1")


def test_names_and_addresses_that_cannot_be_one_are_refused():
    with pytest.raises(InputError, match="names alone"):
        hold_to_front(Collect(hosts=("https://faces.example.org",), **TOLD), host="127.0.0.1")
    with pytest.raises(InputError, match="addresses or networks"):
        hold_to_front(Collect(proxies=("nginx",)), host="127.0.0.1")


def test_a_name_that_another_page_gave_to_this_machine_is_not_answered(tmp_path):
    with serving(tmp_path, make_task(tmp_path, n_images=3, hosts=("faces.example.org",), **TOLD)) as url:
        port = url.rsplit(":", 1)[1]
        asked = {host: httpx.get(f"{url}/health", headers={"Host": host}) for host in (
            f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "faces.example.org", "rebound.example.net", "")}
        assert [answer.status_code for answer in asked.values()] == [200, 200, 200, 200, 400, 400]
        assert asked["rebound.example.net"].headers["content-security-policy"] == CSP


def test_where_others_reach_the_server_any_name_is_answered_unless_some_are_named():
    named = Collect(hosts=("faces.example.org",))
    assert accepted_hosts(Collect(), host="0.0.0.0") == ("*",)
    assert accepted_hosts(named, host="192.0.2.1") == ("faces.example.org",)
    assert "localhost" in accepted_hosts(named, host="127.0.0.1")


def test_a_participants_code_is_refused_before_it_counts_as_an_entry(tmp_path):
    task = few_entries(make_task(tmp_path, **SMALL))
    with serving(tmp_path, task) as url:
        for _ in range(5):
            assert httpx.get(f"{url}/?worker={'x' * (MAX_WORKER_ID + 1)}").status_code == 400
        assert httpx.get(f"{url}/?worker=ada").status_code == 303
