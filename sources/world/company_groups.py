"""State and regional companies of the sample world: groups, officers and staff.

Belongs here: which firms the state, a province or a regency owns, who directs them. Does not
belong here: how lists show them (rosters).
"""

from __future__ import annotations

import duckdb

from sources.world.draws import Draws
from sources.world.materials import NATION

STAFF = {"state": 1_600_000, "regional": 200_000}
"""Staff of state companies with their subsidiaries, and of regional ones (own estimates)."""
SECTORS = {"state": ("B", "C", "D", "F", "H", "J", "K", "A"), "regional": ("E", "G", "H", "I", "K")}
GROUP = 4
"""Companies in a group, the parent among them."""
LEAST_GROUPS = {"state": 1, "regional": 2}
"""However small the world: a state group, and one of a province beside one of a regency."""


def make_groups(con: duckdb.DuckDBPyConnection, d: Draws, people: int) -> None:
    """Make `company_group` (firm, owner, parent) and give these firms their names.

    Args:
        con: the building database, with `firms` and `jobs`.
        d: draws of the world.
        people: persons in the register.
    """
    con.execute("""
        CREATE OR REPLACE TABLE company_group (
            firm BIGINT, owner VARCHAR, parent BIGINT, government_level VARCHAR)
    """)
    for owner, staff in STAFF.items():
        wanted = staff * people / NATION
        sectors = ", ".join(f"'{code}'" for code in SECTORS[owner])
        least = LEAST_GROUPS[owner]
        con.execute(f"""
            INSERT INTO company_group
            WITH able AS (
                SELECT firm, workers, row_number() OVER (
                    ORDER BY sector NOT IN ({sectors}), {d.bits("firm", "owned " + owner)}) AS place
                FROM firms WHERE kind = 'firm' AND legal_form = 'PT'
                    AND workers BETWEEN 4 AND {max(30, wanted / 3)}
                    AND firm NOT IN (SELECT firm FROM company_group)
            ),
            taken AS (
                SELECT firm, workers, row_number() OVER (ORDER BY workers DESC, firm) AS rank,
                    count(*) OVER () AS size
                FROM (SELECT *, sum(workers) OVER (ORDER BY place) AS upto FROM able)
                WHERE upto <= {wanted} OR place <= {GROUP - 1 + least - 1}
            ),
            grouped AS (
                -- The largest are parents; the others belong to them in turn.
                SELECT firm, rank, (rank - 1) % greatest({least}, size // {GROUP}) AS grp FROM taken
            )
            SELECT g.firm, '{owner}', nullif(p.firm, g.firm),
                CASE WHEN '{owner}' = 'regional' THEN
                    CASE g.grp % 3 WHEN 0 THEN 'provinsi' ELSE 'kabupaten_kota' END END
            FROM grouped AS g JOIN grouped AS p ON p.grp = g.grp AND p.rank = g.grp + 1
        """)
    con.execute("""
        UPDATE firms SET name = name || CASE g.owner WHEN 'state' THEN ' (PERSERO)'
            ELSE ' (PERSERODA)' END
        FROM company_group AS g WHERE g.firm = firms.firm AND g.parent IS NULL
    """)


def make_company_people(con: duckdb.DuckDBPyConnection, d: Draws, people: int) -> None:
    """Make the pools `world_state_company_people` and `world_regional_company_people`.

    The best paid direct a company; its commissioners come from elsewhere and have no wage there.

    Args:
        con: the building database, with `company_group`, `jobs` and `people`.
        d: draws of the world.
        people: persons in the register.
    """
    con.execute(f"""
        CREATE OR REPLACE TABLE company_people AS
        WITH held AS (
            SELECT j.i, j.firm, row_number() OVER (PARTITION BY j.firm ORDER BY j.wage DESC, j.seat)
                AS place, count(*) OVER (PARTITION BY j.firm) AS size
            FROM jobs AS j JOIN company_group AS g USING (firm)
            WHERE j.rank = 1 AND j.left_on IS NULL AND NOT j.civil
        ),
        elders AS (
            SELECT i, row_number() OVER (ORDER BY i) - 1 AS place, count(*) OVER () AS size
            FROM people WHERE in_register AND age BETWEEN 45 AND 64 AND died_on IS NULL
        ),
        watchers AS (
            SELECT DISTINCT e.i, g.firm
            FROM company_group AS g CROSS JOIN range(3) AS n(n)
            JOIN elders AS e
                ON e.place = {d.bits("g.firm * 8 + n.n", "commissioner")} % e.size::UBIGINT
            WHERE n.n < 2 OR {d.unit("g.firm", "third commissioner")} < 0.5
        ),
        everyone AS (
            SELECT i, firm, CASE WHEN place <= least(3, greatest(1, size // 5)) THEN 'direksi'
                ELSE 'pegawai' END AS company_role FROM held
            UNION ALL
            SELECT w.i, w.firm, 'komisaris' FROM watchers AS w
            LEFT JOIN held AS h ON h.i = w.i AND h.firm = w.firm WHERE h.i IS NULL
        )
        SELECT row_number() OVER (ORDER BY e.firm, e.i) AS k, e.i, e.firm, e.company_role, g.owner,
            g.government_level, p.npwp AS parent_npwp
        FROM everyone AS e JOIN company_group AS g USING (firm)
        LEFT JOIN firms AS p ON p.firm = g.parent
    """)
    for owner in STAFF:
        con.execute(f"""
            CREATE OR REPLACE TABLE world_{owner}_company_people AS
            SELECT * EXCLUDE (owner) FROM company_people WHERE owner = '{owner}'
        """)
    con.execute("DROP TABLE company_people")
