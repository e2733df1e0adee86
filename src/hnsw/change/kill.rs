//! Kill: rows that were seen to be dead to everybody, which scans leave out until vacuum removes them.

use crate::index::{Error, Tid};
use crate::page::{self, PageStore};

use crate::hnsw::index::Index;
use crate::hnsw::nodes::meta::KIND_NODES;
use crate::hnsw::nodes::pages::NodePart;
use crate::hnsw::spaces::space::Space;

impl<S: PageStore, V: Space> Index<'_, S, V> {
    /// Notes in its node that a row is dead, if `still_dead` says so. False where it was not noted.
    ///
    /// A place in the table is given to another row only after a vacuum has removed it from the index. So if
    /// the page has not changed since before `still_dead` was asked, the row that it saw dead is the one that
    /// is noted. The page's position in the log tells that, so the store must log changes.
    ///
    /// # Errors
    /// Where pages cannot be read or written.
    pub fn kill(
        &self,
        node: u32,
        tid: Tid,
        still_dead: impl FnOnce() -> bool,
    ) -> Result<bool, Error> {
        let block = self.shape().slot_of(node).block;
        let seen = page::lsn(&*self.pages.store.read(block)?);
        let here = self
            .pages
            .read(node, |node| node.live() && node.tids().any(|t| t == tid))?;
        if !here || !still_dead() {
            return Ok(false);
        }
        let mut edit = self.pages.change();
        if page::lsn(edit.page(block, KIND_NODES)?) != seen {
            return Ok(false);
        }
        let noted = edit.node(node, NodePart::Head, |node| node.kill(tid))?;
        if noted {
            edit.commit()?;
        }
        Ok(noted)
    }
}
