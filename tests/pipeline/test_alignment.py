"""Studies of aligned photographs, from landmarks in a file to maps that lie where the photographs do."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import salcompare as sc
from salcompare.cli import main
from salcompare.config import read_config
from salcompare.errors import ConfigError, InputError
from salcompare.faces import align_faces, warp_map
from salcompare.faces.detection import Detector
from salcompare.maps import move_points, rasterise_boxes
from salcompare.maps.alignment import upright_boxes
from salcompare.pipeline import study_pilot
from salcompare.pipeline.study_data import study_data
from salcompare.planning import fit_pilot
from salcompare.sources import read_precomputed_maps
from tests.given_study import (
    GAZE,
    HEIGHT,
    N_ACTORS,
    N_IMAGES,
    NETWORKS_MAPS,
    PEOPLES_MAPS,
    SIZE,
    WIDTH,
    images,
    make_given_study,
)

ALIGNED = """\
[images]
align = "eyes"

[landmarks]
source = "file"
path = "data/raw/landmarks.csv"

"""
NO_FACE = "actor2/3"


def eyes(image: str) -> np.ndarray:
    """Two eyes of a photograph, each photograph's turned and placed in its own way."""
    at = images().index(image)
    middle, half = np.array([WIDTH * (0.45 + 0.01 * at), HEIGHT * 0.4]), 5 + 0.2 * at
    turn = 0.06 * (at - 4)
    return middle + half * np.array([[-np.cos(turn), -np.sin(turn)], [np.cos(turn), np.sin(turn)]])


def aligned_study(folder: Path, text: str) -> Path:
    study = make_given_study(folder, ALIGNED + text)
    rows = [(image, point, *place) for image in images() if image != NO_FACE
            for point, place in zip(("left_eye", "right_eye"), eyes(image), strict=True)]
    pd.DataFrame(rows, columns=["image", "point", "x", "y"]).to_csv(study / "data/raw/landmarks.csv", index=False)
    return study


@pytest.fixture(scope="module")
def of_gaze(tmp_path_factory):
    study = aligned_study(tmp_path_factory.mktemp("aligned") / "study", GAZE + NETWORKS_MAPS)
    assert main(["run", "--until", "statistics", "--study", str(study)]) == 0
    return sc.open_study(study)


@pytest.mark.slow
def test_photographs_show_the_eyes_in_one_place_and_those_without_a_face_are_left_out(of_gaze):
    left_out = pd.read_csv(of_gaze.processed / "images_left_out.csv")
    assert left_out[["actor", "reason"]].to_numpy().tolist() == [["actor2", "no_face"]]
    assert of_gaze.images["image"].tolist() == [image for image in images() if image != NO_FACE]
    landmarks, transforms = of_gaze.landmarks(), of_gaze.transforms()
    np.testing.assert_allclose(transforms, align_faces(landmarks, "eyes", size=(SIZE, SIZE)), atol=1e-9)
    ends = np.concatenate([landmarks.sel(axis=["x", "y"]).to_numpy(), np.ones((8, 2, 1))], axis=2)
    moved = np.einsum("iab,ipb->ipa", transforms.to_numpy(), ends)[..., :2]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-9)
    assert "without one face are left out" in " ".join(text for _, text in methods(of_gaze))
    assert "Landmarks of 8 of 9 photographs. No face in 1: actor2/3." in study_data(of_gaze).notes


def methods(study):
    from salcompare.findings.content import methods as of_data

    return of_data(study_data(study))


