"""How much is tried: a little and always the same in `make test`, anew and more in `make fuzz`.

Belongs here: the amount of fuzzing, and damage to bytes. Does not belong here: properties.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LONG = os.environ.get("CAKUPAN_FUZZ") == "long"
TIMES = 6
"""So many times the examples of `make test` are tried in one round of `make fuzz`."""


def tried(examples: int) -> settings:
    """Give the settings of a test that tries so many examples in `make test`."""
    return settings(
        max_examples=examples * TIMES if LONG else examples,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damage(draw: st.DrawFn, whole: bytes) -> bytes:
    """Give bytes flipped, cut, doubled, overwritten or put in, in up to four places."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["flip", "cut", "drop", "double", "put", "fill"]))
        length = draw(st.integers(1, 40))
        if kind == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[place:]
        elif kind == "drop":
            del data[place : place + length]
        elif kind == "double":
            data[place:place] = data[place : place + length]
        elif kind == "put":
            data[place:place] = draw(st.binary(min_size=1, max_size=12))
        else:
            data[place : place + length] = draw(st.sampled_from([b"\0", b"\xff", b'"'])) * length
    return bytes(data)
