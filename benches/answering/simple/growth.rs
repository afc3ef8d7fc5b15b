//! The same measurements on desks with many stored conversations, compared with the smallest size
//! and the floor. All sizes are stored first, so that compared rounds run close together in time.

use super::figures::{self, Figures, grouped};
use super::floor;
use super::home::{self, Home};
use super::seed::{self, Database};
use super::upstream::Upstream;
use crate::desk::postgres::Postgres;
use crate::options::Options;

/// Measures every size on SQLite and, if requested, on Postgres. Returns the number of wrong
/// counts.
pub(crate) async fn compare(upstream: &Upstream, options: &Options) -> usize {
    let mut wrong = Growth::prepare("SQLite", upstream, options, None).await.measure().await;
    if options.postgres
        && let Some(server) = Postgres::durable()
    {
        wrong +=
            Growth::prepare("Postgres", upstream, options, Some(&server)).await.measure().await;
    }
    wrong
}

/// Desks with different numbers of stored conversations, smallest first.
struct Growth<'a> {
    database: &'static str,
    upstream: &'a Upstream,
    options: &'a Options,
    /// Number of stored conversations and folder of each desk.
    desks: Vec<(usize, Home)>,
}

impl<'a> Growth<'a> {
    async fn prepare(
        database: &'static str,
        upstream: &'a Upstream,
        options: &'a Options,
        server: Option<&Postgres>,
    ) -> Self {
        println!("\nStored conversations, {database}:");
        let mut desks = Vec::new();
        for conversations in options.sizes() {
            let url = match server {
                Some(server) => server.database().await,
                None => String::new(),
            };
            let home = Home::furnish(upstream, &url, options.turns);
            seed::store(upstream, &home, conversations).await;
            desks.push((conversations, home));
        }
        seed::settle_disk();
        Self { database, upstream, options, desks }
    }

    async fn measure(&self) -> usize {
        figures::print_head();
        let ((fast, mut wrong), (slow, more)) =
            (self.show_round(0).await, self.show_round(1).await);
        wrong += more;
        println!("\nMessages from stored customers: {fast}; {slow}.");
        for (conversations, home) in &self.desks {
            // A customer who was not found would be stored as a new one: the figures are then
            // invalid.
            let found = Database::open(home).await.stored_customers().await;
            if found != *conversations {
                println!("WRONG: {conversations} customers were stored, now there are {found}");
                wrong += 1;
            }
        }
        wrong
    }

    /// Shows one growth round for every size. Returns how many messages came from stored customers,
    /// as text, and the number of wrong counts.
    async fn show_round(&self, which: usize) -> (String, usize) {
        let round = |stored| self.options.growth_rounds(stored)[which];
        let first = round(self.desks[0].0);
        figures::print_title(&first);
        let parts = self.options.parts();
        let mut bare = Vec::new();
        let mut measured: Vec<Vec<Figures>> = self.desks.iter().map(|_| Vec::new()).collect();
        for part in 0..parts {
            bare.push(floor::measure(self.upstream, first.part(part, parts)).await);
            for ((stored, home), measured) in self.desks.iter().zip(&mut measured) {
                let round = round(*stored).part(part, parts);
                measured.push(home::measure(self.upstream, round, home).await);
            }
        }
        let bare = Figures::of_parts(bare);
        bare.print("floor: calls and search, no store", None);
        let mut smallest = None;
        let (mut old, mut wrong) = (Vec::new(), 0);
        for ((stored, _), measured) in self.desks.iter().zip(measured) {
            let figures = Figures::of_parts(measured);
            let name = format!("{}, {} stored", self.database, grouped(*stored));
            figures.print(&name, Some(&bare));
            old.push(grouped(figures.old()));
            wrong += figures.wrong();
            match &smallest {
                None => smallest = Some(figures),
                Some(smallest) => figures.print_times(smallest),
            }
        }
        (format!("{} of {}", old.join(", "), grouped(first.messages)), wrong)
    }
}
