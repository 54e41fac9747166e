"""What workers drew as a tidy table, for crossed mixed models elsewhere."""

from pathlib import Path

from salcompare import store
from salcompare.errors import InputError, Problem, StaleError
from salcompare.study import Study

TABLE, SCRIPT = "outcomes.csv", "lme4.R"


def write_outcomes(study: Study, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a study's boxes as a table of outcomes, and the R calls that fit them; gives both paths.

    The overlap with the masks of its first classifier is among the outcomes where its maps are made. `InputError` if
    the study's people drew no boxes, or a file stands in the folder already and may not be written over.
    """
    from salcompare.maps import top_mask
    from salcompare.statistics.mixed import lme4_script, outcome_table

    if study.people != "boxes":
        raise InputError(Problem("responses", f"people's side is {study.people}", "boxes, whose outcomes are modelled"))
    paths = [folder / TABLE, folder / SCRIPT]
    store.free_paths(paths, overwrite=overwrite)
    try:
        maps = study.classifier_maps()["saliency"] if study.sources else None
    except StaleError:
        maps = None
    masks = None if maps is None else top_mask(maps, share=study.config.maps.mask_share)
    table = outcome_table(study.responses, study.images, masks=masks)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_table(paths[0], table)
    store.write_text(paths[1], lme4_script(table, TABLE))
    return paths
