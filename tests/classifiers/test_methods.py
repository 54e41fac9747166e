"""Every attribution method against captum's, or against what the method must add up to, and on the planted network."""

from __future__ import annotations

import warnings

import captum.attr
import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional
from torch.nn.functional import interpolate

from salcompare.classifiers.attributions import attribute
from salcompare.classifiers.execution import generator
from salcompare.classifiers.methods import explain, mean_colour
from salcompare.config import METHODS, Attribution, smoothed
from salcompare.errors import InputError
from tests.classifiers.planted import REGIONS, SIZE, inside, people_at, planted_classifier, planted_photographs

FEW = Attribution(steps=9, samples=3, window=0.3)
N, CLASSES = 5, 4


def plain_net():
    """ReLUs as modules, each run once, a pool before all of them: what captum covers."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.MaxPool2d(2), nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(6 * 6 * 5, 16), nn.ReLU(), nn.Linear(16, CLASSES)).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def net():
    return plain_net()


@pytest.fixture(scope="module")
def x():
    return torch.randn(N, 3, 20, 18, generator=generator("images"))


@pytest.fixture(scope="module")
def baseline():
    return torch.randn(N, 3, 20, 18, generator=generator("baselines"))


TARGET = torch.arange(N) % CLASSES


def assert_equal_maps(found, expected):
    expected = expected.detach()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max()))


def quiet(call):
    """What captum gives, without its warnings about hooks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


# Against captum

def test_gradients_agree_with_captum_and_zennit(net, x):
    from zennit.attribution import Gradient

    expected = captum.attr.Saliency(net).attribute(x.clone().requires_grad_(), target=TARGET, abs=False)
    assert_equal_maps(explain(net, x, TARGET, method="gradient"), expected)
    with Gradient(net) as attributor:
        assert_equal_maps(explain(net, x, TARGET, method="gradient"), attributor(x, torch.eye(CLASSES)[TARGET])[1])
    times = captum.attr.InputXGradient(net).attribute(x.clone().requires_grad_(), target=TARGET)
    assert_equal_maps(explain(net, x, TARGET, method="input_x_gradient"), times)


def test_gradients_of_the_probability_agree_with_captum(net, x):
    soft = nn.Sequential(net, nn.Softmax(1))
    expected = captum.attr.Saliency(soft).attribute(x.clone().requires_grad_(), target=TARGET, abs=False)
    assert_equal_maps(explain(net, x, TARGET, method="gradient", options=Attribution(output="probability")), expected)


@pytest.mark.parametrize("batch", [4, 9, 20, 100])
def test_integrated_gradients_agree_with_captum_whatever_the_batch(net, x, baseline, batch):
    expected = captum.attr.IntegratedGradients(net).attribute(x, baseline, target=TARGET, n_steps=9)
    found = explain(net, x, TARGET, method="integrated_gradients", baseline=baseline,
                    options=Attribution(steps=9, batch=batch))
    assert_equal_maps(found, expected.float())


def test_integrated_gradients_add_up_to_the_difference_of_the_logits(net, x, baseline):
    found = explain(net, x, TARGET, method="integrated_gradients", baseline=baseline, options=Attribution(steps=200))
    rows = torch.arange(N)
    difference = (net(x) - net(baseline))[rows, TARGET]
    torch.testing.assert_close(found.sum((1, 2, 3)), difference, rtol=0.01, atol=1e-3)


@pytest.mark.parametrize("at", [2, 4])
def test_grad_cam_agrees_with_captum(net, x, at):
    layer = captum.attr.LayerGradCam(net, net[at]).attribute(x, TARGET, relu_attributions=True)
    expected = interpolate(layer, x.shape[2:], mode="bilinear", align_corners=False)
    assert_equal_maps(explain(net, x, TARGET, method="grad_cam", options=Attribution(layer=str(at))), expected)
    if at == 4:
        assert_equal_maps(explain(net, x, TARGET, method="grad_cam"), expected)  # the last layer that is still a map


