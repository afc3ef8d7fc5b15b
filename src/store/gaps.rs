//! Knowledge gaps: unanswered questions, and groups of similar ones. Does not decide which question
//! belongs to which group.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::answers::NewAnswer;
use super::{Conn, LenientWord, Result, Rows, Store, Write, all, first, now, run, storable};
use crate::domain::{AgentId, AnswerId, GapId, GapState, TurnId, WorkspaceId};

/// Number of questions of a group that are kept as examples; the newest are kept.
pub const EXAMPLES: i64 = 20;

/// A knowledge gap: a group of similar questions.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct GapRow {
    /// The id.
    pub id: GapId,
    /// The agent that could not answer.
    pub agent_id: AgentId,
    /// The first question of the group.
    pub question: String,
    /// The state.
    #[sqlx(try_from = "LenientWord<GapState>")]
    pub state: GapState,
    /// How often it was asked.
    pub asked: i64,
    /// The curated answer that was created from it.
    pub answer_id: Option<String>,
    /// When it was first asked.
    pub first_at: i64,
    /// When it was last asked.
    pub last_at: i64,
}

/// An unanswered question.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UnansweredRow {
    /// The id.
    pub id: String,
    /// The agent that could not answer.
    pub agent_id: AgentId,
    /// The question, without personal data.
    pub question: String,
    /// When it was asked.
    pub created_at: i64,
}

/// A question of a group, with where it was asked.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ExampleRow {
    /// The question, without personal data.
    pub question: String,
    /// When it was asked.
    pub created_at: i64,
    /// The conversation; `None` if it is not kept any more.
    pub conversation_id: Option<String>,
}

/// A question with its group.
#[derive(Debug, Clone)]
pub struct GroupedQuestion {
    /// The question.
    pub question: UnansweredRow,
    /// The group.
    pub gap: GapId,
}

/// Filters of the list of groups.
#[derive(Debug, Clone, Default)]
pub struct GapFilter {
    /// Only those in this state.
    pub state: Option<GapState>,
    /// Only those of this agent.
    pub agent: Option<AgentId>,
    /// Only those last asked before this time; at the same time, those with a smaller id.
    pub before: Option<(i64, String)>,
}

impl Store {
    /// Questions without a group, oldest first.
    pub async fn ungrouped(&self, limit: i64) -> Result<Vec<UnansweredRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, agent_id, question, created_at from unanswered
                       where workspace_id = $1 and gap_id is null order by created_at, id limit $2";
            all!(conn, UnansweredRow, sql, workspace.as_str(), limit)
        })
        .await
    }

    /// Adds questions to groups. A missing group is created with the question's text; an answered
    /// group is reopened. A question that already has a group keeps it.
    pub async fn put_into_gaps(&self, grouped: Vec<GroupedQuestion>) -> Result<()> {
        self.apply(PutIntoGaps(grouped)).await
    }

    /// Groups, last asked first.
    pub async fn gaps(&self, wanted: &GapFilter, limit: i64) -> Result<Vec<GapRow>> {
        let workspace = self.workspace_id();
        let (moment, id) = wanted.before.clone().unwrap_or((i64::MAX, String::new()));
        let state = wanted.state.map_or("", GapState::as_str);
        let agent = wanted.agent.as_ref().map_or("", AgentId::as_str);
        self.read(async |conn| {
            let sql = "select id, agent_id, question, state, asked, answer_id, first_at, last_at from gaps
                       where workspace_id = $1 and ($2 = '' or state = $2) and ($3 = '' or agent_id = $3)
                       and (last_at < $4 or (last_at = $4 and id < $5)) order by last_at desc, id desc limit $6";
            all!(conn, GapRow, sql, workspace.as_str(), state, agent, moment, &id, limit)
        })
        .await
    }

    /// Returns one group.
    pub async fn gap(&self, id: &GapId) -> Result<Option<GapRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select id, agent_id, question, state, asked, answer_id, first_at, last_at from gaps
                       where workspace_id = $1 and id = $2";
            first!(conn, GapRow, sql, workspace.as_str(), id.as_str())
        })
        .await
    }

    /// The newest questions of a group, at most [`EXAMPLES`].
    pub async fn examples(&self, id: &GapId) -> Result<Vec<ExampleRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select u.question, u.created_at, t.conversation_id
                       from unanswered u left join turns t on t.id = u.turn_id
                       where u.workspace_id = $1 and u.gap_id = $2 order by u.created_at desc, u.id desc limit $3";
            all!(conn, ExampleRow, sql, workspace.as_str(), id.as_str(), EXAMPLES)
        })
        .await
    }

    /// Sets a group's state; false if it does not exist.
    pub async fn mark_gap(&self, id: &GapId, state: GapState) -> Result<bool> {
        self.apply(Mark { id: id.clone(), state }).await
    }

    /// Creates a curated answer from a group and marks the group as answered. `None` if the
    /// collection is full.
    pub async fn answer_gap(&self, id: &GapId, answer: NewAnswer) -> Result<Option<AnswerId>> {
        self.apply(AnswerGap { id: id.clone(), answer }).await
    }
}

