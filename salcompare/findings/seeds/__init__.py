"""How stable classifiers are over training seeds."""

from salcompare.findings.finding import Compared, Finding, Quantity

RELIABILITY, CEILING, OVERLAP = "seed_reliability", "seed_ceiling", "seed_overlap"
ACCURACY, NEAR_ZERO = "seed_accuracy", "near_zero_share"

FINDING = Finding(
    name="seeds", question="How stable is the classifier?", question_of_several="How stable are the classifiers?",
    inputs=("seed_maps", "seed_accuracies", "seed_weights"),
    quantities=(
        Quantity(RELIABILITY, "pearson", "Reliability over seeds", better="higher", shown=(
            Compared("seed_reliability", form="smoothed", contrast="same image",
                     requires="two or more seeds of the classifier"),)),
        Quantity(OVERLAP, "pearson", "Overlap with people over seeds", better="higher", rests_on_people=True),
    ),
    after=("ceilings",))
