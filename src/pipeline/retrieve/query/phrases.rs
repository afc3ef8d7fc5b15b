//! Part of stage 4: the small words by which people take up what was said before, by language. Data alone: what follows
//! from them is decided in `query.rs`.

/// The words of one language, folded as the index folds them, parted by bars.
pub(super) struct Phrases {
    /// ISO 639-1 code.
    language: &'static str,
    /// What a question begins with that goes on from the last one.
    openers: &'static str,
    /// Words that stand for something said before.
    pointers: &'static str,
    /// What the rest of a question begins with when all of it is two or three words: `on Sundays?`.
    rests: &'static str,
}

impl Phrases {
    /// Those of a language; `None` where there are none.
    pub(super) fn of(language: &str) -> Option<&'static Self> {
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        ALL.iter().find(|phrases| phrases.language.eq_ignore_ascii_case(primary))
    }

    /// Whether these words begin as one that goes on from the last question.
    pub(super) fn open(&self, words: &[String], text: &str) -> bool {
        let begins = |opener: &str| {
            let mut opener = opener.split(' ');
            let mut words = words.iter();
            opener.all(|word| words.next().is_some_and(|said| said == word))
        };
        let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
        let glued =
            |opener: &str| matches!(self.language, "zh" | "ja" | "th") && text.starts_with(opener);
        self.openers.split('|').any(|opener| begins(opener) || glued(opener))
    }

    /// Whether these words are the rest of a question: a preposition and hardly more.
    pub(super) fn remain(&self, words: &[String]) -> bool {
        let first = words.first().map_or("", String::as_str);
        (2..=SCRAP).contains(&words.len()) && self.rests.split('|').any(|rest| rest == first)
    }

    /// Whether one of these words stands for something said before.
    pub(super) fn point(&self, words: &[String], text: &str) -> bool {
        let glued =
            |pointer: &str| matches!(self.language, "zh" | "ja" | "th") && text.contains(pointer);
        self.pointers.split('|').filter(|pointer| !pointer.is_empty()).any(|pointer| {
            glued(pointer)
                || words
                    .iter()
                    .enumerate()
                    .any(|(at, word)| word == pointer && !self.is_dummy(words, at))
        })
    }

    /// Whether the word stands for nothing said before: `is it possible to`, where English says `it` for nothing at all,
    /// and `what is a hub motor and is it loud`, which says itself what it means.
    fn is_dummy(&self, words: &[String], at: usize) -> bool {
        let mut after = words.iter().skip(at + 1).take(3);
        let empty = self.language == "en" && words[at] == "it" && after.any(|word| word == "to");
        let next = words.get(at + 1).map_or("", String::as_str);
        let relative = self.language == "en"
            && words[at] == "that"
            && at > 2
            && RELATIVE.split('|').any(|verb| verb == next);
        let within = |word: &String| self.openers.split('|').any(|opener| opener == word);
        empty || relative || words.iter().take(at).skip(2).any(within)
    }
}

/// What follows `that` where it only links two parts of a question: `shoes that were worn`.
const RELATIVE: &str = "was|were|is|are|has|have|had|can|will|i|you|we|they";

/// So many words at the most are the rest of a question.
const SCRAP: usize = 3;

