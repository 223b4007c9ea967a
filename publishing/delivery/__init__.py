"""Handing extracts over: once, whole, with a receipt; and deleting them when their time is over.

Belongs here: targets (targets.py), sending (sending.py) and retention (retention.py). Does not
belong here: what is in an extract (publishing/extracts), or the log itself (publishing/audit.py).
"""
