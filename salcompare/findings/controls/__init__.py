"""Whether maps speak of the network at all."""

from salcompare.findings.finding import MEAN, SIDES, TEST, Compared, Finding, Quantity
from salcompare.naming import PRIMARY, SMOOTHED

DIFFERENCE, BESIDE, OF_CONTROL = "overlap_control", "overlap_beside_control", "overlap_of_control"
"""An overlap less that of a control; and the two that it is the difference of, on its images and actors."""
NETWORKS, LAYERED = "control_spread", "randomisation_similarity"
RANDOMISED, SHUFFLED, LAYERS = "randomised network", "shuffled labels", "layers"
SOBEL, GRADIENT = "sobel", "photograph gradient"
DECISIVE = (RANDOMISED, SOBEL)
"""What an overlap must lie above to be evidence about the network."""
CONTRAST = "classifier - control"

FROM_EDGES, FROM_NETWORKS = (
    Quantity(DIFFERENCE, PRIMARY, "Overlap minus a control's", columns=MEAN | SIDES | test, over=("metric",),
             better="higher", rests_on_people=True, shown=shown)
    for test, shown in ((TEST, ()), ({}, (
        Compared("minus_randomised", form=SMOOTHED, contrast=CONTRAST, against=RANDOMISED, requires="the controls",
                 title="Overlap minus a randomised network's"),
        Compared("minus_sobel", form=SMOOTHED, contrast=CONTRAST, against=SOBEL, requires="the controls",
                 title="Overlap minus Sobel edges'")))))
ON_ITS_IMAGES, OF_ITSELF = (
    Quantity(statistic, PRIMARY, title, columns=MEAN, over=("metric",), better="higher",
             rests_on_people=True) for statistic, title in (
        (BESIDE, "Overlap on a control's images"), (OF_CONTROL, "Overlap of a control")))
SPREAD = Quantity(NETWORKS, PRIMARY, "Spread of the difference over networks", "spread",
                  {"n": "n_networks", "reason": "spread_reason"}, over=("metric",), rests_on_people=True)
CURVE = Quantity(LAYERED, "spearman", "Similarity as layers are randomised",
                 columns=MEAN | {"form": "form", "against": "layer"}, over=("step",))

FINDING = Finding(
    name="controls", question="Is it the network speaking?", inputs=("human", "classifier_maps", "controls"),
    quantities=(FROM_EDGES, FROM_NETWORKS, ON_ITS_IMAGES, OF_ITSELF, SPREAD, CURVE),
    figures=(14,), on_classifier_pages=(14,), after=("overlap",))
