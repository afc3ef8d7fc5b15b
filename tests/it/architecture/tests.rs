//! Tests of the rules on small generated sources: every spelling of a violation is found, and
//! nothing else.

use super::baseline::Baseline;
use super::code::Code;
use super::{
    MAX_FILE_LINES, MAX_FUNCTION_LINES, bare_results, circles, files, functions, homes, layers,
    participles, stages,
};

const NOTHING: Baseline = listing("");

const fn listing(text: &'static str) -> Baseline {
    Baseline { file: "list.txt", text }
}

fn made(texts: &[(&str, &str)]) -> Code {
    let owned = |(file, text): &(&str, &str)| ((*file).to_owned(), (*text).to_owned());
    Code::of(&texts.iter().map(owned).collect::<Vec<_>>())
}

/// Returns a crate whose module `store` has this text.
fn store(text: &str) -> Code {
    made(&[
        ("src/lib.rs", "mod domain; mod store; mod desk;"),
        ("src/domain.rs", ""),
        ("src/store.rs", text),
        ("src/desk.rs", ""),
    ])
}

/// Asserts that there is one violation whose message contains this text.
fn assert_one(wrong: &[String], part: &str) {
    assert!(wrong.len() == 1 && wrong[0].contains(part), "not one of `{part}`: {wrong:#?}");
}

#[test]
fn a_name_of_a_higher_layer_is_found_however_it_is_written() {
    for text in [
        "use crate::desk::Desk;",
        "use crate::{\n    domain::Message,\n    desk::{Desk, wake},\n};",
        "use super::desk as counter;",
        "fn open() { crate::desk::open(); }",
        "fn open(desk: Box<dyn Fn() -> crate::desk::Desk>) {}",
        "use super::*; fn open() { super::desk::open(); }",
        "fn open() { println!(\"{}\", [crate::desk::NAME]); }",
        "macro_rules! open { () => { $crate::desk::open() } }",
        "thread_local! { use crate::{domain, desk::{Desk}}; }",
        "#[derive(crate::desk::Open)] struct Store;",
        "#[serde(with = \"crate::desk::open\")] struct Store;",
        "mod inner { use super::super::desk::Desk; }",
        "#[cfg(test)] mod tests { fn a() {} } use crate::desk::Desk;",
        "enum Kind { #[cfg(test)] Made, Real(crate::desk::Desk) }",
    ] {
        let wrong = layers(&store(text));
        assert!(!wrong.is_empty() && wrong[0].contains("desk is not below store"), "{text}");
    }
}

#[test]
fn tests_and_prose_name_what_they_like() {
    for text in [
        "use crate::domain::Message;",
        "//! [`crate::desk`]\n/// `crate::desk`\nstruct Store; // crate::desk",
        "const TEXT: &str = \"crate::desk\";",
        "#[cfg(test)] mod tests { use crate::desk::Desk; }",
        "#[cfg(all(test, unix))] pub(crate) fn open<A, B>() { crate::desk::open() }",
        "#[cfg(test)] use crate::{desk::Desk, domain}; fn f() { #[cfg(test)] crate::desk::f(); }",
        "fn f() { match 1 { #[cfg(test)] 2 => crate::desk::f(), _ => {} } }",
    ] {
        assert_eq!(layers(&store(text)), [""; 0], "{text}");
    }
}

#[test]
fn a_file_of_another_name_is_read_and_one_for_tests_is_not() {
    let code = made(&[
        ("src/lib.rs", "#[path = \"odd.rs\"] mod store; mod desk; mod domain;"),
        ("src/odd.rs", "use crate::desk::Desk;"),
        ("src/desk.rs", ""),
        ("src/domain/mod.rs", "mod inner { mod word; } #[cfg(test)] mod sample;"),
        ("src/domain/inner/word.rs", "use crate::desk::Desk;"),
        ("src/domain/sample.rs", "use crate::desk::Desk;"),
    ]);
    let wrong = layers(&code);
    assert!(wrong.len() == 2 && wrong[0].starts_with("src/odd.rs:1:"), "{wrong:#?}");
    assert!(wrong[1].starts_with("src/domain/inner/word.rs:1:"), "{wrong:#?}");
}

#[test]
#[should_panic(expected = "`novel` has no layer")]
fn a_module_without_a_layer_is_found() {
    layers(&made(&[("src/lib.rs", "mod novel;"), ("src/novel.rs", "")]));
}

#[test]
fn a_crate_away_from_home_is_found() {
    for text in [
        "use axum::Router;",
        "use {axum::{Router}, std::fmt};",
        "fn serve(router: axum::Router) {}",
        "fn serve() { ::axum::serve() }",
        "fn serve() { vec![axum::serve()]; }",
        "#[axum::debug_handler] fn serve() {}",
        "use axum as web;",
        "use axum;",
    ] {
        assert_one(&homes(&store(text)), "the crate axum may be used in http/ alone");
    }
    for text in [
        "use rustls::crypto::ring::sign;",
        "mod axum { pub fn serve() {} } fn f() { axum::serve(); }",
        "use crate::desk as axum; fn f() { axum::serve(); }",
        "use other::axum; fn f() { axum::serve(); }",
    ] {
        assert_eq!(homes(&store(text)), [""; 0], "{text}");
    }
    // The crate is allowed in the module of the same name, which other modules may name.
    let at_home = made(&[
        ("src/lib.rs", "mod metrics; mod store;"),
        ("src/metrics.rs", "use metrics::counter;"),
        ("src/store.rs", "use crate::metrics; fn f() { metrics::count(); }"),
    ]);
    assert_eq!(homes(&at_home), [""; 0]);
}

