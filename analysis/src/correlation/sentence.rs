//! A comparison in one sentence.

use super::{
    Comparison, FEWEST_RUNS, FEWEST_VALUES, LEVEL, MeasuredOn, Predictor, RESAMPLES, Scope, ScopeCorrelations, Target,
    Verdict,
};
use crate::words::{counted, decimals, fixed, level, short};

/// The sentence of a comparison over `runs` runs.
pub(super) fn of(found: &ScopeCorrelations, comparison: &Comparison, runs: usize) -> String {
    if runs < FEWEST_RUNS {
        return format!(
            "Of {runs} runs it is not said whether a norm ranks the errors of the worst classes better than overall error or loss do: \
             {} more would be needed at least, for intervals come from resampling {FEWEST_RUNS} or more.",
            FEWEST_RUNS - runs
        );
    }
    let Comparison { norm, rival, measured_on: on, target, difference, interval, verdict, .. } = comparison;
    let over = match found.scope {
        Scope::AllEpochs => format!("Over {} of {runs} runs", counted(found.points, "epoch", "epochs")),
        Scope::LastEpoch => format!("Over the last epochs of {runs} runs"),
    };
    let (norm_words, rival_words, target_words) = (predictor(*norm, *on), predictor(*rival, *on), words(*target));
    let rho = |of: Predictor| found.of(of, *on, *target).and_then(|found| found.rho);
    let (Some(difference), Some(of_norm), Some(of_rival)) = (difference, rho(*norm), rho(*rival)) else {
        let range = found.target_range(*target);
        let reason = match (range.distinct, range.lowest) {
            (None, _) => format!("{target_words} is not recorded in every run"),
            (Some(1), Some(value)) => format!("{target_words} is {} in every one of them", short(value)),
            _ => format!("{norm_words} or {rival_words} is the same in all of them, or not comparable"),
        };
        return format!("{over} there is no rank correlation to compare: {reason}.");
    };
    let range = found.target_range(*target);
    let distinct = range.distinct.unwrap_or(0);
    let numbers = format!("ρ {} against {}", signed(of_norm), signed(of_rival));
    let [lowest, highest] = [range.lowest, range.highest].map(|end| fixed(end.unwrap_or_default(), 4));
    let values = format!("{}, from {lowest} to {highest}", counted(distinct, "value", "different values"));
    let ties = format!("{target_words} has {values}");
    let Some([low, high]) = interval else {
        return format!(
            "{over} it is not said which of {norm_words} and {rival_words} ranks {target_words} better: {numbers}, no interval, for a \
             variable is constant in {} of {RESAMPLES} resamples; {ties}.",
            comparison.undefined
        );
    };
    let interval = format!(
        "difference {} [{}, {}] ({}, {RESAMPLES} resamples of the runs)",
        signed(*difference),
        signed(*low),
        signed(*high),
        level(LEVEL)
    );
    if distinct < FEWEST_VALUES {
        return format!(
            "{over} {target_words} is all but constant ({values}), which nothing can rank: no verdict on {norm_words} against {rival_words} ({numbers}, {interval})."
        );
    }
    let measured = format!("{numbers}, {interval}; {ties}");
    match verdict {
        Verdict::Better => {
            format!("{over} {norm_words} ranks {target_words} better than {rival_words} does: {measured}.")
        }
        Verdict::Worse => {
            format!("{over} {norm_words} ranks {target_words} worse than {rival_words} does: {measured}.")
        }
        Verdict::Undecided | Verdict::NoVerdict => {
            format!(
                "{over} it is undecided whether {norm_words} or {rival_words} ranks {target_words} better: {measured}."
            )
        }
    }
}

fn predictor(predictor: Predictor, on: MeasuredOn) -> String {
    let split = match on {
        MeasuredOn::Train => "training",
        MeasuredOn::Test => "test",
    };
    match predictor {
        Predictor::HardNorm => format!("‖CΛ‖₂ on {split} images"),
        Predictor::SurrogateNorm => format!("the surrogate's ‖C̃Λ‖₂ on {split} images"),
        Predictor::Error => format!("the overall {split} error"),
        Predictor::Loss => format!("the {split} loss"),
    }
}

fn words(target: Target) -> &'static str {
    match target {
        Target::WorstClass => "the worst-class test error",
        Target::WorstTenth => "the mean test error of the worst 10 % of classes",
        Target::Wce => "the test WCE",
    }
}

fn signed(value: f64) -> String {
    // What rounding leaves of a difference of equal numbers is none.
    decimals(if value.abs() < 1e-12 { 0.0 } else { value }, 2)
}
