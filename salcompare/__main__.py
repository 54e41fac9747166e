"""Run the command line: ``python -m salcompare``."""

import sys

from salcompare.cli import main

sys.exit(main())
