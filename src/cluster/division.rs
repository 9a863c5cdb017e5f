//! Which hosts of an inventory are in which shard.

use std::collections::HashSet;

use super::SOURCE_GROUP;
use super::builder::Builder;
use crate::shard::Shard;

impl Builder<'_> {
    /// Leaves those of `hosts` that are in `shard`; there may be none.
    pub fn keep_shard(&self, shard: Option<Shard>, hosts: &mut Vec<String>) {
        if let Some(shard) = shard {
            let ours = self.hosts_of(shard);
            hosts.retain(|host| ours.contains(host.as_str()));
        }
    }

    /// The hosts of `shard`. It is the inventory that divides them, whatever is limited and whatever the settings
    /// say: so all commands mean the same hosts by it. The hosts of the group `chrony` are the sources; the
    /// others are dealt out in turn, in the inventory's order, those last that do not get the time.
    fn hosts_of(&self, shard: Shard) -> HashSet<&str> {
        let sources = self.inventory.group(SOURCE_GROUP).unwrap_or_default();
        let is_source: HashSet<&str> = sources.iter().copied().collect();
        let (number, of) = match shard {
            Shard::Sources => return is_source,
            Shard::Clients { number, of } => (number.get(), of.get()),
        };
        let takes_part = self.who_takes_part();
        let others = self.inventory.hosts().filter(|host| !is_source.contains(host));
        let (first, last): (Vec<&str>, Vec<&str>) = others.partition(|host| takes_part(host));
        let turns = (1..=of).cycle();
        let dealt = first.into_iter().chain(last).zip(turns);
        dealt.filter(|(_, turn)| *turn == number).map(|(host, _)| host).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use std::fs;

    use super::*;
    use crate::cluster::{Cluster, Node, Wish};
    use crate::project::Project;

    /// A project with one cluster: so many clients, two hosts in the group chrony, and two that take no part.
    fn project(clients: usize) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let cluster = folder.path().join("inventories/c1");
        fs::create_dir_all(&cluster).unwrap();
        let host = |number: usize| format!("h{number} ansible_host=192.0.2.{}\n", number + 1);
        let mut text = format!("[other]\n{}{}[kube_node]\n", host(100), host(101));
        (0..clients).for_each(|number| text.write_str(&host(number)).unwrap());
        write!(text, "[chrony]\n{}{}", host(103), host(102)).unwrap();
        fs::write(cluster.join("hosts"), text).unwrap();
        fs::write(cluster.join("config.yml"), "ntp_servers: []\nchrony_standby: true\n").unwrap();
        let project = Project::new(folder.path());
        (folder, project)
    }

    fn wish(shard: &str, limit: Option<&str>) -> Wish {
        let shard = Some(Shard::parse(shard).unwrap());
        Wish { shard, limit: limit.map(str::to_owned), ..Wish::default() }
    }

    fn members(project: &Project, wish: &Wish) -> Vec<String> {
        let cluster = Cluster::load(project, "c1", wish).unwrap();
        cluster.members.into_iter().map(|member| member.name).collect()
    }

    fn nodes(project: &Project, wish: &Wish) -> Vec<String> {
        let (nodes, _) = Node::load(project, "c1", wish, None).unwrap();
        nodes.into_iter().map(|node| node.name).collect()
    }

    #[test]
    fn every_host_is_in_one_shard_and_all_commands_mean_the_same() {
        for (clients, of) in [(1, 1), (5, 1), (5, 2), (7, 3), (3, 5), (16, 4)] {
            let (_folder, project) = project(clients);
            let sources = wish("sources", None);
            assert_eq!(members(&project, &sources), ["h103", "h102"]);
            assert_eq!(nodes(&project, &sources), ["h103", "h102"]);
            let (mut set_up, mut seen) = (Vec::new(), Vec::new());
            for number in 1..=of {
                let wish = wish(&format!("{number}/{of}"), None);
                let (ours, visited) = (members(&project, &wish), nodes(&project, &wish));
                // In turn, so that none has more than one host more than another.
                let expected: Vec<String> =
                    (0..clients).skip(number - 1).step_by(of).map(|n| format!("h{n}")).collect();
                assert_eq!(ours, expected, "{number}/{of} of {clients}");
                assert!(ours.iter().all(|host| visited.contains(host)), "{visited:?}");
                set_up.extend(ours);
                seen.extend(visited);
            }
            let once =
                |hosts: &[String]| hosts.iter().collect::<BTreeSet<_>>().len() == hosts.len();
            assert!(once(&set_up) && once(&seen));
            assert_eq!((set_up.len(), seen.len()), (clients, clients + 2));
        }
    }

    #[test]
    fn whom_a_limit_leaves_changes_nobodys_shard() {
        let (_folder, project) = project(6);
        let left = |shard: &str| members(&project, &wish(shard, Some("h1:h2:h4")));
        assert_eq!((left("1/2"), left("2/2")), (vec!["h2".into(), "h4".into()], vec!["h1".into()]));
        assert_eq!(left("sources"), Vec::<String>::new());
        // A mistake in the limit is one in every shard.
        let wish = wish("1/2", Some("h1:!h1"));
        assert!(Cluster::load(&project, "c1", &wish).is_err());
    }
}
