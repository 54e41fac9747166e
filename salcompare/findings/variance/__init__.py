"""Whether maps of one actor are alike."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="variance", question="Are maps of one actor alike?", figures=(7,))
