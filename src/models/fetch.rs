//! Downloads catalog models from the hub. Resumes interrupted downloads, verifies every file, and
//! renames the folder to its final name only when it is complete.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, LOCATION, RANGE};
use reqwest::{Client, Response, StatusCode, Url};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::catalog::{CatalogModel, Part};
use super::{Settings, rename_completed};

/// Default hub.
const HUB: &str = "https://huggingface.co";
/// Maximum retries in a row that receive no data.
const ATTEMPTS: u32 = 5;
/// Wait before the first retry; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(200);
/// Maximum redirects for one file; the hub needs one or two.
const REDIRECTS: usize = 8;
/// Timeouts to connect and between two reads.
const CONNECT: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_mins(1);

/// Receives the progress of a download.
pub trait Watch: Send + Sync {
    /// A file begins: `had` bytes are already on disk; `total` is its size, if known.
    fn file(&self, path: &str, had: u64, total: Option<u64>);
    /// `count` more bytes arrived.
    fn bytes(&self, count: u64);
}

/// Why a file was not downloaded.
enum FetchError {
    /// The connection broke or the server was busy: a retry may succeed.
    Passing(String),
    Final(String),
}

/// The response after all redirects.
struct Answer {
    response: Response,
    /// SHA-256 reported by the hub.
    sha256: Option<String>,
    size: Option<u64>,
}

impl Settings {
    /// Downloads a model and returns its folder. Does nothing if it is installed. Errors say what
    /// to do; partial files are kept unless they are wrong.
    pub async fn fetch(&self, model: &CatalogModel, watch: &dyn Watch) -> Result<PathBuf, String> {
        let to = self.path(model.name)?;
        if self.found(model.name).is_some() {
            return Ok(to);
        }
        if to.exists() {
            let (place, name) = (to.display(), model.name);
            return Err(format!(
                "{place} is there and is no whole model: `frontdesk models remove {name}` first"
            ));
        }
        let part_way = self.folder().join(format!(".fetch-{}", model.name));
        make(&part_way)?;
        let lock = lock(&part_way)?;
        let no_redirects = reqwest::redirect::Policy::none();
        let client = Client::builder().redirect(no_redirects).connect_timeout(CONNECT);
        let client = client.read_timeout(SILENCE).build().map_err(|error| error.to_string())?;
        for part in model.parts {
            let file = part_way.join(part.path);
            if !file.is_file() {
                let url = self.address(model, part)?;
                fetch_part(&client, &url, part, &file, watch).await?;
            }
        }
        drop(lock);
        drop(std::fs::remove_file(part_way.join(LOCK)));
        rename_completed(&part_way, &to)?;
        Ok(to)
    }

    fn address(&self, model: &CatalogModel, part: &Part) -> Result<Url, String> {
        let set = self.hub_url.trim().trim_end_matches('/');
        let hub = if set.is_empty() { HUB } else { set };
        let path = format!("{}/resolve/{}/{}", model.repository, model.revision, part.path);
        Url::parse(&format!("{hub}/{path}"))
            .map_err(|error| format!("[models] hub_url `{hub}` is no address: {error}"))
    }
}

/// Lock file that keeps two processes from downloading the same model.
const LOCK: &str = "lock";

fn lock(folder: &Path) -> Result<File, String> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(|error| unwritable(&path, &error))?;
    file.try_lock()
        .map_err(|_| format!("another process is fetching this model into {}", folder.display()))?;
    Ok(file)
}

fn make(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!(
        "{} cannot be written: {error}; [models] folder says where models are kept",
        path.display()
    )
}

/// Downloads and verifies one file, and resumes after a broken connection.
async fn fetch_part(
    client: &Client,
    url: &Url,
    part: &Part,
    file: &Path,
    watch: &dyn Watch,
) -> Result<(), String> {
    make(file.parent().unwrap_or(Path::new(".")))?;
    let half = file.with_added_extension("part");
    let mut failures = 0;
    loop {
        let before = length(&half);
        let failed = match get(client, url, part, &half, watch).await {
            Ok(true) => {
                std::fs::rename(&half, file).map_err(|error| unwritable(file, &error))?;
                return Ok(());
            }
            Ok(false) => return Ok(()),
            Err(FetchError::Final(why)) => return Err(why),
            Err(FetchError::Passing(why)) => why,
        };
        if length(&half) > before {
            failures = 0;
        }
        failures += 1;
        if failures > ATTEMPTS {
            return Err(failed);
        }
        tracing::debug!(failed, "a file of a model is taken up again");
        tokio::time::sleep(PAUSE * 2_u32.pow(failures - 1)).await;
    }
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |data| data.len())
}

