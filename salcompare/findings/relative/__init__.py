"""Where an actor's maps differ from the other actors'."""

from salcompare.findings.finding import Finding, Headline, Quantity

STATISTIC = "relative_saliency"
MOST, MOST_BESIDE = 999, 99
"""Permutations at most: of the test itself, and of the sensitivity analyses and of classifiers that are not shown."""
LARGEST = Quantity(STATISTIC, "max_t", "Largest |t| of an actor against the others", most=(MOST, MOST_BESIDE),
                   shown=(Headline(title="Actors whose human maps differ from others'"),))

FINDING = Finding(
    name="relative", question="Where do maps of one actor differ from the others'?",
    inputs=("human", "classifier_maps"), quantities=(LARGEST,), figures=(5, 6), on_classifier_pages=(5,))
