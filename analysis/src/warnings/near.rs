//! Rows that are nearly those of others, as a network gives the same sample in batches of two sizes
//! or in two types.

use car_spectral_formats::predictions::Scale;

use super::rows::{First, Place, Rows, low_zeros_of};

/// Rows beyond which those with the same rounded scores are not compared: of sure networks most
/// rows are near others.
const MOST_NEAR: usize = 8;
/// Repeated rows below which nothing is said.
const FEWEST: usize = 4;
/// How much wider rows are looked for that are near by chance; and the share of them that must be
/// as near as repeats.
const WIDER: f64 = 32.0;
const SHARE: f64 = 0.7;

/// Rows of the last list, by number, that nearly are an earlier one (of the first of two lists)
/// with the same label, with its number; where hardly any other is near.
///
/// Scores of different samples come at all distances: of those within `WIDER` times the distance of
/// repeats, one in `WIDER` or fewer are by chance as near as those.
pub(super) fn near(lists: &[&Rows<'_>], firsts: &[Vec<First>]) -> Vec<(usize, usize)> {
    let own = lists.len() - 1;
    let labels: Vec<usize> = lists.iter().flat_map(|rows| rows.scored.labels.iter().copied()).collect();
    let places = || lists.iter().enumerate().flat_map(|(list, rows)| (0..rows.len()).map(move |row| (list, row)));
    let rounded = lists.iter().flat_map(|rows| rows.scored.logits.beginnings()).map(|begins| begins.rounded);
    let once = places().zip(rounded).enumerate().filter(|(_, (place, _))| firsts[place.0][place.1].all == *place);
    let mut order: Vec<(u32, usize)> = once.map(|(at, (_, rounded))| (rounded, at)).collect();
    order.sort_unstable_by_key(|&(rounded, at)| (rounded, labels[at], at));
    let begin = if own == 0 { 0 } else { lists[0].len() };
    let place = |at: usize| if at < begin { (0, at) } else { (own, at - begin) };
    let groups = order.chunk_by(|a, b| (a.0, labels[a.1]) == (b.0, labels[b.1]));
    let groups: Vec<_> = groups.filter(|group| (2..=MOST_NEAR).contains(&group.len())).collect();
    if groups.is_empty() || lists.iter().any(|rows| !tells_apart(rows.scored.logits.scale())) {
        return Vec::new();
    }
    let (mut found, mut as_near, mut around) = (Vec::new(), 0, 0);
    for group in groups {
        let group: Vec<Place> = group.iter().map(|&(_, at)| place(at)).collect();
        let scores: Vec<Vec<f64>> = group.iter().map(|&(list, row)| lists[list].scores(row)).collect();
        for (at, &(list, row)) in group.iter().enumerate().filter(|(_, place)| place.0 == own) {
            let earlier = (0..at).filter(|&other| own == 0 || group[other].0 < list);
            let distances = earlier.filter_map(|other| Some((distance(&scores[at], &scores[other])?, group[other].1)));
            let wide: Vec<(f64, usize)> = distances.filter(|found| found.0 <= WIDER).collect();
            let like = wide.iter().filter(|found| found.0 <= 1.0);
            (as_near, around) = (as_near + like.clone().count(), around + wide.len());
            found.extend(like.min_by(|a, b| a.0.total_cmp(&b.0)).map(|found| (row, found.1)));
        }
    }
    found.sort_unstable();
    let is_clear = found.len() >= FEWEST && as_near as f64 >= SHARE * around as f64;
    if is_clear { found } else { Vec::new() }
}

/// Whether scores of sure networks still differ: probabilities near 0 and 1 do not.
fn tells_apart(scale: Scale) -> bool {
    matches!(scale, Scale::Logits | Scale::Bounded | Scale::LogProbabilities | Scale::LogarithmsTo(_))
}

/// The largest difference between two rows, in units of what rounding makes: 1e-5 of the largest
/// score, or the last places of each in a short type. `None` for rows of few different scores, cut
/// ones for example, and for few classes in a short type, where many rows are as near by chance.
fn distance(a: &[f64], b: &[f64]) -> Option<f64> {
    let largest = a.iter().fold(0.0_f64, |largest, score| largest.max(score.abs()));
    let rounded = |score: &f64| (score / largest * 1024.0).round() as i64;
    let mut different: Vec<i64> = a.iter().map(rounded).collect();
    different.sort_unstable();
    different.dedup();
    let zeros = |row: &[f64]| row.iter().map(|&score| low_zeros_of(score)).min().unwrap_or(0);
    let last_place = match zeros(a).max(zeros(b)) {
        16.. => 2.0_f64.powi(-7),
        13.. => 2.0_f64.powi(-10),
        _ => 0.0,
    };
    let unit = |a: f64, b: f64| (2.0_f64.powi(-16) * largest).max(last_place * a.abs().max(b.abs()));
    let furthest = a.iter().zip(b).map(|(&a, &b)| (a - b).abs() / unit(a, b)).fold(0.0, f64::max);
    let tells = different.len() >= a.len().min(5) && (last_place == 0.0 || a.len() >= 8);
    tells.then_some(furthest)
}
