"""What a perfect model could reach."""

from salcompare.findings.finding import MEAN, Compared, Finding, Headline, Quantity
from salcompare.naming import PRIMARY, SMOOTHED

CEILING, SHARE, RESAMPLED = "noise_ceiling", "share_of_ceiling", "resampled_overlap"
OTHER_MAPS, OTHER_FACES, NOTHING = "other actors' classifier maps", "other actors' human maps", "no correlation"
"""Nulls of the share."""


def over(null: str, *, ceiling: bool = False) -> str:
    """Name the contrast of a share of the ceiling, or of the ceiling, over a null."""
    return f"ceiling over {null}" if ceiling else f"over {null}"


_REFERENCES = MEAN | {"null_mean": "null_mean", "ceiling": "ceiling", "n_resamples": "n_resamples"}
OF_RESPONSES = Quantity(CEILING, PRIMARY, "Noise ceiling", columns=MEAN, better="higher", shown=(
    Headline(form=SMOOTHED, title="Noise ceiling"),))
OF_ACTORS = OF_RESPONSES.of_actors({})
REACHED = Quantity(SHARE, PRIMARY, "Share of the ceiling", columns=_REFERENCES, better="higher", shown=(
    *(Headline("classifier", SMOOTHED, over(null), f"Share of the ceiling, over {name}")
      for null, name in ((NOTHING, "0"), (OTHER_MAPS, "other actors"), (OTHER_FACES, "the average face"))),
    Compared("share_of_ceiling", form=SMOOTHED, contrast=over(NOTHING),
             requires="people's maps that say which worker made what")))
REACHED_OF_ACTORS = REACHED.of_actors({
    "ci_low": "actor_ci_low", "ci_high": "actor_ci_high", "ci_method": "actor_ci_method",
    "resampled": "actor_resampled", "null_mean": "actor_null_mean", "ceiling": "actor_ceiling",
    "n_resamples": "n_resamples"})
BY_UNITS = Quantity(RESAMPLED, PRIMARY, "Overlap, workers resampled", better="higher", over=("resampled",),
                    columns=MEAN | {"contrast": "resampled", "n_resamples": "n_resamples"})

FINDING = Finding(
    name="ceilings", question="Do people agree with each other?", inputs=("human", "responses", "classifier_maps"),
    rests_on_people=True,
    quantities=(OF_RESPONSES, OF_ACTORS, REACHED, REACHED_OF_ACTORS, BY_UNITS),
    figures=(12,), on_classifier_pages=(12,))
