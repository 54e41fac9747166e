"""A backbone of the user's own: found beside study.toml or imported, checked, and watched."""

import sys
from dataclasses import replace

import pytest
import torch

from salcompare.classifiers import find_backbone, load_classifier, train_classifier
from salcompare.errors import ConfigError
from tests.classifiers.tiny import TINY

NETS = '''
from torch import nn
from salcompare.classifiers import Backbone, Preprocessing
{imports}

def face():
    return nn.Sequential(nn.Conv2d(3, {units}, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

grey = Backbone("any", Preprocessing((0.1, 0.2, 0.3), (1.0, 1.0, 1.0)), face)
width = 4

def broken():
    raise KeyError("no such layer")

def number():
    return 7
'''


@pytest.fixture
def study(tmp_path):
    write(tmp_path)
    (tmp_path / "study.toml").touch()
    return tmp_path


def write(folder, *, units=4, imports="", name="nets.py"):
    (folder / name).write_text(NETS.format(units=units, imports=imports))


def refusal(name, root=None):
    with pytest.raises(ConfigError) as caught:
        find_backbone(name, root=root).features()
    return str(caught.value)


def test_a_factory_beside_study_toml_makes_the_layers(study):
    backbone = find_backbone("nets:face", root=study)
    assert backbone.name == "nets:face"
    assert backbone.features()(torch.zeros(2, 3, 8, 8)).shape == (2, 4)
    assert "nets" not in sys.modules
    assert str(study) not in sys.path


def test_a_recipe_says_its_own_preprocessing(study):
    backbone = find_backbone("nets:grey", root=study)
    assert (backbone.name, backbone.preprocessing.mean) == ("nets:grey", (0.1, 0.2, 0.3))


def test_a_module_that_python_finds_will_do(tmp_path):
    backbone = find_backbone("tests.classifiers.tiny:tiny_features", root=tmp_path)
    assert backbone.features()(torch.zeros(1, 3, 9, 9)).shape == (1, 5)


def test_a_module_in_a_folder_of_the_study_is_found(study):
    (study / "mine").mkdir()
    write(study / "mine", units=6)
    assert find_backbone("mine.nets:face", root=study).features()(torch.zeros(1, 3, 8, 8)).shape == (1, 6)


def test_two_studies_modules_of_one_name_do_not_mix(study, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write(other, units=9)
    widths = [find_backbone("nets:face", root=root).features()[0].out_channels for root in (study, other, study)]
    assert widths == [4, 9, 4]


def test_a_module_may_import_its_neighbours(study):
    (study / "a_neighbour_of_nets.py").write_text("depth = 3")
    write(study, imports="import a_neighbour_of_nets")
    assert find_backbone("nets:face", root=study).features()[0].out_channels == 4


@pytest.mark.parametrize(("name", "message"), [
    ("nots:face", r"there is no module 'nots'; expected a file .*nots\.py, or an importable module"),
    ("nets:fase", r"has no callable 'fase'; expected one of .*face"),
    ("nets:width", "has no callable 'width'"), ("nets:", "is no module:factory"), ("a b:c", "is no module:factory"),
    ("nets:broken", "fails with KeyError: 'no such layer'"), ("nets:number", "gives a int; expected an nn.Module"),
    ("faulty:face", "its module fails with ZeroDivisionError"),
    ("hungry:face", "imports 'no_such_library', which is not installed"),
])
def test_what_cannot_be_used_is_an_error_that_says_why(study, name, message):
    (study / "faulty.py").write_text("1 / 0")
    (study / "hungry.py").write_text("import no_such_library")
    with pytest.raises(ConfigError, match=message):
        find_backbone(name, root=study).features()
    assert not [module for module in sys.modules if module.startswith(("_salcompare_faulty", "_salcompare_hungry"))]


def test_without_a_study_the_error_asks_for_an_importable_module():
    assert "there is no module 'nots'; expected an importable module" in refusal("nots:face")


def test_it_is_trained_and_loaded_again_and_other_code_is_trained_anew(photographs, study):
    pixels, images = photographs
    config = replace(TINY, backbone="nets:face", weights="none", variants=("finetuned",))
    folder = study / "data" / "processed" / "own"

    def width():
        train_classifier(pixels, images, config, root=study, folder=folder, seed=0)
        return load_classifier(folder, "finetuned").model.features[0].out_channels  # the study is found from the folder

    assert width() == 4
    unchanged = (folder / "finetuned.pt").stat().st_mtime_ns
    assert width() == 4
    assert (folder / "finetuned.pt").stat().st_mtime_ns == unchanged
    write(study, units=5)
    assert width() == 5


def test_a_file_of_weights_is_loaded_into_it(photographs, study):
    pixels, images = photographs
    layers = find_backbone("nets:face", root=study).features()
    torch.save({"model": {f"module.{name}": value for name, value in layers.state_dict().items()}}, study / "w.pth")
    config = replace(TINY, backbone="nets:face", weights="w.pth", variants=("frozen",))
    train_classifier(pixels, images, config, root=study, folder=study / "out", seed=0)
    trained = load_classifier(study / "out", "frozen", root=study)
    assert torch.equal(trained.model.features[0].weight, layers[0].weight)
