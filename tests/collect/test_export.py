"""What was collected as tables, the pipeline's reading of it, the monitor, and forgetting a worker."""

from __future__ import annotations

import dataclasses
import sqlite3

import httpx
import pandas as pd
import pytest
from sqlalchemy import insert, update

from salcompare import store
from salcompare.collect.database import assignments, open_database, responses, workers
from salcompare.collect.export import export_responses
from salcompare.collect.keys import KEY, pseudonym
from salcompare.collect.monitor import heatmap_png, printed, standing
from salcompare.config import Quality, Responses
from salcompare.errors import InputError
from salcompare.schema import RESPONSES, check_table
from salcompare.sources import quality, read_responses
from salcompare.sources.collected import (
    DATABASE,
    collected_check_cells,
    collected_checks,
    collected_responses,
    collected_sha256,
    collected_shown,
)
from tests.collect.serving import make_task, serving

NOW = 1_800_000_000.0
LABELS = ["nose", "=1+1", "-lips", "@eyes", "+chin", "a,\"b\"", "\u9f3b", "'=x"]


@pytest.fixture
def task(tmp_path):
    return make_task(tmp_path, n_images=8, practice=1)


@pytest.fixture
def filled(task, tmp_path):
    """Two workers: ada boxed eight trials and answered both checks, bob saw nothing on one and looks at another."""
    with task.database.writing() as connection:
        ada, bob = (connection.scalar(insert(workers).values(
            hmac=task.keys.hashed(name), source="link", consented=NOW, instructed=NOW).returning(workers.c.id))
            for name in ("ada", "bob"))
        for number, (photo, label) in enumerate(zip(task.stimuli.trials, LABELS, strict=True)):
            put(connection, ada, photo.image, "trial", number, (label, 10.5, 20, 60.25 + number, 90))
        for number, check in enumerate(task.stimuli.checks):
            put(connection, ada, check.photo.image, "check", 20 + number,
                ("nose", *check.target) if number == 0 else None, target=("nose", *check.target), passed=number == 0)
        put(connection, ada, "example/house", "practice", 29, ("nose", 1, 2, 3, 4), target=("nose", 1, 2, 30, 40),
            passed=True)
        put(connection, bob, task.stimuli.trials[0].image, "trial", 30, None)
        put(connection, bob, task.stimuli.trials[1].image, "trial", 31, None, submitted=False)
        put(connection, bob, "example/house", "practice", 32, ("nose", 1, 2, 3, 4), target=("nose", 1, 2, 30, 40))
    return tmp_path


def put(connection, worker, image, kind, number, box, *, target=None, passed=None, submitted=True):
    names = ("instruction_label", "target_x0", "target_y0", "target_x1", "target_y1")
    values = dict(zip(names, target, strict=True)) if target else {}
    made = connection.scalar(insert(assignments).returning(assignments.c.id), [{
        "worker": worker, "image": image, "kind": kind, "opaque": f"o{number}", "expires": int(NOW + 600), "shown": NOW,
        "submitted": NOW + number if submitted else None, "seconds": 1.5 + number if submitted else None,
        "no_box": box is None if submitted else None, "passed": passed, **values}])
    if box is not None:
        connection.execute(insert(responses).values(assignment=made, **dict(zip(
            ("label", "x0", "y0", "x1", "y1"), box, strict=True))))


def test_what_was_collected_on_photographs_that_are_not_kept_for_testing_can_stay_out(task, filled):
    images = catalogue(task)
    split = images.assign(split=["train" if image == task.stimuli.trials[0].image else "test"
                                 for image in images["image"]])
    got = read_responses(Responses(source="collect"), {}, root=filled, images=split, size=(64, 64), tested_only=True)
    assert (len(got.table), got.left_out["reason"].tolist()) == (len(LABELS) - 1, ["not_test"])


def test_an_export_writes_over_what_stands_in_a_named_folder_only_if_told_so(task, filled, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "responses.csv").write_text("mine")
    with pytest.raises(InputError, match=r"responses\.csv: is there already"):
        list(export_responses(filled, folder, None))
    assert (folder / "responses.csv").read_text() == "mine"
    assert len(list(export_responses(filled, folder, None, overwrite=True))) == 4
    assert len([*export_responses(filled, None, None), *export_responses(filled, None, None)]) == 8


def catalogue(task):
    rows = [(photo.image, photo.actor, photo.height, photo.width) for photo in task.stimuli.photos.values()]
    return pd.DataFrame(rows, columns=["image", "actor", "height", "width"])


def read(task, root, config):
    return read_responses(config, {}, root=root, images=catalogue(task), size=(64, 64)).table


