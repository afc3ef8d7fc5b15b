//! The expected state of a few conversations: their owners, opt-outs, and the state of each
//! message. Plain values, as simple as possible; must not read the database.

use std::collections::{BTreeMap, BTreeSet};

/// Number of equal texts in a row that counts as a machine.
pub(super) const REPEATS: usize = 3;

/// A customer and the number that he writes to, by index.
pub(super) type Place = (usize, usize);

/// All conversations by customer and number.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) talks: BTreeMap<Place, Talk>,
    /// Customers who opted out, on every number.
    pub(super) opted_out: BTreeSet<usize>,
}

/// A conversation.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Whether a person owns it; otherwise the bot does.
    pub(super) person: bool,
    /// The valid lease token.
    pub(super) token: Option<i64>,
    pub(super) lease: Lease,
    /// When a turn may start.
    pub(super) due: Due,
    /// Messages from the customer.
    pub(super) heard: Vec<Heard>,
    /// Our messages, in the order of sending.
    pub(super) said: Vec<Said>,
    last: Option<String>,
    repeats: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
    #[default]
    None,
    Valid,
    RunOut,
}

/// When something may happen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    #[default]
    Never,
    Now,
    Later,
}

/// A customer's message, identified by the provider's id.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) provider_id: String,
    pub(super) state: &'static str,
}

/// A message of ours.
#[derive(Debug)]
pub(super) struct Said {
    /// Our id; empty until it is read from the database.
    pub(super) id: String,
    pub(super) author: &'static str,
    pub(super) body: String,
    pub(super) state: &'static str,
    /// States only advance, except for `again` and `resend`.
    pub(super) rank: i64,
    pub(super) provider_id: Option<String>,
    pub(super) attempts: i64,
    pub(super) lease: Lease,
    /// When it may be sent; for a message with an unknown outcome, when that is decided.
    pub(super) due: Due,
}

/// What a customer's message requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    None,
    Stop,
    Start,
    /// Nothing; but a person who was silent for a millisecond has left.
    Back,
}

/// A status update of a message of ours.
#[derive(Debug, Clone)]
pub(super) struct News {
    pub(super) place: Place,
    pub(super) id: String,
    pub(super) provider_id: String,
    pub(super) state: &'static str,
    pub(super) referred: bool,
}

/// Returns the rank of a provider's state.
pub(super) fn rank(state: &str) -> i64 {
    match state {
        "sent" => 3,
        "delivered" => 5,
        "read" => 6,
        _ => 9,
    }
}

fn rises(known: i64, news: i64) -> bool {
    known < news && (news < 9 || known < 5)
}

impl Model {
    /// Handles a customer's new message.
    pub(super) fn hear(&mut self, place: Place, (provider_id, words): (&str, &str), wish: Wish) {
        let talk = self.talks.entry(place).or_default();
        let state = match wish {
            // A repeated opt-out is not confirmed again.
            Wish::Stop if self.opted_out.insert(place.0) => {
                talk.void();
                talk.say("consent", "Goodbye.");
                "stored"
            }
            Wish::Start if self.opted_out.remove(&place.0) => {
                talk.say("consent", "Welcome back.");
                "stored"
            }
            _ if self.opted_out.contains(&place.0) => "stored",
            _ => talk.listen(words, wish == Wish::Back),
        };
        talk.heard.push(Heard { provider_id: provider_id.into(), state });
    }

    /// Handles a message that a person sent from the phone.
    pub(super) fn take_over(&mut self, place: Place, provider_id: &str) {
        let talk = self.talks.entry(place).or_default();
        talk.person = true;
        talk.void();
        talk.say("person", "Ana here");
        if let Some(said) = talk.said.last_mut() {
            said.settle("sent", provider_id);
        }
    }

    /// Applies the statuses of one webhook: the furthest one of each message counts.
    pub(super) fn settle(&mut self, all: &[News]) {
        let mut furthest: BTreeMap<&str, News> = BTreeMap::new();
        for news in all {
            let known = furthest.entry(&news.provider_id).or_insert_with(|| news.clone());
            known.referred |= news.referred;
            if rises(rank(known.state), rank(news.state)) {
                known.state = news.state;
            }
        }
        for news in furthest.values() {
            let Some(said) = self.said(news.place, &news.id) else { continue };
            let named = said.provider_id.as_deref() == Some(&news.provider_id);
            let found = named || (news.referred && said.provider_id.is_none());
            if found && rises(said.rank, rank(news.state)) {
                said.settle(news.state, &news.provider_id);
            }
        }
    }

