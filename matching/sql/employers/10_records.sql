-- The records of every register, with what the resolution compares, one row each.
--
-- Reads   in_employers, co_names, co_forms, emp_registers
-- Makes   emp_records   rid numbers the records by dataset and record_id, so that nothing
--                       below depends on the order in which rows came

-- An identifier of one repeated digit, or a run of digits, is a placeholder.
CREATE OR REPLACE TEMP MACRO emp_usable(identifier) AS
    CASE WHEN regexp_matches(
        identifier,
        '^(0+|1+|2+|3+|4+|5+|6+|7+|8+|9+|0?123456789[0-9]*|9876543210[0-9]*)$'
    ) THEN NULL ELSE nullif(identifier, '') END;

-- Nine digits after the leading 0 are the taxpayer; what follows is office and branch.
CREATE OR REPLACE TEMP MACRO emp_root(npwp) AS
    CASE WHEN npwp LIKE '0%' THEN left(npwp, 10) ELSE npwp END;

-- AHU-0012345.AH.01.01.TAHUN 2021 in all its separators: serial, series, year.
CREATE OR REPLACE TEMP MACRO emp_ahu(ahu_number) AS
    regexp_replace(
        regexp_replace(
            regexp_replace(upper(ahu_number), '[^A-Z0-9]+', '', 'g'), '(TAHUN|THN|TH)', '', 'g'
        ),
        '^(AHU)?0*', ''
    );

CREATE OR REPLACE TEMP MACRO emp_address(address) AS
    list_sort(list_distinct(list_filter(
        string_split(trim(regexp_replace(upper(strip_accents(address)), '[^A-Z0-9]+', ' ', 'g')), ' '),
        lambda w: w NOT IN (
            '', 'JL', 'JLN', 'JALAN', 'NO', 'NOMOR', 'RT', 'RW', 'KM', 'KEL', 'KEC', 'DESA', 'KAB',
            'KOTA', 'KELURAHAN', 'KECAMATAN', 'KABUPATEN', 'DUSUN', 'GG', 'GANG', 'BLOK', 'LT'
        )
    )));

CREATE OR REPLACE TEMP TABLE emp_records AS
WITH forms AS (
    SELECT squeezed, any_value(legal_form ORDER BY spelling) AS legal_form,
        any_value(family ORDER BY spelling) AS family,
        any_value(subtype ORDER BY spelling) AS subtype
    FROM co_forms GROUP BY squeezed
)
SELECT
    row_number() OVER (ORDER BY e.dataset, e.record_id)::INTEGER AS rid,
    e.dataset, e.record_id,
    r.precedence, r.name_precedence, r.once_bit, r.home,
    n.core_id,
    -- The name says its form more reliably than a column that was filled in beside it.
    coalesce(n.family, f.family) AS family,
    coalesce(n.legal_form, f.legal_form) AS legal_form,
    coalesce(n.subtype, f.subtype) AS subtype,
    e.npwp,
    emp_usable(emp_root(e.npwp)) AS npwp_root,
    emp_usable(e.nib) AS nib,
    emp_usable(upper(trim(e.npp))) AS npp,
    emp_usable(emp_ahu(e.ahu_number)) AS ahu_number,
    emp_usable(upper(trim(e.nik_koperasi))) AS nik_koperasi,
    nullif(e.region_code, '0000') AS region_code,
    nullif(left(e.kbli, 2), '') AS division,
    nullif(e.kbli, '') AS kbli, e.kbli_vintage, nullif(e.sector_code, 'X') AS sector_code,
    nullif(emp_address(e.address), []::VARCHAR[]) AS address,
    n.former_id, n.former_family,
    regexp_replace(upper(e.employer_name), '[^A-Z0-9]+', '', 'g') AS whole,
    nullif(array_to_string(emp_address(e.owner_name), ' '), '') AS owner,
    emp_usable(emp_root(e.parent_npwp)) AS parent_root
FROM in_employers AS e
JOIN emp_registers AS r ON r.dataset = e.dataset
JOIN co_names AS n ON n.employer_name = coalesce(e.employer_name, '')
LEFT JOIN forms AS f
    ON f.squeezed = regexp_replace(upper(e.legal_form), '[^A-Z0-9]+', '', 'g');
