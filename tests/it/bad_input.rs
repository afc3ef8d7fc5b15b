//! Bad webhook bodies: too large, too deep, broken, absurd, in any script. Each is refused with a
//! 4xx or stored as well as possible; nothing breaks, and other messages in the same request are
//! processed.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{Db, MAIN, SECRET, Setup, TestApp, on_both};
use crate::support::hooks::{all_captured, batch, message_webhook, sign, text_webhook};
use crate::support::openai::question;

/// Maximum length of a WhatsApp text in characters.
const MAX_LEN: usize = 4096;

/// Returns a text webhook with raw bytes as its text.
fn raw(from: &str, id: &str, words: &[u8]) -> Vec<u8> {
    replaced(&text_webhook(MAIN, from, id, "PLACE"), b"PLACE", words)
}

fn replaced(body: &[u8], place: &[u8], by: &[u8]) -> Vec<u8> {
    let at = body.windows(place.len()).position(|window| window == place).unwrap();
    [&body[..at], by, &body[at + place.len()..]].concat()
}

/// Asserts that the application still accepts a message and answers it.
async fn is_well(app: &TestApp, customer: &str) {
    let before = app.received().len();
    let body = text_webhook(MAIN, customer, &format!("wamid.well.{customer}"), "Are you well?");
    assert_eq!(app.deliver(&body).await, 200);
    app.settle().await;
    assert!(app.received().len() > before, "no answer any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_before_anything_is_stored() {
    let app = Setup::on(Db::Sqlite)
        .with(&format!(
            "[http]\nadmin_key = \"{}\"\nmax_body_bytes = 2000",
            crate::support::app::KEY
        ))
        .start()
        .await;
    let sized = |size: usize| {
        let empty = raw("447700900201", "wamid.1", b"").len();
        raw("447700900201", "wamid.1", "x".repeat(size - empty).as_bytes())
    };
    assert_eq!(app.deliver(&sized(2001)).await, 413);
    assert_eq!(app.deliver(&sized(6000)).await, 413);
    let stream = futures::stream::iter([Ok::<_, std::io::Error>(sized(5000))]);
    let unsized_body = reqwest::Body::wrap_stream(stream);
    let signature = sign(SECRET, &sized(5000));
    let request = app.http.post(format!("{}/webhooks/meta", app.url)).body(unsized_body);
    let response = request.header("x-hub-signature-256", signature).send().await.unwrap();
    assert_eq!(response.status(), 413, "a body that does not tell its length");
    let problem: Value = response.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("max_body_bytes"), "{problem}");
    assert_eq!(app.desk.store.webhooks().await.unwrap(), 0);
    assert_eq!(app.deliver(&sized(2000)).await, 200);
    app.stop().await;
}