def test_the_pipeline_reads_the_same_from_the_database_and_from_the_export(task, filled):
    paths = list(export_responses(filled, filled / "out", task.keys))
    assert [path.name for path in paths] == ["responses.csv", "checks.csv", "shown.csv", "workers.csv"]
    direct = read(task, filled, Responses(source="collect"))
    exported = read(task, filled, Responses(path="out/responses.csv"))
    check_table(direct, RESPONSES, "collected")
    columns = ["response", "worker", "image", "label", "x0", "y0", "x1", "y1", "seconds", "submitted"]
    pd.testing.assert_frame_equal(direct[columns], exported[columns])
    assert direct["origin"].unique().tolist() == ["collected"]
    assert direct["label"].tolist()[:3] == ["nose", "=1+1", "-lips"]
    assert direct["x1"].tolist()[:2] == [60.25, 61.25]
    from_file = quality.read_checks(filled / "out" / "checks.csv", {})
    from_base = quality.checks_in(collected_check_cells(filled / DATABASE, shown=DATABASE), {}, shown=DATABASE)
    pd.testing.assert_frame_equal(from_file, from_base)
    assert from_base["label"].tolist() == ["nose", ""]


def test_no_exported_cell_begins_a_formula(task, filled):
    for path in export_responses(filled, filled / "out", task.keys):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert not table.map(lambda cell: cell.startswith(("=", "+", "-", "@", "\t", "\r"))).to_numpy().any()
    assert "'=1+1" in (filled / "out" / "responses.csv").read_text()


def test_tables_with_completion_codes_are_their_owners_alone(task, filled):
    folder = filled / "new" / "out"
    modes = {path.stat().st_mode & 0o777 for path in export_responses(filled, folder, task.keys)}
    assert modes == {0o600}
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700


def test_labels_that_differ_by_an_apostrophe_alone_stay_apart(filled, task):
    list(export_responses(filled, filled / "out", task.keys))
    text = (filled / "out" / "responses.csv").read_text()
    assert ",'=1+1," in text
    assert ",''=x," in text  # a worker typed '=x
    read = store.read_csv(filled / "out" / "responses.csv")
    assert {"=1+1", "'=x"} <= set(read["label"])


def test_the_export_tells_what_was_shown_and_to_whom_codes_belong(task, filled):
    list(export_responses(filled, filled / "out", task.keys))
    shown = pd.read_csv(filled / "out" / "shown.csv", keep_default_na=False)
    assert shown["kind"].value_counts().to_dict() == {"trial": 10, "check": 2, "practice": 2}
    of_bob = shown[shown["worker"] == pseudonym(task.keys.hashed("bob"))]
    assert of_bob[["nothing", "submitted"]].to_numpy().tolist()[0] == ["yes", "2027-01-15T08:00:30Z"]
    assert of_bob[["nothing", "submitted"]].to_numpy().tolist()[1] == ["", ""]
    people = pd.read_csv(filled / "out" / "workers.csv")
    assert people["answers"].tolist() == [10, 1]
    assert people["completion_code"].tolist() == [task.keys.completion_code(task.keys.hashed(name))
                                                  for name in ("ada", "bob")]


def test_an_export_goes_on_without_the_key_and_names_no_codes(task, filled):
    (filled / KEY).unlink()
    list(export_responses(filled, filled / "out", None))
    assert pd.read_csv(filled / "out" / "workers.csv")["completion_code"].isna().all()


def test_what_a_study_depends_on_changes_with_answers_and_not_with_looks(task, filled):
    before = collected_sha256(filled / DATABASE, shown=DATABASE)
    with task.database.writing() as connection:
        put(connection, 2, task.stimuli.trials[5].image, "trial", 50, None, submitted=False)
    assert collected_sha256(filled / DATABASE, shown=DATABASE) == before
    with task.database.writing() as connection:
        put(connection, 2, task.stimuli.trials[6].image, "trial", 51, ("nose", 0, 0, 9, 9))
    assert collected_sha256(filled / DATABASE, shown=DATABASE) != before


def test_a_study_without_a_database_or_without_a_box_says_what_to_run(task, tmp_path):
    with pytest.raises(InputError, match="run: salcompare collect"):
        collected_responses(tmp_path / "none.sqlite", shown="none.sqlite")
    with pytest.raises(InputError, match="holds no box yet"):
        read(task, tmp_path, Responses(source="collect"))
    (tmp_path / "other.sqlite").write_bytes(b"no database")
    with pytest.raises(InputError, match="cannot be read"):
        read(task, tmp_path, Responses(source="collect", path="other.sqlite"))
    with pytest.raises(InputError, match="does not exist"):
        list(export_responses(tmp_path / "elsewhere", tmp_path / "out", task.keys))
    assert not (tmp_path / "out").exists()


