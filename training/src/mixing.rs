//! Mixed batches on tensors: a rectangle from the partners' images, and labels by the shares of the
//! area.

use car_spectral_data::Rectangle;
use tch::{Kind, Tensor};

use crate::Result;

/// The mixing of a batch.
#[derive(Debug)]
pub struct Mix {
    /// Share of an image's area that is its own.
    pub own_share: f64,
    /// Labels of the partners `[B]`.
    pub partners: Tensor,
}

/// Gives images [B, C, H, W] this rectangle of their partners' images; with the share of the area
/// that is left of them.
pub(crate) fn paste(rectangle: &Rectangle, images: &Tensor, partners: &Tensor) -> Result<(Tensor, f64)> {
    let (_, _, height, width) = images.size4()?;
    let mixed = images.copy();
    let part = |batch: &Tensor| {
        batch.f_narrow(2, rectangle.rows.start as i64, rectangle.rows.len() as i64)?.f_narrow(
            3,
            rectangle.columns.start as i64,
            rectangle.columns.len() as i64,
        )
    };
    part(&mixed)?.f_copy_(&part(partners)?)?;
    let pasted = (rectangle.rows.len() * rectangle.columns.len()) as f64 / (height * width) as f64;
    Ok((mixed, 1.0 - pasted))
}

impl Mix {
    /// Labels `[B, K]` of a mixed batch: the own share of the own class, the rest of the partner's.
    pub fn targets(&self, labels: &Tensor, num_classes: usize, kind: Kind) -> Result<Tensor> {
        let one_hot = |labels: &Tensor| labels.f_one_hot(num_classes as i64)?.f_to_kind(kind);
        Ok(one_hot(labels)? * self.own_share + one_hot(&self.partners)? * (1.0 - self.own_share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn a_rectangle_comes_from_the_partner_and_the_label_by_the_area() {
        let images = Tensor::arange(2 * 3 * 4 * 5, (Kind::Int64, Device::Cpu)).to_kind(Kind::Uint8).view([2, 3, 4, 5]);
        let partners = &images + 128;
        let rectangle = Rectangle { rows: 1..4, columns: 0..2 };
        let (mixed, own_share) = paste(&rectangle, &images, &partners).unwrap();
        for (b, c, y, x) in (0..120).map(|at| (at / 60, at / 20 % 3, at / 5 % 4, at % 5)) {
            let source = if (1..4).contains(&y) && x < 2 { &partners } else { &images };
            assert_eq!(mixed.int64_value(&[b, c, y, x]), source.int64_value(&[b, c, y, x]), "{b} {c} {y} {x}");
        }
        assert_eq!(own_share, 1.0 - 6.0 / 20.0);
        assert_eq!(images.int64_value(&[0, 0, 1, 0]), 5, "the batch itself stays");
        let mix = Mix { own_share, partners: Tensor::from_slice(&[2i64, 1]) };
        let targets = mix.targets(&Tensor::from_slice(&[0i64, 1]), 3, Kind::Double).unwrap();
        let expected = Tensor::from_slice(&[0.7, 0.0, 0.3, 0.0, 1.0, 0.0]).view([2, 3]);
        assert!(targets.allclose(&expected, 0.0, 1e-15, false));
        // Nothing pasted.
        let (same, all) = paste(&Rectangle { rows: 2..2, columns: 0..5 }, &images, &partners).unwrap();
        assert!(same.equal(&images) && all == 1.0);
    }
}
