"""How stable classifiers are over training seeds."""

from salcompare.findings.finding import Finding

FINDING = Finding(
    name="seeds", question="How stable is the classifier?",
    question_of_several="How stable are the classifiers?", needs=("ceilings",))