on_both! {
    async fn what_is_no_webhook_is_refused_and_leaves_nothing(db) {
        let app = Setup::on(db).start().await;
        let deep = "[".repeat(100_000);
        let closed = format!("{deep}{}", "]".repeat(100_000));
        let objects = "{\"entry\":".repeat(50_000);
        for body in [
            "",
            " ",
            "\u{feff}",
            "hello",
            "{",
            "null",
            "true",
            "7",
            "\"text\"",
            "[]",
            "{}",
            "[{}]",
            "{\"objekt\":1}",
            "{\"object\":1e999}",
            &deep,
            &closed,
            &objects,
        ] {
            let status = app.deliver(body.as_bytes()).await;
            assert_eq!(status, 400, "{}", body.chars().take(40).collect::<String>());
        }
        assert_eq!(app.deliver(&[0xff, 0xfe, 0x00]).await, 400);
        assert_eq!(app.deliver(&[0; 1000]).await, 400);
        assert_eq!(app.desk.store.webhooks().await.unwrap(), 0);
        is_well(&app, "447700900202").await;
        app.stop().await;
    }

    async fn the_wrong_shape_is_kept_and_hurts_nobody_beside_it(db) {
        let app = Setup::on(db).start().await;
        let good: Value = serde_json::from_slice(&text_webhook(
            MAIN,
            "447700900203",
            "wamid.good",
            "When do you open?",
        ))
        .unwrap();
        let metadata = json!({"phone_number_id": MAIN});
        let value = |value: Value| json!({"changes": [{"field": "messages", "value": value}]});
        let entries = [
            json!(7),
            json!(null),
            json!("x"),
            json!([]),
            json!({"changes": 7}),
            json!({"changes": [[]]}),
            value(json!([])),
            value(json!("text")),
            value(json!({})),
            value(json!({"metadata": [], "messages": {}})),
            value(json!({"metadata": metadata, "messages": "hello"})),
            value(
                json!({"metadata": metadata, "messages": [7, null, [], {}, {"type": "text"}, {"id": "x", "type": "text"}]}),
            ),
            value(
                json!({"metadata": metadata, "messages": [{"from": "447700900204", "id": "wamid.shape", "type": "text", "text": []}]}),
            ),
            value(
                json!({"metadata": metadata, "messages": [{"from": ["a"], "id": {"b": 1}, "type": 9, "text": 1}]}),
            ),
            value(
                json!({"metadata": metadata, "statuses": [7, {"id": "w", "status": "teleported"}, {"status": "sent"}]}),
            ),
            value(
                json!({"metadata": {"phone_number_id": {"x": 1}}, "messages": [{"from": "1", "id": "2", "type": "text"}]}),
            ),
            value(
                json!({"metadata": metadata, "contacts": 5, "message_echoes": [{"to": "1"}], "errors": "all", "history": [[]]}),
            ),
            good["entry"][0].clone(),
        ];
        let body = json!({"object": "whatsapp_business_account", "entry": entries}).to_string();
        assert_eq!(app.deliver(body.as_bytes()).await, 200);
        app.settle().await;
        assert_eq!(app.thread("447700900203").await[1]["direction"], "out");
        assert!(app.get("/events").await.as_array().unwrap().len() > 10);
        for body in
            [json!({"entry": {}}), json!({"entry": "x"}), json!({"object": "page", "entry": []})]
        {
            assert_eq!(app.deliver(body.to_string().as_bytes()).await, 200, "{body}");
        }
        is_well(&app, "447700900205").await;
        app.stop().await;
    }

    async fn a_thousand_messages_of_a_hundred_customers_in_one_post_get_a_hundred_answers(db) {
        // A turn that cannot be stored in time runs again and would ask the model once more.
        let app = Setup::on(db).with("[worker]\ngap_ms = 50\n[store]\nwait_ms = 30000").start().await;
        let hooks: Vec<_> = (0..1000)
            .map(|n| {
                let from = format!("44771000{:04}", n % 100);
                text_webhook(MAIN, &from, &format!("wamid.{n}"), &format!("Question {n}?"))
            })
            .collect();
        assert_eq!(app.deliver(&batch(&hooks)).await, 200);
        app.settle().await;
        let mut answers = HashMap::<String, usize>::new();
        for (to, _) in app.received() {
            *answers.entry(to).or_default() += 1;
        }
        assert_eq!((answers.len(), answers.values().sum::<usize>()), (100, 100));
        assert_eq!(app.model.chat_count(), 100, "one turn for each customer");
        for customer in [0, 57, 99] {
            let thread = app.thread(&format!("44771000{customer:04}")).await;
            assert_eq!(thread.len(), 11);
            let asked: Vec<_> =
                thread[..10].iter().map(|message| message["text"].as_str().unwrap()).collect();
            let expected: Vec<_> =
                (0..10).map(|n| format!("Question {}?", n * 100 + customer)).collect();
            assert_eq!(asked, expected);
            assert!(thread[..10].iter().all(|message| message["state"] == "answered"));
        }
        app.stop().await;
    }

    async fn the_longest_text_of_any_script_is_stored_as_it_is_and_answered(db) {
        let app = Setup::on(db).with("[worker]\nlease_ms = 30000").start().await;
        app.model.answer_with(|request| question(request).into());
        let texts: Vec<_> =
            SCRIPTS.iter().map(|(script, sample)| (*script, filled(sample))).collect();
        for (n, (script, text)) in texts.iter().enumerate() {
            assert_eq!(text.chars().count(), MAX_LEN, "{script}");
            let body =
                text_webhook(MAIN, &format!("44772000{n:04}"), &format!("wamid.{script}"), text);
            assert_eq!(app.deliver(&body).await, 200, "{script}");
            // One at a time: twenty such turns at once outlast their lease on a busy machine.
            app.settle().await;
        }
        let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        for (n, (script, text)) in texts.iter().enumerate() {
            let thread = app.thread(&format!("44772000{n:04}")).await;
            assert!(thread[0]["content"]["body"] == json!(text), "{script} was changed");
            assert_eq!(thread[0]["state"], "answered", "{script}");
            let to = format!("+44772000{n:04}");
            let bubbles: Vec<_> = app
                .received()
                .into_iter()
                .filter(|(whom, _)| *whom == to)
                .map(|(_, text)| text)
                .collect();
            assert!(
                !bubbles.is_empty() && bubbles.len() <= 5,
                "{script}: {} bubbles",
                bubbles.len()
            );
            assert!(
                bubbles.iter().all(|bubble| bubble.encode_utf16().count() <= MAX_LEN),
                "{script}"
            );
            let back = bubbles.concat();
            assert!(
                solid(&back) == solid(text),
                "{script} came back as {}",
                back.chars().take(300).collect::<String>()
            );
        }
        app.stop().await;
    }

    async fn broken_characters_are_mended_and_lose_nobody_elses_words(db) {
        let app = Setup::on(db).start().await;
        for (n, (words, mended)) in [
            (&br"a\u0000b"[..], "a\u{fffd}b"),
            (br"a\\u0000b", r"a\u0000b"),
            (b"caf\xff\xfe!", "caf\u{fffd}\u{fffd}!"),
            (b"\xed\xa0\xbd half", "\u{fffd}\u{fffd}\u{fffd} half"),
            (br"half \ud83d here", "half \u{fffd} here"),
            (br"\udc00\ud83d\ude00\ud800", "\u{fffd}\u{1f600}\u{fffd}"),
            (br"\u202e\u200f\u2066\ufeff\uffff.", "\u{202e}\u{200f}\u{2066}\u{feff}\u{ffff}."),
        ]
        .into_iter()
        .enumerate()
        {
            let customer = format!("44773000{n:04}");
            let neighbour =
                text_webhook(MAIN, &format!("44774000{n:04}"), &format!("wamid.n{n}"), "And me?");
            let both =
                batch(&[text_webhook(MAIN, &customer, &format!("wamid.{n}"), "PLACE"), neighbour]);
            assert_eq!(app.deliver(&replaced(&both, b"PLACE", words)).await, 200, "{mended:?}");
            app.settle().await;
            let thread = app.thread(&customer).await;
            assert_eq!(thread[0]["content"]["body"], mended);
            assert_eq!((&thread[0]["state"], thread.len()), (&json!("answered"), 2), "{mended:?}");
            assert_eq!(app.thread(&format!("44774000{n:04}")).await.len(), 2);
        }
        // The same for every other stored text.
        let nul = "x\\u0000y";
        let body = json!({"type": "dance\u{0}", "context": {"id": "q\u{0}"}, "dance\u{0}": ["\u{0}"], "errors": [{"code": 1, "title": "\u{0}"}]});
        assert_eq!(
            app.deliver(&message_webhook(MAIN, "4477300\u{0}", "wamid.\u{0}", &body)).await,
            200
        );
        let contact = replaced(
            &text_webhook(MAIN, "447730001000", "wamid.c", "Hi"),
            b"Customer 1000",
            nul.as_bytes(),
        );
        assert_eq!(app.deliver(&contact).await, 200);
        assert_eq!(app.deliver(&replaced(&contact, MAIN.as_bytes(), nul.as_bytes())).await, 200);
        let event = replaced(br#"{"object":"x","entry":[{"changes":[{"field":"PLACE","value":{"event":"PLACE"}}]}]}"#, b"PLACE", nul.as_bytes());
        assert_eq!(app.deliver(&event).await, 200);
        app.settle().await;
        assert_eq!(app.conversation_with("447730001000").await["contact_name"], "x\u{fffd}y");
        app.stop().await;
    }

    async fn absurd_numbers_ids_and_fields_are_survived(db) {
        let app = Setup::on(db).start().await;
        let now = frontdesk::domain::time::now_ms();
        let stamp = regex::bytes::Regex::new(r#""timestamp":"\d+""#).unwrap();
        for (n, time) in [
            "-5",
            "\"-5\"",
            "0",
            "99999999999999999999999999",
            "\"99999999999999999999\"",
            "1e300",
            "-1e300",
            "1.5",
            "null",
            "{}",
            "\"soon\"",
            "4102444799",
            "9223372036854775807",
            "-9223372036854775808",
        ]
        .into_iter()
        .enumerate()
        {
            let customer = format!("44775000{n:04}");
            let body = text_webhook(MAIN, &customer, &format!("wamid.t{n}"), "When do you open?");
            let body =
                stamp.replace(&body, format!("\"timestamp\":{time}").as_bytes()).into_owned();
            assert_eq!(app.deliver(&body).await, 200, "{time}");
            app.settle().await;
            let thread = app.thread(&customer).await;
            assert_eq!(thread.len(), 2, "a message of {time} was not answered");
            let sent_at = thread[0]["sent_at"].as_i64().unwrap();
            assert!((now - 60_000..now + 120_000).contains(&sent_at), "{time} became {sent_at}");
        }
        // A duplicate key: the last one counts.
        let twice = replaced(
            &text_webhook(MAIN, "447750001000", "wamid.twice", "first"),
            b"\"body\":\"first\"",
            br#""body":"first","body":"last""#,
        );
        assert_eq!(app.deliver(&twice).await, 200);
        assert_eq!(app.thread("447750001000").await[0]["text"], "last");
        // Ids that are too long for an index and do not compress.
        for (n, (from, id)) in [
            (noise(10_000), "wamid.l1".to_owned()),
            ("447750001001".into(), noise(10_000)),
            (noise(200), noise(200)),
        ]
        .into_iter()
        .enumerate()
        {
            let status = app.deliver(&text_webhook(MAIN, &from, &id, "long ids")).await;
            assert_eq!(status, 200, "long ids {n}");
        }
        let bsuid = json!({"type": "text", "text": {"body": "hi"}, "from_user_id": noise(9000), "context": {"id": noise(9000)}, "group_id": noise(9000)});
        assert_eq!(
            app.deliver(&message_webhook(MAIN, "447750001002", "wamid.l2", &bsuid)).await,
            200
        );
        let moved = json!({"type": "system", "system": {"type": "user_changed_number", "wa_id": noise(9000), "user_id": noise(9000)}});
        assert_eq!(
            app.deliver(&message_webhook(MAIN, "447750001003", "wamid.l3", &moved)).await,
            200
        );
        let place = json!({"type": "location", "location": {"latitude": 1e308, "longitude": "-1e308", "name": noise(9000)}});
        assert_eq!(
            app.deliver(&message_webhook(MAIN, "447750001004", "wamid.l4", &place)).await,
            200
        );
        let more = json!({"type": "text", "text": {"body": "hi", "x": [{}]}, "brand_new": {"deep": [1, [2, [3]]]}, "": "", "🦀": null});
        assert_eq!(
            app.deliver(&message_webhook(MAIN, "447750001005", "wamid.m", &more)).await,
            200
        );
        app.settle().await;
        assert_eq!(app.thread("447750001005").await[0]["state"], "answered");
        is_well(&app, "447750001006").await;
        app.stop().await;
    }

    async fn a_number_that_is_not_ours_is_acknowledged_and_told_to_the_operator(db) {
        let app = Setup::on(db).start().await;
        let body = text_webhook("999999999999999", "447700900210", "wamid.1", "Hello?");
        assert_eq!(app.deliver(&body).await, 200);
        app.settle().await;
        let alerts = app.get("/events?alerts=true").await;
        assert_eq!(
            (&alerts[0]["kind"], &alerts[0]["payload"]["number"]),
            (&json!("unknown_number"), &json!("999999999999999"))
        );
        assert!(alerts[0]["alert"].as_str().unwrap().contains("[numbers]"));
        assert_eq!(app.get("/conversations").await["items"], json!([]));
        assert!(app.received().is_empty());
        app.stop().await;
    }

    async fn damaged_webhooks_never_break_the_server(db) {
        let captured = all_captured("meta");
        if captured.is_empty() {
            return;
        }
        let app = Setup::on(db).without_speech().start().await;
        let mut dice = Dice(0x5eed_f00d);
        let (mut taken, mut refused) = (0, 0);
        for n in 0..300 {
            let (name, payload) = &captured[dice.below(captured.len())];
            let text = payload.to_string().replace("\"106540352242922\"", &format!("\"{MAIN}\""));
            let body = damaged(&mut dice, &text);
            let status = app.deliver(&body).await;
            match status {
                StatusCode::OK => taken += 1,
                StatusCode::BAD_REQUEST => refused += 1,
                _ => panic!("{n}: {status} for {name}: {}", String::from_utf8_lossy(&body)),
            }
        }
        assert!(
            taken > 100 && refused > 20,
            "{taken} taken, {refused} refused: the damage is not as wild as it should be"
        );
        assert_eq!(app.desk.store.webhooks().await.unwrap(), taken);
        assert!(
            app.http.get(format!("{}/readyz", app.url)).send().await.unwrap().status().is_success()
        );
        app.get("/events").await;
        for conversation in app.get("/conversations?limit=200").await["items"].as_array().unwrap() {
            app.get(&format!("/conversations/{}/messages", conversation["id"].as_str().unwrap()))
                .await;
        }
        is_well(&app, "447700900211").await;
        app.stop().await;
    }
}

/// A deterministic pseudo-random generator.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// Returns incompressible letters and digits.
fn noise(length: usize) -> String {
    let mut dice = Dice(0xd1ce + length as u64);
    (0..length)
        .map(|_| char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[dice.below(36)]))
        .collect()
}

/// Returns the text with a random kind of damage at a random place.
fn damaged(dice: &mut Dice, text: &str) -> Vec<u8> {
    let mut body = text.as_bytes().to_vec();
    let (at, length) = (dice.below(body.len()), dice.below(40));
    let to = (at + length).min(body.len());
    match dice.below(8) {
        0 => body.truncate(at),
        1 => body[at] = dice.next().to_le_bytes()[0],
        2 => drop(body.drain(at..to)),
        3 => {
            let again = body[at..to].to_vec();
            drop(body.splice(at..at, again));
        }
        _ => {
            let mut tree: Value = serde_json::from_str(text).unwrap();
            for _ in 0..=dice.below(3) {
                let count = leaves(&mut tree).len();
                let place = dice.below(count);
                *leaves(&mut tree).swap_remove(place) = absurd(dice);
            }
            body = tree.to_string().into_bytes();
        }
    }
    body
}

/// Returns every leaf value of a tree.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    let inner = match &*value {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if inner == 0 {
        return vec![value];
    }
    match value {
        Value::Object(fields) => fields.values_mut().flat_map(leaves).collect(),
        Value::Array(items) => items.iter_mut().flat_map(leaves).collect(),
        _ => Vec::new(),
    }
}

