//! The statements T1 (as published and with 4K), T1', T1'', T2, T3, T3' and T3'' on one model, with
//! T4's floor and T5's verdicts.

use car_spectral::bounds::{
    Architecture, BoundError, ClassMarginBounds, DeltaShares, GibbsClass, Interval, InvertedMarginBound, MarginBound,
    MarginStatement, NotApplicable, Outcome, Posterior, TrainingMargins, VACUOUS_ABOVE, Verdict, class_pac_bayes,
    equal_shares_floor, least_kl, matrix_hoeffding, morvant, per_class_margin, published_term, unconditional,
    vacuous_whatever_the_weights, verdict,
};

use super::settings::Settings;
use super::split::AnalysedSplit;
use crate::Result;
use crate::results::{Bound, BoundValues, Statement, VerdictCounts};

/// Everything the statements are about.
pub(super) struct Statements<'a> {
    pub architecture: &'a Architecture,
    pub train_counts: Option<&'a [u64]>,
    pub train: Option<&'a AnalysedSplit>,
    pub weights: &'a [f64],
    /// T5's interval of each class's error.
    pub intervals: &'a [Interval],
    pub test_errors: &'a [Option<f64>],
    pub worst_class: Option<usize>,
    pub settings: &'a Settings,
}

impl Statements<'_> {
    /// All statements, in the order of `THEORY.md`.
    pub fn judge(&self) -> Result<Vec<Bound>> {
        let of_randomised = [
            self.radius(Statement::T1, morvant)?,
            self.radius(Statement::T1With4K, matrix_hoeffding)?,
            self.radius(Statement::T1Prime, unconditional)?,
            self.t1_double_prime()?,
        ];
        Ok(of_randomised.into_iter().chain(self.t2()?).chain(self.t3()?).collect())
    }

    fn not_applicable(&self, id: Statement, margin: Option<f64>, precondition: NotApplicable) -> Bound {
        let verdict = VerdictCounts { not_applicable: self.weights.len(), ..VerdictCounts::default() };
        let values = BoundValues { verdict, ..BoundValues::default() };
        Bound { id, margin, precondition: Some(precondition), values }
    }

    /// T1, T1 with 4K and T1' need a randomised classifier; what each would give at best, with KL =
    /// 0, is told.
    fn radius(&self, id: Statement, bound: RadiusBound) -> Result<Bound> {
        let Some(counts) = self.train_counts else {
            return Ok(self.not_applicable(id, None, NotApplicable::NoTrainingData));
        };
        let least_value = bound(counts, Posterior::Gibbs { kl: 0.0 }, self.settings.delta)?.value().copied();
        let outcome = bound(counts, Posterior::Deterministic, self.settings.delta)?;
        let precondition = outcome.reason().expect("a deterministic classifier never meets the precondition");
        let mut bound = self.not_applicable(id, None, precondition);
        bound.values.least_value = least_value;
        Ok(bound)
    }

    /// T1'' takes a single network only as a point mass of a countable prior, which is not at hand;
    /// what it would give a randomised one at best, with KL = 0 and no training error, is told.
    fn t1_double_prime(&self) -> Result<Bound> {
        let id = Statement::T1DoublePrime;
        let Some(counts) = self.train_counts else {
            return Ok(self.not_applicable(id, None, NotApplicable::NoTrainingData));
        };
        let shares = DeltaShares::equal(counts.len(), self.settings.delta)?;
        let at_best: Vec<_> = counts.iter().map(|&samples| GibbsClass { error: 0.0, samples, kl: 0.0 }).collect();
        let least = class_pac_bayes(&at_best, &shares)?.iter().map(|bound| bound.value().copied()).collect();
        let mut bound = self.not_applicable(id, None, NotApplicable::NoCountablePrior);
        bound.values.least_total = Some(least);
        Ok(bound)
    }

    /// T2's first term alone. Its second term is not negative and known up to constants only, so
    /// "at least 1" and "at or above the interval" carry over to the whole bound, and "below the
    /// interval" does not.
    fn t2(&self) -> Result<Vec<Bound>> {
        let Some(train) = self.train else {
            return Ok(vec![self.not_applicable(Statement::T2, None, NotApplicable::NoTrainingData)]);
        };
        let floor = self.floor(train.counts.class_counts())?;
        let at_margins = train.report.margins.iter().zip(&train.column_non_zeros);
        at_margins
            .map(|(at, non_zeros)| {
                let term = published_term(self.weights, at.norms.spectral_norm_weighted.upper, non_zeros)?;
                let first_term: Vec<Option<f64>> = term.first_term.iter().copied().map(Some).collect();
                let verdicts = self.verdicts(&first_term, |verdict| match verdict {
                    Verdict::Violated => Verdict::Undecided,
                    other => other,
                })?;
                let values = BoundValues {
                    tightness_at_worst: self.tightness(&first_term),
                    first_term: Some(first_term),
                    floor: Some(floor.clone()),
                    verdict: verdicts.iter().copied().collect(),
                    class_verdict: Some(verdicts),
                    ..BoundValues::default()
                };
                Ok(Bound { id: Statement::T2, margin: Some(at.margin), precondition: None, values })
            })
            .collect()
    }

    fn t3(&self) -> Result<Vec<Bound>> {
        let positive = self.settings.grid.margins().iter().filter(|&&margin| margin > 0.0).count();
        let refused = |margin: Option<f64>, reason: NotApplicable| {
            MARGIN_STATEMENTS.map(|(id, _)| self.not_applicable(id, margin, reason))
        };
        let network = match self.architecture.bias_free_relu() {
            Ok(network) => network,
            Err(reason) => return Ok(refused(None, reason).into()),
        };
        let Some(train) = self.train else { return Ok(refused(None, NotApplicable::NoTrainingData).into()) };
        let class_counts = train.counts.class_counts();
        let floor = self.floor(class_counts)?;
        let mut judged = Vec::new();
        for (index, &margin) in self.settings.grid.margins().iter().enumerate() {
            let margin_errors = train.counts.margin_errors(index);
            let training =
                TrainingMargins { margin, grid_size: positive.max(1), margin_errors: &margin_errors, class_counts };
            match per_class_margin(self.architecture, Some(training), self.settings.delta)? {
                Outcome::Applies(found) => {
                    let classes: Vec<Option<ClassMarginBounds>> =
                        found.classes.iter().map(|class| class.value().copied()).collect();
                    for (id, statement) in MARGIN_STATEMENTS {
                        let (depth, width) = (network.depth(), network.width());
                        let values = BoundValues {
                            least_kl: Some(least_kl(statement, depth, width)),
                            vacuous_whatever_the_weights: vacuous_whatever_the_weights(
                                statement,
                                depth,
                                width,
                                class_counts,
                            ),
                            floor: Some(floor.clone()),
                            ..BoundValues::default()
                        };
                        let values = self.margin_bound(values, statement, &classes)?;
                        judged.push(Bound { id, margin: Some(margin), precondition: None, values });
                    }
                }
                Outcome::NotApplicable(reason) => judged.extend(refused(Some(margin), reason)),
            }
        }
        Ok(judged)
    }

    /// Fills in the terms of one of the three margin bounds, and judges it.
    fn margin_bound(
        &self,
        values: BoundValues,
        statement: MarginStatement,
        classes: &[Option<ClassMarginBounds>],
    ) -> Result<BoundValues> {
        let terms: Vec<Option<Terms>> =
            classes.iter().map(|class| class.as_ref().and_then(|class| Terms::of(statement, class))).collect();
        let part = |of: fn(&Terms) -> Option<f64>| -> Vec<Option<f64>> {
            terms.iter().map(|terms| terms.as_ref().and_then(of).filter(|value| value.is_finite())).collect()
        };
        let inverted = statement == MarginStatement::T3DoublePrime;
        // Of T3'' what is less than 1 by a millionth at most counts as 1.
        let judged: Vec<Option<f64>> = terms
            .iter()
            .map(|terms| terms.as_ref().map(|terms| terms.total))
            .map(|total| total.map(|total| if inverted && total > VACUOUS_ABOVE { 1.0 } else { total }))
            .collect();
        let verdicts = self.verdicts(&judged, |verdict| verdict)?;
        let total = part(|terms| Some(terms.total));
        Ok(BoundValues {
            tightness_at_worst: self.tightness(&total),
            first_term: Some(part(|terms| Some(terms.first_term))),
            complexity: (!inverted).then(|| part(|terms| terms.complexity)),
            relative_entropy: inverted.then(|| part(|terms| terms.relative_entropy)),
            total: Some(total),
            verdict: verdicts.iter().copied().collect(),
            class_verdict: Some(verdicts),
            ..values
        })
    }

    /// T4 of a bound that gives every class delta/K.
    fn floor(&self, class_counts: &[u64]) -> Result<Vec<Option<f64>>> {
        let floor = equal_shares_floor(class_counts, self.settings.delta)?;
        Ok(floor.into_iter().zip(class_counts).map(|(floor, &count)| (count > 0).then_some(floor)).collect())
    }

    fn verdicts(&self, bounds: &[Option<f64>], read: impl Fn(Verdict) -> Verdict) -> Result<Vec<Verdict>> {
        bounds.iter().zip(self.intervals).map(|(&bound, &interval)| Ok(read(verdict(bound, interval)?))).collect()
    }

    fn tightness(&self, bounds: &[Option<f64>]) -> Option<f64> {
        let worst = self.worst_class?;
        let error = self.test_errors[worst].filter(|&error| error > 0.0)?;
        bounds[worst].map(|bound| bound / error)
    }
}

