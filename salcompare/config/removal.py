"""What is taken out of the photographs, to see whether a network needs it."""

from __future__ import annotations

from dataclasses import dataclass

from salcompare.config.options import option

FILLS = ("mean", "blur", "noise")


@dataclass(frozen=True)
class Removal:
    """What is taken out of the photographs, to see whether the network needs it; each time costs a forward pass."""

    networks: str = option("last", "which networks: none, the last variant of each classifier, or all",
                            choices=("none", "last", "all"))
    per_actor: int = option(2, "the first so many test images of each actor; 0 takes all", low=0)
    area: float = option(0.10, "share of the photograph that is removed, the same for whoever marked it",
                          low=0.001, high=0.9)
    fills: tuple[str, ...] = option(FILLS, "what stands in its place, each once; the first is the main one",
                                     choices=FILLS)
    shares: tuple[float, ...] = option((0.1, 0.25, 0.5), "where deletion and insertion curves are measured, "
                                        "beside 0 and 1", low=0.001, high=0.999)
    labels: int = option(5, "how many labels have their regions removed, those that people name most", low=0)
