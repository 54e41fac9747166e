"""What study.toml can say: one dataclass a section, each option declared once with its default, bounds and help.

`read_config` reads and checks a file, `commented_toml` writes the file that ``salcompare init`` leaves.
"""

from salcompare.config.methods import METHODS, method_of, smoothed
from salcompare.config.sections import (
    FILLS,
    QUALITY_RULES,
    Attribution,
    Classifier,
    Collect,
    Config,
    Controls,
    Fixations,
    General,
    Images,
    Landmarks,
    Maps,
    Phase,
    Precomputed,
    Quality,
    Removal,
    Report,
    Responses,
    Simulation,
    Statistics,
    training_seeds,
)
from salcompare.config.toml import ALL_TEST, commented_toml, flattened, read_config, toml_value

__all__ = ["ALL_TEST", "FILE_NAME", "FILLS", "METHODS", "QUALITY_RULES", "Attribution", "Classifier", "Collect",
           "Config", "Controls", "Fixations", "General", "Images", "Landmarks", "Maps", "Phase", "Precomputed",
           "Quality", "Removal", "Report", "Responses", "Simulation", "Statistics", "commented_toml", "flattened",
           "method_of", "read_config", "smoothed", "toml_value", "training_seeds"]

FILE_NAME = "study.toml"
