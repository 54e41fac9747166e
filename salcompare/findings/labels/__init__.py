"""Which features people name."""

from salcompare.findings.finding import Finding, Headline, Quantity

SHARE, BOXES, DIFFERENCE = "label_share", "label_responses", "label_difference"
AGREEMENT, REGION, ENRICHMENT = "label_agreement", "label_region", "enrichment"

FINDING = Finding(
    name="labels", question="Which features do people name?", inputs=("responses", "images", "classifier_maps"),
    rests_on_people=True,
    quantities=(
        Quantity(SHARE, "share", "Share of a label"),
        Quantity(AGREEMENT, "krippendorff_alpha", "Agreement of labels, alpha", better="higher", shown=(Headline(),)),
        Quantity(DIFFERENCE, "mean_eta2", "Actors differ in labels, eta²", shown=(Headline(),)),
        Quantity(REGION, "mean_pearson", "Masks lie where labels are named", better="higher", shown=(
            Headline("classifier"),)),
        Quantity(ENRICHMENT, "ratio", "Share of a mask in a label's boxes, over chance", better="higher"),
    ),
    figures=(4, 11))
