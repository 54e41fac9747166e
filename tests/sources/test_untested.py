"""Responses on photographs that are not kept for testing stay out where there is a classifier: counted and named."""

import numpy as np
import pytest

from salcompare import config
from salcompare.cli import main
from salcompare.errors import InputError
from salcompare.opening import open_study
from salcompare.sources import describe_left_out, read_fixations, read_precomputed_maps, read_responses
from tests.small_study import WORKERS, make_small_study, without_classifier
from tests.sources.importers.samples import IMAGES as OF_SAMPLES
from tests.sources.importers.samples import MTURK, take
from tests.sources.photos import catalogue, write

IMAGES = catalogue(["s1/1", "s1/2", "s1/10", "s2/1"]).assign(split=["test", "train", "validation", "test"])
BOXES = "worker,image,label,x0,y0,x1,y1\n" + "".join(
    f"w{at},{image},nose,1,2,30,40\n" for at, image in enumerate(["s1/1", "s1/2", "s2/1", "s1/10", "s1/2"]))
GAZE = "worker,image,x,y\n" + "".join(
    f"w{at},{image},1,2\n" for at, image in enumerate(["s1/1", "s1/2", "s2/1", "s1/10", "s1/2"]))


def boxes(root, content=BOXES, *, images=IMAGES, **options):
    write(root / "data/raw/responses.csv", content)
    return read_responses(config.Responses(), {}, root=root, images=images, size=(20, 20), **options)


def gaze(root, content=GAZE, *, images=IMAGES, **options):
    write(root / "data/raw/responses.csv", content)
    return read_fixations(config.Responses(source="fixations"), root=root, images=images, size=(20, 20), **options)


@pytest.mark.parametrize("read", [boxes, gaze])
def test_boxes_and_fixations_on_them_are_left_out_counted_and_named(tmp_path, read):
    got = read(tmp_path, tested_only=True)
    assert got.table["image"].tolist() == ["s1/1", "s2/1"]
    assert got.left_out.to_dict("list") == {
        "where": ["responses.csv row 3", "responses.csv row 5", "responses.csv row 6"], "reason": ["not_test"] * 3,
        "detail": [f"image '{name}' is not kept for testing" for name in ("s1/2", "s1/10", "s1/2")]}
    assert got.notes[0].startswith("Left out are 3 rows on 2 photographs that are not kept for testing (s1/2, s1/10):")
    assert describe_left_out(got.left_out).startswith(
        "left out 3 (responses or maps of photographs that are not kept for testing): responses.csv row 3")
    assert read(tmp_path).table["image"].tolist() == ["s1/1", "s1/2", "s2/1", "s1/10", "s1/2"]


@pytest.mark.parametrize("read", [boxes, gaze])
def test_those_on_photographs_that_could_not_be_aligned_have_a_reason_of_their_own(tmp_path, read):
    images = IMAGES.assign(split=["test", "not aligned", "validation", "test"])
    got = read(tmp_path, images=images, tested_only=True)
    assert got.table["image"].tolist() == ["s1/1", "s2/1"]
    assert got.left_out["reason"].tolist() == ["not_aligned", "not_test", "not_aligned"]
    assert got.left_out["detail"][0] == "image 's1/2' could not be aligned"
    assert got.notes[1].startswith("Left out are 2 rows on 1 photograph that could not be aligned (s1/2): they have no")


@pytest.mark.parametrize(("read", "content"), [(boxes, BOXES), (gaze, GAZE)])
def test_a_row_that_is_wrong_refuses_the_file_as_before(tmp_path, read, content):
    with pytest.raises(InputError, match="row 3") as caught:
        read(tmp_path, content.replace("w1,s1/2", ",s1/2"), tested_only=True)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(("read", "content"), [(boxes, BOXES), (gaze, GAZE)])
def test_a_file_with_nothing_on_test_photographs_says_what_to_do(tmp_path, read, content):
    lines = [line for line in content.splitlines() if "s1/1," not in line and "s2/1" not in line]
    with pytest.raises(InputError, match=r"no response on a photograph that is kept for testing; 3 rows.*'s1/2'.*"
                       r"classifier = \[\]"):
        read(tmp_path, "\n".join(lines) + "\n", tested_only=True)


def test_peoples_ready_made_maps_of_them_are_left_out_too(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "maps").mkdir()
    np.savez(tmp_path / "maps.npz", **{name: rng.uniform(size=(10, 8)) for name in ("s1/1", "s1/2", "s2/1")})
    read = {"root": tmp_path, "images": IMAGES, "size": (10, 8), "of": "human"}
    got = read_precomputed_maps("maps.npz", tested_only=True, **read)
    assert got.table["image"].tolist() == ["s1/1", "s2/1"]
    assert got.left_out["reason"].tolist() == ["not_test"]
    assert read_precomputed_maps("maps.npz", **read).table["image"].tolist() == ["s1/1", "s1/2", "s2/1"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make_small_study(tmp_path_factory.mktemp("small") / "study")


def test_a_study_counts_as_many_images_as_it_keeps_for_testing(small, capsys):
    assert main(["run", "--study", str(small), "--until", "human maps"]) == 0
    assert "left out 72 (responses or maps of photographs that are not kept for testing)" in capsys.readouterr().err
    study = open_study(small)
    test = study.images[study.images["split"] == "test"]["image"].tolist()
    assert study.human_maps()["image"].values.tolist() == test
    assert len(study.responses) == len(test) * len(WORKERS) == 36


def test_a_study_of_people_alone_keeps_them_and_a_classifier_that_comes_makes_responses_stale(tmp_path, capsys):
    root = make_small_study(tmp_path / "study")
    settings = (root / "study.toml").read_text()
    without_classifier(root)
    assert main(["run", "--study", str(root), "--until", "responses"]) == 0
    assert len(open_study(root).responses_read) == 108
    (root / "study.toml").write_text(settings)
    assert main(["run", "--study", str(root), "--until", "responses"]) == 0
    assert len(open_study(root).responses_read) == 36


def test_workers_are_not_shown_photographs_whose_answers_would_not_count(small, capsys):
    settings = small / "study.toml"
    before = settings.read_text()
    settings.write_text(before + '\n[collect]\nimages = "all"\n')
    try:
        assert main(["collect", str(small), "--port", "0"]) == 2
    finally:
        settings.write_text(before)
    assert "answers on other photographs are left out of a study with a classifier" in capsys.readouterr().err


def test_an_import_says_which_boxes_a_classifiers_study_will_leave_out(tmp_path):
    got = take(tmp_path, MTURK, images=OF_SAMPLES.assign(split=["train", "test", "test", "test"]))
    assert len(got.responses) == 2
    assert got.notes == ("1 boxes are on photographs that are not kept for testing (s1/1): a study with a classifier "
                         "leaves them out.",)
