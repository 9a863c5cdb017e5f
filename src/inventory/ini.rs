//! The INI inventory: `[group]`, `[group:vars]`, `[group:children]`, as Ansible reads it.

use indexmap::IndexMap;

use super::model::{Model, UNGROUPED};
use super::source::Mark;
use super::{address, literal, words};
use crate::problem::Problem;

/// What the lines of the current section mean.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Hosts,
    Vars,
    Children,
}

/// A group that was named before it was declared by `[group]` or `[group:children]`.
struct Pending {
    /// The groups that list it as their child; none when it only has a `[group:vars]`.
    parents: Vec<usize>,
    mark: Mark,
}

struct Reader<'a> {
    model: &'a mut Model,
    source: usize,
    line: usize,
    group: usize,
    section: Section,
    pending: IndexMap<String, Pending>,
}

/// Adds the hosts, groups and variables of an INI text, which `model` knows as `source`.
pub(super) fn read(model: &mut Model, source: usize, text: &str) -> Result<(), Problem> {
    let mut reader = Reader {
        model,
        source,
        line: 0,
        // Hosts before the first section belong to no group.
        group: UNGROUPED,
        section: Section::Hosts,
        pending: IndexMap::new(),
    };
    for line in text.lines() {
        reader.line += 1;
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        reader.line(line, indent + 1)?;
    }
    reader.finish()
}

