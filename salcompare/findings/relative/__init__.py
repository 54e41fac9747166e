"""Where an actor's maps differ from the other actors'."""

from salcompare.findings.finding import Finding

FINDING = Finding(
    name="relative", question="Where do maps of one actor differ from the others'?",
    figures=(5, 6), on_classifier_pages=(5,))
