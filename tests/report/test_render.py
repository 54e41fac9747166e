"""The page, its tables and its JSON."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

import salcompare
from salcompare.findings.content import render as render_report
from salcompare.findings.content import tables as printed_tables
from tests.report.contents import check_policy, estimates, report_data


def test_the_page_is_one_file_without_requests_and_escapes_what_it_prints(tmp_path):
    page = render_report(report_data(tmp_path), tmp_path).read_text()
    assert "A &lt;study&gt; &amp; its maps" in page
    assert "<study>" not in page
    assert not re.search(r"<(script|link|iframe)[^>]*(src|href)=[\"']?(https?:)?//", page)
    assert not re.search(r"url\((https?:)?//|@import", page)
    assert 'src="data:image/png;base64,' in page


def test_simulated_responses_are_said_on_the_page_and_in_every_table_that_uses_them(tmp_path):
    page = render_report(report_data(tmp_path), tmp_path).read_text()
    assert "Simulated responses." in page
    for name in ("overlap_population", "overlap_primary", "label_share_population"):
        assert (pd.read_csv(tmp_path / "tables" / f"{name}.csv")["responses"] == "simulated").all()
    table = pd.read_csv(tmp_path / "tables" / "estimates.csv", keep_default_na=False)
    assert set(table.loc[table["statistic"] == "overlap", "responses"]) == {"simulated"}
    variance = pd.read_csv(tmp_path / "tables" / "variance_explained.csv", keep_default_na=False)
    assert set(variance.loc[variance["source"] == "photographs", "responses"]) == {""}
    assert set(table.loc[table["statistic"] == "accuracy", "responses"]) == {""}


def test_the_text_in_a_pictures_place_says_that_responses_are_simulated(tmp_path):
    data = report_data(tmp_path)
    figure = dataclasses.replace(data.figures[0], caption="Simulated responses: no person drew these boxes.")
    page = render_report(data.replace(figures=(figure,)), tmp_path).read_text()
    assert 'alt="Labels (simulated responses)"' in page
    assert 'alt="Labels"' in render_report(data, tmp_path).read_text()


def test_what_p_of_the_primary_overlap_is_one_sided_in_is_told_apart_from_what_it_is_not(tmp_path):
    data = report_data(tmp_path)
    note = next(table.caption for table in printed_tables(data) if table.name == "overlap_primary")
    assert re.search(r"p of the image and the actor effect is one-sided.*; p of a difference .* is two-sided", note)


def test_on_a_phone_contents_go_over_several_lines_and_notes_of_wide_tables_stay_in_sight(tmp_path):
    page = render_report(report_data(tmp_path), tmp_path).read_text()
    rules = dict(re.findall(r"^(nav|caption) \{(.*?)\}", page, flags=re.DOTALL | re.MULTILINE))
    assert "flex-wrap: wrap" in rules["nav"]
    assert "position: sticky; left: 0" in rules["caption"]
    assert "100vw" in rules["caption"]


def test_pages_let_a_browser_load_nothing_but_their_own_style_and_pictures(tmp_path):
    render_report(report_data(tmp_path), tmp_path)
    for path in tmp_path.glob("*.html"):
        check_policy(path.read_text())


def test_every_template_of_a_whole_page_states_its_policy_or_is_served_with_one():
    whole = {path for path in Path(salcompare.__file__).parent.rglob("*")
             if path.suffix in {".html", ".jinja", ".py"} and "<!doctype html" in path.read_text().lower()}
    assert {path.name for path in whole} == {"macros.html", "base.html"}
    for path in whole:
        assert ('content="{{ policy }}"' in path.read_text()) == (path.parts[-3:-1] != ("collect", "templates"))


def test_a_label_that_begins_a_formula_is_guarded_in_every_table_and_no_label_is_lost(tmp_path):
    table = estimates()
    table.loc[table["label"] == "eyes", "label"] = "=cmd|' /C calc'!A0"
    data = report_data(tmp_path, estimates=table)
    render_report(data, tmp_path)
    held = [path for path in tmp_path.glob("tables/*.csv") if "cmd|" in path.read_text()]
    assert {path.stem for path in held} >= {"estimates", "label_share_population"}
    for path in tmp_path.glob("tables/*.csv"):
        cells = pd.read_csv(path, dtype=str, keep_default_na=False, header=None).to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))], path.name


def test_collected_responses_are_never_called_simulated(tmp_path):
    render_report(report_data(tmp_path, simulated=False), tmp_path)
    page = re.sub(r"<summary>Data dictionary.*?</details>", "", (tmp_path / "report.html").read_text(), flags=re.DOTALL)
    written = page + "".join(path.read_text() for path in tmp_path.glob("tables/*.csv"))
    assert "imulated" not in written
    assert "collected" in written


def test_the_json_holds_every_estimate_with_nan_as_null(tmp_path):
    data = report_data(tmp_path)
    render_report(data, tmp_path)
    found = json.loads((tmp_path / "report.json").read_text())
    assert len(found["estimates"]) == len(data.estimates)
    assert found["estimates"][0]["value"] == 0.95
    assert found["estimates"][0]["p_value"] is None
    assert found["responses"] == "simulated"


def test_two_processes_write_the_same_bytes(tmp_path):
    script = ("import sys, pathlib; from tests.report.contents import report_data; "
              "from salcompare.findings.content import render; f = pathlib.Path(sys.argv[1]); "
              "render(report_data(f), f)")
    folders = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(folders):
        subprocess.run([sys.executable, "-c", script, str(folder)], check=True,
                       env={"PYTHONHASHSEED": str(seed), "PATH": ""})
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()) for folder in folders]
    assert files[0] == files[1]
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in files[0])


def test_the_plan_stands_before_the_summary_with_all_that_changed(tmp_path):
    page = render_report(report_data(tmp_path).replace(plan=("Frozen on <day>.", "maps.sigma: frozen 1, now 2")),
                         tmp_path).read_text()
    assert page.index("Frozen on &lt;day&gt;. Changed since:") < page.index("maps.sigma: frozen 1") < page.index(
        'id="summary"')
    assert json.loads((tmp_path / "report.json").read_text())["plan"][1] == "maps.sigma: frozen 1, now 2"
    assert 'id="plan"' not in render_report(report_data(tmp_path), tmp_path).read_text()
