//! The types of SQLite's values.

use std::fmt::{self, Display, Formatter};

use sqlx_core::type_info::TypeInfo;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No value.
    Null,
    /// An integer of 64 bits.
    Integer,
    /// A floating point number.
    Real,
    /// Text.
    Text,
    /// Bytes.
    Blob,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl TypeInfo for Kind {
    fn is_null(&self) -> bool {
        *self == Self::Null
    }

    fn name(&self) -> &str {
        self.word()
    }
}
