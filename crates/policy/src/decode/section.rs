//! The macros that declare sections and choices once: as types, as table rows, and as decoders.

/// Declares a section: the struct, its row in the table of keys, and its decoder.
///
/// `field: Type = "default"` takes the default as it would be written in the document; without one the key must be
/// written unless the type knows what its absence means (`Option`). `field as "key"` names the key differently.
/// `..field: Type` takes the keys of another section into this one, inherited from the base. Fields after `+` are no
/// keys. A function after `=>` looks at the whole section once its keys are decoded.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident as $shown:literal {
            $(
                $(#[doc = $doc:literal])*
                $field:ident $(as $key:literal)? : $ty:ty $(= $default:literal)?,
            )*
            $(.. $flat:ident : $flat_ty:ty,)?
            $(+ {
                $( $(#[doc = $extra_doc:literal])* $extra:ident : $extra_ty:ty = $extra_value:expr, )*
            })?
        }
        $(=> $settle:expr)?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $( $(#[doc = $doc])* pub $field: $ty, )*
            $(
                /// What holds here, with what is inherited filled in.
                pub $flat: $flat_ty,
            )?
            $($( $(#[doc = $extra_doc])* pub $extra: $extra_ty, )*)?
            /// Where it is written.
            #[allow(dead_code, reason = "keys that become another type leave it behind")]
            pub place: portcullis_document::Place,
        }

        impl $name {
            /// Its keys.
            $vis const SECTION: $crate::table::Section = $crate::table::Section {
                name: $shown,
                about: &[$($about),*],
                keys: &[$(
                    $crate::table::Key {
                        name: $crate::decode::section!(@key $field $($key)?),
                        about: &[$($doc),*],
                        kind: <$ty as $crate::decode::Decode>::KIND,
                        absent: $crate::decode::section!(@absent $ty $(, $default)?),
                    },
                )*],
                inherits: $crate::decode::section!(@inherits $($flat_ty)?),
            };
        }

        impl $name {
            /// Decodes its keys and lets others be: they may be those of a section that takes these in.
            #[allow(clippy::redundant_closure_call, reason = "the closure is the caller's last check")]
            pub(crate) fn decode_keys(
                node: &portcullis_document::Node,
                base: Option<&Self>,
                reading: &mut $crate::decode::Reading,
            ) -> Option<Self> {
                let mut keys = Self::SECTION.keys.iter();
                $(
                    let $field: Option<$ty> =
                        $crate::decode::field(node, keys.next()?, base.map(|base| &base.$field), reading);
                )*
                $( let $flat: Option<$flat_ty> =
                    <$flat_ty>::decode_keys(node, base.map(|base| &base.$flat), reading); )?
                let decoded = Self {
                    $( $field: $field?, )*
                    $( $flat: $flat?, )?
                    $($( $extra: $extra_value, )*)?
                    place: node.place.clone(),
                };
                $( let decoded = ($settle)(decoded, node, reading)?; )?
                Some(decoded)
            }
        }

        impl $crate::decode::Decode for $name {
            const KIND: $crate::table::Kind = $crate::table::Kind::Section(&Self::SECTION);

            fn decode(
                node: &portcullis_document::Node,
                base: Option<&Self>,
                reading: &mut $crate::decode::Reading,
            ) -> Option<Self> {
                let before = reading.problems.len();
                $crate::decode::open_section(node, &Self::SECTION, reading)?;
                let decoded = Self::decode_keys(node, base, reading);
                $crate::decode::forgive_misspelt(node, &Self::SECTION, before, reading);
                decoded
            }
        }
    };
    (@key $field:ident $key:literal) => { $key };
    (@key $field:ident) => { stringify!($field) };
    (@absent $ty:ty, $default:literal) => { $crate::table::Absent::Value($default) };
    (@absent $ty:ty) => { <$ty as $crate::decode::Decode>::ABSENT };
    (@inherits $ty:ty) => { Some(&<$ty>::SECTION) };
    (@inherits) => { None };
}

/// Declares a choice among words: the enum, its words in the table, and its decoder.
macro_rules! words {
    (
        $(#[doc = $about:literal])*
        pub enum $name:ident {
            $( $(#[doc = $doc:literal])* $variant:ident = $word:literal, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[doc = $doc])* $variant, )*
        }

        impl $name {
            /// The words, with what they mean.
            pub const WORDS: &'static [$crate::table::Word] =
                &[$( $crate::table::Word { word: $word, about: &[$($doc),*] }, )*];

            /// The word as policy writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }
        }

        impl $crate::decode::Decode for $name {
            const KIND: $crate::table::Kind = $crate::table::Kind::Words(Self::WORDS);

            fn decode(
                node: &portcullis_document::Node,
                _: Option<&Self>,
                reading: &mut $crate::decode::Reading,
            ) -> Option<Self> {
                match $crate::decode::word(node, Self::WORDS, reading)? {
                    $( $word => Some(Self::$variant), )*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use {section, words};
