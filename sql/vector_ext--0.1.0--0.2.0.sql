-- Brings a database from vector_ext 0.1.0 to the surface of vector_ext.sql. Each change there is made here too;
-- `tests/server/upgrade` compares.
--
-- Under the name `vector` the same script runs where its changes may be made already (scripts/shim). So every statement must
-- be one that can be run twice: CREATE OR REPLACE, COMMENT ON, ALTER, DROP ... IF EXISTS; what has no OR REPLACE stands
-- in a DO block that looks first whether it is there.

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION vector_ext UPDATE" to load this file. \quit
