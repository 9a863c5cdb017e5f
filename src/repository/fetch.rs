//! Fetches files, several at once, and takes up what was broken off.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::cache::{Cache, Partial, sum};
use super::error::Error;
use super::event::Event;
use super::http::{Answer, Http, Kind, LACKS, Refusal, TRY_MIRROR};
use super::shown;

/// How many files are fetched at once: enough to hide the way there and back, and no burden for a mirror.
pub(super) const AT_ONCE: usize = 6;

/// How often a file is tried that comes no further, and how long to wait before the second try. The wait
/// doubles each time.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// A try that brings so many bytes has come further: a trickle has not.
const FURTHER: u64 = 64 << 10;

/// Files without a known hash may have this many bytes: the longest known InRelease has 300 kB.
const FRESH_MAX: u64 = 32 << 20;

/// Files without a known size may have this many bytes: the longest known list has 40 MB.
const UNSIZED_MAX: u64 = 1 << 30;

/// A file whose hash is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Where it is.
    pub url: String,
    /// What it is called in messages.
    pub name: String,
    /// Its size in bytes, when that is known.
    pub size: Option<u64>,
    /// Its SHA-256 or SHA-512 in small hexadecimal digits.
    pub sum: String,
}

/// Fetches files.
pub(super) struct Fetcher<'a> {
    pub http: Http,
    pub cache: Cache,
    /// Who is told what happens.
    pub events: UnboundedSender<Event>,
    /// Cancelled when the user wants no more.
    pub cancelled: &'a CancellationToken,
    /// The number of the next file.
    pub next: AtomicUsize,
}

