"""Whether maps are symmetric."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="symmetry", question="Are the maps symmetric?", figures=(9,), on_classifier_pages=(9,))
