//! Signatures made by Stripe's own Java SDK.

use crate::fault::ServiceFault;
use crate::jars;
use crate::scratch::Scratch;

/// The `Stripe-Signature` header that Stripe's SDK makes for `body` at `timestamp_s`. It takes
/// about a second: a JVM is started for it.
///
/// # Errors
/// No Java, no Maven and no jars; a body that is not UTF-8, which the SDK cannot sign.
pub fn stripe_sdk_signature(
    secret: &str,
    timestamp_s: i64,
    body: &[u8],
) -> Result<String, ServiceFault> {
    let jars = jars::of("stripe")?;
    let scratch = Scratch::new("stripe")?;
    let path = scratch.path().join("body");
    std::fs::write(&path, body).map_err(|cause| ServiceFault::File {
        path: path.clone(),
        cause,
    })?;
    let mut command = jars::java(&jars);
    command
        .arg(jars::kept("stripe/Sign.java"))
        .args([secret, &timestamp_s.to_string()])
        .arg(&path);
    Ok(jars::run(command)?.trim().to_owned())
}
