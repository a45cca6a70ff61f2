// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crate's own macros: layout checks, numbers as enums, numbers as types.

/// Checks a struct's size and the offsets of its fields at compile time.
macro_rules! assert_layout {
    ($t:ty, size = $size:expr $(, $field:ident @ $offset:expr)* $(,)?) => {
        const _: () = {
            assert!(core::mem::size_of::<$t>() == $size);
            $( assert!(core::mem::offset_of!($t, $field) == $offset); )*
        };
    };
}

/// An enum over raw numbers: `TryFrom` the number (unknown: `Enosys`) and `raw()` back to it.
macro_rules! number_enum {
    ($(#[$meta:meta])* pub enum $name:ident: $raw:ty {
        $($(#[$vmeta:meta])* $variant:ident = $number:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($raw)]
        pub enum $name { $($(#[$vmeta])* $variant = $number,)* }

        impl $name {
            /// The number of this variant in the interface.
            #[must_use]
            pub const fn raw(self) -> $raw { self as $raw }
        }

        impl TryFrom<$raw> for $name {
            type Error = $crate::errno::Errno;

            #[inline]
            fn try_from(raw: $raw) -> Result<Self, $crate::errno::Errno> {
                match raw {
                    $($number => Ok(Self::$variant),)*
                    _ => Err($crate::errno::Errno::Enosys),
                }
            }
        }

        impl From<$name> for $raw {
            fn from(value: $name) -> $raw { value.raw() }
        }
    };
}

/// A number with a type of its own, with the layout of that number.
macro_rules! number_type {
    ($(#[$meta:meta])* pub struct $name:ident($raw:ty);) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(zerocopy::FromBytes, zerocopy::IntoBytes)]
        #[derive(zerocopy::Immutable, zerocopy::KnownLayout)]
        #[repr(transparent)]
        pub struct $name($raw);

        impl $name {
            /// Gives a raw number this type.
            #[must_use]
            pub const fn new(raw: $raw) -> Self { Self(raw) }

            /// The raw number.
            #[must_use]
            pub const fn get(self) -> $raw { self.0 }
        }
    };
}

/// `Default` as all bytes zero, for structs with arrays too long for the derive.
macro_rules! default_zeroed {
    ($name:ty) => {
        impl Default for $name {
            fn default() -> Self {
                <Self as zerocopy::FromZeros>::new_zeroed()
            }
        }
    };
}

/// The accessors of a call whose field `payload` holds the command's struct.
macro_rules! payload {
    ($name:ty) => {
        impl $name {
            /// The payload as the command's struct; `None` if that is too large.
            #[must_use]
            pub fn payload<T: zerocopy::FromBytes>(&self) -> Option<T> {
                let bytes = zerocopy::IntoBytes::as_bytes(&self.payload);
                T::read_from_prefix(bytes).ok().map(|(value, _)| value)
            }

            /// Writes the command's struct; `None` if it is too large.
            pub fn set_payload<T>(&mut self, value: &T) -> Option<()>
            where
                T: zerocopy::IntoBytes + zerocopy::Immutable,
            {
                value.write_to_prefix(zerocopy::IntoBytes::as_mut_bytes(&mut self.payload)).ok()
            }
        }
    };
}
