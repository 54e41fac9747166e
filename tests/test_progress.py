"""Progress in a log file is lines, not a bar; items pass unchanged."""

import salcompare.progress as module
from salcompare.progress import Silent, Terminal


def test_items_pass_through_in_order(capsys, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", float("inf"))
    assert list(Terminal().track(range(5), total=5, what="maps")) == [0, 1, 2, 3, 4]
    assert list(Silent().track(range(5), total=5, what="maps")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == ""


def test_long_work_without_a_terminal_says_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", -1)
    list(Terminal().track("ab", total=2, what="maps"))
    assert capsys.readouterr().err == "  maps: 0 of 2\n  maps: 1 of 2\n"


def test_messages_go_to_standard_error(capsys):
    Terminal().say("loss 0.1")
    Silent().say("never shown")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "loss 0.1\n")
