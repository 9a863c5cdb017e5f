//! Files of ssh_config, with those that they include, read into what each line does.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{Gid, Group};

use super::criteria::{self, Criterion};
use super::keyword::{Meaning, advice, meaning};
use super::line::{Line, Source};
use super::local::Local;
use super::setting::Setting;
use crate::problem::{Place, Problem};

/// How deep files may include others, as in OpenSSH.
const DEPTH_MAX: usize = 16;

/// What a line does.
#[derive(Debug)]
pub(super) enum Item {
    /// The lines from here on are for hosts with these patterns.
    Host(Vec<String>),
    /// The lines from here on are for connections with these properties. The problem is said when
    /// that cannot be judged.
    Match(Vec<Criterion>, Arc<Problem>),
    /// The lines of another file stand here.
    Include(Vec<Item>),
    Set(Setting),
    /// Settings that we do not follow.
    Unfollowed(Unfollowed),
    /// A keyword that nobody knows: a mistake unless IgnoreUnknown names it.
    Unknown(String, Arc<Problem>),
}

/// Settings that we do not follow, in neighbouring lines and for one reason: the policies that
/// distributions ship are not worth a warning for each line.
#[derive(Debug)]
pub(super) struct Unfollowed {
    /// As they are written.
    keywords: Vec<String>,
    /// What holds instead.
    instead: &'static str,
    /// Where the first of them stands.
    place: Option<Place>,
}

impl Unfollowed {
    pub(super) fn warning(&self) -> Problem {
        let Self { keywords, instead, place } = self;
        let are = if keywords.len() == 1 { "is" } else { "are" };
        Problem::new(format!("{} {are} not followed: {instead}", keywords.join(", ")))
            .at(place.clone())
    }
}

/// Whose file it is, which decides where relative names lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    User,
    System,
}

/// A file of ssh_config to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) local: &'a Local,
    pub(super) owner: Owner,
    pub(super) depth: usize,
}

impl Reader<'_> {
    /// What the lines of `file` do; nothing when it does not exist. With `guarded` it must be in
    /// nobody else's hand.
    pub(super) fn read(self, file: &Path, guarded: bool) -> Result<Option<Vec<Item>>, Problem> {
        let failed = |error: io::Error| {
            Problem::new(format!("cannot read it: {error}")).at(Place::in_file(file))
        };
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if guarded && !self.is_safe(&fs::metadata(file).map_err(failed)?) {
            return Err(Problem::new(
                "others could write this file, and it decides who is trusted",
            )
            .at(Place::in_file(file))
            .hint(format!("make it yours alone: chmod go-w {}", file.display())));
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut items = Vec::new();
        for (index, text) in text.split_inclusive('\n').enumerate() {
            let source = Source { file: Some(file), number: index + 1, text };
            if let Some(line) = Line::read(source)? {
                self.line(&line, &mut items)?;
            }
        }
        Ok(Some(items))
    }

    /// As OpenSSH has it: the file is root's or the user's own, and only they may write it. A
    /// group may that has nobody else in it (Debian).
    fn is_safe(&self, file: &fs::Metadata) -> bool {
        let mode = file.mode();
        let own_group = || {
            let alone = |group: Group| group.mem.iter().all(|member| *member == self.local.user);
            file.gid() == Gid::current().as_raw()
                && Group::from_gid(Gid::from_raw(file.gid())).ok().flatten().is_some_and(alone)
        };
        [0, self.local.uid].contains(&file.uid())
            && mode & 0o002 == 0
            && (mode & 0o020 == 0 || own_group())
    }

    fn line(self, line: &Line<'_>, items: &mut Vec<Item>) -> Result<(), Problem> {
        match line.keyword.as_str() {
            "host" => {
                if let Some(empty) = line.words.iter().find(|word| word.text.is_empty()) {
                    return Err(line.problem_at(empty, "this pattern is empty"));
                }
                let patterns = line.words.iter().map(|word| word.text.clone());
                items.push(Item::Host(patterns.collect()));
            }
            "match" => {
                let criteria = criteria::read(line)?;
                if criteria.is_empty() {
                    return Err(line.problem("Match has no condition"));
                }
                let text = line.source.text.trim();
                let problem = line.problem(format!(
                    "`{text}` has a condition that ezsync cannot judge: the lines below it are left out"
                ));
                items.push(Item::Match(criteria, Arc::new(problem)));
            }
            "include" => {
                for word in &line.words {
                    let pattern = self.anchored(&word.text);
                    let pattern = pattern.map_err(|message| line.problem_at(word, message))?;
                    for file in matching(&pattern).map_err(|m| line.problem_at(word, m))? {
                        if self.depth == DEPTH_MAX {
                            return Err(line.problem("files include each other without end"));
                        }
                        let reader = Self { depth: self.depth + 1, ..self };
                        items.extend(reader.read(&file, true)?.map(Item::Include));
                    }
                }
            }
            _ => add(items, read_setting(line)?),
        }
        Ok(())
    }

    /// The name of a file to include as a full path.
    fn anchored(self, name: &str) -> Result<String, String> {
        match (self.owner, name) {
            (_, "") => Err("this name is empty".to_owned()),
            (Owner::System, _) if name.starts_with('~') => {
                Err("a file for all users cannot include one of a user".to_owned())
            }
            (Owner::User, _) if name.starts_with('~') => self.local.tilde(name),
            _ if name.starts_with('/') => Ok(name.to_owned()),
            (Owner::User, _) => Ok(self.local.home.join(".ssh").join(name).display().to_string()),
            (Owner::System, _) => Ok(format!("/etc/ssh/{name}")),
        }
    }
}

/// Adds what a line does; what is not followed to its like in the same block.
fn add(items: &mut Vec<Item>, item: Item) {
    let Item::Unfollowed(more) = item else {
        items.push(item);
        return;
    };
    let block = items.iter_mut().rev().map_while(|item| match item {
        Item::Unfollowed(unfollowed) => Some(Some(unfollowed)),
        Item::Set(_) => Some(None),
        _ => None,
    });
    match block.flatten().find(|unfollowed| unfollowed.instead == more.instead) {
        Some(like) => like.keywords.extend(more.keywords),
        None => items.push(Item::Unfollowed(more)),
    }
}

/// What a line does that is no block and no other file.
///
/// # Errors
/// The value of a setting that we follow is wrong.
pub(super) fn read_setting(line: &Line<'_>) -> Result<Item, Problem> {
    if let Some(setting) = Setting::read(line)? {
        return Ok(Item::Set(setting));
    }
    let keyword = &line.keyword;
    let written = line.source.text.trim_start();
    let written = written.get(..keyword.len()).unwrap_or(keyword);
    let value = line.words.first().map_or("", |word| word.text.as_str());
    Ok(match meaning(keyword, value) {
        Meaning::Harmless => Item::Set(Setting::Nothing),
        Meaning::Instead(instead) => {
            let keywords = vec![written.to_owned()];
            let place = line.problem("").place().cloned();
            Item::Unfollowed(Unfollowed { keywords, instead, place })
        }
        Meaning::Unknown => {
            let problem = line.problem(format!("there is no setting `{keyword}` in ssh_config"));
            Item::Unknown(keyword.clone(), Arc::new(problem.hint(advice(keyword, written))))
        }
    })
}

/// The files that a pattern finds, in lexical order.
fn matching(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    let found = glob::glob_with(pattern, options).map_err(|error| error.to_string())?;
    found.collect::<Result<_, _>>().map_err(|error| error.to_string())
}
