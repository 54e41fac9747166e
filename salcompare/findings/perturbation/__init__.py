"""What a network loses when parts of the photographs are removed."""

from salcompare.findings.finding import Compared, Finding, Quantity

DROP, DELETION, INSERTION = "removal_drop", "deletion_auc", "insertion_auc"
# Networks' logits have scales of their own, so that probabilities are compared first.
_CHOICES = tuple({"metric": metric, "form": fill} for metric in ("probability", "logit", "accuracy")
                 for fill in ("mean", "blur", "noise"))

FINDING = Finding(
    name="perturbation", question="Does the network need what people look at?", inputs=("removals",),
    quantities=(
        Quantity(DROP, "logit", "Drop when parts of one area are removed"),
        Quantity(DELETION, "probability", "Deletion AUC", better="lower", shown=(
            Compared("deletion_auc", choices=_CHOICES, requires="deletion curves", open=("metric", "form")),)),
        Quantity(INSERTION, "probability", "Insertion AUC", better="higher"),
    ),
    figures=(15, 16), on_classifier_pages=(15,),
    tables={"removal_curves": ("network", "source", "way", "metric", "fill", "share", "value", "ci_low", "ci_high", "n",
                               "responses")})
