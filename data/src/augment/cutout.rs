//! Cutout (DeVries and Taylor, 2017): a square of an image made grey.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Augmentation, GREY, Pixels};

/// Makes a square grey whose centre is uniform on the image, so that parts of it may lie outside.
/// Grey is 128, near the mean colour of natural images, which the paper uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutout {
    /// Side of the square in pixels, rounded down to an even number.
    pub side: usize,
}

impl Augmentation for Cutout {
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        let (row, column) = (rng.random_range(0..image.height), rng.random_range(0..image.width));
        let half = self.side / 2;
        let reach = |centre: usize, length: usize| centre.saturating_sub(half)..(centre + half).min(length);
        let width = image.width;
        let (rows, columns) = (reach(row, image.height), reach(column, width));
        for channel in 0..image.channels {
            let plane = image.plane_mut(channel);
            for row in rows.clone() {
                plane[row * width..][columns.clone()].fill(GREY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_square_around_every_pixel_is_made_grey() {
        let image = Pixels { channels: 2, height: 5, width: 7, bytes: vec![9; 70] };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..600 {
            let mut found = image.clone();
            Cutout { side: 4 }.apply(&mut found, &mut rng);
            assert_eq!(found.plane(0), found.plane(1));
            let centre = (0..5).flat_map(|row| (0..7).map(move |column| (row, column))).find(|&(row, column)| {
                let inside = |at: usize, centre: usize| (centre.saturating_sub(2)..centre + 2).contains(&at);
                (0..35).all(|at| (found.plane(0)[at] == GREY) == (inside(at / 7, row) && inside(at % 7, column)))
            });
            seen.insert(centre.expect("a square"));
        }
        assert_eq!(seen.len(), 35);
    }
}
