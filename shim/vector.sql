-- vector_ext under pgvector's name. `scripts/shim` puts sql/vector_ext.sql in the place of the marked line.

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vector" to load this file. \quit

DO $shim$
DECLARE
    home name;
    member record;
    code text;
    message text;
    detail text;
    hint text;
BEGIN
    SELECT n.nspname INTO home
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'vector_ext';
    IF home IS NULL THEN
        BEGIN
            EXECUTE $surface$
@SURFACE@
$surface$;
        EXCEPTION WHEN others THEN
            -- Raised again, for its context would be the whole script.
            GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            RAISE USING ERRCODE = code,
                MESSAGE = concat_ws(E'\n', message, nullif(detail, ''), nullif(hint, ''));
        END;
        RETURN;
    END IF;

    -- The database has vector_ext. Both names for the same objects could not be dumped in an order that restores,
    -- so the objects change their extension and keep their identity; columns and indexes do not notice.
    IF home <> current_schema() THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('extension "vector_ext" is in schema "%s", not in "%s"', home, current_schema()),
            HINT = format('CREATE EXTENSION vector SCHEMA %I, or ALTER EXTENSION vector_ext SET SCHEMA %I first.',
                          home, current_schema());
    END IF;
    FOR member IN
        SELECT i.type || ' ' || i.identity AS object
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector_ext'
         CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) i
         WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
           -- array types follow their types, and from PostgreSQL 18 on row types their views
           AND NOT (d.classid = 'pg_catalog.pg_type'::regclass
                    AND EXISTS (SELECT FROM pg_catalog.pg_type t
                                 WHERE t.typarray = d.objid
                                    OR t.oid = d.objid AND t.typrelid <> 0
                                       AND current_setting('server_version_num')::integer >= 180000))
    LOOP
        EXECUTE format('ALTER EXTENSION vector_ext DROP %s', member.object);
        EXECUTE format('ALTER EXTENSION vector ADD %s', member.object);
    END LOOP;
    DROP EXTENSION vector_ext;
    RAISE INFO 'extension "vector_ext" of this database is now called "vector"';
END $shim$;
