//! Symmetric keys: those that are given (`chrony_keys`), and the cluster's own (`time_key`).

use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::gates::{self, Gate};
use super::lookup::{Entry, Lookup};
use crate::problem::{Place, Problem};

/// The file beside config.yml that keeps a key which ezsync made. Its name starts with a dot, so that
/// it is no inventory where a whole folder is one.
const FILE: &str = ".time.key";

/// The number of the key that ezsync makes: NTP's port, which is hardly another key's number.
const MADE_ID: u32 = 123;

/// chronyd calls shorter keys weak (MIN_SECURE_KEY_LENGTH in keys.c), in bytes.
const MIN_LENGTH: usize = 10;

/// The number of a key, 1 to the largest of 32 bits. What stands there instead may be the key itself:
/// it is not shown.
pub(super) fn id(entry: &Entry<'_>) -> Result<u32, Problem> {
    let id = entry.integer(1..=i64::from(u32::MAX)).ok().and_then(|id| u32::try_from(id).ok());
    id.ok_or_else(|| {
        entry.secret_problem(&format!("must be the number of a key, 1 to {}", u32::MAX))
    })
}

/// The types of keys, each with the length that it must have (bytes) and what chrony needs for it.
const TYPES: [(&str, Option<usize>, Option<Gate>); 7] = [
    ("MD5", None, None),
    ("SHA1", None, Some(gates::SHA1)),
    ("SHA256", None, Some(gates::LONG_HASH)),
    ("SHA384", None, Some(gates::LONG_HASH)),
    ("SHA512", None, Some(gates::LONG_HASH)),
    ("AES128", Some(16), Some(gates::CMAC)),
    ("AES256", Some(32), Some(gates::CMAC)),
];

/// One key.
#[derive(Debug, Clone)]
struct Key {
    id: u32,
    gate: Option<Gate>,
    /// `TYPE FORMAT:KEY`, as chrony's key file has it.
    text: SecretString,
}

/// All keys of a cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    given: Vec<Key>,
    cluster: Option<ClusterKey>,
}

/// The key that clients and the source share.
#[derive(Debug, Clone)]
enum ClusterKey {
    Given(u32),
    Made(MadeKey),
}

/// A key that ezsync makes, and keeps in a file.
#[derive(Debug, Clone)]
pub struct MadeKey {
    path: PathBuf,
    text: Arc<OnceLock<SecretString>>,
}

impl Keys {
    /// `chrony_keys` and `time_key`. A key that was made before is in `folder`.
    pub fn read(lookup: &Lookup<'_>, folder: &Path) -> Result<Self, Problem> {
        let mut keys = Self::default();
        if let Some(entry) = lookup.entry("chrony_keys")? {
            for item in entry.items() {
                let key = Key::read(&item)?;
                if keys.given.iter().any(|known| known.id == key.id) {
                    return Err(item.secret_problem(&format!("there are two keys {}", key.id)));
                }
                keys.given.push(key);
            }
        }
        let Some(entry) = lookup.entry("time_key")? else { return Ok(keys) };
        keys.cluster = match entry.value.as_str() {
            Some("generate") => Some(ClusterKey::Made(keys.made(&entry, folder)?)),
            Some("none") => None,
            _ => {
                let id = id(&entry).map_err(|problem| problem.hint(TIME_KEY))?;
                keys.check(id, &entry)?;
                Some(ClusterKey::Given(id))
            }
        };
        Ok(keys)
    }

    fn made(&self, entry: &Entry<'_>, folder: &Path) -> Result<MadeKey, Problem> {
        if self.given.iter().any(|key| key.id == MADE_ID) {
            let message =
                format!("the generated key has the number {MADE_ID}, as one of chrony_keys");
            return Err(entry.problem(&message).hint("give that one another number"));
        }
        MadeKey::open(folder.join(FILE))
    }

    /// Refuses a number that no key has.
    pub fn check(&self, id: u32, entry: &Entry<'_>) -> Result<(), Problem> {
        if self.given.iter().any(|key| key.id == id) {
            return Ok(());
        }
        Err(entry
            .problem(&format!("there is no key {id} in chrony_keys"))
            .hint("add it: chrony_keys: [{id: 3, type: SHA256, key: \"HEX:...\"}]"))
    }

