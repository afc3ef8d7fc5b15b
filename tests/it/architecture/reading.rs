//! Parses one file with `syn` into modules, the paths they use and their definitions. Leaves out
//! code for tests.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprLit, GenericArgument, Lit, Meta, PathArguments, PathSegment, Type, UseTree,
};

use super::test_code::without_tests;

pub(super) struct Source {
    /// Path in the repository, such as `src/store/inbox.rs`.
    pub(super) file: String,
    pub(super) says_its_purpose: bool,
    /// Number of lines, without tests.
    pub(super) lines: usize,
    /// The file's own module, then its inline ones.
    pub(super) modules: Vec<Module>,
}

/// A file, or the block of an inline `mod`.
#[derive(Default)]
pub(super) struct Module {
    /// Such as `["src", "store", "inbox"]`; directly after parsing, relative to the file's own
    /// module.
    pub(super) at: Vec<String>,
    pub(super) file: String,
    /// Declarations of modules in other files.
    pub(super) declarations: Vec<Declaration>,
    /// Every path of two names or more, and the paths of `use`.
    pub(super) named: Vec<Named>,
    /// Imported names and their paths.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    pub(super) types: Vec<Definition>,
    /// Functions with their numbers of lines.
    pub(super) functions: Vec<(Definition, usize)>,
    /// Trait methods that return `Result<_, String>`.
    pub(super) bare_results: Vec<Definition>,
}

impl Module {
    /// Returns a line of it as `file:line`.
    pub(super) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }
}

pub(super) struct Declaration {
    pub(super) name: String,
    /// Value of `#[path = ".."]`.
    pub(super) path: Option<String>,
}

pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

pub(super) struct Definition {
    /// Qualified by its type or trait, such as `Engine::answer`.
    pub(super) name: String,
    pub(super) line: usize,
}

impl Source {
    pub(super) fn read(file: &str, text: &str) -> Self {
        let tokens: TokenStream = text.parse().unwrap_or_else(|wrong| panic!("{file}: {wrong}"));
        let mut test_lines = 0;
        let code = without_tests(tokens, &mut test_lines);
        let code: syn::File = syn::parse2(code).unwrap_or_else(|wrong| panic!("{file}: {wrong}"));
        let mut reader = Reader { modules: vec![Module::default()], current: 0, owner: None };
        reader.visit_file(&code);
        Self {
            file: file.to_owned(),
            says_its_purpose: text.starts_with("//! "),
            lines: text.lines().count().saturating_sub(test_lines),
            modules: reader.modules,
        }
    }
}

pub(super) fn joined(path: &[String], name: &str) -> Vec<String> {
    let mut path = path.to_vec();
    path.push(name.to_owned());
    path
}

struct Reader {
    modules: Vec<Module>,
    /// Index of the module that is being read.
    current: usize,
    /// The type or trait whose functions are being read.
    owner: Option<String>,
}

impl Reader {
    fn module(&mut self) -> &mut Module {
        &mut self.modules[self.current]
    }

    fn name(&mut self, path: Vec<String>, line: usize) {
        self.module().named.push(Named { path, line });
    }

