//! The drawing kit: knows shapes, axes and colours, and nothing of reports.
//!
//! A [`Figure`] is a list of shapes ([`scene`]), drawn once for each [`Layout`]: [`svg`] writes it
//! with plotters, [`png`] renders that very SVG. Colours are safe for colour-blind readers and
//! never the only difference ([`palette`]); legends stand above the data.

pub mod figure;
pub mod layout;
pub mod palette;
pub mod panel;
pub mod png;
pub mod scale;
pub mod scene;
pub mod svg;

pub use figure::{DrawError, Figure};
pub use layout::Layout;
