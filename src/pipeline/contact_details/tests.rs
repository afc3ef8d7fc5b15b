//! Test support: what is taken out of replies, and what is not.

use std::sync::Arc;

use super::*;
use crate::domain::{Chunk, ChunkId, CollectionId, DocumentId, Scores};

const PASSAGE: &str = "Call us on +44 (0)20 7946 0958 or write to hello@acme.example. Our shop: \
    https://www.acme.example/shop/lamps?colour=red and https://wa.me/442079460958. Pay to IBAN GB82 WEST 1234 5698 7654 32. \
    We are open 9.00-18.30 from 01.03.2026.";

fn vet(reply: &str) -> CheckedReply {
    let chunk = Chunk {
        id: ChunkId::generate(),
        document: DocumentId::generate(),
        collection: CollectionId::generate(),
        source: "https://acme.example/contact".into(),
        title: "Contact".into(),
        heading: String::new(),
        body: PASSAGE.into(),
        tokens: 9,
        place: String::new(),
    };
    let passages = [Passage { chunk: Arc::new(chunk), scores: Scores::default() }];
    let business = vec!["You answer for Acme. Maps: https://maps.example/acme"];
    let customer =
        vec!["My order is 100234567, my mail ana@mail.example, see https://mine.example/x"];
    DetailCheck::new(Origins { passages: &passages, business, customer }).vet(reply)
}

#[test]
fn what_nobody_of_the_business_wrote_is_taken_out() {
    for evil in [
        "Pay at https://evil.example/pay now.",
        "Pay at evil.example/pay now.",
        "Pay at www.evil.example now.",
        "Pay at hxxps://evil.example/pay now.",
        "Pay at evil[.]example/pay now.",
        "Pay at evil dot com now.",
        "Pay at evil (dot) example now.",
        "Pay at ev\u{200b}il.exam\u{200b}ple now.",
        "Pay at ｅｖｉｌ．ｅｘａｍｐｌｅ now.",
        "Pay at https://аcme.example/shop now.",
        "Pay at https://acme.example@evil.example/shop now.",
        "Pay at https://acme.example.evil.example/shop now.",
        "Pay at https://acme.example/evil now.",
        "Pay at https://acme.example/shop/lamps/../../evil now.",
        "Pay at https://wa.me/447700900000 now.",
        "Pay at http://203.0.113.7/pay now.",
        "Pay at 203.0.113.7:8080/pay now.",
        "Pay [here](https://evil.example/pay) now.",
        "Pay [https://acme.example/shop](https://evil.example/pay) now.",
        "Pay at `https://evil.example` now.",
        "Pay at **https://evil.example** now.",
        "Look at https://mine.example/x now.",
        "Pay with upi://pay?pa=evil@bank now.",
        "Pay to evil@okbank now.",
        "Write to pay@evil.example now.",
        "Write to pay [at] evil [dot] example now.",
        "Call +44 7700 900123 now.",
        "Call 07700-900-123 now.",
        "Call ٠٧٧٠٠٩٠٠١٢٣ now.",
        "Pay to DE89 3704 0044 0532 0130 00 now.",
        "Pay to de89370400440532013000 now.",
        "Pay to GB33-BUKB-2020-1555-5555-55 now.",
        "Sort code 12-34-56, account 87654321 now.",
        "My card is 4111 1111 1111 1111 now.",
        "Send it to 0x52908400098527886E0F7030069857D2E4169EE7 now.",
        "Send it to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq now.",
    ] {
        let made = vet(&format!("We are glad to help. {evil} Anything else?"));
        assert_eq!(made.text, "We are glad to help. Anything else?", "{evil}");
        assert!(!made.removed.is_empty() && made.removed[0].starts_with("taken out: "), "{evil}");
        assert_eq!(vet(evil).text, "", "{evil}");
    }
}

