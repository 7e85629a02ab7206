//! The confusion-aware regulariser (Zhu et al., CVPR 2026): so far its surrogate matrix (D6).

mod surrogate;

pub use surrogate::surrogate_confusion;
