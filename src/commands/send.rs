use crate::config::SendConfig;
use crate::failure::Failure;
pub fn run(config: &SendConfig, files: &[String]) -> Result<(), Failure> {
    let _ = (config, files);
    Ok(())
}
