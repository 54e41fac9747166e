"""Methods of the data's quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def quality(data: ReportData) -> str:
    """Say by which rules responses are left out, and that disagreement is none."""
    settings = data.settings["quality"]
    rules = data.quality_table("quality_rules")
    applied = [str(text) for text, why in zip(rules.get("takes_out", []), rules.get("not_applied", []), strict=True)
               if not why]
    said = ["Which feature stands out has no right answer, so that no rule compares a worker's answers on a photograph "
            "with other workers'. Left out are:", *(applied or ["nothing, since no rule was applied."]),
            "Every exclusion is logged with its rule, the number that broke it and the limit."]
    if "pace" in settings["rules"]:
        said.append("Of the rules, only the one on pace looks at other workers at all, at how long they took.")
    if "seconds" in settings["rules"]:
        said.append("Times are those that the source gives, from the image's appearing to the response.")
    return " ".join(said)


AGREEMENT = (
    "Agreement of boxes is the IoU of the boxes that two workers drew on one image: the mean over pairs, over an "
    "actor's images, and over actors. Krippendorff's alpha (2004) takes 1 - IoU for the distance of two boxes and sets "
    "the distance within images against that of any two responses, boxes being in shares of the image's width and "
    "height; an image's and an actor's alpha have the chance distance of all images, so that alpha of all is the mean "
    "of the images' weighted by their workers. A worker with several boxes on an image counts once. The interval of "
    "all crosses workers with images within actors (Schütt et al. 2023), the resampled chance distance taken to first "
    "order; those of an actor and of an image are t intervals over workers with the images given. In simulations with "
    "8 actors and 32 images they covered about as often as those of the labels' alpha do, 90% or more. People may "
    "choose what to draw, so that low agreement is no defect.")
