-- Units: the records that identifiers alone bring together, guarded by their names.
--
-- Reads   emp_records, emp_claims, emp_owners, co_compared, emp_akin
-- Makes   emp_held      the claims that hold, and why
--         emp_members   rid -> unit label, reason
--
-- A unit grows around one identifier, the strongest a record holds; an identifier leads to
-- one unit only. So nothing chains: two records meet only where both agree with the owner of
-- an identifier, and a unit never holds two taxpayers (but for a misspelt number).

CREATE OR REPLACE TEMP TABLE emp_judged AS
SELECT c.rid, c.kind, c.value, c.home, c.dataset, c.precedence, c.family, c.parents,
    o.kind IS NULL
    -- The register that issues a number is believed, unless name and form are both another's.
    OR (c.home AND NOT (c.core_id <> o.core_id AND greatest(l.level, 0) = 0
        AND c.family <> o.family AND k.a IS NULL))
    -- The name it had before, whatever form it had then.
    OR coalesce(c.former_id = o.core_id, false) OR coalesce(c.core_id = o.former_id, false)
    OR (
        -- 2 is SUBSET: one name lacks words of the other. A subsidiary's name so often holds its
        -- parent's, that under the parent's number 3, NEAR, is asked.
        (c.core_id = o.core_id
            -- A slip may have broken a short word, or a space: TOK OKELONTONG.
            OR (length(c.whole) >= 10 AND NOT c.parents
                AND abs(length(c.whole) - length(o.whole)) <= 2
                AND regexp_replace(c.whole, '[^0-9]', '', 'g')
                    = regexp_replace(o.whole, '[^0-9]', '', 'g')
                AND damerau_levenshtein(c.whole, o.whole) <= 2)
            OR greatest(l.level, f.level, g.level, 0) >= CASE WHEN c.parents THEN 3 ELSE 2 END)
        AND (c.family IS NULL OR o.family IS NULL OR c.family = o.family OR k.a IS NOT NULL)
    ) AS holds
FROM emp_claims AS c
LEFT JOIN emp_owners AS o USING (kind, value)
LEFT JOIN co_compared AS l
    ON l.a = least(c.core_id, o.core_id) AND l.b = greatest(c.core_id, o.core_id)
LEFT JOIN co_compared AS f
    ON f.a = least(c.core_id, o.former_id) AND f.b = greatest(c.core_id, o.former_id)
LEFT JOIN co_compared AS g
    ON g.a = least(c.former_id, o.core_id) AND g.b = greatest(c.former_id, o.core_id)
LEFT JOIN emp_akin AS k ON k.a = c.family AND k.b = o.family;

-- A name that agrees with neither owner (renamed, a trade name): two identifiers that
-- another record holds together, or bears together under no other legal form, speak for it.
CREATE OR REPLACE TEMP TABLE emp_held AS
WITH doubles AS (
    SELECT x.rid, x.family, x.kind AS kind_x, x.value AS value_x, y.kind AS kind_y,
        y.value AS value_y, x.holds AS holds_x, y.holds AS holds_y
    FROM emp_judged AS x JOIN emp_judged AS y USING (rid)
    WHERE x.kind <> y.kind AND NOT x.parents AND NOT y.parents
),
pairs AS (
    SELECT kind_x, value_x, kind_y, value_y,
        bool_or(holds_x AND holds_y) AS held,
        count(*) > 1 AND count(DISTINCT family) <= 1 AND bool_or(holds_x) AND bool_or(holds_y)
            AS one_form
    FROM doubles GROUP BY ALL
),
rescued AS (
    SELECT DISTINCT b.rid, b.kind_x AS kind, b.value_x AS value
    FROM doubles AS b JOIN pairs AS p USING (kind_x, value_x, kind_y, value_y)
    WHERE NOT b.holds_x AND ((NOT b.holds_y AND p.held) OR p.one_form)
)
SELECT j.rid, j.kind, j.value, j.home, j.dataset, j.precedence, false AS rescued
FROM emp_judged AS j WHERE j.holds
UNION ALL
SELECT j.rid, j.kind, j.value, j.home, j.dataset, j.precedence, true
FROM emp_judged AS j JOIN rescued AS r USING (rid, kind, value);

-- One number, several businesses by the word of the registers that issue NIB, decrees and
-- cooperative numbers (a group that files under one taxpayer number): it stays with the
-- business whose name is its owner's, or that bears it most. A second decree under the owner's
-- own name is a change of its articles.
CREATE OR REPLACE TEMP TABLE emp_contested AS
WITH sides AS (
    SELECT h.kind, h.value, i.kind AS own_kind, i.value AS own,
        bool_or(i.home) AS issued,
        bool_or(coalesce(o.core_id = r.core_id, true)) AS named,
        count(DISTINCT rid) AS records
    FROM emp_held AS h JOIN emp_held AS i USING (rid)
    JOIN emp_records AS r USING (rid)
    LEFT JOIN emp_owners AS o ON o.kind = h.kind AND o.value = h.value
    WHERE h.kind IN ('npwp_root', 'nib') AND i.kind IN ('nib', 'ahu_number', 'nik_koperasi')
      AND h.kind <> i.kind
    GROUP BY h.kind, h.value, i.kind, i.value
)
SELECT kind, value, own_kind, own FROM sides WHERE issued
QUALIFY row_number() OVER (
    PARTITION BY kind, value, own_kind ORDER BY named DESC, records DESC, own) > 1
    AND NOT (own_kind = 'ahu_number' AND named);

