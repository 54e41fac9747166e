"""What strangers can send, see and leave behind."""

from __future__ import annotations

import dataclasses
import json
import socket
import stat

import httpx
import pytest

from salcompare.collect.keys import KEY, Keys, study_keys
from salcompare.collect.limits import CSP, MAX_BODY, Rate
from salcompare.collect.serve import announcement, is_loopback, open_task
from salcompare.errors import InputError
from salcompare.sources.collected import DATABASE
from tests.collect.serving import field, make_stimuli, make_task, serving
from tests.collect.worker import HEADERS, Worker, answer_to

SECRET_NAME, AGENT = "ada.lovelace@example.org", "MarkedBrowser/17.3"
PATHS = ("/", "/next", "/consent", "/instructions", "/practice", "/trial", "/debrief", "/health",
         "/image/x", "/static/page.css", "/static/none", "/monitor", "/monitor/heatmap/x.png", "/none")


@pytest.fixture
def task(tmp_path):
    return make_task(tmp_path, n_images=3, practice=0, title="<script>alert(1)</script>")


@pytest.fixture
def url(tmp_path, task):
    with serving(tmp_path, task) as address:
        yield address


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "TRACE"])
def test_every_answer_carries_the_security_headers_and_none_is_a_failure(url, method):
    with httpx.Client(base_url=url) as client:
        for path in (*PATHS, "/submit"):
            answer = client.request(method, path)
            assert answer.status_code < 500, path
            assert answer.headers["content-security-policy"] == CSP
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "server" not in answer.headers


def test_pages_have_no_script_or_style_of_their_own_and_load_from_here_alone(url):
    worker = Worker(url)
    pages = [worker.get("/"), worker.enter(), worker.agree(worker.enter()), worker.begin(), worker.finish(),
             worker.get("/none")]
    for text in (page.text for page in pages):
        assert "<script>" not in text
        assert "&lt;script&gt;" in text or "Nothing here" in text
        assert not any(mark in text for mark in (" style=", " onclick=", " onload=", "<style", "javascript:"))
        assert not any(f'{name}="http' in text or f'{name}="//' in text for name in ("src", "href", "action"))


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(url):
    cookie = httpx.get(f"{url}/?worker={SECRET_NAME}").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/;" in cookie
    assert "Secure" not in cookie
    assert SECRET_NAME not in cookie


def test_a_cookie_that_was_changed_or_signed_by_another_study_is_no_session(url, task):
    for value in ("x", "", task.keys.session("a" * 64, "link")[:-3] + "xyz",
                  Keys(b"\1" * 32).session("a" * 64, "link"), task.keys.trial_token(1, 2)):
        answer = httpx.get(f"{url}/next", cookies={"salcompare": value})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_photographs_have_names_that_say_nothing_and_open_to_their_worker_alone(url):
    ada, bob = Worker(url, "ada"), Worker(url, "bob")
    page = ada.begin()
    bob.begin()
    image = field(page.text, "image")
    assert "actor" not in page.text
    answer = ada.get(image)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["cache-control"].startswith("private")
    assert bob.get(image).status_code == 404
    assert httpx.get(url + image).status_code == 303
    assert ada.get("/image/actor1%2F1").status_code == 404


@pytest.mark.parametrize("path", ["/static/../keys.py", "/static/..%2Fkeys.py", "/static/%2e%2e/%2e%2e/pyproject.toml",
                                  "/static//etc/passwd", "/image/..%2F..%2Fkey", "/static/%00", "/image/%ff"])
def test_no_path_leads_out_of_the_static_files(url, path):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert stream.makefile("rb").readline().split()[1] in {b"404", b"303"}


@pytest.mark.parametrize("noise", [b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"A" * 70000,
                                   b"POST /submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                                   b"POST /submit HTTP/1.1\r\nHost: localhost\r\n"
                                   b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                                   b"POST /consent HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf"])
def test_noise_on_the_wire_does_not_disturb_others(url, noise):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as stream:
        stream.sendall(noise)
        stream.shutdown(socket.SHUT_WR)
        try:
            answered = stream.makefile("rb").readline()
        except ConnectionResetError:
            answered = b""
    assert b" 500" not in answered
    assert httpx.get(f"{url}/health").json() == {"ok": True}


def test_forms_need_the_sessions_own_token(url):
    ada, bob = Worker(url, "ada"), Worker(url, "bob")
    of_bob = field(bob.enter().text, "csrf")
    page = ada.enter()
    for csrf in ("", of_bob, "é"):
        assert ada.agree(page, csrf=csrf).status_code == 403
    assert ada.client.post("/consent", data={}).status_code == 403
    assert ada.get("/next").url.path == "/consent"


def test_answers_need_the_header_that_other_sites_cannot_set(url):
    worker = Worker(url)
    sent = answer_to(worker.begin())
    assert worker.client.post("/submit", json=sent).status_code == 403
    assert httpx.post(f"{url}/submit", json=sent, headers=HEADERS).json()["next"] == "/"
    assert worker.send(sent).status_code == 200


