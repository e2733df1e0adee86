-- text form
SELECT '[1,2,3]'::vector;
SELECT '[-1,-2,-3]'::vector;
SELECT '[1.,2.,3.]'::vector;
SELECT ' [ 1,  2 ,    3  ] '::vector;
SELECT '[1.23456]'::vector;
SELECT '[0x10,0x1p-2,-0X1.8P1]'::vector;
SELECT '[+1,.5,1e5,1E-3]'::vector;
SELECT '[1e6,123456,100000,0.0001,0.00001,-0]'::vector;
SELECT '[3.4028235e38,1.17549435e-38,1e-45]'::vector;
SELECT '[1.5e38,-1.5e38]'::vector;
SELECT '[1.5e+38,-1.5e+38]'::vector;
SELECT '[1.5e-38,-1.5e-38]'::vector;
SELECT '[1e-46,1e-400]'::vector;
SELECT '[16777216,33554432,4194304,9007199254740992]'::vector;
SELECT '[hello,1]'::vector;
SELECT '[NaN,1]'::vector;
SELECT '[nan(7),1]'::vector;
SELECT '[Infinity,1]'::vector;
SELECT '[-Infinity,1]'::vector;
SELECT '[inf]'::vector;
SELECT '[4e38,1]'::vector;
SELECT '[-4e38,1]'::vector;
SELECT '[0x1p200]'::vector;
SELECT '[1,2,3'::vector;
SELECT '[1,2,3]9'::vector;
SELECT '1,2,3'::vector;
SELECT ''::vector;
SELECT '['::vector;
SELECT '[ '::vector;
SELECT '[,'::vector;
SELECT '[]'::vector;
SELECT '[ ]'::vector;
SELECT '[,]'::vector;
SELECT '[1,]'::vector;
SELECT '[1a]'::vector;
SELECT '[1,,3]'::vector;
SELECT '[1, ,3]'::vector;
SELECT '[1 2]'::vector;
SELECT '[0x]'::vector;
SELECT '[1e]'::vector;
SELECT '[--1]'::vector;
SELECT '[[1]]'::vector;

-- type modifier
SELECT '[1,2,3]'::vector(3);
SELECT '[1,2,3]'::vector(2);
SELECT '[1,2,3]'::vector(3, 2);
SELECT '[1,2,3]'::vector('a');
SELECT '[1,2,3]'::vector(0);
SELECT '[1,2,3]'::vector(-1);
SELECT '[1,2,3]'::vector(16000);
SELECT '[1,2,3]'::vector(16001);
SELECT format_type('vector'::regtype, 3);

-- arrays of vectors
SELECT unnest('{"[1,2,3]","[4,5,6]"}'::vector[]);
SELECT '{"[1,2,3]"}'::vector(2)[];

-- binary form
SELECT vector_send('[1,-2.5]');
SELECT vector_send('[0.1,-0,3.4028235e38]');

-- limits
SELECT vector_dims(array_fill(1, ARRAY[16000])::vector);
SELECT array_fill(1, ARRAY[16001])::vector;
SELECT pg_column_size('[1,2,3]'::vector);

-- a column keeps its dimensions
CREATE TABLE t (v vector(3));
INSERT INTO t VALUES ('[1,2,3]'), (NULL), (ARRAY[4,5,6]);
INSERT INTO t VALUES ('[1,2]');
INSERT INTO t VALUES (ARRAY[1,2,3,4]);
SELECT * FROM t;
ALTER TABLE t ALTER v TYPE vector(2);
ALTER TABLE t ALTER v TYPE vector;
INSERT INTO t VALUES ('[1,2]');
SELECT * FROM t;
DROP TABLE t;
