"""Planting a violation of every check, gate and constraint, and noting which fired.

Belongs here: planters and the record of results. Does not belong here: lists of checks: those
come from the code, so that a new check without a planter fails the tests beside this folder.
"""
