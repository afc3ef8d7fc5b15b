//! The real binary in a terminal: output, errors and exit codes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::embedding::tiny::BERT;
use crate::support::app::{Db, KEY, MAIN, SECRET, Setup, TestApp, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::text_webhook;
use crate::support::process::{BINARY, Process, free_port, surroundings};
use crate::support::qdrant::Double;
use crate::support::site::{Site, html};

/// The result of a command.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn says(&self, words: &[&str]) {
        for words in words {
            assert!(self.out.contains(words), "no `{words}` in {self:#?}");
        }
    }

    #[track_caller]
    fn fails_with(&self, words: &[&str]) {
        assert_eq!(self.code, 1, "{self:#?}");
        for words in words {
            assert!(self.err.contains(words), "no `{words}` in {self:#?}");
        }
    }
}

/// Creates a folder with two small businesses and no configuration.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    home
}

/// Runs a command in a folder with this standard input and only these environment variables.
async fn run_with(home: &Path, args: &[&str], input: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(home).env_clear();
    command.envs(surroundings(home)).envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that does not read its input may have ended already.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let limit = Duration::from_mins(1);
    let output = tokio::time::timeout(limit, child.wait_with_output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

async fn run(home: &Path, args: &[&str]) -> Ran {
    run_with(home, args, "", &[]).await
}

#[tokio::test]
async fn the_help_lists_the_commands_and_how_to_begin() {
    let home = tempfile::tempdir().unwrap();
    let help = run(home.path(), &["--help"]).await;
    assert_eq!(help.code, 0);
    help.says(&["serve", "chat", "learn", "search", "inbox", "doctor", "config", "--config"]);
    help.says(&["Begin with:", "frontdesk serve --chat", "frontdesk chat \"When do you open?\""]);
    let nothing = run(home.path(), &["flyy"]).await;
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("flyy") && nothing.err.contains("Usage"), "{nothing:?}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "help made files");
}

#[tokio::test]
async fn config_prints_every_default() {
    let home = tempfile::tempdir().unwrap();
    let printed = run(home.path(), &["config"]).await;
    assert_eq!((printed.code, printed.out.as_str()), (0, frontdesk::config::DEFAULTS));
}

#[tokio::test]
async fn a_wrong_setting_is_refused_with_the_right_ones() {
    let home = home();
    let write = |text| std::fs::write(home.path().join("frontdesk.toml"), text).unwrap();
    write("[http]\nprot = 9000\n");
    let refused = run(home.path(), &["doctor"]).await;
    refused.fails_with(&["frontdesk: ", "prot", "`port`", "frontdesk.toml"]);
    write("[http]\nport = \"many\"\n");
    run(home.path(), &["doctor"]).await.fails_with(&["http.port", "many", "frontdesk.toml"]);
    write("[http\n");
    run(home.path(), &["doctor"]).await.fails_with(&["frontdesk.toml"]);
    write("[log]\nlevel = \"=,=\"\n");
    run(home.path(), &["doctor"]).await.fails_with(&["[log] level"]);
    write(
        "[numbers.a]\nprovider = \"meta\"\nagent = \"nobody\"\nphone_number_id = \"1\"\naccess_token = \"t\"\nverify_token = \"v\"\n",
    );
    run(home.path(), &["search", "x"]).await.fails_with(&["[numbers.a]", "`nobody`", "acme, bolt"]);
    write("");
    let variable = [("FRONTDESK__HTTP__PROT", "9000")];
    let refused = run_with(home.path(), &["doctor"], "", &variable).await;
    refused.fails_with(&["prot", "`port`", "environment"]);
    let variable = [("FRONTDESK__HTTP__PORT", "many")];
    run_with(home.path(), &["doctor"], "", &variable)
        .await
        .fails_with(&["http.port", "environment"]);
    let variable = [("FRONTDESK_CONFIG", "nowhere.toml")];
    run_with(home.path(), &["doctor"], "", &variable).await.fails_with(&["nowhere.toml"]);
    std::fs::write(home.path().join("prompts/acme.md"), "---\nname: A\nmodle: x\n---\nHi\n")
        .unwrap();
    run(home.path(), &["chat", "Hi"]).await.fails_with(&["prompts/acme.md:3: ", "modle"]);
}

#[tokio::test]
async fn one_question_is_answered_without_any_configuration() {
    let home = home();
    let answer = run(home.path(), &["chat", "When do you close on Saturday?"]).await;
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.says(&["13:00", "📄 _Opening hours_"]);
    assert_eq!(answer.err, "", "logs stand between the lines");
    let other = run(home.path(), &["chat", "--agent", "bolt", "Is the gym open at night?"]).await;
    other.says(&["day and night"]);
    let unsure = run(home.path(), &["chat", "Do you sell submarines?"]).await;
    unsure.says(&["I do not know that.", "(no answer)"]);
    let person = run(home.path(), &["chat", "I want to speak to a HUMAN."]).await;
    person.says(&["A colleague will answer you here.", "→ a person is called", "human"]);
    run(home.path(), &["chat", "--agent", "nobody", "Hi"]).await.fails_with(&["no such agent"]);
    let draft = run(home.path(), &["chat", "--prompt", "nowhere.md", "Hi"]).await;
    draft.fails_with(&["cannot read nowhere.md"]);
    let gone = format!("http://127.0.0.1:{}", free_port());
    let nobody = run(home.path(), &["chat", "--url", &gone, "Hi"]).await;
    nobody.fails_with(&["no desk answers at", "frontdesk serve"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_says_what_a_running_desk_refuses_in_its_words() {
    let app = TestApp::start().await;
    let home = home();
    let key = [("FRONTDESK__HTTP__ADMIN_KEY", "a key that this desk does not have")];
    let args = ["chat", "--url", app.url.as_str()];
    let chat = run_with(home.path(), &args, "/agent acme\nHello?\n", &key).await;
    assert_eq!(chat.code, 1, "{chat:?}");
    assert_eq!(chat.out.matches("Send the admin key").count(), 2, "{chat:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_chat_with_a_failure_ends_with_another_code() {
    let home = home();
    let gone = free_port();
    let model = format!(
        "[llm]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:{gone}/v1\"\nretries = 0\n"
    );
    std::fs::write(home.path().join("frontdesk.toml"), model).unwrap();
    let question = "Do you sell submarines?";
    let asked = run(home.path(), &["chat", question]).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    asked.says(&["(failure)"]);
    let typed = run_with(home.path(), &["chat"], &format!("{question}\n/quit\n"), &[]).await;
    assert_eq!(typed.code, 1, "{typed:?}");
}

#[tokio::test]
async fn the_environment_chooses_another_kind_than_the_file() {
    let home = home();
    let file = "[llm]\nkind = \"openai\"\napi_key = \"sk-1\"\nmodel = \"gpt-4o-mini\"\n\
                [embed]\nkind = \"auto\"\nmodel = \"nowhere\"\n";
    std::fs::write(home.path().join("frontdesk.toml"), file).unwrap();
    let variables = [("FRONTDESK__LLM__KIND", "extractive"), ("FRONTDESK__EMBED__KIND", "off")];
    let question = ["chat", "When do you close on Saturday?"];
    let answer = run_with(home.path(), &question, "", &variables).await;
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.says(&["13:00"]);
    // A key that both kinds have is kept.
    let local = [variables[0], ("FRONTDESK__EMBED__KIND", "local")];
    run_with(home.path(), &question, "", &local).await.fails_with(&["nowhere"]);
    // What the environment says itself is not left out, nor a mistake in the file.
    let own = [variables[0], variables[1], ("FRONTDESK__LLM__API_KEY", "sk-2")];
    let refused = run_with(home.path(), &question, "", &own).await;
    refused.fails_with(&["`llm`", "`api_key`", "no settings but `kind`", "environment"]);
    let same = [("FRONTDESK__LLM__KIND", "openai"), variables[1]];
    let file = file.replace("model = \"gpt", "modle = \"gpt");
    std::fs::write(home.path().join("frontdesk.toml"), file).unwrap();
    run_with(home.path(), &question, "", &same).await.fails_with(&["`modle`", "frontdesk.toml"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_command_whose_output_finds_no_room_fails() {
    let home = home();
    for args in [&["config"][..], &["agent"], &["versions", "acme"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(home.path()).env_clear().stdin(Stdio::null()).stdout(full);
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {told}");
        assert!(told.contains("the output could not be written"), "{args:?}: {told}");
    }
}

#[tokio::test]
async fn a_command_goes_on_when_its_reader_leaves() {
    let home = home();
    run(home.path(), &["learn", "knowledge"]).await;
    let suite = "prompts: ['{{q}}']\nproviders: [echo]\ntests: [{vars: {q: Hi}}]\n";
    std::fs::write(home.path().join("suite.yaml"), suite).unwrap();
    for args in [
        &["doctor"][..],
        &["search", "When do you open?"],
        &["eval", "suite.yaml", "-o", "report.json"],
    ] {
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(home.path()).env_clear().stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !told.contains("panicked"), "{args:?}: {told}");
    }
    assert!(home.path().join("report.json").is_file(), "the report was not written");
}

#[tokio::test]
async fn a_chat_follows_its_commands() {
    let home = home();
    let draft = "---\nname: Draft\nknowledge: [bolt]\ngreeting: Ahoy!\n---\nHi\n";
    std::fs::write(home.path().join("draft.md"), draft).unwrap();
    std::fs::write(home.path().join("broken.md"), "---\nname: [\n---\nHi\n").unwrap();
    let input = "/why\nWhen do you close on Saturday?\n\n/why\n/new\n/prompt\n/prompt draft.md\nIs the gym open at night?\n\
        /prompt nowhere.md\n/prompt broken.md\n/prompt\nHello?\n/agent bolt\nHello?\n/dance\n/quit\nnever read\n";
    let chat = run_with(home.path(), &["chat"], input, &[]).await;
    assert_eq!(chat.code, 1, "two prompts could not be read: {chat:?}");
    let mut rest = chat.out.as_str();
    for words in [
        "Nothing was answered yet.",
        "13:00",
        "hand-off   2 rules, none matched",
        "retrieval  words only, confidence ",
        ", answers from 0.50 (",
        "hours.md",
        "prompt     ",
        "reply      extractive",
        "in all     ",
        "A new conversation.",
        "Name a file",
        "The prompt was read",
        "day and night",
        "cannot read nowhere.md",
        "broken.md:",
        // A broken file replaces nothing: the draft is read again and still answers.
        "The prompt was read",
        "Ahoy!",
        "You talk to bolt now.",
        "/why            what each stage saw",
    ] {
        // The texts appear in this order.
        let at =
            rest.find(words).unwrap_or_else(|| panic!("no `{words}` in order in {}", chat.out));
        rest = &rest[at + words.len()..];
    }
    assert!(!chat.out.contains("never read"));
    assert_eq!(
        chat.out.matches("Ahoy!").count(),
        1,
        "the prompt is not the other agent's: {chat:?}"
    );
    let ended = run_with(home.path(), &["chat"], "When are you open?\n", &[]).await;
    assert_eq!(ended.code, 0, "the end of the input leaves the chat: {ended:?}");
}

#[tokio::test]
async fn a_chat_stops_and_hands_over_as_the_desk_does() {
    let home = home();
    let question = "When do you close on Saturday?";
    let input = format!(
        "STOP\n/resolve\n{question}\nSTART\nI want to speak to a human\n{question}\n/resolve\n{question}\n/agent foo\n"
    );
    let chat = run_with(home.path(), &["chat"], &input, &[]).await;
    assert_eq!(chat.code, 1, "there is no such agent: {chat:?}");
    let mut rest = chat.out.as_str();
    for words in [
        "(opt out)",
        "nobody can resolve",
        "(silence: the customer opted out)",
        "(opt in)",
        "→ a person is called",
        "until /resolve",
        "(silence: a person has the conversation)",
        "Resolved",
        "13:00",
        "There is no agent `foo`; there are: acme, bolt.",
    ] {
        let at =
            rest.find(words).unwrap_or_else(|| panic!("no `{words}` in order in {}", chat.out));
        rest = &rest[at + words.len()..];
    }
    assert!(!chat.out.contains("You talk to foo"), "{}", chat.out);
}

#[tokio::test]
async fn a_chat_that_failed_ends_so() {
    let home = home();
    let nowhere = format!("http://127.0.0.1:{}/v1", free_port());
    let settings = format!("[llm]\nkind = \"openai\"\nbase_url = \"{nowhere}\"\nretries = 0\n");
    std::fs::write(home.path().join("frontdesk.toml"), settings).unwrap();
    let failed = run(home.path(), &["chat", "Do you sell submarines?"]).await;
    assert_eq!(failed.code, 1, "{failed:?}");
    failed.says(&["(failure)"]);
    let talk = run_with(home.path(), &["chat"], "Do you sell submarines?\n", &[]).await;
    assert_eq!(talk.code, 1, "{talk:?}");
}

#[tokio::test]
async fn curated_answers_are_kept_and_tried_from_the_terminal() {
    let home = home();
    let home = home.path();
    assert_eq!(run(home, &["learn", "knowledge"]).await.code, 0);
    run(home, &["answer", "--help"]).await.says(&["answers.yaml", "whole message", "test"]);
    run(home, &["answer", "list"]).await.says(&["no curated answers", "answer add --help"]);
    let add = ["answer", "add", "--collection", "acme", "--ask", "When do you open?", "At nine."];
    let added = run(home, &add).await;
    let id = added.out.trim();
    assert!(id.starts_with("ans_"), "{added:?}");
    let asked = run(home, &["answer", "test", "hello, when do you open please"]).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    asked.says(&["given", "1.00", id, "At nine."]);
    let other = run(home, &["answer", "test", "When do you close?"]).await;
    assert_eq!(other.code, 1, "{other:?}");
    let edited = run(home, &["answer", "edit", id, "--answer", "At ten.", "--off"]).await;
    assert_eq!(edited.code, 0, "{edited:?}");
    run(home, &["answer", "list", "--collection", "acme"]).await.says(&["(off)", "At ten."]);
    let off = run(home, &["answer", "test", "when do you open"]).await;
    assert_eq!(off.code, 1, "{off:?}");
    assert_eq!(run(home, &["answer", "remove", id]).await.code, 0);
    run(home, &["answer", "remove", id]).await.fails_with(&["there is no answer", "answer list"]);
    run(home, &["answer", "edit", "nonsense"]).await.fails_with(&["ans_01J"]);
    let lost = ["answer", "add", "--collection", "lost", "--ask", "When?", "Now."];
    run(home, &lost).await.fails_with(&["no collection `lost`", "acme, bolt"]);
    let empty = ["answer", "add", "--collection", "acme", "--ask", "?!", "Now."];
    run(home, &empty).await.fails_with(&["holds no word"]);
    run(home, &["gaps"]).await.says(&["no questions without an answer"]);
    run(home, &["gaps", "--recheck"]).await.says(&["0 questions were asked again"]);
    run(home, &["gaps", "dismiss", "gap_01J"]).await.fails_with(&["there is no gap"]);
}

#[tokio::test]
async fn documents_are_learned_searched_and_their_faults_told() {
    let home = home();
    let first = run(home.path(), &["learn", "knowledge"]).await;
    assert_eq!(first.code, 0, "{first:?}");
    first.says(&[
        "acme: 2 documents learned (",
        "bolt: 1 documents learned (",
        "0 failed",
        "took ",
    ]);
    let again = run(home.path(), &["learn", "knowledge"]).await;
    again.says(&["acme: 0 documents learned (0 chunks), 2 unchanged, 0 removed, 0 failed"]);

    let found = run(home.path(), &["search", "When do you close on Saturday?"]).await;
    assert_eq!(found.code, 0);
    found.says(&[
        "confidence ",
        "words only",
        "hours.md",
        "│ On Saturday we close at 13:00",
        "coverage",
    ]);
    let bolt = run(home.path(), &["search", "--collection", "bolt", "--limit", "1", "open"]).await;
    bolt.says(&["day and night"]);
    assert!(!bolt.out.contains("13:00"));
    let nowhere = run(home.path(), &["search", "--collection", "atlantis", "open"]).await;
    nowhere.fails_with(&["no such collection", "acme, bolt"]);

    std::fs::write(home.path().join("knowledge/acme/scan.md"), b"%PDF-1.7\n%\xE2\xE3\xCF\xD3")
        .unwrap();
    let faulty = run(home.path(), &["learn", "knowledge/acme"]).await;
    assert_eq!(faulty.code, 1, "{faulty:?}");
    faulty.says(&["2 unchanged", "1 failed", "failed  scan.md: the file is a PDF named .md"]);
    run(home.path(), &["learn", "nowhere"]).await.fails_with(&["cannot read nowhere"]);
    std::fs::create_dir(home.path().join("void")).unwrap();
    let void = run(home.path(), &["learn", "void"]).await;
    void.says(&["void: no documents in void", "formats: md"]);
}

#[tokio::test]
async fn what_cannot_be_learned_leaves_no_collection() {
    let home = home();
    std::fs::create_dir(home.path().join("etc")).unwrap();
    std::fs::write(home.path().join("etc/shadow"), "root:*:19000:0:99999:7:::\n").unwrap();
    let refused = run(home.path(), &["learn", "etc/shadow"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    refused.says(&["etc: 0 documents learned", "failed  shadow"]);
    let listed = run(home.path(), &["collection"]).await;
    assert!(!listed.out.contains("etc"), "{listed:?}");
}

#[tokio::test]
async fn many_new_files_are_taken_only_with_consent() {
    let home = home();
    let many = home.path().join("many");
    std::fs::create_dir(&many).unwrap();
    for at in 0..200 {
        std::fs::write(many.join(format!("{at}.md")), format!("Lamp {at} is blue.")).unwrap();
    }
    std::fs::write(many.join("last.txt"), "The last lamp is red.").unwrap();
    let refused = run(home.path(), &["learn", "many"]).await;
    refused.fails_with(&["201 new files (200 .md, 1 .txt)", "collection many", "--yes"]);
    let listed = run(home.path(), &["collection"]).await;
    assert!(!listed.out.contains("many"), "{listed:?}");
    run(home.path(), &["learn", "many", "--yes"]).await.says(&["201 documents learned"]);
    // What is known is not asked about again.
    run(home.path(), &["learn", "many"]).await.says(&["201 unchanged"]);
}

#[tokio::test]
async fn what_the_model_has_not_embedded_yet_is_told() {
    let home = home();
    std::fs::write(home.path().join("frontdesk.toml"), "[embed]\nkind = \"off\"\n").unwrap();
    run(home.path(), &["learn", "knowledge"]).await.says(&["acme: 2 documents learned"]);
    // What stands beside a collection to be tried is not the owner's to know.
    let file = home.path().join("data/frontdesk.db");
    let staged = "update collections set slug = 'bolt@draft' where slug = 'bolt'";
    crate::delivery::change(&format!("sqlite://{}", file.display()), staged).await;
    let model = BERT.make();
    let folder = model.home.path().join("tiny");
    let settings = format!("[embed]\nkind = \"local\"\npath = \"{}\"\n", folder.display());
    std::fs::write(home.path().join("frontdesk.toml"), settings).unwrap();
    let before = run(home.path(), &["doctor"]).await;
    before.says(&["acme: 0 of ", "searched by words alone", "frontdesk reindex"]);
    assert!(!before.out.contains("bolt@draft"), "{before:?}");
    let reindexed = run(home.path(), &["reindex"]).await;
    assert_eq!(reindexed.code, 0, "{reindexed:?}");
    let after = run(home.path(), &["doctor"]).await;
    assert!(!after.out.contains("words alone"), "{after:?}");
}

#[tokio::test]
async fn a_site_is_learned_listed_read_again_and_removed() {
    let home = home();
    let site = Site::start().await;
    site.put("/", html("Start", "The lamp museum is in the harbour.", &["/tickets", "/gone"]));
    site.put("/tickets", html("Tickets", "A ticket for the museum costs seven crowns.", &[]));
    let closed = run(home.path(), &["learn", &site.url, "--collection", "museum"]).await;
    closed.fails_with(&["Private addresses", "`allow_private = true` under [knowledge.web]"]);
    let open = "[knowledge.web]\nallow_private = true\npause_ms = 0\n";
    std::fs::write(home.path().join("frontdesk.toml"), open).unwrap();
    let args = ["learn", &site.url, "--collection", "museum", "--every", "24h", "--pages", "9"];
    let first = run(home.path(), &args).await;
    assert_eq!(first.code, 0, "{first:?}");
    first.says(&["museum: 2 documents learned (", "0 failed", "took ", "every 1 d"]);
    let found = run(home.path(), &["search", "--collection", "museum", "What is a ticket?"]).await;
    found.says(&["seven crowns", &format!("{}/tickets", site.url)]);

    let listed = run(home.path(), &["source"]).await;
    listed.says(&["src_", "museum", &site.url, "every 1 d, next 20", "3 links deep, 9 pages"]);
    listed.says(&["ready, read 20", "2 documents, 0 failed"]);
    site.put("/tickets", crate::support::site::Page::Status(500));
    let again = run(home.path(), &["source", "refresh", &site.url]).await;
    assert_eq!(again.code, 1, "{again:?}");
    again.says(&["1 unchanged, 0 removed, 1 failed", "/tickets: the server answers 500"]);
    let listed = run(home.path(), &["source", "list"]).await;
    listed.says(&["partial", "1 pages could not be read", "failed  "]);
    run(home.path(), &["source", "remove", "src_nobody"])
        .await
        .fails_with(&["no source src_nobody", "lists them"]);
    let gone = run(home.path(), &["source", "remove", &format!("{}/", site.url)]).await;
    gone.says(&["and its 2 documents are removed"]);
    let listed = run(home.path(), &["source", "list"]).await;
    listed.says(&["There are no sources", "frontdesk learn https://"]);
    let found = run(home.path(), &["search", "--collection", "museum", "What is a ticket?"]).await;
    assert!(!found.out.contains("seven crowns"), "{found:?}");

    run(home.path(), &["learn", "ftp://a.com/"]).await.fails_with(&["only http:// and https://"]);
    let mixed = run(home.path(), &["learn", "knowledge", "--every", "24h"]).await;
    mixed.fails_with(&["are for addresses such as https://example.com/help"]);
    let wrong = run(home.path(), &["learn", &site.url, "--every", "daily"]).await;
    assert!(wrong.code == 2 && wrong.err.contains("24h"), "{wrong:?}");
}

#[tokio::test]
async fn the_doctor_finds_what_is_wrong_and_says_how_to_mend_it() {
    let home = home();
    run(home.path(), &["learn", "knowledge"]).await;
    let well = run(home.path(), &["doctor"]).await;
    assert_eq!(well.code, 0, "{well:?}");
    well.says(&[
        "ok     database",
        "SQLite",
        "chunks can be searched",
        "acme, bolt",
        "everything that is configured works.",
    ]);
    assert!(!well.out.contains("WRONG"));

    // What the desk would not start with.
    let settings = home.path().join("knowledge/acme/collection.toml");
    std::fs::create_dir(&settings).unwrap();
    let ill = run(home.path(), &["doctor"]).await;
    assert_eq!(ill.code, 1, "{ill:?}");
    ill.says(&["cannot read the folder"]);
    std::fs::remove_dir(&settings).unwrap();

    let gone = free_port();
    let ill = format!(
        "[llm]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:{gone}/v1\"\nretries = 0\n\
         [embed]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:{gone}/v1\"\nretries = 0\n{}",
        crate::support::app::number("main", "acme", MAIN, &format!("http://127.0.0.1:{gone}"))
    );
    std::fs::write(home.path().join("frontdesk.toml"), ill).unwrap();
    let ill = run(home.path(), &["doctor"]).await;
    assert_eq!(ill.code, 1, "{ill:?}");
    ill.says(&["WRONG  answers", "cannot connect", "→ [llm] base_url, api_key and model"]);
    ill.says(&["WRONG  embeddings", "→ [embed] model, base_url", "WRONG  number main", "\n3 of "]);
    ill.says(&["ok     number main    webhooks must be signed", "https"]);
    for secret in [SECRET, Graph::TOKEN, "verify-me"] {
        assert!(!ill.out.contains(secret) && !ill.err.contains(secret), "{ill:?}");
    }

    std::fs::write(
        home.path().join("frontdesk.toml"),
        "[store]\npath = \"/proc/nowhere/desk.db\"\n",
    )
    .unwrap();
    let ill = run(home.path(), &["doctor"]).await;
    assert_eq!(ill.code, 1, "{ill:?}");
    ill.says(&["WRONG  desk", "database"]);
}

#[tokio::test]
async fn an_agent_that_answers_from_nothing_is_refused_and_the_doctor_says_what_is_missing() {
    let home = home();
    let write = |path: &str, text: &str| std::fs::write(home.path().join(path), text).unwrap();
    for (knowledge, told) in
        [("[acme, typo]", "knowledge names typo"), ("[]", "knowledge is empty")]
    {
        write("prompts/acme.md", &format!("---\nname: A\nknowledge: {knowledge}\n---\nHi\n"));
        let anywhere = [("FRONTDESK__HTTP__PORT", "0")];
        let refused = run_with(home.path(), &["serve"], "", &anywhere).await;
        refused.fails_with(&["prompts/acme.md:3: ", told, "there are: acme, bolt"]);
        let others = run(home.path(), &["agent"]).await;
        assert_eq!(others.code, 0, "other commands go on: {others:?}");
        run(home.path(), &["publish", "acme"]).await.fails_with(&["acme.md:3: ", told]);
        let doctor = run(home.path(), &["doctor"]).await;
        assert_eq!(doctor.code, 1, "{doctor:?}");
        doctor.says(&["WRONG  desk", told]);
    }

    let gated =
        "---\nname: A\nknowledge: [acme]\ngate: { suite: eval/suites/gone.yaml }\n---\nHi\n";
    write("prompts/acme.md", gated);
    write("knowledge/acme/broken.pdf", "no PDF");
    run(home.path(), &["learn", "knowledge"]).await;
    let doctor = run(home.path(), &["doctor"]).await;
    assert_eq!(doctor.code, 1, "{doctor:?}");
    doctor.says(&["WRONG  documents", "of acme could not be learned: broken.pdf ("]);
    doctor.says(&["WRONG  gates", "acme: the gate's suite: ", "gate.suite"]);
}

#[tokio::test]
async fn a_folder_whose_settings_cannot_be_read_leaves_no_collection() {
    let home = home();
    let folder = home.path().join("zoo");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("animals.md"), "There are seven lions.").unwrap();
    std::fs::write(folder.join("collection.toml"), "[chunks]\n").unwrap();
    run(home.path(), &["learn", "zoo"]).await.fails_with(&["collection.toml"]);
    let listed = run(home.path(), &["collection"]).await;
    assert!(!listed.out.contains("zoo"), "{listed:?}");
}

#[tokio::test]
async fn apply_learns_nothing_if_a_prompt_file_is_wrong() {
    let home = home();
    std::fs::write(home.path().join("prompts/zoo.md"), "---\nnaem: Zoo\n---\nHi\n").unwrap();
    run(home.path(), &["apply"]).await.fails_with(&["zoo.md:2: "]);
    std::fs::remove_file(home.path().join("prompts/zoo.md")).unwrap();
    let listed = run(home.path(), &["collection"]).await;
    assert!(!listed.out.contains("2 documents"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_file_may_be_there_before_the_site_that_it_answers_from() {
    let home = home();
    let prompt = "---\nname: Help\nknowledge: [help]\n---\nHi\n";
    std::fs::write(home.path().join("prompts/help.md"), prompt).unwrap();
    let config = "[knowledge.web]\nallow_private = true\npause_ms = 0\n\
         [numbers.main]\nprovider = \"sandbox\"\nagent = \"help\"\ninsecure = true\n";
    std::fs::write(home.path().join("frontdesk.toml"), config).unwrap();
    let listed = run(home.path(), &["agent"]).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(!listed.out.contains("help "), "{listed:?}");
    assert!(listed.err.contains("help.md:3: "), "{listed:?}");

    let site = Site::start().await;
    site.put("/", html("Help", "We mend lamps on Mondays.", &[]));
    let learned = run(home.path(), &["learn", &site.url, "--collection", "help"]).await;
    assert_eq!(learned.code, 0, "{learned:?}");
    assert!(!format!("{learned:?}").contains("help.md"), "the command makes it: {learned:?}");
    run(home.path(), &["agent"]).await.says(&["help  version 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_index_is_filled_first_and_then_chosen() {
    let home = home();
    let double = Double::start().await;
    run(home.path(), &["learn", "knowledge"]).await;
    let to = ["reindex", "--to", "qdrant", "--url", double.url()];
    let filled = run(home.path(), &to).await;
    assert_eq!(filled.code, 0, "{filled:?}");
    filled.says(&["chunks are in the index", "Qdrant 1.18.0 at", "kind = \"qdrant\""]);
    assert!(double.calls().contains(&"upsert"));
    let again = run(home.path(), &to).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert!(!double.calls().contains(&"upsert"), "it was all there");
    let (_, lines) = filled.out.split_once("frontdesk.toml:").unwrap();
    std::fs::write(home.path().join("frontdesk.toml"), lines).unwrap();
    let question = ["search", "Can I return it?", "--collection", "acme"];
    let found = run(home.path(), &question).await;
    assert_eq!(found.code, 0, "{found:?}");
    assert!(double.calls().contains(&"query_batch"));
    let back = run(home.path(), &["reindex", "--to", "memory"]).await;
    back.says(&["kind = \"memory\""]);
    std::fs::remove_file(home.path().join("frontdesk.toml")).unwrap();
    let same = run(home.path(), &question).await;
    let passages = |out: &str| out.split_once('\n').map(|(_, rest)| rest.to_owned());
    assert_eq!(passages(&found.out), passages(&same.out), "the same passages and scores");
    run(home.path(), &["reindex", "--to", "elsewhere"])
        .await
        .fails_with(&["no index `elsewhere`", "memory, qdrant"]);
    run(home.path(), &["reindex", "--to", "qdrant"]).await.fails_with(&["url must be"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_shows_who_waits_and_gives_them_back() {
    let app = TestApp::start().await;
    let settings = Setup::on(Db::Sqlite);
    let settings = settings.settings(app.home.path(), "", &app.whatsapp, &app.model);
    std::fs::write(app.home.path().join("frontdesk.toml"), settings).unwrap();
    let home = app.home.path();
    run(home, &["inbox"]).await.says(&["Nobody needs a reply."]);
    app.deliver(&text_webhook(MAIN, "447700930009", "wamid.1", "My lamp burns.\nA human, please!"))
        .await;
    app.settle().await;
    let id = app.conversation_with("447700930009").await["id"].as_str().unwrap().to_owned();
    let waiting = run(home, &["inbox", "list"]).await;
    waiting.says(&[&id, "human", "    My lamp burns.\n    A human, please!"]);
    let shown = run(home, &["inbox", "show", &id]).await;
    shown.says(&[
        "Customer 0009 (447700930009), owner: person",
        "customer",
        "A colleague will answer you here.",
        "[sent]",
    ]);
    let menu = home.join("menu.pdf");
    std::fs::write(&menu, b"%PDF-1.7").unwrap();
    let menu = menu.to_str().unwrap();
    let queued = run(home, &["inbox", "send", &id, "Our menu", "--file", menu]).await;
    queued.says(&["msg_", "a running desk sends it"]);
    run(home, &["inbox", "send", &id, "Ana here."]).await.says(&["msg_"]);
    app.settle().await;
    let file = app.whatsapp.sent().into_iter().find_map(|sent| sent.file).unwrap();
    assert_eq!((file.kind.as_str(), &*file.upload.bytes), ("document", b"%PDF-1.7".as_slice()));
    assert_eq!(app.received().pop().unwrap().1, "Ana here.");
    run(home, &["inbox", "show", &id]).await.says(&["📎 (document, menu.pdf) Our menu  [sent]"]);
    app.whatsapp.set_templates(
        "102290129340398",
        &json!([{"name": "welcome", "language": "en_US", "status": "APPROVED", "components": [
            {"type": "BODY", "text": "Hello {{1}}"}]},
            {"name": "menu", "language": "en", "status": "APPROVED", "components": [
                {"type": "HEADER", "format": "DOCUMENT"}, {"type": "BODY", "text": "The menu"}]}]),
    );
    let listed = run(home, &["templates"]).await;
    listed.says(&["main: 2 templates", "welcome", "--value body.1=…", "--header-file document"]);
    run(home, &["templates", "other"]).await.fails_with(&["no connected number `other`"]);
    let file = home.join("draft.json").display().to_string();
    let draft = json!({"name": "come_back", "language": "en", "category": "utility", "body": "Write to us."});
    std::fs::write(&file, draft.to_string()).unwrap();
    run(home, &["templates", "create", "main", &file]).await.says(&[
        "come_back",
        "utility",
        "pending",
    ]);
    run(home, &["templates", "create", "other", &file]).await.fails_with(&["no connected number"]);
    std::fs::write(&file, draft.to_string().replace("come_back", "Come Back")).unwrap();
    run(home, &["templates", "create", "main", &file])
        .await
        .fails_with(&["small letters, digits and _"]);
    run(home, &["templates", "delete", "main", "come_back"]).await.says(&["come_back is deleted"]);
    run(home, &["templates", "delete", "main", "come_back"])
        .await
        .fails_with(&["no such template"]);
    let template = ["inbox", "send", &id, "--template", "welcome"];
    run(home, &template).await.fails_with(&["body needs a value for `1`"]);
    let filled = [&template[..], &["--value", "body.1=Ana"]].concat();
    run(home, &filled).await.says(&["msg_"]);
    app.settle().await;
    assert_eq!(app.whatsapp.sent().pop().unwrap().template.unwrap().name, "welcome");
    run(home, &["inbox", "show", &id]).await.says(&["Hello Ana  [sent]"]);
    for (args, words) in [
        (["inbox", "send", "conv_nobody", "Hi"], "there is no conversation conv_nobody"),
        (
            ["inbox", "send", &id, " "],
            "write a text of at most 4096 characters, or name a file with --file",
        ),
    ] {
        run(home, &args).await.fails_with(&[words]);
    }
    let text = home.join("page.html");
    std::fs::write(&text, b"<html>").unwrap();
    run(home, &["inbox", "send", &id, "--file", text.to_str().unwrap()])
        .await
        .fails_with(&["WhatsApp takes no such file", "pdf"]);
    run(home, &["inbox", "send", &id]).await.fails_with(&["name a file with --file"]);
    let buttons = ["inbox", "send", &id, "Which?", "--button", "Small", "--button", "Large"];
    run(home, &buttons).await.says(&["is in the outbox"]);
    let four = [&buttons[..], &["--button", "A", "--button", "B"]].concat();
    run(home, &four).await.fails_with(&["give `list`"]);
    run(home, &[&four[..], &["--list", "Sizes"]].concat()).await.says(&["is in the outbox"]);
    run(home, &["inbox", "send", &id, "--location", "-51.5,-0.12,Acme"]).await.says(&["msg_"]);
    run(home, &["inbox", "send", &id, "--contact", "Ana=+447700900123"]).await.says(&["msg_"]);
    let products = ["inbox", "send", &id, "--catalog", "77", "--product", "lamp-1"];
    run(home, &products).await.says(&["is in the outbox"]);
    run(home, &[&products[..], &["--product", "lamp-2"]].concat())
        .await
        .fails_with(&["need a header and a text"]);
    let flow = ["inbox", "send", &id, "Book.", "--flow", "Book=12", "--screen", "FIRST"];
    run(home, &flow).await.says(&["is in the outbox"]);
    let with_menu = ["inbox", "send", &id, "--template", "menu"];
    run(home, &with_menu).await.fails_with(&["a document above its text"]);
    run(home, &[&with_menu[..], &["--header-file", menu]].concat()).await.says(&["msg_"]);
    app.settle().await;
    let last = app.whatsapp.sent().pop().unwrap();
    assert_eq!(&*last.file.unwrap().upload.bytes, b"%PDF-1.7");
    run(home, &["inbox", "send", &id, "--contact", "Ana=+4477"])
        .await
        .fails_with(&["country code"]);
    app.settle().await;
    let shown = run(home, &["inbox", "show", &id]).await;
    shown.says(&[
        "1. Small",
        "2. Large",
        "Location: Acme, latitude -51.5",
        "Contact card: Ana, +447700900123",
    ]);
    let first = app.thread("447700930009").await[0]["id"].as_str().unwrap().to_owned();
    shown.says(&[&first]);
    run(home, &["inbox", "react", &first, "thanks"]).await.fails_with(&["one emoji"]);
    run(home, &["inbox", "react", &first, "👍"]).await.says(&["is in the outbox"]);
    app.settle().await;
    let reaction = app.whatsapp.sent().pop().unwrap().content;
    assert_eq!(reaction, json!({"message_id": "wamid.1", "emoji": "👍"}));
    run(home, &["inbox", "resolve", &id]).await.says(&["The bot answers in", &id]);
    run(home, &["inbox"]).await.says(&["Nobody needs a reply."]);
    assert_eq!(app.conversation_with("447700930009").await["owner"], "bot");
    for command in ["show", "resolve"] {
        run(home, &["inbox", command, "conv_nobody"])
            .await
            .fails_with(&["there is no conversation conv_nobody"]);
        run(home, &["inbox", command, "msg_1"])
            .await
            .fails_with(&["`msg_1` is not an id of this kind"]);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_with_the_way_out() {
    let home = home();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = run_with(home.path(), &["serve"], "", &[("FRONTDESK__HTTP__PORT", &port)]).await;
    refused.fails_with(&["cannot listen on 127.0.0.1:", &port, "FRONTDESK__HTTP__PORT="]);
}

/// Starts a desk with a model and a number as a process, with the fakes it uses.
async fn desk(level: &str) -> (TestApp, Process) {
    TestApp::start_with_process(&format!("[log]\nlevel = \"{level}\"\n")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_is_told_to_stop_finishes_the_turn_under_way() {
    let (app, process) = desk("info").await;
    app.model.delay(Duration::from_millis(1500));
    app.deliver_to(&process, text_webhook(MAIN, "447700930002", "wamid.1", "When do you open?"))
        .await;
    while app.model.chat_count() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(process.stop().await, "it did not end well");
    assert_eq!(app.received().len(), 1, "the turn under way was dropped");
    app.stop().await;
}

/// Returns the value of a counter; the name includes a label and its value if there is one.
fn counter(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

/// Counters are per process, so this test uses the real binary.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_the_desk_does() {
    let (app, process) = desk("info").await;
    let hook = text_webhook(MAIN, "447700930004", "wamid.1", "When do you open?");
    app.deliver_to(&process, hook.clone()).await;
    assert!(app.whatsapp.wait_sent(1, Duration::from_secs(20)).await);
    app.deliver_to(&process, hook).await;
    let forged = app.http.post(format!("{}/webhooks/meta", process.url)).body("{}").send().await;
    assert_eq!(forged.unwrap().status(), 401);
    let expected = [
        ("frontdesk_webhooks_total", 2),
        ("frontdesk_messages_in_total", 1),
        ("frontdesk_webhooks_refused_total", 1),
        ("frontdesk_turns_total{outcome=\"answer\"}", 1),
        ("frontdesk_sends_total{ended=\"sent\"}", 1),
        ("frontdesk_turn_seconds_count", 1),
        ("frontdesk_turns_waiting", 0),
        ("frontdesk_sends_waiting", 0),
    ];
    let mut metrics = String::new();
    for _ in 0..200 {
        let request = app.http.get(format!("{}/metrics", process.url)).bearer_auth(KEY);
        metrics = request.send().await.unwrap().text().await.unwrap();
        // A send is recorded shortly after WhatsApp accepts it.
        if expected.iter().all(|(name, value)| counter(&metrics, name) == Some(*value)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for (name, value) in expected {
        assert_eq!(counter(&metrics, name), Some(value), "{name} in {metrics}");
    }
    assert!(!metrics.contains("447700930004") && !metrics.contains(KEY));
    assert!(process.stop().await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_hold_no_secret_no_message_and_no_whole_phone_number() {
    let (app, process) = desk("debug,frontdesk=trace").await;
    let ask = |id: &str| text_webhook(MAIN, "447700930003", id, "Is the burglar-proof lamp dear?");
    app.deliver_to(&process, ask("wamid.1")).await;
    assert!(app.whatsapp.wait_sent(1, Duration::from_secs(20)).await);
    app.model.fail_next(
        9,
        &Failure::Status(401, json!({"error": {"message": "Bad key: sk-test"}}), None),
    );
    app.deliver_to(&process, ask("wamid.2")).await;
    assert!(app.whatsapp.wait_sent(2, Duration::from_secs(20)).await);
    let quoted = Graph::error(190, &format!("Malformed access token {}", Graph::TOKEN));
    app.whatsapp.fail_next(1, &Failure::Status(401, quoted, None));
    app.deliver_to(&process, ask("wamid.3")).await;
    let wrong = app.http.post(format!("{}/webhooks/meta", process.url)).body("{}").send().await;
    assert_eq!(wrong.unwrap().status(), 401);
    let log = app.home.path().join("desk.log");
    let read = || std::fs::read_to_string(&log).unwrap();
    for _ in 0..400 {
        if read().contains("refuses the number's access token") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(process.stop().await);
    let log = read();
    for told in [
        "refuses the number's access token",
        "check api_key",
        "a webhook was refused",
        "a webhook was stored",
    ] {
        assert!(log.contains(told), "no `{told}` in {log}");
    }
    for secret in
        [Graph::TOKEN, SECRET, KEY, "verify-me", "sk-test", "burglar-proof", "447700930003"]
    {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "`{secret}` is in the log");
    }
    app.stop().await;
}

#[tokio::test]
async fn retrieval_is_scored_on_own_questions_and_on_a_dataset() {
    let home = home();
    let path = home.path();
    run(path, &["learn", "knowledge"]).await;
    let own = "question,document\nWhen do you close on Saturday?,hours.md\n\
               Can I return a lamp with the receipt?,returns.md\nDo you sell submarines to whales?,\n";
    std::fs::write(path.join("own.csv"), own).unwrap();
    let ask = ["eval", "retrieval", "own.csv", "--collection", "acme"];
    let scored = run(path, &[&ask[..], &["--weights", "--calibrate"]].concat()).await;
    assert_eq!(scored.code, 0, "{scored:#?}");
    scored.says(&[
        "own.csv: 2 questions",
        "BM25 + n-grams      100.0",
        "default             100.0",
    ]);
    scored.says(&["[search]", "dense = 0.0", "in 100.0 of 100 pairs", "min_confidence: "]);
    scored.says(&["confidence questions     said     seen", "(calibration error); Brier score 0."]);
    run(path, &["eval", "retrieval", "own.csv"]).await.fails_with(&["--collection", "acme, bolt"]);
    let folder = path.join("set");
    std::fs::create_dir_all(folder.join("qrels")).unwrap();
    let texts = "{\"_id\":\"a\",\"text\":\"Lamps are blue.\"}\n{\"_id\":\"b\",\"text\":\"Ships are red.\"}\n";
    std::fs::write(folder.join("corpus.jsonl"), texts).unwrap();
    std::fs::write(folder.join("queries.jsonl"), "{\"_id\":\"1\",\"text\":\"Which ships?\"}\n")
        .unwrap();
    std::fs::write(folder.join("qrels/test.tsv"), "query\ttext\tscore\n1\tb\t1\n").unwrap();
    let set = run(path, &["eval", "retrieval", "set", "--details", "all.jsonl"]).await;
    set.says(&["set: 1 questions", "default             100.0     100.0   100.0"]);
    let details = std::fs::read_to_string(path.join("all.jsonl")).unwrap();
    assert!(details.contains("\"question\":\"Which ships?\""), "{details}");
    std::fs::remove_file(folder.join("corpus.jsonl")).unwrap();
    run(path, &["eval", "retrieval", "set"]).await.fails_with(&["corpus.jsonl"]);
}

#[tokio::test]
async fn answers_are_scored_on_known_facts_with_and_without_a_desk() {
    let home = home();
    let path = home.path();
    let own = "question,facts\nWhen do you close on Saturday?,17:00|5 pm\n\
               When do you open on Saturday?,noon\nDo you sell submarines to whales?,\n";
    std::fs::write(path.join("own.csv"), own).unwrap();
    let documents = ["--documents", "knowledge/acme", "--details", "all.jsonl"];
    let scored = run(path, &[&["eval", "answers", "own.csv"], &documents[..]].concat()).await;
    assert_eq!(scored.code, 0, "{scored:#?}");
    scored.says(&["own.csv: 3 questions, 2 with an answer", "rightly refused      1   33.3 %"]);
    scored.says(&["wrong: When do you open on Saturday?", "lacks: noon"]);
    let details = std::fs::read_to_string(path.join("all.jsonl")).unwrap();
    assert_eq!(details.lines().count(), 3, "{details}");
    assert!(details.contains("\"verdict\":\"rightly_refused\""), "{details}");
    assert!(!path.join("data").exists(), "the desk was thrown away");
    let vague =
        "question,facts\nwhere on earth can a friend of mine send back the lamps she got,30\n";
    std::fs::write(path.join("vague.csv"), vague).unwrap();
    let scored = run(path, &[&["eval", "answers", "vague.csv"], &documents[..]].concat()).await;
    scored.says(&["offered              1  100.0 %"]);
    run(path, &["learn", "knowledge"]).await;
    let scored = run(path, &["eval", "answers", "own.csv", "--agent", "acme"]).await;
    scored.says(&["own.csv: 3 questions, 2 with an answer"]);
    std::fs::create_dir(path.join("empty")).unwrap();
    let onto = ["eval", "answers", "own.csv", "--agent", "acme", "--details", "./own.csv"];
    run(path, &onto).await.fails_with(&["holds the questions"]);
    assert_eq!(std::fs::read_to_string(path.join("own.csv")).unwrap(), own);
    let empty = ["eval", "answers", "own.csv", "--documents", "empty"];
    run(path, &empty).await.fails_with(&["empty: no documents", ".csv"]);
    run(path, &["eval", "answers", "own.csv", "--agent", "who"]).await.fails_with(&["acme"]);
    std::fs::write(path.join("own.csv"), "question\nWhen?\n").unwrap();
    let told = ["own.csv", "`question` and `facts`"];
    run(path, &["eval", "answers", "own.csv", "--agent", "acme"]).await.fails_with(&told);
}

#[tokio::test]
async fn a_collections_own_file_says_how_it_is_cut_and_a_wrong_one_is_refused() {
    let home = home();
    let path = home.path();
    run(path, &["learn", "knowledge"]).await.says(&["acme: 2 documents learned"]);
    let file = path.join("knowledge/acme/collection.toml");
    std::fs::write(&file, "[chunk]\njoin_below_tokens = 0\n\n[search]\nngram = 0.5\n").unwrap();
    run(path, &["learn", "knowledge/acme"]).await.says(&["2 documents learned"]);
    run(path, &["learn", "knowledge/acme"]).await.says(&["2 unchanged"]);
    std::fs::write(&file, "[search]\ndence = 0.5\n").unwrap();
    run(path, &["learn", "knowledge/acme"]).await.fails_with(&[
        "collection.toml",
        "dence",
        "dense",
    ]);
    let nothing = run(path, &["reindex"]).await;
    assert_eq!(nothing.code, 0, "{nothing:#?}");
    nothing.says(&["No embedding model is in use"]);
}
