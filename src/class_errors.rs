//! Errors of each class beside its samples.

/// Samples and errors of each class of one data set, `[K]` each.
#[derive(Clone, Copy, Debug)]
pub struct ClassErrors<'a> {
    /// Errors of each class, k_j <= n_j.
    pub errors: &'a [u64],
    /// Samples of each class, n_j.
    pub counts: &'a [u64],
}

impl<'a> ClassErrors<'a> {
    /// (k_j, n_j) of class after class.
    pub fn classes(self) -> impl ExactSizeIterator<Item = (u64, u64)> + Clone + 'a {
        self.errors.iter().copied().zip(self.counts.iter().copied())
    }
}

#[cfg(test)]
pub(crate) fn of<'a>(errors: &'a [u64], counts: &'a [u64]) -> ClassErrors<'a> {
    ClassErrors { errors, counts }
}
