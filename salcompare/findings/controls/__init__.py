"""Whether maps speak of the network at all."""

from salcompare.findings.finding import BARE_TEST, MEAN, SIDES, TEST, Compared, Finding, Quantity
from salcompare.findings.overlap import ACTOR_EFFECT, DISTANCE, IMAGE_EFFECT, SAME_IMAGE
from salcompare.naming import PRIMARY, SMOOTHED

DIFFERENCE, OF_CONTROL = "overlap_control", "overlap_of_control"
"""An overlap or effect less that of a control; and the control's by itself."""
LAYERED = "randomisation_similarity"
RANDOMISED, SHUFFLED, LAYERS = "randomised network", "shuffled labels", "layers"
SOBEL = "sobel"
DECISIVE = (RANDOMISED, SOBEL)
"""What an overlap must lie above to be evidence about the network; of randomised networks, above a new one."""
GIVEN = "smoothed, given the centre"
"""The form of maps whose correlation is partial: a centred Gaussian is taken out of both."""
EFFECTS = (IMAGE_EFFECT, ACTOR_EFFECT)


def new(kind: str) -> str:
    """Name a network that was not drawn yet, where the kind's name alone means the mean of many."""
    return f"new {kind}"


FROM_EDGES, FROM_NETWORKS, FROM_NEW = (
    Quantity(DIFFERENCE, PRIMARY, "Overlap minus a control's", columns=columns, over=("contrast",), better="higher",
             rests_on_people=True, shown=shown)
    for columns, shown in (
        (MEAN | SIDES | TEST, (
            Compared("minus_sobel", form=SMOOTHED, contrast=SAME_IMAGE, against=SOBEL, requires="the controls",
                     title="Overlap minus Sobel edges'"),)),
        (MEAN | SIDES, (
            Compared("minus_randomised", form=SMOOTHED, contrast=SAME_IMAGE, against=RANDOMISED,
                     requires="the controls", title="Overlap minus random networks' mean"),)),
        (MEAN | SIDES | BARE_TEST | {"ci_low": "new_low", "ci_high": "new_high", "n_resamples": "n_networks"}, ())))
OF_ITSELF = Quantity(OF_CONTROL, PRIMARY, "Overlap of a control", columns=MEAN | SIDES | TEST | {"null": "exchanged"},
                     over=("contrast",), better="higher", rests_on_people=True)
OF_ITSELF_OF_ACTORS = OF_ITSELF.of_actors({"value_one": "actor_one", "value_other": "actor_other"})
OF_HEATMAPS = Quantity(OF_CONTROL, PRIMARY, columns=SIDES, over=("contrast",), rests_on_people=True)
PAIRS_FROM_EDGES, PAIRS_FROM_NETWORKS, PAIRS_FROM_NEW, PAIRS_OF_CONTROL = (
    Quantity(statistic, DISTANCE, columns=columns, over=over, better="higher", rests_on_people=True)
    for statistic, columns, over in (
        (DIFFERENCE, MEAN | SIDES, ()), (DIFFERENCE, FROM_NETWORKS.columns, ("contrast",)),
        (DIFFERENCE, FROM_NEW.columns, ("contrast",)), (OF_CONTROL, MEAN | TEST, ())))
"""The same of whether people and a classifier find the same pairs of actors alike."""
CURVE = Quantity(LAYERED, "spearman", "Similarity as layers are randomised",
                 columns=MEAN | {"form": "form", "against": "layer"}, over=("step",))

FINDING = Finding(
    name="controls", question="Is it the network speaking?", inputs=("human", "classifier_maps", "controls"),
    frame="photograph",
    quantities=(FROM_EDGES, FROM_NETWORKS, FROM_NEW, OF_ITSELF, OF_ITSELF_OF_ACTORS, OF_HEATMAPS,
                PAIRS_FROM_EDGES, PAIRS_FROM_NETWORKS, PAIRS_FROM_NEW, PAIRS_OF_CONTROL, CURVE),
    figures=(14,), on_classifier_pages=(14,), after=("overlap",))
