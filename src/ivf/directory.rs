//! Directory: the lists, with the codes of their centres around the mean of all rows, and where the rows of each are.

use crate::index::Error;
use crate::page::{self, Bytes, PageError, PageStore, field, set_field};
use crate::quantize::{LANES, estimate};

use super::blocks::{CodePage, CodePageMut};
use super::coder::{Coder, Query};
use super::index::ListIndex;
use super::meta::{KIND_CENTRES, KIND_LISTS, NONE};
use super::radii::Radii;
use super::shape::{CENTRE_FORM, HEAD_BYTES, SCALE_BYTES, VectorPages};

/// How many standard errors below its estimate a distance is assumed to be: 0.13 in a hundred are nearer.
pub const ERRORS: f32 = 3.0;

/// Lists whose centres are measured beside those that are wanted: estimates of their distances may be off.
const MEASURED_BEYOND: usize = 11;

/// How often the directory is read again where lists are split meanwhile.
const ATTEMPTS: usize = 100;

/// Where the rows of a list are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListHead {
    /// Its first page; [`NONE`] in a list without rows.
    pub first: u32,
    /// Its last page.
    pub last: u32,
    /// Rows that a vacuum has counted, and those of full pages since.
    pub rows: u32,
    /// The number that its pages carry, which no other list has had.
    pub number: u32,
    /// The squared length of its centre.
    pub squared: f32,
    /// How far its rows are from its centre.
    pub radii: Radii,
}

impl ListHead {
    /// Of a list without rows.
    pub fn empty(number: u32, squared: f32) -> Self {
        Self {
            first: NONE,
            last: NONE,
            rows: 0,
            number,
            squared,
            radii: Radii::NONE,
        }
    }

    pub fn from_bytes(bytes: [u8; HEAD_BYTES]) -> Self {
        let numbers = [0, 4, 8, 12].map(|at| u32::from_ne_bytes(field(&bytes, at)));
        let [first, last, rows, number] = numbers;
        Self {
            first,
            last,
            rows,
            number,
            squared: f32::from_ne_bytes(field(&bytes, 16)),
            radii: Radii::from_bytes(field(&bytes, 20)),
        }
    }

    pub fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let numbers = [self.first, self.last, self.rows, self.number];
        for (at, number) in (0..).step_by(4).zip(numbers) {
            set_field(&mut bytes, at, number.to_ne_bytes());
        }
        set_field(&mut bytes, 16, self.squared.to_ne_bytes());
        set_field(&mut bytes, 20, self.radii.to_bytes());
        bytes
    }
}

/// Where a list stands in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListPlace {
    /// The page.
    pub block: u32,
    /// The lane.
    pub lane: u16,
}

/// A list that a search may read.
#[derive(Clone, Copy, Debug)]
pub struct KnownList {
    pub place: ListPlace,
    pub head: ListHead,
    /// The squared distance of its centre from the query, as its code tells it.
    pub estimate: f32,
    /// Where its centre is: page and first byte there.
    pub centre: CentrePlace,
}

/// Where a centre is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CentrePlace {
    pub block: u32,
    pub offset: usize,
}

/// Shows the stored form of a centre, with its scale.
pub fn read_centre<S: PageStore, T>(
    index: &ListIndex<'_, S>,
    list: &KnownList,
    show: impl FnOnce(&[u8], f32) -> T,
) -> Result<T, PageError> {
    let pages = index.parameters.shape.centres;
    let shown = |bytes: &[u8]| {
        let own = bytes.get(SCALE_BYTES..).unwrap_or_default();
        show(own, f32::from_ne_bytes(field(bytes, 0)))
    };
    if pages.parts == 1 {
        let CentrePlace { block, offset } = list.centre;
        let page = index.page(block, KIND_CENTRES)?;
        let bytes = page::content(&page).get(offset..offset + pages.bytes);
        return Ok(shown(bytes.unwrap_or_default()));
    }
    let directory = index.page(list.place.block, KIND_LISTS)?;
    let lanes = CodePage::new(&directory, index.parameters.shape.lists);
    let first = pages.place(list.place.lane.into()).page;
    let parts = (first..first + pages.parts).map(|part| lanes.owned(part));
    let blocks: Vec<u32> = parts.collect();
    drop(directory);
    let mut bytes = Vec::with_capacity(pages.bytes);
    for block in blocks {
        let page = index.page(block, KIND_CENTRES)?;
        let end = (pages.bytes - bytes.len()).min(page::CONTENT_BYTES);
        bytes.extend_from_slice(page::content(&page).get(..end).unwrap_or_default());
    }
    Ok(shown(&bytes))
}

/// A centre that was stored, as a point.
pub fn decoded_centre(dims: usize, own: &[u8], scale: f32) -> Vec<f32> {
    let mut centre = vec![0.0; dims];
    CENTRE_FORM.decode(own, scale, &mut centre);
    centre
}