@pytest.mark.slow
def test_fixations_and_ready_made_maps_go_with_their_photographs(of_gaze):
    transforms, human = of_gaze.transforms(), of_gaze.human_maps()["coverage"]
    np.testing.assert_allclose(human.sum(["y", "x"]), 1, rtol=1e-5)
    for image in ("actor1/1", "actor3/3"):
        looks = of_gaze.responses[of_gaze.responses["image"] == image]
        moved = move_points(looks, transforms)
        seen = moved[moved["x"].between(0, SIZE) & moved["y"].between(0, SIZE)]
        means = seen.groupby(["worker", "trial"]).apply(lambda one: np.average(one["x"], weights=one["duration"]))
        assert abs(float((human.sel(image=image).sum("y") * (human["x"] + 0.5)).sum()) - means.mean()) < 2
        given = np.load(of_gaze.root / "data/raw/deepnet" / f"{image}.npy")
        expected = warp_map(given, transforms.sel(image=image).to_numpy(), size=(SIZE, SIZE))
        np.testing.assert_allclose(of_gaze.maps_of(of_gaze.sources[0])["saliency"].sel(image=image), expected,
                                   rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_attributes_are_columns_of_the_images_and_a_list_of_ones_own_comes_beside_them(of_gaze, tmp_path, capsys):
    assert {"roll", "iod", "brightness", "sharpness"} <= set(of_gaze.images)
    assert of_gaze.images["iod"].tolist() == pytest.approx([2 * (5 + 0.2 * at) for at in range(9) if at != 5])
    assert of_gaze.images["yaw"].isna().all()  # two points have no depth
    study = make_given_study(tmp_path / "study", '[landmarks]\nattributes = "data/raw/attributes.csv"\n' + PEOPLES_MAPS)
    listed = pd.DataFrame({"actor": ["actor1", "actor2", "actor3"], "age": [31, "", 40], "glasses": ["no", "yes", ""]})
    listed.to_csv(study / "data/raw/attributes.csv", index=False)
    assert main(["run", "--until", "attributes", "--study", str(study)]) == 0
    opened = sc.open_study(study)
    assert opened.images["age"].tolist() == pytest.approx([31] * 3 + [np.nan] * 3 + [40] * 3, nan_ok=True)
    assert opened.images["glasses"].tolist() == ["no"] * 3 + ["yes"] * 3 + [""] * 3
    assert "yaw" not in opened.images
    listed.assign(actor=["actor1", "actor2", "actor9"]).to_csv(study / "data/raw/attributes.csv", index=False)
    assert "age" not in sc.open_study(study).images  # what was made of another file
    assert main(["run", "--until", "attributes", "--study", str(study)]) == 2
    assert "attributes.csv row 4: no actor 'actor9' in the study" in capsys.readouterr().err
    with pytest.raises(InputError, match="the study has no attributes"):
        _ = sc.open_study(make_given_study(tmp_path / "other", PEOPLES_MAPS)).attributes


@pytest.mark.slow
def test_a_network_alone_takes_maps_of_the_grid_as_they_are_where_told_to(tmp_path):
    study = aligned_study(tmp_path / "study", '[responses]\nsource = "none"\n' + NETWORKS_MAPS + 'pixels = "grid"\n')
    assert main(["run", "--until", "maps deepnet", "--study", str(study)]) == 2  # they are of the photographs
    for image in images():
        np.save(study / "data/raw/deepnet" / f"{image}.npy", np.random.default_rng(0).random((SIZE, SIZE)))
    assert main(["run", "--until", "maps deepnet", "--study", str(study)]) == 0
    kept = sc.open_study(study).classifier_maps()["saliency"][0]
    np.testing.assert_allclose(kept, np.random.default_rng(0).random((SIZE, SIZE)), rtol=1e-6)


@pytest.mark.slow
def test_boxes_are_drawn_on_the_photograph_and_compared_on_the_grid(tmp_path):
    study, rng = aligned_study(tmp_path / "study", ""), np.random.default_rng(0)
    boxes = pd.DataFrame([(f"w{worker}", image, ("nose", "lips")[(worker + at) % 2], *rng.integers(0, 12, 2),
                           *rng.integers(14, 24, 2)) for at, image in enumerate(images()) for worker in range(4)],
                         columns=["worker", "image", "label", "x0", "y0", "x1", "y1"])
    boxes.to_csv(study / "data/raw/responses.csv", index=False)
    table = pd.read_csv(study / "data/raw/landmarks.csv")
    table.loc[table["image"] == "actor1/2", ["x", "y"]] = 9  # both eyes
    table.to_csv(study / "data/raw/landmarks.csv", index=False)
    text = (study / "study.toml").read_text()
    (study / "study.toml").write_text("classifier = []\n" + text)
    assert main(["report", "--study", str(study)]) == 0
    opened = sc.open_study(study)
    set_aside = pd.read_csv(opened.processed / "responses_left_out.csv")
    assert set_aside["reason"].tolist() == ["not_aligned"] * 8  # to those without a face and with one that is a point
    assert set_aside["detail"].unique().tolist() == [f"image {image!r} could not be aligned"
                                                     for image in ("actor1/2", NO_FACE)]
    assert opened.responses[["x0", "y0", "x1", "y1"]].max().max() <= HEIGHT  # as they were drawn
    expected = rasterise_boxes(opened.responses, opened.images, size=(SIZE, SIZE))["coverage"]
    np.testing.assert_array_equal(opened.human_maps()["coverage"], expected)
    places = study_pilot(opened, classifier=False).scenario.geometry.places  # of the grid, not of the photograph
    upright, _ = upright_boxes(opened.responses, opened.images, size=(SIZE, SIZE))
    middles = (upright["x0"] + upright["x1"]) / 2
    for place in places:
        assert place.x * SIZE == pytest.approx(middles[upright["label"] == place.label].mean(), abs=2.5)
    with pytest.raises(InputError, match="boxes in pixels of photographs that are aligned; expected boxes on the grid"):
        fit_pilot(opened.responses, opened.images)
    page = (study / "reports/report.html").read_text()
    assert "Boxes are turned as their photographs were" in page
    table = opened.estimates
    assert table[table["value"].isna() & table["reason"].isna()].empty


def test_maps_of_the_grid_are_refused_for_maps_of_aligned_photographs(tmp_path):
    catalogue = pd.DataFrame({"image": ["a/1"], "actor": "a", "split": "test", "height": 30, "width": 24})
    (tmp_path / "maps/a").mkdir(parents=True)
    np.save(tmp_path / "maps/a/1.npy", np.random.default_rng(0).random((24, 24)))
    matrices = sc.maps.transforms_of(catalogue, size=(24, 24))
    with pytest.raises(InputError, match="24 x 24 pixels are not of the shape of the photograph, 30 x 24"):
        read_precomputed_maps("maps", root=tmp_path, images=catalogue, size=(24, 24), of="human", transforms=matrices)


@pytest.mark.parametrize(("text", "message"), [
    ('[images]\nalign = "nose"', "align: 'nose'; expected none or eyes or five_points"),
    ('[images]\nalign = "eyes"', "align: 'eyes'; expected landmarks, which photographs are aligned by; set"),
    ('[landmarks]\nsource = "file"', "path: ''; expected the file of landmarks"),
    ('[landmarks]\nsource = "orl"', "source: 'orl' with [images] source = 'folder'; expected file or mediapipe"),
    ('[landmarks]\nsource = "points"', "source: 'points'; expected none or file or mediapipe or orl"),
    (ALIGNED + '[responses]\nsource = "original"', "align: 'eyes' with responses in pixels of the grid"),
    (ALIGNED + '[responses]\npixels = "grid"', "align: 'eyes' with responses in pixels of the grid")])
def test_what_cannot_be_aligned_is_refused_in_study_toml(tmp_path, text, message):
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "study.toml")
    assert message in str(caught.value).replace("\n", " ")


