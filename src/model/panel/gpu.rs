//! Graphics processors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Text, Timestamp};

/// One graphics processor, as far as its exporter tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Gpu {
    /// Its number on its node.
    #[schema(value_type = String)]
    pub gpu: Text,
    /// Its own id.
    #[schema(value_type = Option<String>)]
    pub uuid: Option<Text>,
    /// Model: `NVIDIA H100 80GB HBM3`.
    #[schema(value_type = Option<String>)]
    pub model: Option<Text>,
    /// Node it is in.
    #[schema(value_type = Option<String>)]
    pub node: Option<Text>,
    /// Pod that uses it, as `namespace/name`.
    #[schema(value_type = Option<String>)]
    pub pod: Option<Text>,
    /// Share of the time it computed, 0 to 1.
    pub utilization_ratio: Option<f64>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: Option<f64>,
    /// Memory there is, in bytes.
    pub memory_total_bytes: Option<f64>,
    /// Power drawn, in watts.
    pub power_watts: Option<f64>,
    /// Temperature, in degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Number of its last XID error; 0 = none.
    pub xid_error: Option<f64>,
}

/// All graphics processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuPanel {
    /// When they were asked for.
    pub at: Timestamp,
    /// Who told: `dcgm`, `nvml` or `ray`.
    pub told_by: Text,
    /// In the order told.
    pub gpus: Vec<Gpu>,
}
