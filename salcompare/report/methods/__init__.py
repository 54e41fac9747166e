"""What the report says of its methods, their limits and their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.methods.ceilings import CEILING, RESAMPLING, SAME_TARGET, SHARE
from salcompare.report.methods.controls import controls
from salcompare.report.methods.families import FAMILIES
from salcompare.report.methods.labels import labels
from salcompare.report.methods.limits import limits
from salcompare.report.methods.material import (
    SIMULATION,
    classifier_maps,
    classifiers,
    given_maps,
    human_maps,
    photographs,
)
from salcompare.report.methods.overlap import ACTOR_SIMILARITY, BASELINES, overlap
from salcompare.report.methods.quality import AGREEMENT, quality
from salcompare.report.methods.references import REFERENCES
from salcompare.report.methods.relative import relative
from salcompare.report.methods.removal import ENRICHMENT, removal
from salcompare.report.methods.seeds import seeds
from salcompare.report.methods.symmetry import SYMMETRY
from salcompare.report.methods.variance import variance

if TYPE_CHECKING:
    from salcompare.report.data import ReportData

__all__ = ["REFERENCES", "limits", "methods"]


def methods(data: ReportData) -> list[tuple[str, str]]:
    """Headed paragraphs: what was done, with the settings in them; what the study does not have is left out."""
    people = data.people != "none"
    found = [("Photographs", photographs(data))]
    if people:
        found += [("Simulated responses", SIMULATION)] if data.simulated else []
        found += [("Quality of responses", quality(data))] if data.people == "boxes" else []
        found += [("Human maps", human_maps(data))]
    if data.classifiers:
        found += [("Classifiers", classifiers(data)), ("Classifier maps", classifier_maps(data))]
    if data.given_maps:
        found += [("Ready-made classifier maps", given_maps(data))]
    found += [("Relative saliency", relative(data)), ("Variance explained", variance(data))]
    if data.people == "boxes":
        found += [("Labels", labels(data)), ("Agreement of boxes", AGREEMENT)]
    if people and data.has_classifier:
        ceilings = [("Noise ceiling", f"{CEILING} {SAME_TARGET}"), ("Share of the ceiling", SHARE),
                    ("Resampling", RESAMPLING)]
        found += [("Overlap", overlap(data)), *(ceilings if data.workers_known else []), ("Baselines", BASELINES),
                  ("Controls", controls(data)), ("Similarity of actors", ACTOR_SIMILARITY)]
    elif data.estimates["statistic"].eq("overlap").any():
        found += [("Overlap", overlap(data)), *([("Noise ceiling", CEILING)] if data.workers_known else []),
                  ("Baselines", BASELINES)]
    if data.estimates["statistic"].eq("removal_drop").any():
        found.append(("Removal", removal(data)))
    if data.people == "boxes":
        found.append(("Enrichment in labels' regions", ENRICHMENT))
    return [*found, ("Symmetry", SYMMETRY), *seeds(data), ("Families of tests", FAMILIES)]