@pytest.mark.parametrize("path", ["/submit", "/consent", "/instructions"])
def test_large_bodies_are_refused_before_they_are_read_whole(url, path):
    worker = Worker(url)
    worker.begin()
    answer = worker.client.post(path, content=b"x" * (MAX_BODY + 1), headers=HEADERS)
    assert answer.status_code == 413


def test_many_fields_and_bytes_that_are_no_text_are_refused(url):
    worker = Worker(url)
    worker.enter()
    for content in (b"&".join([b"a=1"] * 50), b"\xff\xfe"):
        assert worker.client.post("/consent", content=content).status_code == 400


def stopped(task):
    """A task whose clock stands still, so that it does not matter how fast this machine is."""
    return dataclasses.replace(task, ticks=lambda: 0.0)


def test_a_worker_who_answers_too_fast_is_asked_to_wait(tmp_path):
    with serving(tmp_path, stopped(make_task(tmp_path, n_images=6, practice=0, rate=0.5, limited=True))) as url:
        worker = Worker(url)
        worker.begin()
        page = worker.get("/trial")
        assert worker.answer(page).status_code == 200
        reply = worker.answer(worker.get("/trial"))
        assert (reply.status_code, reply.json()["retry"]) == (429, True)
        assert 1 <= int(reply.headers["retry-after"]) <= 2
        other = Worker(url, "bob")
        assert other.answer(other.begin()).status_code == 200


def test_pages_are_limited_for_a_worker_too(tmp_path):
    with serving(tmp_path, stopped(make_task(tmp_path, n_images=3, practice=0, limited=True))) as url:
        worker = Worker(url)
        worker.begin()
        codes = {worker.client.get("/next", follow_redirects=False).status_code for _ in range(140)}
        assert codes == {303, 429}


def test_the_rate_lets_a_burst_through_and_then_so_many_a_second():
    now = [0.0]
    rate = Rate(2.0, 4.0, lambda: now[0])
    assert [rate.take("a") for _ in range(6)] == [0, 0, 0, 0, 1, 1]
    assert rate.take("b") == 0
    now[0] = 1.0
    assert [rate.take("a") for _ in range(3)] == [0, 0, 1]


@pytest.mark.parametrize("name", ["x" * 65, "a%00b", "a%0Ab", "%E2%80%AEevil", "a%E2%80%8Bb", "a%E3%85%A4b"])
def test_participant_codes_that_cannot_be_one_are_refused(url, name):
    assert httpx.get(f"{url}/?worker={name}").status_code == 400


def test_nothing_that_is_stored_holds_a_code_an_address_or_a_browsers_name(tmp_path, url):
    worker = Worker(url, SECRET_NAME)
    worker.client.headers["User-Agent"] = AGENT
    worker.client.headers["X-Forwarded-For"] = "203.0.113.77"
    worker.begin()
    assert worker.finish().url.path == "/debrief"
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data" / "collected").iterdir())
    assert b"nose" in kept
    for text in (SECRET_NAME, SECRET_NAME.upper(), "lovelace", AGENT, "MarkedBrowser", "203.0.113.77", "127.0.0.1"):
        assert text.encode() not in kept


def test_codes_are_hashed_with_the_studys_key_which_its_owner_alone_may_read(tmp_path, task):
    path = tmp_path / KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / DATABASE).stat().st_mode) == 0o600
    assert study_keys(tmp_path) == task.keys
    assert task.keys.hashed(" ada ") == task.keys.hashed("ada") != task.keys.hashed("Ada")
    assert Keys(b"\1" * 32).hashed("ada") != task.keys.hashed("ada")
    assert repr(task.keys) == "Keys()"


def test_a_key_that_others_may_read_is_refused(tmp_path, task):
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        study_keys(tmp_path)


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "ab" * 31])
def test_a_key_that_is_none_is_refused(tmp_path, task, content):
    (tmp_path / KEY).write_text(content)
    with pytest.raises(InputError, match="is not a key"):
        study_keys(tmp_path)


def test_another_key_than_the_databases_is_refused(tmp_path, task):
    (tmp_path / KEY).write_text("ab" * 32)
    with pytest.raises(InputError, match="not the key that the database was filled with"):
        open_task(task.stimuli, root=tmp_path)


def test_only_this_machine_is_served_unless_told_and_then_it_says_what_to_put_in_front(task):
    assert "HTTPS" not in announcement(task, host="127.0.0.1", port=8000)
    said = announcement(task, host="0.0.0.0", port=8000)
    assert "put a web server that speaks HTTPS in front" in said
    assert "0.0.0.0" not in said
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "box")] == [
        True, True, True, False, False, False, False]


def test_the_announcement_says_what_the_study_lacks(tmp_path):
    bare = dataclasses.replace(make_task(tmp_path), stimuli=make_stimuli(tmp_path / "bare", checks=False))
    said = announcement(bare, host="127.0.0.1", port=1)
    assert "no instructed checks" in said
    assert "set contact" in said


def test_answers_of_json_only_are_given_as_json(url):
    worker = Worker(url)
    worker.begin()
    for content in (b"", b"{}", json.dumps({"token": "t", "boxes": [], "seconds": 0}).encode()):
        reply = worker.client.post("/submit", content=content, headers=HEADERS)
        assert reply.status_code == 400
        assert reply.json()["ok"] is False
