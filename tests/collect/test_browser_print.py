"""The report on paper, here where the browser is: no open table is cut at the paper's edge."""

import pytest

from salcompare.findings.content import render
from tests.collect.browsing import visiting
from tests.report.contents import report_data

pytestmark = pytest.mark.browser
WIDTH = 720  # of A4 less its margins, CSS pixels
CUT = """tables => tables.filter(table => table.offsetWidth > table.parentElement.clientWidth + 1)
  .map(table => table.innerText.slice(0, 80))"""


def test_no_table_is_cut_on_paper(tmp_path, browser):
    page_file = render(report_data(tmp_path), tmp_path)
    with visiting(browser, viewport={"width": WIDTH, "height": 900}) as page:
        page.goto(page_file.as_uri())
        assert page.eval_on_selector_all("table", CUT)
        page.emulate_media(media="print")
        assert page.eval_on_selector_all("table", CUT) == []
