"""Embeddings: what a head is given, of every kind of backbone, in batches, wherever they are read from."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from salcompare.classifiers import Backbone, embed, find_backbone, load_embedder, register_backbone
from salcompare.classifiers.network import MOST, TrainedClassifier, build_network, run, sha256_of_state
from salcompare.errors import InputError
from tests.classifiers.tiny import PLAIN, register_tiny

SIZES = {"alexnet": 67, "vgg11": 40, "squeezenet1_1": 40, "resnet18": 40, "efficientnet_lite0": 40,
         "timm:resnet18": 40, "dlib_resnet": 60, "tiny": 12}


@pytest.fixture(scope="module", autouse=True)
def _tiny(tmp_path_factory):
    register_tiny(tmp_path_factory.mktemp("weights"))


def photographs(size, n=3):
    rng = np.random.default_rng(2)
    values = rng.integers(0, 256, (n, size, size, 3)).astype(np.uint8)
    return xr.DataArray(values, dims=("image", "y", "x", "channel"), coords={
        "image": [f"p{at}" for at in range(n)], "actor": ("image", ["a", "b"] * (n // 2) + ["a"]),
        "y": np.arange(size)})


def trained(name, size=None):
    size = size or (SIZES[name],) * 2
    model = build_network(find_backbone(name), size=size, hidden=6, dropout=0.5, n_actors=2, learned_statistics=True,
                          seed=0).eval().requires_grad_(False)
    return TrainedClassifier(model, ("a", "b"), find_backbone(name).preprocessing, sha256_of_state(model.state_dict()),
                             name, "frozen", size, 0)


@pytest.mark.parametrize("name", SIZES)
def test_the_head_makes_the_logits_of_it(name):
    network, shown = trained(name), photographs(SIZES[name])
    embedding = embed(network, shown)
    assert embedding.dims == ("image", "feature")
    assert embedding.dtype == np.float32
    logits = network.model.head(torch.from_numpy(embedding.to_numpy())).numpy()
    np.testing.assert_allclose(logits, run(network.model, shown.to_numpy(), network.prepare), rtol=1e-5, atol=1e-6)


def test_it_is_labelled_and_says_what_made_it():
    network, shown = trained("tiny"), photographs(12)
    network = TrainedClassifier(**{**vars(network), "size": (12, 12)})
    embedding = embed(network, shown.transpose("image", "channel", "y", "x"))
    assert embedding.name == "embedding"
    assert embedding["image"].values.tolist() == ["p0", "p1", "p2"]
    assert embedding["actor"].values.tolist() == ["a", "b", "a"]
    assert set(embedding.coords) == {"image", "actor"}
    assert embedding.attrs["backbone"] == "tiny"
    assert embedding.attrs["weights_sha256"] == sha256_of_state(network.model.features.state_dict())
    assert '"torch"' in embedding.attrs["versions"]


def test_lazy_photographs_give_the_same_bytes_and_so_do_many_threads(monkeypatch):
    shown = photographs(12, n=16 * MOST * 2 + 5)
    network = trained("tiny", (12, 12))
    expected = embed(network, shown).to_numpy()
    assert embed(network, shown.chunk({"image": 7})).to_numpy().tobytes() == expected.tobytes()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert embed(network, shown).to_numpy().tobytes() == expected.tobytes()
    alone = np.concatenate([embed(network, shown[at:at + 1]).to_numpy() for at in range(40)])
    np.testing.assert_allclose(alone, expected[:40], rtol=1e-5, atol=1e-6)


def test_a_backbone_is_embedded_by_without_training_as_a_frozen_network_is():
    shown, embedder = photographs(60), load_embedder()
    network = trained("dlib_resnet")
    network.model.features.load_state_dict(embedder.features.state_dict())
    before, frozen = embed(embedder, shown), embed(network, shown)
    assert before.sizes["feature"] == 128
    xr.testing.assert_identical(before, frozen)
    assert embed(embedder, photographs(70)).shape == (3, 128)
    random = [embed(load_embedder("dlib_resnet", "none"), shown) for _ in range(2)]
    xr.testing.assert_identical(*random)
    assert random[0].attrs["weights_sha256"] != before.attrs["weights_sha256"]


def test_photographs_of_another_kind_or_size_are_refused():
    network, shown = trained("tiny", (12, 12)), photographs(12)
    for wrong, words in ((shown[:0], "photographs: none; expected at least one"),
                         (shown.astype(float), "pixels: of type float64; expected uint8"),
                         (shown[..., 0], r"pixels: dims .*expected \('image', 'y', 'x', 'channel'\)"),
                         (shown[..., :2], "pixels: 2 channels; expected red, green and blue"),
                         (shown[:, :9], "photographs: 9 x 12 pixels; expected 12 x 12; resize")):
        with pytest.raises(InputError, match=words):
            embed(network, wrong)
    with pytest.raises(InputError, match=r"12 x 12 does not suit alexnet .*larger grid"):
        embed(load_embedder("alexnet", "none"), shown)
    with pytest.raises(InputError, match=r"a network of features and a head"):
        embed(TrainedClassifier(**{**vars(network), "model": nn.Identity()}), shown)


def test_an_embedding_that_is_not_finite_names_its_photograph():
    class Root(nn.Module):
        def forward(self, x):
            return (x.mean((2, 3)) - 0.4).sqrt()

    register_backbone(Backbone("root", PLAIN, Root))
    shown = photographs(12)
    shown[1] = 0
    shown[0], shown[2] = 255, 255
    with pytest.raises(InputError, match=r"embedding of image 'p1': NaN or infinite"):
        embed(load_embedder("root", "none"), shown)
