//! Transcriptions that are cancelled because nobody wants an answer to the note any more.

use super::{CUSTOMER, says, speaks, until};
use crate::delivery::{got, owner, pause, questions};
use crate::support::app::{Db, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::echo_webhook;

const NOTE: &[u8] = b"OggS given up";

/// Starts a desk that transcribes a note with an endpoint that does not answer.
async fn under_way(db: Db) -> TestApp {
    // The lease is renewed much later, so it cannot be what cancels.
    let app = Setup::on(db).with("[worker]\nlease_ms = 120000").start().await;
    app.model.put_transcript(NOTE, "When do you open?", "english");
    app.model.hold_recordings();
    speaks(&app, CUSTOMER, "1", NOTE).await;
    until("it is transcribed", async || app.model.recorded().len() == 1).await;
    assert_eq!(app.model.cancelled_transcriptions(), 0);
    app
}

on_both! {
    async fn a_person_who_takes_over_ends_it(db) {
        let app = under_way(db).await;
        app.deliver(&echo_webhook(MAIN, CUSTOMER, "wamid.echo", "Hi, Ana here.")).await;
        until("it is given up", async || app.model.cancelled_transcriptions() == 1).await;
        app.settle().await;
        app.model.release_recordings();
        pause(300).await;
        assert_eq!((app.received().len(), app.model.chat_count()), (0, 0));
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        app.stop().await;
    }

    async fn a_customer_who_opts_out_ends_it_and_is_answered_when_he_is_back(db) {
        let app = under_way(db).await;
        says(&app, CUSTOMER, "2", "STOP").await;
        until("it is given up", async || app.model.cancelled_transcriptions() == 1).await;
        app.settle().await;
        app.model.release_recordings();
        pause(300).await;
        assert_eq!((got(&app, CUSTOMER).len(), app.model.chat_count()), (0, 0));
        says(&app, CUSTOMER, "3", "START").await;
        says(&app, CUSTOMER, "4", "Can I return a lamp?").await;
        app.settle().await;
        assert_eq!((questions(&app), got(&app, CUSTOMER).len()), (vec!["Can I return a lamp?".to_owned()], 2));
        assert_eq!(app.model.recorded().len(), 1);
        app.stop().await;
    }

    async fn what_comes_after_it_ended_is_answered_at_once(db) {
        let app = under_way(db).await;
        for (id, text) in [("2", "STOP"), ("3", "START"), ("4", "Can I return a lamp?")] {
            says(&app, CUSTOMER, id, text).await;
        }
        until("it is given up", async || app.model.cancelled_transcriptions() == 1).await;
        app.settle().await;
        assert_eq!(questions(&app), ["Can I return a lamp?"]);
        app.model.release_recordings();
        app.stop().await;
    }
}
