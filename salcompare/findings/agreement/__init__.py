"""How far workers' boxes agree."""

from salcompare.findings.finding import Finding, Headline, Quantity

BOXES, LABELS, ALPHA = "box_agreement", "label_agreement", "krippendorff_alpha"

FINDING = Finding(
    name="agreement", inputs=("responses", "images"), rests_on_people=True,
    quantities=(
        Quantity(BOXES, ALPHA, "Agreement of boxes, alpha", better="higher", shown=(Headline(),)),
        Quantity(BOXES, "mean_iou", "Agreement of boxes, mean IoU", better="higher", shown=(Headline(),)),
        Quantity(LABELS, "same_label", "Share of pairs with the same label", better="higher"),
    ),
    tables={"agreement_images": ("image", "actor", "workers", "mean_iou", "box_alpha", "same_label", "label_alpha")})
