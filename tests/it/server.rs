//! The server with slow, many and misbehaving connections: stalled ones are closed, an address gets
//! no more than its share, bodies have a memory budget, and everybody else is served meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::app::{Db, KEY, MAIN, SECRET, Setup, TestApp};
use crate::support::hooks::{sign, text_webhook};

/// Time limit of every wait.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Has the format of a signature but matches no body.
const UNLIKELY: &str = "sha256=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A raw TCP connection.
struct Raw(TcpStream);

impl Raw {
    /// Connects from a given local address, so that there are several clients.
    async fn from(app: &TestApp, ours: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{ours}:0").parse().unwrap()).unwrap();
        let desk: SocketAddr = app.url.trim_start_matches("http://").parse().unwrap();
        Self(socket.connect(desk).await.unwrap())
    }

    async fn to(app: &TestApp) -> Self {
        Self::from(app, "127.0.0.1").await
    }

    async fn say(&mut self, text: impl AsRef<[u8]>) {
        // The write fails on a closed connection; the next read reports that.
        drop(self.0.write_all(text.as_ref()).await);
    }

    /// Sends a webhook's head and part of its body.
    async fn begins(&mut self, length: usize, body: &[u8]) {
        let head = format!(
            "POST /webhooks/meta HTTP/1.1\r\nhost: localhost\r\nx-hub-signature-256: {UNLIKELY}\r\ncontent-length: {length}\r\n\r\n"
        );
        self.say(head).await;
        self.say(body).await;
    }

    /// Sends a webhook's head; returns when the server waits for the body.
    async fn is_awaited(&mut self, signature: &str, length: usize) {
        let signature = format!("x-hub-signature-256: {signature}");
        self.is_awaited_at("/webhooks/meta", &signature, length).await;
    }

    async fn is_awaited_at(&mut self, path: &str, header: &str, length: usize) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\
             content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        );
        self.say(head).await;
        let said = self.answer().await;
        assert!(said.starts_with("HTTP/1.1 100 "), "{said}");
    }

    /// Reads up to the end of a response's head.
    async fn answer(&mut self) -> String {
        let mut said = Vec::new();
        let heard = async {
            while !said.ends_with(b"\r\n\r\n") {
                match self.0.read_u8().await {
                    Ok(byte) => said.push(byte),
                    Err(_) => break,
                }
            }
        };
        timeout(TIMEOUT, heard).await.expect("no answer");
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Returns type and stream of the next HTTP/2 frame.
    async fn frame(&mut self) -> (u8, u32) {
        let heard = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.expect("the connection ended");
            let [a, b, c, kind, _, stream @ ..] = head;
            let mut rest = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.0.read_exact(&mut rest).await.expect("the connection ended");
            (kind, u32::from_be_bytes(stream))
        };
        timeout(TIMEOUT, heard).await.expect("no frame")
    }

    /// Waits until the server closes the connection.
    async fn ends(&mut self) {
        let mut all = Vec::new();
        // A reset also ends the connection.
        drop(timeout(TIMEOUT, self.0.read_to_end(&mut all)).await.expect("it is still open"));
    }
}

/// The HTTP/2 connection preface.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Returns an HTTP/2 SETTINGS frame with this initial window size of streams, in bytes.
fn window_frame(bytes: u32) -> Vec<u8> {
    [&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4][..], &bytes.to_be_bytes()].concat()
}

/// Returns an HTTP/2 HEADERS frame that requests `/healthz` on this stream.
fn health_frame(stream: u32) -> Vec<u8> {
    let head = [&[0x82, 0x86, 4, 8][..], b"/healthz", &[0x41, 9], b"localhost"].concat();
    let length = u8::try_from(head.len()).unwrap();
    [&[0, 0, length, 1, 5][..], &stream.to_be_bytes(), head.as_slice()].concat()
}

async fn start(more: &str) -> TestApp {
    Setup::on(Db::Sqlite).extractive().with(more).start().await
}

