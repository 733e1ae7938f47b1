//! The NVIDIA driver's management library, loaded when asked for.
//! Takes: a question. Gives: what the processors of this machine say. Never: asks a driver that has not answered yet.

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

use super::single::Single;
use crate::model::Gpu;
use crate::sources::failure::{Failure, reason};

/// The library. It is loaded by the first question, and anew by the one after a failure: a driver may have been.
#[derive(Debug, Default)]
pub(super) struct Driver {
    calls: Single<(Box<Nvml>, Vec<Gpu>)>,
    loaded: Option<Box<Nvml>>,
}

impl Driver {
    /// All processors of this machine.
    pub(super) async fn gpus(&mut self) -> Result<Vec<Gpu>, Failure> {
        let loaded = self.loaded.take();
        let ask = move |late: Option<(Box<Nvml>, Vec<Gpu>)>| {
            let nvml = match loaded.or(late.map(|(nvml, _)| nvml)) {
                Some(nvml) => nvml,
                None => Box::new(Nvml::init().map_err(|error| absent(&error))?),
            };
            let gpus = read(&nvml).map_err(|error| absent(&error))?;
            Ok((nvml, gpus))
        };
        let (nvml, gpus) = self.calls.ask("the NVIDIA driver", ask).await?;
        self.loaded = Some(nvml);
        Ok(gpus)
    }
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
            uuid: device.uuid().ok().map(Into::into),
            model: device.name().ok().map(Into::into),
            utilization_ratio: device.utilization_rates().ok().map(|used| f64::from(used.gpu) / 100.0),
            memory_used_bytes: memory.as_ref().map(|m| m.used as f64),
            memory_total_bytes: memory.as_ref().map(|m| m.total as f64),
            power_watts: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
            temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
            ..Gpu::default()
        })
    };
    listed(nvml.device_count()?, each, node.as_deref())
}

/// All of them. One that is lost hides no other: it is listed without numbers. An error is that none answers.
fn listed(count: u32, each: impl Fn(u32) -> Result<Gpu, NvmlError>, node: Option<&str>) -> Result<Vec<Gpu>, NvmlError> {
    let (mut gpus, mut answered, mut lost) = (Vec::new(), false, None);
    for index in 0..count {
        let told = match each(index) {
            Ok(gpu) => {
                answered = true;
                gpu
            }
            Err(error) => {
                lost = lost.or(Some(error));
                Gpu::default()
            }
        };
        gpus.push(Gpu { gpu: index.to_string().into(), node: node.map(Into::into), ..told });
    }
    match lost {
        Some(error) if !answered => Err(error),
        _ => Ok(gpus),
    }
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
        match Driver::default().gpus().await {
            // A machine with processors: they are told.
            Ok(gpus) => assert!(!gpus.is_empty()),
            Err(failure) => {
                assert_eq!(failure.reason, reason::CONFIGURATION, "{failure}");
                assert!(failure.detail.contains("gpu.dcgm_url"), "{failure}");
            }
        }
    }

    #[test]
    fn a_lost_processor_hides_no_other() {
        let each = |index| match index {
            1 => Err(NvmlError::GpuLost),
            _ => Ok(Gpu { utilization_ratio: Some(0.5), ..Gpu::default() }),
        };
        let gpus = listed(3, each, Some("node-1")).expect("two answer");
        let told: Vec<_> = gpus.iter().map(|gpu| (&*gpu.gpu, gpu.node.as_deref(), gpu.utilization_ratio)).collect();
        let node = Some("node-1");
        assert_eq!(told, [("0", node, Some(0.5)), ("1", node, None), ("2", node, Some(0.5))]);
        assert!(matches!(listed(2, |_| Err(NvmlError::GpuLost), None), Err(NvmlError::GpuLost)), "none answers");
        assert!(listed(0, each, None).expect("there is none").is_empty());
    }
}
