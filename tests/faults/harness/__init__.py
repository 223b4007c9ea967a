"""What the tests of faults and `make soak` share: killing, starving and watching real runs.

Belongs here: ways to break a run from outside or at a chosen point, and to compare what came of
it. Does not belong here: what must come of it (the tests beside this folder).
"""