    /// The number of the key that clients and the source share.
    pub fn shared(&self) -> Option<u32> {
        self.cluster.as_ref().map(|key| match key {
            ClusterKey::Given(id) => *id,
            ClusterKey::Made(_) => MADE_ID,
        })
    }

    /// The key that ezsync makes, when it is to.
    pub fn made_key(&self) -> Option<&MadeKey> {
        match &self.cluster {
            Some(ClusterKey::Made(key)) => Some(key),
            _ => None,
        }
    }

    /// The keys of a host: the source has all, a client the one that it shares with the source.
    pub fn of_host(&self, is_source: bool) -> HostKeys {
        let shared = self.shared();
        let given = self.given.iter().filter(|key| is_source || Some(key.id) == shared);
        HostKeys { given: given.cloned().collect(), made: self.made_key().cloned() }
    }
}

const TIME_KEY: &str = "write `generate`, or the number of a key in chrony_keys";

/// The most that a line of a key file has besides the key (bytes): its number, a blank, the line's end.
const LINE: usize = 12;

/// The keys in one host's key file.
#[derive(Debug, Clone, Default)]
pub(super) struct HostKeys {
    given: Vec<Key>,
    made: Option<MadeKey>,
}

impl HostKeys {
    pub fn is_empty(&self) -> bool {
        self.given.is_empty() && self.made.is_none()
    }

    /// What a chrony must have for these.
    pub fn gates(&self) -> impl Iterator<Item = Gate> {
        let given = self.given.iter().filter_map(|key| key.gate.clone());
        given.chain(self.made.iter().map(|_| gates::LONG_HASH))
    }

    /// The text of the key file; empty without keys.
    pub fn text(&self) -> SecretString {
        if self.is_empty() {
            return SecretString::default();
        }
        let made = self.made.as_ref().map(MadeKey::line).unwrap_or_default();
        let head = "# Written by ezsync: the keys of this host's chrony.\n";
        let lengths = self.given.iter().map(|key| key.text.expose_secret().len() + LINE);
        let room = lengths.sum::<usize>() + head.len() + made.expose_secret().len();
        // Of one size from the start, and no larger at the end: what moves leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(head);
        for key in &self.given {
            text.push_str(&key.id.to_string());
            text.push(' ');
            text.push_str(key.text.expose_secret());
            text.push('\n');
        }
        text.push_str(made.expose_secret());
        text.as_str().into()
    }
}

impl Key {
    fn read(entry: &Entry<'_>) -> Result<Self, Problem> {
        let hint = "a key is {id: 3, type: SHA256, key: \"HEX:...\"}";
        let fields = entry
            .fields()
            .ok_or_else(|| entry.secret_problem("a key must be a mapping").hint(hint))?;
        let known = ["id", "type", "key"];
        if let Some((name, field)) = fields.iter().find(|(name, _)| !known.contains(name)) {
            let problem = field.secret_problem("there is no such part of a key");
            return Err(problem.meant(name, &known, "the parts are"));
        }
        let part = |wanted: &str| {
            let found = fields.iter().find(|(name, _)| *name == wanted).map(|(_, entry)| entry);
            found.ok_or_else(|| {
                entry.secret_problem(&format!("a key without its `{wanted}`")).hint(hint)
            })
        };
        let id = id(part("id")?)?;
        let kind = part("type")?;
        let name = kind.value.as_str().unwrap_or_default().to_ascii_uppercase();
        let Some((name, length, gate)) = TYPES.iter().find(|(known, ..)| *known == name) else {
            let names: Vec<&str> = TYPES.iter().map(|(name, ..)| *name).collect();
            let problem = kind.secret_problem("chrony knows no such type");
            return Err(problem.meant(&name, &names, "the types are"));
        };
        let field = part("key")?;
        let text = field.value.as_str().unwrap_or_default();
        let has = length_of(text).map_err(|why| field.secret_problem(why).hint(FORMAT))?;
        match length {
            Some(length) if *length != has => {
                let message =
                    format!("a key of type {name} has {length} bytes, this one has {has}");
                Err(field.secret_problem(&message))
            }
            None if has < MIN_LENGTH => {
                let message =
                    format!("{has} bytes are too few: chronyd calls less than {MIN_LENGTH} weak");
                Err(field.secret_problem(&message).hint("`chronyc keygen` makes good ones"))
            }
            _ => Ok(Self { id, gate: gate.clone(), text: format!("{name} {text}").into() }),
        }
    }
}

