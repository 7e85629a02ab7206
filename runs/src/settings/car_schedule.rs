//! The epochs in which CAR counts: its strength in an epoch is alpha times a share that depends on
//! the epoch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 0 up to and with epoch `after_epoch`, then rising linearly to 1 within `ramp_epochs`; with zeros
/// 1 throughout. The moving average takes in every batch, whatever the share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CarSchedule {
    /// Epochs without CAR.
    pub after_epoch: usize,
    /// Epochs over which it rises.
    pub ramp_epochs: usize,
}

impl CarSchedule {
    /// The strength in `epoch`, from 1, of a term whose full strength is `alpha`.
    pub fn strength(&self, alpha: f64, epoch: usize) -> f64 {
        alpha * self.share(epoch)
    }

    /// The share of alpha in `epoch`, from 1.
    fn share(&self, epoch: usize) -> f64 {
        let since = epoch.saturating_sub(self.after_epoch);
        if since == 0 { 0.0 } else { (since as f64 / self.ramp_epochs.max(1) as f64).min(1.0) }
    }

    /// Tells whether the share is 1 throughout.
    pub fn is_constant(&self) -> bool {
        self.after_epoch == 0 && self.ramp_epochs <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_by_hand() {
        let shares = |after_epoch, ramp_epochs| {
            let schedule = CarSchedule { after_epoch, ramp_epochs };
            [1, 2, 3, 4, 5].map(|epoch| schedule.share(epoch))
        };
        assert_eq!(shares(0, 0), [1.0; 5]);
        assert_eq!(shares(2, 0), [0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(shares(0, 4), [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert_eq!(shares(1, 2), [0.0, 0.5, 1.0, 1.0, 1.0]);
        assert!(CarSchedule::default().is_constant() && !CarSchedule { after_epoch: 1, ramp_epochs: 0 }.is_constant());
    }
}