class Residual(nn.Module):
    """What follows each of its layers changes that layer's output in place, each in another way."""

    def __init__(self, *, inplace):
        super().__init__()
        torch.manual_seed(2)
        self.first, self.norm, self.second = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, padding=1)
        self.shuffle, self.last, self.inplace = nn.ChannelShuffle(3), nn.Linear(6 * 9 * 8, CLASSES), inplace

    def forward(self, x):
        x = functional.max_pool2d(self.first(x), 2)
        y = self.norm(x)
        y = functional.relu_(y) if self.inplace else functional.relu(y)
        z = self.second(y)
        if self.inplace:
            z += y
            z[:, :2] *= 2
        else:
            z = z + y
            z = torch.cat([z[:, :2] * 2, z[:, 2:]], 1)
        out = self.shuffle(z).view(-1, 6, 9, 8)
        return self.last(functional.elu(out, 1.0, self.inplace).flatten(1))


@pytest.mark.parametrize("layer", ["first", "norm", "second", "shuffle", ""])
@pytest.mark.parametrize("method", ["grad_cam", "guided_grad_cam"])
def test_grad_cam_is_of_what_a_layer_gave_though_it_is_overwritten_in_place(x, layer, method):
    kinds = [nn.Sequential(*(nn.ReLU(inplace) if isinstance(part, nn.ReLU) else part for part in plain_net()))
             for inplace in (False, True)] if method == "guided_grad_cam" else [
        Residual(inplace=inplace).eval() for inplace in (False, True)]
    if method == "guided_grad_cam":
        layer = {"first": "1", "norm": "2", "second": "3", "shuffle": "4", "": ""}[layer]
    options = Attribution(layer=layer)
    plain, overwritten = (explain(model, x, TARGET, method=method, options=options) for model in kinds)
    assert float(plain.max()) > 0
    assert_equal_maps(overwritten, plain)
    if layer:
        oracle = captum.attr.LayerGradCam(kinds[1], kinds[1].get_submodule(layer)).attribute(
            x, TARGET, relu_attributions=True)
        expected = interpolate(oracle, x.shape[2:], mode="bilinear", align_corners=False)
        assert_equal_maps(explain(kinds[1], x, TARGET, method="grad_cam", options=options), expected)


def test_grad_cam_of_a_view_that_is_overwritten_in_place(x):
    class Turned(nn.Module):
        def __init__(self, *, inplace):
            super().__init__()
            torch.manual_seed(3)
            self.first, self.turn = nn.Conv2d(3, 6, 3), nn.Unflatten(1, (6, 18))
            self.last, self.inplace = nn.Linear(6 * 18 * 16, CLASSES), inplace

        def forward(self, images):
            maps = self.turn(self.first(images).flatten(1, 2))
            return self.last((maps.relu_() if self.inplace else maps.relu()).flatten(1))

    plain, overwritten = (explain(Turned(inplace=inplace), x, TARGET, method="grad_cam",
                                  options=Attribution(layer="turn")) for inplace in (False, True))
    assert float(plain.max()) > 0
    assert_equal_maps(overwritten, plain)


def test_grad_cam_agrees_with_captum_on_squeezenet_whose_relus_work_in_place():
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    model, layer = squeezenet1_1(weights=None, num_classes=3).requires_grad_(False).eval(), "features.12.expand3x3"
    images = torch.randn(1, 3, 48, 48, generator=generator("in place"))
    oracle = captum.attr.LayerGradCam(model, model.get_submodule(layer)).attribute(
        images.clone().requires_grad_(), 1, relu_attributions=True)
    expected = interpolate(oracle, (48, 48), mode="bilinear", align_corners=False).detach()
    assert float(expected.max()) > 0
    assert_equal_maps(explain(model, images, 1, method="grad_cam", options=Attribution(layer=layer)), expected)


