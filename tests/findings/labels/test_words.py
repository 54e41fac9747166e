"""What the summary says of labels."""

import pandas as pd

from salcompare.findings.content import answers as summarise
from salcompare.findings.rows import estimates_table, with_responses
from tests.report.contents import MAIN, estimates, report_data, row


def test_enrichment_is_said_of_people_and_of_the_classifier(tmp_path):
    found = (("human", "eyes", 3.2, 0.01), (MAIN, "nose", 2.0, 0.01), (MAIN, "chin", 0.2, 0.01),
             (MAIN, "lips", 1.4, 0.3), ("baseline/centre", "eyes", 2.5, 0.01), ("baseline/centre", "nose", 4.0, 0.01))
    rows = [row(statistic="enrichment", metric="ratio", form="masks", level="population", source=source, label=label,
                value=value, p_value=0.001, p_adjusted=p) for source, label, value, p in found]
    table = pd.concat([estimates(), with_responses(estimates_table(rows), "simulated")], ignore_index=True)
    (text,) = [text for finding in summarise(report_data(tmp_path, estimates=table)) for text in finding.answers
               if "more than their area explains" in text]
    assert text.startswith("People's masks cover, more than their area explains, the regions of eyes (3.2 times, a ")
    assert "the classifier's masks cover, " in text
    assert "regions of nose (2 times, a centred blob's 4)." in text
    assert "chin" not in text
    assert "lips" not in text
