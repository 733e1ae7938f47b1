//! The macro that declares families: one line each, documented by what becomes their HELP.

/// One family as the catalogue lists it.
#[derive(Clone, Copy, Debug)]
pub struct FamilyInfo {
    /// Name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Label names.
    pub labels: &'static [&'static str],
    /// Help text.
    pub help: &'static str,
}

/// Declares a struct of metric families. Each field: its help as doc comment, `name: kind = "metric" [labels]`,
/// for histograms followed by `buckets CONST`.
macro_rules! families {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $set:ident {
            $( #[doc = $help:literal] $field:ident: $kind:ident = $name:literal [$($label:literal),*] $(buckets $buckets:expr)?, )+
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        $vis struct $set { $( #[doc = $help] $vis $field: $crate::metrics::family::kinds::$kind, )+ }

        impl $set {
            /// What this set holds.
            $vis const INFO: &'static [$crate::metrics::FamilyInfo] = &[$(
                $crate::metrics::FamilyInfo {
                    name: $name,
                    kind: stringify!($kind),
                    labels: &[$($label),*],
                    help: $crate::metrics::family::trim($help),
                },
            )+];

            pub(super) fn new(registry: &prometheus::Registry) -> Self {
                Self { $(
                    $field: {
                        #[allow(unused_mut, clippy::allow_attributes, reason = "only histograms set buckets")]
                        let mut buckets: Vec<f64> = Vec::new();
                        $( buckets.extend_from_slice($buckets); )?
                        $crate::metrics::family::register::$kind(
                            registry, $name, $crate::metrics::family::trim($help), &[$($label),*], buckets,
                        )
                    },
                )+ }
            }
        }
    };
}
pub(super) use families;

/// The doc comment less its leading space.
pub(super) const fn trim(help: &'static str) -> &'static str {
    help.trim_ascii()
}

/// What each kind is made of.
#[expect(non_camel_case_types, reason = "written in declarations as Prometheus writes them")]
pub(super) mod kinds {
    pub(in crate::metrics) type counter = prometheus::IntCounterVec;
    pub(in crate::metrics) type gauge = prometheus::GaugeVec;
    pub(in crate::metrics) type histogram = prometheus::HistogramVec;
}

/// Making and registering each kind. Names and labels are literals, so failure is a bug seen by the first test.
pub(super) mod register {
    use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

    pub(in crate::metrics) fn counter(
        registry: &Registry,
        name: &str,
        help: &str,
        labels: &[&str],
        _buckets: Vec<f64>,
    ) -> IntCounterVec {
        let family = IntCounterVec::new(Opts::new(name, help), labels).expect("valid name and labels");
        registry.register(Box::new(family.clone())).expect("declared once");
        family
    }

    pub(in crate::metrics) fn gauge(
        registry: &Registry,
        name: &str,
        help: &str,
        labels: &[&str],
        _buckets: Vec<f64>,
    ) -> GaugeVec {
        let family = GaugeVec::new(Opts::new(name, help), labels).expect("valid name and labels");
        registry.register(Box::new(family.clone())).expect("declared once");
        family
    }

    pub(in crate::metrics) fn histogram(
        registry: &Registry,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: Vec<f64>,
    ) -> HistogramVec {
        let family =
            HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels).expect("valid name and labels");
        registry.register(Box::new(family.clone())).expect("declared once");
        family
    }
}

/// Milliseconds to minutes: deliveries, answers.
pub(super) const LATENCY: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Seconds to an hour: deliberations.
pub(super) const MINUTES: &[f64] = &[0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
/// Seconds to a week: phases of stories.
pub(super) const DAYS: &[f64] =
    &[1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 14400.0, 43200.0, 86400.0, 259_200.0, 604_800.0];
/// Body sizes in bytes.
pub(super) const SIZES: &[f64] =
    &[128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 8_388_608.0];
/// Tokens of a story.
pub(super) const TOKENS: &[f64] = &[100.0, 500.0, 1e3, 5e3, 1e4, 5e4, 1e5, 5e5, 1e6];