impl Reader<'_> {
    fn mark(&self, column: usize) -> Mark {
        Mark { source: self.source, line: self.line, column }
    }

    fn problem(&self, column: usize, message: impl Into<String>) -> Problem {
        Problem::new(message).at(self.model.sources.place(self.mark(column)))
    }

    /// One line that is neither empty nor a comment; its text starts at `column`.
    fn line(&mut self, line: &str, column: usize) -> Result<(), Problem> {
        if let Some(header) = line.strip_prefix('[')
            && !is_host_pattern(header)
        {
            return self.header(header, column);
        }
        match self.section {
            Section::Hosts => self.host(line, column),
            Section::Vars => self.variable(line, column),
            Section::Children => self.child(line, column),
        }
    }

    /// A section header, without its first bracket.
    fn header(&mut self, header: &str, column: usize) -> Result<(), Problem> {
        let Some((inside, after)) = header.split_once(']') else {
            return Err(self.problem(column, "this section header is not closed"));
        };
        if !after.trim_start().is_empty() && !after.trim_start().starts_with('#') {
            let at = column + 2 + inside.chars().count();
            let message = format!("only a # comment may follow the section header [{inside}]");
            return Err(self.problem(at, message));
        }
        let (name, kind) = inside.split_once(':').map_or((inside, None), |(n, k)| (n, Some(k)));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(self.problem(column + 1, "a group needs a name without spaces"));
        }
        self.section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("vars") => Section::Vars,
            Some("children") => Section::Children,
            Some(kind) => {
                let at = column + 2 + name.chars().count();
                let message = format!("a section [{name}:{kind}] does not exist");
                let hint = format!("there are [{name}], [{name}:vars] and [{name}:children]");
                return Err(self.problem(at, message).hint(hint));
            }
        };
        self.declare(name, self.mark(column + 1))
    }

    /// Adds a group for its section header. Children that were listed earlier join their
    /// parents here, so that their order is the order of the sections, as in Ansible.
    fn declare(&mut self, name: &str, mark: Mark) -> Result<(), Problem> {
        let vars_only = self.section == Section::Vars;
        if vars_only && !self.model.groups.contains_key(name) && !self.pending.contains_key(name) {
            self.pending.insert(name.to_owned(), Pending { parents: Vec::new(), mark });
        }
        self.group = self.model.add_group(name, mark);
        if !vars_only && let Some(pending) = self.pending.shift_remove(name) {
            for parent in pending.parents {
                self.model.add_child(parent, self.group, pending.mark)?;
            }
        }
        Ok(())
    }

    fn host(&mut self, line: &str, column: usize) -> Result<(), Problem> {
        let words = words::split(line)
            .map_err(|open| self.problem(column + open.column - 1, open.message))?;
        let Some((pattern, words)) = words.split_first() else { return Ok(()) };
        if pattern.text == "---" {
            return Err(self
                .problem(column, "this looks like YAML in an INI inventory")
                .hint("name a YAML inventory hosts.yml"));
        }
        if pattern.text.contains('=') && !pattern.text.starts_with('-') {
            return Err(self
                .problem(column, format!("{:?} is no host name", pattern.text))
                .hint("variables of a group belong below [group:vars]"));
        }
        let (names, port) = address::expand(&pattern.text).map_err(|fault| {
            fault.problem.at(self.model.sources.place(self.mark(column + fault.offset)))
        })?;
        let mut vars = Vec::with_capacity(words.len());
        if let Some(port) = port {
            vars.push(("ansible_port", port.into(), self.mark(column)));
        }
        for word in words {
            let at = column + word.column - 1;
            let Some((key, value)) = word.text.split_once('=').filter(|(key, _)| !key.is_empty())
            else {
                return Err(self
                    .problem(at, format!("expected key=value, found {:?}", word.text))
                    .hint("put quotes around a value with spaces: key=\"a b\""));
            };
            vars.push((key, literal::value(value), self.mark(at)));
        }
        for name in names {
            let host = self.model.add_host(name, self.group, self.mark(column));
            for (key, value, mark) in &vars {
                self.model.set_host_var(host, key, value.clone(), *mark)?;
            }
        }
        Ok(())
    }

    fn variable(&mut self, line: &str, column: usize) -> Result<(), Problem> {
        let Some((key, value)) = line.split_once('=').filter(|(key, _)| !key.trim().is_empty())
        else {
            return Err(self.problem(column, format!("expected key=value, found {line:?}")));
        };
        let value = value.trim();
        if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\''))
            && value.matches(quote).count() == 1
        {
            let before = line.chars().count() - value.chars().count();
            return Err(self.problem(column + before, "this quote is not closed"));
        }
        self.model.set_group_var(self.group, key.trim(), literal::value(value), self.mark(column))
    }

    fn child(&mut self, line: &str, column: usize) -> Result<(), Problem> {
        let (name, after) = line.split_once([' ', '\t', '#']).unwrap_or((line, ""));
        let comment = line.get(name.len()..).is_some_and(|rest| rest.trim_start().starts_with('#'));
        if (!after.trim().is_empty() && !comment) || name.contains([':', ']']) {
            return Err(
                self.problem(column, format!("expected the name of a group, found {line:?}"))
            );
        }
        let mark = self.mark(column);
        if let Some(child) = self.model.groups.get_index_of(name) {
            return self.model.add_child(self.group, child, mark);
        }
        let pending = Pending { parents: Vec::new(), mark };
        self.pending.entry(name.to_owned()).or_insert(pending).parents.push(self.group);
        Ok(())
    }

    /// Refuses groups that were only ever named.
    fn finish(self) -> Result<(), Problem> {
        let Some((name, pending)) = self.pending.first() else { return Ok(()) };
        let message = if pending.parents.is_empty() {
            format!("[{name}:vars] belongs to a group that does not exist")
        } else {
            format!("the child group {name} does not exist")
        };
        Err(Problem::new(message)
            .at(self.model.sources.place(pending.mark))
            .hint(format!("add a section [{name}]; it may be empty")))
    }
}

/// Whether a line that starts with a bracket is a host: `[2001:db8::1]:22` or `[1:3].example`.
fn is_host_pattern(header: &str) -> bool {
    let Some((inside, after)) = header.split_once(']') else { return false };
    let kind = inside.rsplit_once(':').map(|(_, kind)| kind);
    let is_section = kind.is_none_or(|kind| ["hosts", "vars", "children"].contains(&kind));
    !is_section && after.starts_with(|c: char| !c.is_whitespace() && c != '#')
}
