"""How far people and classifiers agree."""

from salcompare.findings.finding import Compared, Finding, Headline, Quantity

OVERLAP, CURVE, SIMILARITY = "overlap", "overlap_curve", "actor_similarity"
TIED, SHORT = "tied_share", "short_maps"
SAME_IMAGE, IMAGE_EFFECT, ACTOR_EFFECT = "same image", "image effect", "actor effect"
UNIFORM, CENTRE, OTHERS = "baseline/uniform", "baseline/centre", "baseline/other actors"

FINDING = Finding(
    name="overlap", question="Does the classifier agree with people?", inputs=("human", "classifier_maps"),
    rests_on_people=True,
    quantities=(
        Quantity(OVERLAP, "pearson", "Overlap with people", better="higher", shown=(
            *(Headline("classifier", "smoothed", contrast, title) for contrast, title in (
                (SAME_IMAGE, "Overlap on the same image"), (IMAGE_EFFECT, "Image effect"),
                (ACTOR_EFFECT, "Actor effect"), (f"minus {CENTRE}", "Overlap minus a centred blob's"),
                (f"minus {OTHERS}", "Overlap minus the average face's"))),
            Compared("overlap", form="smoothed", contrast=SAME_IMAGE, beside="ceiling",
                     requires="maps of people that name images"))),
        Quantity(CURVE, "pearson", "Overlap by the width of the smoothing", better="higher"),
        Quantity(SIMILARITY, "correlation", "Similarity of actors", better="higher", shown=(
            Headline("classifier"),)),
    ),
    figures=(8,), on_classifier_pages=(8,), after=("ceilings",),
    tables={"overlap_images": ("image", "actor", "source", "form", "sigma")})
