//! Counts of margins in any split, order, storage and way, against a count by the definition, and
//! through bytes.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use car_spectral::confusion::{MarginCounts, MarginGrid, Storage, sample_margins};
use car_spectral_formats::margin_counts::{from_bytes, to_bytes};
use libfuzzer_sys::fuzz_target;
use ndarray::{Array1, Array2, s};

/// Scores and labels of a data set, and how it is cut.
#[derive(Debug)]
struct Input {
    scores: Array2<f64>,
    labels: Array1<usize>,
    grid: Vec<f64>,
    /// Ends of the parts, in any order.
    cuts: Vec<usize>,
    /// For each part: sparse, as margins, in float32, in front of those before it.
    ways: Vec<[bool; 4]>,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        // Around the lengths at which rows are read differently.
        let classes = *bytes.choose(&[2, 3, 5, 16, 17, 33, 257])?;
        let samples = bytes.int_in_range(1..=12)?;
        // Powers of two, so that float32 holds every score.
        let scale = *bytes.choose(&[1.0, 0.25, 2.0_f64.powi(-140), 2.0_f64.powi(118)])?;
        let grid = bytes.arbitrary::<[i8; 3]>()?.map(|margin| f64::from(margin) * scale).to_vec();
        let cuts =
            (0..bytes.int_in_range(0..=3)?).map(|_| bytes.int_in_range(0..=samples)).collect::<Result<_, _>>()?;
        let ways = (0..4).map(|_| bytes.arbitrary()).collect::<Result<_, _>>()?;
        let labels = (0..samples).map(|_| bytes.int_in_range(0..=classes - 1)).collect::<Result<_, _>>()?;
        let mut scores = Array2::zeros((samples, classes));
        for score in &mut scores {
            *score = f64::from(bytes.arbitrary::<i8>()?) * scale;
        }
        Ok(Self { scores, labels, grid, cuts, ways })
    }
}

/// The definition, sample by sample: pairs at each margin and at errors, ties, zero margins and
/// those decided rightly.
fn by_definition(input: &Input, margins: &[f64], counts: &MarginCounts) {
    let classes = input.scores.ncols();
    let mut pairs = vec![Array2::<u64>::zeros((classes, classes)); margins.len() + 1];
    let (mut zero, mut correct, mut top) = (vec![0_u64; classes], vec![0_u64; classes], 0);
    for (row, &label) in input.scores.rows().into_iter().zip(&input.labels) {
        let mut rival = usize::from(label == 0);
        for class in (0..classes).filter(|&class| class != label) {
            rival = if row[class] > row[rival] { class } else { rival };
        }
        let margin = row[label] - row[rival];
        let largest = row.iter().copied().fold(f64::MIN, f64::max);
        top += u64::from(row.iter().filter(|&&score| score == largest).count() > 1);
        zero[label] += u64::from(margin == 0.0);
        correct[label] += u64::from(margin == 0.0 && label < rival);
        for (at, &g) in margins.iter().enumerate() {
            pairs[at][(rival, label)] += u64::from(margin <= g);
        }
        pairs[margins.len()][(rival, label)] += u64::from(margin < 0.0 || (margin == 0.0 && rival < label));
    }
    for ((row, column), &errors) in pairs[margins.len()].indexed_iter() {
        assert_eq!(counts.confusion_count(row, column), errors, "errors at {row}, {column}");
        for at in 0..margins.len() {
            assert_eq!(counts.margin_count(at, row, column), pairs[at][(row, column)], "{at} at {row}, {column}");
        }
    }
    let ties = counts.ties();
    assert_eq!((ties.top2, ties.zero_margin, ties.zero_margin_correct), (top, zero, correct));
    assert_eq!(counts.samples(), input.labels.len() as u64);
}

fuzz_target!(|input: Input| {
    let (classes, samples) = (input.scores.ncols(), input.labels.len());
    let grid = MarginGrid::new(&input.grid).expect("finite margins");
    let mut cuts = [&[0, samples], &input.cuts[..]].concat();
    cuts.sort_unstable();
    let mut sum = MarginCounts::new(classes, &grid).expect("small tables");
    for (pair, &[sparse, as_margins, single, in_front]) in cuts.windows(2).zip(&input.ways) {
        let storage = if sparse { Storage::Sparse } else { Storage::Dense };
        let mut part = MarginCounts::with_storage(classes, &grid, storage).expect("small tables");
        let (scores, labels) = (input.scores.slice(s![pair[0]..pair[1], ..]), input.labels.slice(s![pair[0]..pair[1]]));
        if as_margins {
            part.add_margins(&sample_margins(scores, labels).expect("sound samples")).expect("sound margins");
        } else if single {
            part.add_batch(scores.mapv(|score| score as f32).view(), labels).expect("sound samples");
        } else {
            part.add_batch(scores, labels).expect("sound samples");
        }
        if in_front {
            part.merge(&sum).expect("parts of one set");
            sum = part;
        } else {
            sum.merge(&part).expect("parts of one set");
        }
    }
    by_definition(&input, grid.margins(), &sum);
    let bytes = to_bytes(&sum);
    let again = from_bytes(&bytes).expect("what was written is read");
    assert!(again == sum && to_bytes(&again) == bytes);
});
