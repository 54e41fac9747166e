"""Where the L2 penalty leaves convolutions out, they are not pulled towards zero; where it is on all, they are."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from salcompare.classifiers import load_classifier, train_classifier
from salcompare.classifiers.training import Score, Task, l2_penalty, train
from salcompare.config import Phase
from salcompare.progress import Silent
from salcompare.store import read_json
from tests.classifiers.tiny import TINY


def unused(*, on, folder):
    """A convolution and a linear layer that no loss depends on, trained with an L2 penalty."""
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear, self.logits = nn.Conv2d(1, 2, 1), nn.Linear(2, 2), nn.Parameter(torch.zeros(2))

        def forward(self, x):
            return self.logits.expand(len(x), 2) + 0 * (self.conv.weight.sum() + self.linear.weight.sum())

    torch.manual_seed(0)
    model = Model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    task = Task("t", "finetuned", model, lambda _: (torch.zeros(4, 1), torch.zeros(4, dtype=torch.long)),
                lambda: Score(1.0, 0.0), on)
    train(task, Phase(iterations=5, learning_rate=0.01, l2=0.1, validate_every=5), seed=0, checkpoint=folder / "c.pt",
          digest="d", progress=Silent())
    return before, model


@pytest.mark.parametrize(("on", "pulled"), [("all", True), ("linear", False)])
def test_a_convolution_that_the_loss_does_not_need_shrinks_only_where_the_penalty_is_on_it(tmp_path, on, pulled):
    before, model = unused(on=on, folder=tmp_path)
    assert bool((model.conv.weight.abs() < before["conv.weight"].abs()).all()) is pulled
    assert torch.equal(model.conv.weight, before["conv.weight"]) is not pulled
    assert bool((model.linear.weight.abs() < before["linear.weight"].abs()).all())
    assert torch.equal(model.linear.bias, before["linear.bias"])


def test_the_penalty_that_is_logged_is_of_the_weights_it_is_on():
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Linear(1, 1))
    with torch.no_grad():
        model[0].weight.fill_(3.0)
        model[1].weight.fill_(2.0)
    assert l2_penalty(model, 0.5) == pytest.approx(0.5 * (9 + 4))
    assert l2_penalty(model, 0.5, on="linear") == pytest.approx(0.5 * 4)


def test_l2_on_changes_finetuning_alone_and_leaves_convolution_weights_larger(photographs, tmp_path):
    pixels, images = photographs
    strong = replace(TINY, finetuned=replace(TINY.finetuned, iterations=60, l2=0.5, learning_rate=0.02))
    summaries, weights = {}, {}
    for on in ("all", "linear"):
        folder = tmp_path / on
        train_classifier(pixels, images, replace(strong, l2_on=on), root=tmp_path, folder=folder, seed=0)
        summaries[on] = read_json(folder / "summary.json")
        weights[on] = load_classifier(folder, "finetuned").model.features[0].weight
    assert summaries["all"]["frozen"] == summaries["linear"]["frozen"]
    assert summaries["all"]["finetuned"]["digest"] != summaries["linear"]["finetuned"]["digest"]
    assert float(weights["all"].abs().mean()) < float(weights["linear"].abs().mean())