#[test]
fn a_stage_that_calls_another_is_found() {
    let reply = |text: &str| {
        stages(&made(&[
            ("src/lib.rs", "mod pipeline;"),
            ("src/pipeline/mod.rs", "mod reply; mod retrieve; mod format;"),
            ("src/pipeline/reply.rs", text),
            ("src/pipeline/retrieve.rs", ""),
            ("src/pipeline/format.rs", ""),
        ]))
    };
    for text in [
        "use super::retrieve::search;",
        "use super::retrieve; fn f() { retrieve::search(); }",
        "fn f() { vec![crate::pipeline::retrieve::search()]; }",
    ] {
        assert_one(&reply(text), "reply calls retrieve::search");
    }
    let types = "use super::retrieve::Passage; use super::format::tidy; fn f() { Passage::new(); }";
    assert_eq!(reply(types), [""; 0]);
}

#[test]
fn a_circle_is_found() {
    let code = made(&[
        ("src/lib.rs", "mod store;"),
        ("src/store/mod.rs", "mod inbox; mod outbox; mod rows; pub use outbox::Send;"),
        ("src/store/inbox.rs", "mod batch; struct Stir;"),
        // Through a re-export, and from a child module.
        ("src/store/inbox/batch.rs", "use super::super::Send;"),
        ("src/store/outbox.rs", "fn f() { vec![super::inbox::Stir, super::rows::Row]; }"),
        ("src/store/rows.rs", "use super::Store;"),
    ]);
    let arrows =
        "src/store: inbox, outbox is a circle: inbox -> outbox (src/store/inbox/batch.rs:1)";
    assert_one(&circles(&code), arrows);
}

#[test]
fn a_circle_over_three_modules_of_another_crate_is_found() {
    let code = made(&[
        ("kernels/src/lib.rs", "mod a; mod b; mod c;"),
        ("kernels/src/a.rs", "use crate::b::B;"),
        ("kernels/src/b.rs", "use crate::c;"),
        ("kernels/src/c.rs", "macro_rules! back { () => { $crate::a::A } }"),
    ]);
    assert_one(&circles(&code), "kernels/src: a, b, c is a circle");
}

#[test]
fn a_participle_is_found() {
    for text in [
        "struct Asked;",
        "pub enum Seen { A }",
        "fn f() { struct Held(u8); }",
        "type Tried = u8;",
        "trait Queued {}",
        "words! { pub enum Wanted { A = \"a\" } }",
    ] {
        assert_one(&participles(&store(text)), "(src/store.rs:1): say what it is");
    }
    let nouns = "struct SeenMessage; struct Run; struct Feed; enum State { Asked }";
    assert_eq!(participles(&store(nouns)), [""; 0]);
}

#[test]
fn a_long_function_is_found() {
    let body = "\n".repeat(MAX_FUNCTION_LINES);
    for (text, name) in [
        (format!("fn long() {{{body}}}"), "long"),
        (format!("impl Store {{ fn long() {{{body}}} }}"), "Store::long"),
        (format!("trait Long {{ fn long() {{{body}}} }}"), "Long::long"),
        (format!("make! {{ fn long() -> u8 {{{body}}} }}"), "long"),
    ] {
        let expected = format!("src/store.rs {name}: {}, allowed 0", MAX_FUNCTION_LINES + 1);
        assert_one(&functions(&store(&text), &NOTHING), &expected);
        let short = text.replacen('\n', "", 1);
        assert_eq!(functions(&store(&short), &NOTHING), [""; 0]);
    }
}

#[test]
fn a_list_only_shrinks() {
    let long = store(&format!("fn long() {{{}}}", "\n".repeat(MAX_FUNCTION_LINES)));
    assert_eq!(MAX_FUNCTION_LINES, 60, "the lists below count on it");
    assert_eq!(functions(&long, &listing("# known\nsrc/store.rs long 61")), [""; 0]);
    let shorter = functions(&long, &listing("src/store.rs long 70"));
    assert_one(&shorter, "Write `src/store.rs long 61` in list.txt");
    let gone = functions(&long, &listing("src/store.rs long 61\nsrc/store.rs other 80"));
    assert_one(&gone, "src/store.rs other: gone. Take it off list.txt");
}

#[test]
fn a_seam_that_fails_with_a_string_is_found() {
    for text in [
        "trait Seam { fn hear(&self) -> Result<Vec<u8>, String>; }",
        "trait Seam { async fn hear(&self) -> std::result::Result<(), String> { Ok(()) } }",
        "trait Seam { fn hear(&self) -> BoxFuture<'_, Result<(), String>>; }",
        "trait Seam { fn hear(&mut self, heard: Result<(), String>); }",
    ] {
        assert_one(&bare_results(&store(text)), "src/store.rs Seam::hear");
    }
    let typed = "trait Seam { fn hear(&self) -> Result<String, Error>; }
        impl Seam for Store { fn hear(&self) -> Result<String, String> {} }";
    assert_eq!(bare_results(&store(typed)), [""; 0]);
}

#[test]
fn a_long_file_and_one_without_a_purpose_are_found() {
    let file = |lines: usize, tests: usize| {
        let tests = format!("#[cfg(test)]\nmod tests {{{}}}\n", "\n".repeat(tests));
        let text = format!("//! Purpose.\n{tests}{}", "const A: u8 = 1;\n".repeat(lines - 1));
        files(&made(&[("src/lib.rs", &text)]))
    };
    assert_eq!(file(MAX_FILE_LINES, 0), [""; 0]);
    assert_eq!(file(MAX_FILE_LINES, 500), [""; 0]);
    assert_one(&file(MAX_FILE_LINES + 1, 500), "src/lib.rs has 401 lines");
    assert_one(&files(&made(&[("src/lib.rs", "mod inner {}")])), "does not begin with its purpose");
}
