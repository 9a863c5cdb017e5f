//! Scripts for looking in on a host: who answers there, and a command of the user's.

use super::probe::Release;
use super::script::{Script, quote};
use super::{Section, Word};
use crate::bundle::Stock;

const PING: &str = include_str!("sh/ping.sh");
const COMMAND: &str = include_str!("sh/command.sh");
const STOCK: &str = include_str!("sh/stock.sh");

/// A script that says who runs it and what the host is, and answers one line.
#[must_use]
pub fn ping_script(mark: &Word) -> String {
    Script::new(mark, &[PING]).finish("ping_back")
}

/// What the ping script said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Greeted {
    /// Who runs it.
    pub user: String,
    /// What the host is: `Debian GNU/Linux 12 (bookworm)`; its kernel's name where it does not say.
    pub distribution: String,
    /// What `sh` is: `/usr/bin/dash`.
    pub shell: String,
}

impl Greeted {
    /// Reads the `sections` of the script's answer.
    #[must_use]
    pub fn of(sections: &[Section]) -> Self {
        let text = |name: &str| {
            let found = sections.iter().find(|section| section.name == name);
            found.map(Section::text).unwrap_or_default().trim().to_owned()
        };
        let name = Release::parse(&text("os-release")).get("PRETTY_NAME");
        let distribution = if name.is_empty() { text("uname") } else { name };
        Self { user: text("user"), distribution, shell: text("sh") }
    }
}

/// A script that runs `line` by `sh`, with nothing to read. It leaves the environment as it is, and
/// ends the command when the script's own input ends.
#[must_use]
pub fn command_script(line: &str, mark: &Word) -> String {
    let mut script = Script::bare(mark, &[COMMAND]);
    script.line("wanted() {").line(&format!("exec $alone sh -c {}", quote(line))).line("}");
    script.finish("command_run")
}

/// The exit status of the command; none when the script was ended before it.
#[must_use]
pub fn command_status(sections: &[Section]) -> Option<u32> {
    let ended = sections.iter().rfind(|section| section.name == "ended")?;
    ended.args.first()?.parse().ok()
}

/// A script that lists the packages of the host.
#[must_use]
pub fn stock_script(mark: &Word) -> String {
    let mut script = Script::new(mark, &[STOCK]);
    script.line("list_all() {").line("list_stock").line("section end").line("}");
    script.finish("list_all")
}

/// The host's packages in an answer; none when they are not in it, or it was cut off.
#[must_use]
pub fn stock(sections: &[Section]) -> Option<Stock> {
    let text = |name: &str| {
        let found = sections.iter().find(|section| section.name == name);
        found.map(Section::text)
    };
    text("end")?;
    let architecture = text("architecture")?.lines().next().unwrap_or_default().trim().to_owned();
    Some(Stock { architecture, packages: text("stock")? })
}
