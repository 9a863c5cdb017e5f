//! Private keys and certificates in files, each read once for all hosts and opened once.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::unistd::Uid;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, PrivateKey, PublicKey, decode_secret_key, load_public_key};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::agent::Agent;
use super::asking::{Asker, Question};
use super::rejected::UnusableReason;
use crate::problem::Problem;
use crate::sanitise::sanitise;

/// What a file offers for logging in.
pub(super) struct Identity {
    pub(super) file: PathBuf,
    /// The public key, when it could be read. An agent may hold its private key.
    pub(super) public: Option<PublicKey>,
    /// The user certificate beside it (`FILE-cert.pub`).
    pub(super) certificate: Option<Certificate>,
    private: Private,
}

enum Private {
    Open(Arc<PrivateKey>),
    /// Encrypted: its text, and what has come of opening it.
    Locked(String, OnceCell<Opened>),
    Unusable(UnusableReason),
}

type Opened = Result<Arc<PrivateKey>, UnusableReason>;

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Identity {
    /// The private key, or nothing while it is locked.
    pub(super) fn private(&self) -> Option<Opened> {
        match &self.private {
            Private::Open(key) => Some(Ok(Arc::clone(key))),
            Private::Locked(_, opened) => opened.get().cloned(),
            Private::Unusable(reason) => Some(Err(reason.clone())),
        }
    }

    /// The private key, opened with `passphrase` when it is locked.
    pub(super) async fn open(&self, passphrase: &SecretString) -> Opened {
        match &self.private {
            Private::Locked(text, opened) => {
                let open = async || {
                    let key = decrypt(text, passphrase).await;
                    key.map(Ok).ok_or(UnusableReason::WrongPassphrase)
                };
                // One at a time: opening takes long on purpose, and once is enough for all hosts.
                opened.get_or_try_init(open).await?.clone()
            }
            Private::Open(key) => Ok(Arc::clone(key)),
            Private::Unusable(reason) => Err(reason.clone()),
        }
    }

    /// The private key, opened with what the person says. All hosts wait for the same answer; a
    /// key that could not be opened stays so.
    pub(super) async fn ask(&self, asker: &Asker, tries: u32) -> Opened {
        match &self.private {
            Private::Locked(text, opened) => {
                opened.get_or_init(|| self.ask_for(text, asker, tries)).await.clone()
            }
            Private::Open(key) => Ok(Arc::clone(key)),
            Private::Unusable(reason) => Err(reason.clone()),
        }
    }

    async fn ask_for(&self, text: &str, asker: &Asker, tries: u32) -> Opened {
        let Some(turn) = asker.turn().await else { return Err(UnusableReason::Encrypted) };
        let file = sanitise(&self.file.display().to_string()).into_owned();
        let mut reason = UnusableReason::Encrypted;
        for _ in 0..tries {
            let again = reason == UnusableReason::WrongPassphrase;
            let before = if again { "That is not its passphrase.\n" } else { "" }.to_owned();
            let question =
                Question { before, text: format!("Passphrase for the key {file}: "), echo: false };
            match turn.ask(question).await {
                // As in ssh, an empty answer means: go on without this key.
                Ok(answer) if answer.expose_secret().is_empty() => break,
                Ok(answer) => match decrypt(text, &answer).await {
                    Some(key) => return Ok(key),
                    None => reason = UnusableReason::WrongPassphrase,
                },
                Err(_) => break,
            }
        }
        Err(reason)
    }
}

/// The key in `text`. Takes its time on purpose (bcrypt), so it is done aside.
async fn decrypt(text: &str, passphrase: &SecretString) -> Option<Arc<PrivateKey>> {
    let (text, passphrase) = (text.to_owned(), passphrase.clone());
    let work = spawn_blocking(move || decode_secret_key(&text, Some(passphrase.expose_secret())));
    work.await.ok()?.ok().map(Arc::new)
}

/// All keys and agents, shared by all connections.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    files: Mutex<HashMap<PathBuf, Option<Arc<Identity>>>>,
    certificates: Mutex<HashMap<PathBuf, Result<Certificate, UnusableReason>>>,
    agents: Mutex<HashMap<Option<PathBuf>, Arc<Agent>>>,
}

impl Keyring {
    /// The agent behind `socket`, or one without keys.
    pub(super) fn agent(&self, socket: Option<&Path>) -> Arc<Agent> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = socket.map(Path::to_path_buf);
        Arc::clone(agents.entry(socket.clone()).or_insert_with(|| Arc::new(Agent::new(socket))))
    }

    /// The identity in `file`, or nothing where there is no such file.
    pub(super) fn identity(&self, file: &Path) -> Option<Arc<Identity>> {
        // Held while reading, so that each file is read once, whoever comes first.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(file.to_path_buf()).or_insert_with(|| read(file).map(Arc::new)).clone()
    }

    /// The user certificate in `file`, or why there is none.
    pub(super) fn certificate(&self, file: &Path) -> Result<Certificate, UnusableReason> {
        let mut certificates = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        certificates.entry(file.to_path_buf()).or_insert_with(|| read_certificate(file)).clone()
    }
}

