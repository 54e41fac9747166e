"""How stable classifiers are over training seeds."""

from salcompare.findings.finding import BARE_TEST, MEAN, SIDES, Compared, Finding, Quantity
from salcompare.naming import PRIMARY, SMOOTHED

RELIABILITY, CEILING, OVERLAP = "seed_reliability", "seed_ceiling", "seed_overlap"
ACCURACY, NEAR_ZERO = "seed_accuracy", "near_zero_share"
SAME_IMAGE, OTHER_IMAGE, IMAGE_EFFECT, TUNED = "same image", "other image", "image effect", "finetuned minus frozen"
FOR_SEEDS, FOR_ACTORS = "mean over seeds, for these seeds", "mean over seeds, for these actors"
CONVOLUTIONS, LINEAR = "convolutions", "linear layers"
RELATIVE, ABSOLUTE = "relative", "absolute"
"""Forms of what counts as near zero."""
FEWEST_SEEDS = 3
"""Below so many seeds there is no t interval over seeds."""

RELIABLE, TESTED, MORE_RELIABLE = (
    Quantity(RELIABILITY, PRIMARY, "Reliability over seeds", columns=MEAN | columns, fixed=fixed, better="higher",
             shown=shown) for columns, fixed, shown in (
        ({}, {}, (Compared("seed_reliability", form=SMOOTHED, contrast=SAME_IMAGE,
                           requires="two or more seeds of the classifier"),)),
        (BARE_TEST, {"null_mean": 0.0}, ()), (SIDES | BARE_TEST, {"null_mean": 0.0}, ())))
REACHABLE = Quantity(CEILING, PRIMARY, "Noise ceiling of a training", columns=MEAN, better="higher")
OVERLAPPING, MORE_OVERLAPPING = (
    Quantity(OVERLAP, PRIMARY, "Overlap with people over seeds", columns=MEAN | sides, better="higher",
             rests_on_people=True) for sides in ({}, SIDES))
ACCURATE, MORE_ACCURATE = (
    Quantity(ACCURACY, "test", "Accuracy over seeds", columns=MEAN | sides, better="higher", frame="")
    for sides in ({}, SIDES))
SMALL, MORE_SMALL = (Quantity(NEAR_ZERO, CONVOLUTIONS, "Share of weights near zero", columns=MEAN | sides, frame="")
                     for sides in ({}, SIDES))

FINDING = Finding(
    name="seeds", question="How stable is the classifier?", question_of_several="How stable are the classifiers?",
    inputs=("seed_maps", "seed_accuracies", "seed_weights"),
    quantities=(RELIABLE, TESTED, MORE_RELIABLE, REACHABLE, OVERLAPPING, MORE_OVERLAPPING, ACCURATE, MORE_ACCURATE,
                SMALL, MORE_SMALL),
    after=("ceilings",), frame="photograph")
