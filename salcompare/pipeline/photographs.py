"""The stage of the photographs: gathered, resized and split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import store
from salcompare.printing import counted
from salcompare.schema import IMAGES, check_table
from salcompare.stages import Stage, grid_settings, kept_from_last_run

if TYPE_CHECKING:
    from salcompare.progress import Progress
    from salcompare.study import Study


def photograph_stage(study: Study) -> Stage:
    """Make the stage that every other one rests on."""
    return Stage("photographs", (), _photograph_settings(study), _photographs, _photograph_inputs(study),
                 (study.processed / "images.csv", study.processed / "images_left_out.csv",
                  study.processed / "photographs.json"))


def _photograph_settings(study: Study) -> dict[str, object]:
    return {"images": study.config.images, **grid_settings(study)} | _needed_splits(study)


def _needed_splits(study: Study) -> dict[str, tuple[str, ...]]:
    """Name the splits that each actor must have an image in, where nothing is trained."""
    return {} if study.config.classifier else {"needed": ("test",)}


def _photograph_inputs(study: Study) -> dict[str, str]:
    from salcompare.sources import photograph_inputs

    return photograph_inputs(study.config.images, root=study.root)


def _photographs(study: Study, own: str, progress: Progress) -> None:
    from salcompare.sources import describe_left_out, gather_photographs

    config, catalogue = study.config, study.processed / "images.csv"
    # A split is never redrawn silently: while its settings stand, images keep theirs when others come or go.
    keep = kept_from_last_run(study, "photographs", _photograph_settings(study), catalogue)
    previous = store.read_table(catalogue, IMAGES) if keep else None
    found = gather_photographs(config.images, root=study.root, size=config.study.size, seed=config.study.seed,
                               previous=previous, progress=progress, **_needed_splits(study))
    check_table(found.images, IMAGES, "images")
    store.write_dataset(found.pixels.to_dataset(name="photographs"), study.processed, "photographs", fingerprint=own)
    store.write_table(study.processed / "images_left_out.csv", found.left_out)
    store.write_table(catalogue, found.images)
    progress.say(f"  {counted(len(found.images), 'image')} of {counted(found.images['actor'].nunique(), 'actor')}")
    if len(found.left_out):
        progress.say(describe_left_out(found.left_out))
