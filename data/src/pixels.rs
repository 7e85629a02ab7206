//! One image as bytes, the form in which images are decoded and augmented on the threads of the
//! loader.

/// An image of 8 bits a channel, [C, H, W]: plane after plane, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// C.
    pub channels: usize,
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// C H W bytes.
    pub bytes: Vec<u8>,
}

impl Pixels {
    /// The plane [H, W] of a channel.
    ///
    /// # Panics
    /// For a channel that is not there.
    pub fn plane(&self, channel: usize) -> &[u8] {
        let size = self.height * self.width;
        &self.bytes[channel * size..(channel + 1) * size]
    }

    /// The plane [H, W] of a channel, to change.
    ///
    /// # Panics
    /// For a channel that is not there.
    pub fn plane_mut(&mut self, channel: usize) -> &mut [u8] {
        let size = self.height * self.width;
        &mut self.bytes[channel * size..(channel + 1) * size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_follow_each_other() {
        let mut image = Pixels { channels: 2, height: 2, width: 3, bytes: (0..12).collect() };
        assert_eq!(image.plane(1), [6, 7, 8, 9, 10, 11]);
        image.plane_mut(0)[5] = 99;
        assert_eq!(image.bytes[5], 99);
    }
}
