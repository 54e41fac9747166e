"""A study of several networks, one of the user's own: what is compared, what makes it stale, what is refused early."""

import pytest

import salcompare as sc
from salcompare.errors import ConfigError, InputError, MissingDependencyError
from salcompare.progress import Silent
from salcompare.stages import run, standings
from tests.small_study import make_small_study

OWN = '''from torch import nn


def face():
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.{activation}(), nn.MaxPool2d(3), nn.Flatten())
'''
NAMED = '''

def own(say):
    import pathlib, torch
    path = pathlib.Path(__file__).with_name("own.pth")
    torch.save(face().state_dict(), path)
    return path


from salcompare.classifiers import Backbone, Preprocessing
named = Backbone("named", Preprocessing((0.5,) * 3, (0.5,) * 3), face, weights={"own": own})
'''
CLASSIFIER = '''
[[classifier]]
name = "{name}"
backbone = "{backbone}"
weights = "none"
variants = ["finetuned"]
hidden = 8
finetuned = {{iterations = 2, per_class = 1, validate_every = 2}}
'''


@pytest.fixture
def folder(tmp_path):
    made = make_small_study(tmp_path / "study")
    write_networks(made)
    return made


def write_networks(folder, *, activation="ReLU"):
    """Leave the study its own network and a torchvision model in the place of AlexNet."""
    (folder / "nets.py").write_text(OWN.format(activation=activation))
    settings = (folder / "study.toml").read_text()
    start, end = settings.index("[[classifier]]"), settings.index("[maps]")
    networks = "".join(CLASSIFIER.format(name=name, backbone=backbone)
                       for name, backbone in (("mine", "nets:face"), ("squeezenet", "squeezenet1_1")))
    (folder / "study.toml").write_text(settings[:start] + networks + settings[end:])


def train_and_map(folder):
    for name in ("mine", "squeezenet"):
        study = sc.open_study(folder)
        maps = next(stage for stage in standings(study) if stage.startswith(f"maps {name}/finetuned"))
        run(study, until=maps, progress=Silent())
    return sc.open_study(folder)


def test_each_network_gives_maps_and_is_a_source_of_its_own(folder):
    study = train_and_map(folder)
    assert study.sources == ["mine/finetuned/guided_backprop", "squeezenet/finetuned/guided_backprop"]
    for name, backbone in (("mine", "nets:face"), ("squeezenet", "squeezenet1_1")):
        maps = study.classifier_maps(classifier=name)
        assert maps.attrs["backbone"] == backbone
        assert maps.sizes["image"] == 6
        assert (maps.saliency >= 0).all()


def test_changed_code_of_ones_own_makes_its_network_stale_and_no_other(folder):
    study = train_and_map(folder)
    write_networks(folder)
    assert standings(study)["train mine"].state == "current"
    with (folder / "nets.py").open("a") as code:
        code.write("\n# another remark\n")
    found = standings(sc.open_study(folder))
    assert found["train mine"].state != "current"
    assert "nets.py" in found["train mine"].reason
    assert found["train squeezenet"].state == "current"


def test_a_recipe_of_ones_own_may_name_its_weights(folder):
    with (folder / "nets.py").open("a") as code:
        code.write(NAMED)
    settings = (folder / "study.toml").read_text()
    settings = settings.replace('"nets:face"\nweights = "none"', '"nets:named"\nweights = "own"')
    (folder / "study.toml").write_text(settings)
    run(sc.open_study(folder), until="train mine", progress=Silent())
    assert (folder / "own.pth").is_file()
    (folder / "study.toml").write_text(settings.replace('"own"', '"owned"'))
    with pytest.raises(ConfigError, match=r"'owned' is no name of weights and no file .*'own', 'none' or the path"):
        run(sc.open_study(folder), until="train mine", progress=Silent())


def test_a_network_that_the_method_cannot_explain_is_refused_before_it_is_trained(folder):
    write_networks(folder, activation="GELU")
    with pytest.raises(InputError, match=r"'mine' \(nets:face\): it holds gelu; .*integrated_gradients"):
        run(sc.open_study(folder), until="train mine", progress=Silent())
    assert not list((folder / "data" / "processed").rglob("*.pt"))


def test_weights_that_cannot_be_had_stop_a_run_before_the_first_network_is_trained(folder, tmp_path, monkeypatch):
    def no_network(*_args, **_options):
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    settings = (folder / "study.toml").read_text()
    resnet = CLASSIFIER.format(name="resnet18", backbone="resnet18")
    settings = settings.replace('"squeezenet1_1"\nweights = "none"', '"squeezenet1_1"\nweights = "imagenet"')
    settings = settings.replace("[maps]", resnet.replace('"none"', '"imagenet"') + "[maps]")
    (folder / "study.toml").write_text(settings)
    with pytest.raises(MissingDependencyError, match=r"(?s)squeezenet1_1-\w+\.pth: could .*\n.*resnet18-\w+\.pth"):
        run(sc.open_study(folder), progress=Silent())
    assert not list((folder / "data" / "processed").rglob("*.pt"))


def test_changed_code_that_ones_own_code_imports_makes_its_network_stale(folder):
    (folder / "helper.py").write_text("width = 4\n")
    with (folder / "nets.py").open("a") as code:
        code.write("\ndef other():\n    import helper\n")
    inputs = {stage.name: stage.inputs for stage in sc.open_study(folder).stages()}
    assert set(inputs["train mine"]) == {"nets.py", "helper.py"}
    (folder / "helper.py").write_text("width = 5\n")
    changed = {stage.name: stage.inputs for stage in sc.open_study(folder).stages()}
    assert changed["train mine"]["helper.py"] != inputs["train mine"]["helper.py"]
    assert changed["train squeezenet"] == inputs["train squeezenet"]


def changed_by(folder, *settings):
    """Name the stages whose results another setting would change."""
    path = folder / "study.toml"
    before = path.read_text()
    first = standings(sc.open_study(folder))
    text = before
    for old, new in settings:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)
    second = standings(sc.open_study(folder))
    path.write_text(before)
    return {name for name in first if first[name].fingerprint != second[name].fingerprint}


MAPS = "[maps]\n"


def test_what_is_shown_of_peoples_heatmaps_is_the_reports_alone(folder):
    assert changed_by(folder, (MAPS, MAPS + "human_share = 0.2\n")) == {"report"}
    assert changed_by(folder, (MAPS, MAPS + "mask_share = 0.2\n")) == {"statistics", "report"}


def test_actors_shown_make_no_pairs_anew_that_are_named(folder):
    shown = ("saliency matrix", "report")
    assert changed_by(folder, (MAPS, '[report]\nactors = ["actor1", "actor2"]\n\n' + MAPS)) == {
        "saliency differences", *shown}
    path = folder / "study.toml"
    path.write_text(path.read_text() + '\n[report]\ndifferences = ["actor1 - actor3"]\n')
    assert changed_by(folder, ("[report]\n", '[report]\nactors = ["actor1", "actor2"]\n')) == set(shown)
    assert changed_by(folder, ("actor1 - actor3", "actor1 - actor2")) == {"saliency differences", "report"}
