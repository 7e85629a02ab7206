//! Many, medium and few classes, by the number of training samples (Liu et al., "Large-scale
//! long-tailed recognition in an open world", CVPR 2019): more than 100, 20 to 100, fewer than 20.

use std::fmt;

/// The group of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Group {
    /// More than 100 training samples ("head").
    Many,
    /// 20 to 100 training samples.
    Medium,
    /// Fewer than 20 training samples ("tail").
    Few,
}

impl Group {
    /// The groups from head to tail.
    pub const ALL: [Self; 3] = [Self::Many, Self::Medium, Self::Few];

    /// The group of a class with `train_count` training samples.
    pub fn of(train_count: u64) -> Self {
        match train_count {
            101.. => Self::Many,
            20..=100 => Self::Medium,
            0..=19 => Self::Few,
        }
    }

    /// The name used in tables and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Many => "many",
            Self::Medium => "medium",
            Self::Few => "few",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::longtail::long_tailed_counts;

    #[test]
    fn the_borders_are_20_and_100() {
        let groups = [0, 19, 20, 100, 101, u64::MAX].map(Group::of);
        use Group::*;
        assert_eq!(groups, [Few, Few, Medium, Medium, Many, Many]);
        assert_eq!(format!("{:>6}", Few), "   few");
    }

    #[test]
    fn cifar100_lt_has_35_many_35_medium_and_30_few() {
        let counts = long_tailed_counts(500, 100.0, 100).unwrap();
        let size = |group| counts.iter().filter(|&&count| Group::of(count) == group).count();
        assert_eq!(Group::ALL.map(size), [35, 35, 30]);
    }
}
