import subprocess
import sys

PROGRAM = """
import sys
sys.modules["torch"] = None  # as where it is not installed
from salcompare.errors import MissingDependencyError
try:
    import salcompare.classifiers
except MissingDependencyError as error:
    print(error)
"""


def test_without_torch_the_error_names_the_command_that_installs_it():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "torch: is not installed; run: pip install 'salcompare[classifiers]'\n"
