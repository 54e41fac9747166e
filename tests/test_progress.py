"""Progress in a log file is lines, not a bar; items pass unchanged."""

import salcompare.progress as module
from salcompare.progress import Silent, Terminal


class Recording(Silent):
    """Keeps what was said, and of each thing tracked how many were done before, were given, and are there in all."""

    def __init__(self):
        self.said, self.tracked = [], {}

    def say(self, message):
        self.said.append(message)

    def track(self, items, *, total, what, done=0):
        self.tracked[what] = {"before": done, "given": 0, "total": total}
        for item in items:
            yield item
            self.tracked[what]["given"] += 1


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


def test_what_goes_on_counts_on_from_what_was_done_before(capsys, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", -1)
    assert list(Terminal().track("ab", total=90, what="training", done=31)) == ["a", "b"]
    assert capsys.readouterr().err == "  training: 31 of 90\n  training: 32 of 90\n"


def test_a_bar_counts_on_too(monkeypatch):
    shown = {}
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("tqdm.tqdm", lambda items, **options: shown.update(options) or items)
    assert list(Terminal().track("ab", total=90, what="training", done=31)) == ["a", "b"]
    assert (shown["initial"], shown["total"]) == (31, 90)