DELETE FROM emp_held WHERE NOT home AND (rid, kind, value) IN (
    SELECT (h.rid, h.kind, h.value)
    FROM emp_contested AS c
    JOIN emp_held AS i ON i.kind = c.own_kind AND i.value = c.own
    JOIN emp_held AS h ON h.rid = i.rid AND h.kind = c.kind AND h.value = c.value
);

-- By kind, the strongest first: a value leads to the unit that most of its holders are in.
CREATE OR REPLACE TEMP TABLE emp_members AS
SELECT rid, 'npwp_root:' || value AS unit,
    CASE WHEN rescued THEN 'two_identifiers' ELSE 'npwp_root' END AS reason
FROM emp_held WHERE kind = 'npwp_root';

-- One digit off, or two swapped. CASE, so that no join is made on equal lengths.
CREATE OR REPLACE TEMP MACRO emp_slip(one, other) AS
    CASE WHEN length(one) <> length(other) THEN false
        WHEN hamming(one, other) = 1 THEN true
        WHEN hamming(one, other) = 2
            THEN list_sort(string_split(one, '')) = list_sort(string_split(other, ''))
        ELSE false END;

-- The number of a natural person is the NIK since PMK 112/2022: day (women's +40) and month
-- stand in digits 7 to 10.
CREATE OR REPLACE TEMP MACRO emp_persons_number(root) AS regexp_full_match(
    root, '[1-9][0-9]{5}(0[1-9]|[12][0-9]|3[01]|4[1-9]|[56][0-9]|7[01])(0[1-9]|1[0-2])[0-9]{6}'
);

-- Whether two numbers may be one taxpayer's: one misspelt, or a sole trader's old number and the
-- NIK that stands for it now.
CREATE OR REPLACE TEMP MACRO emp_one_taxpayer(one, other) AS coalesce(
    one = other OR emp_slip(one, other)
        OR emp_persons_number(one) <> emp_persons_number(other), true);

-- A taxpayer number that one record alone bears, though its NIB leads to another taxpayer:
-- misspelt, where it is one digit off (or two swapped); the owner's NIK beside the old number
-- of the same sole trader, where the business has no form or that of a sole trader.
CREATE OR REPLACE TEMP TABLE emp_misspelt AS
WITH lonely AS (
    SELECT unit, any_value(rid) AS rid FROM emp_members
    WHERE unit LIKE 'npwp_root:%' GROUP BY unit HAVING count(*) = 1
),
-- Materialized: the planner must not begin with every unit against every other.
neighbours AS MATERIALIZED (
    SELECT l.unit AS wrong, l.rid, o.unit AS "right",
        coalesce(r.family, 'UD') = 'UD' AND emp_persons_number(r.npwp_root) AS owners
    FROM lonely AS l
    JOIN emp_records AS r ON r.rid = l.rid AND coalesce(r.home, '') <> 'npwp_root'
    JOIN emp_held AS h ON h.rid = l.rid AND h.kind = 'nib'
    JOIN emp_held AS g ON g.kind = 'nib' AND g.value = h.value
    JOIN emp_members AS o ON o.rid = g.rid
),
by_nib AS (
    FROM neighbours WHERE "right" <> wrong AND "right" LIKE 'npwp_root:%' AND (
        emp_slip("right", wrong)
        OR (owners AND NOT emp_persons_number(replace("right", 'npwp_root:', '')))
    )
)
SELECT rid, wrong, min("right") AS "right",
    CASE WHEN bool_or(owners) THEN 'owner_npwp' ELSE 'misspelt_npwp' END AS reason
FROM by_nib
WHERE "right" NOT IN (SELECT wrong FROM by_nib) GROUP BY rid, wrong;

UPDATE emp_members SET unit = m."right", reason = m.reason
FROM emp_misspelt AS m WHERE emp_members.rid = m.rid;

CREATE OR REPLACE TEMP MACRO emp_led(this_kind) AS TABLE
WITH holders AS (
    SELECT h.rid, h.value, h.home, h.precedence, h.rescued, m.unit
    FROM emp_held AS h LEFT JOIN emp_members AS m USING (rid)
    WHERE h.kind = this_kind
),
counted AS (
    SELECT value, unit, count(*) AS records, bool_or(home) AS home, min(precedence) AS precedence
    FROM holders WHERE unit IS NOT NULL GROUP BY value, unit
),
leads AS (
    SELECT value, first(unit ORDER BY home DESC, records DESC, precedence, unit) AS unit
    FROM counted GROUP BY value
)
SELECT h.rid, coalesce(l.unit, this_kind || ':' || h.value) AS unit,
    CASE WHEN h.rescued THEN 'two_identifiers' ELSE this_kind END AS reason
FROM holders AS h LEFT JOIN leads AS l USING (value)
WHERE h.unit IS NULL;

INSERT INTO emp_members SELECT * FROM emp_led('nib');
INSERT INTO emp_members SELECT * FROM emp_led('ahu_number');
INSERT INTO emp_members SELECT * FROM emp_led('nik_koperasi');
INSERT INTO emp_members SELECT * FROM emp_led('npp');

INSERT INTO emp_members
SELECT rid, 'record:' || dataset || ':' || record_id, 'none'
FROM emp_records WHERE rid NOT IN (SELECT rid FROM emp_members);
