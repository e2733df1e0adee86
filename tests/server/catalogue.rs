//! The contract, catalogue by catalogue: what `CREATE EXTENSION vector_ext` makes is what genuine
//! pgvector's `CREATE EXTENSION vector` makes, and what we add. Both run in databases of one server.
//!
//! Runs where the installation has pgvector beside vector_ext, and says so where it has not.

use std::collections::BTreeSet;

use postgres::Client;

use crate::parity::side_by_side;
use crate::support::Result;
use crate::support::cluster::Cluster;

/// Rows of an extension's objects as text, without the comments on functions, which pgvector has not.
const CATALOGUES: [(&str, &str); 7] = [
    (
        "types",
        "SELECT concat_ws(' ', t.typname, t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory,
                t.typispreferred, t.typcollation, t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin,
                t.typmodout, t.typdelim, t.typanalyze, a.typname)
           FROM pg_type t LEFT JOIN pg_type a ON a.oid = t.typarray WHERE of_extension('pg_type', t.oid)",
    ),
    (
        "functions",
        "SELECT concat_ws(' ', p.proname, pg_get_function_identity_arguments(p.oid), format_type(p.prorettype, NULL),
                p.prokind, p.provolatile, p.proisstrict, p.proparallel, p.procost, p.proleakproof, p.prosecdef, p.prosrc)
           FROM pg_proc p WHERE of_extension('pg_proc', p.oid)",
    ),
    (
        "operators",
        "SELECT concat_ws(' ', o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL),
                format_type(o.oprresult, NULL), o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest,
                o.oprjoin, o.oprcanmerge, o.oprcanhash)
           FROM pg_operator o WHERE of_extension('pg_operator', o.oid)",
    ),
    (
        "aggregates",
        "SELECT concat_ws(' ', a.aggfnoid::regprocedure, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
                format_type(a.aggtranstype, NULL), a.agginitval)
           FROM pg_aggregate a WHERE of_extension('pg_proc', a.aggfnoid)",
    ),
    (
        "casts",
        "SELECT concat_ws(' ', format_type(c.castsource, NULL), format_type(c.casttarget, NULL),
                c.castfunc::regprocedure, c.castcontext, c.castmethod)
           FROM pg_cast c WHERE of_extension('pg_cast', c.oid)",
    ),
    (
        "operator classes",
        "SELECT concat_ws(' ', m.amname, c.opcname, format_type(c.opcintype, NULL), c.opcdefault, f.opfname,
                (SELECT string_agg(a.amopstrategy || ':' || a.amopopr::regoperator::text || a.amoppurpose::text
                                   || coalesce((SELECT s.opfname FROM pg_opfamily s WHERE s.oid = a.amopsortfamily), ''),
                                   '; ' ORDER BY a.amopstrategy)
                   FROM pg_amop a WHERE a.amopfamily = f.oid),
                (SELECT string_agg(p.amprocnum || ':' || p.amproc::regprocedure, '; ' ORDER BY p.amprocnum)
                   FROM pg_amproc p WHERE p.amprocfamily = f.oid))
           FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_opfamily f ON f.oid = c.opcfamily
          WHERE of_extension('pg_opclass', c.oid)",
    ),
    (
        "access methods",
        "SELECT concat_ws(' ', m.amname, m.amhandler, m.amtype, obj_description(m.oid, 'pg_am'),
                (SELECT string_agg(p || '=' || coalesce(pg_indexam_has_property(m.oid, p)::text, 'null'), ' ')
                   FROM unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) p))
           FROM pg_am m WHERE of_extension('pg_am', m.oid)",
    ),
];

