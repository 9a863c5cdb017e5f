//! Roles in Ansible's layout: `roles/NAME/{defaults,tasks,handlers,vars}/main.yml`.
//!
//! A role says what is wanted. What a host answers is not known here.

mod task;

pub use task::Task;

use std::sync::Arc;

use crate::problem::Problem;
use crate::project::{Project, Text};
use crate::template::Vars;
use crate::yaml;

/// A role with its tasks as they are written: nothing in them is rendered yet.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name, the folder's.
    pub name: String,
    /// The variables of lowest precedence.
    pub defaults: Arc<Vars>,
    /// The variables that only `-e` overrides.
    pub vars: Arc<Vars>,
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
        let main = |part: &str| {
            ["yml", "yaml"]
                .iter()
                .find_map(|end| {
                    project.read(&format!("roles/{name}/{part}/main.{end}")).transpose()
                })
                .transpose()
        };
        let tasks =
            if name.chars().all(sound) && !name.starts_with('.') { main("tasks")? } else { None };
        let Some(tasks) = tasks else {
            return Err(Problem::new(format!("there is no role `{name}`")).hint(format!(
                "a role is a folder roles/{name} with tasks/main.yml in it; known are: {}",
                project.role_names().join(", ")
            )));
        };
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

    /// A handler that no one finds would silently not run.
    fn check_notifications(&self) -> Result<(), Problem> {
        let known: Vec<&str> = self.handlers.iter().map(|handler| handler.name.as_str()).collect();
        for task in self.tasks.iter().chain(&self.handlers) {
            for notified in &task.notify {
                if !self.handlers.iter().any(|handler| handler.answers_to(notified)) {
                    return Err(Problem::new(format!(
                        "the task notifies `{notified}`, and the role has no such handler"
                    ))
                    .at(task.place.clone())
                    .hint(format!("its handlers are: {}", known.join(", "))));
                }
            }
        }
        Ok(())
    }
}

/// Variables from a file that may be missing or empty.
fn vars(text: Option<Text>) -> Result<Arc<Vars>, Problem> {
    let vars = match text {
        Some(text) => yaml::parse::<Option<Vars>>(&text.file, &text.text)?.unwrap_or_default(),
        None => Vars::new(),
    };
    Ok(Arc::new(vars))
}

#[cfg(test)]
mod tests;
