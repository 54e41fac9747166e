"""Guided Backpropagation against references, and what it promises about the model and its input."""

import copy

import hypothesis.strategies as st
import pytest
import torch
import torchvision
from hypothesis import given, settings
from torch import nn

from salcompare.classifiers.guided import guided_backprop, guided_backprop_several
from salcompare.errors import InputError
from tests.classifiers.guided_reference import by_hand, by_replacement, replaced

TARGET = torch.tensor([2, 0, 1])


def images(n=3, size=20, *, seed=0, dtype=torch.float32):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def small_net(*, seed=0, classes=4):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(8, 6, 3, padding=1),
        nn.ReLU(), nn.Flatten(), nn.Linear(6 * 5 * 5, 12), nn.ReLU(), nn.Linear(12, classes))


def assert_close(found, expected, tolerance=1e-6):
    assert expected.max() > 0
    assert (found - expected).abs().max() <= tolerance * (expected.max() - expected.min())


def captum_map(model, x, target):
    from captum.attr import GuidedBackprop

    return GuidedBackprop(copy.deepcopy(model).eval()).attribute(x, target).clamp(min=0)


# Worked values and references

def test_a_worked_value():
    """One pixel: 2 units on, one of them with a weight against the class, one unit off."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False))
    with torch.no_grad():
        net[1].weight[:] = torch.tensor([[1.0, 2, -1], [1, 1, 1], [-1, -1, -1]])
        net[3].weight[:] = torch.tensor([[3.0, -5, 7]])
    x = torch.ones(1, 3, 1, 1)
    assert guided_backprop(net, x, 0).flatten().tolist() == [3, 6, 0]  # 3 x (1, 2, -1), clipped at the input


def test_equals_a_layer_by_layer_pass_written_by_hand():
    net, x = small_net(), images()
    assert_close(guided_backprop(net, x, TARGET), by_hand(net, x, TARGET))


@pytest.mark.parametrize("size", [19, 22])
def test_equals_the_hand_written_pass_where_strides_leave_pixels_over(size):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 5, 4, stride=3), nn.ReLU(), nn.Conv2d(5, 7, 2), nn.ReLU(), nn.Flatten(),
                        nn.LazyLinear(3))
    x = images(size=size)
    net(x)
    assert_close(guided_backprop(net, x, TARGET), by_hand(net, x, TARGET))


def vgg():
    return nn.Sequential(torchvision.models.vgg11(weights=None).features, nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                         nn.Linear(2048, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 3))


@pytest.mark.parametrize(("seed", "make", "size"), [
    (2, lambda: torchvision.models.alexnet(weights=None, num_classes=5), 227), (3, vgg, 64),
    (4, lambda: torchvision.models.squeezenet1_1(weights=None, num_classes=5), 64)],
    ids=["alexnet", "vgg", "squeezenet, whose relus work in place"])
def test_equals_captum(seed, make, size):
    torch.manual_seed(seed)
    net, x = make(), images(size=size)
    assert_close(guided_backprop(net, x, TARGET), captum_map(net, x, TARGET))


def test_equals_zennit():
    from zennit.attribution import Gradient
    from zennit.composites import GuidedBackprop

    net, x = small_net(), images()
    with Gradient(copy.deepcopy(net), GuidedBackprop()) as attributor:
        _, expected = attributor(x, torch.eye(4)[TARGET])
    assert_close(guided_backprop(net, x, TARGET), expected.clamp(min=0))


def test_equals_a_reference_on_efficientnet_lite0():
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(5)
    net = EfficientNet.from_name("efficientnet-lite0", image_size=None, num_classes=4).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # so that activations neither die out nor all reach the ceiling
            module.momentum, module.training = None, True
    with torch.no_grad():
        for i in range(3):
            net(images(size=64, seed=i) * 4)
    x = images(size=64) * 4
    assert_close(guided_backprop(net, x, TARGET), by_replacement(net, x, TARGET), 1e-5)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v2", "googlenet"])
def test_covers_the_common_networks_of_relus(name):
    extra = {"init_weights": False} if name == "googlenet" else {}
    torch.manual_seed(6)
    net = getattr(torchvision.models, name)(weights=None, num_classes=3, **extra).double()
    guided = guided_backprop(net, images(n=1, size=64, dtype=torch.float64), 1)
    assert guided.max() > 0
    assert guided.dtype == torch.float64


def test_residual_connections_are_guided_where_the_branches_meet():
    torch.manual_seed(7)
    net = torchvision.models.resnet18(weights=None, num_classes=3).double()
    x = images(size=32, dtype=torch.float64)
    # torchvision's blocks use one ReLU module twice; replaced modules keep no state, so they can be used twice too
    assert_close(guided_backprop(net, x, TARGET), by_replacement(net, x, TARGET))


# Every way to write a ReLU

class Written(nn.Module):
    """A small network whose activation is given as a function."""

    def __init__(self, activation):
        super().__init__()
        torch.manual_seed(8)
        self.one, self.two = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3)
        self.out = nn.Linear(4, 4)
        self.activation = activation

    def forward(self, x):
        x = self.activation(self.one(x))
        x = self.activation(self.two(x))
        return self.out(x.mean((2, 3)))


RELUS = {
    "functional": torch.relu,
    "nn.functional": nn.functional.relu,
    "nn.functional in place": lambda x: nn.functional.relu(x, inplace=True),
    "torch.relu_": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "module in place": nn.ReLU(inplace=True),
    "one module used twice": nn.ReLU(),
    "clamp": lambda x: x.clamp(min=0),
    "clamp in place": lambda x: x.clamp_(min=0),
    "clamp_min": lambda x: x.clamp_min(0.0),
    "clamp_min in place": lambda x: x.clamp_min_(0.0),
    "scripted": torch.jit.script(nn.ReLU()),
}
RELU6S = {
    "module": nn.ReLU6(),
    "module in place": nn.ReLU6(inplace=True),
    "functional": nn.functional.relu6,
    "clamp": lambda x: x.clamp(0, 6),
    "clamp in place": lambda x: x.clamp_(0, 6),
    "hardtanh": lambda x: nn.functional.hardtanh(x, 0.0, 6.0),
    "hardtanh in place": lambda x: nn.functional.hardtanh_(x, 0.0, 6.0),
}


@pytest.mark.parametrize("way", RELUS)
def test_a_relu_is_guided_however_it_is_written(way):
    x = images()
    expected = by_replacement(Written(nn.ReLU()), x, TARGET)
    assert_close(guided_backprop(Written(RELUS[way]), x, TARGET), expected)


@pytest.mark.parametrize("way", RELU6S)
def test_a_relu6_is_guided_however_it_is_written(way):
    x = 20 * images()
    expected = by_replacement(Written(nn.ReLU6()), x, TARGET)
    assert not torch.allclose(expected, by_replacement(Written(nn.ReLU()), x, TARGET))  # the ceiling is reached
    assert_close(guided_backprop(Written(RELU6S[way]), x, TARGET), expected)


def test_a_clamp_holds_back_the_gradient_at_exactly_zero_as_a_relu_does():
    class Net(nn.Module):
        def __init__(self, activation):
            super().__init__()
            self.activation = activation

        def forward(self, x):
            return self.activation(x).sum((1, 2, 3))[:, None]

    x = torch.tensor([-1.0, 0.0, 1.0, 0.0]).reshape(1, 1, 2, 2)
    assert guided_backprop(Net(torch.relu), x, 0).flatten().tolist() == [0, 0, 1, 0]
    assert guided_backprop(Net(lambda x: x.clamp(min=0)), x, 0).flatten().tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("compiler", [torch.jit.script, lambda net: torch.jit.trace(net, images())])
def test_a_scripted_or_traced_network_is_guided_in_every_run(compiler):
    net, x = small_net().eval(), images()
    compiled = compiler(net)
    for _ in range(4):  # the compiler optimises after it has seen a few runs
        assert_close(guided_backprop(compiled, x, TARGET), by_hand(net, x, TARGET))


# What is explained

def test_the_probabilitys_map_is_the_logits_times_p_one_minus_p_where_the_other_logit_is_constant():
    net, x = small_net(classes=2), images()
    with torch.no_grad():
        net[-1].weight[1] = 0
    p = net(x).softmax(1)[:, 0].detach()
    logit = guided_backprop(net, x, 0)
    assert_close(guided_backprop(net, x, 0, output="probability"), logit * (p * (1 - p))[:, None, None, None])


def test_the_probabilitys_gradient_starts_at_every_logit():
    net, x = small_net(), images()
    p = net(x).softmax(1).detach()
    start = p.gather(1, TARGET[:, None]) * (torch.eye(4)[TARGET] - p)
    x_ = x.clone().requires_grad_()
    expected, = torch.autograd.grad(replaced(net)(x_), x_, start)
    assert_close(guided_backprop(net, x, TARGET, output="probability"), expected.clamp(min=0))


def test_the_probabilitys_map_is_all_zero_where_p_rounds_to_one():
    net, x = small_net(classes=2), images()
    with torch.no_grad():
        net[-1].bias[0] += 200
    assert guided_backprop(net, x, 0).amax((1, 2, 3)).min() > 0
    assert guided_backprop(net, x, 0, output="probability").max() == 0


def test_several_targets_equal_one_after_the_other():
    net, x = small_net(), images()
    targets = torch.tensor([[0, 1, 2], [3, 3, 0]])
    for output in ("logit", "probability"):
        several = guided_backprop_several(net, x, targets, output=output)
        one = torch.stack([guided_backprop(net, x, row, output=output) for row in targets])
        assert torch.equal(several, one)


def test_a_batch_equals_its_images_one_by_one():
    net, x = small_net().double(), images(dtype=torch.float64)
    one = torch.cat([guided_backprop(net, x[i:i + 1], TARGET[i:i + 1]) for i in range(3)])
    torch.testing.assert_close(guided_backprop(net, x, TARGET), one, rtol=1e-12, atol=1e-15)


def test_one_number_is_every_images_target_and_a_list_will_do():
    net, x = small_net(), images()
    assert torch.equal(guided_backprop(net, x, 2), guided_backprop(net, x, torch.tensor([2, 2, 2])))
    assert torch.equal(guided_backprop(net, x, [2, 0, 1]), guided_backprop(net, x, TARGET))


def test_no_images_give_no_maps():
    assert guided_backprop(small_net(), images(n=0), []).shape == (0, 3, 20, 20)
    assert guided_backprop(small_net(), images(n=0), torch.zeros(0, dtype=torch.int64)).shape == (0, 3, 20, 20)


# What is left as it was

def state(net):
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return ([module.training for module in net.modules()],
            [len(getattr(module, name)) for module in net.modules() for name in hooks],
            [p.grad for p in net.parameters()], [p.requires_grad for p in net.parameters()],
            {name: value.clone() for name, value in net.state_dict().items()})


def assert_same_state(before, after):
    assert before[:2] == after[:2]
    assert all(grad is None for grad in after[2])
    assert before[3] == after[3]
    assert all(torch.equal(before[4][name], after[4][name]) for name in before[4])


def mixed_net():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(),
                        nn.Linear(4 * 18 * 18, 4)).train()
    net[1].eval()  # as when a network is finetuned with its normalisation held
    net[0].bias.requires_grad_(False)
    return net


def test_the_model_is_left_as_it_was():
    net = mixed_net()
    before = state(net)
    guided_backprop(net, images(), TARGET)
    assert_same_state(before, state(net))


def test_the_model_is_left_as_it_was_after_an_error():
    net = mixed_net()
    before = state(net)
    with pytest.raises(InputError):
        guided_backprop(net, images(), 4)
    with pytest.raises(InputError, match="RuntimeError: mat1 and mat2"):
        guided_backprop(net, images(size=7), 0)
    net.append(nn.Sigmoid())
    before = state(net)
    with pytest.raises(InputError):
        guided_backprop(net, images(), 0)
    assert_same_state(before, state(net))


def test_dropout_and_normalisation_run_as_in_evaluation():
    net, x = mixed_net(), images()
    assert torch.equal(guided_backprop(net, x, TARGET), guided_backprop(net.eval(), x, TARGET))


def test_a_model_that_keeps_its_activations_is_not_guided_afterwards(monkeypatch):
    differentiate = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *args, **options: differentiate(
        *args, **{**options, "retain_graph": True}))

    class Keeping(nn.Module):
        def forward(self, x):
            self.kept = x.relu()
            return -self.kept.sum((2, 3))

    net, x = Keeping(), images()
    guided_backprop(net, x, 0)
    gradient = torch.full_like(net.kept, -1)
    assert net.kept.grad_fn(gradient).min() == -1


@pytest.mark.parametrize("wants", [True, False])
def test_the_images_are_left_as_they_were(wants):
    class InPlace(nn.Module):
        def forward(self, x):
            return x.sub_(1).relu_().sum((2, 3))

    x = images().requires_grad_(wants)
    before = x.detach().clone()
    guided = guided_backprop(InPlace(), x, 0)
    assert torch.equal(guided[:, 0], (before[:, 0] > 1).float())
    assert torch.equal(x, before)
    assert x.requires_grad == wants
    assert x.grad is None
    assert not guided.requires_grad


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_works_whatever_the_caller_does_with_gradients(context):
    net, expected = small_net(), guided_backprop(small_net(), images(), TARGET)
    with context():
        assert torch.equal(guided_backprop(net, images(), TARGET), expected)
        enabled = torch.is_grad_enabled()
    assert enabled == (context is torch.enable_grad)


@pytest.mark.parametrize("wants", [True, False])
def test_works_with_and_without_parameters_that_want_gradients(wants):
    net = small_net().requires_grad_(wants)
    assert torch.equal(guided_backprop(net, images(), TARGET), guided_backprop(small_net(), images(), TARGET))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_keeps_the_images_dtype(dtype):
    assert guided_backprop(small_net().to(dtype), images(dtype=torch.float32).to(dtype), TARGET).dtype == dtype


def test_keeps_the_meaning_of_images_laid_out_channels_last():
    net, x = small_net().double(), images(dtype=torch.float64)
    last = guided_backprop(net, x.to(memory_format=torch.channels_last), TARGET)
    torch.testing.assert_close(last, guided_backprop(net, x, TARGET), rtol=1e-12, atol=1e-15)


# Properties

@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100), target=st.integers(0, 3))
def test_maps_are_not_negative_and_scale_with_the_logit(seed, scale, target):
    net, x = small_net(seed=seed).double(), images(n=1, seed=seed, dtype=torch.float64)
    guided = guided_backprop(net, x, target)
    assert guided.min() >= 0
    with torch.no_grad():
        net[-1].weight *= scale
    torch.testing.assert_close(guided_backprop(net, x, target), guided * scale, rtol=1e-9, atol=0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_without_a_relu_the_map_is_the_gradient_clipped_at_the_input(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 4)).double()
    x = images(n=1, seed=seed, dtype=torch.float64).requires_grad_()
    net(x)[0, 1].backward()
    torch.testing.assert_close(guided_backprop(net, x, 1), x.grad.clamp(min=0), rtol=1e-12, atol=0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_images_does_not_matter(seed):
    net, x = small_net(seed=seed).double(), images(seed=seed, dtype=torch.float64)
    order = torch.randperm(3, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(guided_backprop(net, x[order], TARGET[order]), guided_backprop(net, x, TARGET)[order],
                               rtol=1e-9, atol=1e-15)


def test_a_broadcast_gradient_is_clipped_too():
    class Mean(nn.Module):
        def forward(self, x):
            return torch.cat([x.mean((2, 3)), -x.mean((2, 3))], 1)

    assert torch.equal(guided_backprop(Mean(), images(size=2), 0)[:, 0], torch.full((3, 2, 2), 0.25))
    assert guided_backprop(Mean(), images(size=2), 4).max() == 0
