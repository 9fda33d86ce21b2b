use crate::config::ProcessConfig;
use crate::failure::Failure;
pub fn run(config: ProcessConfig) -> Result<(), Failure> {
    let _ = config;
    Ok(())
}
