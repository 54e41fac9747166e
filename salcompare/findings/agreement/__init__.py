"""How far workers' boxes agree."""

from typing import Literal

from salcompare.findings.finding import COUNTS, INTERVAL, Columns, Finding, Headline, Quantity
from salcompare.findings.labels import AGREEMENT as LABELS

BOXES, ALPHA = "box_agreement", "krippendorff_alpha"
TABLE = "agreement_images"
_RESAMPLED: Columns = {"n_resamples": "n_resamples"}
_OF_ACTORS: Columns = _RESAMPLED | {"ci_low": "actor_ci_low", "ci_high": "actor_ci_high", "ci_method": "unit_ci_method",
                                    "resampled": "unit_resampled"}
BOX_ALPHA, BOX_IOU, SAME_LABEL = (
    Quantity(statistic, metric, title, columns=COUNTS | INTERVAL | _RESAMPLED, better="higher", shown=shown,
             frame="photograph" if statistic == BOXES else "")
    for statistic, metric, title, shown in (
        (BOXES, ALPHA, "Agreement of boxes, alpha", (Headline(),)),
        (BOXES, "mean_iou", "Agreement of boxes, mean IoU", (Headline(),)),
        (LABELS, "same_label", "Share of pairs with the same label", ())))
BOX_ALPHA_OF_ACTORS, BOX_IOU_OF_ACTORS, SAME_LABEL_OF_ACTORS = (
    quantity.of_actors(_OF_ACTORS) for quantity in (BOX_ALPHA, BOX_IOU, SAME_LABEL))
LABEL_ALPHA_OF_ACTORS = Quantity(LABELS, ALPHA, "Agreement of labels, alpha", better="higher").of_actors(_OF_ACTORS)

PARTS: dict[Literal["boxes", "labels"], dict[str, tuple[Quantity, ...]]] = {
    "boxes": {"alpha": (BOX_ALPHA, BOX_ALPHA_OF_ACTORS), "likeness": (BOX_IOU, BOX_IOU_OF_ACTORS)},
    "labels": {"alpha": (LABEL_ALPHA_OF_ACTORS,), "likeness": (SAME_LABEL, SAME_LABEL_OF_ACTORS)}}
"""Of what workers agree in, and by part of the result: the quantities."""

FINDING = Finding(
    name="agreement", inputs=("responses", "images"), rests_on_people=True,
    quantities=tuple(quantity for parts in PARTS.values() for part in parts.values() for quantity in part),
    tables={TABLE: ("image", "actor", "workers", BOX_IOU.metric, "box_alpha", SAME_LABEL.metric, "label_alpha")})
