"""What is said of models that give no logits: refused with the remedy wherever a model is run, or understood."""

import dataclasses

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from salcompare.classifiers import (
    INTACT,
    TrainedClassifier,
    class_maps,
    explain,
    guided_backprop,
    removal_outcomes,
    write_class_matrix,
    write_classifier_maps,
)
from salcompare.classifiers.attributions import attribute
from salcompare.config import METHODS, Attribution, smoothed
from salcompare.errors import InputError
from tests.classifiers.test_methods import FEW, plain_net

PLAIN = [name for name in METHODS if not name.startswith("smoothgrad_")]
SIZE = (20, 18)
ACTORS = ("a", "b", "c", "d")


class Says(nn.Module):
    """A network of which a function says something else than its logits."""

    def __init__(self, said):
        super().__init__()
        self.inner, self.said = plain_net(), said

    def forward(self, x):
        return self.said(self.inner(x))


@dataclasses.dataclass
class ModelOutput:
    """What transformers' models give."""

    logits: torch.Tensor
    hidden_states: object = None


def images(n=2):
    return torch.randn(n, 3, *SIZE, generator=torch.Generator().manual_seed(7))


def nan_in_one(logits):
    return logits * torch.where(torch.arange(len(logits)) == 0, torch.nan, 1.0)[:, None]


WRONG = [
    (lambda logits: (logits, None), "^model: its output is a tuple; .* wrap it"),
    (lambda logits: {"scores": logits, "more": 1}, "^model: its output is a dict of 'scores', 'more'; .* wrap it"),
    (lambda logits: ModelOutput(logits=None), "^model: its output is a ModelOutput; .* wrap it"),
    (lambda logits: torch.stack([logits, logits], 2), r"float32 of shape \(\d, 4, 2\) for \d images; .* wrap it"),
    (lambda logits: logits[:, 0], r"of shape \(\d,\) for \d images"),
    (lambda logits: logits.argmax(1, keepdim=True), r"int64 of shape \(\d, 1\)"),
    (nan_in_one, r"^model's logits of (x\[0\]|image 's/0'): NaN or infinite values; .* check the weights"),
]


@pytest.mark.parametrize("method", [*PLAIN, "smoothgrad_occlusion"])
@pytest.mark.parametrize(("said", "message"), WRONG)
def test_no_method_takes_what_are_no_logits(method, said, message):
    with pytest.raises(InputError, match=message):
        explain(Says(said), images(), 1, method=method, options=FEW)


@pytest.mark.parametrize("method", PLAIN)
def test_every_method_explains_the_logits_among_other_outputs(method):
    expected = explain(plain_net(), images(), 1, method=method, options=FEW)
    found = explain(Says(lambda logits: ModelOutput(logits, "more")), images(), 1, method=method, options=FEW)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("method", [*PLAIN, "smoothgrad_occlusion"])
@pytest.mark.parametrize("bound", [False, True])
def test_what_autograd_cannot_follow_is_refused_by_all_but_occlusion(method, bound):
    def said(logits):
        return logits.detach() * torch.ones((), requires_grad=True) if bound else torch.tensor(logits.tolist())

    def explained():
        return explain(Says(said), images(), 1, method=method, options=FEW)

    if (smoothed(method) or method) == "occlusion":
        assert float(explained().abs().max()) > 0
    else:
        with pytest.raises(InputError, match=r"autograd cannot follow back to the image; .* remove no_grad"):
            explained()


def test_a_model_that_fails_says_what_on():
    with pytest.raises(InputError, match=r"fails on torch.float32 images of shape \(1, 3, 9, 9\) with RuntimeError: "):
        explain(plain_net(), torch.zeros(2, 3, 9, 9), 1, method="gradient")
    with pytest.raises(InputError, match=r"a dict; expected an nn\.Module"):
        explain({}, images(), 1, method="gradient")


class Steep(nn.Module):
    """Logits that are finite with a gradient that is not, where the image is 0."""

    def forward(self, x):
        return x[:, :2].square().sum((2, 3)).sqrt()


@pytest.mark.parametrize("method", ["gradient", "input_x_gradient"])
def test_maps_that_are_not_finite_are_refused_by_image(method):
    x = images(3)
    x[1] = 0
    with pytest.raises(InputError, match=rf"^{method} of x\[1\]: NaN or infinite values; .* square root at 0"):
        explain(Steep(), x, 1, method=method)


def test_guided_maps_that_are_not_finite_are_refused_by_image():
    class Length(nn.Module):
        def forward(self, images):
            small = images.mean((2, 3))
            return small / (small.pow(2).sum(1, keepdim=True).sqrt() + 1)

    x = images(3)
    x[2] = 0
    with pytest.raises(InputError, match=r"guided_backprop of x\[2\]: NaN or infinite"):
        guided_backprop(Length(), x, 1)


# Compiled modules

