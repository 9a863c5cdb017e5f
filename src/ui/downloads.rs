//! Downloads as they go: a live picture with sizes and rates, or a line for each file.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use super::board::cut;
use super::live::room;
use super::{Screen, Settings, Style};
use crate::length;
use crate::repository::{Event, Phase};
use crate::sanitise::sanitise;

/// How often the picture is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// How often it is said in lines what is on its way.
const SAY: Duration = Duration::from_secs(10);

/// A rate over a shorter time than this says nothing.
const LEAST: Duration = Duration::from_millis(100);

/// A file that is on its way.
struct File {
    name: String,
    size: Option<u64>,
    /// What was here before, in bytes.
    before: u64,
    /// What is here now, in bytes.
    have: u64,
    begun: Instant,
}

/// All downloads of one part of the work.
struct Downloads {
    phase: Phase,
    /// Whether it is said already what is being done.
    is_told: bool,
    files: BTreeMap<usize, File>,
    begun: Instant,
    /// How many files have come, and how many bytes.
    done: usize,
    received: u64,
    /// The servers that failed, and in which rounds, as far as that was told.
    failed: BTreeSet<(String, u32)>,
}

/// Shows `events` on `screen` until no more can come.
pub async fn show(mut events: UnboundedReceiver<Event>, settings: Settings, screen: Screen) {
    let mut downloads = Downloads::new(Instant::now());
    let mut tick = interval(if settings.style == Style::Live { TICK } else { SAY });
    // The first one comes at once, and nothing is to be told yet.
    tick.tick().await;
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            event = events.recv() => {
                let Some(event) = event else { break };
                let line = downloads.apply(event, Instant::now());
                if let Some(line) = line.filter(|line| line.always || settings.style == Style::Plain) {
                    screen.say(line.text);
                }
            }
            _ = tick.tick() => match settings.style {
                Style::Live => screen.draw(downloads.picture(room().0, Instant::now())),
                Style::Plain => {
                    if let Some(text) = downloads.under_way(Instant::now()) {
                        screen.say(text);
                    }
                }
            }
        }
    }
    screen.clear();
}

/// Something to say.
struct Line {
    text: String,
    /// Also where there is a picture.
    always: bool,
}

impl Downloads {
    fn new(now: Instant) -> Self {
        let (files, failed) = (BTreeMap::new(), BTreeSet::new());
        Self {
            phase: Phase::Lists,
            is_told: false,
            files,
            begun: now,
            done: 0,
            received: 0,
            failed,
        }
    }

    /// Takes an event in, and gives the line for it when it means something.
    fn apply(&mut self, event: Event, now: Instant) -> Option<Line> {
        let line = |text: String, always| Some(Line { text, always });
        match event {
            Event::Begun(phase) => {
                *self = Self { phase, ..Self::new(now) };
                // Where all is here already, nothing is fetched.
                if phase == Phase::Finding { self.tell_phase() } else { None }
            }
            Event::Fetching { id, name, size, have } => {
                let name = sanitise(&name).into_owned();
                let text =
                    format!("{name}: goes on where it was broken off, at {}", length::bytes(have));
                let file = File { name, size, before: have, have, begun: now };
                self.files.insert(id, file);
                let phase = self.tell_phase();
                if have == 0 {
                    return phase;
                }
                let before = phase.map_or_else(String::new, |line| line.text + "\n");
                line(before + &text, false)
            }
            Event::Received { id, bytes } => {
                let file = self.files.get_mut(&id)?;
                self.received += bytes.saturating_sub(file.have);
                file.have = bytes;
                None
            }
            Event::Again { host, round, why } => {
                let text = format!("{}: {}; it is tried again", sanitise(&host), sanitise(&why));
                // Several files at once fail alike.
                if self.failed.insert((host, round)) { line(text, true) } else { None }
            }
            Event::Fetched { id } => {
                let file = self.files.remove(&id).filter(|file| file.have > 0)?;
                self.done += 1;
                self.failed.clear();
                let taken = now.duration_since(file.begun);
                let rate = rate(file.have.saturating_sub(file.before), taken);
                let seconds = taken.as_secs_f64();
                let size = length::bytes(file.have);
                line(format!("{}: {size} in {seconds:.1} s{rate}", file.name), false)
            }
        }
    }

    /// What is being done, when that was not said yet.
    fn tell_phase(&mut self) -> Option<Line> {
        let text = doing(self.phase).to_owned();
        let was_told = std::mem::replace(&mut self.is_told, true);
        (!was_told).then_some(Line { text, always: false })
    }

    /// What is on its way for a while.
    fn under_way(&self, now: Instant) -> Option<String> {
        let files = self.files.values().filter(|file| now.duration_since(file.begun) >= SAY / 2);
        let lines: Vec<String> = files.map(|file| file.line(now)).collect();
        if lines.is_empty() { None } else { Some(format!("under way: {}", lines.join("; "))) }
    }

