"""What a perfect model could reach."""

from salcompare.findings.finding import Compared, Finding, Headline, Quantity

CEILING, SHARE, RESAMPLED = "noise_ceiling", "share_of_ceiling", "resampled_overlap"
HALF, REST = "half_ceiling", "rest_ceiling"

FINDING = Finding(
    name="ceilings", question="Do people agree with each other?", inputs=("human", "responses", "classifier_maps"),
    rests_on_people=True,
    quantities=(
        Quantity(CEILING, "pearson", "Noise ceiling", better="higher", shown=(
            Headline(form="smoothed", title="Noise ceiling"),)),
        Quantity(SHARE, "pearson", "Share of the ceiling", better="higher", shown=(
            *(Headline("classifier", "smoothed", f"over {null}", f"Share of the ceiling, over {name}")
              for null, name in (("no correlation", "0"), ("other actors' classifier maps", "other actors"),
                                 ("other actors' human maps", "the average face"))),
            Compared("share_of_ceiling", form="smoothed", contrast="over no correlation",
                     requires="people's maps that say which worker made what"))),
        Quantity(RESAMPLED, "pearson", "Overlap, workers resampled", better="higher"),
        Quantity(HALF, "pearson", "Half of the workers against the other half", better="higher"),
        Quantity(REST, "pearson", "Single workers against the rest", better="higher"),
    ),
    figures=(12,), on_classifier_pages=(12,))
