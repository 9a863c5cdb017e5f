//! One way through the lines for one host: which of them apply, and what they set.

use super::criteria::{Judgement, Subject, judge};
use super::file::Item;
use super::local::Local;
use super::setting::Settings;
use super::tokens;
use crate::problem::Problem;
use crate::ssh::pattern::matches_any;

/// One way through the lines.
pub(super) struct Walk<'a> {
    pub(super) local: &'a Local,
    pub(super) settings: Settings,
    pub(super) warnings: Vec<Problem>,
    /// The host's name as it was given.
    pub(super) original: &'a str,
    /// The name that Host patterns are held against.
    pub(super) host: String,
    /// Whether this is the second reading.
    pub(super) last: bool,
}

impl Walk<'_> {
    /// Follows the lines of a file that apply.
    pub(super) fn file(&mut self, items: &[Item]) -> Result<(), Problem> {
        self.lines(items, true)
    }

    /// Without `possible` the lines stand in a block that does not apply, and so do their own
    /// blocks; they are looked through for mistakes alone.
    fn lines(&mut self, items: &[Item], possible: bool) -> Result<(), Problem> {
        let mut active = possible;
        for item in items {
            match item {
                Item::Host(patterns) => {
                    let patterns = patterns.iter().map(String::as_str);
                    active = possible && matches_any(&self.host, patterns);
                }
                Item::Match(criteria, unknown) => {
                    let judgement = judge(criteria, &self.subject()?);
                    active = possible && judgement == Judgement::Applies;
                    if possible && matches!(judgement, Judgement::Unknown(_)) {
                        self.warn(Problem::clone(unknown));
                    }
                }
                Item::Include(items) => self.lines(items, active)?,
                Item::Set(setting) if active => self.settings.set(setting),
                Item::Unfollowed(unfollowed) if active => self.warn(unfollowed.warning()),
                Item::Set(_) | Item::Unfollowed(_) => {}
                Item::Unknown(keyword, problem) => {
                    let ignored = self.settings.ignore_unknown.as_deref().unwrap_or_default();
                    let ignored = ignored.to_lowercase();
                    if !matches_any(keyword, ignored.split(',')) {
                        return Err(Problem::clone(problem));
                    }
                }
            }
        }
        Ok(())
    }

    fn warn(&mut self, warning: Problem) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn subject(&self) -> Result<Subject<'_>, Problem> {
        Ok(Subject {
            host: self.host_name()?,
            original: self.original,
            user: self.settings.user.as_deref().unwrap_or(&self.local.user),
            local_user: &self.local.user,
            last: self.last,
        })
    }

    /// The host's name after HostName, as far as the lines so far go.
    pub(super) fn host_name(&self) -> Result<String, Problem> {
        let Some(name) = &self.settings.host_name else { return Ok(self.host.clone()) };
        if self.last {
            return Ok(name.clone());
        }
        let problem = |reason| Problem::new(format!("HostName {name}: {reason}"));
        let host = tokens::expand(name, |token| (token == 'h').then(|| self.host.clone()))
            .map_err(problem)?;
        // It is looked up, shown, and put into the commands of ProxyCommand.
        match host.chars().any(char::is_control) {
            true => Err(problem("a name has no control character in it".to_owned())),
            false => Ok(host),
        }
    }
}
