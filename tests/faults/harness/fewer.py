"""A pipeline of few datasets, for tests that run it many times.

Belongs here: leaving datasets out, in a child and before anything runs. Does not belong here: any
other change; `make soak` runs with all datasets.
"""

from __future__ import annotations

from sources.contracts import Contract

FEW = ("bpjs_employers", "bpjs_participants", "djp_withholding", "dukcapil_population", "farmers")


def leave_out() -> None:
    """Have this process know a few datasets alone."""
    import pipelines.definitions
    import pipelines.resources
    from sources.contracts import load_contracts

    def few(_directories: object = ()) -> dict[str, Contract]:
        known = load_contracts()
        return {key: known[key] for key in FEW}

    pipelines.definitions.load_contracts = few
    pipelines.resources.load_contracts = few
