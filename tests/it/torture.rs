//! The torture test: customers write texts, pictures and documents to the real process through slow
//! and failing external services, and staff write texts, files and templates to others, while it is killed at random moments and aborts at every failpoint. Judges by what the
//! fake WhatsApp accepted. Must not look inside.
//!
//! The environment configures a run, see [`Plan`]; `make torture` is a long one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::domain::time::now_ms;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::app::{Db, change, on_both, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::openai::OpenAi;
use crate::support::postgres::Postgres;
use crate::support::process::Process;

mod dice;
mod fleet;
mod ledger;
mod plan;
mod post;
mod staff;
mod verdict;

use dice::Dice;
use fleet::Fleet;
use ledger::{Ledger, Mark};
use plan::Plan;
use post::Post;
use staff::Staff;
use verdict::{Evidence, Verdict};

/// Time limit for the desk to finish its work after the storm.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The parts of a run that outlive the replicas.
struct Storm {
    db: Db,
    /// URL of the database; empty for SQLite.
    store: String,
    plan: Plan,
    home: TempDir,
    whatsapp: Arc<Graph>,
    /// Kept so that the server runs.
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
        write_home_files(home.path());
        let (whatsapp, model) = (Arc::new(Graph::start().await), OpenAi::start().await);
        let (store, replicas) = match db {
            Db::Sqlite => (String::new(), 1),
            Db::Postgres => (Postgres::shared().unwrap().database().await, 3),
        };
        plan::furnish(home.path(), &store, &whatsapp, &model);
        let ledger = Arc::new(Ledger::default());
        plan::weather(&plan, &whatsapp, &model, &ledger);
        post::keep_files(&whatsapp);
        whatsapp.set_templates(plan::ACCOUNT, &staff::templates());
        whatsapp.fail_next_media(20, &Failure::Drop);
        let fleet = Arc::new(Fleet::new(&plan, home.path(), &ledger, replicas));
        let post = Arc::new(Post::new(&plan, fleet.clone(), ledger.clone()));
        Self { db, store, plan, home, whatsapp, _model: model, ledger, fleet, post }
    }

    /// Runs the storm, waits until all is settled, and judges.
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
        let (dice, ledger) = (self.plan.dice("staff"), self.ledger.clone());
        let staff = Arc::new(Staff::new(dice, self.fleet.clone(), ledger, self.post.clone()));
        let everybody = self.plan.customers + self.plan.served;
        for customer in self.plan.customers..everybody {
            customers.spawn(staff.clone().serve(customer, self.plan.messages));
        }
        let replicas = self.fleet.clone().live().await;
        while let Some(ended) = customers.join_next().await {
            ended.unwrap();
        }
        let ending = Instant::now();
        let mut evidence = loop {
            // Whoever fetched a file may have died: its lease is over.
            let later = now_ms() + 5000;
            let sql = format!(
                "update message_files set due_at = 1 where state = 'waiting' and due_at > {later}"
            );
            change(self.home.path(), &self.store, &sql).await;
            let evidence = self.evidence(&replicas).await;
            let delivered = self.post.is_empty();
            if delivered && evidence.unsettled().is_empty() || ending.elapsed() > TIMEOUT {
                break evidence;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let written = everybody * self.plan.messages;
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
        let (sent, reported) = (self.whatsapp.sent(), self.ledger.reported());
        Evidence { acknowledged, asked, turns, sent, reported, rows }
    }

    /// Prints to the terminal directly, because the test harness captures the output of passing
    /// tests.
    fn print(&self, evidence: &Evidence, verdict: &Verdict, took: [Duration; 2]) {
        let rows: &[(&str, usize)] = &[
            ("customers", self.plan.customers + self.plan.served),
            ("messages acknowledged", evidence.acknowledged.len()),
            ("  of them files of customers", evidence.count("in", &["image", "document"])),
            ("  files of staff", evidence.count("out", &["image", "document"])),
            ("  templates of staff", evidence.count("out", &["template"])),
            ("webhooks delivered", self.ledger.webhooks()),
            ("  of them again", self.ledger.repeats()),
            ("  without an answer", self.ledger.refused()),
            ("kills", self.fleet.kills()),
            ("steps the process ended at", self.fleet.steps_reached()),
            ("replies", verdict.replies),
            ("  of them apologies", verdict.apologies),
            ("lost", verdict.lost.len()),
            ("answered twice", verdict.twice.len()),
            ("sent again, unreported", verdict.resent),
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

/// Writes all messages of a customer, in order and in small bursts, following the progress of the
/// storm.
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
            // As WhatsApp does: the next message is delivered after the first attempt of the
            // previous one.
            tried.await.unwrap();
        }
    }
}

on_both! {
    async fn no_kill_loses_repeats_or_reorders_an_answer(db) {
        Storm::new(db).await.pass().await;
    }
}
