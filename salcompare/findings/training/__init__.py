"""The classifiers and whether they know the people."""

from salcompare.findings.finding import COUNTS, INTERVAL, SIDES, TEST, Compared, Finding, Quantity

ACCURACY, DIFFERENCE = "accuracy", "accuracy_difference"
NULL = "both classifiers' answers exchanged within actors"
ACCURATE = Quantity(
    ACCURACY, "test", "Accuracy, test images", "accuracy",
    {"metric": "split", **{name: name for name in ("source", "ci_low", "ci_high", "n", "reason")}},
    fixed={"ci_method": "wilson", "resampled": "images"}, over=("index",), better="higher",
    shown=(Compared("accuracy", of="network", requires="training in this study"),))
MORE_ACCURATE = Quantity(DIFFERENCE, "test", "Accuracy, test images, less another's",
                         columns=COUNTS | INTERVAL | SIDES | TEST)

FINDING = Finding(
    name="training", question="Does the classifier know the people?",
    question_of_several="Do the classifiers know the people?", inputs=("accuracies", "predictions", "classifiers"),
    quantities=(ACCURATE, MORE_ACCURATE), figures=(10,), on_classifier_pages=(10,))
