-- Who may call an identifier its own: a record whose name agrees with the identifier's owner.
--
-- Reads   emp_records, emp_akin
-- Makes   emp_claims    rid, kind, value: every identifier a record bears
--         emp_owners    kind, value: the name an identifier stands for, where several bear it
--         emp_name_asks the pairs of names to compare

CREATE OR REPLACE TEMP TABLE emp_claims AS
WITH borne AS (
    UNPIVOT (SELECT rid, npwp_root, nib, ahu_number, nik_koperasi, npp FROM emp_records)
    ON npwp_root, nib, ahu_number, nik_koperasi, npp INTO NAME kind VALUE value
)
SELECT
    b.rid, b.kind, b.value, r.core_id, r.family, r.dataset, r.precedence,
    coalesce(r.home = b.kind, false) AS home
FROM borne AS b JOIN emp_records AS r USING (rid);

-- The register that issues an identifier knows whose it is; without it, the name that most
-- of the records give.
CREATE OR REPLACE TEMP TABLE emp_owners AS
WITH counted AS (
    SELECT kind, value, core_id, family, count(*) AS records, bool_or(home) AS home,
        min(precedence) AS precedence, min(rid) AS rid
    FROM emp_claims GROUP BY kind, value, core_id, family
)
SELECT kind, value,
    first(core_id ORDER BY home DESC, records DESC, precedence, rid) AS core_id,
    first(family ORDER BY home DESC, records DESC, precedence, rid) AS family,
    bool_or(home) AS home,
    sum(records) AS records
FROM counted
GROUP BY kind, value
HAVING count(*) > 1;

CREATE OR REPLACE TEMP TABLE emp_name_asks AS
SELECT DISTINCT o.core_id AS a, c.core_id AS b
FROM emp_claims AS c JOIN emp_owners AS o USING (kind, value)
WHERE c.core_id <> o.core_id;
