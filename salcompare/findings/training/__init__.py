"""The classifiers and whether they know the people."""

from salcompare.findings.finding import COUNTS, INTERVAL, SIDES, TEST, Compared, Finding, Quantity

ACCURACY, DIFFERENCE = "accuracy", "accuracy_difference"
EQUAL_ERROR = "equal_error_rate"
ALL, TEST_IMAGES = "all photographs", "test photographs"
"""Whose pairs an equal error rate is of."""
NULL = "both classifiers' answers exchanged within actors"
ACCURATE = Quantity(
    ACCURACY, "test", "Accuracy, test images", "accuracy",
    {"metric": "split", **{name: name for name in ("source", "ci_low", "ci_high", "n", "reason")}},
    fixed={"ci_method": "wilson", "resampled": "images"}, over=("index",), better="higher",
    shown=(Compared("accuracy", of="network", requires="training in this study"),))
MORE_ACCURATE = Quantity(DIFFERENCE, "test", "Accuracy, test images, less another's",
                         columns=COUNTS | INTERVAL | SIDES | TEST)
VERIFIED = Quantity(
    EQUAL_ERROR, "euclidean", "Equal error rate of verification", "value",
    {"n": "people", **{name: name for name in ("source", "against", "form", "ci_low", "ci_high", "reason")}},
    fixed={"ci_method": "jackknife", "resampled": "actors"}, over=("index",), better="lower",
    shown=(Compared("equal_error_rate", form=TEST_IMAGES, of="network", requires="training in this study"),))

FINDING = Finding(
    name="training", question="Does the classifier know the people?",
    question_of_several="Do the classifiers know the people?",
    inputs=("accuracies", "predictions", "verification", "classifiers"),
    quantities=(ACCURATE, MORE_ACCURATE, VERIFIED), figures=(10,), on_classifier_pages=(10,))
