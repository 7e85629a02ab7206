//! What `analyze` leaves behind: `report.json`, `report.html`, `per_class.csv`, the plots, and a table on stdout.

mod schema;

pub use schema::*;
