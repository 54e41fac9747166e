"""docs/formats.md: it names every format, column, ending and option, and its examples are read as they stand."""

import re
from pathlib import Path

import pytest

from salcompare import config
from salcompare.collect.stimuli import Photo, read_instructed
from salcompare.schema import FIXATIONS, RESPONSES
from salcompare.sources import quality, read_fixations, read_responses
from salcompare.sources.importers import FORMATS
from salcompare.sources.importers.entries import WORKER_KEYS
from salcompare.sources.importers.globox_formats import CLASS_FILES
from salcompare.sources.photographs import read_groups
from salcompare.sources.precomputed_files import ENDINGS
from tests.sources.photos import catalogue, write

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
EXAMPLES = {block.splitlines()[0]: block for block in re.findall(r"```csv\n(.*?)```", PAGE, flags=re.DOTALL)}
IMAGES = catalogue(["ann/001"], height=227, width=227)


def example(columns):
    return next(block for header, block in EXAMPLES.items() if header.startswith(columns))


@pytest.mark.parametrize("name", [*FORMATS, *RESPONSES.names, *FIXATIONS.names[:-1], *ENDINGS, *sorted(CLASS_FILES),
                                  "data.yaml"])
def test_every_format_column_and_file_is_named(name):
    assert re.search(rf"`[^`]*{re.escape(name)}[^`]*`", PAGE)


def test_every_choice_of_where_people_and_pixels_come_from_is_named():
    options = {option.name: option.metadata["choices"] for option in config.Responses.__dataclass_fields__.values()}
    for choice in {*options["source"], *options["pixels"]} - {"simulated", "none"}:
        assert f'"{choice}"' in PAGE or f"`{choice}`" in PAGE
    plain = {key.removesuffix("_id").removesuffix("id") for key in WORKER_KEYS}
    assert all(key in PAGE for key in plain)


def test_every_heading_is_in_the_list_of_contents_and_readme_and_init_lead_there():
    headings = re.findall(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    assert re.findall(r"^- \[(.*)\]\(#", PAGE, flags=re.MULTILINE) == headings
    assert "(docs/formats.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/formats.md" in config.commented_toml()


def test_the_examples_are_read_as_they_stand(tmp_path):
    given = {"root": tmp_path, "images": IMAGES, "size": (227, 227)}
    for source, columns in (("csv", "worker,image,label"), ("original", "last_name")):
        write(tmp_path / "r.csv", example(columns))
        read = read_responses(config.Responses(source=source, path="r.csv"), {}, **given).table
        assert read[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[41, 70, 165, 102]]
    write(tmp_path / "r.csv", example("worker,image,x,y"))
    assert len(read_fixations(config.Responses(source="fixations", path="r.csv"), **given).table) == 1
    checks = write(tmp_path / "c.csv", example("worker,image,label,x0,y0,x1,y1,target"))
    assert len(quality.read_checks(checks, {})) == 1
    photo = Photo("ann/001", "ann", 227, 227)
    tasks = read_instructed(write(tmp_path / "i.csv", example("image,label")), {"ann/001": photo}, shown="i.csv")
    assert [task.kind for task in tasks] == ["check"]
    groups = read_groups(write(tmp_path / "g.csv", example("actor,group")), ["ann"], shown="g.csv")
    assert groups == {"ann": "actress"}
