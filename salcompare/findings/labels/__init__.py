"""Which features people name."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="labels", question="Which features do people name?", figures=(4, 11))
