"""One phase of training: resumed to the same bytes, and the L2 penalty where it is on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from salcompare.classifiers import load_classifier, train_classifier
from salcompare.classifiers.training import Score, Task, l2_penalty, train
from salcompare.config import Phase
from salcompare.errors import InputError
from salcompare.progress import Silent
from salcompare.store import read_json
from tests.classifiers.tiny import TINY
from tests.test_progress import Recording

PHASE = Phase(iterations=20, learning_rate=0.01, l2=0.05, validate_every=5)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 2, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
                             nn.Linear(16, 3))


def batch(iteration):
    draws = torch.Generator().manual_seed(iteration)
    return torch.randn(8, 3, 3, 3, generator=draws), torch.randint(0, 3, (8,), generator=draws)


def task(model, scores=None):
    looks = iter(scores) if scores else None
    return Task("net frozen", "frozen", model, batch, lambda: next(looks) if looks else Score(0.5, 1.0))


def run(model, phase, tmp_path, scores=None, digest="d"):
    return train(task(model, scores), phase, seed=0, checkpoint=tmp_path / "c.pt", digest=digest, progress=Silent())


def test_the_penalty_is_l2_times_the_sum_of_squared_weights_without_biases():
    model = network()
    by_hand = sum(float((model[i].weight.detach() ** 2).sum()) for i in (0, 4))
    assert l2_penalty(model, 0.01) == pytest.approx(0.01 * by_hand, rel=1e-6)


def test_adam_goes_where_it_goes_with_the_penalty_written_into_the_loss(tmp_path):
    phase = replace(PHASE, iterations=20, validate_every=20)
    model, explicit = network(), network()
    run(model, phase, tmp_path)
    optimizer = torch.optim.Adam(explicit.parameters(), lr=phase.learning_rate, foreach=False)
    explicit.train()
    for iteration in range(1, 21):
        inputs, actors = batch(iteration)
        optimizer.zero_grad()
        penalty = phase.l2 * (explicit[0].weight.square().sum() + explicit[4].weight.square().sum())
        (cross_entropy(explicit(inputs), actors) + penalty).backward()
        optimizer.step()
    for name, value in explicit.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, atol=2e-5, rtol=0)
    unpenalised = network()
    run(unpenalised, replace(phase, l2=0.0), tmp_path, digest="other")
    assert float((unpenalised[4].weight - model[4].weight).detach().abs().max()) > 1e-2


def test_the_best_look_is_kept_ties_going_to_the_lower_loss_and_then_the_earlier(tmp_path):
    scores = [Score(0.5, 0.9), Score(0.8, 0.7), Score(0.8, 0.6), Score(0.8, 0.6)]
    model = network()
    state = run(model, PHASE, tmp_path, scores)
    assert (state.best_iteration, state.best_accuracy, state.best_loss) == (15, 0.8, 0.6)
    shorter = network()
    run(shorter, replace(PHASE, iterations=15), tmp_path, scores[:3], digest="shorter")
    for name, value in shorter.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)


def test_the_weights_from_before_training_are_no_candidate(tmp_path):
    model, start = network(), network()
    state = run(model, replace(PHASE, iterations=1), tmp_path, [Score(0.0, 99.0)])
    assert state.best_iteration == 1
    assert not torch.equal(model[4].weight, start[4].weight)


def test_the_last_iteration_is_looked_at_too(tmp_path):
    state = run(network(), replace(PHASE, iterations=12), tmp_path)
    assert [entry["iteration"] for entry in state.log] == [5, 10, 12]


def test_the_log_holds_means_since_the_last_look(tmp_path):
    phase = replace(PHASE, iterations=4, validate_every=2, learning_rate=1e-12, l2=0.0)
    log = run(network(), phase, tmp_path).log
    model = network().train()
    losses = [float(cross_entropy(model(inputs), actors).detach()) for inputs, actors in map(batch, range(1, 5))]
    assert [entry["loss"] for entry in log] == [pytest.approx(sum(losses[:2]) / 2, rel=1e-5),
                                                pytest.approx(sum(losses[2:]) / 2, rel=1e-5)]


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_remedy(tmp_path):
    def broken(iteration):
        inputs, actors = batch(iteration)
        return inputs * float("nan"), actors

    broken_task = replace(task(network()), batch=broken)
    with pytest.raises(InputError, match=r"net frozen: the loss is nan at iteration 1.*lower learning_rate"):
        train(broken_task, PHASE, seed=0, checkpoint=tmp_path / "c.pt", digest="d", progress=Silent())


class StoppedError(Exception):
    """The run was stopped."""


def test_training_that_goes_on_counts_on_from_where_it_stopped(tmp_path):
    def stopping(iteration):
        if iteration == 13:
            raise StoppedError
        return batch(iteration)

    def trained(given):
        progress = Recording()
        train(replace(task(network()), batch=given), PHASE, seed=0, checkpoint=tmp_path / "c.pt", digest="d",
              progress=progress)
        return progress

    with pytest.raises(StoppedError):
        trained(stopping)
    goes_on = trained(batch)
    assert goes_on.tracked == {"net frozen": {"before": 10, "given": 10, "total": 20}}  # the last look was at 10
    assert goes_on.said[0] == "net frozen: going on after iteration 10"
    assert trained(batch).tracked == {"net frozen": {"before": 20, "given": 0, "total": 20}}


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
