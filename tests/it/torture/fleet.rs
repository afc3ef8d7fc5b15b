//! The replicas and their deaths: killed by SIGKILL at random moments, or aborted at a failpoint;
//! each is restarted at once. Must not know what the replicas do.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, MutexGuard, watch};
use tokio::task::JoinSet;

use super::dice::Dice;
use super::ledger::Ledger;
use super::plan::{Plan, REPORTED_WITHIN};
use crate::support::process::Process;

/// How long a replica may wait for the failpoint that ends it: customers write meanwhile.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The signal that `abort()` raises.
const SIGABRT: i32 = 6;

/// How a replica's life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// It is killed this long after it is ready and its turn has come.
    Killed(Duration),
    /// It is killed this long after its start, ready or not.
    KilledYoung(Duration),
    /// It aborts at a failpoint after passing it this many times.
    At(&'static str, u64),
}

/// All replicas of one desk.
pub(super) struct Fleet {
    home: PathBuf,
    ledger: Arc<Ledger>,
    http: reqwest::Client,
    /// URL of each replica that is ready.
    ready: Vec<Mutex<Option<String>>>,
    deaths: Mutex<Vec<Death>>,
    /// Held by the replica that is killed next, until it is ready again: replicas are killed one at
    /// a time.
    turn: Turn<()>,
    /// Planned and completed number of deaths.
    all: usize,
    been: watch::Sender<usize>,
    kills: AtomicUsize,
    steps: Mutex<BTreeSet<&'static str>>,
}

impl Fleet {
    pub(super) fn new(plan: &Plan, home: &Path, ledger: &Arc<Ledger>, replicas: usize) -> Self {
        let dice = plan.dice("deaths");
        let killed = |_| {
            if dice.chance(10) {
                Death::KilledYoung(dice.time(0..300))
            } else {
                Death::Killed(dice.life())
            }
        };
        let mut deaths: Vec<_> = (0..plan.kills).map(killed).collect();
        deaths.extend(plan.steps.iter().map(|(name, most)| Death::At(name, dice.below(*most))));
        dice.shuffle(&mut deaths);
        Self {
            home: home.to_owned(),
            ledger: ledger.clone(),
            http: reqwest::Client::new(),
            ready: (0..replicas).map(|_| Mutex::default()).collect(),
            all: deaths.len(),
            deaths: Mutex::new(deaths),
            turn: Turn::default(),
            been: watch::Sender::new(0),
            kills: AtomicUsize::new(0),
            steps: Mutex::default(),
        }
    }

    /// Runs all replicas until no death is left. Returns the replicas that are then running.
    pub(super) async fn live(self: Arc<Self>) -> Vec<Process> {
        let mut lives = JoinSet::new();
        for place in 0..self.ready.len() {
            lives.spawn(self.clone().live_at(place));
        }
        lives.join_all().await
    }

    async fn live_at(self: Arc<Self>, place: usize) -> Process {
        let mut turn = None;
        loop {
            let death = self.deaths.lock().unwrap().pop();
            let Some(death) = death else { break };
            turn = self.live_once((place, death), turn).await;
            *self.ready[place].lock().unwrap() = None;
            self.been.send_modify(|been| *been += 1);
        }
        let mut process = Process::begin(&self.home);
        if let Some(ended) = process.wait_ready_or_exit(&self.http).await {
            self.ended(None, ended);
        }
        self.open(place, &process);
        process
    }

    fn open(&self, place: usize, process: &Process) {
        *self.ready[place].lock().unwrap() = Some(process.url.clone());
    }

    /// Runs one life of a replica, from start to death. The turn to be killed is released once the
    /// replica is ready, and passed to its next life when it is killed.
    async fn live_once<'a>(
        &'a self,
        (place, death): (usize, Death),
        turn: Option<MutexGuard<'a, ()>>,
    ) -> Option<MutexGuard<'a, ()>> {
        let failpoint = match death {
            Death::At(step, passes) => format!("{step}={passes}*off->1*return"),
            _ => String::new(),
        };
        let mut process = Process::begin_with(&self.home, &[("FAILPOINTS", &failpoint)]);
        if let Death::KilledYoung(life) = death {
            tokio::time::sleep(life).await;
            self.kill(process).await;
            return turn;
        }
        if let Some(ended) = process.wait_ready_or_exit(&self.http).await {
            self.ended(Some(death), ended);
            return turn;
        }
        self.open(place, &process);
        drop(turn);
        let Death::Killed(life) = death else {
            let ended = tokio::time::timeout(TIMEOUT, process.child.wait()).await;
            let ended = ended.unwrap_or_else(|_| panic!("{death:?} did not come in {TIMEOUT:?}"));
            self.ended(Some(death), ended.unwrap());
            return None;
        };
        let turn = self.turn.lock().await;
        tokio::time::sleep(life).await;
        let reports = tokio::time::timeout(TIMEOUT, self.hear_reports()).await;
        reports.expect("status events are not taken");
        if let Some(ended) = process.child.try_wait().unwrap() {
            self.ended(None, ended);
        }
        self.kill(process).await;
        Some(turn)
    }

    /// Waits until the desk knows what WhatsApp accepted: it may resend what it does not know, and
    /// on a busy machine the reports may take longer than a life.
    async fn hear_reports(&self) {
        while self.ledger.owes_reports(REPORTED_WITHIN) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn kill(&self, process: Process) {
        process.kill().await;
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    /// Handles a replica that ended without being killed: asserts that this was planned.
    fn ended(&self, death: Option<Death>, ended: ExitStatus) {
        let log = std::fs::read_to_string(self.home.join("desk.log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(20).collect();
        match death {
            Some(Death::At(step, _)) if ended.signal() == Some(SIGABRT) => {
                self.steps.lock().unwrap().insert(step);
            }
            _ => panic!(
                "a replica ended by itself ({ended}), {death:?}; last lines first: {last:#?}"
            ),
        }
    }

    /// Returns the URL of a random ready replica, if there is one.
    pub(super) fn anyone(&self, dice: &Dice) -> Option<String> {
        let ready = self.ready.iter().filter_map(|one| one.lock().unwrap().clone());
        let mut ready: Vec<_> = ready.collect();
        (!ready.is_empty()).then(|| ready.swap_remove(dice.place(ready.len())))
    }

    /// Waits until it is time for a customer's message: when the storm has progressed as far as the
    /// customer, whose `phase` in thousandths spreads the customers, and a little later; or when
    /// nothing has happened for a while.
    pub(super) async fn wait_progress(
        &self,
        (message, messages): (usize, usize),
        phase: u64,
        dice: &Dice,
    ) {
        let mut been = self.been.subscribe();
        let due = |been: &usize| {
            (been * messages * 1000) as u64 >= ((message * 1000) as u64 + phase) * self.all as u64
        };
        drop(tokio::time::timeout(dice.time(1000..15000), been.wait_for(due)).await);
        dice.pause(0..150).await;
    }

    pub(super) fn kills(&self) -> usize {
        self.kills.load(Ordering::Relaxed)
    }

    /// Returns the number of different failpoints at which a replica ended.
    pub(super) fn steps_reached(&self) -> usize {
        self.steps.lock().unwrap().len()
    }
}
