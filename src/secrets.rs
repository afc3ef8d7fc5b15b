//! Encrypts secrets for storage in the database, with AES-256-GCM and bound to their owner. The key
//! is in the configuration, or in a file beside the database. Does not know what the secrets are
//! for.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Length of a key, in bytes.
const LENGTH: usize = 32;
/// Format version, the first part of every encrypted secret.
const VERSION: &str = "1";

/// How secrets in the database are encrypted, as in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The key: 32 bytes in base64 or as 64 hexadecimal digits; empty for the file `secrets.key`
    /// beside the database.
    pub key: SecretString,
}

/// Encrypts and decrypts secrets.
#[derive(Debug)]
pub struct Secrets {
    key: Place,
}

/// The source of the key.
#[derive(Debug)]
enum Place {
    Given(Key),
    File { path: PathBuf, made: bool },
}

/// A key; its debug output is redacted.
#[derive(Clone)]
struct Key([u8; LENGTH]);

/// Why a secret cannot be encrypted or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no key.
    #[error(
        "there is no key for secrets: set [secrets] key (`openssl rand -base64 32` makes one), the same for every process, or put \
         the file {0} back"
    )]
    NoKey(String),
    /// The secret was encrypted with another key.
    #[error(
        "its secrets were encrypted with another key: put the former [secrets] key (or the file secrets.key) back, or write the \
         secrets anew"
    )]
    OtherKey,
    /// The stored secret was altered, or belongs to another owner.
    #[error("its secrets in the database are damaged: write them anew")]
    Damaged,
    /// The key's file cannot be used, or the encryption failed.
    #[error("the key for secrets cannot be used: {0}")]
    File(String),
}

impl Settings {
    /// Uses the configured key, or the one in the folder `data`. If that is missing and `made` is
    /// set, it is generated with the first secret. `made` must be off for a shared database: each
    /// machine would generate its own key.
    pub fn build(&self, data: &Path, made: bool) -> Result<Secrets, String> {
        let written = self.key.expose_secret().trim();
        let key = if written.is_empty() {
            Place::File { path: data.join("secrets.key"), made }
        } else {
            Place::Given(Key::read(written).ok_or(
                "key must be 32 bytes, in base64 or as 64 hexadecimal digits: `openssl rand -base64 32` makes one",
            )?)
        };
        Ok(Secrets { key })
    }
}

impl Secrets {
    /// Encrypts a secret bound to the names in `of`: it can be decrypted only with the same names.
    pub fn seal(&self, plain: &[u8], of: &[&str]) -> Result<String, SecretError> {
        let key = self.key(true)?;
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| SecretError::File(error.to_string()))?;
        let mut sealed = plain.to_vec();
        key.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound(of)),
                &mut sealed,
            )
            .map_err(|_| SecretError::File("it does not encrypt".to_owned()))?;
        let bytes = [&nonce[..], &sealed].concat();
        Ok(format!("{VERSION}.{}.{}", key.name(), STANDARD.encode(bytes)))
    }

    /// Decrypts a secret that was encrypted for the names in `of`.
    pub fn open(&self, sealed: &str, of: &[&str]) -> Result<Vec<u8>, SecretError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(VERSION), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(SecretError::Damaged);
        };
        let key = self.key(false)?;
        if name != key.name() {
            return Err(SecretError::OtherKey);
        }
        let mut bytes = STANDARD.decode(rest).map_err(|_| SecretError::Damaged)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(SecretError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Damaged)?;
        let plain = key.cipher()?.open_in_place(nonce, Aad::from(bound(of)), sealed);
        plain.map(|plain| plain.to_vec()).map_err(|_| SecretError::Damaged)
    }

    /// Returns the key. Generates a missing one when `sealing`, if that is allowed.
    fn key(&self, sealing: bool) -> Result<Key, SecretError> {
        let (path, made) = match &self.key {
            Place::Given(key) => return Ok(key.clone()),
            Place::File { path, made } => (path, *made),
        };
        let shown = path.display();
        if sealing && made && !path.exists() {
            make_key(path).map_err(|error| SecretError::File(format!("{shown}: {error}")))?;
        }
        match std::fs::read_to_string(path) {
            Ok(text) => Key::read(text.trim()).ok_or_else(|| {
                SecretError::File(format!("{shown} does not hold 32 bytes in base64"))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(SecretError::NoKey(shown.to_string()))
            }
            Err(error) => Err(SecretError::File(format!("{shown}: {error}"))),
        }
    }
}

impl Key {
    fn read(text: &str) -> Option<Self> {
        let bytes = match hex::decode(text) {
            Ok(bytes) if bytes.len() == LENGTH => bytes,
            _ => STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?,
        };
        bytes.try_into().ok().map(Self)
    }

    /// Returns an identifier of the key that reveals nothing of it.
    fn name(&self) -> String {
        let hash = Sha256::new().chain_update(b"frontdesk key\0").chain_update(self.0).finalize();
        hex::encode(&hash[..4])
    }

