//! Checks a template's source before it is compiled: the compiler recurses for every operator and
//! folds constants (`constants`) without any limit.

use std::collections::HashSet;

use minijinja::Error;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::guard::limit_error;
use super::{Limits, constants};

/// Maximum operators in one tag: the compiler recurses for each.
const OPERATORS: usize = 200;
/// Maximum commas in one tag.
const COMMAS: usize = 10_000;
/// Maximum `elif`s: the parser recurses for each.
const BRANCHES: usize = 100;
/// Maximum tokens within tags, over the whole template.
const TOKENS: usize = 50_000;
/// Keywords that stand between values and are not values.
const CONNECTIVES: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// Counts of one tag.
#[derive(Default)]
struct Tag {
    operators: usize,
    commas: usize,
}

impl Tag {
    fn read(&mut self, token: &Token<'_>, before: Before) {
        match token {
            Token::Comma => self.commas += 1,
            Token::BracketOpen | Token::ParenOpen if before == Before::Value => self.operators += 1,
            Token::Ident(word) if CONNECTIVES.contains(word) => self.operators += 1,
            Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::FloorDiv
            | Token::Pow
            | Token::Mod
            | Token::Tilde
            | Token::Dot
            | Token::Pipe
            | Token::Eq
            | Token::Ne
            | Token::Gt
            | Token::Gte
            | Token::Lt
            | Token::Lte => self.operators += 1,
            _ => {}
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.operators > OPERATORS {
            return Err(limit_error(format!("has more than {OPERATORS} operators in one tag")));
        }
        if self.commas > COMMAS {
            return Err(limit_error(format!("has more than {COMMAS} commas in one tag")));
        }
        Ok(())
    }
}

/// The token before a bracket: after a value it is an index or a call, otherwise a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The start of a statement, whose name follows.
    Statement,
    Value,
    Other,
}

/// Refuses sources that would overload the compiler. Syntax errors are left to the compiler.
pub(super) fn check(source: &str, syntax: &SyntaxConfig, limits: Limits) -> Result<(), Error> {
    if source.len() > limits.source {
        return Err(limit_error(format!("is longer than {} bytes", limits.source)));
    }
    let (mut all, mut branches, mut tag) = (0, 0, Tag::default());
    let mut multiplies = false;
    let mut before = Before::Other;
    for token in tokenize(source, false, syntax.clone()) {
        let Ok((token, _)) = token else { break };
        match token {
            Token::TemplateData(_) => continue,
            Token::VariableStart | Token::BlockStart => tag = Tag::default(),
            Token::VariableEnd | Token::BlockEnd => tag.check()?,
            Token::Ident("elif") => branches += 1,
            ref token => tag.read(token, before),
        }
        multiplies |= matches!(token, Token::Mul);
        before = match token {
            Token::BlockStart => Before::Statement,
            Token::Ident(word) if before != Before::Statement && !CONNECTIVES.contains(&word) => {
                Before::Value
            }
            Token::Str(_) | Token::String(_) | Token::BracketClose | Token::ParenClose => {
                Before::Value
            }
            _ => Before::Other,
        };
        all += 1;
    }
    tag.check()?;
    if branches > BRANCHES {
        return Err(limit_error(format!("has more than {BRANCHES} `elif`s")));
    }
    if all > TOKENS {
        return Err(limit_error(format!("has more than {TOKENS} words and signs in its tags")));
    }
    if multiplies { constants::check(source, syntax) } else { Ok(()) }
}

/// Returns the identifiers in a template's tags, except those after a dot or a `|`.
pub(super) fn names<'a>(source: &'a str, syntax: &SyntaxConfig) -> HashSet<&'a str> {
    let mut behind = false;
    let mut found = HashSet::new();
    for (token, _) in tokenize(source, false, syntax.clone()).map_while(Result::ok) {
        if let Token::Ident(name) = token
            && !behind
        {
            found.insert(name);
        }
        behind = matches!(token, Token::Dot | Token::Pipe);
    }
    found
}
