"""The stage of statistics: every estimate of the study in one table."""

import dataclasses

from salcompare import store
from salcompare.findings import findings
from salcompare.pipeline.responses import write_headlines
from salcompare.pipeline.study_data import finding_files, study_data
from salcompare.progress import Progress
from salcompare.stages import Stage, response_kind
from salcompare.study import Study


def statistics_stage(study: Study, requires: tuple[str, ...]) -> Stage:
    """Make the stage that computes all statistics from what the stages it needs have made."""
    config = study.config
    # What is shown of people's heatmaps is the report's.
    maps = {name: value for name, value in dataclasses.asdict(config.maps).items() if name != "human_share"}
    tables = ("estimates", "nulls", *(name for finding in findings() for name in finding.tables))
    return Stage("statistics", requires, {"maps": maps, "statistics": config.statistics, "seed": config.study.seed},
                 _statistics, inputs=finding_files(study),
                 outputs=(study.processed / "heatmaps.json", *(study.processed / f"{name}.csv" for name in tables)),
                 extras=(study.processed / "headlines.csv",), version=10)


def _statistics(study: Study, fingerprint: str, progress: Progress) -> None:
    from salcompare.findings.analysis import analyse

    config, responses = study.config, {"responses": response_kind(study)}
    data = study_data(study)
    results = analyse(data, maps=config.maps, statistics=config.statistics, seed=config.study.seed,
                      responses=response_kind(study), progress=progress)
    write_headlines(study, data, results.estimates, progress)
    kind = responses if "human" in results.heatmaps["source"] else {}
    store.write_dataset(results.heatmaps.assign_attrs(kind), study.processed, "heatmaps", fingerprint=fingerprint)
    for name, table in (*results.tables.items(), ("nulls", results.nulls), ("estimates", results.estimates)):
        said = table if "responses" in table or name == "nulls" else table.assign(**responses)
        store.write_table(study.processed / f"{name}.csv", said)
    progress.say(f"  {len(results.estimates)} estimates")