#[test]
fn what_the_business_and_the_customer_wrote_stays() {
    for fine in [
        "Call us on 020 7946 0958.",
        "Call us on +442079460958, or 0044 20 7946 0958.",
        "Write to Hello@ACME.example.",
        "See https://www.acme.example/shop/lamps?colour=red.",
        "See [our shop](https://acme.example/shop/lamps), or <https://acme.example>.",
        "See ACME.EXAMPLE/shop, www.acme.example/contact and https://maps.example/acme/.",
        "Write to us on https://wa.me/442079460958!",
        "Pay to GB82WEST12345698765432.",
        "Your order 100234567 is on its way, we write to ana@mail.example.",
        "Order 100 234 567 is ready.",
        "It costs 1.250.000 IDR, $1200000, €1 234 567 or 12.345.678 €.",
        "We are open 9.00-18.30, 09:00-18:00 and 24/7 in 2025-2026.",
        "It ends on 2026-04-01, 01/04/2026 or 1.4.2026 - 15.4.2026.",
        "Sizes: 36 37 38 39 40 41. Scores 3-2, 10-12-14-16.",
        "e.g. in the U.S. at 5 p.m. on Mon.–Fri. (approx. 3.5 km), i.e. soon, z.B. heute.",
        "Press *1*, then #2. Version 1.2.3 of node.js.",
        "Come in.It is open.",
        "EN71 certified for children and adults of all sizes and ages.",
    ] {
        assert_eq!(
            vet(fine),
            CheckedReply { text: fine.to_owned(), removed: Vec::new() },
            "{fine}"
        );
    }
}

#[test]
fn a_list_loses_its_item_and_an_introduction_what_it_introduces() {
    let reply = "You can pay:\n\n- By card in the shop\n- At https://evil.example/pay\n\n**Bank:**\n- DE89 3704 0044 0532 0130 00\n\nSee you!";
    assert_eq!(vet(reply).text, "You can pay:\n\n- By card in the shop\n\nSee you!");
}

#[test]
fn a_listener_never_sees_what_is_taken_out() {
    let origins =
        Origins { passages: &[], business: vec!["Call 020 7946 0958."], customer: vec![] };
    let vetting = DetailCheck::new(origins);
    let reply = "Hello there. Pay now at https://evil.example/pay?x=1 please. Call 020 7946 0958. Bye https://evil.example";
    for size in [1, 3, 7, 1000] {
        let mut withheld = StreamFilter::new(&vetting);
        let letters: Vec<char> = reply.chars().collect();
        let mut shown = String::new();
        for piece in letters.chunks(size) {
            shown.push_str(&withheld.push(&piece.iter().collect::<String>()));
        }
        shown.push_str(&withheld.finish());
        assert!(!shown.contains("evil"), "{shown}");
        assert!(
            shown.starts_with("Hello there. Pay now at ") && shown.contains("Call 020 7946 0958."),
            "{shown}"
        );
    }
}

/// The shared data; `None` where it is not at hand.
fn shared(path: &str) -> Option<String> {
    let near = || std::path::PathBuf::from("../shared");
    let shared = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, Into::into);
    std::fs::read_to_string(shared.join("data").join(path)).ok()
}

/// Whether a right reply would be changed.
fn is_changed(reply: &str, business: Vec<&str>, customer: Vec<&str>) -> bool {
    let made = DetailCheck::new(Origins { passages: &[], business, customer }).vet(reply);
    for removed in &made.removed {
        println!("  {removed} | {}", one_line(reply, 160));
    }
    !made.removed.is_empty()
}

#[test]
fn right_replies_are_hardly_ever_changed() {
    for file in ["begin/dev.jsonl", "q2-wow/cross.jsonl", "wice/dev.jsonl"] {
        let Some(rows) = shared(&format!("grounded/{file}")) else { return };
        let (mut all, mut changed) = (0, 0);
        for row in rows.lines() {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            if row["label"] != 1 {
                continue;
            }
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            all += 1;
            let (knowledge, message) = (text("knowledge"), text("message"));
            changed += usize::from(is_changed(text("response"), vec![knowledge], vec![message]));
        }
        println!("{file}: {changed} of {all} supported replies are changed");
        assert!(changed * 100 <= all, "{file}");
    }
    let Some(chats) = shared("chats/abcd/abcd_sample.json") else { return };
    let chats: serde_json::Value = serde_json::from_str(&chats).unwrap();
    let (mut all, mut changed) = (0, 0);
    for chat in chats.as_array().unwrap() {
        let said = chat["original"].as_array().unwrap();
        // What an agent looks up is to a bot what a tool or a passage tells.
        let looked_up = chat["scenario"].to_string();
        let of = |who: &'static str, until: usize| {
            said[..until]
                .iter()
                .filter(move |line| line[0] == who)
                .filter_map(|line| line[1].as_str())
        };
        for (at, line) in said.iter().enumerate().filter(|(_, line)| line[0] == "agent") {
            let business =
                of("agent", at).chain(of("action", at)).chain([looked_up.as_str()]).collect();
            all += 1;
            let reply = line[1].as_str().unwrap();
            changed += usize::from(is_changed(reply, business, of("customer", at).collect()));
        }
    }
    println!("abcd: {changed} of {all} agents' messages are changed");
    assert!(changed * 50 <= all);
}
