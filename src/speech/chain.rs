//! Tries several transcribers in order: the next one when one fails. Must not call two at once.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Error, Recording, Transcriber, Transcript};

pub(super) struct Chain {
    links: Vec<Arc<dyn Transcriber>>,
    name: String,
}

impl Chain {
    /// Keeps the transcribers that do something. Fails when none does.
    pub(super) fn new(links: Vec<Arc<dyn Transcriber>>) -> Result<Self, String> {
        let links: Vec<_> = links.into_iter().filter(|link| link.name().is_some()).collect();
        if links.is_empty() {
            return Err("order is empty, or everything in it is off: name what transcribes".into());
        }
        let names: Vec<_> = links.iter().filter_map(|link| link.name()).collect();
        let name = names.join(" or ");
        Ok(Self { links, name })
    }
}

#[async_trait]
impl Transcriber for Chain {
    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    async fn transcribe(&self, recording: &Recording<'_>) -> Result<Transcript, Error> {
        let mut last = Error::Off;
        for link in &self.links {
            match link.transcribe(recording).await {
                Ok(transcript) => return Ok(transcript),
                Err(error @ Error::TooLong { .. }) => return Err(error),
                Err(error) => {
                    let by = link.name().unwrap_or_default();
                    tracing::info!(by, "a recording was not transcribed by {by}: {error}");
                    last = error;
                }
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Calls, in order.
    type Diary = Arc<Mutex<Vec<&'static str>>>;

    struct Link {
        name: &'static str,
        answer: Result<&'static str, Error>,
        diary: Diary,
    }

    #[async_trait]
    impl Transcriber for Link {
        fn name(&self) -> Option<&str> {
            Some(self.name)
        }

        async fn transcribe(&self, _: &Recording<'_>) -> Result<Transcript, Error> {
            self.diary.lock().unwrap().push(self.name);
            self.answer.clone().map(|text| Transcript {
                text: text.into(),
                by: self.name.into(),
                ..Transcript::default()
            })
        }
    }

    async fn ask(answers: &[Result<&'static str, Error>]) -> (Result<String, Error>, usize) {
        let diary = Diary::default();
        let names = ["one", "two", "three"];
        let link = |(name, answer): (&&'static str, &Result<&'static str, Error>)| {
            let (answer, diary) = (answer.clone(), diary.clone());
            Arc::new(Link { name, answer, diary }) as Arc<dyn Transcriber>
        };
        let chain = Chain::new(names.iter().zip(answers).map(link).collect()).unwrap();
        let recording = Recording {
            bytes: Vec::new().into(),
            mime_type: "audio/ogg",
            language: None,
            vocabulary: "",
            progress: None,
        };
        let answer = chain.transcribe(&recording).await;
        let asked = diary.lock().unwrap().len();
        assert_eq!(*diary.lock().unwrap(), names[..asked], "in order");
        (answer.map(|transcript| format!("{}: {}", transcript.by, transcript.text)), asked)
    }

    #[tokio::test]
    async fn what_one_cannot_do_is_given_to_the_next_and_a_good_answer_ends_it() {
        let failed = || Err(Error::Failed("busy".into()));
        let unreadable = || Err(Error::Unreadable("amr".into()));
        let long = || Error::TooLong { seconds: 700, limit: 600 };
        assert_eq!(ask(&[Ok("hello"), Ok("no")]).await, (Ok("one: hello".into()), 1));
        assert_eq!(ask(&[Ok(""), Ok("no")]).await, (Ok("one: ".into()), 1));
        let answer = ask(&[failed(), unreadable(), Ok("yes")]).await;
        assert_eq!(answer, (Ok("three: yes".into()), 3));
        assert_eq!(ask(&[Err(long()), Ok("no")]).await, (Err(long()), 1));
        assert_eq!(ask(&[unreadable(), failed()]).await, (Err(Error::Failed("busy".into())), 2));
    }

    #[test]
    fn its_name_is_that_of_all_and_nothing_in_it_is_an_error() {
        let link = |name| {
            let (answer, diary) = (Ok(""), Diary::default());
            Arc::new(Link { name, answer, diary }) as Arc<dyn Transcriber>
        };
        let off = || Arc::new(super::super::off::Off) as Arc<dyn Transcriber>;
        let chain = Chain::new(vec![link("a"), off(), link("b")]).unwrap();
        assert_eq!(chain.name(), Some("a or b"));
        assert!(Chain::new(vec![off()]).err().unwrap().contains("order"));
    }
}
