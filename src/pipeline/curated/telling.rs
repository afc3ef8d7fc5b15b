//! In what two questions must not differ to be one: numbers, negation, days, what is asked for, and opposites. Lists of words
//! in the languages that most customers write; what a list lacks only makes the words decide. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use frontdesk_language::terms;

/// What a question tells that another must tell, too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Telling {
    /// Words with digits, and words for numbers.
    numbers: BTreeSet<String>,
    /// Whether it says no.
    negated: bool,
    /// Days, months and times of day.
    days: BTreeSet<usize>,
    /// Whether it asks when, where, who, why, how or how much.
    asks: BTreeSet<usize>,
    /// The sides that it takes, by pair of opposites.
    sides: BTreeSet<(usize, usize)>,
}

impl Telling {
    /// What these folded words tell.
    pub(crate) fn of(words: &[&str]) -> Self {
        let lists = &*LISTS;
        let mut told = Self::default();
        for (at, &word) in words.iter().enumerate() {
            if word.chars().any(char::is_numeric) {
                told.numbers.insert(word.to_owned());
            }
            if let Some(number) = lists.numbers.get(word) {
                told.numbers.insert(number.to_string());
            }
            told.negated |= lists.negations.contains(word);
            told.days.extend(lists.days.get(word));
            let pair = words.get(at + 1).map(|next| format!("{word} {next}"));
            let two = pair.as_deref().and_then(|pair| lists.asks.get(pair));
            if let Some(asks) = two.or_else(|| lists.asks.get(word)) {
                told.asks.insert(*asks);
            }
            told.sides.extend(lists.sides.get(word).into_iter().flatten().copied());
        }
        told
    }

    /// In what a question differs from a phrasing, when that makes it another question.
    pub(crate) fn differs(&self, phrasing: &Self) -> Option<&'static str> {
        let other_asks =
            !self.asks.is_empty() && !phrasing.asks.is_empty() && self.asks != phrasing.asks;
        let taken = |sides: &BTreeSet<(usize, usize)>, pair: usize| -> BTreeSet<usize> {
            sides.iter().filter(|(other, _)| *other == pair).map(|(_, side)| *side).collect()
        };
        let opposite = |(pair, _): &(usize, usize)| {
            let (ours, theirs) = (taken(&self.sides, *pair), taken(&phrasing.sides, *pair));
            !theirs.is_empty() && ours.is_disjoint(&theirs)
        };
        if self.numbers != phrasing.numbers {
            Some("another number is asked about")
        } else if self.negated != phrasing.negated {
            Some("one says no, the other does not")
        } else if self.days != phrasing.days {
            Some("another day or time is asked about")
        } else if other_asks {
            Some("something else is asked: when, where, who, why, how or how much")
        } else if self.sides.iter().any(opposite) {
            Some("the opposite is asked about")
        } else {
            None
        }
    }
}

/// The places of words that are only polite.
pub(crate) fn courtesies(words: &[String]) -> HashSet<usize> {
    let mut polite = HashSet::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map(String::as_str);
        if LISTS.courtesies.contains(word.as_str()) {
            polite.insert(at);
        }
        if next.is_some_and(|next| LISTS.courtesies.contains(format!("{word} {next}").as_str())) {
            polite.extend([at, at + 1]);
        }
    }
    // A question of nothing but courtesies keeps them: they are all that it has.
    if polite.len() == words.len() { HashSet::new() } else { polite }
}

/// Whether a folded word has a task in the sentence and no sense of its own here.
pub(crate) fn is_function(word: &str) -> bool {
    LISTS.negations.contains(word) || LISTS.asks.contains_key(word)
}

/// Whether a text says something else with another word in the place of this folded one: numbers, negations, days and
/// opposites.
pub(crate) fn is_telling(word: &str) -> bool {
    let lists = &*LISTS;
    word.chars().any(char::is_numeric)
        || lists.numbers.contains_key(word)
        || lists.negations.contains(word)
        || lists.days.contains_key(word)
        || lists.sides.contains_key(word)
}

/// What is asked for: the moment, the place, the person, the reason, the manner, the amount.
const ASKS: [&str; 6] = [
    "when|what time|que hora|que horas|cuando|quando|wann|quand|wanneer|когда|متى|कब|什么时候",
    "where|donde|onde|adonde|wo|wohin|ou|dove|waar|где|куда|اين|कहाँ|哪里",
    "who|whom|whose|quien|quienes|quem|wer|wem|wen|qui|chi|кто|कौन",
    "why|por que|porque|warum|wieso|weshalb|pourquoi|perche|waarom|почему|зачем|لماذا|क्यों|为什么",
    "how|como|wie|comment|hoe|как|كيف|कैसे|怎么",
    "how much|how many|how long|how often|how far|how old|how big|how fast|cuanto|cuanta|cuantos|cuantas|quanto|quanta|\
     quantos|quantas|wie viel|wieviel|wie viele|wie lange|wie oft|combien|quanti|quante|hoeveel|сколько|كم|कितना|कितने|多少",
];