    fn definition(&self, name: &Ident) -> Definition {
        let line = name.span().start().line;
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{name}"),
            None => name.to_string(),
        };
        Definition { name, line }
    }

    fn define_type(&mut self, name: &Ident) {
        let (name, line) = (name.to_string(), name.span().start().line);
        self.module().types.push(Definition { name, line });
    }

    fn define_function(&mut self, name: &Ident, first: Span, last: Span) {
        let function = self.definition(name);
        let lines = last.end().line + 1 - first.start().line;
        self.module().functions.push((function, lines));
    }

    /// Reads a `use` tree; `before` is its prefix.
    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let (name, alias) = match tree {
            UseTree::Path(path) => {
                return self.import(&path.tree, &joined(before, &path.ident.to_string()));
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before);
                }
                return;
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                return self.name(before.to_vec(), line);
            }
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(rename) => (&rename.ident, &rename.rename),
        };
        let itself = name == "self" && !before.is_empty();
        let path = if itself { before.to_vec() } else { joined(before, &name.to_string()) };
        let alias = if alias == "self" { path[path.len() - 1].clone() } else { alias.to_string() };
        self.module().imports.insert(alias, path.clone());
        self.name(path, name.span().start().line);
    }

    /// Reads the paths and definitions in the tokens of a macro or an attribute. `before` is the
    /// prefix within a `use` tree.
    fn tokens(&mut self, stream: &TokenStream, before: &[String]) {
        let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += match token {
                TokenTree::Ident(word) => {
                    self.define(word, &tokens[at + 1..]);
                    self.path(&tokens[at..], before)
                }
                TokenTree::Group(group) => {
                    self.tokens(&group.stream(), &[]);
                    1
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let path = text.trim_matches('"');
                    // As in `#[serde(with = "crate::..")]`.
                    if path.starts_with("crate::") || path.starts_with("super::") {
                        let path = path.split("::").map(str::to_owned).collect();
                        self.name(path, literal.span().start().line);
                    }
                    1
                }
                TokenTree::Punct(_) => 1,
            };
        }
    }

    /// Records the type or function that this keyword defines.
    fn define(&mut self, word: &Ident, following: &[TokenTree]) {
        let Some(TokenTree::Ident(name)) = following.first() else { return };
        match word.to_string().as_str() {
            "struct" | "enum" | "trait" => self.define_type(name),
            "fn" => {
                let body =
                    following.iter().take_while(|token| !is_semicolon(token)).find_map(block);
                if let Some(body) = body {
                    self.define_function(name, word.span(), body.span_close());
                }
            }
            _ => {}
        }
    }

    /// Reads the path that begins here; returns the number of its tokens.
    fn path(&mut self, tokens: &[TokenTree], before: &[String]) -> usize {
        let mut path = before.to_vec();
        let mut at = 0;
        while let Some(TokenTree::Ident(word)) = tokens.get(at) {
            path.push(word.to_string());
            at += 1;
            if !begins_with_colons(&tokens[at..]) {
                break;
            }
            at += 2;
            if let Some(tree) = tokens.get(at).and_then(block) {
                self.tokens(&tree.stream(), &path);
                return at + 1;
            }
        }
        if path.len() > 1 {
            self.name(path, tokens[0].span().start().line);
        }
        at
    }
}

fn block(token: &TokenTree) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    }
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';')
}

fn begins_with_colons(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(first), TokenTree::Punct(second), ..] = tokens else { return false };
    first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':'
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        let Some((_, items)) = &item.content else {
            let path = item.attrs.iter().find_map(path_attribute);
            self.module().declarations.push(Declaration { name, path });
            return;
        };
        let at = joined(&self.module().at, &name);
        self.modules.push(Module { at, ..Module::default() });
        let outer = self.current;
        self.current = self.modules.len() - 1;
        for item in items {
            self.visit_item(item);
        }
        self.current = outer;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.name(names, path.segments[0].ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    /// Tokens of macros and attributes, which `syn` does not parse.
    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.tokens(tokens, &[]);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.define_type(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.define_type(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.define_type(&item.ident);
        visit::visit_item_union(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.define_type(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.define_type(&item.ident);
        let outer = self.owner.replace(item.ident.to_string());
        visit::visit_item_trait(self, item);
        self.owner = outer;
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let outer = self.owner.take();
        if let Type::Path(owner) = &*item.self_ty {
            self.owner = owner.path.segments.last().map(|segment| segment.ident.to_string());
        }
        visit::visit_item_impl(self, item);
        self.owner = outer;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let (first, last) = (item.sig.fn_token.span, item.block.brace_token.span.close());
        self.define_function(&item.sig.ident, first, last);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let (first, last) = (item.sig.fn_token.span, item.block.brace_token.span.close());
        self.define_function(&item.sig.ident, first, last);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            let (first, last) = (item.sig.fn_token.span, body.brace_token.span.close());
            self.define_function(&item.sig.ident, first, last);
        }
        let mut signature = Signature { says_bare_result: false };
        signature.visit_signature(&item.sig);
        if signature.says_bare_result {
            let method = self.definition(&item.sig.ident);
            self.module().bare_results.push(method);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) = &pair.value else { return None };
    pair.path.is_ident("path").then(|| path.value())
}

struct Signature {
    says_bare_result: bool,
}

impl<'ast> Visit<'ast> for Signature {
    fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
        if let PathArguments::AngleBracketed(arguments) = &segment.arguments
            && segment.ident == "Result"
            && let Some(GenericArgument::Type(Type::Path(error))) = arguments.args.iter().nth(1)
        {
            self.says_bare_result |= error.path.is_ident("String");
        }
        visit::visit_path_segment(self, segment);
    }
}
