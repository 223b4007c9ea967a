"""Canaries: people and secrets that must never be seen outside of the restricted store.

Belongs here: planting them, breaking runs so that errors quote them, and searching for them. Does
not belong here: what must be found (nothing), which the tests beside this folder say.
"""
