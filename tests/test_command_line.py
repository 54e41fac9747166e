"""The command line as a shell sees it, and as the README tells of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from salcompare.cli import main

ROOT = Path(__file__).parents[1]
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


def options_of(command, capsys):
    """Words that a command's help names, with the options among them."""
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    return set(re.findall(r"[-\w]+", capsys.readouterr().out))


def test_the_table_of_commands_names_every_command_and_only_options_that_there_are(capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `salcompare ([-\w]+)(.*)$", readme, flags=re.MULTILINE))
    with pytest.raises(SystemExit):
        main(["--help"])
    assert set(told) == set(re.findall(r"^    ([a-z][-\w]*)", capsys.readouterr().out, flags=re.MULTILINE))
    for command, rest in told.items():
        assert set(re.findall(r"--[-\w]+", rest)) <= options_of([command], capsys), command


@pytest.mark.parametrize("page", ["README.md", "docs/formats.md", "docs/calibration.md", "docs/collect/README.md"])
def test_links_between_pages_lead_to_files_that_are_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link} - {""}
    assert {link for link in links if not ((ROOT / page).parent / link).is_file()} == set()
    named = set(re.findall(r"`(examples/[-\w]+)`", text))
    assert {name for name in named if not (ROOT / name / "study.toml").is_file()} == set()