fn absurd(dice: &mut Dice) -> Value {
    let deep = (0..80).fold(json!(1), |inner, _| json!([inner]));
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{202e}\u{feff}"),
        json!("😀".repeat(3000)),
        json!(noise(5000)),
        json!([]),
        json!({}),
        json!({"type": "text", "text": {"body": "x"}}),
        json!("'; drop table messages; --"),
        json!("{{ agent }} {% for x in y %}"),
        deep,
    ];
    values[dice.below(values.len())].clone()
}

/// Repeats a sample to the maximum length.
fn filled(sample: &str) -> String {
    let mut text: Vec<char> = sample.chars().cycle().take(MAX_LEN).collect();
    // It must end with a letter: trailing whitespace is trimmed.
    *text.last_mut().unwrap() = sample.chars().next().unwrap();
    text.into_iter().collect()
}

/// A sentence or more in many scripts; each begins with a letter.
const SCRIPTS: &[(&str, &str)] = &[
    ("Latin", "When do you open on Sunday, and does naïve Łukasz pay €5? "),
    ("Vietnamese", "Cửa hàng mở cửa lúc mấy giờ vào chủ nhật? "),
    ("Cyrillic", "Во сколько вы открываетесь в воскресенье? Їжак. "),
    ("Greek", "Τι ώρα ανοίγετε την Κυριακή; Ευχαριστώ πολύ. "),
    ("Arabic", "متى تفتحون يوم الأحد؟ شكراً جزيلاً لكم. "),
    ("Hebrew", "מתי אתם פותחים ביום ראשון? תודה רבה. "),
    ("Devanagari", "आप रविवार को कब खोलते हैं? बहुत धन्यवाद। "),
    ("Bengali", "আপনারা রবিবার কখন খোলেন? অনেক ধন্যবাদ। "),
    ("Tamil", "ஞாயிற்றுக்கிழமை எப்போது திறப்பீர்கள்? மிக்க நன்றி. "),
    ("Thai", "วันอาทิตย์ร้านเปิดกี่โมงคะขอบคุณมากค่ะ"),
    ("Han", "你们星期天几点开门？可以用支付宝付款吗？谢谢。"),
    ("Hiragana", "にちようびはなんじにあきますか。ありがとうございます。"),
    ("Hangul", "일요일에는 몇 시에 문을 여나요? 감사합니다. "),
    ("Georgian", "რომელ საათზე იხსნება კვირას? დიდი მადლობა. "),
    ("Armenian", "Կիրակի օրը ժամը քանիսի՞ն եք բացում։ Շնորհակալություն։ "),
    ("Ethiopic", "እሑድ ስንት ሰዓት ትከፍታላችሁ? አመሰግናለሁ። "),
    ("Khmer", "តើអ្នកបើកនៅថ្ងៃអាទិត្យម៉ោងប៉ុន្មាន? អរគុណ។ "),
    ("Emoji", "a 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇬🇧 ❤️ 1️⃣ 😀😃😄 "),
    ("RightToLeftMarks", "a \u{200f}مرحبا\u{200e} b \u{2067}שלום\u{2069} c "),
    ("CombiningMarks", "e\u{301}a\u{308}\u{323} o\u{302}\u{301}n\u{303} Z\u{351}\u{36b}\u{343}a "),
];
