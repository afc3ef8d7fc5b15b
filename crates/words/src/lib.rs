//! Macro for enums whose variants have one spelling in the database, in JSON, in the API and in the
//! console. Defines none of them. A crate that uses the macro also needs `serde` and `utoipa`.

/// A word that is not in the set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {}", .set.join(", "))]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// All words of the set.
    pub set: &'static [&'static str],
}

/// OpenAPI description of a set: what it is, and what each of its words means.
#[doc(hidden)]
pub fn description(about: &[&str], words: &[(&str, &[&str])]) -> String {
    let text = |lines: &[&str]| {
        let lines: Vec<&str> =
            lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    };
    let words = words.iter().map(|(word, lines)| format!("- `{word}` — {}", text(lines)));
    format!("{}\n\n{}", text(about), words.collect::<Vec<_>>().join("\n"))
}

/// Returns the text of a doc comment attribute, and an empty text for any other attribute.
#[doc(hidden)]
#[macro_export]
macro_rules! doc_line {
    (doc = $line:literal) => {
        $line
    };
    ($($other:tt)*) => {
        ""
    };
}

/// Defines an enum of words. The doc comments of the variants become the OpenAPI description.
#[macro_export]
macro_rules! words {
    ($(#[$($about:tt)*])* $visibility:vis enum $name:ident { $($(#[$($doc:tt)*])* $variant:ident = $word:tt,)+ }) => {
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[schema(description = Self::schema_description())]
        $(#[$($about)*])*
        $visibility enum $name { $($(#[$($doc)*])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All variants, in order of declaration.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The words of all variants, in order of declaration.
            $visibility const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The word.
            $visibility const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            fn schema_description() -> String {
                $crate::description(
                    &[$($crate::doc_line!($($about)*),)*],
                    &[$(($word, &[$($crate::doc_line!($($doc)*),)*]),)+],
                )
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(word: &str) -> std::result::Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownWord { word: word.to_owned(), set: Self::WORDS }),
                }
            }
        }
    };
}

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
            /// Dark green,
            /// as of a bottle.
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

    #[test]
    fn the_schema_says_what_each_word_means() {
        let schema = serde_json::to_value(<Colour as utoipa::PartialSchema>::schema()).unwrap();
        let described =
            "Of this test.\n\n- `red` — Red.\n- `dark-green` — Dark green, as of a bottle.";
        assert_eq!(schema["description"], described);
        assert_eq!(schema["enum"], serde_json::json!(["red", "dark-green"]));
    }
}
