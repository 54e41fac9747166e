"""Connections that never send a whole request or fetch an answer, or are too many: none stays, others are served."""

from __future__ import annotations

import contextlib
import resource
import socket

import httpx
import pytest

from salcompare.cli import main
from salcompare.collect.limits import BATCH, Limits, client_of, usual_limits
from salcompare.collect.serve import make_server
from salcompare.collect.task import ENTRIES
from tests.collect.serving import make_task, serving

ROOM = Limits(connections=50, address=40, request=0.3, answer=0.3, idle=0.3)
PATIENT = Limits(connections=8, address=4)
SMALL = {"n_images": 2, "practice": 0, "checks": False}
HALF = {
    "nothing": b"",
    "half a line": b"GET /hea",
    "no end of the headers": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "half a body": b"POST /submit HTTP/1.1\r\nHost: localhost\r\nX-Requested-With: salcompare\r\n"
                   b"Content-Length: 500\r\n\r\n{",
    "half of the next request": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
}


def connected(url, source="127.0.0.1"):
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=120, source_address=(source, 0))


def all_of(stream):
    """Read until the server ends the connection."""
    read = b""
    with contextlib.suppress(ConnectionResetError):
        while part := stream.recv(65536):
            read += part
    return read


@pytest.mark.parametrize("sent", HALF.values(), ids=HALF)
def test_what_never_becomes_a_request_is_ended(tmp_path, sent):
    with serving(tmp_path, limits=ROOM, **SMALL) as url, contextlib.ExitStack() as stack:
        streams = [stack.enter_context(connected(url)) for _ in range(10)]
        for stream in streams:
            stream.sendall(sent)
        for stream in streams:
            all_of(stream)  # ends, or the socket's own time does
        assert served_at_last(url)


def test_bytes_one_by_one_do_not_prolong_a_request(tmp_path):
    with serving(tmp_path, limits=ROOM, **SMALL) as url, connected(url) as stream:
        stream.settimeout(0.02)
        ended = False
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                stream.sendall(b"a")
                with contextlib.suppress(TimeoutError):
                    ended = ended or stream.recv(1) == b""
                if ended:
                    break
            else:
                raise AssertionError("the connection is kept")
        assert served_at_last(url)


def test_an_answer_that_nobody_fetches_is_given_up(tmp_path):
    """Three answers of eight megabytes each are more than the machine takes off the server by itself."""
    task = make_task(tmp_path, title="x" * 4_000_000, **SMALL)
    with serving(tmp_path, task, limits=ROOM) as url, socket.socket() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.settimeout(120)
        host, port = url.removeprefix("http://").split(":")
        stream.connect((host, int(port)))
        stream.sendall(b"GET /?worker= HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        for _ in range(2):  # each ends later than the first, whose time ran before
            with connected(url) as other:
                all_of(other)
        assert len(all_of(stream)) < 3 * 4_000_000
        assert served_at_last(url)


def test_one_address_cannot_take_all_connections(tmp_path):
    with serving(tmp_path, limits=PATIENT, **SMALL) as url, contextlib.ExitStack() as stack:
        greedy = [stack.enter_context(connected(url)) for _ in range(4)]
        for stream in greedy:
            stream.sendall(b"GET / HTTP/1.1\r\n")
        with connected(url) as fifth:
            assert all_of(fifth).startswith(b"HTTP/1.1 503 ")
        with connected(url, "127.0.0.2") as other:
            other.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert all_of(other).endswith(b'{"ok":true}')
        greedy[0].close()
        assert served_at_last(url)


def served_at_last(url):
    """Ask until there is an answer: the server hears of a closed connection a moment later, and where it waits for a
    request for a third of a second only, a busy machine may not send one in time."""
    for _ in range(1000):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health").status_code == 200:
                return True
    return False


def test_there_is_a_limit_in_all_and_room_again_afterwards(tmp_path):
    with serving(tmp_path, limits=PATIENT, **SMALL) as url:
        with contextlib.ExitStack() as stack:
            for source in ("127.0.0.2", "127.0.0.3"):
                for _ in range(4):
                    stack.enter_context(connected(url, source)).sendall(b"GET")
            with connected(url, "127.0.0.4") as late:
                assert all_of(late).startswith(b"HTTP/1.1 503 ")
        assert served_at_last(url)


def test_a_web_server_in_front_is_many_clients(tmp_path):
    with serving(tmp_path, limits=PATIENT, proxies=("127.0.0.1",), **SMALL) as url, contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(connected(url)).sendall(b"GET")
        assert httpx.get(f"{url}/health").status_code == 200


@pytest.mark.parametrize(("handles", "most"), [(128, 48), (256, 112), (1024, 816), (100_000, 2000), (-1, 2000)])
def test_connections_leave_file_handles_for_the_database(monkeypatch, handles, most):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (handles, handles))
    assert usual_limits() == Limits(most, most // 2)
    assert handles < 0 or most + 3 * BATCH + 30 <= handles  # those on their way to being refused, and the rest


def test_no_more_are_taken_at_a_time_than_there_are_file_handles_kept_for(tmp_path):
    assert make_server(make_task(tmp_path, **SMALL), host="127.0.0.1", port=0).config.backlog == BATCH


def test_the_limits_are_stated(capsys):
    with pytest.raises(SystemExit):
        main(["collect", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    limits = Limits(1, 1)
    for words in (f"within {limits.request:g} seconds", f"fetched within {limits.answer:g}",
                  f"idles for {limits.idle:g}", f"From one address {ENTRIES:g} workers a second",
                  "At most 2000 connections"):
        assert words in said


@pytest.mark.parametrize(("address", "client"), [
    ("203.0.113.7", "203.0.113.7"), ("::ffff:203.0.113.7", "203.0.113.7"), ("2001:db8::1", "2001:db8::/64"),
    ("2001:db8:0:0:ffff::2", "2001:db8::/64"), ("2001:db8:0:1::1", "2001:db8:0:1::/64"), ("", ""), ("x", "x")])
def test_whom_an_address_counts_as(address, client):
    assert client_of(address) == client
