//! Class weights (D3): `lambda_j = (pi_j + r0)^(-1/2)`, pi_j = share of class j in the training
//! set, and the two other forms found in practice.

use std::fmt;
use std::str::FromStr;

use super::ConfusionError;
use super::tables::check_num_classes;

/// Smallest weight of the official form, from the authors' code (repository misswayguy/CAR).
const OFFICIAL_FLOOR: f64 = 1e-3;

/// The form of the class weights of D3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum WeightForm {
    /// The weights that the paper prints: `(pi_j + r0)^(-1/2)`.
    Paper,
    /// The weights of the authors' code: the paper's divided by their mean, then raised to at least
    /// 1e-3.
    Official,
    /// Weights of one each.
    None,
}

impl WeightForm {
    /// List of all forms.
    pub const ALL: [Self; 3] = [Self::Paper, Self::Official, Self::None];

    /// The name used on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Official => "official",
            Self::None => "none",
        }
    }
}

impl fmt::Display for WeightForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for WeightForm {
    type Err = ConfusionError;

    fn from_str(name: &str) -> Result<Self, ConfusionError> {
        Self::ALL
            .into_iter()
            .find(|form| form.name() == name)
            .ok_or_else(|| ConfusionError::UnknownWeightForm { name: name.to_owned() })
    }
}

/// The weights lambda_j > 0 of K classes: the diagonal of Λ.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassWeights {
    values: Vec<f64>,
    form: WeightForm,
    r0: f64,
}

impl ClassWeights {
    /// Weights from the number of training samples of each class, `[K]`. A class without any has
    /// pi_j = 0. The form `None` needs neither samples nor a usable r0.
    ///
    /// # Errors
    /// [`ConfusionError::TooFewClasses`], [`ConfusionError::TooManyClasses`],
    /// [`ConfusionError::InvalidOffset`]; for the forms that use frequencies
    /// [`ConfusionError::NoTrainingSamples`] and, for the first class with pi_j + r0 <= 0,
    /// [`ConfusionError::NoWeight`].
    pub fn new(train_counts: &[u64], r0: f64, form: WeightForm) -> Result<Self, ConfusionError> {
        check_num_classes(train_counts.len())?;
        if !r0.is_finite() {
            return Err(ConfusionError::InvalidOffset { r0 });
        }
        let values = match form {
            WeightForm::Paper => paper(train_counts, r0)?,
            WeightForm::Official => {
                let weights = paper(train_counts, r0)?;
                let mean = weights.iter().sum::<f64>() / weights.len() as f64;
                weights.iter().map(|weight| (weight / mean).max(OFFICIAL_FLOOR)).collect()
            }
            WeightForm::None => vec![1.0; train_counts.len()],
        };
        Ok(Self { values, form, r0 })
    }

    /// lambda_j, one a class; finite and above 0.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The form they have.
    pub fn form(&self) -> WeightForm {
        self.form
    }

    /// The offset r0 they were made with.
    pub fn r0(&self) -> f64 {
        self.r0
    }
}

fn paper(train_counts: &[u64], r0: f64) -> Result<Vec<f64>, ConfusionError> {
    let total: u128 = train_counts.iter().map(|&count| u128::from(count)).sum();
    if total == 0 {
        return Err(ConfusionError::NoTrainingSamples);
    }
    let weigh = |(class, &count): (usize, &u64)| {
        let frequency = count as f64 / total as f64;
        let shifted = frequency + r0;
        if shifted > 0.0 { Ok(shifted.sqrt().recip()) } else { Err(ConfusionError::NoWeight { class, frequency, r0 }) }
    };
    train_counts.iter().enumerate().map(weigh).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    #[test]
    fn the_paper_form_by_hand() {
        let weights = ClassWeights::new(&[6, 3, 1, 0], 0.25, WeightForm::Paper).unwrap();
        // (0.85, 0.55, 0.35, 0.25)^(-1/2), the last exactly 2; two roundings in each of sum, root and reciprocal.
        for (found, shifted) in weights.values().iter().zip([0.85f64, 0.55, 0.35, 0.25]) {
            assert_relative_eq!(*found, shifted.powf(-0.5), max_relative = 1e-15);
        }
        assert_eq!(weights.values()[3], 2.0);
        assert_eq!((weights.form(), weights.r0()), (WeightForm::Paper, 0.25));
    }

    #[test]
    fn the_official_form_has_mean_one_and_a_floor() {
        let weights = ClassWeights::new(&[6, 3, 1], 0.2, WeightForm::Official).unwrap();
        let plain = ClassWeights::new(&[6, 3, 1], 0.2, WeightForm::Paper).unwrap();
        assert_relative_eq!(weights.values().iter().sum::<f64>(), 3.0, max_relative = 1e-15);
        assert_relative_eq!(
            weights.values()[0] / weights.values()[2],
            plain.values()[0] / plain.values()[2],
            max_relative = 1e-15
        );
        // pi = (1, 0): weights 1 and 1e6, divided by their mean 2e-6 and 2; the floor lifts the first.
        let floored = ClassWeights::new(&[5, 0], 1e-12, WeightForm::Official).unwrap();
        assert_eq!(floored.values()[0], 1e-3);
        assert_relative_eq!(floored.values()[1], 2.0, max_relative = 1e-5);
    }

    #[test]
    fn no_weights_are_ones_whatever_the_counts() {
        assert_eq!(ClassWeights::new(&[0, 0], -3.0, WeightForm::None).unwrap().values(), [1.0, 1.0]);
    }

    #[test]
    fn what_has_no_weight_is_named() {
        let new = |counts: &[u64], r0| ClassWeights::new(counts, r0, WeightForm::Paper);
        assert_eq!(new(&[3, 0], 0.0), Err(ConfusionError::NoWeight { class: 1, frequency: 0.0, r0: 0.0 }));
        assert!(new(&[3, 0], 1e-300).is_ok());
        assert_eq!(new(&[3, 1], -0.25), Err(ConfusionError::NoWeight { class: 1, frequency: 0.25, r0: -0.25 }));
        assert_eq!(new(&[0, 0], 0.2), Err(ConfusionError::NoTrainingSamples));
        assert_eq!(new(&[4], 0.2), Err(ConfusionError::TooFewClasses { num_classes: 1 }));
        assert!(matches!(new(&[4, 4], f64::NAN), Err(ConfusionError::InvalidOffset { .. })));
        assert!(new(&[u64::MAX, u64::MAX], 0.2).is_ok());
    }

    #[test]
    fn names_go_both_ways() {
        for form in WeightForm::ALL {
            assert_eq!(form.to_string().parse(), Ok(form));
        }
        assert_eq!("Paper".parse::<WeightForm>(), Err(ConfusionError::UnknownWeightForm { name: "Paper".to_owned() }));
    }

    proptest! {
        #[test]
        fn rarer_classes_never_weigh_less(counts in prop::collection::vec(0u64..1000, 2..20), r0 in 1e-3..2.0f64) {
            prop_assume!(counts.iter().any(|&count| count > 0));
            for form in WeightForm::ALL {
                let weights = ClassWeights::new(&counts, r0, form).unwrap();
                for (a, lambda_a) in counts.iter().zip(weights.values()) {
                    prop_assert!(lambda_a.is_finite() && *lambda_a > 0.0);
                    for (b, lambda_b) in counts.iter().zip(weights.values()) {
                        prop_assert!(a >= b || lambda_a >= lambda_b);
                    }
                }
            }
        }
    }
}
