"""Whether maps speak of the network at all."""

from salcompare.findings.finding import Compared, Finding, Quantity

DIFFERENCE, BESIDE, OF_CONTROL = "overlap_control", "overlap_beside_control", "overlap_of_control"
"""An overlap less that of a control; and the two that it is the difference of, on its images and actors."""
NETWORKS, LAYERED = "control_spread", "randomisation_similarity"
RANDOMISED, SHUFFLED, LAYERS = "randomised network", "shuffled labels", "layers"
SOBEL, GRADIENT = "sobel", "photograph gradient"
CONTRAST = "classifier - control"

FINDING = Finding(
    name="controls", question="Is it the network speaking?", inputs=("human", "classifier_maps", "controls"),
    quantities=(
        Quantity(DIFFERENCE, "pearson", "Overlap minus a control's", better="higher", shown=(
            Compared("minus_randomised", form="smoothed", contrast=CONTRAST, against=RANDOMISED,
                     requires="the controls", title="Overlap minus a randomised network's"),
            Compared("minus_sobel", form="smoothed", contrast=CONTRAST, against=SOBEL, requires="the controls",
                     title="Overlap minus Sobel edges'"))),
        Quantity(BESIDE, "pearson", "Overlap on a control's images", better="higher"),
        Quantity(OF_CONTROL, "pearson", "Overlap of a control", better="higher"),
        Quantity(NETWORKS, "pearson", "Spread of the difference over networks"),
    ),
    figures=(14,), on_classifier_pages=(14,), after=("overlap",))
