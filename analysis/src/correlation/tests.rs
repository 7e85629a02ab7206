use super::*;
use crate::report::sample::training_run;
use approx::assert_relative_eq;

/// A run with one point an evaluation: (training norm, training error, test worst-class error).
fn run(seed: u64, points: &[(f64, f64, f64)]) -> TrainingRun {
    let mut run = training_run(seed, None);
    let sample = run.epochs.iter().find(|epoch| epoch.test.is_some()).unwrap().clone();
    run.epochs = points
        .iter()
        .enumerate()
        .map(|(at, &(norm, error, worst))| {
            let mut epoch = EpochMetrics { epoch: at + 1, ..sample.clone() };
            let train = epoch.train.as_mut().unwrap();
            (train.hard_spectral_norm, train.accuracy) = (norm, 1.0 - error);
            epoch.test.as_mut().unwrap().worst_class_error = worst;
            epoch
        })
        .collect();
    run
}

fn rho(found: &ScopeCorrelations, predictor: Predictor) -> Option<f64> {
    found.of(predictor, MeasuredOn::Train, Target::WorstClass).unwrap().rho
}

fn compared(found: &ScopeCorrelations) -> &Comparison {
    let wanted = (Predictor::HardNorm, Predictor::Error, MeasuredOn::Train, Target::WorstClass);
    found.comparisons.iter().find(|c| (c.norm, c.rival, c.measured_on, c.target) == wanted).unwrap()
}

#[test]
fn pooled_epochs_and_last_epochs_by_hand() {
    // The last points: norm 1, 2, 3 against worst 0.5, 0.7, 0.9; error 0.3, 0.1, 0.2.
    let runs =
        [run(0, &[(9.0, 0.9, 0.1), (1.0, 0.25, 0.5)]), run(1, &[(2.0, 0.125, 0.7)]), run(2, &[(3.0, 0.1875, 0.9)])];
    let found = &correlations(&runs)[0];
    assert_eq!((found.runs.len(), found.scopes[0].points, found.scopes[1].points), (3, 4, 3));
    let (all, last) = (&found.scopes[0], &found.scopes[1]);
    assert_eq!(rho(last, Predictor::HardNorm), Some(1.0));
    // Ranks of the error 3, 1, 2 against 1, 2, 3: d = 2, -1, -1.
    assert_relative_eq!(rho(last, Predictor::Error).unwrap(), 1.0 - 6.0 * 6.0 / 24.0, max_relative = 1e-14);
    // Norm 4, 1, 2, 3 against worst 1, 2, 3, 4: d = 3, -1, -1, -1.
    assert_relative_eq!(rho(all, Predictor::HardNorm).unwrap(), 1.0 - 6.0 * 12.0 / 60.0, epsilon = 1e-14);
    // The loss is the same in all.
    assert_eq!(rho(all, Predictor::Loss), None);
    let comparison = compared(last);
    assert_relative_eq!(comparison.difference.unwrap(), 1.5, max_relative = 1e-14);
    assert_eq!((comparison.interval, comparison.verdict), (None, Verdict::NoVerdict));
    // One sentence for all of them, said once.
    assert_eq!((all.sentences(&Target::ALL).len(), last.sentences(&Target::ALL).len()), (1, 0));
    let sentence = all.sentences(&Target::ALL)[0];
    assert!(
        sentence.starts_with("Of 3 runs it is not said") && sentence.contains("2 more would be needed"),
        "{sentence}"
    );
    let range = last.target_range(Target::WorstClass);
    assert_eq!((range.distinct, range.lowest, range.highest), (Some(3), Some(0.5), Some(0.9)));
    assert_eq!(range.name, "test worst-class");
}

#[test]
fn a_better_predictor_is_called_so_and_its_rival_worse() {
    // Twelve runs: the norm orders the worst class but for a neighbour here and there, the error not at all.
    let points = |at: usize| {
        let worst = 0.3 + 0.05 * at as f64;
        let norm = [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0, 8.0, 9.0, 11.0, 10.0][at];
        let error = [5.0, 1.0, 9.0, 3.0, 7.0, 0.0, 8.0, 2.0, 6.0, 10.0, 4.0, 1.5][at];
        (1.0 + norm, error / 16.0, worst)
    };
    let runs: Vec<TrainingRun> = (0..12).map(|at| run(at as u64, &[points(at)])).collect();
    let found = correlations(&runs);
    let better = compared(&found[0].scopes[1]);
    assert_eq!(better.verdict, Verdict::Better, "{}", better.sentence);
    let [low, high] = better.interval.unwrap();
    assert!(low < better.difference.unwrap() && better.difference.unwrap() < high);
    assert!(better.sentence.starts_with("Over the last epochs of 12 runs ‖CΛ‖₂ on training images ranks the worst-class test error better than the overall training error does: ρ 0.98 against "), "{}", better.sentence);
    let swapped: Vec<TrainingRun> = (0..12)
        .map(|at| {
            let (norm, error, worst) = points(at);
            run(at as u64, &[(16.0 * error, norm / 32.0, worst)])
        })
        .collect();
    assert_eq!(compared(&correlations(&swapped)[0].scopes[1]).verdict, Verdict::Worse);
    // A run twice in the list is not twice the evidence of its epochs: resampled as a whole, the interval stays as
    // wide.
    let doubled: Vec<TrainingRun> = (0..12).map(|at| run(at as u64, &[points(at), points(at)])).collect();
    let all = compared(&correlations(&doubled)[0].scopes[0]).interval.unwrap();
    assert_relative_eq!(all[1] - all[0], high - low, max_relative = 0.02);
}

