//! The NVIDIA driver's management library, loaded when asked for.

use std::sync::Arc;

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

use crate::model::Gpu;
use crate::sources::failure::{Failure, reason};

/// The loaded library. Its calls block, so they are made off the async workers.
#[derive(Clone)]
pub(super) struct Driver(Arc<Nvml>);

impl Driver {
    /// Loads it; fails where this machine has no NVIDIA driver.
    pub(super) async fn load() -> Result<Self, Failure> {
        let loaded = blocking(|| Nvml::init().map_err(|error| absent(&error))).await?;
        Ok(Self(Arc::new(loaded)))
    }

    /// All processors of this machine.
    pub(super) async fn gpus(&self) -> Result<Vec<Gpu>, Failure> {
        let nvml = Arc::clone(&self.0);
        blocking(move || read(&nvml).map_err(|error| absent(&error))).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::new(reason::UNEXPECTED, format!("the driver's library failed: {error}"))))
}

fn absent(error: &NvmlError) -> Failure {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded => {
            let detail = "gpu.nvml is set, but this machine has no NVIDIA driver (libnvidia-ml.so.1): use \
                          gpu.dcgm_url, or run Fleetscope where the processors are";
            Failure::new(reason::CONFIGURATION, detail)
        }
        other => Failure::new(reason::UNEXPECTED, format!("the NVIDIA driver answers: {other}")),
    }
}

fn read(nvml: &Nvml) -> Result<Vec<Gpu>, NvmlError> {
    let node = hostname();
    let each = |index| {
        let device = nvml.device_by_index(index)?;
        let memory = device.memory_info().ok();
        Ok(Gpu {
            gpu: index.to_string().into(),
            uuid: device.uuid().ok().map(Into::into),
            model: device.name().ok().map(Into::into),
            node: node.as_deref().map(Into::into),
            pod: None,
            utilization_ratio: device.utilization_rates().ok().map(|used| f64::from(used.gpu) / 100.0),
            memory_used_bytes: memory.as_ref().map(|m| m.used as f64),
            memory_total_bytes: memory.as_ref().map(|m| m.total as f64),
            power_watts: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
            temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
            xid_error: None,
        })
    };
    (0..nvml.device_count()?).map(each).collect()
}

fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_machine_without_a_driver_is_told_so() {
        match Driver::load().await {
            // A machine with processors: they are told.
            Ok(driver) => assert!(!driver.gpus().await.expect("they answer").is_empty()),
            Err(failure) => {
                assert_eq!(failure.reason, reason::CONFIGURATION, "{failure}");
                assert!(failure.detail.contains("gpu.dcgm_url"), "{failure}");
            }
        }
    }
}