def test_guided_grad_cam_agrees_with_captum(net, x):
    own = quiet(lambda: captum.attr.GuidedGradCam(net, net[4]).attribute(x, TARGET, interpolate_mode="bilinear"))
    assert_equal_maps(explain(net, x, TARGET, method="guided_grad_cam"), own.clamp(min=0))


def test_deep_lift_agrees_with_captum(net, x, baseline):
    expected = quiet(lambda: captum.attr.DeepLift(net).attribute(x, baseline, target=TARGET))
    assert_equal_maps(explain(net, x, TARGET, method="deep_lift", baseline=baseline), expected)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_occlusion_agrees_with_captum_whatever_the_batch(net, x, baseline, batch):
    expected = captum.attr.Occlusion(net).attribute(x, (3, 5, 5), (3, 2, 2), baseline, TARGET)
    found = explain(net, x, TARGET, method="occlusion", baseline=baseline,
                    options=Attribution(window=5 / 18, stride=0.4, batch=batch))
    assert_equal_maps(found, expected[:, :1])


# By their own definitions

def test_occlusion_of_a_sum_is_the_mean_of_what_the_squares_hide():
    class Sum(nn.Module):
        def forward(self, images):
            total = images.sum((1, 2, 3))
            return torch.stack([total, -total], 1)

    images = torch.ones(1, 3, 4, 4)
    found = explain(Sum(), images, 0, method="occlusion", baseline=torch.zeros_like(images),
                    options=Attribution(window=0.5, stride=1))
    assert found.tolist() == [[[[12.0] * 4] * 4]]
    assert explain(Sum(), images, 1, method="occlusion", baseline=torch.zeros_like(images),
                   options=Attribution(window=0.5, stride=1)).tolist() == [[[[-12.0] * 4] * 4]]


def test_smoothgrad_is_the_mean_over_noisy_copies(net, x, baseline):
    options = Attribution(samples=4, noise=0.2, steps=5)
    for method in ("gradient", "guided_backprop", "integrated_gradients"):
        name = "smoothgrad" if method == "gradient" else f"smoothgrad_{method}"
        found = explain(net, x, TARGET, method=name, baseline=baseline, options=options,
                        generators=[generator("noise", i) for i in range(N)])
        streams = [generator("noise", i) for i in range(N)]
        total = torch.zeros_like(x)
        for _ in range(4):
            noise = torch.stack([torch.randn(x.shape[1:], generator=stream) for stream in streams])
            spread = 0.2 * (x.flatten(1).max(1).values - x.flatten(1).min(1).values)
            total += explain(net, x + spread[:, None, None, None] * noise, TARGET, method=method, baseline=baseline,
                             options=options)
        assert_equal_maps(found, total / 4)


def test_smoothgrad_without_noise_is_the_method_itself(net, x):
    still = Attribution(samples=2, noise=0)
    for method in ("gradient", "deep_lift", "grad_cam"):
        name = "smoothgrad" if method == "gradient" else f"smoothgrad_{method}"
        assert_equal_maps(explain(net, x, TARGET, method=name, options=still), explain(net, x, TARGET, method=method))


# DeepLIFT where captum cannot follow

class Tangled(nn.Module):
    """ReLU6 run twice, functional and in-place activations, overlapping pools, all in one."""

    def __init__(self, *, inplace=True):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.second = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 5, 3)
        self.norm, self.active, self.inplace = nn.BatchNorm2d(6), nn.ReLU6(inplace=inplace), inplace
        self.last = nn.Linear(5 * 6 * 5, CLASSES)

    def forward(self, x):
        x = self.active(self.norm(self.first(2 * x)))
        x = functional.max_pool2d(x, 3, stride=2)
        x = self.active(self.second(x))
        x = x.relu_() if self.inplace else torch.relu(x)
        return self.last(torch.tanh(x).flatten(1))


