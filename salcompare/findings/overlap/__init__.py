"""How far people and classifiers agree."""

from salcompare.findings.finding import Finding

FINDING = Finding(
    name="overlap", question="Does the classifier agree with people?", figures=(8,),
    on_classifier_pages=(8,),
    needs=("ceilings",))
