"""The command line as a shell sees it."""

import os
import subprocess
import sys

LIST_OF_STATISTICS = [sys.executable, "-m", "salcompare", "power"]


def test_whoever_stops_reading_gets_no_complaint():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody_reads:
        ended = subprocess.run(LIST_OF_STATISTICS, stdout=nobody_reads, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_same_command_is_read_where_somebody_reads():
    ended = subprocess.run(LIST_OF_STATISTICS, capture_output=True, text=True, check=True)
    assert len(ended.stdout.splitlines()) > 3
