use crate::config::LedgerConfig;
use crate::failure::Failure;
pub fn run(config: &LedgerConfig) -> Result<(), Failure> {
    let _ = config;
    Ok(())
}
