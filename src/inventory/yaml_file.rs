//! The YAML inventory: groups with `hosts`, `vars` and `children`, as Ansible reads it.

use super::address;
use super::model::Model;
use super::source::Mark;
use crate::problem::Problem;
use crate::yaml::{Key, Kind, Node};

struct Reader<'a> {
    model: &'a mut Model,
    source: usize,
}

/// Adds the hosts, groups and variables of a YAML document, which `model` knows as `source`.
pub(super) fn read(model: &mut Model, source: usize, document: Node) -> Result<(), Problem> {
    let reader = &mut Reader { model, source };
    let mark = Mark { source, line: document.line, column: document.column };
    let Kind::Map(groups) = document.kind else {
        if document.is_null() {
            return Ok(());
        }
        let message = format!("an inventory is a mapping of groups, not {}", document.kind_name());
        return Err(reader.problem(mark, message).hint("start with all:, then hosts: inside it"));
    };
    for (key, group) in groups {
        if key.name == "plugin" {
            let message = "inventory plugins are not supported";
            return Err(reader.problem(reader.mark(&key), message).hint(
                "let Ansible write what it finds: ansible-inventory -i FILE --list --yaml > hosts.yml",
            ));
        }
        reader.group(&key, group)?;
    }
    Ok(())
}

impl Reader<'_> {
    fn mark(&self, key: &Key) -> Mark {
        Mark { source: self.source, line: key.line, column: key.column }
    }

    fn problem(&self, mark: Mark, message: impl Into<String>) -> Problem {
        Problem::new(message).at(self.model.sources.place(mark))
    }

    /// The entries of a mapping. Nothing means no entries, and a single name stands for itself.
    fn entries(&self, what: &Key, node: Node) -> Result<Vec<(Key, Node)>, Problem> {
        let (line, column) = (node.line, node.column);
        match node.kind {
            Kind::Map(entries) => Ok(entries),
            Kind::Scalar(serde_json::Value::Null) => Ok(Vec::new()),
            Kind::Scalar(serde_json::Value::String(name)) => {
                Ok(vec![(Key { name, line, column }, Node::nothing(line, column))])
            }
            _ => {
                let message = format!("{} must be a mapping, not {}", what.name, node.kind_name());
                let mark = Mark { source: self.source, line, column };
                Err(self.problem(mark, message).hint("end each name with a colon: web1:"))
            }
        }
    }

    fn group(&mut self, name: &Key, node: Node) -> Result<usize, Problem> {
        let mark = self.mark(name);
        if name.name.is_empty() {
            return Err(self.problem(mark, "a group needs a name"));
        }
        if !node.is_null() && !matches!(node.kind, Kind::Map(_)) {
            let message =
                format!("the group {} must be a mapping, not {}", name.name, node.kind_name());
            return Err(self
                .problem(mark, message)
                .hint("a group has hosts:, vars: and children:"));
        }
        let group = self.model.add_group(&name.name, mark);
        for (part, node) in self.entries(name, node)? {
            match part.name.as_str() {
                "vars" => {
                    for (key, node) in self.entries(&part, node)? {
                        // A message is about the value, so its place is kept, not the key's.
                        let mark =
                            Mark { source: self.source, line: node.line, column: node.column };
                        self.model.set_group_var(group, &key.name, node.into_value(), mark)?;
                    }
                }
                "children" => {
                    for (key, node) in self.entries(&part, node)? {
                        let child = self.group(&key, node)?;
                        self.model.add_child(group, child, self.mark(&key))?;
                    }
                }
                "hosts" => {
                    for (key, node) in self.entries(&part, node)? {
                        self.host(group, &key, node)?;
                    }
                }
                other => {
                    let message = format!("the group {} cannot have {other}", name.name);
                    return Err(self
                        .problem(self.mark(&part), message)
                        .hint("a group has hosts:, vars: and children:"));
                }
            }
        }
        Ok(group)
    }

    fn host(&mut self, group: usize, pattern: &Key, node: Node) -> Result<(), Problem> {
        let mark = self.mark(pattern);
        let (names, port) = address::expand(&pattern.name).map_err(|fault| {
            let mark = Mark { column: mark.column + fault.offset, ..mark };
            fault.problem.at(self.model.sources.place(mark))
        })?;
        let mut vars = Vec::new();
        if let Some(port) = port {
            vars.push(("ansible_port".to_owned(), port.into(), mark));
        }
        if matches!(node.kind, Kind::Scalar(ref value) if value.is_string()) {
            let message = format!("the variables of {} must be a mapping", pattern.name);
            return Err(self.problem(mark, message));
        }
        for (key, node) in self.entries(pattern, node)? {
            let mark = Mark { source: self.source, line: node.line, column: node.column };
            vars.push((key.name, node.into_value(), mark));
        }
        for name in names {
            let host = self.model.add_host(name, group, mark);
            for (key, value, mark) in &vars {
                self.model.set_host_var(host, key, value.clone(), *mark)?;
            }
        }
        Ok(())
    }
}
