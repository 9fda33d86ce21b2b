//! Where spans go, if anywhere.

use trueup_otlp::{Endpoint, OtlpSettings, Protocol};

use crate::settings::{Reader, value};

/// `None` where nobody named a collector.
pub fn read(reader: &mut Reader<'_>) -> Option<OtlpSettings> {
    let protocol = reader.required("otlp-protocol", |text| value::word(text, Protocol::WORDS));
    let sample = reader.required("otlp-sample", share);
    let endpoint = reader.optional("otlp-endpoint", |text| {
        text.parse::<Endpoint>().map_err(|fault| fault.to_string())
    });
    Some(OtlpSettings {
        endpoint: endpoint?,
        protocol: protocol?,
        sample: sample?,
        service: "trueup".to_owned(),
        instance: std::process::id().to_string(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "not a share from 0 to 1, such as 0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_lies_between_nothing_and_all() {
        for right in ["0", "0.25", "1", "1.0"] {
            assert!(share(right).is_ok(), "{right}");
        }
        for wrong in ["", "-0.1", "1.01", "NaN", "inf", "always_on"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
