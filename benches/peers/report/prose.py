"""What the page says about how it was measured."""

from collections.abc import Mapping

COMMON = """\
Private servers of the same PostgreSQL with the same settings, each with one of the extensions and one index; libraries
each in a process of their own; the same rows, the same questions, which are no rows. All vectors have length 1, so that
cosine (servers, Qdrant) and inner product (the others) ask for the same order. Recall is by ids, against all rows
measured by the benchmark itself in float64; a row as near as the last one counts as well, up to 1e-7.

Peers take turns at each setting, and every second round begins at the other end. Every question was asked once before
anything counts. Figures are medians of rounds, in brackets the lowest and the highest round; ratios are taken within a
round, and are above 1 where vector_ext is the better one; *level* where the rounds disagree on that or it is by less
than 3 %. Rates at a recall are interpolated between neighbouring
points of a peer's best, linearly in recall and in the logarithm of the rate; with ≥ even the cheapest setting finds
more; a dash says that no setting finds as much. A measurement of a server lasts {seconds} s, one of a library
{library_seconds} s and 50 questions at least. Settings that another one clearly beats in the first round, at no less
recall, are left out of the rounds after it. MB are 1,048,576 bytes.

Whom the choices favour:

- **The client of the servers is pgbench** with prepared statements, over a unix socket: native, and the same for both.
  A question is a row of a table, whole in its page, fetched by primary key in the same statement, so that no vector is
  printed or parsed; the fetch counts. The first statements of each client, which load a library and plan, do not. What
  `SELECT 1` takes through it is in the tables.
- **Libraries run in process**: no connection, no transaction, no log, no locks against other sessions. One query a
  call on one thread; requests are made ready before the clock starts, answers are read after it stops. The call from
  Python costs some microseconds.
"""

GRAPH = """\
- **Same graph everywhere**: m = 16, 64 candidates while building, all {cores} cores at building. FAISS' threads sleep
  while they wait (`OMP_WAIT_POLICY=PASSIVE`, unless set): spinning slows its builds manyfold where anything else runs.
- **Without a filter** `hnsw.iterative_scan = off`, and the planner must take the index. **Behind filters** it is free,
  and every filter column has a b-tree (Qdrant: an index of its payload); bounds are literals, so that planners know how
  many rows pass. Of a session the first second does not count: vector_ext learns in it where the index has the rows
  (`hnsw.outline_mem`), for a tenth of a second or two at 100,000 rows. pgvector's `hnsw.max_scan_tuples` is its default
  of 20,000, but in the variant *no limit*, where `hnsw.scan_mem_multiplier` is 8 as well.
- **Qdrant** scores with one thread, and may answer from a small or strongly filtered set without its graph (its default
  threshold, 10,000 kB).
- What else is not stated is each peer's default."""

LISTS = """\
- **Numbers of lists**: `sqrt` is the root of the rows, `2sqrt` twice as many, as FAISS has. Plain `vector_ext` is made
  without `lists`, so it chooses the number itself. `vector_ext_hnsw` is its graph, m = 16, 64 candidates while
  building, for reference. All {cores} cores at building.
- **FAISS' codes** are measured again in float32, from rows that it keeps in memory: `RFlat`. Its threads sleep while
  they wait (`OMP_WAIT_POLICY=PASSIVE`, unless set).
- **Without a filter** `ivfflat.iterative_scan = off`, and the planner must take the index. Every peer is asked with the
  same numbers of probes; `target_recall` is vector_ext with `ivfflat.probes = 0`, which chooses them for a recall.
  **Behind filters** the planner is free, and every filter column has a b-tree; bounds are literals, so that planners
  know how many rows pass. Of a session the first second does not count.
- What else is not stated is each peer's default."""

METHODS: Mapping[str, str] = {"hnsw": COMMON + GRAPH, "ivfflat": COMMON + LISTS}

ABOUT: Mapping[str, str] = {
    "pairs": "The same number of lists on both servers, one client. Ratios are above 1 where vector_ext is faster.",
    "memory": """\
Few lists are the root of the rows; many are 4,000, or a list for each 25 rows where that is less. Libraries have no
limit of memory. *Refused* is what the server says where it does not build.""",
    "grow": """\
A tenth of the rows at a time, in one statement, and a `VACUUM` after each; `full_page_writes = off`. *Built* is the
server's own index, made on all rows at once, of the same table's rows; both are asked by turns.""",
    "build": """\
One peer at a time. Peak memory is what was resident at once beyond what was there before: private memory of all
processes, dynamic shared memory once, mapped files for Qdrant; shared buffers are not counted. A library's index is all
there is of the vectors; beside a server's index lies the table.""",
    "search": "",
    "clients": """\
Servers only, at their first setting that finds as much. Client and server share the cores of the machine: where a
search comes near `SELECT 1`, the client limits it.""",
    "filtered": """\
In brackets: how many of all rows are nearer to the question than its last true answer (median), which is what a search
along the vectors has to get past. *Against the question*: rows are filtered by their place along the direction in which
they vary most, and asked are the questions that lie at its other end; of two conditions the second is random. Only
peers that store columns.""",
    "cold": """\
`shared_buffers` of a tenth of the index, and before each question the system is told to forget the files of table and
index (posix_fadvise), so that what is not in shared buffers comes from the disk; that of a virtual machine may have a
cache of its own. One client in Python with a prepared statement. Milliseconds.""",
    "story": """\
Ten questions, k = 3, one client, everything as it is shipped (`hnsw.ef_search` is 40 on both servers), FAISS exact.
Milliseconds a query.""",
    "change": """\
Servers only: libraries have no transactions, and nothing to vacuum. Single rows, each a transaction,
`synchronous_commit = off`. Inserted rows are one of the base and half of another. Updates change a column that no index
has; `full_page_writes = off` for both, so that the log does not hang on checkpoints. Then one row in ten is deleted,
with full-page images after a checkpoint.""",
}
