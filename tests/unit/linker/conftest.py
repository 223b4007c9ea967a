"""Lets these tests make the worlds that the tests of the pipeline's own linkage use."""

import sys
from pathlib import Path

for folder in ("matching_persons", "matching_employers"):
    sys.path.append(str(Path(__file__).parents[1] / folder))
