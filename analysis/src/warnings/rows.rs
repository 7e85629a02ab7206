//! Rows of scores with their labels, which of them are alike, and whether they are by chance.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use car_spectral_formats::predictions::{Logits, Scale};
use ndarray::ArrayView1;

use crate::subject::Scored;

/// Bits of a row, or of rows in a sequence, that two samples hardly share.
const ENOUGH_BITS: f64 = 40.0;
/// Rows, and scores, by which it is judged how rare a score is.
const MOST_ROWS: usize = 1 << 12;
const MOST_SCORES: usize = 1 << 22;
/// Distances in the file at which copies of a sequence of rows are looked for, those that most
/// repeated rows have.
const MOST_DISTANCES: usize = 16;
/// Share of the scores of a column that other rows may have before a score that none has is no
/// rarer than the rows are.
const COARSE: f64 = 0.01;

/// Where a row stands: list and row.
pub(super) type Place = (usize, usize);

/// Rows of scores with their labels.
pub(super) struct Rows<'a> {
    pub scored: &'a Scored,
}

impl<'a> Rows<'a> {
    /// Takes the rows of scores; `None` without scores.
    pub fn of(scored: &'a Scored) -> Option<Self> {
        (!matches!(scored.logits, Logits::Classes(_) | Logits::Counted(_))).then_some(Self { scored })
    }

    pub fn len(&self) -> usize {
        self.scored.labels.len()
    }

    /// The scores of a row, of which 0 and -0 are one. A row that cannot be read again is like no
    /// other.
    pub fn scores(&self, row: usize) -> Vec<f64> {
        fn of<T: Copy + Into<f64>>(row: ArrayView1<'_, T>) -> Vec<f64> {
            row.iter().map(|&score| score.into() + 0.0).collect()
        }
        match &self.scored.logits {
            Logits::F32(scores) => of(scores.row(row)),
            Logits::F64(scores) => of(scores.row(row)),
            Logits::Stored(scores) => scores.row(row).map_or_else(|_| vec![row as f64], |row| of((&row).into())),
            Logits::Classes(_) | Logits::Counted(_) => Vec::new(),
        }
    }

    fn bits(&self, row: usize) -> Vec<u64> {
        self.scores(row).into_iter().map(f64::to_bits).collect()
    }
}

/// The first row, list by list, that is like a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    /// The first row alike in its scores.
    pub scores: Place,
    /// The first row alike in its scores and its label.
    pub all: Place,
}

