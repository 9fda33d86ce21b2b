//! The pieces that the private mirrors of records are made of, and the one way in and out of
//! Avro. Mirrors borrow: encoding copies each field once, into the value.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_avro_fast::ser::SerializerConfig;

use crate::fault::{DecodeFault, reason};
use crate::kind::RecordKind;
use crate::limits::{MAX_DATUM_BYTES, MAX_LIST_ITEMS};

/// Appends `mirror` to `out` as a datum of `kind`'s schema.
#[expect(
    clippy::expect_used,
    reason = "a mirror that does not fit its schema is a mistake in this crate, and golden tests \
              write every one; there is no input that makes it happen"
)]
pub(crate) fn write<M: Serialize>(kind: RecordKind, mirror: &M, out: &mut Vec<u8>) {
    let mut config = SerializerConfig::new(kind.schema());
    serde_avro_fast::to_datum(mirror, out, &mut config).expect("a mirror fits its schema");
}

/// Reads all of `datum`, written with `schema`.
pub(crate) fn read<'a, M: Deserialize<'a>>(
    kind: RecordKind,
    datum: &'a [u8],
    schema: &Schema,
) -> Result<M, DecodeFault> {
    let record = kind.name();
    if datum.len() > MAX_DATUM_BYTES {
        return Err(DecodeFault::TooLarge {
            record,
            bytes: datum.len(),
        });
    }
    let mut config = DeserializerConfig::new(schema);
    config.max_seq_size = MAX_LIST_ITEMS;
    let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
    let mirror = M::deserialize(state.deserializer()).map_err(|error| DecodeFault::Malformed {
        record,
        reason: reason(&error),
    })?;
    let mut rest = state.into_reader();
    let rest = std::io::BufRead::fill_buf(&mut rest).map_or(0, <[u8]>::len);
    if rest == 0 {
        Ok(mirror)
    } else {
        Err(DecodeFault::TrailingBytes {
            record,
            bytes: rest,
        })
    }
}

/// Avro `bytes`, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self)
    }
}

/// Avro `fixed` of `N` bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixed<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Serialize for Fixed<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Exactly<const N: usize>;

        impl<const N: usize> Visitor<'_> for Exactly<N> {
            type Value = Fixed<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Fixed<N>, E> {
                bytes
                    .try_into()
                    .map(Fixed)
                    .map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }

        deserializer.deserialize_bytes(Exactly)
    }
}

/// A list: written straight from the domain's items, read into mirrors.
#[derive(Debug)]
pub(crate) enum List<'a, T, M> {
    Written(&'a [T]),
    Read(Vec<M>),
}

/// A list that a former schema did not have.
impl<T, M> Default for List<'_, T, M> {
    fn default() -> Self {
        Self::Read(Vec::new())
    }
}

impl<T, M> List<'_, T, M> {
    /// Turns each mirror into an item.
    pub(crate) fn convert<E>(self, item: impl FnMut(M) -> Result<T, E>) -> Result<Vec<T>, E>
    where
        T: Clone,
    {
        match self {
            Self::Written(items) => Ok(items.to_vec()),
            Self::Read(mirrors) => mirrors.into_iter().map(item).collect(),
        }
    }
}

impl<'a, T, M: Serialize + From<&'a T>> Serialize for List<'a, T, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Written(items) => serializer.collect_seq(items.iter().map(M::from)),
            Self::Read(mirrors) => serializer.collect_seq(mirrors),
        }
    }
}

impl<'de, T, M: Deserialize<'de>> Deserialize<'de> for List<'_, T, M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, M>(PhantomData<(T, M)>);

        impl<'de, T, M: Deserialize<'de>> Visitor<'de> for Items<T, M> {
            type Value = Vec<M>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            // No length is taken on trust: the vector grows with what was really read.
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Vec<M>, A::Error> {
                let mut read = Vec::new();
                while let Some(item) = items.next_element()? {
                    if read.len() >= MAX_LIST_ITEMS {
                        return Err(A::Error::custom(format_args!(
                            "a list has more than {MAX_LIST_ITEMS} items"
                        )));
                    }
                    read.push(item);
                }
                Ok(read)
            }
        }

        deserializer
            .deserialize_seq(Items::<T, M>(PhantomData))
            .map(Self::Read)
    }
}

/// The mirror of a domain enum: written by its place in the schema's symbols, which saves a
/// lookup, and read by name, which stays right when a writer's schema has other places. A test
/// compares `$place` with the schema.
macro_rules! mirror_enum {
    ($mirror:ident for $domain:ident { $($variant:ident = $place:literal $symbol:literal),+ $(,)? }) => {
        #[derive(Debug, Clone, Copy, ::serde::Deserialize)]
        pub(crate) enum $mirror {
            $(#[serde(rename = $symbol)] $variant),+
        }

        impl ::serde::Serialize for $mirror {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(match self { $(Self::$variant => $place),+ })
            }
        }

        impl From<$domain> for $mirror {
            fn from(value: $domain) -> Self {
                match value { $($domain::$variant => Self::$variant),+ }
            }
        }

        impl From<$mirror> for $domain {
            fn from(mirror: $mirror) -> Self {
                match mirror { $($mirror::$variant => Self::$variant),+ }
            }
        }

        #[cfg(test)]
        impl $mirror {
            /// Every symbol with the place it is written at.
            pub(crate) const PLACES: &'static [(usize, &'static str)] =
                &[$(($place, $symbol)),+];
        }
    };
}
pub(crate) use mirror_enum;
