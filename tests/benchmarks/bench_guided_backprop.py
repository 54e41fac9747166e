"""Guided Backpropagation on AlexNet, 64 images of 227 x 227, beside captum, zennit and the least it can cost.

One thread and seconds of CPU, so that other work on the machine counts less.

Run: python tests/benchmarks/bench_guided_backprop.py [repeats]
"""

import statistics
import sys
import time
import warnings

import torch
import torchvision

from salcompare.classifiers.guided import guided_backprop

BATCH, SIZE, CLASSES = 64, 227, 17
TARGETS = {"one forward + one backward to the input": 1.15, "captum": 1.0, "zennit": 1.0}


def main(repeats: int) -> None:
    """Print a line a peer: seconds of each, the median ratio of neighbouring runs, and the target."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torchvision.models.alexnet(weights=None, num_classes=CLASSES).eval()
    x, target = torch.randn(BATCH, 3, SIZE, SIZE), torch.arange(BATCH) % CLASSES
    for layout in (torch.contiguous_format, torch.channels_last):
        images = x.to(memory_format=layout)
        cases = {"ours": lambda images=images: guided_backprop(model, images, target),
                 "one forward + one backward to the input": lambda images=images: plain(model, images, target),
                 "captum": lambda images=images: captum(model, images, target),
                 "zennit": lambda images=images: zennit(model, images, target)}
        print(f"AlexNet, {BATCH} x 3 x {SIZE} x {SIZE}, {layout}, "
              f"medians of {repeats} interleaved runs")
        seconds = interleaved(cases, repeats)
        for name, limit in TARGETS.items():
            ratio = statistics.median(a / b for a, b in zip(seconds["ours"], seconds[name], strict=True))
            print(f"  ours {statistics.median(seconds['ours']):.3f} s   {name} "
                  f"{statistics.median(seconds[name]):.3f} s   ratio {ratio:.3f}   target <= {limit}")


def interleaved(cases, repeats):
    """CPU seconds of each case in each round, the first not counted; each round starts with another case."""
    seconds = {name: [] for name in cases}
    names = list(cases)
    for i in range(repeats + 1):
        for name in names[i % len(names):] + names[:i % len(names)]:
            start = time.process_time()
            cases[name]()
            if i:
                seconds[name].append(time.process_time() - start)
    return seconds


def plain(model, x, target):
    """The unguided gradient, and nothing else."""
    x = x.detach().requires_grad_()
    logits = model(x)
    return torch.autograd.grad(logits.gather(1, target[:, None]).sum(), x)[0]


def captum(model, x, target):
    """captum's map, clipped at the input as ours is."""
    from captum.attr import GuidedBackprop

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GuidedBackprop(model).attribute(x, target).clamp(min=0)


def zennit(model, x, target):
    """zennit's map, clipped at the input as ours is."""
    from zennit.attribution import Gradient
    from zennit.composites import GuidedBackprop

    with Gradient(model, GuidedBackprop()) as attributor:
        return attributor(x, torch.eye(CLASSES)[target])[1].clamp(min=0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
