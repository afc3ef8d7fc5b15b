//! Domain types: plain data, no IO.
//!
//! Every layer above uses these types. Nothing here reads a file, a socket or a database.

pub mod id;
pub mod label;
pub mod time;
pub mod media;
pub mod message;
pub mod change;
pub mod description;
pub mod attachment;
pub mod file;
pub mod event;
pub mod alert;
mod connection;
pub mod note;
pub mod agent;
pub mod follow_up;
pub mod knowledge;
pub mod learning;
pub mod page_reason;
pub mod answer;
pub mod case_reason;
pub mod turn;
pub mod intake;
pub mod loop_guard;
pub mod thread;
mod standing;
pub mod sending;
pub mod template;
pub mod filled_template;
pub mod campaign;
pub mod interactive;
pub mod offers;
mod products;
pub mod flow;
mod address_card;
mod identity;
mod message_file;
pub mod template_draft;
pub mod prompt;
pub mod trace;
pub mod live;
pub mod audit;
pub mod model;
pub mod trial;
pub mod number;
pub mod phone;
mod number_health;
pub mod stop_reason;
pub mod problem;
pub mod run;
pub mod stream;

pub use address_card::AddressCard;
pub use agent::{
    Agent, Consult, FollowUp, Grounding, GroundingCheck, Handoff, HandoffRule, MediaAccess, OptOut,
    Searching, Sentence, Texts, Voice,
};
pub use alert::{Account, Alert, AlertCode, WarningChange};
pub use answer::AnswerContent;
pub use attachment::{Attachment, FileText, Picture, PictureIdentity};
pub use audit::Action;
pub use campaign::{
    CampaignHold, CampaignState, CampaignStop, CampaignTemplate, RecipientFields, RecipientState,
    SkipReason, UnfilledTemplate,
};
pub use case_reason::{CaseReason, MessageReason, TurnReason};
pub use change::CurrentContent;
pub use connection::{ConnectionChange, ConnectionReason, ConnectionState};
pub use event::{
    Delivery, DeskEventKind, Echo, Event, Fault, Inbound, Item, Other, Party, Pricing, Referral,
    Status,
};
pub use file::{Blob, FileState, MissingFile};
pub use filled_template::{FilledHeader, FilledTemplate, TemplateError, TemplateValue};
pub use flow::{FlowAction, FlowButton};
pub use follow_up::{FollowUpPlan, LaterMessage, SilentConversation};
pub use id::{
    AgentId, AnswerId, AuditId, CampaignId, ChunkId, CollectionId, ContactId, ConversationId,
    DocumentId, EscalationId, GapId, MessageId, NumberId, RunId, SourceId, TurnId, VersionId,
    WebhookId, WorkspaceId,
};
pub use identity::IdentityKind;
pub use interactive::{ChoiceOption, Choices, LinkButton};
pub use knowledge::{Chunk, Passage, Scores, searchable};
pub use learning::{
    CollectionOrigin, DocumentOrigin, DocumentState, DocumentStatus, FailureCode, LearnOutcome,
    LearningStage, PageState, SettingsOrigin, SourceKind, SourceState, UploadState,
};
pub use live::What;
pub use media::{Media, MediaKind};
pub use message::{Author, ChoiceSource, Content, Direction, MessageKind, MessageState};
pub use model::{EndpointProblem, ModelProvider, ModelRole, ModelTask, PartOrigin};
pub use note::NoteCode;
pub use number::{NumberOrigin, NumberState, ProviderKind, StoredProvider, TestOutcome};
pub use number_health::{
    HealthChange, HealthTopic, MessagingLimit, NumberHealth, NumberQuality, Restriction,
};
pub use offers::{Location, Offers};
pub use page_reason::PageReason;
pub use problem::ProblemCode;
pub use products::{ProductSection, Products};
pub use prompt::{ChatMessage, Prompt, Role, Usage};
pub use run::RunState;
pub use sending::{FallbackTemplate, SendOutcome, Sending, Then, Unknown};
pub use stop_reason::StopReason;
pub use template::{
    MessageTemplate, TemplateButton, TemplateButtonKind, TemplateCategory, TemplateChange,
    TemplateHeader, TemplateHeaderKind, TemplateLayout, TemplateParameter, TemplatePart,
    TemplateQuality, TemplateState,
};
pub use template_draft::{DraftButton, DraftError, TemplateDraft};
pub use trace::Trace;
pub use turn::{
    Citation, Line, Outcome, Owner, Question, Reply, ReplyKind, Speaker, TranscriptDetails, Turn,
    VoiceTranscript, WaitingMessage,
};
pub use {
    agent::HandoffRuleKind,
    answer::GapState,
    standing::{ConversationStanding, EscalationState},
    turn::TurnOutcome,
};