    fn cipher(&self) -> Result<LessSafeKey, SecretError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.0);
        key.map(LessSafeKey::new).map_err(|_| SecretError::File("it has another length".to_owned()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Encodes the names as authenticated data, with lengths, so that no two lists encode alike.
fn bound(of: &[&str]) -> Vec<u8> {
    let one = |name: &&str| format!("{}:{name}", name.len()).into_bytes();
    [b"frontdesk ".to_vec(), of.iter().flat_map(one).collect()].concat()
}

/// Generates a key file that only its owner can read, unless another process was quicker. The
/// content is on the disk before the file gets its name: what is encrypted with the key must never
/// outlive it.
fn make_key(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(STANDARD.encode(random()?).as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&fresh, path);
    std::fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    std::fs::File::open(folder)?.sync_all()
}

fn random() -> std::io::Result<[u8; LENGTH]> {
    let mut random = [0_u8; LENGTH];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(random)
}

/// Returns a random token: 43 letters, digits, `-` and `_`.
pub fn token() -> std::io::Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random()?))
}

/// Returns the SHA-256 of a token, for tokens that only have to be recognized.
pub fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Returns a secret for display: masked, with its last four characters if it has at least 12.
pub fn masked(secret: &str) -> String {
    let count = secret.chars().count();
    let shown = if count >= 12 { 4 } else { 0 };
    format!("{MASK}{}", secret.chars().skip(count - shown).collect::<String>())
}

/// Whether a text is a masked secret.
pub fn is_masked(text: &str) -> bool {
    text.starts_with(MASK)
}

/// Prefix of masked secrets.
const MASK: &str = "••••";

#[cfg(test)]
mod tests {
    use super::*;

    fn given(key: &str) -> Secrets {
        Settings { key: key.into() }.build(Path::new("/nowhere"), true).unwrap()
    }

    #[test]
    fn what_is_encrypted_is_decrypted_with_the_same_key_and_names_only() {
        let secrets = given(&"ab".repeat(32));
        let sealed = secrets.seal(b"hello", &["ws", "num_1"]).unwrap();
        assert!(!sealed.contains("hello") && !sealed.contains(&STANDARD.encode("hello")));
        assert_eq!(secrets.open(&sealed, &["ws", "num_1"]).unwrap(), b"hello");
        assert_ne!(
            secrets.seal(b"hello", &["ws", "num_1"]).unwrap(),
            sealed,
            "never the same twice"
        );
        for other in [["ws", "num_2"], ["w", "snum_1"], ["wsn", "um_1"]] {
            assert_eq!(secrets.open(&sealed, &other), Err(SecretError::Damaged), "{other:?}");
        }
        let other = given(&STANDARD.encode([7_u8; 32]));
        assert_eq!(other.open(&sealed, &["ws", "num_1"]), Err(SecretError::OtherKey));
    }

    #[test]
    fn nothing_that_was_changed_is_decrypted() {
        let secrets = given(&"ab".repeat(32));
        let sealed = secrets.seal(b"hello", &["a"]).unwrap();
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(secrets.open(&changed, &["a"]).is_err(), "{changed}");
        }
        for wrong in ["", "1", "1.", "1..", "2.a.b", "é.é.é", &sealed[..sealed.len() - 8]] {
            assert!(secrets.open(wrong, &["a"]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_made_where_that_is_allowed_and_never_in_the_place_of_one() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("data/secrets.key");
        let none = Settings { key: "".into() };
        let refused = none.build(file.parent().unwrap(), false).unwrap();
        let why = refused.seal(b"x", &[]).unwrap_err().to_string();
        assert!(why.contains("[secrets] key") && why.contains("openssl"), "{why}");
        let secrets = none.build(file.parent().unwrap(), true).unwrap();
        assert!(matches!(secrets.open("1.00000000.AA", &[]), Err(SecretError::NoKey(_))));
        assert!(!file.exists(), "only when something is encrypted");
        let sealed = secrets.seal(b"x", &[]).unwrap();
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(&file).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        let again = none.build(file.parent().unwrap(), true).unwrap();
        assert_eq!(again.open(&sealed, &[]).unwrap(), b"x");
        make_key(&file).unwrap();
        assert_eq!(again.open(&sealed, &[]).unwrap(), b"x", "the first one stays");
        std::fs::write(&file, "nonsense").unwrap();
        assert!(matches!(again.seal(b"x", &[]), Err(SecretError::File(_))));
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_none_shows_itself() {
        for wrong in ["short", &"ab".repeat(31), &STANDARD.encode([1; 33])] {
            let error = Settings { key: wrong.into() }.build(Path::new("."), true).unwrap_err();
            assert!(error.contains("32 bytes") && !error.contains(wrong), "{error}");
        }
        let shown = format!("{:?}", given(&"ab".repeat(32)));
        assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
    }

    #[test]
    fn a_masked_secret_gives_nothing_away() {
        assert_eq!(masked("EAAG-secret-1234"), "••••1234");
        assert_eq!(masked("short-one"), "••••");
        assert!(is_masked(&masked("x")) && is_masked(&masked("")) && !is_masked("EAAG"));
        assert!(masked("éééééééééééé").ends_with("éééé"));
    }
}