/// Beside these, all that a session can see of an extension's objects: for comparing two databases with one extension.
const OBJECTS: [(&str, &str); 7] = [
    (
        "members and comments",
        "SELECT concat_ws(' ', pg_describe_object(d.classid, d.objid, 0), obj_description(d.objid, d.classid::regclass::name))
           FROM pg_depend d WHERE d.deptype = 'e' AND of_extension(d.classid::regclass::text, d.objid)",
    ),
    (
        "dependencies",
        "SELECT concat_ws(' ', pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype,
                pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid))
           FROM pg_depend d WHERE of_extension(d.classid::regclass::text, d.objid)",
    ),
    (
        "definitions of functions",
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.prokind <> 'a' AND of_extension('pg_proc', p.oid)",
    ),
    (
        "views",
        "SELECT concat_ws(' ', c.relname, c.relkind, c.reloptions, pg_get_viewdef(c.oid))
           FROM pg_class c WHERE of_extension('pg_class', c.oid)",
    ),
    (
        "columns",
        "SELECT concat_ws(' ', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attacl,
                col_description(c.oid, a.attnum))
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE of_extension('pg_class', c.oid)",
    ),
    (
        "rights",
        "SELECT concat_ws(' ', pg_describe_object(o.catalogue, o.oid, 0), o.owner::regrole, o.acl)
           FROM (SELECT 'pg_proc'::regclass, oid, proowner, proacl FROM pg_proc
                  UNION ALL SELECT 'pg_class'::regclass, oid, relowner, relacl FROM pg_class
                  UNION ALL SELECT 'pg_type'::regclass, oid, typowner, typacl FROM pg_type) o (catalogue, oid, owner, acl)
          WHERE of_extension(o.catalogue::text, o.oid)",
    ),
    (
        "first rights",
        "SELECT concat_ws(' ', pg_describe_object(i.classoid, i.objoid, i.objsubid), i.privtype, i.initprivs)
           FROM pg_init_privs i WHERE of_extension(i.classoid::regclass::text, i.objoid)",
    ),
];

/// Each object of an extension with its definition, its comment and its rights, as lines.
pub fn surface(client: &mut Client, extension: &str) -> Result<BTreeSet<String>> {
    tell_members(client, extension)?;
    let mut lines = BTreeSet::new();
    for (catalogue, query) in CATALOGUES.iter().chain(&OBJECTS) {
        let query = query.replace("of_extension", "pg_temp.of_extension");
        let found = rows(client, &query)?;
        lines.extend(found.iter().map(|row| format!("{catalogue}: {row}")));
    }
    Ok(lines)
}

/// A type that pgvector has not: so it has nothing that names it.
const ADDED_TYPE: &str = "int8vec";

/// What pgvector has not: functions, and a view, whose array type is the extension's too from
/// PostgreSQL 18 on.
const ADDED: [&str; 9] = [
    "l2_norm vector ",
    "vector_dims sparsevec ",
    "vector_index_info ",
    "vector_index_check ",
    "vector_index_prewarm ",
    "vector_index_recall ",
    "vector_index_tend ",
    "vector_index_scans ",
    "_vector_index_scans ",
];

fn rows(client: &mut Client, query: &str) -> Result<BTreeSet<String>> {
    let rows = client.query(query, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Tells which objects are the extension's.
fn tell_members(client: &mut Client, extension: &str) -> Result<()> {
    client.batch_execute(&format!(
        "CREATE OR REPLACE FUNCTION pg_temp.of_extension(catalogue text, object oid) RETURNS boolean LANGUAGE sql AS
           $$ SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                              WHERE d.classid = catalogue::regclass AND d.objid = object AND d.deptype = 'e'
                                AND e.extname = '{extension}') $$"
    ))?;
    Ok(())
}

#[test]
fn the_catalogue_is_pgvectors_and_what_we_add() -> Result<()> {
    let cluster = Cluster::start()?;
    let Some(([mut ours, mut theirs], version)) = side_by_side(&cluster)? else {
        return Ok(());
    };
    tell_members(&mut ours, "vector_ext")?;
    tell_members(&mut theirs, "vector")?;
    let mut compared = 0;
    for (catalogue, query) in CATALOGUES {
        let query = query.replace("of_extension", "pg_temp.of_extension");
        let (found, wanted) = (rows(&mut ours, &query)?, rows(&mut theirs, &query)?);
        let is_added = |row: &str| {
            row.contains(ADDED_TYPE) || ADDED.iter().any(|added| row.starts_with(added))
        };
        let more = found.difference(&wanted);
        let more: Vec<&String> = more.filter(|row| !is_added(row)).collect();
        let less = wanted.difference(&found);
        let less: Vec<&String> = less.collect();
        assert!(
            more.is_empty() && less.is_empty(),
            "{catalogue}: more {more:#?}, less {less:#?}"
        );
        compared += wanted.len();
    }
    assert!(compared > 200, "only {compared} rows");
    println!("{compared} rows of catalogues are as pgvector {version} has them");
    Ok(())
}
