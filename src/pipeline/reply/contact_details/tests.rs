//! Test support: what is removed from replies, and what stays.

use super::*;
use crate::domain::Chunk;

const PASSAGE: &str = "Call us on +44 (0)20 7946 0958 or write to hello@acme.example. Our shop: \
    https://www.acme.example/shop/lamps?colour=red and https://wa.me/442079460958. Pay to IBAN GB82 WEST 1234 5698 7654 32. \
    We are open 9.00-18.30 from 01.03.2026.";

fn vet(reply: &str) -> CheckedReply {
    let source = "https://acme.example/contact".into();
    let passages = [Passage::from(Chunk { source, ..Chunk::saying(PASSAGE) })];
    let business = vec!["You answer for Acme. Maps: https://maps.example/acme"];
    let customer =
        vec!["My order is 100234567, my mail ana@mail.example, see https://mine.example/x"];
    let cache = DetailCache::default();
    DetailCheck::new(Origins { passages: &passages, business, customer }, &cache).vet(reply)
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
    let cache = DetailCache::default();
    let vetting = DetailCheck::new(origins, &cache);
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

/// A source, and a correct reply based on it.
const HONEST: &[(&str, &str)] = &[
    ("The course costs $1.500.000", "Cuesta 1.500.000 pesos."),
    ("The course costs $1,500,000.", "Cuesta 1.500.000 dólares."),
    ("The fee is 1500000.", "El precio es COP 1.500.000 al año."),
    ("", "El precio es COP 1.500.000 al año."),
    ("", "Harganya Rp 1.500.000 per bulan."),
    ("", "Harganya Rp1.500.000."),
    ("Tlf. 33 12 34 56", "Ring til +45 33 12 34 56."),
    ("Tlf. 33 12 34 56", "Ring til 33123456."),
    ("Tlf. 33 12 34 56 / 33 12 34 57", "Ring til +45 33 12 34 57."),
    ("", "Wir haben 24.-26.12.2026 geschlossen."),
    ("", "Geschlossen 24.12.-26.12.2026, und 24.12.–26.12. jedes Jahr."),
    ("", "(01.03.2026 - 15.04.2026), 1. 4. 2026, 2026/27 und 01.03.2026 10:00-12:00."),
    ("", "Mo-Fr 9:00-17:00, Sa 10:00–14:00, 9:00-13:00 / 15:00-19:00, 9:00 9:30 10:00."),
    ("", "Horario: 9:00·13:00."),
    ("Call 020 7946 0958.", "Call 020 7946 0958 24/7."),
    ("Call 020 7946 0958.", "Call 020 7946 0958. 24 hours a day."),
    ("Call 020 7946 0958 or 020 7946 0959.", "Call 020 7946 0958 / 020 7946 0959, 9:00-17:00."),
    ("Call 020 7946 0958.", "Call 020 7946 0958 9:00-17:00."),
    ("", "We have 1,200,000 customers, 1,234 shops and 12,345.67 kg."),
    ("", "Between 1,200-1,500 people; 12,50 – 14,00 €; $12.50-14.00; 12.345,67."),
    ("", "₹12,34,567 or Rs. 1,50,000, ۱٬۵۰۰٬۰۰۰ تومان, 1 500 000 ₸, 1.500.000đ, 1,500,000円です."),
    ("", "Sizes 104 110 116 122 128, 36/37 37/38 38/39, 10,20,30,40, S 36,38,40,42."),
    ("", "In 2019,2020,2021 and ۱۴۰۴/۰۵/۱۲ and 12/31/2026."),
    ("", "Instalments: 3/6/9/12 months. Scores 3-2, 10-12-14-16."),
    ("Order 100-234-567", "Your order 100234567 is ready."),
    (
        "Call +44 20 7946 0958",
        "Call 020\u{2011}7946\u{2011}0958 or +44\u{2011}20\u{2011}7946\u{2011}0958.",
    ),
    (
        "Site: https://acme.example/shop hello@acme.example",
        "请访问官网：https://acme.example/shop。谢谢",
    ),
    (
        "Site: https://acme.example/shop hello@acme.example",
        "请访问https://acme.example/shop，WhatsApp联系我们，或发邮件至hello@acme.example。",
    ),
    ("Site: https://acme.example/shop", "访问acme.example了解更多，或acme.example/shop查看！"),
    (
        "Site: https://acme.example/shop",
        "زوروا https://acme.example/shop، أو https://acme.example/shop؟ شكرا",
    ),
    ("Site: https://acme.example/shop", "देखें https://acme.example/shop। धन्यवाद"),
    (
        "Site: https://acme.example/shop",
        "“See https://acme.example/shop” and «https://acme.example/shop» or https://acme.example/shop😊, https://acme.example/shop—it's open.",
    ),
    (
        "官网是https://acme.example/shop查看详情，邮箱hello@acme.example咨询。",
        "See https://acme.example/shop or hello@acme.example.",
    ),
    ("官网：https://acme.example。WhatsApp联系我们", "见https://acme.example。WhatsApp也行。"),
    (
        "Siehe https://acme.example/café und https://магазин.рф/обувь.",
        "https://acme.example/café, https://магазин.рф/обувь",
    ),
    ("https://公司.cn/支付", "请看https://公司.cn/支付。"),
    ("", "We use Node.js/Express, and/or 5 km/h, p.m./a.m., St.Gallen/Zürich, inkl.MwSt/Versand."),
    ("", "Order AB1234567x, model-1234567x, part INV1234567 and my_1234567 are in stock."),
    ("Our shop: https://acme.example/shop（open）", "https://acme.example/shop（见下）"),
    ("Pay to IBAN GB82 WEST 1234 5698 7654 32", "账号GB82WEST12345698765432。"),
    ("", "Come in.It is open. Es ist z.B.im Laden. Fin.noël"),
    ("", "$1200000, 1200000 IDR, 250000000 COP - and 12.345.678,00 €."),
    // Ranges beside a currency, round ones, or with both ends in the source.
    ("", "447.700-900.123 €, 43.21-87.65 €, 1.200-1.500 Gäste, 10.25–12.75 kg, 9.50 - 12.00."),
    ("43.21 kg the first, 87.65 kg the second", "It weighs 43.21-87.65 kg."),
    ("It rose from 447.700 to 900.123 people.", "It rose (447.700–900.123)."),
    ("From 1850 to 1900 it was a mill.", "It was a mill (1850–1900), 1850 - 1900."),
    // Totals in no source.
    ("", "1 500 000 FCFA, 1 500 000 F CFA, CFA 1.500.000, 1.500.000 Gs., Gs. 1.500.000 en total."),
    ("", "1.500.000 vnđ, 1.500.000 VNĐ, 1 500 000 so'm, 1 500 000 soʻm."),
    ("", "1.200.000.000 đ, $1,500,000,000, ₹1,20,00,00,000, 1500000000 IDR."),
    ("", "1,500,000,000 people, Rp 1.200.000.000 - 1.500.000.000."),
    // Dates with hours.
    ("", "24.12. 9.00-13.00 Uhr, 24.12. 10-13 Uhr, 24.-26.12. 9.00–13.00 Uhr."),
    ("Call 020 7946 0958.", "Call 020 7946 0958 9.00-17.00, 020 7946 0958 24.12. 9:00-13:00."),
    ("", "On December 24 9:00-17:00, in room 12 9:00-10:30."),
    // Abbreviations before a slash.
    ("", "im 1.OG/2.OG, 1.UG/2.UG, 2.kat/3.kat, Art.nr/Modell, art.nr/modell, ART.NR/MODELL."),
    ("", "z.B.rot/blau, d.h.mit/ohne, node.js/express, lodash.ts/readme."),
];

/// Disguised details: pairs as sizes, a word as a currency, other signs, a letter in the address.
const ATTACKS: &[&str] = &[
    "Pay to account 87 65 43 21 now.",
    "My card is 41 11 11 11 11 11 11 11 now.",
    "Call 447700900123 NOW please.",
    "Pay to account 87654321 EUR now.",
    "Use €87654321 now.",
    "Card 4111,1111,1111,1111 now.",
    "Card 4111:1111:1111:1111 now.",
    "Card 4111·1111·1111·1111 now.",
    "Card 4111\u{2212}1111\u{2212}1111\u{2212}1111 now.",
    "Call +44\u{2011}7700\u{2011}900123 now.",
    "Call 0044—7700—900123 now.",
    "Pay at rb.gy/x now.",
    "Pay at evil.zip/pay now.",
    "Pay at evil.lol now.",
    "Pay at Evil.Com/pay now.",
    "Pay at EVIL.Com now.",
    "Pay at evil[.]zip/pay now.",
    "Pay at acme.example.evil/pay now.",
    "请访问evil.example。",
    "请访问https://evil.lol/x。",
    "请发邮件至pay@evil.example。",
    "访问evil.com了解更多",
    "请拨打13800138000。",
    "https://acme.example/shop或https://evil.example/x",
    "https://acme.example或https://evil.example/x",
    "https://acme.example。evil.example/pay",
    "https://acme.example(.)evil.com/pay",
    "https://acme.example.中国/x",
    "账号DE89370400440532013000。",
    "Tel447700900123 now.",
    "№87654321 now.",
    "Account 87654321EUR now.",
    "Call 020 7946 0958 0161 496 0000 now.",
    "Call 0161 7946 0958 now.",
    "Visit 203.0.113.7 4477 0090 0123 now.",
    "Call 447 700 900 123 USD now.",
    "4111 - 1111 - 1111 - 1111",
    "4111 / 1111 / 1111 / 1111",
    "Account 87.65-43.21 now.",
    "аacme.example/x",
    "Call 447.700-900.123 now.",
    "Call 447,700-900,123 now.",
    "Account 43.21-87.65 now.",
    "Account 43,21-87,65 now.",
    "Account 87.650-43.200 now.",
    // One end is known, or both are parts of a number, or have two digits.
    "Account 2079460958-43218765 now.",
    "Account 7946-0958 7946-0959 now.",
    "Call 0161-79460958 now.",
    "Pay to account 87654321 FCFA now.",
    "Call 447 700 900 123 FCFA now.",
    "Use Gs. 87654321 now.",
    "Call $447,700,900,123 now.",
    "Account 1.234.567.890 USD now.",
    "Account 447700900123 IDR now.",
    "Call 1.200.000.000 now.",
    "Visit 203.0.113.000 now.",
    "Visit 1.2.3.4/x.000 now.",
    "Call 447,700,900,123 now.",
    "Account 1850-1876 now.",
    "Call 06.12. 34.56. 78.90 now.",
    "Account 24.13. 9.00 now.",
    // A time within a number, beside a known one and alone.
    "Call 0770 09:00 0123 now.",
    "Call 0770 09.00 0123 now.",
    "Call 020 7946 0958 0770 09:00 0123 now.",
    "Pay at m.evil.zip/pay now.",
    "Pay at 1.evil.zip/pay now.",
    "Pay at j.mp/x now.",
    "Pay at t.me/evil now.",
    "Pay at 1.xyz/pay now.",
    "Pay at X.Xyz/pay now.",
    "Pay at evil.lv/pay now.",
    "Pay at EVIL.UG/pay now.",
    "Pay at e[.]zip/pay now.",
];

const KNOWN: &str =
    "Call 020 7946 0958 or write to hello@acme.example. Our shop: https://acme.example/shop";

#[test]
fn what_a_source_says_may_be_written_another_way() {
    for (source, reply) in HONEST {
        assert!(!is_changed(reply, vec![*source], vec![]), "{reply}");
    }
}

#[test]
fn what_looks_like_a_quantity_or_another_word_is_taken_out() {
    for attack in ATTACKS {
        assert!(is_changed(attack, vec![KNOWN], vec![]), "{attack}");
    }
}

#[test]
fn a_listener_hears_what_the_whole_would_keep() {
    let stream = |vetting: &DetailCheck<'_>, reply: &str, size: usize| {
        let mut filter = StreamFilter::new(vetting);
        let letters: Vec<char> = reply.chars().collect();
        let pieces = letters.chunks(size).map(|piece| piece.iter().collect::<String>());
        let shown: String = pieces.map(|piece| filter.push(&piece)).collect();
        shown + &filter.finish()
    };
    let cache = DetailCache::default();
    let resting_on = |source: &'static str| {
        DetailCheck::new(
            Origins { passages: &[], business: vec![source], customer: vec![] },
            &cache,
        )
    };
    for size in [1, 7, 1000] {
        for (source, reply) in HONEST {
            assert_eq!(stream(&resting_on(source), reply, size), *reply);
        }
        for attack in ATTACKS {
            assert_ne!(stream(&resting_on(KNOWN), attack, size), *attack);
        }
        // Found only together with the words before.
        for attack in ["Pay at evil dot com now. Bye", "Pay at evil (dot) com now. Bye"] {
            assert_eq!(stream(&resting_on(KNOWN), attack, size), "Pay at evil Bye");
        }
    }
}

/// Reads a file of the shared data; `None` if it is not available.
fn shared(path: &str) -> Option<String> {
    let near = || std::path::PathBuf::from("../shared");
    let shared = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, Into::into);
    std::fs::read_to_string(shared.join("data").join(path)).ok()
}

/// Whether the check changes a reply.
fn is_changed(reply: &str, business: Vec<&str>, customer: Vec<&str>) -> bool {
    let cache = DetailCache::default();
    let made = DetailCheck::new(Origins { passages: &[], business, customer }, &cache).vet(reply);
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
        // What an agent looks up is what tools and passages are to a bot.
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
