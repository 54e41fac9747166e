"""Studies whose sides are given, from files to report: gaze or maps for people, ready-made maps for the network."""

from __future__ import annotations

import html
import json
import shutil

import numpy as np
import pandas as pd
import pytest

import salcompare as sc
from salcompare.cli import main
from salcompare.config import ALL_TEST, read_config
from salcompare.errors import ConfigError, InputError
from salcompare.findings.content import make_figures
from salcompare.pipeline.classifiers import NOT_RATED
from salcompare.schema import FIXATIONS, MAP_FILES, check_table
from tests.given_study import GAZE, N_ACTORS, N_IMAGES, NETWORKS_MAPS, PEOPLES_MAPS, SIZE, images, make_given_study
from tests.small_study import WORKERS

SOURCE = "deepnet/precomputed/integrated_gradients"
N = N_ACTORS * N_IMAGES


def numbers(study):
    return json.loads((study / "reports/report.json").read_text())


def missing(study):
    """Estimates without a value, and those of them without a reason."""
    table = pd.read_csv(study / "reports/tables/estimates.csv")
    table = table[table["value"].isna()]
    return table, table[table["reason"].isna()]


# From files to report

@pytest.fixture(scope="module")
def of_gaze(tmp_path_factory):
    """Gaze against a network's maps, the whole way."""
    study = make_given_study(tmp_path_factory.mktemp("gaze") / "study", GAZE + NETWORKS_MAPS)
    assert main(["report", "--study", str(study)]) == 0
    return study


@pytest.fixture(scope="module")
def of_maps(tmp_path_factory):
    """People's maps against a network's, with one figure only, as drawing takes long."""
    study = make_given_study(tmp_path_factory.mktemp("maps") / "study", PEOPLES_MAPS + NETWORKS_MAPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salcompare.findings.content.make_figures", lambda data, **_: make_figures(data, only=[7]))
        assert main(["report", "--study", str(study)]) == 0
    return study


@pytest.mark.slow
def test_a_report_of_gaze_says_what_it_is_and_leaves_boxes_and_labels_out(of_gaze):
    page, found = html.unescape((of_gaze / "reports/report.html").read_text()), numbers(of_gaze)
    assert (found["people"], found["responses"]) == ("fixations", "collected")
    said = " ".join(found["summary"][1]["answers"])
    assert f"{N * len(WORKERS) * 3} fixations by 6 workers in {N * len(WORKERS)} trials on {N} images" in said
    assert "Gaussians of 1° of visual angle, 2.50 pixels at 2.50 pixels a degree" in said
    assert f"deepnet: {N} maps that were given ready-made (integrated gradients)" in said
    assert "People's side is gaze or clicks" in page
    assert "Guided Backpropagation" not in page.replace("guided_backprop", "")
    statistics = {row["statistic"] for row in found["estimates"]}
    assert {"overlap", "noise_ceiling", "share_of_ceiling", "variance_component", "symmetry"} <= statistics
    assert not any(name.startswith("label") for name in statistics)
    assert not [path.name for path in (of_gaze / "reports/tables").iterdir() if path.name.startswith("label")]
    drawn = {path.name for path in (of_gaze / "reports/figures").iterdir()}
    assert {"fig5-heatmaps.png", "fig8-overlap.png", "fig12-ceilings.png"} <= drawn
    assert "fig4-labels.png" not in drawn


@pytest.mark.slow
def test_a_report_of_maps_without_workers_says_why_there_is_no_ceiling(of_maps):
    found = numbers(of_maps)
    assert found["people"] == "maps"
    said = " ".join(found["summary"][1]["answers"])
    assert f"People's side is {N} ready-made maps, which do not say which worker made what, on {N} images." in said
    table, _ = missing(of_maps)
    unknown = table[table["statistic"].isin(["noise_ceiling", "share_of_ceiling", "variance_component"])]
    assert set(unknown["reason"]) == {"the human maps do not say which worker made what"}
    assert f"brought to the grid of {SIZE} x {SIZE} pixels by a triangle filter: {N} of {N}." in found["notes"][0]
    assert found["notes"][1] == NOT_RATED


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["of_gaze", "of_maps"])
def test_no_value_is_missing_without_a_reason_and_overlap_is_there(kind, request):
    study = request.getfixturevalue(kind)
    assert missing(study)[1].empty
    table = pd.read_csv(study / "reports/tables/estimates.csv")
    same = table[(table["statistic"] == "overlap") & (table["contrast"] == "same image") & (table["form"] == "smoothed")
                 & (table["source"] == SOURCE) & (table["level"] == "population")]
    assert same["value"].between(-1, 1).all()
    assert len(same) == 1


@pytest.mark.slow
def test_scripts_read_what_was_given_as_labelled_arrays(of_gaze, of_maps):
    gaze, maps = sc.open_study(of_gaze), sc.open_study(of_maps)
    assert gaze.sources == maps.sources == [SOURCE]
    check_table(gaze.responses, FIXATIONS, "fixations")
    check_table(maps.responses, MAP_FILES, "maps")
    for study, n in ((gaze, len(WORKERS)), (maps, 1)):
        human, network = study.human_maps(), study.classifier_maps()
        assert human.image.to_numpy().tolist() == network.image.to_numpy().tolist() == images()
        assert human.n_responses.to_numpy().tolist() == [n] * N
        np.testing.assert_allclose(human.coverage.sum(["y", "x"]), 1, rtol=1e-5)
        np.testing.assert_allclose(study.response_maps().groupby("image").mean(), human.coverage, rtol=1e-4, atol=1e-9)
    assert gaze.human_maps().attrs["sigma_of_fixations"] == 2.5
    with pytest.raises(InputError, match="variant: 'frozen'; expected one of precomputed"):
        gaze.classifier_maps("frozen")
    with pytest.raises(InputError, match="expected one of deepnet"):
        gaze.maps_of("other/precomputed/given")