fn read(file: &Path) -> Option<Identity> {
    let text = match fs::read_to_string(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            let why = if file.is_dir() { "it is a folder".to_owned() } else { error.to_string() };
            let private = Private::Unusable(UnusableReason::Other(why));
            return Some(Identity {
                file: file.to_path_buf(),
                public: None,
                certificate: None,
                private,
            });
        }
    };
    let private = match decode_secret_key(&text, None) {
        Ok(key) => Private::Open(Arc::new(key)),
        Err(_) if is_encrypted_by_old_means(&text) => {
            Private::Unusable(UnusableReason::Other(format!(
                "it is encrypted in an old way; bring it up to date: ssh-keygen -p -f {}",
                file.display()
            )))
        }
        Err(russh::keys::Error::KeyIsEncrypted) => {
            Private::Locked(text.to_string(), OnceCell::new())
        }
        // What kinds of PEM say of themselves when they cannot be read for encryption.
        Err(_) if text.contains("ENCRYPTED") => Private::Locked(text.to_string(), OnceCell::new()),
        Err(_) => Private::Unusable(UnusableReason::Other(why_no_key(file, &text).0)),
    };
    let private = match private {
        Private::Open(_) | Private::Locked(..) if others_may_read(file) => {
            let file = file.display();
            Private::Unusable(UnusableReason::Other(format!(
                "others than you may read it, and so it is not used, as by ssh; mend it: chmod 600 {file}"
            )))
        }
        fine => fine,
    };
    let public = match &private {
        Private::Open(key) => Some(key.public_key().clone()),
        Private::Locked(..) | Private::Unusable(_) => public_of(file, &text),
    };
    let certificate = read_certificate(&beside(file, "-cert.pub")).ok();
    Some(Identity { file: file.to_path_buf(), public, certificate, private })
}

/// What is wrong with `file` as a private key, for one that is named for all hosts: it is found out before any of
/// them. A public half does where an agent may hold the other; what is no plain file is read but once.
#[must_use]
pub fn fault_of_key(file: &Path) -> Option<Problem> {
    let shown = sanitise(&file.display().to_string()).into_owned();
    if file.is_dir() {
        return Some(Problem::new(format!("{shown} is a folder")).hint("name the key's file"));
    }
    let agent = std::env::var_os("SSH_AUTH_SOCK").is_some_and(|socket| !socket.is_empty());
    let identity = file.is_file().then(|| read(file)).flatten()?;
    let Private::Unusable(UnusableReason::Other(why)) = identity.private else { return None };
    if agent && identity.public.is_some() {
        return None;
    }
    let text = fs::read(file).unwrap_or_default();
    let hint = match why_no_key(file, &String::from_utf8_lossy(&text)) {
        (same, hint) if same == why => hint,
        _ => return None,
    };
    Some(Problem::new(format!("{shown}: {why}")).hint(hint))
}

/// Why the `text` of `file` is no private key, and what to do about it.
fn why_no_key(file: &Path, text: &str) -> (String, String) {
    let shown = sanitise(&file.display().to_string()).into_owned();
    let private = shown.strip_suffix("-cert.pub").or(shown.strip_suffix(".pub"));
    let name_it = match private {
        Some(private) => format!("name the private one: {private}"),
        None => "name the file of the private one".to_owned(),
    };
    let begins = text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----");
    let (why, next) = if Certificate::from_openssh(text.trim()).is_ok() {
        ("it is a certificate, not its private key", name_it)
    } else if PublicKey::from_openssh(text.trim()).is_ok() {
        ("it is the public half of a key", name_it)
    } else if text.starts_with("PuTTY-User-Key-File") {
        (
            "it is a key of PuTTY's",
            format!("convert it: puttygen {shown} -O private-openssh -o NEW"),
        )
    } else if begins {
        let next = format!("see whether ssh-keygen reads it: ssh-keygen -y -f {shown}");
        ("it cannot be read as a private key: it is cut off, damaged, or of an unknown kind", next)
    } else {
        let next = "a private key begins with -----BEGIN OPENSSH PRIVATE KEY-----, or the like";
        ("it is no private key", next.to_owned())
    };
    (why.to_owned(), next)
}

/// Whether the key is encrypted in a way that we do not know: old PEM other than what ssh-keygen has
/// written (AES-128-CBC around RSA), and PKCS#8 by Triple DES and the like. What PKCS#8 uses shows
/// before its passphrase matters.
fn is_encrypted_by_old_means(text: &str) -> bool {
    let known = text.contains("BEGIN RSA PRIVATE KEY") && text.contains("DEK-Info: AES-128-CBC");
    let unknown = |error: russh::keys::Error| {
        let error = error.to_string();
        error.contains("unsupported") || error.contains("OBJECT IDENTIFIER")
    };
    (text.contains("Proc-Type: 4,ENCRYPTED") && !known)
        || (text.contains("BEGIN ENCRYPTED PRIVATE KEY")
            && decode_secret_key(text, Some("")).is_err_and(unknown))
}

/// Whether a private key of the user's is open to others. Those that belong to somebody else are
/// that one's business: OpenSSH looks no closer either (sshkey_perm_ok).
fn others_may_read(file: &Path) -> bool {
    fs::metadata(file)
        .is_ok_and(|file| file.uid() == Uid::current().as_raw() && file.mode() & 0o077 != 0)
}

/// The public half of a key that we cannot decrypt: OpenSSH's own format shows it, others have it
/// in a file beside them. The file may also be a public key itself.
fn public_of(file: &Path, text: &str) -> Option<PublicKey> {
    let shown = PrivateKey::from_openssh(text).map(|key| key.public_key().clone());
    shown
        .or_else(|_| PublicKey::from_openssh(text.trim()))
        .ok()
        .or_else(|| load_public_key(beside(file, ".pub")).ok())
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn read_certificate(file: &Path) -> Result<Certificate, UnusableReason> {
    let text = fs::read_to_string(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => UnusableReason::Other("no such file".to_owned()),
        _ => UnusableReason::Other(error.to_string()),
    })?;
    match Certificate::from_openssh(&text) {
        Ok(certificate) if certificate.cert_type() == CertType::User => Ok(certificate),
        Ok(_) => Err(UnusableReason::Other("it is no certificate of a user".to_owned())),
        Err(_) => Err(UnusableReason::Other("it is no certificate".to_owned())),
    }
}
