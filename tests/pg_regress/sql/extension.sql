-- what vector_ext adds
LOAD 'vector_ext';
SHOW vector_ext.kernels;
SET vector_ext.kernels = plain;
SHOW vector_ext.kernels;
SELECT '[1,2,3,4,5,6,7,8,9]'::vector <-> '[9,8,7,6,5,4,3,2,1]';
SET vector_ext.kernels = fast;
SET vector_ext.kernel = auto;
RESET vector_ext.kernels;
SELECT '[1,2,3,4,5,6,7,8,9]'::vector <-> '[9,8,7,6,5,4,3,2,1]';
-- the extension can live in any schema, and be moved
DROP EXTENSION vector_ext;
CREATE SCHEMA elsewhere;
CREATE EXTENSION vector_ext SCHEMA elsewhere;
SELECT '[1,2]'::elsewhere.vector OPERATOR(elsewhere.<->) '[1,3]';
ALTER EXTENSION vector_ext SET SCHEMA public;
SELECT '[1,2]'::vector <-> '[1,3]';
DROP SCHEMA elsewhere;
-- a value whose header lies is found out
CREATE FUNCTION raw_send(bytea) RETURNS bytea AS '$libdir/vector_ext', 'vector_send' LANGUAGE C STRICT;
SELECT raw_send('\x0000');
SELECT raw_send('\x0500000001020304');
DROP FUNCTION raw_send;