/// A question that a turn could not answer.
pub(super) struct UnansweredQuestion<'a> {
    pub(super) agent: &'a AgentId,
    pub(super) turn: &'a TurnId,
    /// Without personal data.
    pub(super) question: &'a str,
}

/// Stores unanswered questions in the transaction of their turns.
pub(super) async fn record(
    questions: &[UnansweredQuestion<'_>],
    workspace: &WorkspaceId,
    conn: &mut Conn<'_>,
) -> Result<()> {
    let (mut rows, moment) = (Rows::default(), now());
    for UnansweredQuestion { agent, turn, question } in questions {
        rows.push([
            format!("una_{}", ulid::Ulid::generate()).into(),
            workspace.as_str().into(),
            agent.as_str().into(),
            turn.as_str().into(),
            storable(question).into_owned().into(),
            moment.into(),
        ]);
    }
    let into = "insert into unanswered (id, workspace_id, agent_id, turn_id, question, created_at)";
    conn.many(into, &rows, "").await.map(|_| ())
}

struct PutIntoGaps(Vec<GroupedQuestion>);

#[async_trait]
impl Write for PutIntoGaps {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        for one in &self.0 {
            one.put(workspace, conn).await?;
        }
        Ok(())
    }
}

impl GroupedQuestion {
    async fn put(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let (gap, question) = (self.gap.as_str(), &self.question);
        let sql = "update unanswered set gap_id = $3 where id = $1 and workspace_id = $2 and gap_id is null";
        if run!(conn, sql, &question.id, workspace.as_str(), gap)? == 0 {
            return Ok(());
        }
        let sql = formatcp!(
            "insert into gaps (id, workspace_id, agent_id, question, state, asked, first_at, last_at)
             values ($1, $2, $3, $4, '{open}', 1, $5, $5)
             on conflict (id) do update set asked = gaps.asked + 1,
                 last_at = case when gaps.last_at < excluded.last_at then excluded.last_at else gaps.last_at end,
                 state = case when gaps.state = '{answered}' then '{open}' else gaps.state end",
            open = GapState::Open.as_str(),
            answered = GapState::Answered.as_str()
        );
        let (workspace, agent) = (workspace.as_str(), question.agent_id.as_str());
        run!(conn, sql, gap, workspace, agent, &question.question, question.created_at)?;
        let sql = "delete from unanswered where gap_id = $1 and id not in
                       (select id from unanswered where gap_id = $1 order by created_at desc, id desc limit $2)";
        run!(conn, sql, gap, EXAMPLES).map(|_| ())
    }
}

struct Mark {
    id: GapId,
    state: GapState,
}

#[async_trait]
impl Write for Mark {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = "update gaps set state = $3 where id = $1 and workspace_id = $2";
        Ok(run!(conn, sql, self.id.as_str(), workspace.as_str(), self.state)? > 0)
    }
}

struct AnswerGap {
    id: GapId,
    answer: NewAnswer,
}

#[async_trait]
impl Write for AnswerGap {
    type Out = Option<AnswerId>;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<Option<AnswerId>> {
        let Some(answer) = self.answer.run(workspace, conn).await? else { return Ok(None) };
        let sql = "update gaps set state = $4, answer_id = $3 where id = $1 and workspace_id = $2";
        let (id, workspace) = (self.id.as_str(), workspace.as_str());
        run!(conn, sql, id, workspace, answer.as_str(), GapState::Answered)?;
        Ok(Some(answer))
    }
}
