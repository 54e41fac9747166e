"""Stages of quality: which responses stay out and why, and what the headline numbers are without and with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import store
from salcompare.errors import InputError, Problem
from salcompare.stages import response_kind

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.progress import Progress
    from salcompare.study import Study
    from salcompare.study_data import StudyData

def judge_quality(study: Study, own: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    """Apply the rules of quality, log what they take out, and write the responses that are kept."""
    from salcompare.sources import quality

    responses, checks, meta = study.responses_read, study.checks, study.response_meta
    if meta["level"] in quality.BOX_LEVELS:
        judged = quality.judge_responses(responses, study.images, checks, study.config.quality,
                                         size=study.config.study.size)
    else:
        judged = quality.keep_all(responses, checks, "not responses with boxes")
    if len(responses) and judged.kept.empty:
        raise InputError(Problem("study.toml [quality]", f"all {len(responses)} responses are left out",
                                 "rules that keep some", f"the rules took out: {quality.counted(judged.rules)}"))
    workers = quality.summarise_workers(responses, judged.kept, judged.log, judged.checks)
    tables = {"exclusions": judged.log, "quality_rules": judged.rules, "quality_checks": judged.checks,
              "quality_workers": workers,
              "quality_images": quality.summarise_images(responses, judged.kept, study.images),
              "quality_planted": quality.compare_planted(workers, (meta.get("truth") or {}).get("careless", {}))}
    store.write_table(study.processed / "responses_kept.csv", judged.kept)  # whose origin says what they are
    for name, table in tables.items():
        store.write_table(study.processed / f"{name}.csv", table.assign(responses=response_kind(study)))
    out = len(responses) - len(judged.kept)
    progress.say(f"  {out} of {len(responses)} responses left out" + (f": {quality.counted(judged.rules)}; see "
                 f"{study.processed / 'exclusions.csv'}" if out else ""))


def read_checks(study: Study) -> pd.DataFrame:
    """Answers to instructed checks; none where study.toml names no file of them."""
    import pandas as pd

    from salcompare.sources import quality
    from salcompare.sources.collected import collected_check_cells, collected_path

    name = study.config.responses.checks
    if study.config.responses.source == "collect" and not name:
        path = collected_path(study.config.responses.path)
        cells = collected_check_cells(study.root / path, shown=path)
        return quality.checks_in(cells, study.config.labels, shown=path)
    return quality.read_checks(study.root / name, study.config.labels) if name else pd.DataFrame(
        columns=list(quality.CHECKS))


def write_headlines(study: Study, data: StudyData, estimates: pd.DataFrame, progress: Progress) -> None:
    """Write each headline number with and without exclusions; without any, both are the same."""
    from salcompare.findings.analysis import compare_headlines, headline_estimates

    if data.responses is None:
        (study.processed / "headlines.csv").unlink(missing_ok=True)  # of responses that were there before
        return
    whole = estimates
    if len(study.responses_read) > len(data.responses):
        progress.say("  headline numbers without exclusions")
        whole = headline_estimates(_with_all(study, data), maps=study.config.maps, statistics=study.config.statistics,
                                   seed=study.config.study.seed)
    table = compare_headlines(estimates, whole, data.main)
    store.write_table(study.processed / "headlines.csv", table.assign(responses=response_kind(study)))


def _with_all(study: Study, data: StudyData) -> StudyData:
    """Put all responses that were read in the place of those that are kept."""
    from salcompare.maps import rasterise_actor_boxes, rasterise_boxes

    size, responses = study.config.study.size, study.responses_read
    if data.human is not None:
        return data.replace(responses=responses, human=rasterise_boxes(responses, study.images, size=size))
    if data.human_heatmap is not None:
        return data.replace(responses=responses, human_heatmap=rasterise_actor_boxes(responses, size=size))
    return data.replace(responses=responses)
