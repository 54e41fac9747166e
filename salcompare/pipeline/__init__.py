"""The pipeline of a study: its stages in order, each wired to the functions that do its work.

Only this package knows both where a study keeps its files and which function makes them.
"""

from __future__ import annotations

from salcompare.findings.controls.inputs import controls_of
from salcompare.findings.controls.stage import control_stages
from salcompare.findings.perturbation.stage import removal_stages
from salcompare.findings.regions.stage import region_stages
from salcompare.findings.training.stage import verification_stages
from salcompare.pipeline.analysis import statistics_stage
from salcompare.pipeline.classifiers import classifier_stages, difference_stages
from salcompare.pipeline.frozen import FILE, planned_settings
from salcompare.pipeline.presentation import check_names, report_files, write_report
from salcompare.pipeline.responses import attribute_stages, human_stages, landmark_stages, photograph_stage
from salcompare.pipeline.study_data import study_pilot
from salcompare.stages import Stage, hashed
from salcompare.study import Study

__all__ = ["stages", "study_pilot"]


def stages(study: Study) -> list[Stage]:
    """List the stages of a study in running order."""
    config = study.config
    listed = [*landmark_stages(study), photograph_stage(study), *attribute_stages(study), *human_stages(study),
              *classifier_stages(study)]
    listed += [*removal_stages(study, [stage.name for stage in listed]), *control_stages(study),
               *verification_stages(study)]
    listed += region_stages(study, [stage.name for stage in listed], controls_of)
    made = tuple(stage.name for stage in listed)
    listed += difference_stages(study)
    shown = tuple(stage.name for stage in listed)
    shown_only = {"report": config.report, "name": config.study.name, "human_share": config.maps.human_share,
                  **({"planned": planned_settings(study)} if (study.root / FILE).exists() else {})}
    return [*listed, statistics_stage(study, made),
            Stage("report", (*shown, "statistics"), shown_only, write_report, hashed(study, [FILE]),
                  report_files(study), check_names, version=8)]