/// Posts a correctly signed webhook. Returns the status and whether the response has a
/// `Retry-After`.
async fn knock(app: &TestApp, n: usize) -> (StatusCode, bool) {
    let body =
        text_webhook(MAIN, "447700940001", &format!("wamid.server.{n}"), "When do you open?");
    let request = app.http.post(format!("{}/webhooks/meta", app.url)).body(body.clone());
    let request = request.header("x-hub-signature-256", sign(SECRET, &body));
    let response = timeout(TIMEOUT, request.send()).await.expect("no answer").unwrap();
    (response.status(), response.headers().contains_key("retry-after"))
}

async fn is_well(app: &TestApp) {
    let one = reqwest::Client::new().get(format!("{}/healthz", app.url)).send();
    assert_eq!(timeout(TIMEOUT, one).await.expect("no answer").unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_heads_are_cut_off_and_keep_nobody_out() {
    let app = start("[http]\nmax_connections = 40\nheader_ms = 1000").await;
    let mut slow = Vec::new();
    for n in 0..300 {
        let mut one = Raw::from(&app, if n % 2 == 0 { "127.0.0.1" } else { "127.0.0.2" }).await;
        one.say("GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await;
        slow.push(one);
        if n % 50 == 0 {
            is_well(&app).await;
        }
    }
    assert_eq!(knock(&app, 1).await.0, 200);
    for one in &mut slow {
        one.ends().await;
    }
    // One that continues byte by byte, and one that sends nothing.
    let (mut drop_by_drop, mut silent) = (Raw::to(&app).await, Raw::to(&app).await);
    drop_by_drop.say("GET / HTTP/1.1\r\nx: ").await;
    let begun = Instant::now();
    let drops = async {
        while drop_by_drop.0.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMEOUT, drops).await.expect("it may go on for ever");
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    silent.ends().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_waits_for_its_next_request_longer_than_for_the_rest_of_one() {
    let app = start("[http]\nheader_ms = 500\nidle_ms = 3000").await;
    let mut kept = Raw::to(&app).await;
    let ask = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    kept.say(ask).await;
    assert!(kept.answer().await.starts_with("HTTP/1.1 200"));
    let mut body = [0; 3];
    kept.0.read_exact(&mut body).await.unwrap();
    let idle = Instant::now();
    kept.ends().await;
    let idle = idle.elapsed();
    assert!(idle > Duration::from_millis(2500) && idle < TIMEOUT, "{idle:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_cut_off_and_one_that_comes_slowly_is_not() {
    let app = start("[http]\nstall_ms = 1000").await;
    let mut stopped = Vec::new();
    for _ in 0..20 {
        let mut one = Raw::to(&app).await;
        one.begins(4_000_000, &[b' '; 1000]).await;
        stopped.push(one);
    }
    is_well(&app).await;
    for one in &mut stopped {
        let said = one.answer().await;
        assert!(said.starts_with("HTTP/1.1 408"), "{said}");
        one.ends().await;
    }
    // 20 kB per second, for longer than a body may stall, from an authenticated client.
    let mut slow = Raw::to(&app).await;
    let header = format!("content-type: application/json\r\nauthorization: Bearer {KEY}");
    slow.is_awaited_at("/api/v1/sandbox/turns", &header, 50_000).await;
    for _ in 0..25 {
        slow.0.write_all(&[b' '; 2000]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let said = slow.answer().await;
    assert!(said.starts_with("HTTP/1.1 400"), "it was read to its end: {said}");
    // Webhooks have a higher minimum rate.
    let mut webhook = Raw::to(&app).await;
    webhook.is_awaited(UNLIKELY, 4_000_000).await;
    let drips = async {
        while timeout(Duration::from_millis(100), webhook.0.peek(&mut [0])).await.is_err() {
            webhook.say([b' '; 2000]).await;
        }
    };
    timeout(TIMEOUT, drips).await.expect("it may come for ever");
    let said = webhook.answer().await;
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_of_bodies_has_a_budget_and_a_mere_claim_takes_nothing_of_it() {
    let one = "127.0.0.2";
    let many = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"];
    // Above one address's share, above the total budget, and above a proxy's share.
    for (trusted, from, bytes) in [
        ("[]", [one; 2].as_slice(), 700_000),
        ("[]", many.as_slice(), 950_000),
        ("[\"127.0.0.2\"]", [one; 5].as_slice(), 950_000),
    ] {
        let app = start(&format!(
            "[http]\nmax_bytes_in_flight = 6000000\nmax_body_bytes = 1000000\nstall_ms = 60000\n\
             trusted_proxies = {trusted}\n[knowledge]\nmax_upload_bytes = 1000000"
        ))
        .await;
        let mut claims = Vec::new();
        for address in from {
            let mut one = Raw::from(&app, address).await;
            one.is_awaited(UNLIKELY, 1_000_000).await;
            claims.push(one);
        }
        assert_eq!(knock(&app, 1).await.0, 200, "claims hold nothing");
        // Received bytes do count. Which request finds no room is random.
        for one in &mut claims {
            one.say(vec![b' '; bytes]).await;
        }
        let answers = claims.iter_mut().map(|one| Box::pin(one.answer()));
        let (said, ..) = futures::future::select_all(answers).await;
        assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after"), "{said}");
        assert_eq!(knock(&app, 2).await.0, 200, "there is room for a small one");
        // Closed connections release their share.
        drop(claims);
        is_answered(&app, 900_000, 401).await;
        app.stop().await;
    }
}

/// Sends unsigned webhooks of this size until one gets this status.
async fn is_answered(app: &TestApp, bytes: usize, wanted: u16) {
    let begun = Instant::now();
    loop {
        let request = app.http.post(format!("{}/webhooks/meta", app.url)).body(vec![b' '; bytes]);
        let response = request.header("x-hub-signature-256", UNLIKELY).send().await.unwrap();
        let status = response.status();
        assert!([401, 503].contains(&status.as_u16()), "{status}");
        assert!(status != 503 || response.headers().contains_key("retry-after"));
        if status == wanted {
            return;
        }
        assert!(begun.elapsed() < TIMEOUT, "still {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_holds_no_more_than_the_file_that_is_read() {
    let app = start(
        "[http]\nmax_bytes_in_flight = 2000000\nmax_body_bytes = 300000\n\
         [knowledge]\nmax_upload_bytes = 400000",
    )
    .await;
    // The first one is too large to be kept at all.
    let form = (0..7).fold(Form::new(), |form, n| {
        let bytes = vec![b'x'; if n == 0 { 3_000_000 } else { 380_000 }];
        form.part("file", Part::bytes(bytes).file_name(format!("{n}.exe")))
    });
    let url = format!("{}/api/v1/collections/acme/documents", app.url);
    let response = app.http.post(url).bearer_auth(KEY).multipart(form).send().await.unwrap();
    let status = response.status();
    assert_eq!(status, 202, "{}", response.text().await.unwrap());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_a_quarter_of_the_connections_and_a_proxy_has_all() {
    for (trusted, fits) in [("[]", false), ("[\"127.0.0.2\"]", true)] {
        let app = start(&format!("[http]\nmax_connections = 8\ntrusted_proxies = {trusted}")).await;
        let mut busy = Vec::new();
        for _ in 0..2 {
            let mut one = Raw::from(&app, "127.0.0.2").await;
            one.is_awaited(UNLIKELY, 1000).await;
            busy.push(one);
        }
        let mut third = Raw::from(&app, "127.0.0.2").await;
        third.say("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        let said = third.answer().await;
        assert_eq!(said.starts_with("HTTP/1.1 200"), fits, "{said}");
        assert!(fits || said.starts_with("HTTP/1.1 503") && said.contains("retry-after"), "{said}");
        is_well(&app).await;
        drop((busy, third));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_right_is_refused_before_its_body() {
    let app = start("").await;
    let length = 3_000_000;
    for (path, headers, status) in [
        ("/webhooks/meta", "", 401),
        ("/webhooks/meta", "x-hub-signature-256: sha256=abc\r\n", 401),
        ("/webhooks/meta/main", "x-hub-signature-256: sha1=00\r\n", 401),
        ("/webhooks/meta/nobody", "", 404),
        ("/webhooks/nobody", "", 404),
        ("/api/v1/sandbox/turns", "content-type: application/json\r\n", 401),
        (
            "/api/v1/collections/acme/documents",
            "content-type: multipart/form-data; boundary=x\r\n",
            401,
        ),
        (
            "/v1/chat/completions",
            "content-type: application/json\r\nauthorization: Bearer x\r\n",
            401,
        ),
        ("/nowhere", "", 404),
    ] {
        let mut one = Raw::to(&app).await;
        one.say(format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n"
        ))
        .await;
        let said = one.answer().await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {said}");
    }
    let mut large = Raw::to(&app).await;
    large.begins(10_000_000, b"").await;
    let said = large.answer().await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_his_answers_is_cut_off() {
    let app = start("[http]\nstall_ms = 1000").await;
    let mut deaf = Raw::to(&app).await;
    let asks = async {
        let ask = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
        while deaf.0.write_all(ask.as_bytes()).await.is_ok() {}
    };
    timeout(TIMEOUT, asks).await.expect("he may stay for ever");
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_answered_and_has_the_same_deadlines() {
    let app = start("[http]\nheader_ms = 1000\nidle_ms = 1000").await;
    let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let response = http.get(format!("{}/api/v1/agents", app.url)).bearer_auth(KEY).send();
    let response = response.await.unwrap();
    assert_eq!((response.status(), response.version()), (StatusCode::OK, reqwest::Version::HTTP_2));
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // Half of the preface, all of it, the preface with settings, and a request whose head never
    // ends.
    let half_a_head = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82];
    let whole = [PREFACE, &settings].concat();
    let more = [whole.as_slice(), &half_a_head].concat();
    for said in [&PREFACE[..10], PREFACE, whole.as_slice(), more.as_slice()] {
        let mut one = Raw::to(&app).await;
        one.say(said).await;
        one.ends().await;
    }
    // Pings and their acknowledgements do not keep a connection alive.
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for at_once in [1, 2] {
        let mut pinging = Raw::to(&app).await;
        pinging.say([whole.as_slice(), &health_frame(1)].concat()).await;
        let pings = async {
            let mut heard = [0; 4096];
            while pinging.0.write_all(&ping.repeat(at_once)).await.is_ok()
                && pinging.0.read(&mut heard).await.is_ok_and(|bytes| bytes > 0)
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(TIMEOUT, pings).await.expect("it may stay for ever");
    }
    // Requests that are reset at once, repeatedly (rapid reset).
    let mut rapid = Raw::to(&app).await;
    rapid.say(&whole).await;
    let mut frames = Vec::new();
    for n in 0..2000_u32 {
        let stream = (2 * n + 1).to_be_bytes();
        let head = [&[0x82, 0x86, 0x84, 0x41, 9][..], b"localhost"].concat();
        let length = u8::try_from(head.len()).unwrap();
        frames.extend([0, 0, length, 1, 5]);
        frames.extend(stream);
        frames.extend(head);
        frames.extend([0, 0, 4, 3, 0]);
        frames.extend(stream);
        frames.extend([0, 0, 0, 8]);
    }
    rapid.say(&frames).await;
    rapid.ends().await;
    is_well(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_reads_is_taken_back_whatever_else_its_connection_does() {
    let app = start("[http]\nstall_ms = 1000").await;
    // All windows smaller than the three bytes of a response.
    for window in 0..3 {
        let mut deaf = Raw::to(&app).await;
        deaf.say([PREFACE, &window_frame(window)].concat()).await;
        let mut stream = 1;
        let taken_back = async {
            loop {
                deaf.say(health_frame(stream)).await;
                // Each response arrives up to the end of its body, and the first stream is reset at
                // some time.
                loop {
                    match deaf.frame().await {
                        (3, 1) => return,
                        (1, answered) if answered == stream => break,
                        _ => {}
                    }
                }
                stream += 2;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        timeout(TIMEOUT, taken_back).await.expect("it waits for ever");
        // The connection stays usable.
        stream += 2;
        deaf.say([window_frame(65_535), health_frame(stream)].concat()).await;
        while deaf.frame().await != (0, stream) {}
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted_and_one_that_ends_makes_room() {
    let app = start("").await;
    let open = async || {
        app.http.get(format!("{}/api/v1/live", app.url)).bearer_auth(KEY).send().await.unwrap()
    };
    let mut streams = Vec::new();
    let refused = loop {
        let stream = open().await;
        if stream.status() != 200 {
            break stream;
        }
        streams.push(stream);
        assert!(streams.len() < 1000, "there may be any number");
    };
    assert_eq!((refused.status(), streams.len()), (StatusCode::TOO_MANY_REQUESTS, 64));
    assert!(refused.headers().contains_key("retry-after"));
    assert!(refused.text().await.unwrap().contains("64 for one session or key"));
    streams.pop();
    let begun = Instant::now();
    while open().await.status() != 200 {
        assert!(begun.elapsed() < TIMEOUT, "no room was made");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(streams);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expensive_requests_wait_for_each_other_and_keep_nothing_else_waiting() {
    let app = Setup::on(Db::Sqlite).without_speech().start().await;
    app.model.hold();
    let ask = || {
        let body = serde_json::json!({"agent": "acme", "text": "What does the blue lamp cost?"});
        let url = format!("{}/api/v1/sandbox/turns", app.url);
        tokio::spawn(app.http.post(url).bearer_auth(KEY).json(&body).send())
    };
    let mut waiting: Vec<_> = (0..60).map(|_| ask()).collect();
    // Requests beyond the queue's limit are refused while nothing is answered.
    for _ in 0..20 {
        let next = timeout(TIMEOUT, futures::future::select_all(waiting));
        let (first, _, rest) = next.await.expect("everybody waits");
        let response = first.unwrap().unwrap();
        assert_eq!(response.status(), 429);
        assert!(response.headers().contains_key("retry-after"));
        waiting = rest;
    }
    assert_eq!(knock(&app, 1).await.0, 200);
    is_well(&app).await;
    app.get("/agents").await;
    app.model.release();
    // Eight run at once, and four times as many wait in the queue.
    assert_eq!(waiting.len(), 40);
    for one in waiting {
        assert_eq!(one.await.unwrap().unwrap().status(), 200);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_stops_finishes_requests_and_waits_for_nobody_who_is_silent() {
    let app = start("").await;
    let body = text_webhook(MAIN, "447700940004", "wamid.server.stop", "When do you open?");
    let mut under_way = Raw::to(&app).await;
    under_way.is_awaited(&sign(SECRET, &body), body.len()).await;
    let http = app.http.clone();
    let live = http.get(format!("{}/api/v1/live", app.url)).bearer_auth(KEY).send().await.unwrap();
    let health = format!("{}/healthz", app.url);
    let (_home, said) = tokio::join!(timeout(TIMEOUT, app.stop_and_keep()), async {
        // A stopping desk accepts no new connections.
        let fresh = || reqwest::Client::new().get(&health).send();
        while fresh().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        under_way.say(&body).await;
        under_way.answer().await
    });
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    drop(live);

    let app = start("[worker]\ngrace_ms = 500").await;
    let mut silent = Raw::to(&app).await;
    silent.is_awaited(UNLIKELY, 1000).await;
    timeout(TIMEOUT, app.stop_and_keep()).await.expect("it waits for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_own_name_is_answered_and_every_answer_is_safe_to_show() {
    let app = start("").await;
    let page = async |path: &str, host: &str| {
        app.http.get(format!("{}{path}", app.url)).header("host", host).send().await.unwrap()
    };
    let ask = async |path: &str, host: &str| {
        let request = app.http.get(format!("{}{path}", app.url)).bearer_auth(KEY);
        request.header("host", host).send().await.unwrap()
    };
    for path in ["/", "/api/v1/agents", "/api/v1/openapi.json", "/v1/models"] {
        let refused = page(path, "evil.example").await;
        assert_eq!(refused.status(), 421, "{path}");
        assert!(refused.text().await.unwrap().contains("base_url"), "{path}");
        // A program in the same network may use another name, because no web page has the key.
        assert_eq!(ask(path, "frontdesk:8080").await.status(), 200, "{path}");
        let response = ask(path, "desk.example.com").await;
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| {
            response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header("strict-transport-security"), "max-age=31536000", "{path}");
        let kept = if path == "/" { "no-cache" } else { "no-store" };
        assert_eq!(header("cache-control"), kept, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_ne!(page(path, "10.1.2.3.internal").await.status(), 421, "{path}");
    }
    app.stop().await;
    let app = start("[http]\nbase_url = \"\"").await;
    let response = app.http.get(format!("{}/healthz", app.url)).header("host", "any.example");
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("strict-transport-security"));
    app.stop().await;
}