@pytest.mark.parametrize(("change", "message"), [
    (lambda table: table.assign(image=table["image"].replace("actor1/1", "actor9/1")), "actor9/1"),
    (lambda table: table.assign(point=table["point"] + "brow"), "of no scheme that is known"),
    (lambda table: table.replace({"left_eye": "nose_tip", "right_eye": "left_mouth"}), "has no point for left_eye"),
    (lambda table: table.assign(x=table["x"] * 40), "pixels"),
    (lambda table: table.iloc[:0], "no")])
def test_landmarks_that_cannot_be_used_stop_the_run_with_one_error(tmp_path, capsys, change, message):
    study = aligned_study(tmp_path / "study", GAZE)
    path = study / "data/raw/landmarks.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    assert main(["run", "--until", "photographs", "--study", str(study)]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def test_landmarks_can_be_detected_before_photographs_are_aligned_by_them(tmp_path, monkeypatch):
    study = aligned_study(tmp_path / "study", GAZE)
    path = study / "data/raw/landmarks.csv"
    path.unlink()
    face = np.random.default_rng(0).uniform(0.4, 0.6, (468, 3))
    face[33], face[263] = (0.3, 0.5, 0), (0.7, 0.5, 0)
    face[2], face[4] = (0.5, 0.7, 0), (0.5, 0.65, 0)
    detector = Detector({"model": "a face in the middle"}, 468, lambda _: [face])
    monkeypatch.setattr("salcompare.faces.detection.open_detector", lambda _: contextlib.nullcontext(detector))
    assert main(["landmarks", "--study", str(study), "--out", str(path)]) == 0
    assert main(["run", "--until", "photographs", "--study", str(study)]) == 0
    assert len(sc.open_study(study).images) == N_ACTORS * N_IMAGES


def test_a_study_without_landmarks_says_so_and_its_stages_are_those_of_before(tmp_path):
    study = sc.open_study(make_given_study(tmp_path / "study", PEOPLES_MAPS))
    assert study.stages()[0].name == "photographs"
    assert "align" not in study.stages()[0].settings["images"]
    with pytest.raises(InputError, match="the study has no landmarks"):
        study.landmarks()


def test_an_actor_of_whom_no_photograph_can_be_aligned_is_left_out_and_named(tmp_path):
    study = aligned_study(tmp_path / "study", GAZE)
    path = study / "data/raw/landmarks.csv"
    table = pd.read_csv(path)
    table[~table["image"].str.startswith("actor1/")].to_csv(path, index=False)
    assert main(["run", "--until", "photographs", "--study", str(study)]) == 0
    opened = sc.open_study(study)
    assert opened.images["actor"].unique().tolist() == ["actor2", "actor3"]
    left_out = pd.read_csv(study / "data/processed/images_left_out.csv")
    assert left_out["reason"].value_counts().to_dict() == {"no_face": 4, "no_photographs": 1}
    assert len(opened.images) == N_ACTORS * N_IMAGES - 4


def test_a_copy_of_a_photograph_needs_no_landmarks_of_its_own(tmp_path):
    study = aligned_study(tmp_path / "study", GAZE)
    folder = study / "data/raw/photographs/actor1"
    Image.open(folder / "1.png").save(folder / "1_again.png")
    (folder / "1_again.png").write_bytes((folder / "1.png").read_bytes())
    assert main(["run", "--until", "photographs", "--study", str(study)]) == 0
    assert "actor1/1" in sc.open_study(study).images["image"].tolist()
