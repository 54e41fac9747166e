"""Stages of people's side: responses, their quality, and the maps they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare import provenance, store
from salcompare.findings.quality.inputs import TABLES
from salcompare.pipeline.exclusions import judge_quality, read_checks
from salcompare.pipeline.given import average_given, given_inputs, read_given
from salcompare.printing import counted
from salcompare.schema import HUMAN_MAPS, RESPONSES, check_maps, check_table
from salcompare.stages import Stage, grid_settings, hashed, response_kind

if TYPE_CHECKING:
    from salcompare.progress import Progress
    from salcompare.study import Study


def people_stages(study: Study) -> list[Stage]:
    """List the stages of boxes, gaze or ready-made maps; none where the study has no people's side."""
    config, grid, processed = study.config, grid_settings(study), study.processed
    if study.people == "none":
        return []
    tables = (processed / "responses.csv", processed / "responses.json")
    maps, stacked = (processed / "human.json",), (processed / "response_maps.json",)
    tested = {"tested_only": study.compares}  # a classifier that comes or goes changes which responses count
    left_out = (processed / "responses_left_out.csv",)
    if study.people != "boxes":
        spread = {"fixations": config.fixations} if study.people == "fixations" else {}
        return [Stage("responses", ("photographs",), {"responses": config.responses, **tested, **grid}, read_given,
                      given_inputs(study, config.responses.path), tables + left_out + (() if spread else stacked)),
                Stage("human maps", ("responses", "photographs"), {**spread, **grid}, average_given,
                      outputs=maps + (stacked if spread else ()))]
    simulation = {"simulation": config.simulation} if study.simulated else {}
    return [Stage("responses", ("photographs",),
                  {"responses": config.responses, "labels": config.labels, **tested, **simulation, **grid}, _responses,
                  _response_inputs(study), (*tables, processed / "checks.csv"), extras=left_out),
            Stage("quality", ("responses", "photographs"), {"quality": config.quality, **grid}, judge_quality,
                  outputs=tuple(processed / f"{name}.csv" for name in ("responses_kept", *TABLES))),
            Stage("human maps", ("quality", "photographs"), grid, _human_maps, outputs=maps)]


def _response_inputs(study: Study) -> dict[str, str]:
    if study.config.responses.source == "simulated":
        return {}
    named = [name for name in (study.config.responses.path, study.config.responses.checks) if name]
    if study.config.responses.source == "collect":
        from salcompare.sources.collected import collected_path, collected_sha256

        path = collected_path(study.config.responses.path)
        # The rows count, not the file, which changes whenever the server starts.
        found = {path: collected_sha256(study.root / path, shown=path)} if (study.root / path).is_file() else {}
        return found | hashed(study, named[1:])
    return hashed(study, named)


def _responses(study: Study, own: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    from salcompare.simulation import simulate_checks, simulate_responses
    from salcompare.sources import describe_left_out, read_responses

    config = study.config
    (study.processed / "responses_left_out.csv").unlink(missing_ok=True)  # of a file that was read before
    if study.simulated:
        test = study.images[study.images["split"] == "test"]
        simulated = simulate_responses(test, config.simulation, seed=config.study.seed)
        table, checks = simulated.table, simulate_checks(test, config.simulation, seed=config.study.seed)
        meta = {"level": "image", "notes": [], "truth": simulated.truth}
    else:
        read = read_responses(config.responses, config.labels, root=study.root, images=study.images,
                              size=config.study.size, tested_only=study.compares)
        table, meta = read.table, {"level": read.level, "notes": list(read.notes)}
        checks = read_checks(study)
        store.write_table(study.processed / "responses_left_out.csv", read.left_out)
        if len(read.left_out):
            progress.say(f"{describe_left_out(read.left_out)}; see {study.processed / 'responses_left_out.csv'}")
    if meta["level"] == "image":
        check_table(table, RESPONSES, config.responses.path)
    store.write_json(study.processed / "responses.json", meta)
    store.write_table(study.processed / "checks.csv", checks)
    store.write_table(study.processed / "responses.csv", table)
    progress.say(f"  {counted(len(table), 'response')}")


def _human_maps(study: Study, own: str, progress: Progress) -> None:  # noqa: ARG001 - a stage's signature
    from salcompare.maps import rasterise_actor_boxes, rasterise_boxes

    size = study.config.study.size
    if study.response_meta["level"] == "image":
        table = provenance.sha256_of_file(study.processed / "responses_kept.csv")
        maps = rasterise_boxes(study.responses, study.images, size=size, inputs_sha256=table)
        check_maps(maps, HUMAN_MAPS, "human maps")
        maps.attrs |= {"responses": response_kind(study), "seed": study.config.study.seed,
                       "versions": provenance.canonical_json(provenance.versions())}
    else:
        maps = rasterise_actor_boxes(study.responses, size=size).to_dataset(name="coverage")
    store.write_dataset(maps, study.processed, "human", fingerprint=own)
