"""How networks' maps are made: the attribution methods by name, and what each of them can be told."""

from __future__ import annotations

from dataclasses import dataclass

from salcompare.config.options import option
from salcompare.errors import Problem

_TOLD: dict[str, tuple[str, ...]] = {
    "guided_backprop": (), "gradient": ("sign",), "input_x_gradient": ("sign",),
    "integrated_gradients": ("sign", "baseline", "steps"), "grad_cam": ("layer",), "guided_grad_cam": ("layer",),
    "deep_lift": ("sign", "baseline"), "occlusion": ("sign", "baseline", "window", "stride")}
SMOOTHGRAD = "smoothgrad"
METHODS: tuple[str, ...] = (*_TOLD, SMOOTHGRAD, *(f"{SMOOTHGRAD}_{name}" for name in _TOLD if name != "gradient"))
"""Names of the attribution methods; ``smoothgrad`` alone is SmoothGrad over the gradient."""
BASELINES = ("mean", "black", "grey", "white")
SIGNS = ("auto", "positive", "negative", "absolute")


def smoothed(method: str) -> str | None:
    """Name the method that SmoothGrad averages, or None where the method is not SmoothGrad."""
    if method == SMOOTHGRAD:
        return "gradient"
    return method.removeprefix(f"{SMOOTHGRAD}_") if method.startswith(f"{SMOOTHGRAD}_") else None


@dataclass(frozen=True)
class Attribution:
    """How a network's maps are made."""

    methods: tuple[str, ...] = option(("guided_backprop",), "the attribution methods of every classifier that names "
                                      "none of its own, the main one first; smoothgrad_NAME smooths any of them",
                                      choices=METHODS)
    target: str = option("actor", "who is explained: the image's own actor, or the one that the network predicts",
                          choices=("actor", "predicted"))
    output: str = option("logit", "what is explained: the target's logit or probability",
                          choices=("logit", "probability"))
    channels: str = option("sum", "how the three colour channels become one map", choices=("sum", "max"))
    sign: str = option("auto", "what of signed values is kept: what speaks for the actor (positive), against it "
                       "(negative) or either (absolute); auto: absolute for gradients, else positive", choices=SIGNS)
    baseline: str = option("mean", "what integrated_gradients, deep_lift and occlusion compare with: the photograph's "
                           "mean colour, black, grey or white", choices=BASELINES)
    steps: int = option(32, "points on integrated_gradients' path", low=2, high=1000)
    samples: int = option(16, "noisy copies that smoothgrad averages", low=1, high=1000)
    noise: float = option(0.15, "their noise's standard deviation, as a share of the input's range", low=0, high=10)
    window: float = option(0.15, "side of occlusion's square, as a share of the grid's shorter side", low=0.01, high=1)
    stride: float = option(0.5, "occlusion's step, as a share of the square's side", low=0.01, high=1)
    layer: str = option("", "the module whose output grad_cam weighs; empty takes the last one that is still a map")
    batch: int = option(32, "images at a time", low=1)

    @property
    def method(self) -> str:
        """The main method."""
        return self.methods[0]

    def choices(self, method: str) -> dict[str, object]:
        """Give what the maps of one method depend on, by the names of the options; sign is the one that is used."""
        base = smoothed(method)
        told = ("target", "output", "channels", *_TOLD[base or method], *(("samples", "noise") if base else ()))
        found: dict[str, object] = {"method": method, **{name: getattr(self, name) for name in told}}
        return found | ({"sign": self.sign_of(method)} if "sign" in told else {})

    def sign_of(self, method: str) -> str:
        """Name what of a method's signed values is kept."""
        if self.sign != "auto":
            return self.sign
        return "absolute" if (smoothed(method) or method) == "gradient" else "positive"

    def contradictions(self, where: str) -> list[Problem]:
        """Find what cannot be asked for together."""
        title = f"{where} [attribution]"
        problems = [] if self.methods else [Problem(f"{title} methods", "[]", "at least one of " + ", ".join(METHODS))]
        return problems + self.contradictions_of_methods(title, f"{title} output")

    def contradictions_of_methods(self, title: str, output: str) -> list[Problem]:
        """Find what the methods cannot be asked for, where `title` names them, and together with the output."""
        problems = [Problem(f"{title} methods", f"{method!r} is listed twice", "each method once")
                     for method in sorted({name for name in self.methods if self.methods.count(name) > 1})]
        if self.output == "probability":
            problems += [Problem(output, f"'probability' with the method {method}", "logit",
                                 "DeepLIFT's rules end at the logit, as the probability is no sum of contributions")
                         for method in self.methods if method.endswith("deep_lift")]
        return problems
