//! Roles in Ansible's layout: `roles/NAME/{defaults,tasks,handlers,vars}/main.yml`.
//!
//! A role says what is wanted. What a host answers is not known here.

pub mod tags;

mod arguments;
mod task;

pub use task::Task;

use std::sync::Arc;

use crate::problem::Problem;
use crate::project::{Project, Text};
use crate::template::{Layer, Vars};
use crate::yaml;

/// A role with its tasks as they are written: nothing in them is rendered yet.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name, the folder's.
    pub name: String,
    /// The variables of lowest precedence.
    pub defaults: Arc<Layer>,
    /// The variables that only `-e` overrides.
    pub vars: Arc<Layer>,
    /// What is to be done, in order.
    pub tasks: Vec<Task>,
    /// What is to be done after changes, once each.
    pub handlers: Vec<Task>,
}

impl Role {
    /// Loads the role `name` of `project`.
    ///
    /// # Errors
    /// There is no such role, or a file of it is broken: unknown keywords, modules, handlers.
    pub fn load(project: &Project, name: &str) -> Result<Self, Problem> {
        let sound = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let is_name = !name.is_empty() && !name.starts_with('.') && name.chars().all(sound);
        let main = |part: &str| {
            ["yml", "yaml"]
                .iter()
                .find_map(|end| {
                    project.read(&format!("roles/{name}/{part}/main.{end}")).transpose()
                })
                .transpose()
        };
        let tasks = if is_name { main("tasks")? } else { None };
        let tasks = tasks.ok_or_else(|| missing(project, name))?;
        let handlers = match main("handlers")? {
            Some(text) => task::parse(&text)?,
            None => Vec::new(),
        };
        let role = Self {
            name: name.to_owned(),
            defaults: vars(main("defaults")?)?,
            vars: vars(main("vars")?)?,
            tasks: task::parse(&tasks)?,
            handlers,
        };
        role.check_notifications()?;
        Ok(role)
    }

    /// The tags of its tasks.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tasks.iter().flat_map(|task| &task.tags).map(String::as_str)
    }

    /// A handler that no one finds would silently not run.
    fn check_notifications(&self) -> Result<(), Problem> {
        let known: Vec<&str> = self.handlers.iter().map(|handler| handler.name.as_str()).collect();
        for task in self.tasks.iter().chain(&self.handlers) {
            for notified in &task.notify {
                if !self.handlers.iter().any(|handler| handler.answers_to(notified)) {
                    let message =
                        format!("the task notifies `{notified}`, and the role has no such handler");
                    let problem = Problem::new(message).at(task.place_of("notify").clone());
                    return Err(if known.is_empty() {
                        let name = &self.name;
                        problem.hint(format!("handlers stand in roles/{name}/handlers/main.yml"))
                    } else {
                        problem.meant(notified, &known, "its handlers are")
                    });
                }
            }
        }
        Ok(())
    }
}

fn missing(project: &Project, name: &str) -> Problem {
    let roles = project.role_names();
    let names: Vec<&str> = roles.iter().map(String::as_str).collect();
    let otherwise = "a role is a folder roles/NAME with tasks/main.yml in it; there are";
    Problem::new(format!("there is no role `{}`", name.escape_debug()))
        .meant(name, &names, otherwise)
}

/// Variables from a file that may be missing or empty.
fn vars(text: Option<Text>) -> Result<Arc<Layer>, Problem> {
    let vars = match text {
        Some(Text { file, text, .. }) => {
            let entries = yaml::variables(&file, &text)?.into_iter();
            entries.map(|(key, node)| (key.name, node.into_value())).collect()
        }
        None => Vars::new(),
    };
    Ok(Layer::written(vars))
}

#[cfg(test)]
mod tests;
