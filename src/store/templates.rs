//! Message templates of WhatsApp Business accounts, as they were last read there and as webhooks
//! have changed them since.

use async_trait::async_trait;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::{Conn, Result, Rows, Store, Write, all, first, now, run, storable, to_json};
use crate::domain::{
    MessageTemplate, NumberId, TemplateCategory, TemplateChange, TemplateLayout, TemplateQuality,
    TemplateState, WorkspaceId,
};

/// A stored template.
#[derive(Debug, Clone, FromRow)]
struct TemplateRow {
    name: String,
    language: String,
    external_id: String,
    #[sqlx(try_from = "LenientWord<TemplateCategory>")]
    category: Option<TemplateCategory>,
    #[sqlx(try_from = "LenientWord<TemplateState>")]
    state: Option<TemplateState>,
    #[sqlx(try_from = "LenientWord<TemplateQuality>")]
    quality: Option<TemplateQuality>,
    reason: Option<String>,
    layout: String,
}

impl TemplateRow {
    /// The template; `None` if a newer version wrote what this one cannot read.
    fn template(self) -> Option<MessageTemplate> {
        let layout: TemplateLayout = serde_json::from_str(&self.layout).ok()?;
        let Self { name, language, external_id, quality, reason, .. } = self;
        Some(MessageTemplate {
            external_id,
            name,
            language,
            category: self.category.unwrap_or(TemplateCategory::Other),
            state: self.state?,
            quality,
            reason,
            layout,
        })
    }
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "select name, language, external_id, category, state, quality, reason, layout from message_templates
             where workspace_id = $1 and account_id = $2 ",
            $rest
        )
    };
}

impl Store {
    /// The account of a number, as a webhook named it.
    pub async fn number_account(&self, number: &NumberId) -> Result<Option<String>> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = "select account_id from numbers where workspace_id = $1 and id = $2";
                first!(conn, (Option<String>,), sql, workspace.as_str(), number.as_str())
            })
            .await?;
        Ok(row.and_then(|row| row.0))
    }

    /// The templates of an account by name and language, and when they were last read.
    pub async fn templates(&self, account: &str) -> Result<(Vec<MessageTemplate>, Option<i64>)> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = columns!("order by name, language");
            let rows = all!(conn, TemplateRow, sql, workspace.as_str(), account)?;
            let sql =
                "select synced_at from template_syncs where workspace_id = $1 and account_id = $2";
            let synced = first!(conn, (i64,), sql, workspace.as_str(), account)?;
            let templates = rows.into_iter().filter_map(TemplateRow::template).collect();
            Ok((templates, synced.map(|row| row.0)))
        })
        .await
    }

    /// A template of an account.
    pub async fn template(
        &self,
        account: &str,
        (name, language): (&str, &str),
    ) -> Result<Option<MessageTemplate>> {
        let workspace = self.workspace_id();
        let row = self
            .read(async |conn| {
                let sql = columns!("and name = $3 and language = $4");
                let (name, language) = (storable(name), storable(language));
                first!(conn, TemplateRow, sql, workspace.as_str(), account, name, language)
            })
            .await?;
        Ok(row.and_then(TemplateRow::template))
    }

    /// Records a template that was submitted.
    pub async fn add_template(&self, account: &str, template: MessageTemplate) -> Result<()> {
        self.apply(AddTemplate { account: account.to_owned(), template }).await
    }

    /// Records that a template was deleted in this language, or in all.
    pub async fn delete_templates(
        &self,
        account: &str,
        (name, language): (&str, Option<&str>),
    ) -> Result<()> {
        let language = language.map(ToOwned::to_owned);
        self.apply(DeleteTemplates { account: account.to_owned(), name: name.to_owned(), language })
            .await
    }

    /// Replaces the templates of an account by those that it has now.
    pub async fn replace_templates(
        &self,
        account: &str,
        templates: Vec<MessageTemplate>,
    ) -> Result<()> {
        self.apply(ReplaceTemplates { account: account.to_owned(), templates }).await
    }
}

struct ReplaceTemplates {
    account: String,
    templates: Vec<MessageTemplate>,
}

#[async_trait]
impl Write for ReplaceTemplates {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let (workspace, account) = (workspace.as_str(), storable(&self.account));
        let sql = "delete from message_templates where workspace_id = $1 and account_id = $2";
        run!(conn, sql, workspace, &*account)?;
        insert(conn, (workspace, &account), &self.templates).await?;
        let sql = "insert into template_syncs (workspace_id, account_id, synced_at) values ($1, $2, $3)
                   on conflict (workspace_id, account_id) do update set synced_at = excluded.synced_at";
        run!(conn, sql, workspace, &*account, now()).map(|_| ())
    }
}

/// Inserts templates of an account.
async fn insert(
    conn: &mut Conn<'_>,
    (workspace, account): (&str, &str),
    templates: &[MessageTemplate],
) -> Result<()> {
    let into = "insert into message_templates
                    (workspace_id, account_id, name, language, external_id, category, state, quality, reason, layout)";
    let mut rows = Rows::default();
    for template in templates {
        let MessageTemplate { name, language, external_id, category, state, .. } = template;
        rows.push([
            workspace.into(),
            account.into(),
            (&*storable(name)).into(),
            (&*storable(language)).into(),
            (&*storable(external_id)).into(),
            (*category).into(),
            (*state).into(),
            template.quality.map(TemplateQuality::as_str).into(),
            template.reason.as_deref().map(|reason| storable(reason).into_owned()).into(),
            to_json(&template.layout)?.into(),
        ]);
    }
    conn.many(into, &rows, "on conflict (workspace_id, account_id, name, language) do nothing")
        .await
        .map(|_| ())
}

struct AddTemplate {
    account: String,
    template: MessageTemplate,
}

#[async_trait]
impl Write for AddTemplate {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let Self { account, template } = self;
        let language = Some(template.language.clone());
        let former =
            DeleteTemplates { account: account.clone(), name: template.name.clone(), language };
        former.run(workspace, conn).await?;
        let place = (workspace.as_str(), &*storable(account));
        insert(conn, place, std::slice::from_ref(template)).await
    }
}

struct DeleteTemplates {
    account: String,
    name: String,
    language: Option<String>,
}

#[async_trait]
impl Write for DeleteTemplates {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "delete from message_templates where workspace_id = $1 and account_id = $2 and name = $3
                   and ($4 = '' or language = $4)";
        let Self { account, name, language } = self;
        let language = storable(language.as_deref().unwrap_or_default());
        run!(conn, sql, workspace.as_str(), storable(account), storable(name), language).map(|_| ())
    }
}

/// Records what a webhook says of an account's template.
pub(super) async fn change(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (account, change): (&str, &TemplateChange),
) -> Result<()> {
    let TemplateChange { external_id, name, language, state, quality, category, reason } = change;
    // A new state has its own reason, or none. Webhooks write languages with either dash.
    let sql = "update message_templates set state = coalesce($6, state), quality = coalesce($7, quality),
                   category = coalesce($8, category), reason = case when $6 is null then reason else $9 end
               where workspace_id = $1 and account_id = $2
                   and ((external_id <> '' and external_id = $3) or (name = $4 and replace(language, '-', '_') = $5))";
    run!(
        conn,
        sql,
        workspace.as_str(),
        storable(account),
        storable(external_id.as_deref().unwrap_or_default()),
        storable(name),
        storable(&language.replace('-', "_")),
        *state,
        *quality,
        *category,
        reason.as_deref().map(storable)
    )
    .map(|_| ())
}
