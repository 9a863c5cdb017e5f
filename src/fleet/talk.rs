//! A script that runs on a host, is spoken to, and answers in sections.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use secrecy::zeroize::Zeroizing;
use tokio::time::{Instant, timeout};

use super::clock;
use super::link::{Events, Exec, Stdin};
use crate::exec::{Event, ExecError, ExitStatus};
use crate::remote::{OUTPUT_MAX, Section, Sections, Word};

/// How long a host may take to take in a line, or to hear that none follows.
const HEARING: Duration = Duration::from_secs(20);

/// How much is held of what a script says beside its sections (bytes), which is there to be read by people.
const STDERR_MAX: usize = 256 * 1024;

/// How long we listen in all until it is our turn to say something: a host that always has something to
/// say keeps nobody for ever.
const LISTENING: Duration = Duration::from_secs(3600);

/// Bytes to be sent that are wiped when they have been: a script may carry keys, a line a password.
pub(super) fn wiped(text: &str) -> Bytes {
    Bytes::from_owner(Zeroizing::new(text.as_bytes().to_vec()))
}

/// The script's two ends, and what it has said so far.
pub(super) struct Talk {
    stdin: Option<Stdin>,
    events: Events,
    /// The end of the input is not heard on a terminal: it is said.
    terminal: bool,
    sections: Sections,
    seen: usize,
    /// How much is kept of standard error.
    room: usize,
    /// More than is kept is passed over; else it is an error.
    may_cut: bool,
    stderr: Vec<u8>,
    /// How much more of it came.
    passed_over: usize,
    status: Option<ExitStatus>,
    /// How long we have listened since we last said something.
    listened: Duration,
    /// It did not take in what was said to it.
    deaf: bool,
    /// When it was asked last, in the controller's time.
    said: Option<Duration>,
}

impl Talk {
    /// A talk with the shell that `exec` runs, which has said `heard` already; sections begin
    /// with `mark`.
    pub(super) fn new(exec: Exec, mark: &Word, terminal: bool, heard: &[u8]) -> Self {
        let mut sections = Sections::new(mark);
        sections.feed(heard);
        Self {
            stdin: Some(exec.stdin),
            events: exec.events,
            terminal,
            sections,
            seen: 0,
            room: STDERR_MAX,
            may_cut: false,
            stderr: Vec::new(),
            passed_over: 0,
            status: None,
            listened: Duration::ZERO,
            deaf: false,
            said: None,
        }
    }

    /// Whether it runs on a terminal, where all that is written is standard output.
    pub(super) fn has_terminal(&self) -> bool {
        self.terminal
    }

    /// When it was asked last, in the controller's time.
    pub(super) fn said(&self) -> Option<Duration> {
        self.said
    }

    /// A talk with the same shell, which waits for another script: its sections begin with `mark`. None where
    /// nothing can be said to it any more, or its end would not be seen: on a terminal it may have read ahead.
    pub(super) fn onward(self, mark: &Word) -> Option<Self> {
        if self.terminal || self.deaf {
            return None;
        }
        let exec = Exec { stdin: self.stdin?, events: self.events };
        Some(Self::new(exec, mark, false, b""))
    }

