//! Devices by name, with one binary for the CPU and for CUDA.

use car_spectral_runs::settings::DeviceChoice;
use tch::Device;

use crate::{Result, TrainingError};

/// Loads libtorch's CUDA half if this machine has it.
///
/// The programs link the CPU half only. libtorch caches the answer to "is there CUDA?" at the first
/// question, so this must be the first thing `main` does.
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

/// The libtorch device meant.
///
/// # Errors
/// [`TrainingError::Setting`] if a CUDA device is asked for that is not there.
pub fn resolve(choice: DeviceChoice) -> Result<Device> {
    let available = || tch::Cuda::is_available().then(tch::Cuda::device_count).unwrap_or(0);
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Auto if available() > 0 => Ok(Device::Cuda(0)),
        DeviceChoice::Auto => Ok(Device::Cpu),
        DeviceChoice::Cuda(index) if (index as i64) < available() => Ok(Device::Cuda(index)),
        DeviceChoice::Cuda(index) => {
            let requirement = format!(
                "{} CUDA device(s) seen; take the CPU, or put the lib folder of a CUDA build of libtorch 2.11.0 on LD_LIBRARY_PATH",
                available()
            );
            Err(TrainingError::setting("device", format!("cuda:{index}"), requirement))
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
    fn a_device_that_is_not_there_is_refused() {
        assert!(resolve(DeviceChoice::Cuda(4096)).unwrap_err().to_string().contains("cuda:4096"));
        assert_eq!(resolve(DeviceChoice::Cpu).unwrap(), Device::Cpu);
    }
}