/// Languages that are often written to businesses. For others only the length of a question speaks.
const ALL: &[Phrases] = &[
    Phrases {
        language: "en",
        openers: "and|or|but|also|then|what about|how about|what if|so what|same for|only|even",
        pointers: "it|its|that|this|these|those|they|them|their|there|then|he|she|him|her|one|ones|same|else|instead",
        rests: "on|for|in|at|with|without|to|from|by|near",
    },
    Phrases {
        language: "es",
        openers: "y|e|o|pero|tambien|entonces|que tal|solo|incluso",
        pointers: "eso|esto|ese|esa|esos|esas|este|esta|estos|estas|aquello|ahi|alli|alla|ellos|ellas|mismo|misma|entonces|otro|otra",
        rests: "en|para|con|sin|a|al|de|del|desde|por",
    },
    Phrases {
        language: "pt",
        openers: "e|ou|mas|tambem|entao|e se|so|ate",
        pointers: "isso|isto|esse|essa|esses|essas|este|esta|aquilo|ele|ela|eles|elas|la|ai|mesmo|mesma|entao|outro|outra",
        rests: "em|no|na|nos|nas|para|com|sem|a|ao|de|do|da|por",
    },
    Phrases {
        language: "fr",
        openers: "et|ou|mais|aussi|alors|et si|meme|seulement",
        pointers: "ca|cela|ceci|celui|celle|ceux|celles|il|elle|ils|elles|la|y|meme|alors|autre",
        rests: "en|pour|avec|sans|a|au|aux|de|du|dans|par|chez",
    },
    Phrases {
        language: "de",
        openers: "und|oder|aber|auch|dann|was ist mit|wie ist es mit|wie siehts|nur|sogar",
        pointers: "davon|dafur|damit|dazu|darauf|daran|daruber|dort|dahin|dieser|diese|dieses|diesen|dies|er|ihn|ihm|dann|dasselbe|solche",
        rests: "am|an|im|in|fur|mit|ohne|nach|zu|zum|zur|von|bei|auf",
    },
    Phrases {
        language: "it",
        openers: "e|ed|o|ma|anche|allora|invece|solo",
        pointers: "quello|quella|quelli|quelle|questo|questa|questi|queste|cio|li|esso|essi|stesso|stessa|allora|altro|altra",
        rests: "in|per|con|senza|a|al|alla|di|del|della|da|il|la",
    },
    Phrases {
        language: "nl",
        openers: "en|of|maar|ook|dan|hoe zit het met",
        pointers: "dat|dit|die|deze|daar|daarvan|daarvoor|daarmee|hij|hem|zij|dan|hetzelfde",
        rests: "op|in|voor|met|zonder|naar|van|bij",
    },
    Phrases {
        language: "pl",
        openers: "a|i|ale|lub|albo|tez",
        pointers: "to|tego|tym|tam|ten|ta|te|on|ona|oni|one|jego|jej|ich",
        rests: "w|we|na|dla|z|ze|bez|do|od|po",
    },
    Phrases {
        language: "cs",
        openers: "a|i|ale|nebo|take",
        pointers: "to|toho|tom|tam|ten|ta|ty|on|ona|oni|jeho|jeji|jejich",
        rests: "",
    },
    Phrases {
        language: "ru",
        openers: "а|и|но|или|тоже|также|еще",
        pointers: "это|этот|эта|эти|этого|там|туда|он|она|они|оно|его|ее|их|тогда",
        rests: "в|во|на|для|с|со|без|к|до|от|по",
    },
    Phrases {
        language: "uk",
        openers: "а|і|и|й|але|або|також|ще",
        pointers: "це|цеи|ця|ці|цього|там|туди|він|вона|вони|иого|іі|іх|тоді",
        rests: "",
    },
    Phrases {
        language: "tr",
        openers: "ve|ya|peki|ama|veya|ayrica",
        pointers: "bu|su|o|bunu|onu|onun|bunun|orada|oraya|bunlar|onlar|peki",
        rests: "",
    },
    Phrases {
        language: "sv",
        openers: "och|eller|men|ocksa|da|hur ar det med",
        pointers: "det|den|dessa|dar|dit|han|hon|de|dem|da|samma",
        rests: "",
    },
    Phrases {
        language: "da",
        openers: "og|eller|men|ogsa|hvad med",
        pointers: "det|den|disse|der|han|hun|de|dem|samme",
        rests: "",
    },
    Phrases {
        language: "no",
        openers: "og|eller|men|ogsa|hva med",
        pointers: "det|den|disse|der|han|hun|de|dem|samme",
        rests: "",
    },
    Phrases {
        language: "fi",
        openers: "ja|tai|mutta|enta|entas|myos",
        pointers: "se|sen|siita|siina|siella|sinne|ne|niita|tama|nama|han",
        rests: "",
    },
    Phrases {
        language: "ro",
        openers: "si|sau|dar|iar|atunci|dar daca",
        pointers: "asta|acesta|aceasta|acestea|acolo|el|ea|ei|ele|atunci|aceeasi",
        rests: "",
    },
    Phrases {
        language: "el",
        openers: "και|κι|η|αλλα|επισησ|τι γινεται με",
        pointers: "αυτο|αυτα|αυτη|αυτοσ|εκει|τοτε|ιδιο",
        rests: "",
    },
    Phrases {
        language: "hu",
        openers: "es|de|vagy|meg",
        pointers: "az|ez|azt|ezt|ott|oda|azok|ezek",
        rests: "",
    },
    Phrases {
        language: "id",
        openers: "dan|atau|tapi|kalau|bagaimana dengan|juga",
        pointers: "itu|ini|sana|situ|dia|mereka|tersebut",
        rests: "",
    },
    Phrases {
        language: "vi",
        openers: "va|con|the|nhung|hoac",
        pointers: "do|nay|ay|no|chung",
        rests: "",
    },
    Phrases {
        language: "ar",
        openers: "و|او|لكن|وماذا|وماذا عن|ماذا عن|وهل|وكم|وفي|وايضا|ايضا|وكيف|ومتي|وان",
        pointers: "هذا|هذه|ذلك|تلك|هناك|هنا|هو|هي|هم|عنه|عنها|منه|منها|فيه|فيها|له|لها",
        rests: "",
    },
    Phrases {
        language: "fa",
        openers: "و|يا|اما|پس|همچنین",
        pointers: "این|آن|اونجا|آنجا|همان|آنها",
        rests: "",
    },
    Phrases {
        language: "he",
        openers: "ו|ומה|אבל|או|גם|ומה עם|מה עם|ואם|וכמה|ומתי",
        pointers: "זה|זו|זאת|שם|הוא|היא|הם|הן|אותו|אותה",
        rests: "",
    },
    Phrases {
        language: "hi",
        openers: "और|या|लेकिन|तो|फिर|भी",
        pointers: "यह|वह|ये|वे|इस|उस|इसका|उसका|इसकी|उसकी|वहाँ|वहां|इसमें|उसमें",
        rests: "",
    },
    Phrases {
        language: "zh",
        openers: "那|那么|还有|另外|或者|但是|如果",
        pointers: "它|它们|他们|这个|那个|这些|那些|那里|这里|呢",
        rests: "",
    },
    Phrases {
        language: "ja",
        openers: "では|じゃあ|それ|あと|また|でも|なら",
        pointers: "それ|これ|あれ|そこ|その|この|同じ",
        rests: "",
    },
    Phrases {
        language: "ko",
        openers: "그럼|그러면|그리고|그런데|또|또는",
        pointers: "그건|그것|그거|이건|이것|거기|그럼|같은",
        rests: "",
    },
    Phrases {
        language: "th",
        openers: "แล้ว|และ|หรือ|แต่|ส่วน",
        pointers: "นั้น|นี้|นั่น|ที่นั่น|มัน",
        rests: "",
    },
];
