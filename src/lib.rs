//! Under construction.

pub mod bounds;
pub mod car;
pub mod confusion;
pub mod longtail;
pub mod norms;
