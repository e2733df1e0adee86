//! Operator classes that both extensions have.

use super::datasets::Lie;

/// An operator class.
pub struct Class {
    pub name: &'static str,
    pub operator: &'static str,
    /// The type, without dimensions.
    base: &'static str,
}

const fn class(name: &'static str, operator: &'static str, base: &'static str) -> Class {
    Class {
        name,
        operator,
        base,
    }
}

/// All of them.
pub const CLASSES: [Class; 14] = [
    class("vector_l2_ops", "<->", "vector"),
    class("vector_ip_ops", "<#>", "vector"),
    class("vector_cosine_ops", "<=>", "vector"),
    class("vector_l1_ops", "<+>", "vector"),
    class("halfvec_l2_ops", "<->", "halfvec"),
    class("halfvec_ip_ops", "<#>", "halfvec"),
    class("halfvec_cosine_ops", "<=>", "halfvec"),
    class("halfvec_l1_ops", "<+>", "halfvec"),
    class("sparsevec_l2_ops", "<->", "sparsevec"),
    class("sparsevec_ip_ops", "<#>", "sparsevec"),
    class("sparsevec_cosine_ops", "<=>", "sparsevec"),
    class("sparsevec_l1_ops", "<+>", "sparsevec"),
    class("bit_hamming_ops", "<~>", "bit"),
    class("bit_jaccard_ops", "<%>", "bit"),
];

impl Class {
    /// Whether the type has room for the numbers of a shape: those of float16 end at 65,504.
    pub fn holds(&self, shape: Lie) -> bool {
        self.base != "halfvec" || shape != Lie::Outlier
    }

    /// The type of a column.
    pub fn kind(&self, dims: usize) -> String {
        format!("{}({dims})", self.base)
    }

    /// An expression of type `vector` as a value of this class: of bits, the signs.
    pub fn value(&self, vector: &str, dims: usize) -> String {
        match self.base {
            "bit" => format!("binary_quantize({vector})::bit({dims})"),
            base => format!("({vector})::{base}({dims})"),
        }
    }
}
