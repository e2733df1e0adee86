-- text form
SELECT '[1,2,3]'::halfvec;
SELECT '[-1,-2,-3]'::halfvec;
SELECT '[1.,2.,3.]'::halfvec;
SELECT ' [ 1,  2 ,    3  ] '::halfvec;
SELECT '[1.23456]'::halfvec;
SELECT '[0x10,0x1p-2,-0X1.8P1]'::halfvec;
SELECT '[+1,.5,1e4,1E-3]'::halfvec;
SELECT '[1e4,12345,0.0001,0.00001,-0]'::halfvec;
SELECT '[65504,65519,6.1e-05,6e-08]'::halfvec;
SELECT '[1.5e4,-1.5e4]'::halfvec;
SELECT '[1.5e+4,-1.5e+4]'::halfvec;
SELECT '[1.5e-4,-1.5e-4]'::halfvec;
SELECT '[2.98e-8,2.99e-8,1e-400]'::halfvec;
SELECT '[2047,2048,2049,2050,2051,32767]'::halfvec;
SELECT '[hello,1]'::halfvec;
SELECT '[NaN,1]'::halfvec;
SELECT '[nan(7),1]'::halfvec;
SELECT '[Infinity,1]'::halfvec;
SELECT '[-Infinity,1]'::halfvec;
SELECT '[4e38]'::halfvec;
SELECT '[inf]'::halfvec;
SELECT '[65520,1]'::halfvec;
SELECT '[-65520,1]'::halfvec;
SELECT '[0x1p16]'::halfvec;
SELECT '[1,2,3'::halfvec;
SELECT '[1,2,3]9'::halfvec;
SELECT '1,2,3'::halfvec;
SELECT ''::halfvec;
SELECT '['::halfvec;
SELECT '[ '::halfvec;
SELECT '[,'::halfvec;
SELECT '[]'::halfvec;
SELECT '[ ]'::halfvec;
SELECT '[,]'::halfvec;
SELECT '[1,]'::halfvec;
SELECT '[1a]'::halfvec;
SELECT '[1,,3]'::halfvec;
SELECT '[1, ,3]'::halfvec;
SELECT '[1 2]'::halfvec;
SELECT '[0x]'::halfvec;
SELECT '[1e]'::halfvec;
SELECT '[--1]'::halfvec;
SELECT '[[1]]'::halfvec;

-- type modifier
SELECT '[1,2,3]'::halfvec(3);
SELECT '[1,2,3]'::halfvec(2);
SELECT '[1,2,3]'::halfvec(3, 2);
SELECT '[1,2,3]'::halfvec('a');
SELECT '[1,2,3]'::halfvec(0);
SELECT '[1,2,3]'::halfvec(-1);
SELECT '[1,2,3]'::halfvec(16000);
SELECT '[1,2,3]'::halfvec(16001);
SELECT format_type('halfvec'::regtype, 3);

-- arrays
SELECT unnest('{"[1,2,3]","[4,5,6]"}'::halfvec[]);
SELECT '{"[1,2,3]"}'::halfvec(2)[];

-- binary form
SELECT halfvec_send('[1,-2.5]');
SELECT halfvec_send('[0.1,-0,65504]');

-- limits
SELECT vector_dims(array_fill(1, ARRAY[16000])::halfvec);
SELECT array_fill(1, ARRAY[16001])::halfvec;
SELECT pg_column_size('[1,2,3]'::halfvec);

-- a column keeps its dimensions
CREATE TABLE t (v halfvec(3));
INSERT INTO t VALUES ('[1,2,3]'), (NULL), (ARRAY[4,5,6]);
INSERT INTO t VALUES ('[1,2]');
INSERT INTO t VALUES (ARRAY[1,2,3,4]);
SELECT * FROM t;
ALTER TABLE t ALTER v TYPE halfvec(2);
ALTER TABLE t ALTER v TYPE halfvec;
INSERT INTO t VALUES ('[1,2]');
SELECT * FROM t;
DROP TABLE t;