const FORMAT: &str = "write HEX:0123... or ASCII:..., with quotes around it";

/// How many bytes a key has that is written as in chrony's key file, or what is wrong with it.
/// Without a format before it other programs than chrony take a long one for hexadecimal.
fn length_of(text: &str) -> Result<usize, &'static str> {
    if let Some(digits) = text.strip_prefix("HEX:") {
        let sound = digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return if sound {
            Ok(digits.len() / 2)
        } else {
            Err("is not made of pairs of hexadecimal digits")
        };
    }
    let Some(word) = text.strip_prefix("ASCII:") else {
        return Err("must begin with HEX: or ASCII:");
    };
    match word.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(word.len()),
        false => Err("may have neither blanks nor characters beyond ASCII"),
    }
}

impl MadeKey {
    /// The key in the file at `path`, when one was made before.
    fn open(path: PathBuf) -> Result<Self, Problem> {
        let key = Self { path, text: Arc::default() };
        let problem = |message: String| Problem::new(message).at(Place::in_file(&key.path));
        let (text, mode) = match read(&key.path) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(key),
            Err(error) => return Err(problem(format!("cannot read the cluster's key: {error}"))),
        };
        if mode & 0o077 != 0 {
            let hint = format!(
                "chmod 600 {}; if somebody may have read it, remove it instead",
                key.path.display()
            );
            return Err(problem("others may read the cluster's key".to_owned()).hint(hint));
        }
        if !is_made(text.expose_secret()) {
            return Err(problem("this is not a key that ezsync made".to_owned()).hint(
                "remove the file: the next setup makes a new key and brings it to all hosts",
            ));
        }
        key.keep(text);
        Ok(key)
    }

    /// Makes the key, unless it was made before.
    ///
    /// # Errors
    /// The file cannot be written, or the operating system gives no random numbers.
    pub fn make(&self) -> Result<(), Problem> {
        if self.text.get().is_some() {
            return Ok(());
        }
        let problem = |message: String| Problem::new(message).at(Place::in_file(&self.path));
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bytes)
            .map_err(|error| problem(format!("this machine gives no random numbers: {error}")))?;
        let head = format!("{MADE_ID} SHA256 HEX:");
        let mut line = Zeroizing::new(String::with_capacity(head.len() + 2 * bytes.len() + 1));
        line.push_str(&head);
        for byte in bytes.iter() {
            // Writing to a String cannot fail.
            let _ = fmt::Write::write_fmt(&mut *line, format_args!("{byte:02X}"));
        }
        line.push('\n');
        let line = SecretString::from(line.as_str());
        self.write(line.expose_secret())
            .map_err(|error| problem(format!("cannot keep the cluster's key: {error}")))?;
        self.keep(line);
        Ok(())
    }

    /// Whole or not at all, readable by its owner alone; one that somebody else has just made stays.
    fn write(&self, line: &str) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".time.key.").tempfile_in(folder)?;
        file.write_all(line.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&self.path)?;
        Ok(())
    }

    fn keep(&self, line: SecretString) {
        // Only the first one counts, and there is no other.
        let _ = self.text.set(line);
    }

    /// Its line in a key file. Before it is made nothing of it is ever sent.
    fn line(&self) -> SecretString {
        self.text.get().cloned().unwrap_or_default()
    }
}

/// What a file holds, and who may read it.
fn read(path: &Path) -> std::io::Result<(SecretString, u32)> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.mode();
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok((text.as_str().into(), mode))
}

/// Whether `text` is one line with a key of ours.
fn is_made(text: &str) -> bool {
    let key = text.trim_end().strip_prefix(&format!("{MADE_ID} SHA256 "));
    text.lines().count() == 1 && key.is_some_and(|key| length_of(key) == Ok(32))
}
