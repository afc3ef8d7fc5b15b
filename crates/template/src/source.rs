//! What is checked of a template's text before it is compiled: the compiler calls itself for every operator and works constants out
//! (`constants`), and nothing bounds it.

use std::collections::HashSet;

use minijinja::Error;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::guard::over;
use super::{Limits, constants};

/// Operators within one tag: the compiler calls itself for each.
const OPERATORS: usize = 200;
/// Commas within one tag.
const COMMAS: usize = 10_000;
/// `elif`s: each calls the parser.
const BRANCHES: usize = 100;
/// Words and signs within tags, over the whole template.
const TOKENS: usize = 50_000;
/// Words that stand between values, and are none.
const CONNECTIVES: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// What stands in one tag.
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
        if self.operators > OPERATORS || self.commas > COMMAS {
            return Err(over(format!("has more than {OPERATORS} operators in one tag")));
        }
        Ok(())
    }
}

/// What stands before a bracket: a value makes it a look-up or a call, anything else a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The begin of a statement, whose name follows.
    Statement,
    Value,
    Other,
}

/// Refuses what the compiler could not bear. What is no template at all is left to the compiler to say.
pub(super) fn check(source: &str, syntax: &SyntaxConfig, limits: Limits) -> Result<(), Error> {
    if source.len() > limits.source {
        return Err(over(format!("is longer than {} bytes", limits.source)));
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
        return Err(over(format!("has more than {BRANCHES} `elif`s")));
    }
    if all > TOKENS {
        return Err(over(format!("has more than {TOKENS} words and signs in its tags")));
    }
    if multiplies { constants::check(source, syntax) } else { Ok(()) }
}

/// The names that stand in a template's tags, but for those behind a dot or a `|`.
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
