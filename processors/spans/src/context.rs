//! The W3C trace context: what a `traceparent` header says, and how a new span's is made.

use std::fmt;

/// A span's place: its trace and its own id, neither of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace: [u8; 16],
    pub span: [u8; 8],
}

impl Context {
    /// What a version 00 `traceparent` says; its flags do not bind us, the trace id decides.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let rest = header.strip_prefix(b"00-")?;
        if rest.len() != 52 || rest.get(32) != Some(&b'-') || rest.get(49) != Some(&b'-') {
            return None;
        }
        let context = Self {
            trace: unhex(rest.get(..32)?)?,
            span: unhex(rest.get(33..49)?)?,
        };
        unhex::<1>(rest.get(50..)?)?;
        (context.trace != [0; 16] && context.span != [0; 8]).then_some(context)
    }

    /// The root of a new trace.
    pub fn root() -> Self {
        Self {
            trace: random(),
            span: random(),
        }
    }

    /// A new span of the same trace.
    pub fn child(self) -> Self {
        Self {
            trace: self.trace,
            span: random(),
        }
    }

    /// Whether a share of `rate` of all traces holds this one: every process answers alike.
    pub fn is_kept(self, rate: f64) -> bool {
        let [.., a, b, c, d] = self.trace;
        f64::from(u32::from_be_bytes([a, b, c, d])) < rate * (f64::from(u32::MAX) + 1.0)
    }
}

/// As the header writes it.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-")?;
        self.span
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-01")
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without entropy the id is only less useful; zero ids are invalid, so it never stays zero.
    if getrandom::fill(&mut bytes).is_err() || bytes == [0; N] {
        bytes = [1; N];
    }
    bytes
}

/// Lower case only, as the standard demands.
fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_sound_header_is_read_and_written_alike_and_any_other_is_none() {
        let context = Context::parse(GIVEN.as_bytes()).unwrap();
        assert_eq!(context.to_string(), GIVEN);
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let upper = GIVEN.to_uppercase();
        for bad in [zero, "", "00-", &GIVEN[1..], &GIVEN[..54], &upper] {
            assert_eq!(Context::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_child_is_kept_as_its_root_is_and_a_rate_keeps_about_its_share() {
        let roots: Vec<Context> = (0..20_000).map(|_| Context::root()).collect();
        let kept = roots.iter().filter(|root| root.is_kept(0.1)).count();
        assert!((1_600..2_400).contains(&kept), "{kept}");
        for root in roots {
            assert_eq!(root.is_kept(0.1), root.child().is_kept(0.1));
            assert!(root.is_kept(1.0) && !root.is_kept(0.0));
        }
    }
}
