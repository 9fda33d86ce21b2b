use crate::config::IngestConfig;
use crate::failure::Failure;
pub fn run(config: IngestConfig) -> Result<(), Failure> {
    let _ = config;
    Ok(())
}