/// One of the statements on ‖C_S − C_D‖₂ of a Gibbs classifier: m_1..m_K, the posterior, delta.
type RadiusBound = fn(&[u64], Posterior, f64) -> Result<Outcome<f64>, BoundError>;

const MARGIN_STATEMENTS: [(Statement, MarginStatement); 3] = [
    (Statement::T3, MarginStatement::T3),
    (Statement::T3Prime, MarginStatement::T3Prime),
    (Statement::T3DoublePrime, MarginStatement::T3DoublePrime),
];

/// The terms of a margin bound of one class.
struct Terms {
    first_term: f64,
    /// Added to the first term: T3, T3'.
    complexity: Option<f64>,
    /// The second argument of kl⁻¹: T3''.
    relative_entropy: Option<f64>,
    total: f64,
}

impl Terms {
    /// `None` where T3 does not apply.
    fn of(statement: MarginStatement, class: &ClassMarginBounds) -> Option<Self> {
        let of = |MarginBound { first_term, complexity, total }| Self {
            first_term,
            complexity: Some(complexity),
            relative_entropy: None,
            total,
        };
        Some(match statement {
            MarginStatement::T3 => of(*class.t3.value()?),
            MarginStatement::T3Prime => of(class.t3_prime),
            MarginStatement::T3DoublePrime => {
                let InvertedMarginBound { first_term, relative_entropy, total, .. } = class.t3_double_prime;
                Self { first_term, complexity: None, relative_entropy: Some(relative_entropy), total }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use car_spectral::bounds::{BiasFreeReluNetwork, LayerNorms};
    use car_spectral::confusion::{MarginGrid, WeightForm};
    use car_spectral_formats::predictions::Logits;
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::results::{BoundReport, ModelReport};
    use crate::subject::{Scored, Subject};
    use crate::whole;

    /// f(x) = (x₁, −x₁) on 2 classes of `train` and 1000 images at x₁ = ±1, ‖x‖ ≤ 1, all right with
    /// margin 2.
    fn two_classes(train: [u64; 2], architecture: Architecture, delta: f64) -> ModelReport {
        let scored = |counts: [u64; 2]| {
            let labels: Vec<usize> =
                (0..2).flat_map(|class| std::iter::repeat_n(class, counts[class] as usize)).collect();
            let scores = Array2::from_shape_fn((labels.len(), 2), |(at, i)| if labels[at] == i { 1.0 } else { -1.0 });
            Scored { logits: Logits::F64(scores), labels: Array1::from_vec(labels) }
        };
        let subject = Subject {
            class_names: vec!["plus".into(), "minus".into()],
            train_counts: Some(train.into()),
            architecture,
            train: Some(scored(train)),
            ..Subject::new("two classes".into(), scored([1000; 2]))
        };
        let settings = Settings::new(MarginGrid::new(&[0.0, 1.5]).unwrap(), 0.2, WeightForm::Paper, delta);
        whole::model(&subject, &settings, Vec::new(), &str::to_owned, |_| ()).unwrap().0
    }

    /// W = [[1, 0], [−1, 0]].
    fn linear() -> Architecture {
        let norm = 2f64.sqrt();
        let layer = LayerNorms { spectral_upper: norm, frobenius: norm, rows: 2, columns: 2 };
        Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![layer], 1.0).unwrap())
    }

    fn found<'a>(model: &'a ModelReport, id: &str, margin: Option<f64>) -> (&'a BoundReport, &'a str) {
        let bound = model.bounds.iter().find(|bound| bound.id.id() == id && bound.margin == margin).unwrap();
        let verdict = model.verdicts.iter().find(|verdict| verdict.id == id && verdict.margin == margin).unwrap();
        (bound, &verdict.sentence)
    }

    #[test]
    fn the_inverted_margin_bound_holds_where_t3_is_vacuous() {
        let model = two_classes([3000; 2], linear(), 0.05);
        let (bound, sentence) = found(&model, "T3''", Some(1.5));
        // numpy: kl = 2 / (2 * (1.5 / (4 * (1 + 1e-6) * sqrt(2 * log(8))))**2); x = (kl + log(4 * sqrt(3000) * 2 /
        // .05)) / 3000; -expm1(-x)
        let value = |values: &Option<Vec<Option<f64>>>, class: usize| values.as_ref().unwrap()[class].unwrap();
        for class in 0..2 {
            approx::assert_relative_eq!(
                value(&bound.values.relative_entropy, class),
                0.012884232150512976,
                max_relative = 1e-12
            );
            approx::assert_relative_eq!(value(&bound.values.total, class), 0.012801585757336083, max_relative = 1e-11);
            assert_eq!(value(&bound.values.first_term, class), 0.0);
        }
        assert!(bound.applicable && bound.values.complexity.is_none());
        assert_eq!(
            (bound.values.verdict.holds, sentence.starts_with("T3'' at g = 1.5: holds for all 2 classes")),
            (2, true)
        );
        let (t3, _) = found(&model, "T3", Some(1.5));
        assert_eq!(t3.values.verdict.vacuous, 2);
        assert!(t3.values.relative_entropy.is_none() && value(&t3.values.complexity, 0) > 1.0);
        let (at_zero, sentence) = found(&model, "T3''", Some(0.0));
        assert!(!at_zero.applicable);
        assert_eq!(sentence, "T3'' at g = 0: not applicable: margin g = 0, needs g > 0.");
        let network = model.network.unwrap();
        assert_eq!((network.input_bound, network.layers.len(), network.layers[0].rows), (1.0, 1, 2));
    }

    #[test]
    fn a_millionth_below_one_is_vacuous() {
        // x = (29.57 + ln(4·2·2·10¹²))/4 = 14.99: 1 − e⁻ˣ is above 1 − 10⁻⁶.
        let model = two_classes([2000, 4], linear(), 1e-12);
        let (bound, sentence) = found(&model, "T3''", Some(1.5));
        let total = bound.values.total.as_ref().unwrap()[1].unwrap();
        assert!(total < 1.0 && bound.is_vacuous(total));
        assert_eq!((bound.values.verdict.holds, bound.values.verdict.vacuous), (1, 1));
        assert!(sentence.starts_with("T3'' at g = 1.5: of 2 classes holds for 1, vacuous for 1"), "{sentence}");
        let (bound, sentence) = {
            let model = two_classes([4, 4], linear(), 1e-12);
            let (bound, sentence) = found(&model, "T3''", Some(1.5));
            (bound.clone(), sentence.to_owned())
        };
        assert_eq!(bound.values.verdict.vacuous, 2);
        assert!(
            sentence.ends_with(
                "vacuous for all 2 classes: the bound is above 1 − 10⁻⁶ and so says nothing about the error."
            ),
            "{sentence}"
        );
    }

    #[test]
    fn statements_on_randomised_classifiers_do_not_apply_and_say_what_they_would_give_at_best() {
        let model = two_classes([3000; 2], Architecture::Residual, 0.05);
        // python: sqrt(16/(3000-16)*log(3000/(4*.05))), sqrt(8/(3000-8)*log(3000/(2*.05))),
        // sqrt(2*(2/3000)*log(15/.05))
        for (id, radius) in
            [("T1", 0.22706668340729555), ("T1 with 4K", 0.16602422879561057), ("T1'", 0.08720689938039078)]
        {
            let (bound, sentence) = found(&model, id, None);
            assert!(!bound.applicable && bound.values.value.is_none() && bound.values.least_total.is_none());
            approx::assert_relative_eq!(bound.values.least_value.unwrap(), radius, max_relative = 1e-13);
            assert!(sentence.starts_with(&format!("{id}: not applicable: the statement bounds the Gibbs classifier")));
            assert!(
                sentence.contains("for a randomised one the radius is at least 0.") && !sentence.contains("too much")
            );
        }
        let (bound, sentence) = found(&model, "T1''", None);
        // python: 1 - exp(-log(2*sqrt(3000)*2/.05)/3000)
        for least in bound.values.least_total.as_ref().unwrap() {
            approx::assert_relative_eq!(least.unwrap(), 0.002791167567791269, max_relative = 1e-11);
        }
        assert!(!bound.applicable && bound.values.total.is_none() && bound.values.least_value.is_none());
        assert!(sentence.ends_with("it is at least 0.3 %, with KL = 0 and no training error."), "{sentence}");
        assert!(!sentence.contains("||"), "{sentence}");
        for id in ["T3", "T3'", "T3''"] {
            let (bound, sentence) = found(&model, id, None);
            assert!(!bound.applicable && sentence.contains("residual network"), "{sentence}");
        }
        assert!(model.network.is_none());

        // m_min between 4K = 8 and 8K = 16, then at 8.
        let model = two_classes([3000, 9], Architecture::Residual, 0.05);
        let least = |model: &ModelReport, id: &str| found(model, id, None).0.values.least_value;
        assert!(least(&model, "T1").is_none() && least(&model, "T1 with 4K").is_some());
        assert!(found(&model, "T1 with 4K", None).1.contains("too much for any bound of a class's error below 1"));
        assert!(
            found(&model, "T1''", None).1.contains("(most samples) to 45.6 % (fewest)"),
            "{}",
            found(&model, "T1''", None).1
        );
        let model = two_classes([3000, 8], Architecture::Residual, 0.05);
        assert_eq!(found(&model, "T1 with 4K", None).1, "T1 with 4K: not applicable: m_min = 8, needs more than 8.");
        assert!(least(&model, "T1 with 4K").is_none() && least(&model, "T1'").is_some());
    }
}
