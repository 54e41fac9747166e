"""What a network loses when parts of the photographs are removed."""

from salcompare.findings.finding import Finding

FINDING = Finding(
    name="removal", question="Does the network need what people look at?", figures=(15, 16),
    on_classifier_pages=(15,))
