"""The synthetic sample world: deliveries of all datasets for made-up people, with the truth.

Belongs here: everything that makes up people, employers, cards and lists, and spoils them.
Does not belong here: reading what was made, which the pipeline does as with any delivery.
"""

from sources.world.world import WorldSummary, generate

__all__ = ["WorldSummary", "generate"]
