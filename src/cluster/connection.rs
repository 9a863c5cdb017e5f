//! How a host is reached: its `ansible_*` variables, which may refer to others.

use std::path::Path;

use super::builder::{Builder, command_line};
use super::names;
use super::settings::Part;
use crate::desired::HostVars;
use crate::inventory::Connection;
use crate::problem::{Place, Problem};

impl Builder<'_> {
    /// How to reach `host`. Only what a connection may need is resolved, by the value that wins: what else
    /// Ansible has may refer to what only Ansible knows.
    pub fn connection(&self, host: &str, vars: &HostVars) -> Result<Connection, Problem> {
        let scope = vars.without_facts(None);
        let place = |name: &str| self.place_of(host, name, Part::default());
        let resolved = |name: &str| {
            // One place for all hosts, so that a template is compiled once; a fault gets its own.
            let here = Place::in_file(Path::new(""));
            let value = self.recipe.engine.variable(name, &here, &scope)?;
            Some(value.map_err(|problem| problem.at(place(name).unwrap_or_else(command_line))))
        };
        let connection = Connection::from_vars(host, &resolved, &place)?;
        let placed = |names: [&str; 2], problem: Problem| {
            let set = names.iter().rev().find(|name| scope.get(name).is_some());
            let place = set.and_then(|name| place(name));
            problem.at(place.or_else(|| self.inventory.place_of_host(host)))
        };
        names::check_address(&connection.address)
            .map_err(|problem| placed(["ansible_host", "ansible_ssh_host"], problem))?;
        if let Some(user) = &connection.user {
            names::user(user)
                .map_err(|problem| placed(["ansible_user", "ansible_ssh_user"], problem))?;
        }
        Ok(connection)
    }
}
