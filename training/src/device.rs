//! `--device auto|cpu|cuda:N`, with one binary for both.

use std::str::FromStr;

use tch::Device;

use crate::TrainingError;

/// The device asked for on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA device N.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| "expected auto, cpu, cuda or cuda:N".to_owned()),
        }
    }
}

/// Loads libtorch's CUDA half if this machine has it.
///
/// The programs link the CPU half only. libtorch caches the answer to "is there CUDA?" at the first question, so this
/// must be the first thing `main` does.
pub fn load_cuda_if_present() {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: opening a library runs its initialisers. This is PyTorch's own library, found on the loader's path
    // beside the libtorch_cpu this program is linked against; its initialisers register CUDA operators and have no
    // preconditions. No symbol is taken from it, and it is leaked, so nothing can dangle.
    #[allow(unsafe_code)]
    if let Ok(library) = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) } {
        std::mem::forget(library);
    }
}

impl DeviceChoice {
    /// The libtorch device meant.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] if a CUDA device is asked for that is not there.
    pub fn resolve(self) -> Result<Device, TrainingError> {
        let available = || tch::Cuda::is_available().then(tch::Cuda::device_count).unwrap_or(0);
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if available() > 0 => Ok(Device::Cuda(0)),
            Self::Auto => Ok(Device::Cpu),
            Self::Cuda(index) if (index as i64) < available() => Ok(Device::Cuda(index)),
            Self::Cuda(index) => Err(TrainingError::setting(
                "--device",
                format!("cuda:{index}"),
                format!(
                    "{} CUDA device(s) seen; use --device cpu, or put the lib folder of a CUDA build of libtorch 2.11.0 on LD_LIBRARY_PATH",
                    available()
                ),
            )),
        }
    }
}

/// `cpu` or `cuda:N`, as written into results.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_wrong_ones_refused() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert!("gpu".parse::<DeviceChoice>().is_err());
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
        assert!(DeviceChoice::Cuda(4096).resolve().unwrap_err().to_string().contains("cuda:4096"));
    }
}