@pytest.fixture(scope="module", params=["frozen script", "frozen trace", "export"])
def compiled(request):
    if request.param == "export":
        batch = torch.export.Dim.DYNAMIC
        return torch.export.export(plain_net(), (images(),), dynamic_shapes=({0: batch},)).module()
    if request.param == "frozen trace":
        return torch.jit.freeze(torch.jit.trace(plain_net(), images()).eval())
    return torch.jit.freeze(torch.jit.script(plain_net()))


@pytest.mark.parametrize("method", PLAIN)
def test_compiled_modules_are_explained_like_what_they_were_made_of(compiled, method):
    def explained(model):
        return explain(model, images(), 1, method=method, options=FEW)

    if "grad_cam" in method:
        with pytest.raises(InputError, match="give the module that it was made of"):
            explained(compiled)
    elif method == "deep_lift":
        with pytest.raises(InputError, match="do not add up"):
            explained(compiled)
    else:
        torch.testing.assert_close(explained(compiled), explained(plain_net()), rtol=1e-4, atol=1e-6)


def test_grad_cam_takes_no_layer_for_the_last_where_it_does_not_see_them_all():
    model = nn.Sequential(nn.Conv2d(3, 6, 3), torch.jit.script(nn.Conv2d(6, 6, 3)), nn.Flatten(), nn.Linear(1344, 4))
    with pytest.raises(InputError, match=r"layer: ''; .* give the module that it was made of"):
        explain(model.eval(), images(), 1, method="grad_cam")
    with pytest.raises(InputError, match=r"layer: '1'; .* give the module that it was made of"):
        explain(model, images(), 1, method="grad_cam", options=Attribution(layer="1"))
    assert float(explain(model, images(), 1, method="grad_cam", options=Attribution(layer="0")).max()) > 0


def test_exported_modules_that_cannot_be_explained_say_how_to_export_them():
    fixed = torch.export.export(plain_net(), (images(2),)).module()
    with pytest.raises(InputError, match=r"fails on .* \(1, 3, 20, 18\) .*dynamic_shapes"):
        explain(fixed, images(2), 1, method="gradient")
    training = torch.export.export(nn.Sequential(plain_net(), nn.Dropout()).train(), (images(2),))
    with pytest.raises(InputError, match=r"exported for training \(aten.dropout.default\); .* call eval\(\)"):
        explain(training.module(), images(2), 1, method="gradient")
    with pytest.raises(InputError, match=r"ExportedProgram; .* give what its module\(\) makes"):
        explain(training, images(2), 1, method="gradient")


# A study's photographs

def photographs(n=2):
    values = np.random.default_rng(0).integers(0, 256, (n, *SIZE, 3), dtype=np.uint8)
    return xr.DataArray(values, dims=("image", "y", "x", "channel"), coords={
        "image": [f"s/{i}" for i in range(n)], "actor": ("image", ["a"] * n), "y": np.arange(SIZE[0]),
        "x": np.arange(SIZE[1])})


def classifier(model, actors=ACTORS):
    def prepare(pixels):
        return torch.from_numpy(pixels.astype(np.float32) / 255 - 0.5).permute(0, 3, 1, 2)

    return TrainedClassifier(model.eval(), actors, prepare, "0" * 64, "own", "frozen", SIZE, 1)


def _attributed(trained, folder):
    return attribute(trained, photographs(), targets=["b", "c"], config=FEW, method="gradient")


def _guided(trained, folder):
    return attribute(trained, photographs(), targets=["b", "c"], config=FEW)


def _classes(trained, folder):
    return class_maps(trained, photographs(), config=FEW).to_numpy()


def _matrix(trained, folder):
    write_class_matrix(trained, photographs(), actors=["a"], config=FEW, folder=folder, name="m", fingerprint="1")
    return np.zeros(1)


def _removed(trained, folder):
    orders = xr.DataArray(np.ones((1, 2, *SIZE)), dims=("order", "image", "y", "x"),
                          coords={"order": ["people"], "image": ["s/0", "s/1"]})
    return removal_outcomes(trained, photographs(), orders, [INTACT], seed=1).logit.to_numpy()


def _predicted(trained, folder):
    write_classifier_maps(trained, photographs(), config=Attribution(target="predicted"), folder=folder, name="m",
                          fingerprint="1")
    return np.zeros(1)


ENTRIES = [_attributed, _guided, _classes, _matrix, _removed, _predicted]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(("said", "message"), WRONG)
def test_no_stage_takes_what_are_no_logits(entry, said, message, tmp_path):
    with pytest.raises(InputError, match=message):
        entry(classifier(Says(said)), tmp_path)


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_stage_takes_the_logits_among_other_outputs(entry, tmp_path):
    found = entry(classifier(Says(ModelOutput)), tmp_path / "1")
    np.testing.assert_array_equal(found, entry(classifier(plain_net()), tmp_path / "2"))


@pytest.mark.parametrize("entry", [_removed, _predicted])
def test_a_network_of_other_actors_is_refused(entry, tmp_path):
    with pytest.raises(InputError, match="model: 4 logits an image; expected 3, one an actor"):
        entry(classifier(plain_net(), actors=("a", "b", "c")), tmp_path)
