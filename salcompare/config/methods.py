"""The attribution methods, each declared once: settings, networks and report take what they need of it from here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_PER_INPUT = "{} per unit of the network's input"
SHRIKUMAR = ("Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning Important Features Through Propagating "
             "Activation Differences. ICML. arXiv:1704.02685.")
SELVARAJU = ("Selvaraju, R. R., Cogswell, M., Das, A., Vedantam, R., Parikh, D., & Batra, D. (2017). Grad-CAM: Visual "
             "Explanations from Deep Networks via Gradient-based Localization. ICCV. arXiv:1610.02391.")


@dataclass(frozen=True)
class AttributionMethod:
    """What is known of an attribution method without running it."""

    function: str  # module:name under `salcompare.classifiers`, (model, images, request) -> values
    sentence: str  # what the report says of it; names of options in braces are filled with what was chosen
    reference: str
    options: tuple[str, ...] = ()  # of `Attribution`, that its maps depend on besides target, output and channels
    unit: str = _PER_INPUT  # of its values, where {} is the output's
    sign: str = "positive"  # what of signed values is kept where the study does not say
    one_channel: bool = False  # one value a pixel in place of one a channel
    contributions: bool = False  # a pixel's value is the sum of its channels', added up before a sign is taken
    by_gradient: bool = True  # autograd must be able to follow the output back to the image
    guided: bool = False  # rests on Guided Backpropagation, and so on ReLUs


ATTRIBUTION_METHODS: Mapping[str, AttributionMethod] = {
    "guided_backprop": AttributionMethod(
        "contributions:guided",
        "Guided Backpropagation (Springenberg et al. 2015): the gradient of the actor's {output} with respect to the "
        "image, with negative gradients zeroed at every ReLU and at the input",
        "Springenberg, J. T., Dosovitskiy, A., Brox, T., & Riedmiller, M. (2015). Striving for Simplicity: The All "
        "Convolutional Net. ICLR Workshop. arXiv:1412.6806.", guided=True),
    "gradient": AttributionMethod(
        "contributions:input_gradient",
        "Gradient (Simonyan et al. 2014): the derivative of the actor's {output} with respect to the image",
        "Simonyan, K., Vedaldi, A., & Zisserman, A. (2014). Deep Inside Convolutional Networks: Visualising Image "
        "Classification Models and Saliency Maps. ICLR Workshop. arXiv:1312.6034.", ("sign",), sign="absolute"),
    "input_x_gradient": AttributionMethod(
        "contributions:input_x_gradient",
        "Input × gradient (Shrikumar et al. 2017): the gradient of the actor's {output} times the prepared image",
        SHRIKUMAR, ("sign",), "{}", contributions=True),
    "integrated_gradients": AttributionMethod(
        "contributions:integrated_gradients",
        "Integrated gradients (Sundararajan et al. 2017): gradients of the actor's {output} at {steps} points between "
        "{baseline} and the image, averaged and multiplied by the way",
        "Sundararajan, M., Taly, A., & Yan, Q. (2017). Axiomatic Attribution for Deep Networks. ICML. "
        "arXiv:1703.01365.", ("sign", "baseline", "steps"), "{}", contributions=True),
    "grad_cam": AttributionMethod(
        "contributions:grad_cam",
        "Grad-CAM (Selvaraju et al. 2017): the positive part of {layer}, weighed by the mean gradients of the actor's "
        "{output}, made as large as the image", SELVARAJU, ("layer",), "{}", one_channel=True),
    "guided_grad_cam": AttributionMethod(
        "contributions:guided_grad_cam",
        "Guided Grad-CAM (Selvaraju et al. 2017): Guided Backpropagation times Grad-CAM of {layer}, both of the "
        "actor's {output}", SELVARAJU, ("layer",), _PER_INPUT.replace("{}", "{0}") + ", times {0}", guided=True),
    "deep_lift": AttributionMethod(
        "deep_lift:deep_lift",
        "DeepLIFT (Shrikumar et al. 2017), rescale rule: what each pixel's difference from {baseline} carries of the "
        "difference of the actor's {output}", SHRIKUMAR, ("sign", "baseline"), "{}", contributions=True),
    "occlusion": AttributionMethod(
        "contributions:occlusion",
        "Occlusion (Zeiler & Fergus 2014): how far the actor's {output} falls when a square of {window} of the grid's "
        "shorter side shows {baseline}, moved by {stride} of its side; overlapping squares are averaged",
        "Zeiler, M. D., & Fergus, R. (2014). Visualizing and Understanding Convolutional Networks. ECCV. "
        "arXiv:1311.2901.", ("sign", "baseline", "window", "stride"), "{}", one_channel=True, by_gradient=False),
}
SMOOTHGRAD = "smoothgrad"
SMOOTHED = ("SmoothGrad (Smilkov et al. 2017) over {samples} copies of each image with Gaussian noise of {noise} of "
            "its range, of: ")
"""What the report says before the sentence of the method that SmoothGrad averages."""
METHODS: tuple[str, ...] = (*ATTRIBUTION_METHODS, SMOOTHGRAD, *(
    f"{SMOOTHGRAD}_{name}" for name in ATTRIBUTION_METHODS if name != "gradient"))
"""Names of the attribution methods; ``smoothgrad`` alone is SmoothGrad over the gradient."""


def smoothed(method: str) -> str | None:
    """Name the method that SmoothGrad averages, or None where the method is not SmoothGrad."""
    if method == SMOOTHGRAD:
        return "gradient"
    return method.removeprefix(f"{SMOOTHGRAD}_") if method.startswith(f"{SMOOTHGRAD}_") else None


def method_of(name: str) -> AttributionMethod:
    """Give what is declared of a method, or of the one that SmoothGrad averages."""
    return ATTRIBUTION_METHODS[smoothed(name) or name]


def is_guided(methods: Iterable[str]) -> bool:
    """Whether any of the methods rests on Guided Backpropagation."""
    declared = [ATTRIBUTION_METHODS.get(smoothed(method) or method) for method in methods]
    return any(method is not None and method.guided for method in declared)


def methods_of_classifiers(settings: Mapping[str, Any],
                           classifiers: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Give each classifier's methods, its main one first, of the sections [attribution] and [[classifier]]."""
    return {one["name"]: tuple(one.get("methods") or settings["methods"]) for one in classifiers}
