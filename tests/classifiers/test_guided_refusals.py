"""What Guided Backpropagation does not cover is refused by name, and what it can is not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from salcompare.classifiers.guided import guided_backprop, guided_backprop_several
from salcompare.errors import InputError
from tests.classifiers.guided_reference import by_replacement


class Net(nn.Module):
    """A convolution, what is to be judged, a ReLU, and logits."""

    def __init__(self, step):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
        self.step = step

    def forward(self, x):
        return self.last(self.step(self.first(x)).relu().mean((2, 3)))


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2


def images(n=2):
    return torch.randn(n, 3, 9, 9, generator=torch.Generator().manual_seed(1))


def masked_in_place(x):
    x = x * 1
    x[x < 0] = 0
    return x


def relu_on_a_view(x):
    x = x * 1
    x[:, :2].relu_()
    return x


def pixel_products(x):
    return x.flatten(2).mT @ x.flatten(2)


REFUSED = {
    "silu": functional.silu, "gelu": functional.gelu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
    "leaky_relu": functional.leaky_relu, "elu": functional.elu, "celu": functional.celu,
    "prelu_kernel": nn.PReLU(), "hardswish": functional.hardswish, "hardsigmoid": functional.hardsigmoid,
    "mish": functional.mish, "softplus": functional.softplus, "log_sigmoid": functional.logsigmoid,
    "softshrink": functional.softshrink, "hardshrink": functional.hardshrink, "rrelu": functional.rrelu,
    "glu": lambda x: functional.glu(x.repeat(1, 2, 1, 1), 1),
    "softmax": lambda x: x.softmax(1), "log_softmax": lambda x: x.log_softmax(1),
    "maximum": lambda x: torch.maximum(x, torch.zeros(())), "fmax": lambda x: torch.fmax(x, torch.zeros(())),
    "where": lambda x: torch.where(x > 0, x, 0), "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "abs": lambda x: (x + x.abs()) / 2, "exp": torch.exp, "pow": lambda x: x ** 2,
    "sqrt": lambda x: x.square().sqrt(), "amax": lambda x: torch.stack([x, 0 * x]).amax(0), "sin": torch.sin,
    "clamp from -1": lambda x: x.clamp(min=-1, max=6), "clamp from -inf to 0": lambda x: x.clamp(max=0),
    "clamp from a tensor to inf": lambda x: x.clamp(min=torch.zeros(())),
    "threshold at 0": lambda x: functional.threshold(x, 0, 0),
    "a multiplication by a mask": lambda x: x * (x > 0),
    "a product of two parts of the network (mul)": lambda x: x * x.mean((2, 3), keepdim=True).relu(),
    "a division by a part of the network": lambda x: torch.ones(()) / x,
    "on a view": relu_on_a_view,
    "the custom autograd function Doubled": Doubled.apply,
    "which mixes images": nn.BatchNorm2d(4, track_running_stats=False),
}
# What PyTorch may record as one of several nodes; which one it is depends on its version and build.
RECORDED_AS_ONE_OF = {
    "an assignment by a mask": (masked_in_place, ("masked_fill", "index_put")),
    "a product of matrices": (lambda x: pixel_products(x)[:, None].expand(-1, 4, -1, -1), (
        "a product of two parts of the network (bmm)", "a product of two parts of the network (baddbmm)",
        "a product of two parts of the network (mm)")),
    "hardtanh from -1": (functional.hardtanh, ("hardtanh from -1", "clamp from -1")),
    "hardtanh from 1": (lambda x: functional.hardtanh(x, 1, 6), ("hardtanh from 1", "clamp from 1")),
    "one over": (lambda x: 1 / x, ("reciprocal", "a division by a part of the network")),
}
MASKS_OF_NUMBERS = {
    "float mask": lambda x: x * (x > 0).float(),
    "dropout that stays on": lambda x: functional.dropout(x, 0.5, training=True),
}
COVERED = {
    "an average of the pixels": lambda x: functional.adaptive_avg_pool2d(x, 3),
    "padding": lambda x: functional.pad(x, (1, 1, 1, 1), mode="reflect"),
    "upsampling": lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear"),
    "a scale for each channel": lambda x: x * torch.arange(4.0)[:, None, None],
    "an oval cut out": lambda x: x * (torch.arange(7) > 2),
    "shuffled channels": lambda x: x.unflatten(1, (2, 2)).transpose(1, 2).flatten(1, 2),
    "concatenation": lambda x: torch.cat([x[:, :2], x[:, 2:]], 1),
    "local response normalisation": nn.LocalResponseNorm(3),
    "layer normalisation": nn.LayerNorm([4, 7, 7]), "group normalisation": nn.GroupNorm(2, 4),
    "instance normalisation": nn.InstanceNorm2d(4), "unit length": lambda x: functional.normalize(x, dim=1),
    "centring and scaling": lambda x: (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1e-5),
    "root mean square": lambda x: x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6),
    "weight normalisation": nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)),
    "a parameter through softplus": lambda x: x * functional.softplus(torch.ones((), requires_grad=True)),
    "a checkpoint": lambda x: torch.utils.checkpoint.checkpoint(torch.neg, x, use_reentrant=False),
}


def refusal(step):
    with pytest.raises(InputError) as caught:
        guided_backprop(Net(step), images(), 0)
    return str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_by_name(name):
    assert name in refusal(REFUSED[name])


@pytest.mark.parametrize("way", RECORDED_AS_ONE_OF)
def test_refuses_by_the_name_of_the_node_that_this_build_records(way):
    step, names = RECORDED_AS_ONE_OF[way]
    words = refusal(step)
    assert sum(name in words for name in names) == 1, words


@pytest.mark.parametrize("way", MASKS_OF_NUMBERS)
def test_refuses_a_mask_of_numbers(way):
    assert "a multiplication by a mask" in refusal(MASKS_OF_NUMBERS[way])


@pytest.mark.parametrize("way", COVERED)
def test_covers_what_is_linear_or_pools_or_normalises(way):
    net, x = Net(COVERED[way]), images()
    found = guided_backprop(net, x, 1)
    reference = Net(COVERED[way])
    reference.step = nn.Sequential(Step(COVERED[way]), nn.ReLU())  # the ReLU that follows it twice is the same as once
    expected = by_replacement(reference, x, torch.tensor([1, 1]))
    assert expected.max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-9)


class Step(nn.Module):
    """A function as a module."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, x):
        return self.step(x)


