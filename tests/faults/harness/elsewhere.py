"""Makes the small worlds of the unit tests importable here, so that they are written once."""

import sys
from pathlib import Path

_UNIT = Path(__file__).parents[2] / "unit"

for _area in ("extracts", "disclosure"):
    if str(_UNIT / _area) not in sys.path:
        sys.path.append(str(_UNIT / _area))
