//! Enums whose values have names in SQL and JSON. The names are written once, where the enum is.

/// Declares such an enum: every value, its name, and the value of a name. As a column or field it is its name.
macro_rules! names {
    ($(#[$about:meta])* pub enum $Enum:ident { $($(#[$note:meta])* $Value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $Enum {
            $($(#[$note])* #[serde(rename = $name)] $Value,)+
        }

        impl $Enum {
            pub const ALL: &[$Enum] = &[$($Enum::$Value,)+];

            pub const fn name(self) -> &'static str {
                match self {
                    $($Enum::$Value => $name,)+
                }
            }

            /// The value of a name. `None` for any other text.
            pub fn parse(name: &str) -> Option<$Enum> {
                match name {
                    $($name => Some($Enum::$Value),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

pub(crate) use names;
