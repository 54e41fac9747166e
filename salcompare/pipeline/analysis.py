"""The stage of statistics: every estimate of the study in one table."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.findings.controls.stage import controls_of
from salcompare.findings.removal.stage import removals
from salcompare.findings.seeds.stage import maps_by_seed, tables_by_seed
from salcompare.pipeline.exclusions import write_headlines
from salcompare.pipeline.given import maps_of_workers
from salcompare.stages import Stage, response_kind

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from salcompare.progress import Progress
    from salcompare.study import Study

TABLES = ("estimates", "nulls", "overlap_images", "agreement_images", "removal_curves")
"""What the statistics leave in data/processed, as CSV."""


def statistics_stage(study: Study, needs: tuple[str, ...]) -> Stage:
    """Make the stage that computes all statistics from what the stages it needs have made."""
    config = study.config
    # What is shown of people's heatmaps is the report's.
    maps = {name: value for name, value in dataclasses.asdict(config.maps).items() if name != "human_share"}
    return Stage("statistics", needs, {"maps": maps, "statistics": config.statistics,
                                       "seed": config.study.seed}, _statistics,
                 outputs=(study.processed / "heatmaps.json", *(study.processed / f"{name}.csv" for name in TABLES)),
                 extras=(study.processed / "headlines.csv",))


def _statistics(study: Study, own: str, progress: Progress) -> None:
    from salcompare.findings.analysis import AnalysisData, analyse

    config = study.config
    image_level = study.people != "none" and study.response_meta["level"] == "image"
    data = AnalysisData(
        photographs=study.photographs(), images=study.images,
        responses=study.responses if study.people == "boxes" else None,
        human=study.human_maps() if image_level else None,
        human_heatmap=_actor_level_heatmap(study) if not image_level else None,
        classifier_maps={source: study.maps_of(source) for source in study.sources},
        accuracies=_of_classifiers(study, "accuracy"), predictions=_of_classifiers(study, "predictions"),
        response_maps=maps_of_workers(study), removals=removals(study), controls=controls_of(study),
        seed_maps=maps_by_seed(study), seed_accuracies=tables_by_seed(study, "accuracy"),
        seed_weights=tables_by_seed(study, "weights"))
    results = analyse(data, maps=config.maps, statistics=config.statistics, seed=config.study.seed,
                      responses=response_kind(study), progress=progress)
    write_headlines(study, data, results.estimates, progress)
    responses = {"responses": response_kind(study)}
    kind = responses if "human" in results.heatmaps["source"] else {}
    store.write_dataset(results.heatmaps.assign_attrs(kind), study.processed, "heatmaps", fingerprint=own)
    store.write_table(study.processed / "nulls.csv", results.nulls)
    store.write_table(study.processed / "overlap_images.csv", results.image_overlaps.assign(**responses))
    store.write_table(study.processed / "agreement_images.csv", results.image_agreements.assign(**responses))
    store.write_table(study.processed / "removal_curves.csv", results.removal_curves)
    store.write_table(study.processed / "estimates.csv", results.estimates)
    progress.say(f"  {len(results.estimates)} estimates")


def _actor_level_heatmap(study: Study) -> xr.DataArray | None:
    if study.people == "none":
        return None
    heatmap: xr.DataArray = store.open_dataset(study.processed, "human")["coverage"]
    return heatmap


def _of_classifiers(study: Study, table: str) -> pd.DataFrame:
    """Read the tables of one name of all classifiers; names of images and actors stay text."""
    import pandas as pd

    text = ("variant", "split", "image", "actor", "predicted")
    tables = [store.read_csv(study.classifier_folder(c) / f"{table}.csv", text=text).assign(classifier=c.name)
              for c in study.config.classifier]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["classifier", "variant", "split"])
