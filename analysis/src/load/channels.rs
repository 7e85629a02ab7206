//! The channels a model expects.

use strum::{Display, EnumString};

/// Channels a model expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown)]
pub enum Channels {
    /// Red, green, blue; a grey image is repeated three times.
    Rgb,
    Bgr,
    /// One channel, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    Gray,
}

fn unknown(_: &str) -> String {
    "expected rgb, bgr or gray".to_owned()
}
