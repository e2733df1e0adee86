-- What anybody can make who may create in a schema: an operator of every name that SQL of an extension could use, for every
-- two of the types that it brings together, and for every function that it calls one of the same name, for all arguments
-- that it could be given. Where all types match exactly, these win over those of pg_catalog, wherever in search_path
-- they are. Each raises an error, so none runs unnoticed. @SCHEMA@ is where they lie, @NAMES@ an array of functions.
SET search_path = pg_catalog;

CREATE FUNCTION pg_temp.types() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT unnest('{oid,regclass,regtype,regnamespace,name,text,"\"char\"",boolean,smallint,integer,bigint,real,
                    double precision,numeric,tid,timestamptz,interval,text[],integer[],double precision[]}'::text[])
$$;

CREATE FUNCTION pg_temp.make(function text, arguments text, result text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    message text := format('captured: %s(%s)', function, arguments);
    body text := format('BEGIN RAISE EXCEPTION %L; END', replace(message, '%', '%%'));
BEGIN
    EXECUTE format('CREATE FUNCTION @SCHEMA@.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', function, arguments, result, body);
END $$;

SELECT pg_temp.make('trap_' || result, a || ', ' || b, result)
  FROM pg_temp.types() a, pg_temp.types() b, unnest('{bool,text,float8}'::text[]) result;

DO $$
DECLARE
    l text;
    r text;
    o text;
    result text;
BEGIN
    FOR l, r IN SELECT a, b FROM pg_temp.types() a, pg_temp.types() b LOOP
        FOR o, result IN VALUES ('=', 'bool'), ('<>', 'bool'), ('<', 'bool'), ('<=', 'bool'), ('>', 'bool'), ('>=', 'bool'),
                ('~', 'bool'), ('~~', 'bool'), ('||', 'text'), ('+', 'float8'), ('-', 'float8'), ('*', 'float8'),
                ('/', 'float8') LOOP
            EXECUTE format('CREATE OPERATOR @SCHEMA@.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = @SCHEMA@.trap_%s)',
                           o, l, r, result);
        END LOOP;
    END LOOP;
END $$;

-- Up to four arguments; from the third on, of the types that are in such places.
WITH few(of) AS (SELECT unnest('{text,name,integer,boolean}'::text[])),
     arguments(list) AS (
        SELECT '' UNION ALL
        SELECT a FROM pg_temp.types() a UNION ALL
        SELECT a || ', ' || b FROM pg_temp.types() a, pg_temp.types() b UNION ALL
        SELECT concat_ws(', ', a.of, b.of, c.of) FROM few a, few b, few c UNION ALL
        SELECT concat_ws(', ', 'text', b.of, c.of, d.of) FROM few b, few c, few d)
SELECT pg_temp.make(name, list, 'text') FROM unnest(@NAMES@::text[]) name, arguments;
