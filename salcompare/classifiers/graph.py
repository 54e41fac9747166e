"""What autograd recorded between a network's input and its logits, and which of it the guided rule covers.

Judging the recorded graph rather than the modules covers functional, in-place, reused and scripted activations at
once. What is allowed is listed: an operation that nobody thought of is refused by name, never silently left unguided.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.autograd.graph import Node

from salcompare.errors import InputError, Problem


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


_RESHAPING = _kinds(
    "Alias AsStrided Clone ConstantPadNd Diagonal Expand Flip Gather Index IndexSelect Narrow Permute ReflectionPad1D "
    "ReflectionPad2D Repeat ReplicationPad1D ReplicationPad2D ReshapeAlias Roll Select Slice Squeeze T ToCopy "
    "Transpose UnsafeView Unsqueeze View")
_LINEAR = _RESHAPING | _kinds(
    "Add Addmm Addmv Baddbmm Bmm Cat Col2Im Convolution CudnnConvolution Cumsum Div Dot GridSampler2D Im2Col Linear "
    "MkldnnConvolution MkldnnLinear Mm Mul Mv Neg PixelShuffle PixelUnshuffle Rsub Split SplitWithSizes Stack Sub "
    "Unbind Unfold UnsafeSplit UpsampleBicubic2D UpsampleBicubic2DAa UpsampleBilinear2D UpsampleBilinear2DAa "
    "UpsampleNearest2D")
_AVERAGING = _kinds("AdaptiveAvgPool2D AdaptiveAvgPool3D AvgPool2D AvgPool3D Mean MkldnnAdaptiveAvgPool2D Sum")
_MAXIMUM = _kinds(
    "AdaptiveMaxPool2D AdaptiveMaxPool3D FractionalMaxPool2D MaxPool2DWithIndices MaxPool3DWithIndices "
    "MkldnnMaxPool2D")
_NORMALISING = _kinds("CudnnBatchNorm FusedRmsNorm MiopenBatchNorm NativeBatchNorm NativeGroupNorm NativeLayerNorm")
_COVERED = _LINEAR | _AVERAGING | _MAXIMUM | _NORMALISING

_PRODUCTS = _kinds("Addmm Addmv Baddbmm Bmm Convolution Div Dot GridSampler2D Linear Mm Mul Mv")
_STATISTICS = _AVERAGING | {"LinalgVectorNorm", "Norm", "Std", "Var"}  # of many pixels or channels
_SCALING = _RESHAPING | {"Add", "ClampMin", "Div", "Mul", "Pow", "Rsqrt", "Sqrt"}  # from statistics to a divisor

EXPECTED = "ReLU and ReLU6 as the only activations, and logits as the output"
REMEDY = ("the guided rule is not defined for these; explain a network without them, or use a method that needs no "
          "ReLU: gradient, input_x_gradient, integrated_gradients, grad_cam, occlusion, or smoothgrad over one of "
          "them; in study.toml, methods of its [[classifier]] names a network's own")


@dataclass(frozen=True)
class Graph:
    """The nodes on any path from the output back to the input, both ends' neighbours included, the input left out."""

    nodes: frozenset[Node]
    input: Node

    def before(self, node: Node) -> list[Node]:
        """Nodes whose results a node took, as far as they depend on the input; one for each time it took them."""
        return [earlier for earlier, _ in node.next_functions
                if earlier is not None and (earlier in self.nodes or earlier is self.input)]


def graph_between(output: Node, input_: Node) -> Graph:
    """Collect what lies between the ``grad_fn`` of logits and the node that hands the gradient to the input.

    Nodes that depend on parameters only are left out; there are none where the output does not depend on the input.
    """
    later: dict[Node, list[Node]] = {output: []}
    stack = [output]
    while stack:
        node = stack.pop()
        for earlier, _ in node.next_functions:
            if earlier is not None:
                if earlier not in later:
                    later[earlier] = []
                    stack.append(earlier)
                later[earlier].append(node)
    reached: set[Node] = set()
    stack = list(later.get(input_, []))
    while stack:
        node = stack.pop()
        if node not in reached:
            reached.add(node)
            stack += later[node]
    return Graph(frozenset(reached), input_)


def rectifiers(graph: Graph) -> list[Node]:
    """Nodes of ReLU and of ReLUs with a ceiling, as the module, function or method, in place or not.

    Every operation that the guided rule does not cover is refused by its name.
    """
    relus = [node for node in graph.nodes if _is_rectifier(node)]
    excused = _normalising_scales(graph)
    others = Counter(words for node in graph.nodes.difference(relus) - excused
                     for words in _objections(node, graph, excused))
    if others:
        counted = (words + (f" ({n} times)" if n > 1 else "") for words, n in sorted(others.items()))
        raise InputError(Problem("model", "it holds " + ", ".join(counted), EXPECTED, REMEDY))
    return relus


def is_clamp(node: Node) -> bool:
    """Whether a rectifier is a clamp, which lets the gradient through at exactly zero, as ReLU does not."""
    return _kind(node) in ("Clamp", "ClampMin")


