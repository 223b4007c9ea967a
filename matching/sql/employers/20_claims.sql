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
    b.rid, b.kind, b.value, r.core_id, r.former_id, r.family, r.whole, r.dataset, r.precedence,
    coalesce(r.home = b.kind, false) AS home,
    -- A subsidiary that files under its parent's number says so itself.
    coalesce(b.kind = 'npwp_root' AND b.value = r.parent_root, false) AS parents
FROM borne AS b JOIN emp_records AS r USING (rid);

-- The register that issues an identifier knows whose it is; without it, the name that most
-- of the records give.
CREATE OR REPLACE TEMP TABLE emp_owners AS
WITH counted AS (
    -- The parent's own rows come first: what a subsidiary says of its parent's number is last.
    SELECT kind, value, core_id, family, any_value(former_id ORDER BY former_id) AS former_id,
        min(whole) AS whole,
        count(*) AS records, bool_or(home AND NOT parents) AS home,
        min(CASE WHEN parents THEN 99 ELSE precedence END) AS precedence, min(rid) AS rid
    FROM emp_claims GROUP BY kind, value, core_id, family
)
SELECT kind, value,
    first(core_id ORDER BY home DESC, records DESC, precedence, rid) AS core_id,
    first(whole ORDER BY home DESC, records DESC, precedence, rid) AS whole,
    first(former_id ORDER BY home DESC, records DESC, precedence, rid) AS former_id,
    first(family ORDER BY home DESC, records DESC, precedence, rid) AS family,
    bool_or(home) AS home,
    sum(records) AS records
FROM counted
GROUP BY kind, value
HAVING count(*) > 1;

-- A company that was renamed bears its former name too.
CREATE OR REPLACE TEMP TABLE emp_name_asks AS
SELECT DISTINCT unnest([o.core_id, o.former_id, o.core_id]) AS a,
    unnest([c.core_id, c.core_id, c.former_id]) AS b
FROM emp_claims AS c JOIN emp_owners AS o USING (kind, value)
WHERE c.core_id <> o.core_id;
DELETE FROM emp_name_asks WHERE a IS NULL OR b IS NULL;