    /// A line for each file that is on its way, and one for all.
    fn picture(&self, columns: usize, now: Instant) -> String {
        let mut lines: Vec<String> = self.files.values().map(|file| file.line(now)).collect();
        let taken = now.duration_since(self.begun);
        let (what, seconds) = (doing(self.phase), taken.as_secs());
        lines.push(match self.phase {
            Phase::Finding => format!("{what}: {seconds} s"),
            Phase::Lists | Phase::Packages => format!(
                "{what}: {} file{}, {}{}, {seconds} s",
                self.done,
                if self.done == 1 { "" } else { "s" },
                length::bytes(self.received),
                rate(self.received, taken),
            ),
        });
        let lines: Vec<String> = lines.iter().map(|line| cut(line, columns)).collect();
        lines.join("\n")
    }
}

fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Lists => "fetching what repositories have",
        Phase::Finding => "finding what is needed",
        Phase::Packages => "fetching packages",
    }
}

impl File {
    fn line(&self, now: Instant) -> String {
        let have = length::bytes(self.have);
        let size = match self.size {
            Some(size) => format!("{have} of {}", length::bytes(size)),
            None => have,
        };
        let rate = rate(self.have.saturating_sub(self.before), now.duration_since(self.begun));
        format!("{}  {size}{rate}", self.name)
    }
}

/// `, 3.4 MB/s`; nothing where there is nothing to tell.
fn rate(received: u64, taken: Duration) -> String {
    if received == 0 || taken < LEAST {
        return String::new();
    }
    let millis = u64::try_from(taken.as_millis()).unwrap_or(u64::MAX).max(1);
    format!(", {}/s", length::bytes(received.saturating_mul(1000) / millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said for `events` that are a second apart, and the picture after them.
    fn told(events: Vec<Event>) -> (Vec<String>, String) {
        let begun = Instant::now();
        let mut downloads = Downloads::new(begun);
        let (mut lines, mut now) = (Vec::new(), begun);
        for event in events {
            lines.extend(downloads.apply(event, now).map(|line| line.text));
            now += Duration::from_secs(1);
        }
        (lines, downloads.picture(60, now))
    }

    fn fetching(id: usize, name: &str, size: Option<u64>, have: u64) -> Event {
        Event::Fetching { id, name: name.to_owned(), size, have }
    }

    fn again(round: u32) -> Event {
        Event::Again {
            host: "http://m".to_owned(),
            round,
            why: "the connection was cut".to_owned(),
        }
    }

    #[test]
    fn files_are_told_with_sizes_and_rates() {
        let (lines, picture) = told(vec![
            Event::Begun(Phase::Packages),
            fetching(0, "chrony.deb", Some(3_000_000), 0),
            fetching(1, "libc6.deb\u{1b}[2J", Some(2_000_000), 500_000),
            Event::Received { id: 0, bytes: 3_000_000 },
            Event::Fetched { id: 0 },
            Event::Received { id: 1, bytes: 1_500_000 },
            again(1),
            again(1),
            again(2),
        ]);
        assert_eq!(
            lines,
            [
                "fetching packages",
                "libc6.deb\\x1b[2J: goes on where it was broken off, at 500 kB",
                "chrony.deb: 3.0 MB in 3.0 s, 1.0 MB/s",
                "http://m: the connection was cut; it is tried again",
                "http://m: the connection was cut; it is tried again",
            ]
        );
        assert_eq!(
            picture,
            "libc6.deb\\x1b[2J  1.5 MB of 2.0 MB, 143 kB/s\nfetching packages: 1 file, 4.0 MB, 445 kB/s, 9 s"
        );
    }

    #[test]
    fn each_part_of_the_work_is_told_for_what_it_is() {
        let (lines, picture) = told(vec![
            Event::Begun(Phase::Lists),
            fetching(0, "list", None, 0),
            Event::Received { id: 0, bytes: 1000 },
            Event::Fetched { id: 0 },
            Event::Begun(Phase::Finding),
        ]);
        let list = "list: 1 kB in 2.0 s, 500 bytes/s";
        assert_eq!(lines, ["fetching what repositories have", list, "finding what is needed"]);
        assert_eq!(picture, "finding what is needed: 1 s");
        // All of them are in the cache.
        assert!(told(vec![Event::Begun(Phase::Packages)]).0.is_empty());
    }

    #[test]
    fn without_a_picture_what_takes_long_is_told() {
        let begun = Instant::now();
        let mut downloads = Downloads::new(begun);
        downloads.apply(fetching(0, "chrony.deb", Some(3_000_000), 0), begun);
        downloads.apply(Event::Received { id: 0, bytes: 10 }, begun);
        let late = begun + SAY;
        downloads.apply(fetching(1, "libc6.deb", None, 0), late);
        let told = downloads.under_way(late).unwrap();
        assert_eq!(told, "under way: chrony.deb  10 bytes of 3.0 MB, 1 bytes/s");
        downloads.apply(Event::Fetched { id: 0 }, late);
        assert_eq!(downloads.under_way(late), None);
    }

    #[test]
    fn what_is_not_there_is_no_download() {
        let (lines, _) = told(vec![fetching(0, "InRelease", None, 0), Event::Fetched { id: 0 }]);
        assert_eq!(lines, ["fetching what repositories have"]);
    }
}
