//! The storm: customers write to the real process through a slow and failing outside world, while it is killed at
//! random moments and ends itself at every named step. Judges by what the fake WhatsApp took. Must not look inside.
//!
//! A run is set by the environment, see [`Plan`]; `make torture` is a long one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::app::{Db, furnish, on_both};
use crate::support::graph::Graph;
use crate::support::openai::OpenAi;
use crate::support::postgres::Postgres;
use crate::support::process::Process;

mod dice;
mod fleet;
mod ledger;
mod plan;
mod post;
mod verdict;

use dice::Dice;
use fleet::Fleet;
use ledger::{Ledger, Mark};
use plan::Plan;
use post::Post;
use verdict::{Evidence, Verdict};

/// How long the desk gets to finish its work when the storm is over.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a storm is made of. The replicas come and go; this stays.
struct Storm {
    db: Db,
    plan: Plan,
    home: TempDir,
    whatsapp: Arc<Graph>,
    /// Held, so that it runs.
    _model: OpenAi,
    ledger: Arc<Ledger>,
    fleet: Arc<Fleet>,
    post: Arc<Post>,
}

impl Storm {
    async fn new(db: Db) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let plan = Plan::from_env();
        let home = tempfile::tempdir().unwrap();
        furnish(home.path());
        let (whatsapp, model) = (Arc::new(Graph::start().await), OpenAi::start().await);
        let (store, replicas) = match db {
            Db::Sqlite => (String::new(), 1),
            Db::Postgres => (Postgres::shared().unwrap().database().await, 3),
        };
        plan::furnish(home.path(), &store, &whatsapp, &model);
        let ledger = Arc::new(Ledger::default());
        plan::weather(&plan, &whatsapp, &model, &ledger);
        let fleet = Arc::new(Fleet::new(&plan, home.path(), &ledger, replicas));
        let post = Arc::new(Post::new(plan.dice("post"), fleet.clone(), ledger.clone()));
        Self { db, plan, home, whatsapp, _model: model, ledger, fleet, post }
    }

    /// Lets the storm pass, waits until all is settled, and judges.
    async fn pass(self) {
        let started = Instant::now();
        let mut outside = JoinSet::new();
        outside.spawn(self.post.clone().carry());
        outside.spawn(self.post.clone().report(self.whatsapp.clone()));
        let mut customers = JoinSet::new();
        for customer in 0..self.plan.customers {
            let dice = self.plan.dice(&format!("customer {customer}"));
            let (post, fleet) = (self.post.clone(), self.fleet.clone());
            customers.spawn(write(post, fleet, (customer, self.plan.messages), dice));
        }
        let replicas = self.fleet.clone().live().await;
        while let Some(ended) = customers.join_next().await {
            ended.unwrap();
        }
        let ending = Instant::now();
        let mut evidence = loop {
            let evidence = self.evidence(&replicas).await;
            let delivered = self.post.is_empty();
            if delivered && evidence.unsettled().is_empty() || ending.elapsed() > PATIENCE {
                break evidence;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let written = self.plan.customers * self.plan.messages;
        assert_eq!(evidence.acknowledged.len(), written, "not every message was acknowledged");
        evidence.turns = verdict::read_turns(&replicas[0].url, &evidence.rows).await;
        assert!(!evidence.turns.is_empty(), "no turn tells when its model was asked");
        let verdict = evidence.judge();
        self.print(&evidence, &verdict, [ending - started, ending.elapsed()]);
        if !verdict.is_clean() {
            println!("logs and data: {}", self.home.keep().display());
            panic!("seed {}: not every message was answered once and in order", self.plan.seed);
        }
        for replica in replicas {
            assert!(replica.stop().await);
        }
    }

    async fn evidence(&self, replicas: &[Process]) -> Evidence {
        let (acknowledged, asked) = (self.ledger.acknowledged(), self.ledger.asked());
        let rows = verdict::read_rows(&replicas[0].url).await;
        let turns = HashMap::new();
        Evidence { acknowledged, asked, turns, sent: self.whatsapp.sent(), rows }
    }

    /// Straight to the terminal: the test harness keeps what a passing test prints.
    fn print(&self, evidence: &Evidence, verdict: &Verdict, took: [Duration; 2]) {
        let rows: &[(&str, usize)] = &[
            ("customers", self.plan.customers),
            ("messages acknowledged", evidence.acknowledged.len()),
            ("webhooks delivered", self.ledger.webhooks()),
            ("  of them again", self.ledger.repeats()),
            ("  without an answer", self.ledger.refused()),
            ("kills", self.fleet.kills()),
            ("steps the process ended at", self.fleet.steps_reached()),
            ("replies", verdict.replies),
            ("  of them apologies", verdict.apologies),
            ("lost", verdict.lost.len()),
            ("answered twice", verdict.twice.len()),
            ("out of order", verdict.unordered.len()),
            ("unknown met", verdict.unknown_met),
            ("unknown or unfinished left", verdict.unsettled.len()),
            ("left to a person", verdict.left.len()),
        ];
        let seed = self.plan.seed;
        let mut table = format!("\ntorture on {:?}, seed {seed}\n", self.db);
        for (name, count) in rows {
            writeln!(table, "  {name:<28}{count:>7}").unwrap();
        }
        let [storm, end] = took;
        writeln!(table, "  took {storm:.1?}, and {end:.1?} until all was settled").unwrap();
        if !verdict.is_clean() {
            writeln!(table, "{verdict:#?}").unwrap();
        }
        std::io::stdout().lock().write_all(table.as_bytes()).unwrap();
    }
}

/// A customer writes all messages, in order and in small bursts, as the storm goes on.
async fn write(
    post: Arc<Post>,
    fleet: Arc<Fleet>,
    (customer, messages): (usize, usize),
    dice: Dice,
) {
    let phase = dice.below(1000);
    let mut burst = false;
    for message in 0..messages {
        if !burst {
            fleet.wait_progress((message, messages), phase, &dice).await;
        }
        let tried = post.hand_in(Mark { customer, message });
        burst = dice.chance(20);
        if !burst {
            // As WhatsApp does: the next message is delivered when the one before was, or could not be.
            tried.await.unwrap();
        }
    }
}

on_both! {
    async fn no_kill_loses_repeats_or_reorders_an_answer(db) {
        Storm::new(db).await.pass().await;
    }
}
