//! Under construction.

pub mod bounds;
pub mod confusion;
pub mod longtail;
pub mod norms;