#[test]
fn a_target_without_variation_has_no_verdict_and_says_why() {
    let runs: Vec<TrainingRun> = (0..6).map(|at| run(at, &[(at as f64, 0.1 * at as f64, 1.0)])).collect();
    let scope = &correlations(&runs)[0].scopes[1];
    let comparison = compared(scope);
    assert_eq!((rho(scope, Predictor::HardNorm), comparison.difference), (None, None));
    assert!(
        comparison.sentence.contains("the worst-class test error is 1 in every one of them"),
        "{}",
        comparison.sentence
    );
    assert_eq!(scope.target_range(Target::WorstClass).distinct, Some(1));
    // Of six runs one differs: 33 % of the resamples miss it.
    let mut runs = runs;
    runs[5] = run(5, &[(5.0, 0.5, 0.9)]);
    let scope = &correlations(&runs)[0].scopes[1];
    let found = scope.of(Predictor::HardNorm, MeasuredOn::Train, Target::WorstClass).unwrap();
    assert!(found.rho.is_some() && found.interval.is_none(), "{found:?}");
    assert!((0.30..0.37).contains(&(found.undefined as f64 / RESAMPLES as f64)), "{}", found.undefined);
    assert!(compared(scope).sentence.contains("constant in"), "{}", compared(scope).sentence);
    assert!(scope.sentences(&Target::ALL).len() < scope.comparisons.len() && scope.sentences(&Target::ALL).len() > 2);
}

#[test]
fn of_ten_classes_the_worst_tenth_is_the_worst_class_and_is_shown_once() {
    let runs: Vec<TrainingRun> = (0..5).map(|at| run(at, &[(at as f64, 0.1, 0.3 + 0.1 * at as f64)])).collect();
    let mut found = correlations(&runs).remove(0);
    assert_eq!(found.train_counts.len(), 10);
    let tenth = |found: &Correlations| {
        let sentences = found.scopes[0].sentences(found.targets());
        (found.targets().contains(&Target::WorstTenth), sentences.iter().any(|said| said.contains("worst 10 %")))
    };
    assert_eq!(tenth(&found), (false, false));
    found.train_counts.push(1);
    assert_eq!(tenth(&found), (true, true));
}

#[test]
fn rounding_makes_no_order() {
    let third = 1.0 / 3.0;
    let worst = [third, third + 1e-16, third * (1.0 + 4e-10), third - 1e-16];
    let runs: Vec<TrainingRun> = (0..4).map(|at| run(at as u64, &[(at as f64, 0.5, worst[at])])).collect();
    let scope = &correlations(&runs)[0].scopes[0];
    assert_eq!((scope.target_range(Target::WorstClass).distinct, rho(scope, Predictor::HardNorm)), (Some(1), None));
    assert_eq!([0.0, 1e-300, 0.123_456_789_4, 2.0].map(rounded), [0.0, 1e-300, 0.123_456_789, 2.0]);
}

#[test]
fn a_target_of_few_values_is_not_judged() {
    // Twenty runs; the norm orders the target's four values without a fault, the error the other way round.
    let of = |values: usize| {
        let run =
            |at: usize| run(at as u64, &[(at as f64, 1.0 - 0.01 * at as f64, 0.5 + 0.1 * (at * values / 20) as f64)]);
        correlations(&(0..20).map(run).collect::<Vec<_>>()).remove(0).scopes.remove(1)
    };
    let (few, enough) = (of(FEWEST_VALUES - 1), of(FEWEST_VALUES));
    assert!(compared(&few).interval.unwrap()[0] > 1.0 && compared(&few).verdict == Verdict::NoVerdict);
    let sentence = &compared(&few).sentence;
    assert!(sentence.contains("all but constant (4 different values, from 0.5000 to 0.8000)"), "{sentence}");
    assert_eq!(compared(&enough).verdict, Verdict::Better, "{}", compared(&enough).sentence);
}

#[test]
fn only_runs_that_measure_the_same_are_pooled() {
    let paper = CarOptions::paper();
    let mut runs: Vec<TrainingRun> = (0..4).map(|at| run(at, &[(at as f64, 0.1, 0.9)])).collect();
    // Another Λ: apart, and alone too few.
    runs[3].run.optimisation.objective.car = Some(CarOptions { r0: 0.5, ..paper });
    let found = correlations(&runs);
    assert_eq!((found.len(), found[0].runs.len()), (1, 3));
    // Another surrogate: its norm is left out, the hard one stays.
    runs[3].run.optimisation.objective.car =
        Some(CarOptions { surrogate: CarOptions::official_code().surrogate, ..paper });
    assert_ne!(paper.surrogate, CarOptions::official_code().surrogate);
    let found = correlations(&runs);
    let range = |name: &str| found[0].scopes[0].variables.iter().find(|v| v.name == name).unwrap().distinct;
    assert_eq!((found[0].runs.len(), range("train hard-norm"), range("train surrogate-norm")), (4, Some(4), None));
    assert_eq!((found[0].surrogate, correlations(&runs[..3])[0].surrogate), (None, Some(paper.surrogate)));
    // Another data set, other images; two runs make no group.
    runs[0].dataset = "cifar10".into();
    runs[1].train_counts[0] += 1;
    assert!(correlations(&runs).is_empty());
    // Logs of older builds have no worst tenth.
    let mut old: Vec<TrainingRun> = (0..5).map(|at| run(at, &[(at as f64, 0.1, 0.9)])).collect();
    old[1].epochs[0].test.as_mut().unwrap().worst_tenth_error = None;
    let found = correlations(&old);
    assert_eq!(found[0].scopes[0].variables[9].distinct, None);
    assert!(found[0].scopes[0].comparisons.iter().any(|c| c.sentence.contains("not recorded in every run")));
}
