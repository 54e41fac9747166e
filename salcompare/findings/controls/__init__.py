"""Whether maps speak of the network at all."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="controls", question="Is it the network speaking?", figures=(14,), on_classifier_pages=(14,),
    needs=("overlap",))