def test_deep_lift_adds_up_through_shared_functional_and_in_place_activations(x, baseline):
    model = Tangled().eval()
    found = explain(model, x, TARGET, method="deep_lift", baseline=baseline)
    rows = torch.arange(N)
    torch.testing.assert_close(found.sum((1, 2, 3)), (model(x) - model(baseline))[rows, TARGET], rtol=1e-4, atol=1e-5)
    other = Tangled(inplace=False).eval()
    other.load_state_dict(model.state_dict())
    assert_equal_maps(found, explain(other, x, TARGET, method="deep_lift", baseline=baseline))


class Overwriting(nn.Module):
    """Overwrites in place what activations and pools took and gave."""

    def __init__(self, *, inplace):
        super().__init__()
        torch.manual_seed(4)
        self.first, self.second = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 5, 3)
        self.last, self.inplace = nn.Linear(5 * 7 * 6, CLASSES), inplace

    def forward(self, x):
        x = self.first(x)
        y = functional.relu(x)
        x = x.add_(1) if self.inplace else x + 1
        pooled = functional.max_pool2d(x + y, 2)
        pooled = functional.elu(pooled, 1.0, self.inplace)
        z = functional.hardtanh(self.second(pooled), -1.0, 1.0, self.inplace)
        if self.inplace:
            z *= 2
            return self.last(z.flatten(1))
        return self.last((z * 2).flatten(1))


def test_deep_lift_does_not_care_what_is_overwritten_in_place(x, baseline):
    plain, overwritten = (explain(Overwriting(inplace=inplace).eval(), x, TARGET, method="deep_lift",
                                  baseline=baseline) for inplace in (False, True))
    assert_equal_maps(overwritten, plain)


def test_deep_lift_of_one_pooled_window_is_worked_by_hand():
    class Peak(nn.Module):
        def forward(self, images):
            return functional.max_pool2d(images[:, :1], 2).flatten(1) @ torch.tensor([[1.0, -1.0]])

    images = torch.zeros(1, 3, 2, 2)
    images[0, 0] = torch.tensor([[5.0, 1.0], [0.0, 0.0]])
    baseline = torch.zeros(1, 3, 2, 2)
    baseline[0, 0] = torch.tensor([[0.0, 3.0], [0.0, 0.0]])
    found = explain(Peak(), images, 0, method="deep_lift", baseline=baseline)[0, 0]
    assert found.tolist() == [[2.0, 0.0], [0.0, 0.0]]  # from 3 to 5 by the pixel that is the image's maximum


def test_deep_lift_refuses_what_its_rule_does_not_cover(x, baseline):
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = plain_net()

        def forward(self, images):
            logits = self.inner(images)
            return logits * logits.sum(1, keepdim=True) * 50

    with pytest.raises(InputError, match=r"do not add up .* use integrated_gradients"):
        explain(Product(), x, TARGET, method="deep_lift", baseline=baseline)
    with pytest.raises(InputError, match="rules end at the logit"):
        explain(plain_net(), x, TARGET, method="deep_lift", options=Attribution(output="probability"))


# What all have in common

@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_the_model_as_it_was_and_takes_no_images(method, x):
    model = nn.Sequential(plain_net(), nn.Dropout(0.5)).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = explain(model, x, TARGET, method=method, options=FEW)
    again = explain(model, x, TARGET, method=method, options=FEW)
    torch.testing.assert_close(found, again, rtol=0, atol=0)
    assert found.shape[1] == (1 if (smoothed(method) or method) in ("grad_cam", "occlusion") else 3)
    assert (found.shape[0], *found.shape[2:]) == (N, 20, 18)
    assert found.isfinite().all()
    assert not found.requires_grad
    assert float(found.abs().max()) > 0
    assert model.training
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert explain(model, x[:0], [], method=method, options=FEW).shape == (0, *found.shape[1:])


