"""What a network says of images, run as in evaluation: its logits, checked wherever they are asked for."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, fx, nn

from salcompare.errors import InputError, Problem, SalcompareError

_EXPORTED_SHAPES = ("export it with a batch of any size: torch.export.export(..., "
                    "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)), or give the module that it was made of")


class NotFiniteError(InputError):
    """Values (`what`) of the images at some places (`rows`) are NaN or infinite."""

    def __init__(self, what: str, rows: Sequence[int], remedy: str) -> None:
        self.what, self.rows, self.remedy = what, tuple(rows), remedy
        super().__init__(self.problems_of([f"x[{row}]" for row in rows]))

    def problems_of(self, images: Sequence[str]) -> list[Problem]:
        """Say it of each image as it is called."""
        return [Problem(f"{self.what} of {image}", "NaN or infinite values", "finite values", self.remedy)
                for image in images]


@contextlib.contextmanager
def naming(images: Sequence[str]) -> Iterator[None]:
    """Name images where values of theirs are not finite, given the names of all that the model is given."""
    try:
        yield
    except NotFiniteError as error:
        raise InputError(error.problems_of([f"image {images[row]!r}" for row in error.rows])) from error


@contextlib.contextmanager
def unnamed() -> Iterator[None]:
    """Name no image where those that the model is given are not the caller's own, but others made from them."""
    try:
        yield
    except NotFiniteError as error:
        raise InputError(Problem(error.what, "NaN or infinite values for images that the method made from x and the "
                                 "baseline", "finite values", error.remedy)) from error


def logits_of(model: nn.Module, x: Tensor, *, classes: int | None = None) -> Tensor:
    """Run a model over images (n, 3, h, w) and give its logits, as `checked_logits` does; refused if it fails."""
    try:
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]  # it would hide a script's ReLUs
            output = model(x)
    except SalcompareError:
        raise
    except Exception as error:  # the user's own code can raise anything
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        raise InputError(Problem(
            "model", f"fails on {x.dtype} images of shape {tuple(x.shape)} with {type(error).__name__}: {reason}",
            "a model that takes any number of images (n, 3, h, w)", _EXPORTED_SHAPES if _graphs(model) else "",
        )) from error
    return checked_logits(output, len(x), classes=classes)


def checked_logits(output: object, n: int, *, classes: int | None = None) -> Tensor:
    """Make sure that what a model gave for n images are logits (n, classes), floating and finite.

    They may be an attribute ``logits``, as ``transformers`` has them beside other outputs. Without `classes`, any
    number of them will do.
    """
    logits = output if isinstance(output, Tensor) else getattr(output, "logits", None)
    if not isinstance(logits, Tensor):
        raise InputError(Problem("model", f"its output is {_kind(output)}", "a tensor of logits (n, classes)",
                                 "wrap it so that it returns the logits alone"))
    if logits.ndim != 2 or len(logits) != n or not logits.shape[1] or not logits.is_floating_point():
        raise InputError(Problem("model", f"its output is {logits.dtype} of shape {tuple(logits.shape)} for {n} images",
                                 f"logits of shape ({n}, classes)", "wrap it so that it returns those alone"))
    if classes is not None and logits.shape[1] != classes:
        raise InputError(Problem("model", f"{logits.shape[1]} logits an image", f"{classes}, one an actor"))
    check_finite(logits, "model's logits", "check the weights and the range of x")
    return logits


def check_finite(values: Tensor, what: str, remedy: str) -> None:
    """Refuse values (n, ...) that are NaN or infinite, naming the images (`NotFiniteError`)."""
    if not values.numel() or values.detach().sum().isfinite():  # quick, but a sum of large values may overflow
        return
    bad = (~values.detach().isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
    if bad:
        raise NotFiniteError(what, bad, remedy)


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model and its parts into evaluation, and each back as it was.

    Frozen TorchScript has no such switch and is always in evaluation; an exported module is in the mode that it was
    exported in, which must be evaluation. Else, and if it is no module, it is refused.
    """
    if not isinstance(model, nn.Module):
        raise InputError(Problem("model", f"a {type(model).__name__}", "an nn.Module",
                                 "of an ExportedProgram, give what its module() makes"))
    training = [module for module in model.modules() if getattr(module, "training", False)]
    try:
        try:
            model.eval()
        except NotImplementedError:  # exported modules refuse
            _check_exported(model)
            for module in training:
                module.training = False
        yield
    finally:
        for module in training:
            module.training = True


def is_compiled(module: nn.Module) -> bool:
    """Whether a module, apart from its parts, is compiled, so that hooks do not see what happens in it."""
    return isinstance(module, (torch.jit.ScriptModule, fx.GraphModule))


def _graphs(model: nn.Module) -> list[fx.Graph]:
    return [module.graph for module in model.modules() if isinstance(module, fx.GraphModule)]


def _check_exported(model: nn.Module) -> None:
    training = sorted({str(node.target) for graph in _graphs(model) for node in graph.nodes if _is_training(node)})
    if training:
        raise InputError(Problem("model", "was exported for training (" + ", ".join(training) + ")",
                                 "one exported for evaluation", "call eval() of the module before torch.export.export"))


def _is_training(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    named = zip([argument.name for argument in schema.arguments], node.args, strict=False) if schema else ()
    return any(value is True for name, value in (*named, *node.kwargs.items()) if name in ("train", "training"))


def _kind(output: object) -> str:
    keys = f" of {', '.join(map(repr, output)) or 'nothing'}" if isinstance(output, Mapping) else ""
    return f"a {type(output).__name__}{keys}"
