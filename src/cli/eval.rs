//! `frontdesk eval`: runs eval suites and scores retrieval.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::command_app;
use crate::config::Config;

mod answers;
mod reliability;
mod retrieval;
mod suites;

/// Score replies: run eval suites through the real pipeline
///
/// A suite is a file in promptfoo's format (prompts, providers, tests with assertions). The
/// provider `frontdesk:AGENT` runs a case through your bot like a customer's message; nobody
/// receives the reply. Without a file, every suite in eval/suites runs. Prompt files are used as
/// they are on disk; nothing is published.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct Eval {
    #[command(subcommand)]
    what: Option<EvalCommand>,
    #[command(flatten)]
    suites: suites::SuiteArgs,
}

#[derive(Debug, Subcommand)]
enum EvalCommand {
    /// Score retrieval: nDCG@10, Recall@5, MRR@10 and latency of each leg and of the fused result
    Retrieval(retrieval::RetrievalArgs),
    /// Score answers: which of your questions are answered rightly, refused, or answered wrongly
    Answers(answers::AnswersArgs),
}

const EXAMPLES: &str = "\
Examples:
  frontdesk eval                                        every suite in eval/suites
  frontdesk eval eval/suites/acme.yaml -o report.html -o results.junit.xml
  frontdesk eval suite.yaml --baseline eval/baseline.json --rule \"no case worse\"
  frontdesk eval suite.yaml --accept eval/baseline.json      these scores are accepted from now on
  frontdesk eval suite.yaml --filter-failing last            what failed the last time
  frontdesk eval suite.yaml --repeat 5 --grader openai:gpt-4o-mini

It ends with 0 when all cases pass (with --rule: when the rule holds), else with 100; with 1 when a suite cannot be read.";

impl Eval {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        match self.what {
            Some(EvalCommand::Retrieval(wanted)) => wanted.run(command_app(config).await?).await,
            Some(EvalCommand::Answers(wanted)) => Box::pin(wanted.run(config)).await,
            None => Box::pin(self.suites.run(config)).await,
        }
    }
}