def test_what_cannot_be_asked_for_is_refused_by_name(net, x):
    with pytest.raises(InputError, match="'saliency'; expected one of guided_backprop, gradient"):
        explain(net, x, TARGET, method="saliency")
    with pytest.raises(InputError, match=r"target\[1\]: class 4; expected a class from 0 to 3"):
        explain(net, x[:2], [0, 4], method="gradient")
    with pytest.raises(InputError, match="baseline: shape"):
        explain(net, x, TARGET, method="deep_lift", baseline=x[:2])
    with pytest.raises(InputError, match="generators: 1; expected one an image, 5"):
        explain(net, x, TARGET, method="smoothgrad", generators=[generator("one")])
    with pytest.raises(InputError, match=r"layer: 'conv9'; expected one of 0, 1, 2"):
        explain(net, x, TARGET, method="grad_cam", options=Attribution(layer="conv9"))
    with pytest.raises(InputError, match="layer: '6'; expected a module whose output is maps"):
        explain(net, x, TARGET, method="grad_cam", options=Attribution(layer="6"))


def test_the_mean_colour_is_the_baseline_unless_another_is_given(net, x):
    expected = explain(net, x, TARGET, method="deep_lift", baseline=mean_colour(x))
    assert_equal_maps(explain(net, x, TARGET, method="deep_lift"), expected)
    assert mean_colour(x)[2, 1].unique().numel() == 1


# A network that sees the left eye only

PLANTED = Attribution(steps=8, samples=2, window=0.15, stride=1)


def _share(trained, method):
    """Share of the maps' mass inside the left eye, widened by what a method blurs."""
    pixels, _ = planted_photographs(n_images=1)
    maps = attribute(trained, pixels, targets=pixels.actor, config=PLANTED, method=method)
    blur = {"occlusion": 5, "grad_cam": 2}.get(smoothed(method) or method, 0)
    region = ndimage.binary_dilation(inside("left eye"), iterations=blur) if blur else inside("left eye")
    assert maps.shape[1:] == SIZE
    total = maps.sum()
    return (maps[:, region].sum() / total if total > 0 else np.nan), region.mean()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_says_that_the_planted_network_uses_the_left_eye_and_a_random_copy_does_not(method):
    found, area = _share(planted_classifier(), method)
    assert found > 0.99
    random = []
    for seed in range(5):
        copy = planted_classifier()
        torch.manual_seed(seed)
        for module in copy.model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        random.append(_share(copy, method)[0])
    assert abs(np.nanmean(random) - area) < 0.1


@pytest.fixture(scope="module")
def faces():
    return planted_photographs()[0]


@pytest.fixture(scope="module")
def logits(faces):
    trained = planted_classifier()
    return trained.model(trained.prepare(faces.to_numpy()))


def test_it_names_every_actor(faces, logits):
    names = np.array(planted_classifier().actors)[logits.argmax(1).numpy()]
    assert (names == faces.actor.to_numpy()).all()


def test_only_the_left_eye_changes_its_logits(faces, logits):
    trained = planted_classifier()
    grey = faces.copy(deep=True)
    grey.values[:, ~inside("left eye")] = 128
    assert torch.equal(trained.model(trained.prepare(grey.to_numpy())), logits)
    grey = faces.copy(deep=True)
    grey.values[:, inside("left eye")] = 128
    assert trained.model(trained.prepare(grey.to_numpy())).std() < 0.02 * logits.std()


def test_guided_backprop_marks_the_left_eye_only(faces):
    maps = attribute(planted_classifier(), faces, targets=faces.actor)
    assert (maps.max(axis=(1, 2)) > 0).all()
    assert (maps[:, ~inside("left eye")] == 0).all()


@pytest.mark.parametrize("region", list(REGIONS))
def test_people_look_where_they_are_told(faces, region):
    coverage = people_at(region, faces)
    assert coverage.values[:, inside(region)].mean() > 0.5
    assert coverage.max() <= 1.001
    assert coverage.values[:, ~inside(region)].mean() < 0.1