/// For each row of each list the first that is the same.
pub(super) fn first_of_each(lists: &[&Rows<'_>]) -> Vec<Vec<First>> {
    let hasher = RandomState::new();
    let places = || lists.iter().enumerate().flat_map(|(list, rows)| (0..rows.len()).map(move |row| (list, row)));
    let bits = |(list, row): Place| lists[list].bits(row);
    // Few rows share their first scores with another: whole rows are read of those alone.
    let beginnings: Vec<u32> =
        lists.iter().flat_map(|rows| rows.scored.logits.beginnings()).map(|begins| begins.exact).collect();
    let mut times: HashMap<u32, u32> = HashMap::new();
    beginnings.iter().for_each(|&hash| *times.entry(hash).or_default() += 1);
    let mut firsts: HashMap<u64, Vec<Place>> = HashMap::new();
    let mut with_label: HashMap<(Place, usize), Place> = HashMap::new();
    let mut found: Vec<Vec<First>> = lists.iter().map(|rows| Vec::with_capacity(rows.len())).collect();
    for (place, hash) in places().zip(beginnings) {
        let mut first = First { scores: place, all: place };
        if times[&hash] > 1 {
            let whole = bits(place);
            let alike = firsts.entry(hasher.hash_one(&whole)).or_default();
            match alike.iter().find(|&&other| bits(other) == whole) {
                Some(&other) => first.scores = other,
                None => alike.push(place),
            }
            let label = lists[place.0].scored.labels[place.1];
            first.all = *with_label.entry((first.scores, label)).or_insert(place);
        }
        found[place.0].push(first);
    }
    found
}

/// Rows that belong to a copy of a sequence of other rows: all those of the list `of` at one
/// distance behind their like, scores and label, for so long that it is no chance. `firsts` are
/// those of all lists.
///
/// A row is like another of its label by chance as often as rows of that label are like it; rows of
/// one label may lie together, so it is held against those alone.
pub(super) fn copied(lists: &[&Rows<'_>], firsts: &[Vec<First>], of: usize) -> Vec<bool> {
    let all: Vec<Place> = firsts.iter().flatten().map(|first| first.all).collect();
    let labels: Vec<usize> = lists.iter().flat_map(|rows| rows.scored.labels.iter().copied()).collect();
    let begin: usize = lists[..of].iter().map(|rows| rows.len()).sum();
    // Of a second list the like is in the first.
    let before = if of == 0 { all.len() } else { begin };
    let (mut alike, mut labelled): (HashMap<Place, u32>, HashMap<usize, u32>) = (HashMap::new(), HashMap::new());
    let mut last: HashMap<Place, usize> = HashMap::new();
    let mut times: HashMap<usize, u32> = HashMap::new();
    for (at, place) in all.iter().enumerate() {
        *alike.entry(*place).or_default() += 1;
        *labelled.entry(labels[at]).or_default() += 1;
        if let Some(like) = last.get(place).filter(|_| at >= begin) {
            *times.entry(at - like).or_default() += 1;
        }
        if at < before {
            last.insert(*place, at);
        }
    }
    let mut distances: Vec<(u32, usize)> = times.into_iter().map(|(distance, times)| (times, distance)).collect();
    distances.sort_unstable_by(|a, b| b.cmp(a));
    let bits = |at: usize| (f64::from(labelled[&labels[at]]) / f64::from((alike[&all[at]] - 1).max(1))).log2();
    let mut found = vec![false; all.len() - begin];
    for &(_, distance) in distances.iter().take(MOST_DISTANCES).take_while(|found| found.0 > 1) {
        let is_copy = |at: usize| at >= distance && at - distance < before && all[at] == all[at - distance];
        let mut at = begin;
        while at < all.len() {
            let end = (at..all.len()).find(|&at| !is_copy(at)).unwrap_or(all.len());
            if (at..end).map(bits).sum::<f64>() >= ENOUGH_BITS {
                found[at - begin..end - begin].fill(true);
            }
            at = end + 1;
        }
    }
    found
}

/// Scores of other rows, by which it is known how rare a score is.
pub(super) struct Others<'a> {
    rows: &'a Rows<'a>,
    firsts: &'a [First],
    /// The scores of each column, ascending.
    columns: Vec<Vec<f64>>,
    /// Bits of a score that none has, by column.
    unseen: Vec<f64>,
    /// Of how many of the rows each is the first.
    same: HashMap<Place, usize>,
    taken: usize,
    /// Whether rows leave a score open: those of one sum are known by the others.
    of_one_sum: bool,
}

impl<'a> Others<'a> {
    /// `firsts` says which rows are one.
    pub fn of(rows: &'a Rows<'a>, firsts: &'a [First]) -> Self {
        let classes = rows.scored.logits.dim().1;
        let most = (MOST_SCORES / classes.max(1)).clamp(64, MOST_ROWS);
        let step = rows.len().div_ceil(most).max(1);
        let (mut columns, mut same) = (vec![Vec::new(); classes], HashMap::new());
        let (mut taken, mut low_zeros) = (0, u32::MAX);
        let (mut least, mut greatest, mut largest) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
        for row in (0..rows.len()).step_by(step) {
            let scores = rows.scores(row);
            let sum: f64 = scores.iter().sum();
            (least, greatest) = (least.min(sum), greatest.max(sum));
            for (column, score) in columns.iter_mut().zip(scores) {
                low_zeros = low_zeros.min(low_zeros_of(score));
                largest = largest.max(score.abs());
                column.push(score);
            }
            *same.entry(firsts[row].scores).or_default() += 1;
            taken += 1;
        }
        columns.iter_mut().for_each(|column| column.sort_unstable_by(f64::total_cmp));
        let unseen = |column: &Vec<f64>| {
            let different = 1 + column.windows(2).filter(|pair| pair[0] != pair[1]).count();
            let is_coarse = (different as f64) < (1.0 - COARSE) * same.len() as f64;
            let bits: f64 = bits_of_type(low_zeros);
            if is_coarse { bits.min((taken as f64).log2() + 1.0) } else { bits }
        };
        let unseen = columns.iter().map(unseen).collect();
        let is_logarithm = matches!(rows.scored.logits.scale(), Scale::LogProbabilities | Scale::LogarithmsTo(_));
        let of_one_sum = classes > 2 || is_logarithm || greatest - least < 1e-3 * largest;
        Self { rows, firsts, columns, unseen, same, taken, of_one_sum }
    }

    /// Tells whether a row is hardly that of two samples by chance: whether its different scores,
    /// but one where it is open, are rare enough together among those of other rows; those of a row
    /// without any difference all count.
    pub fn tell(&self, row: usize) -> bool {
        let scores = self.rows.scores(row);
        let own = self.same.get(&self.firsts[row].scores).copied().unwrap_or(0);
        let bits = |(column, score): (usize, &f64)| (*score, self.bits(column, *score, own));
        let mut rarity: Vec<(f64, f64)> = scores.iter().enumerate().map(bits).collect();
        if !is_flat(&scores) {
            rarity.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
            rarity.dedup_by_key(|found| found.0);
        } else if 2 * own >= self.taken {
            return false;
        }
        let open = if self.of_one_sum { rarity.iter().map(|found| found.1).fold(0.0, f64::max) } else { 0.0 };
        rarity.iter().map(|found| found.1).sum::<f64>() - open >= ENOUGH_BITS
    }

    /// -log2 of the share of other rows that have this score there.
    fn bits(&self, column: usize, score: f64, own: usize) -> f64 {
        let scores = &self.columns[column];
        let with = scores.partition_point(|&other| other <= score) - scores.partition_point(|&other| other < score);
        match with.saturating_sub(own) {
            0 => self.unseen[column],
            others => -(others as f64 / self.taken.saturating_sub(own).max(1) as f64).log2(),
        }
    }
}

/// Whether no score of a row differs from another.
pub(super) fn is_flat(scores: &[f64]) -> bool {
    scores.windows(2).all(|pair| pair[0] == pair[1])
}

/// Zeros at the end of a score as float32, which float16 and bfloat16 are made into.
pub(super) fn low_zeros_of(score: f64) -> u32 {
    (score as f32).to_bits().trailing_zeros()
}

fn bits_of_type(low_zeros: u32) -> f64 {
    match low_zeros {
        16.. => 8.0,
        13.. => 11.0,
        _ => 20.0,
    }
}