def _kind(node: Node) -> str:
    """Operation of one of PyTorch's own nodes, such as ``Relu`` of ``ReluBackward0``; empty for all others."""
    match = re.fullmatch(r"(\w+)Backward\d+", node.name())
    return match[1] if match else ""


def _is_rectifier(node: Node) -> bool:
    if _kind(node) == "Relu":
        return True
    low, high = _bounds(node)
    return isinstance(low, (int, float)) and low == 0 and (
        high is None or (isinstance(high, (int, float)) and high > 0))


def _bounds(node: Node) -> tuple[object, object]:
    if _kind(node) == "Hardtanh":
        return _saved(node, "min_val"), _saved(node, "max_val")
    return (_saved(node, "min"), _saved(node, "max")) if is_clamp(node) else (None, None)


def _saved(node: Node, name: str) -> object:
    return getattr(node, f"_saved_{name}", None)


def _objections(node: Node, graph: Graph, excused: frozenset[Node]) -> Iterator[str]:
    """Why a node cannot stand in a guided pass, in words; nothing if it can."""
    kind = _kind(node)
    if kind not in _COVERED:
        yield _named(node)
    elif kind in _PRODUCTS and len([earlier for earlier in graph.before(node) if earlier not in excused]) > 1:
        yield f"a product of two parts of the network ({_words(kind)})"
    elif kind == "Div" and _divides_by(node, graph) and node.next_functions[1][0] not in excused:
        yield "a division by a part of the network"
    elif kind == "Mul" and _by_mask(node):
        yield "a multiplication by a mask computed from the image, or a dropout that stays on"
    elif kind in ("NativeBatchNorm", "CudnnBatchNorm") and _saved(node, "training") and (
            node._input_metadata[0].shape[0] > 1):  # instance normalisation is recorded as one image of n x c channels
        yield "a batch normalisation by the batch's own mean, which mixes images"


def _named(node: Node) -> str:
    if isinstance(node, torch.autograd.function.BackwardCFunction):
        return f"the custom autograd function {node.name().removesuffix('Backward')}"
    if node.name().endswith("DifferentiableGraphBackward"):
        return "code that TorchScript has optimised, which hides its parts"
    if node.name().endswith("CopySlices"):
        return f"an operation in place on a view ({node.name()})"
    if _kind(node) == "Threshold":
        return f"threshold at {_saved(node, 'threshold')}, which PyTorch records without the value that it puts below"
    words = _words(_kind(node)) or node.name()
    bounds = _bounds(node)
    if bounds == (None, None):
        return words
    low, high = ("a tensor" if isinstance(bound, torch.Tensor) else none if bound is None else bound
                 for bound, none in zip(bounds, ("-inf", "inf"), strict=True))
    return f"{words} from {low} to {high}"


def _words(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


def _divides_by(node: Node, graph: Graph) -> bool:
    divisor = node.next_functions[1][0] if len(node.next_functions) > 1 else None
    return divisor is not None and (divisor in graph.nodes or divisor is graph.input)


def _by_mask(node: Node) -> bool:
    """Whether a factor is a constant of the product's own shape that holds zeros and one other value only."""
    shape = tuple(node._input_metadata[0].shape)
    for name in ("self", "other"):
        factor = _saved(node, name)
        if isinstance(factor, torch.Tensor) and not factor.requires_grad and (
                factor.numel() > 1 and tuple(factor.shape) == shape):
            if factor.dtype == torch.bool:
                return True
            if ((factor == 0) | (factor == factor.max())).all() and (factor == 0).any():
                return True
    return False


def _normalising_scales(graph: Graph) -> frozenset[Node]:
    """Nodes that only make the divisor of a normalisation written out: response normalisation, unit length."""
    scales: set[Node] = set()
    for node in graph.nodes:
        if _kind(node) == "Div" and _divides_by(node, graph):
            scales |= _scale(node.next_functions[1][0], graph)
        elif _kind(node) == "Mul" and len(graph.before(node)) > 1:
            for factor in graph.before(node):
                scales |= _scale(factor, graph)
    return frozenset(scales)


def _scale(top: Node | None, graph: Graph) -> set[Node]:
    """Nodes from a factor down to the statistics of many pixels it is made of; none if it is made of anything else."""
    nodes: set[Node] = set()
    stack = [top]
    while stack:
        node = stack.pop()
        if node is graph.input:
            return set()
        if node is None or node in nodes or node not in graph.nodes:
            continue
        kind = _kind(node)
        if kind not in _STATISTICS | _SCALING or _is_rectifier(node):
            return set()
        nodes.add(node)
        if kind in _STATISTICS:
            nodes |= _square_beneath(node, graph)
        else:
            stack += graph.before(node)
    return nodes


def _square_beneath(statistic: Node, graph: Graph) -> set[Node]:
    node = statistic
    while len(graph.before(node)) == 1 and graph.before(node)[0] is not graph.input:
        node = graph.before(node)[0]
        if _kind(node) == "Pow":
            return {node}
        if _kind(node) not in _RESHAPING:
            break
    before = graph.before(node)
    return {node} if _kind(node) == "Mul" and len(before) == 2 and before[0] is before[1] else set()
