"""The classifiers and whether they know the people."""

from salcompare.findings.finding import Finding

FINDING = Finding(
    name="training", question="Does the classifier know the people?",
    question_of_several="Do the classifiers know the people?", figures=(10,), on_classifier_pages=(10,))
