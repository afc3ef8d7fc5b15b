//! Closed sets of words: enums whose words are the same in the database, in JSON, in the API and in the console.

/// A word that is not one of its set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {}", .set.join(", "))]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// The words of the set.
    pub set: &'static [&'static str],
}

/// Makes an enum of words.
macro_rules! words {
    ($(#[$about:meta])* $visibility:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:tt,)+ }) => {
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        $(#[$about])*
        $visibility enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// The whole set, in its order.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word.
            $visibility const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::word::UnknownWord;

            fn from_str(word: &str) -> std::result::Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::domain::word::UnknownWord { word: word.to_owned(), set: &[$($word,)+] }),
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::UnknownWord;

    words! {
        /// Of this test.
        #[derive(Default)]
        enum Colour {
            /// Red.
            #[default]
            Red = "red",
            /// Dark green.
            DarkGreen = "dark-green",
        }
    }

    #[test]
    fn a_word_is_the_same_in_text_and_in_json() {
        for colour in Colour::ALL {
            assert_eq!(colour.as_str().parse(), Ok(*colour));
            assert_eq!(serde_json::to_value(colour).unwrap(), colour.as_str());
            assert_eq!(serde_json::from_value::<Colour>(colour.as_str().into()).unwrap(), *colour);
        }
        assert_eq!(Colour::default(), Colour::Red);
        let unknown: Result<Colour, UnknownWord> = "blue".parse();
        assert_eq!(unknown.unwrap_err().to_string(), "`blue` is not one of red, dark-green");
    }
}
