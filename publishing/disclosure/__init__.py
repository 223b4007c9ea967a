"""Disclosure control: what leaves the house tells nothing about fewer than ten people.

Belongs here: `release.duckdb`, the same tables as the published warehouse with small counts
withheld, others withheld so that no total gives them back, and an attacker that must fail
before anything is released (docs/disclosure.md). Does not belong here: publications
(warehouse/publication), and who is given what (extracts).
"""

from publishing.disclosure.release import Release, beside, check_identities, make_release

__all__ = ["Release", "beside", "check_identities", "make_release"]
