//! Test support: the grounding check on made-up passages of a shop.

use proptest::prelude::*;

use super::*;

const THRESHOLD: f32 = 0.2;

const DELIVERY: &str = "Delivery\nStandard delivery costs £4.95 and takes 2 to 3 working days. \
    Orders over £50 are delivered free of charge. We do not deliver to Norway.";
const HOURS: &str =
    "Opening hours\nMonday to Friday: 9:00 to 17:30\nSaturday: 10:00 to 14:00\nSunday: closed";
const RETURNS: &str = "Returns\nYou can return unused lamps within 30 days if you have the receipt. \
    The money is back on your card after five working days.";

fn verdicts_on(reply: &str, marks: &[(usize, usize)]) -> Vec<StatementVerdict> {
    let passages = [DELIVERY, HOURS, RETURNS].map(ToOwned::to_owned);
    let known = ["You live in York.".to_owned()];
    Check::read(&Material { reply, marks, passages: &passages, known: &known, asked: &[] })
        .verdicts(THRESHOLD)
}

/// Returns the verdict on a reply of one statement.
fn on(reply: &str) -> StatementVerdict {
    let mut all = verdicts_on(reply, &[]);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[track_caller]
fn doubted(reply: &str, why: &str) {
    let verdict = on(reply);
    assert!(!verdict.supported, "{verdict:#?}");
    assert!(verdict.why.contains(why), "{verdict:#?}");
}

#[track_caller]
fn supported(reply: &str, passage: usize) {
    let verdict = on(reply);
    assert!(verdict.supported && verdict.score.is_some(), "{verdict:#?}");
    assert_eq!(verdict.passage, Some(passage), "{verdict:#?}");
}

#[test]
fn what_a_passage_says_is_supported() {
    supported("Standard delivery costs £4.95.", 1);
    supported("On Saturday we are open from 10 to 14.", 2);
    supported("We are open until 5:30 pm from Monday to Friday.", 2);
    supported("You can return unused lamps within thirty days with the receipt.", 3);
    supported("We don't deliver to Norway.", 1);
}

#[test]
fn a_paraphrase_is_supported() {
    supported("If you have the receipt, unused lamps can be returned for 30 days.", 3);
    supported("For orders above £50, delivery is free.", 1);
    supported("Your money is back on the card 5 working days later.", 3);
}

#[test]
fn a_number_that_stands_nowhere_is_doubted() {
    doubted("Standard delivery costs £19.", "the number 19 is in no passage");
    doubted("Lamps are returned in 60 days.", "the number 60 is in no passage");
}

#[test]
fn a_number_that_belongs_to_something_else_is_doubted() {
    doubted(
        "On Saturday we are open until 17:30.",
        "17:30 stands in the passages with something else",
    );
}

#[test]
fn the_opposite_of_a_passage_is_doubted() {
    doubted("We deliver to Norway.", "one says not");
    doubted("Orders over £50 are not delivered free of charge.", "one says not");
}

#[test]
fn the_opposite_of_a_part_of_a_sentence_is_doubted() {
    let passages = [
        "We deliver in Bristol, Bath and Cardiff on weekdays, and charge £5.".to_owned(),
        "We do not repair tents, but we rent tents in summer.".to_owned(),
    ];
    let on = |reply: &str| {
        let material = Material { reply, marks: &[], passages: &passages, known: &[], asked: &[] };
        Check::read(&material).verdicts(THRESHOLD).remove(0)
    };
    for reply in [
        "We do **not** deliver in Bristol.",
        "In Bath we don't deliver.",
        "Sorry, no: we do not deliver in Cardiff.",
        "We repair tents.",
    ] {
        let verdict = on(reply);
        assert!(!verdict.supported && verdict.why.contains("one says not"), "{verdict:#?}");
    }
    for reply in
        ["No, we deliver in Bristol.", "We rent tents in summer.", "We do not repair tents."]
    {
        assert!(on(reply).supported, "{:#?}", on(reply));
    }
}

#[test]
fn a_limit_turned_round_is_no_contradiction() {
    supported("You cannot return unused lamps after 30 days.", 3);
    supported("Without the receipt you cannot return unused lamps.", 3);
}

/// Counts the statements that hold a reply back at the default bar.
fn held(asked: &str, reply: &str, passages: &[&str], known: &[&str]) -> usize {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (passages, known, asked) = (owned(passages), owned(known), owned(&[asked]));
    let material =
        Material { reply, marks: &[], passages: &passages, known: &known, asked: &asked };
    let check = Check::read(&material);
    let setting = crate::domain::Grounding::default();
    check.held(&check.verdicts(setting.threshold), setting.hold_below)
}

/// Question, correct reply, passage. The first ones are of the demo's documents.
const CORRECT: &[(&str, &str, &str)] = &[
    (
        "do you buy used parts",
        "No, we do not buy single used parts. We take them for recycling but pay nothing.",
        "Do you buy single used parts?\nNo. We take them for recycling but pay nothing.",
    ),
    (
        "do you sell coffee?",
        "No, we do not sell coffee, but the bakery next door does.",
        "Do you sell coffee?\nNo, but the bakery next door does, and you get 50 cents off a cup with our receipt of the same day.",
    ),
    (
        "Can I bring my own parts for you to fit?",
        "Yes, you can bring your own parts. We charge the normal labour plus €8.",
        "Can I bring my own parts for you to fit?\nYes. We charge the normal labour plus €8, and there is no warranty from us on the part itself.",
    ),
    ("Do you do engraving?", "No, we do not do engraving.", "Do you do engraving?\nNo."),
    (
        "Can I return a lamp I bought 45 days ago for £67?",
        "No, after 45 days a £67 lamp cannot be returned.",
        RETURNS,
    ),
    ("How much are 2 vouchers?", "2 x €35 = €70", "Vouchers\nA voucher for one person costs €35."),
    (
        "And for two people?",
        "That is €70 in total.",
        "Vouchers\nA voucher for one person costs €35.",
    ),
    (
        "What does a lamp with delivery cost?",
        "The lamp is £30. Delivery is £4.95. That makes £34.95 altogether.",
        "Prices\nThe lamp costs £30. Delivery costs £4.95.",
    ),
    (
        "When do you deliver?",
        "We deliver Monday to Saturday.",
        "Delivery\nWe deliver Monday to Saturday but not on Sundays.",
    ),
    (
        "Can my dog come?",
        "Dogs are welcome on the terrace.",
        "Dogs\nDogs are not allowed in the shop but welcome on the terrace.",
    ),
];

#[test]
fn correct_replies_are_not_held_back_by_default() {
    for (asked, reply, passage) in CORRECT {
        assert_eq!(held(asked, reply, &[passage], &[]), 0, "{asked} {reply}");
    }
}

#[test]
fn only_a_passage_is_contradicted() {
    let (said, reply) = ("We deliver to Norway.", "We do not deliver to Norway.");
    let deliveries = "Delivery\nWe deliver to all of Britain in three working days.";
    assert_eq!(held("Why not?", reply, &[deliveries], &[said]), 0, "the customer was wrong");
    assert_eq!(held("Why not?", reply, &[said], &[]), 1, "the opposite of a passage");
    assert_eq!(held("Why not?", said, &[DELIVERY], &[]), 1, "the opposite of a passage");
}

#[test]
fn an_invented_number_holds_back_unless_the_customer_wrote_it() {
    let reply = "Our flying bicycles cost 999 dollars.";
    assert_eq!(held("What does a lamp cost?", reply, &[HOURS], &[]), 1);
    assert_eq!(held("Did it cost 999 dollars?", reply, &[HOURS], &[]), 0);
    let verdict = on("Standard delivery costs £19.");
    assert!(!verdict.supported, "it supports nothing: {verdict:#?}");
}

#[test]
fn an_invented_promise_is_doubted() {
    doubted("Every customer gets a voucher and a surprise gift from us.", "in no passage");
    doubted("We also repair televisions at home.", "“repair”");
}

#[test]
fn what_was_said_before_may_be_restated() {
    let verdict = on("You live in York.");
    assert!(verdict.supported && verdict.passage.is_none(), "{verdict:#?}");
}

#[test]
fn courtesies_are_left_alone() {
    for reply in [
        "Hello!",
        "Is there anything else I can help you with?",
        "I could not find that in our documents.",
    ] {
        let verdict = on(reply);
        assert!(verdict.supported && verdict.score.is_none(), "{verdict:#?}");
    }
}

#[test]
fn a_wrong_mark_is_put_right_by_the_passage_that_supports() {
    let reply = "Standard delivery costs £4.95. You can return unused lamps within 30 days.";
    let all = verdicts_on(reply, &[(29, 1), (reply.len() - 1, 2)]);
    assert_eq!((all[0].passage, &all[0].cited), (Some(1), &vec![1]));
    assert_eq!((all[1].passage, &all[1].cited), (Some(3), &vec![2]));
    assert!(all[1].why.starts_with("cited [2], but passage 3 says it"), "{}", all[1].why);
}

#[test]
fn other_languages_are_checked_alike() {
    let passages = ["Envíos\nEl envío estándar cuesta 4,95 € y tarda de dos a tres días laborables. No enviamos a Canarias. \
        Los pedidos se pueden devolver durante treinta días con el recibo de compra."
        .to_owned()];
    let reply = "El envío cuesta 4,95 € y tarda 2 o 3 días. Puede devolver el pedido durante 30 días con el recibo. \
        El envío cuesta 9 € en fin de semana. Regalamos una lámpara a cada cliente nuevo. ¿Le ayudo en algo más?";
    let check =
        Check::read(&Material { reply, marks: &[], passages: &passages, known: &[], asked: &[] });
    let supported: Vec<bool> = check.verdicts(THRESHOLD).iter().map(|one| one.supported).collect();
    assert_eq!(supported, [true, true, false, false, true], "{:#?}", check.verdicts(THRESHOLD));
    let chinese = ["退货政策：未使用的台灯可以在30天内凭收据退货。标准配送费用为5元。".to_owned()];
    let reply = "台灯可以在30天内退货。配送费用为15元。";
    let check =
        Check::read(&Material { reply, marks: &[], passages: &chinese, known: &[], asked: &[] });
    let supported: Vec<bool> = check.verdicts(THRESHOLD).iter().map(|one| one.supported).collect();
    assert_eq!(supported, [true, false], "{:#?}", check.verdicts(THRESHOLD));
}

#[test]
fn of_a_translation_only_the_numbers_are_compared() {
    let reply = "Puede devolver las lámparas sin usar durante 30 días si tiene el recibo de la compra. \
        El envío de los pedidos a su casa cuesta 19 libras y es muy rápido.";
    let all = verdicts_on(reply, &[]);
    assert!(all[0].supported && all[0].why.contains("another language"), "{:#?}", all[0]);
    assert!(!all[1].supported && all[1].why.contains("19"), "{:#?}", all[1]);
}

#[test]
fn without_passages_every_claim_is_doubted() {
    let reply = "We open at nine on Mondays. Anything else?";
    let check = Check::read(&Material { reply, marks: &[], passages: &[], known: &[], asked: &[] });
    let supported: Vec<bool> = check.verdicts(THRESHOLD).iter().map(|one| one.supported).collect();
    assert_eq!(supported, [false, true]);
}

#[test]
fn meaning_speaks_for_a_claim() {
    let passages = [RETURNS.to_owned()];
    let reply = "Refunds reach your bank account within a week.";
    let mut check =
        Check::read(&Material { reply, marks: &[], passages: &passages, known: &[], asked: &[] });
    let score = |check: &Check| check.verdicts(THRESHOLD)[0].score.unwrap_or_default();
    let texts = check.texts().len();
    let near = |cosine: f32| {
        let other = vec![cosine, (1.0 - cosine * cosine).sqrt()];
        std::iter::once(vec![1.0, 0.0])
            .chain((1..texts).map(move |_| other.clone()))
            .collect::<Vec<_>>()
    };
    check.set_embeddings(&near(0.1));
    let far = score(&check);
    check.set_embeddings(&near(0.9));
    assert!(score(&check) > far + 0.1, "{far} and {}", score(&check));
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(
        reply in "(?s)([a-zA-Z0-9 .:;!?*#|`()\\[\\]\n-]|但是|but |not |é|٣|```){0,60}|\\PC{0,60}",
        passage in "\\PC{0,80}|(lamp|9:00|£4.95|not|;|\n| ){0,30}",
        marks in proptest::collection::vec((0_usize..100, 0_usize..5), 0..4),
    ) {
        let passages = [passage, HOURS.to_owned()];
        let mut check = Check::read(&Material { reply: &reply, marks: &marks, passages: &passages, known: &[], asked: &[] });
        let texts = check.texts();
        check.set_embeddings(&vec![vec![f32::NAN, 1.0]; texts.len()]);
        let verdicts = check.verdicts(THRESHOLD);
        prop_assert!(verdicts.iter().all(|one| one.score.is_none_or(|score| (0.0..=1.0).contains(&score))));
        let removed = verdicts.iter().filter(|one| !one.supported).count();
        let kept = check.supported_part(&verdicts);
        prop_assert!(kept.len() <= reply.len());
        if removed == 0 {
            prop_assert_eq!(kept, reply.trim());
        }
    }
}