def test_reading_changes_nothing_and_goes_on_beside_a_writer(task, filled):
    with task.database.writing() as connection:
        put(connection, 2, task.stimuli.trials[6].image, "trial", 51, ("nose", 0, 0, 9, 9))
        assert len(collected_responses(filled / DATABASE, shown=DATABASE)) == 8
        assert len(collected_checks(filled / DATABASE, shown=DATABASE)) == 2
    assert len(collected_responses(filled / DATABASE, shown=DATABASE)) == 9


def test_the_monitor_counts_by_image_actor_and_worker(task, filled):
    with task.database.reading() as connection:
        found = standing(connection, task.stimuli, NOW + 60)
    assert found.counts == {"workers": 2, "workers who finished": 1, "workers who fail checks": 0,
                            "answers": 9, "boxes": 8,
                            "answers without a box": 1, "photographs being looked at": 1,
                            "photographs without an answer": 0}
    assert found.rate == 0.9
    first = found.images[0]
    assert (first["answers"], first["nothing"], first["leased"]) == (2, 1, 0)
    assert found.images[1]["leased"] == 1
    assert sum(row["answers"] for row in found.actors) == 9
    assert [row["place"] for row in found.workers] == ["debrief", "practice"]
    assert found.workers[0]["checks"] == "1 of 2"
    text = printed(found)
    assert "      9  answers" in text
    assert pseudonym(task.keys.hashed("ada")) in text
    assert not found.workers[0]["fails"]  # one of two wrong is no more than half
    with task.database.reading() as connection:
        assert standing(connection, task.stimuli, NOW + 3600).rate == 0
        assert standing(connection, task.stimuli, NOW + 3600).counts["photographs being looked at"] == 0


def test_the_monitor_flags_who_fails_more_checks_than_quality_allows(task, filled):
    with task.database.writing() as connection:
        connection.execute(update(assignments).where(assignments.c.kind == "check").values(passed=False))
    with task.database.reading() as connection:
        found = standing(connection, task.stimuli, NOW + 60)
        lenient = dataclasses.replace(task.stimuli, quality=Quality(fewest_checks=3))
        assert standing(connection, lenient, NOW + 60).counts["workers who fail checks"] == 0
    assert [row["fails"] for row in found.workers] == [True, False]
    assert found.counts["workers who fail checks"] == 1
    assert "0 of 2, fails" in printed(found)
    with serving(filled, task) as url:
        page = httpx.get(f"{url}/monitor?token={task.keys.monitor_token}").text
    assert f"{pseudonym(task.keys.hashed('ada'))}. Their answers will stay out" in page
    assert page.count('class="fails"') == 1


def test_a_database_of_the_version_before_is_read_without_the_order_of_labels(task, filled):
    task.database.engine.dispose()
    with sqlite3.connect(filled / DATABASE) as connection:
        connection.execute("ALTER TABLE assignments DROP COLUMN label_order")
    assert collected_shown(filled / DATABASE, shown=DATABASE)["label_order"].isna().all()
    assert len(collected_checks(filled / DATABASE, shown=DATABASE)) == 2


def test_the_heatmap_is_warm_where_boxes_are_and_grey_elsewhere(task, filled):
    import io

    import numpy as np
    from PIL import Image

    photo = task.stimuli.trials[0]
    with task.database.reading() as connection:
        shown = np.asarray(Image.open(io.BytesIO(heatmap_png(connection, task.stimuli, photo.image))).convert("RGB"))
    warm = shown[..., 0].astype(int) - shown[..., 2] > 20
    assert shown.shape == (photo.height, photo.width, 3)
    assert warm[20:90, 11:60].all()
    assert warm.sum() == 70 * 49


def test_the_monitor_opens_to_its_token_alone(task, filled):
    with serving(filled, task) as url:
        for path in ("/monitor", f"/monitor/heatmap/{task.keys.opaque(task.stimuli.trials[0].image)}.png"):
            for token in ("", "?token=", "?token=x", f"?token={task.keys.monitor_token[:-1]}", "?token=%C3%A9"):
                assert httpx.get(f"{url}{path}{token}").status_code == 404
            assert httpx.get(f"{url}{path}?token={task.keys.monitor_token}").status_code == 200
        page = httpx.get(f"{url}/monitor?token={task.keys.monitor_token}").text
        assert pseudonym(task.keys.hashed("ada")) in page
        assert httpx.get(f"{url}/monitor/heatmap/none.png?token={task.keys.monitor_token}").status_code == 404


def test_the_database_is_an_ordinary_sqlite_file_of_one_version(task, filled):
    with sqlite3.connect(filled / DATABASE) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() == ("2",)
    assert open_database(filled / DATABASE, create=False)