/// A centre as it will be read, and its bytes.
pub fn stored_centre(centre: &[f32]) -> (Vec<f32>, Vec<u8>) {
    let mut bytes = vec![0; SCALE_BYTES + CENTRE_FORM.bytes(centre.len())];
    let (scale_bytes, own) = bytes.split_at_mut(SCALE_BYTES);
    let scale = CENTRE_FORM.encode(centre, own);
    set_field(scale_bytes, 0, scale.to_ne_bytes());
    let mut read = vec![0.0; centre.len()];
    CENTRE_FORM.decode(own, scale, &mut read);
    (read, bytes)
}

impl<S: PageStore> ListIndex<'_, S> {
    /// The lists whose centres are nearest to a point, nearest first, at most `count`: as many more as may be among
    /// them by the codes of their centres are measured.
    pub(in crate::ivf) fn nearest_lists(
        &self,
        point: &[f32],
        count: usize,
    ) -> Result<Vec<KnownList>, Error> {
        let query = self.coder.query(point.to_vec(), 0.0);
        let mut lists = self.lists(&query)?;
        let measured = count + MEASURED_BEYOND;
        let order = |a: &KnownList, b: &KnownList| a.estimate.total_cmp(&b.estimate);
        if lists.len() > measured {
            lists.select_nth_unstable_by(measured, order);
            lists.truncate(measured);
        }
        for list in &mut lists {
            list.estimate = read_centre(self, list, |own, scale| {
                self.coder.squared_from(&query, own, scale)
            })?;
        }
        lists.sort_unstable_by(order);
        lists.truncate(count);
        Ok(lists)
    }

    /// The centre of a list, as a point.
    pub(in crate::ivf) fn centre(&self, list: &KnownList) -> Result<Vec<f32>, PageError> {
        read_centre(self, list, |own, scale| {
            decoded_centre(self.parameters.dims, own, scale)
        })
    }

    /// All lists, with estimates of how far their centres are from a query: those at one moment, for a list that is
    /// split is replaced by two in one change of the version.
    ///
    /// # Errors
    /// Where pages cannot be read, or lists change faster than they are read.
    pub(in crate::ivf) fn lists(&self, query: &Query) -> Result<Vec<KnownList>, PageError> {
        self.at_one_version(|index, directory| index.try_lists(query, directory))
    }

    /// What `read` finds in the directory, whose first page it is told, as the directory is at one moment.
    ///
    /// # Errors
    /// Those of `read`, or where lists change faster than they are read.
    pub(in crate::ivf) fn at_one_version<T, E: From<PageError>>(
        &self,
        read: impl Fn(&Self, u32) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..ATTEMPTS {
            let before = self.roots()?;
            let found = read(self, before.directory)?;
            if self.roots()?.version == before.version {
                return Ok(found);
            }
        }
        Err(E::from(PageError::Corrupt {
            block: super::meta::META,
            reason: "lists change without end".into(),
        }))
    }

    fn try_lists(&self, query: &Query, first: u32) -> Result<Vec<KnownList>, PageError> {
        let shape = self.parameters.shape;
        let constant = self.coder.squared_from_mean(query);
        let (mut lists, mut block) = (Vec::new(), first);
        let mut distances = [0.0; LANES];
        while block != NONE {
            let page = self.page(block, KIND_LISTS)?;
            let lanes = CodePage::new(&page, shape.lists);
            lists
                .try_reserve(lanes.used())
                .map_err(|_| PageError::Memory)?;
            for at in 0..lanes.used().div_ceil(LANES) {
                let Some(scored) = lanes.block(at) else {
                    break;
                };
                estimate(query.centre_table(), scored.lanes, constant, &mut distances);
                for (lane, distance) in (at * LANES..).zip(distances) {
                    if lanes.is_taken(lane) {
                        lists.push(KnownList {
                            place: ListPlace {
                                block,
                                lane: u16::try_from(lane).unwrap_or(u16::MAX),
                            },
                            head: ListHead::from_bytes(lanes.subject(lane)),
                            estimate: distance,
                            centre: centre_place(lanes, lane, shape.centres),
                        });
                    }
                }
            }
            block = page::next(&page);
        }
        Ok(lists)
    }
}

/// Where the centre of a list is.
pub fn centre_place(lanes: CodePage<'_>, lane: usize, pages: VectorPages) -> CentrePlace {
    let place = pages.place(lane);
    CentrePlace {
        block: lanes.owned(place.page),
        offset: place.offset,
    }
}

/// Writes a list into a lane of a page of the directory.
pub fn set_list(page: &mut Bytes, coder: &Coder, lane: usize, list: &NewList<'_>) {
    let mut lanes = CodePageMut::new(page, list.shape);
    lanes.set_code(lane, &coder.code_of_centre(list.centre));
    lanes.set_subject(lane, list.head.to_bytes());
    let used = lanes.read().used().max(lane + 1);
    lanes.set_used(used);
}

/// A list that comes into the directory.
pub struct NewList<'l> {
    pub shape: super::shape::CodePages,
    /// As it will be read.
    pub centre: &'l [f32],
    pub head: ListHead,
}
