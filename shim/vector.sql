-- vector_ext under pgvector's name. `scripts/shim` puts sql/vector_ext.sql in the place of the marked line.

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vector" to load this file. \quit

-- Names have their schemas, as sql/vector_ext.sql says.
DO $shim$
DECLARE
    home pg_catalog.name;
    here pg_catalog.name := pg_catalog.current_schema();
    member record;
    code pg_catalog.text;
    message pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
BEGIN
    SELECT n.nspname INTO home
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
     WHERE e.extname OPERATOR(pg_catalog.=) 'vector_ext'::pg_catalog.name;
    IF home IS NULL THEN
        BEGIN
            EXECUTE $surface$
@SURFACE@
$surface$;
        EXCEPTION WHEN others THEN
            -- Raised again, for its context would be the whole script.
            GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            IF detail OPERATOR(pg_catalog.<>) ''::pg_catalog.text THEN
                message := pg_catalog.format(E'%s\n%s', message, detail);
            END IF;
            IF hint OPERATOR(pg_catalog.<>) ''::pg_catalog.text THEN
                message := pg_catalog.format(E'%s\n%s', message, hint);
            END IF;
            RAISE USING ERRCODE = code, MESSAGE = message;
        END;
        RETURN;
    END IF;

    -- The database has vector_ext. Both names for the same objects could not be dumped in an order that restores,
    -- so the objects change their extension and keep their identity; columns and indexes do not notice.
    IF home OPERATOR(pg_catalog.<>) here THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = pg_catalog.format('extension "vector_ext" is in schema "%s", not in "%s"', home, here),
            HINT = pg_catalog.format('CREATE EXTENSION vector SCHEMA %I, or ALTER EXTENSION vector_ext SET SCHEMA %I first.',
                                     home, here);
    END IF;
    FOR member IN
        SELECT d.classid, d.objid, i.type, i.identity
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
           AND e.extname OPERATOR(pg_catalog.=) 'vector_ext'::pg_catalog.name
         CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) i
         WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
           AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char"
           -- array types follow their types
           AND NOT (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
                    AND EXISTS (SELECT FROM pg_catalog.pg_type t
                                 WHERE t.typarray OPERATOR(pg_catalog.=) d.objid))
         ORDER BY (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid) DESC
    LOOP
        -- From PostgreSQL 17 on, row types follow their views.
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend d
              JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
               AND e.extname OPERATOR(pg_catalog.=) 'vector_ext'::pg_catalog.name
             WHERE d.classid OPERATOR(pg_catalog.=) member.classid
               AND d.objid OPERATOR(pg_catalog.=) member.objid
               AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
               AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char");
        EXECUTE pg_catalog.format('ALTER EXTENSION vector_ext DROP %s %s', member.type, member.identity);
        EXECUTE pg_catalog.format('ALTER EXTENSION vector ADD %s %s', member.type, member.identity);
    END LOOP;
    DROP EXTENSION vector_ext;
    RAISE INFO 'extension "vector_ext" of this database is now called "vector"';
END $shim$;
