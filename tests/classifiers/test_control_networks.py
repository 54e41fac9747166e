"""Networks with other weights: which layers are drawn anew, and that all else stays."""

import pytest
import torch
from torch import nn

from salcompare.classifiers import attribute
from salcompare.classifiers.control_networks import all_layers, randomised, steps_from_the_head
from salcompare.classifiers.network import Network, TrainedClassifier, sha256_of_state
from salcompare.errors import InputError
from tests.classifiers.planted import PLAIN, inside, planted_classifier, planted_photographs
from tests.classifiers.tiny import tiny_features

FACES = planted_photographs()[0]
PIXELS = FACES.to_numpy()


class Backwards(nn.Module):
    """Layers that are registered in another order than they run in."""

    def __init__(self):
        super().__init__()
        self.second = nn.Linear(4, 3)
        self.first = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.second(self.first(x).mean(dim=(2, 3)))


def trained(features=None, head=None):
    torch.manual_seed(1)
    head = head or nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 3))
    model = Network(features or tiny_features(), head, learned_statistics=True).eval().requires_grad_(False)
    return TrainedClassifier(model, ("a", "b", "c"), PLAIN, sha256_of_state(model.state_dict()), "tiny", "frozen",
                             (32, 32), 0)


def changed(one, other):
    """Layers whose weights differ between two networks."""
    before, after = one.model.state_dict(), other.model.state_dict()
    return {name.rsplit(".", 1)[0] for name in before if not torch.equal(before[name], after[name])}


def test_steps_go_from_the_head_to_the_image_and_hold_every_layer_once():
    network = trained()
    steps = steps_from_the_head(network, PIXELS[:1], n=2)
    assert [step.layers for step in steps] == [("head.3", "head.0"), ("features.1", "features.0")]
    assert [step.name for step in steps] == ["head.0 to head.3", "features.0"]
    assert {name for step in steps for name in step.layers} == set(all_layers(network))


def test_layers_are_taken_in_the_order_in_which_they_run():
    network = trained(features=Backwards(), head=nn.Sequential(nn.Linear(3, 3)))
    assert [step.layers for step in steps_from_the_head(network, PIXELS[:1], n=5)] == [
        ("head.0",), ("features.second",), ("features.first",)]


def test_only_the_named_layers_change_and_the_network_itself_never():
    network = trained()
    before = sha256_of_state(network.model.state_dict())
    copy = randomised(network, ["head.3"], seed=1, number=0, calibration=PIXELS[:4])
    assert changed(network, copy) == {"head.3"}
    assert changed(network, randomised(network, all_layers(network), seed=1, number=0, calibration=PIXELS[:4])) == {
        "head.0", "head.3", "features.0", "features.1"}
    assert sha256_of_state(network.model.state_dict()) == before == network.weights_sha256
    assert copy.weights_sha256 == sha256_of_state(copy.model.state_dict()) != before


def test_a_layer_draws_the_same_weights_whatever_else_is_drawn_and_others_with_another_number():
    network = trained()
    alone = randomised(network, ["head.3"], seed=1, number=0, calibration=PIXELS[:4])
    whole = randomised(network, all_layers(network), seed=1, number=0, calibration=PIXELS[:4])
    other = randomised(network, ["head.3"], seed=1, number=1, calibration=PIXELS[:4])
    assert torch.equal(alone.model.head[3].weight, whole.model.head[3].weight)
    assert not torch.equal(alone.model.head[3].weight, other.model.head[3].weight)


def test_normalisations_take_their_statistics_from_the_photographs():
    network = trained()
    whole = randomised(network, all_layers(network), seed=1, number=0, calibration=PIXELS[:4])
    seen = whole.model.features[0](whole.prepare(PIXELS[:4]))
    torch.testing.assert_close(whole.model.features[1].running_mean, seen.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(whole.model.features[1].running_var, seen.var(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert not any(module.training for module in whole.model.modules())
    bare = randomised(network, all_layers(network), seed=1, number=0, calibration=PIXELS[:1])
    assert (bare.model.features[1].running_mean == 0).all()


def test_a_module_without_a_drawing_of_its_own_keeps_its_spread():
    class Offset(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(5 * torch.randn(1, 3, 32, 32))

        def forward(self, x):
            return x + self.weight

    network = trained(features=nn.Sequential(Offset(), *tiny_features()))
    copy = randomised(network, ["features.0"], seed=1, number=0, calibration=PIXELS[:4])
    assert changed(network, copy) == {"features.0"}
    assert float(copy.model.features[0].weight.std()) == pytest.approx(5, rel=0.1)


def test_what_cannot_be_randomised_is_refused():
    with pytest.raises(InputError, match=r"'nothing'.*expected the name of a module"):
        randomised(trained(), ["nothing"], seed=1, number=0, calibration=PIXELS[:4])
    with pytest.raises(InputError, match="at least 2 steps"):
        steps_from_the_head(trained(), PIXELS[:1], n=1)


def test_a_randomised_copy_of_the_planted_network_looks_beyond_the_left_eye():
    planted = planted_classifier()

    def share_at_the_left_eye(network):
        maps = attribute(network, FACES, targets=FACES.actor)
        return maps[:, inside("left eye")].sum() / maps.sum()

    copies = [randomised(planted, all_layers(planted), seed=3, number=number, calibration=PIXELS[:4])
              for number in range(5)]
    assert share_at_the_left_eye(planted) == 1
    assert max(share_at_the_left_eye(copy) for copy in copies) < 3 * inside("left eye").mean()