    /// Sends the script. Should the host not read it, its events tell why.
    pub(super) async fn send(&mut self, script: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write(wiped(script)).await;
        }
    }

    /// The same for a script that tells the time: how long it takes is to be known. It begins with its last line,
    /// and the others may have to wait until the host opens the way for them.
    pub(super) async fn send_timed(&mut self, script: &str) {
        let lines = script.trim_end().rfind('\n').map_or(0, |end| end + 1);
        let (lines, last) = script.split_at(lines);
        self.send(lines).await;
        self.said = clock::now();
        self.send(last).await;
    }

    /// Sends `bytes` and takes in what is said meanwhile: a script that has given up reads no more. False
    /// when that is so, by a section that `goes_on` does not know.
    pub(super) async fn pour(
        &mut self,
        bytes: Bytes,
        goes_on: impl Fn(&Section) -> bool,
    ) -> Result<bool, ExecError> {
        let Some(mut stdin) = self.stdin.take() else { return Err(ExecError::InputClosed) };
        let mut looked_at = self.seen;
        let poured = {
            let mut writing = pin!(stdin.write(bytes));
            loop {
                tokio::select! {
                    // Its events tell why a script takes no more.
                    written = &mut writing => break Ok(written.is_ok()),
                    more = self.receive() => match more {
                        Ok(true) => {}
                        Ok(false) => break Ok(false),
                        Err(error) => break Err(error),
                    },
                }
                let new = self.sections.all().get(looked_at..).unwrap_or_default();
                looked_at += new.len();
                if !new.iter().all(&goes_on) {
                    break Ok(false);
                }
            }
        };
        self.stdin = Some(stdin);
        poured
    }

    /// Waits for the first section, which is still to be read; false when none comes.
    pub(super) async fn has_begun(&mut self) -> Result<bool, ExecError> {
        while self.sections.all().is_empty() {
            if !self.receive().await? {
                break;
            }
        }
        Ok(!self.sections.all().is_empty())
    }

    /// Keeps only the first `bytes` of what is written to each stream, and passes over the rest.
    pub(super) fn keep(&mut self, bytes: usize) {
        self.may_cut = true;
        self.room = bytes;
        self.sections.keep(bytes);
    }

    /// Whether more was written than was kept.
    pub(super) fn was_cut(&self) -> bool {
        self.passed_over > 0 || self.sections.was_cut()
    }

    /// Says a line. A script that has ended does not hear it: its events tell. One that takes nothing in is
    /// left: what is to be heard next is that its time is up.
    pub(super) async fn say(&mut self, line: &str) {
        self.listened = Duration::ZERO;
        self.said = clock::now();
        if timeout(HEARING, self.send(&format!("{line}\n"))).await.is_err() {
            // A part of the line may have been taken in: nothing can follow it.
            self.stdin = None;
            self.deaf = true;
        }
    }

    /// Says that nothing more will be said.
    pub(super) async fn hang_up(&mut self) {
        if self.terminal {
            self.say("end").await;
        }
        if let Some(stdin) = self.stdin.take() {
            self.deaf |= timeout(HEARING, stdin.close()).await.is_err();
        }
    }

    /// Waits, as long as `silence` at the most, for the next section to begin: bytes that begin none are no
    /// sign of life. Its heading is whole then, its body may still grow. None when the script has ended.
    pub(super) async fn next(&mut self, silence: Duration) -> Result<Option<&Section>, ExecError> {
        let begun = Instant::now();
        let limit = silence.min(LISTENING.saturating_sub(self.listened));
        let more = async {
            while self.sections.all().len() <= self.seen {
                if !self.receive().await? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let more = timeout(limit, more).await.map_err(|_| ExecError::TimedOut(limit))??;
        self.listened += begun.elapsed();
        if !more {
            return Ok(None);
        }
        self.seen += 1;
        Ok(self.sections.all().get(self.seen - 1))
    }

    /// Waits, as long as `limit` at the most, for the next section with this `name`. None when the script
    /// has ended before it.
    pub(super) async fn until(
        &mut self,
        name: &str,
        limit: Duration,
    ) -> Result<Option<Section>, ExecError> {
        let found = async {
            while let Some(section) = self.next(limit).await? {
                if section.name == name {
                    return Ok(Some(section.clone()));
                }
            }
            Ok(None)
        };
        timeout(limit, found).await.map_err(|_| ExecError::TimedOut(limit))?
    }

    /// Waits, as long as `limit` at the most for each, for the sections up to that with this `name`, and
    /// hands them out without it: they are kept no longer, since such answers may come without end. None
    /// when the script has ended before it.
    pub(super) async fn take_until(
        &mut self,
        name: &str,
        limit: Duration,
    ) -> Result<Option<Vec<Section>>, ExecError> {
        // The first ones may have come with the shell's greeting.
        let begun = self.seen;
        while let Some(section) = self.next(limit).await? {
            if section.name == name {
                let last = std::mem::replace(&mut self.seen, begun) - 1;
                return Ok(Some(self.sections.take(begun, last)));
            }
        }
        Ok(None)
    }

    /// Takes in what comes next. False when the script has ended.
    async fn receive(&mut self) -> Result<bool, ExecError> {
        if self.deaf {
            return Err(ExecError::TimedOut(HEARING));
        }
        match self.events.next().await? {
            Some(Event::Stdout(bytes)) => self.sections.feed(&bytes),
            Some(Event::Stderr(bytes)) => {
                let room = self.room.saturating_sub(self.stderr.len());
                self.passed_over += bytes.len().saturating_sub(room);
                self.stderr.extend(bytes.into_iter().take(room));
            }
            Some(Event::Exit(status)) => self.status = Some(status),
            None => {
                self.sections.finish();
                return Ok(false);
            }
        }
        // People need no more of standard error than is kept; but it has no end where all of it is too much.
        if !self.may_cut && (self.sections.was_cut() || self.passed_over > OUTPUT_MAX) {
            return Err(ExecError::TooMuchOutput(OUTPUT_MAX));
        }
        Ok(true)
    }

    /// Reads on until the script has ended by itself, `limit` at the most.
    pub(super) async fn read_to_end(&mut self, limit: Duration) -> Result<(), ExecError> {
        let all = async {
            while self.receive().await? {}
            Ok(())
        };
        timeout(limit, all).await.map_err(|_| ExecError::TimedOut(limit))?
    }

    /// The same until its section `name` has begun. False when it has ended without.
    pub(super) async fn read_to(&mut self, name: &str, limit: Duration) -> Result<bool, ExecError> {
        let found = async {
            while !self.sections.all().iter().any(|section| section.name == name) {
                if !self.receive().await? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        timeout(limit, found).await.map_err(|_| ExecError::TimedOut(limit))?
    }

    /// All sections so far.
    pub(super) fn sections(&self) -> &[Section] {
        self.sections.all()
    }

    /// What came before the first section.
    pub(super) fn preamble(&self) -> String {
        self.sections.preamble()
    }

    /// What was printed beside the sections, and how the script ended.
    pub(super) fn ending(&self) -> (String, Option<&ExitStatus>) {
        (String::from_utf8_lossy(&self.stderr).trim().to_owned(), self.status.as_ref())
    }

    /// What was written to standard error, as it is.
    pub(super) fn stderr(&self) -> &[u8] {
        &self.stderr
    }

    /// Hangs up and reads to the end, so that the channel closes in order. False when it did not within `limit`.
    pub(super) async fn end(mut self, limit: Duration) -> bool {
        self.hang_up().await;
        self.read_to_end(limit).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::link::Link;
    use crate::local::Machine;

    async fn talk(command: &str) -> Talk {
        let exec = Link::Local(Machine::default()).exec(command, false).await.unwrap();
        Talk::new(exec, &Word::random().unwrap(), false, b"")
    }

    #[tokio::test]
    async fn bytes_without_a_section_are_no_sign_of_life() {
        let mut talk = talk("for n in 1 2 3 4 5 6 7 8 9; do printf x; sleep 0.1; done").await;
        let limit = Duration::from_millis(300);
        assert!(matches!(talk.next(limit).await, Err(ExecError::TimedOut(it)) if it == limit));
    }

    #[tokio::test]
    async fn who_does_not_hear_is_left() {
        let mut talk = talk("sleep 3").await;
        // No pipe takes so much.
        let _ = timeout(Duration::from_millis(200), talk.send(&"x".repeat(4 << 20))).await;
        tokio::time::pause();
        talk.say("go").await;
        let next = talk.next(Duration::from_secs(900)).await;
        assert!(matches!(next, Err(ExecError::TimedOut(limit)) if limit == HEARING));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_listened_to_for_ever() {
        let mut talk = talk("sleep 3").await;
        talk.listened = LISTENING - Duration::from_secs(1);
        let next = talk.next(Duration::from_secs(900)).await;
        assert!(matches!(next, Err(ExecError::TimedOut(limit)) if limit.as_secs() == 1));
        // It is listened to anew once it was told something.
        talk.say("go").await;
        assert_eq!(talk.listened, Duration::ZERO);
    }
}