/// Makes one attempt. Returns false if an optional file does not exist.
async fn get(
    client: &Client,
    url: &Url,
    part: &Part,
    half: &Path,
    watch: &dyn Watch,
) -> Result<bool, FetchError> {
    let had = length(half);
    let answer = ask(client, url, had).await?;
    let status = answer.response.status();
    if status == StatusCode::NOT_FOUND && part.optional {
        return Ok(false);
    }
    let from = match status {
        StatusCode::PARTIAL_CONTENT => {
            let range = answer.response.headers().get(CONTENT_RANGE);
            let range = range.and_then(|range| range.to_str().ok()).unwrap_or_default();
            if !range.starts_with(&format!("bytes {had}-")) {
                return Err(discard_partial(
                    half,
                    "the server sent another part than it was asked for",
                ));
            }
            had
        }
        StatusCode::OK => 0,
        // The partial file is already complete, or too long.
        StatusCode::RANGE_NOT_SATISFIABLE if had > 0 => {
            return check(half, part, answer.sha256.as_deref(), url).await.map(|()| true);
        }
        other => return Err(refused(other, url)),
    };
    let total = answer.size.or_else(|| Some(answer.response.content_length()? + from));
    watch.file(part.path, from, total);
    write(answer.response, half, from, watch).await?;
    let got = length(half);
    if total.is_some_and(|total| got < total) {
        return Err(FetchError::Passing(format!("{url} broke off after {got} bytes")));
    }
    check(half, part, answer.sha256.as_deref(), url).await?;
    Ok(true)
}

/// Requests a file from byte `from` on and follows redirects. The first answer with a hash counts:
/// only the hub sends it, the file may come from another server.
async fn ask(client: &Client, url: &Url, from: u64) -> Result<Answer, FetchError> {
    let (mut sha256, mut size) = (None, None);
    let mut next = url.clone();
    for _ in 0..REDIRECTS {
        let mut request = client.get(next.clone()).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let response = request.send().await.map_err(|error| unreachable_host(&next, &error))?;
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = header("x-linked-etag").or_else(|| header(ETAG.as_str())).unwrap_or_default();
        sha256 = sha256.or_else(|| hash_of(etag));
        size = size.or_else(|| header("x-linked-size").and_then(|size| size.parse().ok()));
        if !response.status().is_redirection() {
            return Ok(Answer { response, sha256, size });
        }
        let to = header(LOCATION.as_str()).and_then(|to| next.join(to).ok());
        let to = to.ok_or_else(|| FetchError::Final(format!("{next} leads nowhere")))?;
        if next.scheme() == "https" && to.scheme() != "https" {
            return Err(FetchError::Final(format!("{next} leads to {to}, which is not encrypted")));
        }
        next = to;
    }
    Err(FetchError::Final(format!("{url} leads from one address to the next without end")))
}

/// Returns the SHA-256 in an `ETag`; small files have another kind of hash there.
fn hash_of(etag: &str) -> Option<String> {
    let hash = etag.trim_start_matches("W/").trim_matches('"');
    let is_hash = hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
    is_hash.then(|| hash.to_lowercase())
}

async fn write(
    response: Response,
    half: &Path,
    from: u64,
    watch: &dyn Watch,
) -> Result<(), FetchError> {
    let full = |error: &std::io::Error| FetchError::Final(unwritable(half, error));
    let mut options = tokio::fs::OpenOptions::new();
    let file = options.create(true).append(from > 0).write(true).truncate(from == 0).open(half);
    let mut file = file.await.map_err(|error| full(&error))?;
    let mut bytes = response.bytes_stream();
    let mut came = Ok(());
    while let Some(next) = bytes.next().await {
        match next {
            Ok(next) => {
                file.write_all(&next).await.map_err(|error| full(&error))?;
                watch.bytes(next.len() as u64);
            }
            Err(error) => {
                came = Err(FetchError::Passing(format!("the connection broke off: {error}")));
                break;
            }
        }
    }
    // Keep what arrived, even after an error: the next attempt resumes there.
    file.flush().await.map_err(|error| full(&error))?;
    file.sync_all().await.map_err(|error| full(&error))?;
    came
}

/// Verifies a complete file; removes it if it is wrong.
async fn check(half: &Path, part: &Part, told: Option<&str>, url: &Url) -> Result<(), FetchError> {
    let wanted = if part.sha256.is_empty() { told } else { Some(part.sha256) };
    let Some(wanted) = wanted.map(ToOwned::to_owned) else { return Ok(()) };
    let path = half.to_owned();
    let hash = tokio::task::spawn_blocking(move || hash(&path)).await;
    let hash = hash.map_err(|error| FetchError::Final(error.to_string()))?;
    let hash = hash.map_err(|error| FetchError::Final(unwritable(half, &error)))?;
    if hash == wanted {
        return Ok(());
    }
    drop(std::fs::remove_file(half));
    Err(FetchError::Final(format!(
        "{url} is not the file it should be: its SHA-256 is {hash}, not {wanted}. It was not kept. Try again; if it stays so, \
         what stands between this machine and the hub changes files"
    )))
}

fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(block.get(..read).unwrap_or_default());
    }
}

/// Deletes the partial file, so that the next attempt starts from the beginning.
fn discard_partial(half: &Path, why: &str) -> FetchError {
    drop(std::fs::remove_file(half));
    FetchError::Passing(why.to_owned())
}

fn refused(status: StatusCode, url: &Url) -> FetchError {
    let why = format!("{url} answers {status}");
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return FetchError::Passing(why);
    }
    FetchError::Final(format!(
        "{why}: look at [models] hub_url; or copy the model's folder to this machine, and `frontdesk models import DIR`"
    ))
}

fn unreachable_host(url: &Url, error: &reqwest::Error) -> FetchError {
    let host = url.host_str().unwrap_or_default();
    let mut why = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        why = inner.to_string();
        source = inner.source();
    }
    FetchError::Passing(format!(
        "{host} cannot be reached ({why}): look at the network and [models] hub_url; or copy the model's folder to this \
         machine, and `frontdesk models import DIR`"
    ))
}
