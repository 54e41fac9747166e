"""What a perfect model could reach."""

from salcompare.findings.finding import Finding

FINDING = Finding(
    name="ceilings", question="Do people agree with each other?", figures=(12,), on_classifier_pages=(12,))