impl Fetcher<'_> {
    pub fn tell(&self, event: Event) {
        // Nobody may listen any more: that is no mistake.
        let _ = self.events.send(event);
    }

    fn go_on(&self) -> Result<(), Error> {
        if self.cancelled.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// The file at `url` as it is now; none when there is none.
    pub fn fresh(&self, url: &str, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let id = self.begin(name, None, 0);
        let mut tries = 0;
        loop {
            self.go_on()?;
            let refusal = match self.read_fresh(url, id) {
                Ok(bytes) => {
                    self.tell(Event::Fetched { id });
                    return Ok(Some(bytes));
                }
                Err(refusal) => refusal,
            };
            if refusal.kind == Kind::Missing {
                self.tell(Event::Fetched { id });
                return Ok(None);
            }
            tries += 1;
            self.wait(url, tries, &refusal)?;
        }
    }

    fn read_fresh(&self, url: &str, id: usize) -> Result<Vec<u8>, Refusal> {
        let answer = self.open(url, 0)?;
        let mut bytes = Vec::new();
        let mut body = answer.body.take(FRESH_MAX + 1);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = body.read(&mut buffer).map_err(|error| broken(&error))?;
            bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
            if read == 0 {
                break;
            }
            self.tell(Event::Received { id, bytes: bytes.len() as u64 });
        }
        let length = bytes.len() as u64;
        if length > FRESH_MAX {
            return Err(Refusal { kind: Kind::Lasting, ..cut("it has no end") });
        }
        if answer.size.is_some_and(|size| size != length) {
            return Err(cut("the connection was cut"));
        }
        Ok(bytes)
    }

    /// The file, from the cache or from where it is.
    pub fn get(&self, item: &Item) -> Result<Vec<u8>, Error> {
        self.go_on()?;
        if let Some(path) = item.url.strip_prefix("file://") {
            return local(item, path);
        }
        if let Some(bytes) = self.cache.get(&item.sum) {
            return Ok(bytes);
        }
        let mut partial = self.cache.partial(&item.sum)?;
        let id = self.begin(&item.name, item.size, partial.have);
        let mut tries = 0;
        loop {
            self.go_on()?;
            let before = partial.have;
            let took_up = before > 0;
            match self.read_on(item, &mut partial, id)? {
                Ok(()) if partial.sum() == item.sum => break,
                // What was here of it before may be what is wrong.
                Ok(()) if took_up => partial.begin_again()?,
                Ok(()) => {
                    partial.begin_again()?;
                    return Err(wrong_hash(item));
                }
                Err(refusal) => {
                    if partial.have >= before + FURTHER {
                        tries = 0;
                    }
                    tries += 1;
                    self.wait(&item.url, tries, &refusal)?;
                }
            }
        }
        let bytes = partial.read()?;
        self.cache.keep(&partial, &item.sum)?;
        self.tell(Event::Fetched { id });
        Ok(bytes)
    }

    /// Reads from where `partial` ends to the end of the file. The outer error is this machine's, the
    /// inner one the server's.
    fn read_on(
        &self,
        item: &Item,
        partial: &mut Partial,
        id: usize,
    ) -> Result<Result<(), Refusal>, Error> {
        if item.size.is_some_and(|size| partial.have == size) {
            return Ok(Ok(()));
        }
        let answer = match self.open(&item.url, partial.have) {
            Ok(answer) => answer,
            Err(refusal) => {
                if refusal.kind == Kind::PastEnd {
                    partial.begin_again()?;
                }
                return Ok(Err(refusal));
            }
        };
        if answer.start != partial.have {
            // A server that knows no ranges sends all of it.
            partial.begin_again()?;
        }
        let Answer { size, mut body, .. } = answer;
        let mut buffer = vec![0; 64 << 10];
        loop {
            self.go_on()?;
            let read = match body.read(&mut buffer) {
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(error) => return Ok(Err(broken(&error))),
            };
            if read.is_empty() {
                break;
            }
            partial.add(read)?;
            self.tell(Event::Received { id, bytes: partial.have });
            if partial.have > item.size.unwrap_or(UNSIZED_MAX) {
                // It is not the file: its hash will say so.
                return Ok(Ok(()));
            }
        }
        let whole = item.size.or(size).is_none_or(|size| partial.have >= size);
        Ok(if whole { Ok(()) } else { Err(cut("the connection was cut")) })
    }

    fn open(&self, url: &str, start: u64) -> Result<Answer, Refusal> {
        let Some(path) = url.strip_prefix("file://") else { return self.http.open(url, start) };
        match std::fs::File::open(path) {
            Ok(file) => Ok(Answer { start: 0, size: None, body: Box::new(file) }),
            Err(error) => Err(Refusal {
                kind: match error.kind() {
                    io::ErrorKind::NotFound => Kind::Missing,
                    _ => Kind::Lasting,
                },
                hint: "look at the path of the mirror",
                what: error.to_string(),
            }),
        }
    }

    fn begin(&self, name: &str, size: Option<u64>, have: u64) -> usize {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.tell(Event::Fetching { id, name: name.to_owned(), size, have });
        id
    }

    /// Waits before the next try, or says that there is none.
    fn wait(&self, url: &str, tries: u32, refusal: &Refusal) -> Result<(), Error> {
        if !matches!(refusal.kind, Kind::PastEnd | Kind::Passing) || tries >= TRIES {
            return Err(Error::failed(format!("{}: {}", shown(url), refusal.what), refusal.hint));
        }
        let (host, why) = (host(url), refusal.what.clone());
        self.tell(Event::Again { host, round: tries, why });
        thread::sleep(PAUSE * 2_u32.pow(tries - 1));
        Ok(())
    }

    /// Does `work` for each of `items`, some at once, and gives the results in their order. The first
    /// failure in that order is the one that is told, whichever came first.
    pub fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let results = Mutex::new(HashMap::new());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(items.len()) {
                scope.spawn(|| {
                    while !failed.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(number) else { return };
                        let result = work(item);
                        failed.fetch_or(result.is_err(), Ordering::Relaxed);
                        if let Ok(mut results) = results.lock() {
                            results.insert(number, result);
                        }
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_default();
        let found = (0..items.len()).filter_map(|number| results.remove(&number));
        let found: Vec<R> = found.collect::<Result<_, Error>>()?;
        // Only a failure or the end stops the work, and a failure has been told.
        if found.len() == items.len() { Ok(found) } else { Err(Error::Interrupted) }
    }

    /// What `work` gives for each of `keys`, each of which is done once.
    pub fn map<K: Clone + Eq + Hash + Ord + Sync + Send, R: Send>(
        &self,
        keys: impl IntoIterator<Item = K>,
        work: impl Fn(&K) -> Result<R, Error> + Sync,
    ) -> Result<HashMap<K, R>, Error> {
        let mut keys: Vec<K> = keys.into_iter().collect();
        keys.sort();
        keys.dedup();
        let found = self.each(&keys, work)?;
        Ok(keys.into_iter().zip(found).collect())
    }
}

/// The scheme and the host of `url`.
fn host(url: &str) -> String {
    let url = shown(url);
    url.splitn(4, '/').take(3).collect::<Vec<&str>>().join("/")
}

/// A file on this machine.
fn local(item: &Item, path: &str) -> Result<Vec<u8>, Error> {
    let bytes = std::fs::read(Path::new(path)).map_err(|error| {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let hint = if is_missing { LACKS } else { "look at the path of the mirror" };
        Error::failed(format!("{path}: {error}"), hint)
    })?;
    if sum(&bytes, &item.sum) == item.sum { Ok(bytes) } else { Err(wrong_hash(item)) }
}

fn wrong_hash(item: &Item) -> Error {
    Error::failed(
        format!(
            "{}: this is not the file that its list names: its checksum is another",
            shown(&item.url)
        ),
        "the mirror is being updated, or is broken: try again in a while, or name another with --mirror NAME=URL",
    )
}

/// A body that cannot be read on.
fn broken(error: &io::Error) -> Refusal {
    match error.kind() {
        // The same server will hardly be faster.
        io::ErrorKind::TimedOut => Refusal { hint: TRY_MIRROR, ..cut(&error.to_string()) },
        _ => cut(&error.to_string()),
    }
}

/// A connection that ended too early.
fn cut(what: &str) -> Refusal {
    Refusal {
        what: what.to_owned(),
        hint: "run it again: what is here of it is kept, and the rest is fetched then",
        kind: Kind::Passing,
    }
}

#[cfg(test)]
mod tests;