def test_names_everything_at_once_and_says_how_often():
    message = refusal(nn.Sequential(nn.SiLU(), nn.Sigmoid(), nn.SiLU()))
    assert "sigmoid, silu (2 times)" in message
    assert "ReLU6" in message


def test_a_ceiling_other_than_six_is_still_a_relu():
    assert guided_backprop(Net(lambda x: functional.hardtanh(x, 0, 1)), images(), 0).max() > 0


def test_refuses_a_softmax_after_the_logits_but_adds_its_own():
    with pytest.raises(InputError, match=r"softmax.*logits as the output"):
        guided_backprop(nn.Sequential(Net(nn.Identity()), nn.Softmax(1)), images(), 0)
    assert guided_backprop(Net(nn.Identity()), images(), 0, output="probability").max() > 0


@pytest.mark.parametrize(("x", "message"), [
    (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), r"x: torch.uint8 of shape \(2, 3, 4, 4\); expected a floating"),
    (torch.zeros(3, 4, 4), r"x: torch.float32 of shape \(3, 4, 4\)"),
    (torch.zeros(2, 3, 0, 4), "no pixels"),
    ([[1.0]], "x: list"),
])
def test_refuses_images_of_another_kind(x, message):
    with pytest.raises(InputError, match=message):
        guided_backprop(Net(nn.Identity()), x, 0)


def test_names_the_images_that_are_not_finite():
    x = images(4)
    x[1, 0, 0, 0], x[3, 2, 8, 8] = torch.nan, torch.inf
    with pytest.raises(InputError, match=r"x\[1\].*\nx\[3\]"):
        guided_backprop(Net(nn.Identity()), x, 0)


def test_images_whose_sum_overflows_are_still_finite():
    assert guided_backprop(nn.Flatten(), torch.full((1, 3, 2, 2), 3e38), 0).sum() == 1


@pytest.mark.parametrize(("target", "message"), [
    (3, r"target\[0\]: class 3; expected a class from 0 to 2\ntarget\[1\]"),
    ([0, -1], r"target\[1\]: class -1; expected a class from 0 to 2$"),
    ([0, 1, 2], r"target: torch.int64 of shape \(3,\); expected whole numbers of shape \(2,\)"),
    (torch.tensor([0.0, 1.0]), "target: torch.float32"), (torch.tensor([True, False]), "target: torch.bool"),
])
def test_refuses_targets_there_are_not(target, message):
    with pytest.raises(InputError, match=message):
        guided_backprop(Net(nn.Identity()), images(), target)


def test_refuses_several_targets_of_the_wrong_shape():
    with pytest.raises(InputError, match=r"shape \(k, 2\)"):
        guided_backprop_several(Net(nn.Identity()), images(), torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(InputError, match=r"targets\[1, 0\]: class 9"):
        guided_backprop_several(Net(nn.Identity()), images(), torch.tensor([[0, 1], [9, 1]]))


def test_refuses_an_output_there_is_not():
    with pytest.raises(InputError, match="output: 'logits'; expected 'logit' or 'probability'"):
        guided_backprop(Net(nn.Identity()), images(), 0, output="logits")


@pytest.mark.parametrize(("made", "message"), [
    (lambda x: (x.mean((2, 3)), x), "its output is a tuple; expected a tensor of logits"),
    (lambda x: x, r"shape \(2, 3, 9, 9\) for 2 images"),
    (lambda x: x.mean((0, 2, 3))[None], r"shape \(1, 3\) for 2 images"),
    (lambda x: x.detach().mean((2, 3)), "autograd cannot follow back to the image"),
    (lambda x: x.detach().mean((2, 3)) * torch.ones((), requires_grad=True), "autograd cannot follow back"),
    (lambda x: x.mean((2, 3)) * torch.tensor([[1.0], [torch.nan]]), r"model's logits of x\[1\]: NaN"),
])
def test_refuses_outputs_that_are_not_logits_of_the_images(made, message):
    with pytest.raises(InputError, match=message):
        guided_backprop(Step(made), images(), 0)
