"""The classifiers and whether they know the people."""

from salcompare.findings.finding import Compared, Finding, Quantity

ACCURACY = "accuracy"
ACCURATE = Quantity(ACCURACY, "test", "Accuracy, test images", better="higher", shown=(
    Compared("accuracy", of="network", requires="training in this study"),))
DIFFERENCE = Quantity("accuracy_difference", "test", "Accuracy, test images, less another's")

FINDING = Finding(
    name="training", question="Does the classifier know the people?",
    question_of_several="Do the classifiers know the people?", inputs=("accuracies", "predictions", "classifiers"),
    quantities=(ACCURATE, DIFFERENCE), figures=(10,), on_classifier_pages=(10,))
