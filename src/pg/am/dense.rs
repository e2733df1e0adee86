//! Dense vectors as indexes take them: as float32, whatever the elements of their type; and the distances of their
//! metrics as operators give them.

use std::ops::Deref;

use crate::pg::types::Borrowed;
use crate::quantize::Form;
use crate::values::Metric;
use crate::vector::{Element, f16};

/// An element whose vectors are indexed by way of float32.
pub trait Floats: Element {
    /// A vector of them as float32.
    type Wide: Deref<Target = [f32]>;

    /// How an index stores what it does not rotate.
    const FORM: Form;

    /// The form that an index takes where this one is asked for; None for what suits the size.
    #[must_use]
    fn form(asked: Option<Form>) -> Option<Form> {
        asked
    }

    /// Widens a vector.
    fn wide(vector: Borrowed<Self>) -> Self::Wide;
}

impl Floats for f32 {
    type Wide = Borrowed;
    const FORM: Form = Form::F32;

    fn wide(vector: Borrowed) -> Borrowed {
        vector
    }
}

impl Floats for f16 {
    type Wide = Vec<f32>;
    const FORM: Form = Form::F16;

    fn wide(vector: Borrowed<Self>) -> Vec<f32> {
        Self::widened(&vector)
    }
}

impl Floats for i8 {
    type Wide = Vec<f32>;
    const FORM: Form = Form::Whole;

    /// Whole numbers take one byte each, as rounded int8 does.
    fn form(asked: Option<Form>) -> Option<Form> {
        match asked {
            None | Some(Form::Int8 | Form::Whole) => Some(Form::Whole),
            Some(Form::F32 | Form::F16) => asked,
        }
    }

    fn wide(vector: Borrowed<Self>) -> Vec<f32> {
        Self::widened(&vector)
    }
}

/// A distance, in the measure of a metric, as its operator gives it.
pub fn shown(metric: Metric, distance: f32) -> f64 {
    let distance = f64::from(distance);
    match metric {
        Metric::L2 => distance.max(0.0).sqrt(),
        Metric::InnerProduct => distance,
        Metric::Cosine => distance / 2.0,
    }
}
