"""What study.toml can say: one dataclass a section, each option declared once with its default, bounds and help.

`read_config` reads and checks a file, `commented_toml` writes the file that ``salcompare init`` leaves.
"""

from salcompare.config.attribution import METHODS, Attribution, smoothed
from salcompare.config.classifiers import Classifier, Phase, Precomputed
from salcompare.config.people import QUALITY_RULES, Collect, Fixations, Quality, Responses, Simulation
from salcompare.config.reading import ALL_TEST, read_config
from salcompare.config.removal import FILLS, Removal
from salcompare.config.sections import Config
from salcompare.config.study import General, Images, Maps, Report, Statistics
from salcompare.config.writing import commented_toml

__all__ = ["ALL_TEST", "FILE_NAME", "FILLS", "METHODS", "QUALITY_RULES", "Attribution", "Classifier", "Collect",
           "Config", "Fixations", "General", "Images", "Maps", "Phase", "Precomputed", "Quality", "Removal", "Report",
           "Responses", "Simulation", "Statistics", "commented_toml", "read_config", "smoothed"]

FILE_NAME = "study.toml"