const NEGATIONS: &str = "not|no|never|without|cannot|cant|dont|doesnt|didnt|wont|isnt|arent|wasnt|couldnt|unable|none|nothing|\
    neither|nor|nunca|sin|nada|nao|nem|sem|nicht|kein|keine|keinen|keiner|nie|ohne|pas|jamais|sans|aucun|aucune|non|\
    senza|niet|geen|nooit|zonder|не|нет|без|никогда|لا|ليس|بدون|नहीं|मत|बिना|不|没|没有|ない";

/// Words for small numbers, parted by bars, in the order of the numbers from 1.
const NUMBERS: [&str; 12] = [
    "first",
    "two|second|dos|dois|duas|zwei|deux|due",
    "three|third|tres|drei|trois|tre",
    "four|fourth|cuatro|quatro|vier|quatre|quattro",
    "five|fifth|cinco|funf|cinq|cinque",
    "six|sixth|seis|sechs|sei",
    "seven|seventh|siete|sete|sieben|sept|sette",
    "eight|eighth|ocho|oito|acht|huit|otto",
    "nine|ninth|nueve|nove|neun|neuf",
    "ten|tenth|diez|dez|zehn|dix|dieci",
    "eleven|onze|elf|undici",
    "twelve|doce|doze|zwolf|douze|dodici",
];

/// Days, months and times of day, one a line.
const DAYS: &[&str] = &[
    "monday|mondays|lunes|segunda|montag|montags|lundi|lunedi|maandag",
    "tuesday|tuesdays|tue|martes|terca|dienstag|dienstags|mardi|martedi|dinsdag",
    "wednesday|wednesdays|wed|miercoles|quarta|mittwoch|mittwochs|mercredi|mercoledi|woensdag",
    "thursday|thursdays|thu|jueves|quinta|donnerstag|donnerstags|jeudi|giovedi|donderdag",
    "friday|fridays|fri|viernes|sexta|freitag|freitags|vendredi|venerdi|vrijdag",
    "saturday|saturdays|sabado|sabados|samstag|samstags|sonnabend|samedi|sabato|zaterdag",
    "sunday|sundays|domingo|domingos|sonntag|sonntags|dimanche|domenica|zondag",
    "weekend|weekends|wochenende|finde",
    "today|hoy|hoje|heute|aujourd hui|oggi|vandaag|tonight",
    "tomorrow|manana|amanha|morgen|demain|domani",
    "yesterday|ayer|ontem|gestern|ieri|gisteren",
    "holiday|holidays|festivo|festivos|feriado|feriados|feiertag|feiertage|feiertagen|ferie|feries",
    "christmas|navidad|natal|weihnachten|noel|natale|xmas",
    "easter|pascua|pascoa|ostern|paques|pasqua",
    "january|enero|janeiro|januar|janvier|gennaio",
    "february|febrero|fevereiro|februar|fevrier|febbraio",
    "april|abril|avril|aprile",
    "june|junio|junho|juni|juin|giugno",
    "july|julio|julho|juli|juillet|luglio",
    "august|agosto|aout",
    "september|septiembre|setembro|septembre|settembre",
    "october|octubre|outubro|oktober|octobre|ottobre",
    "november|noviembre|novembro|novembre",
    "december|diciembre|dezembro|dezember|decembre|dicembre",
    "summer|verano|verao|sommer",
    "winter|invierno|inverno|hiver",
    "morning|mornings|vormittag|matin|mattina",
    "evening|evenings|night|nights|noche|noite|abend|abends|soir|sera",
];

/// Opposites and other words of which a question means one: one group a line, its sides parted by spaces, the words of a
/// side by bars.
const SIDES: &[&str] = &[
    "open|opens|opening|opened|abre|abren|abrir|offnet|offnen|ouvrez|ouvre close|closes|closing|closed|shut|cierra|cierran|cerrar|fecha|fecham|fechar|schliesst|schliessen|fermez|ferme",
    "buy|buying|purchase|comprar|kaufen|acheter sell|selling|vender|verkaufen|vendre",
    "cancel|cancelling|canceling|cancelar|stornieren|annuler book|booking|reserve|reservar|buchen|reserver",
    "add|adding|anadir|adicionar|hinzufugen|ajouter|insert remove|removing|delete|deleting|erase|borrar|eliminar|quitar|remover|excluir|loschen|entfernen|supprimer",
    "enable|enabling|activate|activating|activar|ativar|aktivieren|activer disable|disabling|deactivate|deactivating|desactivar|desativar|deaktivieren|desactiver",
    "upload|uploading download|downloading|save",
    "send|sending|enviar|senden|envoyer receive|receiving|recibir|receber|erhalten|recevoir",
    "import|importing export|exporting",
    "hide|hiding show|showing|unhide|display",
    "block|blocking unblock|unblocking",
    "lock|locking unlock|unlocking",
    "follow|following unfollow|unfollowing",
    "subscribe|subscribing unsubscribe|unsubscribing",
    "before|antes|vor|avant after|afterwards|despues|depois|nach|apres",
    "arrive|arrival|arrives|llegada|chegada|ankunft|arrivee depart|departure|leave|salida|partida|abfahrt|depart",
    "man|men|mens|male|hombre|hombres|homem|homens|herren|homme|hommes woman|women|womens|female|mujer|mujeres|mulher|mulheres|damen|femme|femmes child|children|kids|kid|ninos|criancas|kinder|enfants",
    "increase|raise|aumentar decrease|reduce|lower|reducir|diminuir",
    "old|viejo|velho|alt new|nuevo|novo|neu|neue|neuen|nouveau|used|second-hand",
    "public publicly private privately",
    "incoming|inbound outgoing|outbound",
    "minimum|min|least|minimo maximum|max|most|maximo",
    "refund|refunds|reembolso exchange|exchanges|cambio|umtausch",
    "online|web store|shop|tienda|loja|laden|branch",
    "credit debit|debito",
];

