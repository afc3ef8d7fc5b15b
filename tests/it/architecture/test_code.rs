//! Removes code that is compiled only for tests from a file before it is parsed: items, statements,
//! variants and match arms.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

/// Returns the code without anything under `#[cfg(test)]` and counts the removed lines.
pub(super) fn without_tests(code: TokenStream, test_lines: &mut usize) -> TokenStream {
    let mut rest = code.into_iter().peekable();
    let mut kept = Vec::new();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Punct(hash)
                if hash.as_char() == '#' && rest.peek().is_some_and(is_cfg_test) =>
            {
                drop_attributes(&mut kept);
                let end = skip_item(&mut rest);
                *test_lines += end.end().line + 1 - hash.span().start().line;
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner = without_tests(group.stream(), test_lines);
                let mut block = Group::new(Delimiter::Brace, inner);
                block.set_span(group.span());
                kept.push(TokenTree::Group(block));
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

/// Removes the attributes and doc comments in front of a `#[cfg(test)]`.
fn drop_attributes(kept: &mut Vec<TokenTree>) {
    while let [.., TokenTree::Punct(hash), TokenTree::Group(attribute)] = &kept[..]
        && hash.as_char() == '#'
        && attribute.delimiter() == Delimiter::Bracket
    {
        kept.truncate(kept.len() - 2);
    }
}

fn is_cfg_test(token: &TokenTree) -> bool {
    let TokenTree::Group(attribute) = token else { return false };
    let attribute = attribute.stream().to_string().replace(' ', "");
    attribute == "cfg(test)" || attribute.starts_with("cfg(all(test,")
}

/// Skips the rest of an item, statement, variant or match arm and returns its end.
fn skip_item(rest: &mut impl Iterator<Item = TokenTree>) -> Span {
    let mut last = Span::call_site();
    let (mut item, mut statement) = (false, false);
    for token in rest {
        last = token.span();
        let ends = match &token {
            TokenTree::Ident(word) => {
                match word.to_string().as_str() {
                    "use" | "let" | "static" | "const" | "type" => statement = true,
                    "fn" | "mod" | "impl" | "struct" | "enum" | "trait" => {
                        (item, statement) = (true, false);
                    }
                    _ => {}
                }
                false
            }
            TokenTree::Punct(mark) => {
                mark.as_char() == ';' || (mark.as_char() == ',' && !item && !statement)
            }
            TokenTree::Group(block) => block.delimiter() == Delimiter::Brace && !statement,
            TokenTree::Literal(_) => false,
        };
        if ends {
            break;
        }
    }
    last
}
