"""What a perfect model could reach."""

from salcompare.findings.controls import RANDOMISED
from salcompare.findings.finding import MEAN, SIDES, Compared, Finding, Headline, Quantity
from salcompare.findings.overlap import CENTRE, SAME_IMAGE, minus
from salcompare.naming import PRIMARY, SMOOTHED

CEILING, SHARE, POOLED = "noise_ceiling", "share_of_ceiling", "pooled_overlap"
NULLS = (CENTRE, RANDOMISED)
"""Maps that know neither the image nor the people, whose shares of the ceiling stand beside a classifier's."""

OF_RESPONSES = Quantity(CEILING, PRIMARY, "Noise ceiling", columns=MEAN, better="higher", shown=(
    Headline(form=SMOOTHED, title="Noise ceiling"),))
SCORED = Quantity(POOLED, PRIMARY, "Overlap pooled over images", columns=MEAN, better="higher")
REACHED = Quantity(SHARE, PRIMARY, "Share of the ceiling", columns=MEAN | {"null_mean": "null", "ceiling": "ceiling"},
                   better="higher", shown=(
    Headline("classifier", SMOOTHED, SAME_IMAGE, "Share of the ceiling"),
    Headline("classifier", SMOOTHED, minus(CENTRE), "Share of the ceiling minus a centred blob's"),
    Compared("share_of_ceiling", form=SMOOTHED, contrast=SAME_IMAGE, beside="null_mean",
             requires="people's maps that say which worker made what")))
ABOVE = Quantity(SHARE, PRIMARY, columns=MEAN | SIDES | {"ceiling": "ceiling"}, better="higher")

FINDING = Finding(
    name="ceilings", question="Do people agree with each other?",
    inputs=("human", "responses", "classifier_maps", "controls"), rests_on_people=True, frame="photograph",
    quantities=(OF_RESPONSES, SCORED, REACHED, ABOVE), figures=(12, 18), on_classifier_pages=(12,), after=("variance",))
