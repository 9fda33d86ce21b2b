//! How a coordinator's changes and states become the bytes of the journal and of the snapshot:
//! one byte of format, then postcard. A newer format and trailing bytes are refused.

use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there are no bytes")]
pub struct Nothing;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("written in format `{found}`, and this program knows formats up to `{known}`")]
pub struct UnknownFormat {
    pub found: u8,
    pub known: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{bytes}` bytes follow the value")]
pub struct TrailingBytes {
    pub bytes: usize,
}

/// Why bytes cannot be read as a stored value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeFault {
    #[error(transparent)]
    Nothing(#[from] Nothing),
    #[error(transparent)]
    UnknownFormat(#[from] UnknownFormat),
    #[error(transparent)]
    TrailingBytes(#[from] TrailingBytes),
    #[error("the bytes make no value")]
    Malformed(#[from] postcard::Error),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value could not be encoded")]
pub struct EncodeFault(#[from] postcard::Error);

/// A value that is kept on disk. `FORMAT` is raised, and the older ones still read, when the
/// shape of the value changes.
pub trait Stored: Serialize + DeserializeOwned {
    const FORMAT: u8 = 1;

    /// # Errors
    /// None for the types of this crate; postcard's signature has one.
    fn encode(&self) -> Result<Vec<u8>, EncodeFault> {
        Ok(postcard::to_extend(self, vec![Self::FORMAT])?)
    }

    /// # Errors
    /// When the bytes are of another format, or are not exactly one value.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeFault> {
        let (found, body) = bytes.split_first().ok_or(Nothing)?;
        if *found != Self::FORMAT {
            let (found, known) = (*found, Self::FORMAT);
            return Err(UnknownFormat { found, known }.into());
        }
        let (value, rest) = postcard::take_from_bytes(body)?;
        if rest.is_empty() {
            return Ok(value);
        }
        Err(TrailingBytes { bytes: rest.len() }.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::partition_state::PartitionState;
    use crate::{offsets, transactions};

    impl Stored for (u8, String) {}

    #[test]
    fn a_value_comes_back_and_anything_else_is_refused() {
        let value = (7_u8, "seven".to_owned());
        let bytes = value.encode().unwrap();
        assert_eq!(<(u8, String)>::decode(&bytes).unwrap(), value);

        assert_eq!(<(u8, String)>::decode(&[]), Err(Nothing.into()));
        let newer = [&[2], &bytes[1..]].concat();
        let refused = UnknownFormat { found: 2, known: 1 };
        assert_eq!(<(u8, String)>::decode(&newer), Err(refused.into()));
        let longer = [&bytes[..], &[0]].concat();
        let refused = TrailingBytes { bytes: 1 };
        assert_eq!(<(u8, String)>::decode(&longer), Err(refused.into()));
        let cut = &bytes[..bytes.len() - 1];
        let cut = <(u8, String)>::decode(cut);
        assert!(matches!(cut, Err(DecodeFault::Malformed(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_whatever_make_a_decoder_fall(mut bytes in vec(any::<u8>(), 0..200)) {
            if let Some(format) = bytes.first_mut() {
                *format = 1;
            }
            let _ = PartitionState::decode(&bytes);
            let _ = transactions::Transactions::decode(&bytes);
            let _ = transactions::Change::decode(&bytes);
            let _ = offsets::Offsets::decode(&bytes);
            let _ = offsets::Change::decode(&bytes);
        }
    }
}
