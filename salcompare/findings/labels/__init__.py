"""Which features people name."""

from salcompare.findings.finding import BARE_TEST, COUNTS, FAMILY, INTERVAL, SIDES, Columns, Finding, Headline, Quantity

SHARE, BOXES, DIFFERENCE = "label_share", "label_responses", "label_difference"
AGREEMENT, ENRICHMENT = "label_agreement", "enrichment"
FEWEST_BOXES = 10
"""Boxes of a label below which no summary names it: what stands out of fewer may be one worker's."""
FROM_OTHERS = "actor minus other actors"

_OF_ACTORS: Columns = {"actor": "actor"}  # a histogram's rows name their actors and labels
SHARES = Quantity(SHARE, "share", "Share of a label", "share", COUNTS | INTERVAL | {
    "label": "label", "count": "n_responses"}, over=("row",))
SHARES_OF_ACTORS = Quantity(SHARE, "share", "Share of a label", "share", SHARES.columns | _OF_ACTORS, over=("row",),
                            level="actor")
EFFECTIVE = Quantity(BOXES, "n_effective", "Effective number of votes", "n_effective", {"n": "n"}, over=("row",))
EFFECTIVE_OF_ACTORS = Quantity(BOXES, "n_effective", "Effective number of votes", "n_effective",
                               EFFECTIVE.columns | _OF_ACTORS, over=("row",), level="actor")
ALPHA = Quantity(AGREEMENT, "krippendorff_alpha", "Agreement of labels, alpha", "alpha",
                 COUNTS | INTERVAL | {"n": "n_images", "n_resamples": "n_resamples"}, better="higher",
                 shown=(Headline(),))
OMNIBUS = Quantity(
    DIFFERENCE, "mean_eta2", "Actors differ in labels, eta²", "omnibus", COUNTS | BARE_TEST | {
        "null_mean": "omnibus_null_mean", "p_value": "omnibus_p_value", "p_attainable": "omnibus_p_attainable",
        "alternative": "omnibus_alternative", "reason": "left_out"}, shown=(Headline(),))
OF_LABELS = Quantity(
    DIFFERENCE, "eta2", "Actors differ in a label, eta²", "eta2", OMNIBUS.columns | {
        "null_mean": "label_null_mean", "p_value": "label_p_value", "reason": "label_reason"}, over=("label",))
CELLS = Quantity(
    DIFFERENCE, "share_difference", "An actor's share of a label minus the other actors'", "difference",
    SIDES | BARE_TEST | FAMILY | {"n": "n_images", "reason": "reason"},
    {"null_mean": 0.0, "contrast": FROM_OTHERS}, over=("actor", "label"), level="actor")
RATIO = Quantity(ENRICHMENT, "ratio", "Share of a mask in a label's boxes, over chance", "enrichment",
                 COUNTS | INTERVAL | BARE_TEST, {"null_mean": 1.0}, over=("label",), better="higher",
                 frame="photograph")
RATIO_OF_ACTORS = RATIO.of_actors({"ci_low": "actor_low", "ci_high": "actor_high", "ci_method": "actor_ci_method",
                                   "resampled": "actor_resampled"}, value="actor_enrichment")

FINDING = Finding(
    name="labels", question="Which features do people name?", inputs=("responses", "images", "classifier_maps"),
    rests_on_people=True,
    quantities=(SHARES, SHARES_OF_ACTORS, EFFECTIVE, EFFECTIVE_OF_ACTORS, ALPHA, OMNIBUS, OF_LABELS, CELLS, RATIO,
                RATIO_OF_ACTORS),
    figures=(4, 11))
