"""Files of figures: the same bytes each time, the right size, and nothing from outside."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import plotnine as p9
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from salcompare.figures import save_figure
from salcompare.figures.figure import Figure
from salcompare.figures.theme import figure_theme
from salcompare.findings.content import make_figures, numbers
from tests.figures.tiny import tiny

NUMBERS = numbers()
SCRIPT = """
import sys
from pathlib import Path
import matplotlib
from salcompare.figures import save_figure
from salcompare.findings.content import make_figures
from tests.figures.tiny import tiny

matplotlib.rcParams.update({"font.size": 14, "font.family": "serif", "image.cmap": "jet", "savefig.dpi": 50})
for figure in make_figures(tiny()):
    save_figure(figure, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    return {figure.name: (figure, *save_figure(figure, folder)) for figure in make_figures(tiny())}


@pytest.mark.slow
def test_another_process_with_other_settings_writes_the_same_bytes(tmp_path, saved):
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=True, cwd=Path(__file__).parents[2],
                   env={**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "MPLBACKEND": "pdf"})
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    here = {path.name: path.read_bytes() for _, *paths in saved.values() for path in paths}
    assert sorted(written) == sorted(here)
    assert [name for name in here if written[name] != here[name]] == []


def test_pngs_have_300_dots_an_inch(saved):
    for figure, png, _ in saved.values():
        with Image.open(png) as picture:
            assert picture.size == pytest.approx((300 * figure.width, 300 * figure.height), abs=1.5)
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert not {"Software", "Creation Time", "date"} & set(picture.info)


def test_numbers_on_axes_have_minus_signs_and_names_stay_as_they_are(tmp_path, monkeypatch):
    points = pd.DataFrame({"x": [-0.2, 0.1], "y": ["a-1", "-2 b"]})
    plot = p9.ggplot(points, p9.aes("x", "y")) + p9.geom_point() + figure_theme(3, 2)
    texts, draw = set(), Text.draw
    monkeypatch.setattr(Text, "draw", lambda text, renderer: (texts.add(text.get_text()), draw(text, renderer)))
    save_figure(Figure("one", "", "", plot, 3, 2), tmp_path)
    assert {"\N{MINUS SIGN}0.2", "0.1", "a-1", "-2 b"} <= texts
    assert "-0.2" not in texts


def test_svgs_refer_to_nothing_outside_themselves(saved):
    for _, _, svg in saved.values():
        text = svg.read_text()
        targets = re.findall(r'(?:href|src)="([^"]{0,30})', text) + re.findall(r"url\(([^)]{0,30})\)", text)
        assert targets
        assert all(target.startswith(("#", "data:image/png;base64,")) for target in targets)
        assert "<text" not in text  # letters are shapes, so that no font is needed
        assert "<dc:date>" not in text


def test_pictures_of_every_figure_fit_the_columns_of_a_journal(saved):
    for figure, _, _ in saved.values():
        assert round(25.4 * figure.width) in (89, 130, 183)
        assert 25.4 * figure.height < 240


@pytest.mark.parametrize("number", NUMBERS)
def test_no_text_is_cut_off_or_overlaps_another(number, monkeypatch):
    (figure,) = make_figures(tiny(), only=[number])
    drawn = figure.plot.draw()
    boxes = drawn_texts(drawn, monkeypatch)
    assert boxes
    for text, box in boxes:
        inside = Bbox.intersection(box, drawn.bbox.padded(1))
        assert inside is not None, text
        assert (inside.width, inside.height) == pytest.approx((box.width, box.height)), text
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        shared = Bbox.intersection(first, second)
        assert shared is None or min(shared.width, shared.height) < 2, (one, other)


def drawn_texts(drawing, monkeypatch):
    """Every text that is drawn, with its box in pixels; texts that a theme blanks are never drawn."""
    found = {}
    draw = Text.draw

    def recorded(text, renderer):
        if text.get_visible() and text.get_text().strip():
            found[id(text)] = text
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", recorded)
    FigureCanvasAgg(drawing).draw()
    return [(text.get_text(), text.get_window_extent()) for text in found.values()]


@pytest.mark.slow
def test_files_say_what_the_figure_is_and_whether_it_rests_on_simulated_responses(saved):
    flags = {}
    for name, (figure, png, svg) in saved.items():
        flags[name] = "Simulated responses" in figure.caption
        with Image.open(png) as picture:
            assert picture.text == {"title": figure.title} | ({"responses": "simulated"} if flags[name] else {}), name
        text = svg.read_text()
        assert "<dc:title>" in text
        assert ("responses: simulated" in text) == flags[name], name
    without = {name.split("-")[0] for name, flag in flags.items() if not flag}
    assert without == {"fig2", "fig3", "fig10", "fig17", "fig20"}


def test_nothing_is_called_simulated_where_responses_were_collected():
    for figure in make_figures(tiny(simulated=False)):
        assert set(figure.about) == {"title"}, figure.name
