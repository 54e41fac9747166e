"""How far people and classifiers agree."""

from salcompare.findings.finding import BARE_TEST, MEAN, SIDES, TEST, Columns, Compared, Finding, Headline, Quantity
from salcompare.naming import PRIMARY, SMOOTHED

OVERLAP, CURVE, SIMILARITY = "overlap", "overlap_curve", "actor_similarity"
TIED, SHORT = "tied_share", "short_maps"
DISTANCE, PAIRS = "correlation", "pairs of actors"
HEATMAPS = ("heatmaps", "smoothed heatmaps")
SAME_IMAGE, OTHER_IMAGE, OTHER_ACTOR = "same image", "same actor, other image", "other actor"
IMAGE_EFFECT, ACTOR_EFFECT = "image effect", "actor effect"
SAME_GROUP, CORRECT = "same group", "correctly classified images"
SAME_ACTOR, POPULATION = "same actor", "population"
UNIFORM, CENTRE, OTHERS = "baseline/uniform", "baseline/centre", "baseline/other actors"
SIGMAS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08)  # of the curve, shares of the grid's width


def minus(other: str, contrast: str = SAME_IMAGE) -> str:
    """Name the contrast with another source, on the same image unless said."""
    return f"minus {other}" if contrast == SAME_IMAGE else f"{contrast} minus {other}"


_ACTOR: Columns = {"value_one": "actor_one", "value_other": "actor_other"}
SAME = Quantity(
    OVERLAP, PRIMARY, "Overlap with people", columns=MEAN, better="higher", shown=(
        *(Headline("classifier", SMOOTHED, contrast, title) for contrast, title in (
            (SAME_IMAGE, "Overlap on the same image"), (IMAGE_EFFECT, "Image effect"), (ACTOR_EFFECT, "Actor effect"),
            (minus(CENTRE), "Overlap minus a centred blob's"), (minus(OTHERS), "Overlap minus the average face's"))),
        Compared("overlap", form=SMOOTHED, contrast=SAME_IMAGE, beside="ceiling",
                 requires="maps of people that name images")))
SAME_OF_ACTORS = SAME.of_actors({})
BASELINE, CLASSIFIER, HEATMAP = (Quantity(OVERLAP, PRIMARY, columns=MEAN | SIDES | TEST, over=over)
                                 for over in (("metric",), ("contrast",), ()))
"""Differences from a baseline and from another classifier, and what is tested of heatmaps."""
HEATMAP_OF_ACTORS = HEATMAP.of_actors(_ACTOR)
PAIRING = Quantity(OVERLAP, PRIMARY, columns=HEATMAP.columns | {"null": "exchanged", "ceiling": "ceiling"})
PAIRING_OF_ACTORS = PAIRING.of_actors(BARE_TEST | _ACTOR | {
    "p_value": "actor_p_value", "p_attainable": "actor_p_attainable", "n_resamples": "actor_n_permutations",
    "null": "exchanged"})
OF_POPULATION, OF_POPULATION_DIFFERENCE = (
    Quantity(OVERLAP, PRIMARY, columns=columns, over=("metric",)) for columns in (MEAN, MEAN | SIDES))
TIES, SHORTS = (Quantity(statistic, "share", title, columns={"n": "n"}, rests_on_people=False) for statistic, title in (
    (TIED, "Share of the area on ties"), (SHORT, "Share of maps too sparse to fill the area")))
SMOOTHING = Quantity(CURVE, PRIMARY, "Overlap by the width of the smoothing", columns=MEAN, better="higher")
PAIRS_OF_ACTORS = Quantity(SIMILARITY, DISTANCE, "Similarity of actors", columns=MEAN | TEST, better="higher",
                           shown=(Headline("classifier"),))

FINDING = Finding(
    name="overlap", question="Does the classifier agree with people?", inputs=("human", "classifier_maps"),
    rests_on_people=True, frame="photograph",
    quantities=(SAME, SAME_OF_ACTORS, PAIRING, PAIRING_OF_ACTORS, BASELINE, CLASSIFIER, HEATMAP, HEATMAP_OF_ACTORS,
                OF_POPULATION, OF_POPULATION_DIFFERENCE, TIES, SHORTS, SMOOTHING, PAIRS_OF_ACTORS),
    figures=(8,), on_classifier_pages=(8,), after=("ceilings",),
    tables={"overlap_images": ("image", "actor", "source", "form", "sigma")})