@pytest.mark.slow
def test_a_second_run_does_nothing_and_a_changed_map_or_sigma_makes_just_its_stages_stale(of_maps, of_gaze, capsys):
    assert main(["run", "--study", str(of_maps)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    path = of_maps / "data/raw/deepnet/actor1/1.npy"
    before = path.read_bytes()
    np.save(path, np.load(path) * 2)
    assert main(["status", "--study", str(of_maps)]) == 0
    path.write_bytes(before)
    out = capsys.readouterr().out
    assert "maps deepnet  stale    data/raw/deepnet/actor1/1.npy changed" in out
    assert "human maps    current" in out
    settings = (of_gaze / "study.toml").read_text()
    (of_gaze / "study.toml").write_text(settings.replace("sigma = 1.0", "sigma = 1.5"))
    assert main(["status", "--study", str(of_gaze)]) == 0
    (of_gaze / "study.toml").write_text(settings)
    out = capsys.readouterr().out
    assert "responses     current" in out
    assert "human maps    stale    setting fixations.sigma changed" in out


# Settings

def reading(folder, text):
    (folder / "study.toml").write_text(text)
    return read_config(folder / "study.toml")


def test_with_ready_made_maps_nothing_is_trained_unless_it_is_asked_for_and_every_image_is_a_test(tmp_path):
    given = reading(tmp_path, NETWORKS_MAPS)
    assert (given.classifier, given.images.split) == ((), ALL_TEST)
    both = reading(tmp_path, NETWORKS_MAPS + '[[classifier]]\nname = "own"\n')
    assert ([one.name for one in both.classifier], both.images.split) == (["own"], (0.7, 0.15, 0.15))
    assert reading(tmp_path, "[images]\nsplit = [0.5, 0, 0.5]\n" + NETWORKS_MAPS).images.split == (0.5, 0, 0.5)


@pytest.mark.parametrize(("text", "says"), [
    ('[responses]\nsource = "fixations"\n', r"\[fixations\] sigma: 0\.0; expected a number above 0; state"),
    ('[responses]\nsource = "fixations"\n[fixations]\nsigma = 1\nunit = "degrees"\n', r"pixels_per_degree: 0\.0; exp"),
    ('[fixations]\nunit = "inches"\n', "unit: 'inches'; expected pixels or degrees"),
    (NETWORKS_MAPS + '[[classifier]]\nname = "deepnet"\n', "name: 'deepnet' is used twice"),
    (NETWORKS_MAPS.replace("integrated_gradients", "a/b"), r"\[\[precomputed\]\] method: 'a/b'; expected letters"),
    (NETWORKS_MAPS.replace('"deepnet"\n', '"../x"\n', 1), r"\[\[precomputed\]\] name: '\.\./x'; expected letters"),
])
def test_settings_that_cannot_be_are_refused(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        reading(tmp_path, text)


# Wrong files, through the command line

@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A study whose photographs are read, and nothing else."""
    study = make_given_study(tmp_path_factory.mktemp("plain") / "study", GAZE + NETWORKS_MAPS)
    assert main(["run", "--study", str(study), "--until", "photographs"]) == 0
    return study


def lines(study):
    path = study / "data/raw/fixations.csv"
    return path, path.read_text().splitlines()


def move_outside(study):
    path, rows = lines(study)
    path.write_text("\n".join([*rows[:5], "w1,actor1/1,9999,1,100", *rows[5:]]))


def lose_column(study):
    path, rows = lines(study)
    path.write_text("\n".join(row.rpartition(",")[0].rpartition(",")[0] for row in rows))


WRONG = {
    "a fixation outside its image": (move_outside, "human maps", "fixations.csv row 6: x=9999 >= width 24"),
    "fixations without y": (lose_column, "human maps", "fixations.csv: no column 'y'"),
    "no fixations": (lambda study: (study / "data/raw/fixations.csv").unlink(), "human maps", "fixations.csv"),
    "a map of another shape": (lambda study: np.save(study / "data/raw/deepnet/actor1/1.npy", np.eye(9)[:, :4]),
                               "maps deepnet", "data/raw/deepnet/actor1/1.npy: 9 x 4 pixels are neither"),
    "a map with negative values": (lambda study: np.save(study / "data/raw/deepnet/actor2/3.npy", -np.eye(SIZE)),
                                   "maps deepnet", "data/raw/deepnet/actor2/3.npy: 24 of 576 values are negative"),
    "a map that is none": (lambda study: (study / "data/raw/deepnet/actor1/2.npy").write_bytes(b"\x93NUMPY nonsense"),
                           "maps deepnet", "actor1/2.npy: is of .npy format 32.110, expected 1.0 or 2.0"),
    "maps of unknown images": (lambda study: (study / "data/raw/deepnet/actor1").rename(
        study / "data/raw/deepnet/nobody"), "maps deepnet", "no image 'nobody/1' in the study"),
    "no maps at all": (lambda study: (study / "data/raw/deepnet").rename(study / "data/raw/away"), "maps deepnet",
                       "data/raw/deepnet: does not exist; expected a folder of maps"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_clear_error_and_nothing_is_half_written(what, plain, tmp_path, capsys):
    study = tmp_path / "study"
    shutil.copytree(plain, study)
    spoil, stage, says = WRONG[what]
    spoil(study)
    capsys.readouterr()
    assert main(["run", "--study", str(study), "--until", stage]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err
    assert not list((study / "data/processed").rglob("human*"))
    assert not (study / "data/processed/classifiers").exists()
