"""What a network loses when parts of the photographs are removed."""

from salcompare.findings.finding import COUNTS, INTERVAL, SIDES, TEST, Columns, Compared, Finding, Quantity

DROP, DELETION, INSERTION = "removal_drop", "deletion_auc", "insertion_auc"
PEOPLE, RANDOM_PEOPLE, BOTH, CLASSIFIER, RANDOM, CENTRE, LABEL, REGION = (
    "people", "random people", "both", "classifier", "random", "centre", "label ", "label region")
"""Whose order of the pixels is followed; sources are called by their names, labels by `LABEL` and theirs."""
OF_PEOPLE = (PEOPLE, RANDOM_PEOPLE, BOTH)
"""Orders that rest on people's maps."""
CONTRASTS = ((PEOPLE, RANDOM_PEOPLE), (PEOPLE, CENTRE), (CLASSIFIER, RANDOM), (CLASSIFIER, CENTRE),
             (PEOPLE, CLASSIFIER), (BOTH, PEOPLE), (BOTH, CLASSIFIER))
"""What is compared at equal area: the drop of the first less that of the second."""
OTHER_LABELS, MINUS_RANDOM = "minus other labels", f"minus {RANDOM}"
NULL = "each actor's two outcomes exchanged"
# Networks' logits have scales of their own, so that probabilities are compared first.
_CHOICES = tuple({"metric": metric, "form": fill} for metric in ("probability", "logit", "accuracy")
                 for fill in ("mean", "blur", "noise"))
_COLUMNS: Columns = COUNTS | INTERVAL | SIDES | TEST
# At equal area, what people marked is among what was removed, or what it is compared with.
DROPS = Quantity(DROP, "logit", "Drop when parts of one area are removed", columns=_COLUMNS, of_people={
    "against": (*OF_PEOPLE, REGION), "contrast": (f"minus {PEOPLE}", f"minus {RANDOM_PEOPLE}")},
                 together=("against", "contrast"))
AREAS = {
    "deletion": Quantity(DELETION, "probability", "Deletion AUC", columns=_COLUMNS, better="lower", shown=(
        Compared(DELETION, choices=_CHOICES, requires="deletion curves", open=("metric", "form")),)),
    "insertion": Quantity(INSERTION, "probability", "Insertion AUC", columns=_COLUMNS, better="higher")}
CURVES = "removal_curves"

FINDING = Finding(
    name="perturbation", question="Does the network need what people look at?", inputs=("removals",),
    frame="photograph",
    quantities=(DROPS, *AREAS.values()), figures=(15, 16), on_classifier_pages=(15,),
    tables={CURVES: ("network", "source", "way", "metric", "fill", "share", "value", "ci_low", "ci_high", "n",
                     "responses")})
