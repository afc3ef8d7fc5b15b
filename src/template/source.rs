//! What is checked of a template's text before it is compiled: the compiler works constants out and calls itself for every operator,
//! and nothing bounds it.

use std::collections::HashSet;

use minijinja::Error;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::Limits;
use super::guard::over;

/// Operators within one tag: the compiler calls itself for each.
const OPERATORS: usize = 200;
/// Commas within one tag.
const COMMAS: usize = 10_000;
/// `elif`s: each calls the parser.
const BRANCHES: usize = 100;
/// Words and signs within tags, over the whole template.
const TOKENS: usize = 50_000;
/// The longest text that multiplied constants may make, in bytes.
const CONSTANT: f64 = 10_000.0;
/// The letters of `false`.
const WORD: usize = 5;
/// Words that stand between values, and are none.
const CONNECTIVES: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// What stands in one tag.
struct Tag {
    operators: usize,
    commas: usize,
    multiplies: bool,
    /// What the numbers make, multiplied.
    product: f64,
    /// Bytes of texts, and lists.
    letters: usize,
    /// What is a list or a text where a comma or a `~` stands in it.
    brackets: usize,
    joins: bool,
    /// `true` and the like, which may be values of a list or letters of a text.
    words: usize,
}

impl Tag {
    fn new() -> Self {
        Self {
            operators: 0,
            commas: 0,
            multiplies: false,
            product: 1.0,
            letters: 0,
            brackets: 0,
            joins: false,
            words: 0,
        }
    }

    fn read(&mut self, token: &Token<'_>, before: Before) {
        match token {
            Token::Comma => self.commas += 1,
            Token::Str(text) => self.letters += text.len() + 1,
            Token::String(text) => self.letters += text.len() + 1,
            #[expect(clippy::cast_precision_loss, reason = "it is compared with a limit")]
            Token::Int(number) => self.product *= (*number as f64).max(2.0),
            Token::Int128(_) => self.product = f64::INFINITY,
            Token::Float(number) => self.product *= number.abs().max(2.0),
            Token::BracketOpen | Token::ParenOpen if before == Before::Value => self.operators += 1,
            Token::BracketOpen => self.letters += 1,
            Token::ParenOpen => self.brackets += 1,
            Token::Mul => {
                self.multiplies = true;
                self.operators += 1;
            }
            // They make large numbers of small ones.
            Token::Pow | Token::Div | Token::FloorDiv => {
                self.product = f64::INFINITY;
                self.operators += 1;
            }
            Token::Tilde => {
                self.joins = true;
                self.operators += 1;
            }
            Token::Ident("true" | "True" | "false" | "False" | "none" | "None") => self.words += 1,
            Token::Ident(word) if CONNECTIVES.contains(word) => self.operators += 1,
            Token::Plus
            | Token::Minus
            | Token::Mod
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

    /// Bytes and values that a multiplication may repeat; 0 where there is neither a text nor a list.
    fn repeated(&self) -> usize {
        let joined = if self.joins || self.commas > 0 { self.brackets } else { 0 };
        match self.letters + joined {
            0 => 0,
            parts => parts + self.commas + WORD * self.words,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let repeated = self.repeated();
        #[expect(clippy::cast_precision_loss, reason = "it is compared with a limit")]
        let made = self.product * repeated as f64;
        if self.operators > OPERATORS || self.commas > COMMAS {
            return Err(over(format!("has more than {OPERATORS} operators in one tag")));
        }
        if self.multiplies && repeated > 0 && made > CONSTANT {
            return Err(over("multiplies a text or a list with large numbers"));
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
    let (mut all, mut branches, mut tag) = (0, 0, Tag::new());
    let mut before = Before::Other;
    for token in tokenize(source, false, syntax.clone()) {
        let Ok((token, _)) = token else { break };
        match token {
            Token::TemplateData(_) => continue,
            Token::VariableStart | Token::BlockStart => tag = Tag::new(),
            Token::VariableEnd | Token::BlockEnd => tag.check()?,
            Token::Ident("elif") => branches += 1,
            ref token => tag.read(token, before),
        }
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
    Ok(())
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