const COURTESIES: &str = "hi|hello|hey|hiya|heya|dear|please|pls|plz|thanks|thank you|thx|ty|good morning|good afternoon|\
    good evening|good day|hola|buenas|buenos dias|buenas tardes|buenas noches|gracias|por favor|porfa|ola|oi|bom dia|boa tarde|\
    boa noite|obrigado|obrigada|hallo|guten tag|guten morgen|guten abend|bitte|danke|bonjour|bonsoir|salut|merci|svp|\
    excuse me|sorry|ciao|buongiorno|grazie|привет|здравствуйте|спасибо|пожалуйста|مرحبا|شكرا|नमस्ते|धन्यवाद";

static LISTS: LazyLock<Lists> = LazyLock::new(Lists::read);

/// The lists, to look words up.
struct Lists {
    numbers: HashMap<String, usize>,
    negations: HashSet<String>,
    days: HashMap<String, usize>,
    asks: HashMap<String, usize>,
    sides: HashMap<String, Vec<(usize, usize)>>,
    courtesies: HashSet<String>,
}

impl Lists {
    fn read() -> Self {
        let mut sides: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (pair, line) in SIDES.iter().enumerate() {
            for (side, words) in line.split(' ').enumerate() {
                for word in split(words) {
                    sides.entry(word).or_default().push((pair, side));
                }
            }
        }
        Self {
            numbers: numbered(&NUMBERS).map(|(word, at)| (word, at + 1)).collect(),
            negations: split(NEGATIONS).collect(),
            days: numbered(DAYS).collect(),
            asks: numbered(&ASKS).collect(),
            sides,
            courtesies: split(COURTESIES).collect(),
        }
    }
}

/// The words of each line with the line's place.
fn numbered(lines: &'static [&'static str]) -> impl Iterator<Item = (String, usize)> {
    lines.iter().enumerate().flat_map(|(at, line)| split(line).map(move |word| (word, at)))
}

fn split(line: &'static str) -> impl Iterator<Item = String> {
    line.split('|').map(|entry| {
        let words: Vec<String> = terms::words(entry).iter().map(|word| terms::fold(word)).collect();
        words.join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(question: &str, phrasing: &str) -> Option<&'static str> {
        let told = |text: &str| {
            let words: Vec<String> =
                terms::words(text).iter().map(|word| terms::fold(word)).collect();
            Telling::of(&words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        told(question).differs(&told(phrasing))
    }

    #[test]
    fn numbers_days_and_no_must_be_the_same() {
        assert_eq!(
            differs("within 30 days", "within 14 days"),
            Some("another number is asked about")
        );
        assert_eq!(differs("two lamps", "2 lamps"), None);
        assert_eq!(
            differs("abren el domingo", "abren el lunes"),
            Some("another day or time is asked about")
        );
        assert_eq!(differs("offnen sie sonntags", "offnen sie am sonntag"), None);
        assert_eq!(
            differs("can i not return it", "can i return it"),
            Some("one says no, the other does not")
        );
        assert_eq!(
            differs("ohne quittung", "mit quittung"),
            Some("one says no, the other does not")
        );
    }

    #[test]
    fn what_is_asked_for_and_opposites_must_not_clash() {
        assert!(differs("when is it", "where is it").is_some());
        assert_eq!(differs("opening hours", "when do you open"), None);
        assert_eq!(differs("how much is it", "how many cost"), None);
        assert!(differs("how much is it", "how is it").is_some());
        assert!(differs("do you buy lamps", "do you sell lamps").is_some());
        assert_eq!(differs("online store hours", "store hours"), None);
        assert!(differs("lock my account", "unlock my account").is_some());
    }

    #[test]
    fn only_courtesies_are_left_out() {
        let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(courtesies(&words("hi when thank you")), HashSet::from([0, 2, 3]));
        assert!(courtesies(&words("hello please")).is_empty());
        assert!(courtesies(&words("you open")).is_empty());
    }
}