    /// Returns a message of ours.
    pub(super) fn said(&mut self, place: Place, id: &str) -> Option<&mut Said> {
        self.talks.get_mut(&place)?.said.iter_mut().find(|said| said.id == id)
    }

    /// Returns the messages of one number.
    pub(super) fn on(&mut self, number: usize) -> impl Iterator<Item = &mut Said> {
        let talks = self.talks.iter_mut().filter(move |(place, _)| place.1 == number);
        talks.flat_map(|(_, talk)| talk.said.iter_mut())
    }

    /// Returns the conversations whose turn may be claimed.
    pub(super) fn claimable(&self) -> BTreeSet<Place> {
        let free = |talk: &Talk| talk.due == Due::Now && talk.lease != Lease::Valid;
        self.talks.iter().filter(|(_, talk)| free(talk)).map(|(place, _)| *place).collect()
    }

    /// Returns the messages that may be sent: the first unsent one of each conversation, if it is
    /// due.
    pub(super) fn sendable(&self) -> BTreeSet<&str> {
        let head = |talk: &'_ Talk| -> Option<usize> {
            talk.said.iter().position(|said| ["queued", "sending"].contains(&said.state))
        };
        let heads = self.talks.values().filter_map(|talk| Some(&talk.said[head(talk)?]));
        heads
            .filter(|said| said.state == "queued" && said.due == Due::Now)
            .map(|said| said.id.as_str())
            .collect()
    }
}

impl Talk {
    /// Handles a message according to the conversation's owner. Returns the message's state.
    fn listen(&mut self, words: &str, back: bool) -> &'static str {
        if self.person && !back {
            return "stored";
        }
        if self.person {
            self.give_back();
        }
        let same = self.last.as_deref() == Some(words);
        self.repeats = if same { self.repeats + 1 } else { 1 };
        self.last = Some(words.to_owned());
        if self.repeats >= REPEATS {
            self.person = true;
            self.void();
            return "stored";
        }
        self.due = Due::Now;
        "waiting"
    }

    /// Returns whether nothing of ours is queued or being sent.
    pub(super) fn is_silent(&self) -> bool {
        !self.said.iter().any(|said| ["queued", "sending"].contains(&said.state))
    }

    /// Returns the conversation to the bot.
    pub(super) fn give_back(&mut self) {
        self.person = false;
        self.last = None;
        self.repeats = 0;
    }

    /// Cancels everything that waits for the bot or from it; a running turn loses its lease.
    pub(super) fn void(&mut self) {
        self.token = None;
        self.lease = Lease::None;
        self.due = Due::Never;
        for heard in self.heard.iter_mut().filter(|heard| heard.state == "waiting") {
            heard.state = "stored";
        }
        let queued = |said: &&mut Said| said.state == "queued" && said.author == "bot";
        self.said.iter_mut().filter(queued).for_each(Said::fail);
    }

    /// Adds a message to the outbox.
    pub(super) fn say(&mut self, author: &'static str, body: &str) {
        self.said.push(Said {
            id: String::new(),
            author,
            body: body.to_owned(),
            state: "queued",
            rank: 0,
            provider_id: None,
            attempts: 0,
            lease: Lease::None,
            due: Due::Now,
        });
    }

    /// Sets when the next turn may start, after one has ended.
    pub(super) fn look_again(&mut self) {
        let waits = self.heard.iter().any(|heard| heard.state == "waiting");
        self.due = if waits { Due::Now } else { Due::Never };
    }
}

impl Said {
    /// Applies a state reported by the provider.
    pub(super) fn settle(&mut self, state: &'static str, provider_id: &str) {
        self.provider_id.get_or_insert_with(|| provider_id.to_owned());
        self.put((state, rank(state)), Due::Never);
    }

    /// Marks it as failed for good.
    pub(super) fn fail(&mut self) {
        self.put(("failed", 9), Due::Never);
    }

    /// Changes the state and ends the lease.
    pub(super) fn put(&mut self, (state, rank): (&'static str, i64), due: Due) {
        (self.state, self.rank, self.due, self.lease) = (state, rank, due, Lease::None);
    }
}
