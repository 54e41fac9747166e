import torch
from torch import nn

from salcompare.classifiers import Backbone
from salcompare.classifiers.network import build_network, layer_weights, sha256_of_state
from tests.classifiers.tiny import PLAIN, SIZE, tiny_features


def build(seed=0, learned_statistics=True):
    return build_network(Backbone("tiny", PLAIN, tiny_features), size=SIZE, hidden=7, dropout=0.5, n_actors=4,
                         learned_statistics=learned_statistics, seed=seed)


def test_the_new_layers_are_hidden_relu_dropout_and_one_logit_an_actor():
    assert [type(layer) for layer in build().head] == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert build().head[0].weight.shape == (7, 5)
    assert build().eval()(torch.zeros(2, 3, *SIZE)).shape == (2, 4)


def test_weights_follow_from_the_seed_and_the_global_generator_is_left_alone():
    state = torch.get_rng_state()
    assert sha256_of_state(build().state_dict()) == sha256_of_state(build().state_dict())
    assert sha256_of_state(build().state_dict()) != sha256_of_state(build(seed=1).state_dict())
    assert torch.equal(torch.get_rng_state(), state)


def test_batch_normalisation_keeps_learned_statistics_while_the_rest_trains():
    images = torch.randn(6, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    for learned, moves in ((True, False), (False, True)):
        network = build(learned_statistics=learned).train()
        network(images)
        assert network.head[2].training
        assert bool((network.features[1].running_mean != 0).any()) is moves
        assert network.features[1].weight.requires_grad


def test_the_penalty_is_on_convolution_and_linear_weights_only():
    assert list(layer_weights(build())) == ["features.0", "head.0", "head.3"]


def test_the_hash_sees_names_shapes_and_values():
    one = {"a": torch.tensor([1.0, 2.0])}
    others = [{"b": one["a"]}, {"a": torch.tensor([2.0, 1.0])}, {"a": one["a"].reshape(2, 1)}, {"a": one["a"].double()}]
    assert len({sha256_of_state(state) for state in [one, *others]}) == 5
    assert sha256_of_state({"a": torch.tensor([[1.0, 0.0], [2.0, 0.0]])[:, 0]}) == sha256_of_state(one)
