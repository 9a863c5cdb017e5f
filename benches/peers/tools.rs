//! The tools, and how each is told to set up the same hosts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use ezsync_hosts::{Lab, inventory};
use tempfile::TempDir;

/// The tools that set hosts up, in the order in which they take their turns.
pub const SETUPS: &[&str] = &["plain", "ansible", "mitogen", "pyinfra", "ezsync"];

/// Eight at a time: what the arguments say.
const SSH: &str = r#"key=$1 known=$2; shift 2
for address; do
  ssh -F none -o BatchMode=yes -o UserKnownHostsFile="$known" -i "$key" "root@$address" true &
  all="$all $!"
done
for one in $all; do wait "$one" || exit; done"#;

/// Ansible's strategies that Mitogen brings, below the folder of site-packages.
const STRATEGIES: &str = "ansible_mitogen/plugins/strategy";

/// The folder of a project of ezsync that the others share, and where the others are installed.
pub struct Tools {
    project: TempDir,
    peers: PathBuf,
    environment: PathBuf,
}

impl Tools {
    /// Installs the peers where they are not yet, and writes inventories of the lab's hosts.
    pub fn new(lab: &Lab) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let peers = root.join("benches/peers");
        let mut install = Command::new(root.join("tools/python.sh"));
        let output = install.arg(peers.join("requirements.txt")).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the peers cannot be installed: {errors}");
        let environment = PathBuf::from(String::from_utf8(output.stdout)?.trim_end());

        let project = tempfile::tempdir()?;
        let cluster = project.path().join("inventories/c1");
        fs::create_dir_all(&cluster)?;
        fs::write(cluster.join("hosts"), inventory(lab.hosts(), &lab.key()))?;
        fs::write(cluster.join("config.yml"), "ntp_servers: []\n")?;
        fs::write(project.path().join("inventory.py"), of_pyinfra(lab)?)?;
        Ok(Self { project, peers, environment })
    }

    /// One login a host that does nothing, all at the same time: what is there to be had.
    pub fn ssh(&self, lab: &Lab) -> Command {
        let mut command = lab.command("sh");
        command.args(["-c", SSH, "ssh"]).arg(lab.key()).arg(lab.known_hosts());
        command.args(lab.hosts().iter().map(|host| host.address.to_string()));
        command
    }

    /// The command that sets the cluster up with one of [`SETUPS`].
    pub fn setup(&self, name: &str, lab: &Lab) -> Result<Command> {
        let mut command = match name {
            "plain" => {
                let mut command = self.ansible(lab);
                command.args(["--extra-vars", r#"{"gather": ["all"]}"#]);
                command
            }
            "ansible" => self.fast(lab),
            "mitogen" => {
                let mut command = self.fast(lab);
                command.env("ANSIBLE_STRATEGY", "mitogen_linear");
                command.env("ANSIBLE_STRATEGY_PLUGINS", self.site_packages()?.join(STRATEGIES));
                command
            }
            "pyinfra" => self.pyinfra(lab),
            "ezsync" => self.ezsync(lab),
            _ => bail!("nobody is called {name}"),
        };
        // Nothing of whoever runs this.
        command.env("HOME", self.project.path()).env_remove("SSH_AUTH_SOCK");
        Ok(command)
    }

    /// As it is told to be fast: no files on the hosts where that can be avoided, no search for Python.
    fn fast(&self, lab: &Lab) -> Command {
        let mut command = self.ansible(lab);
        command
            .args(["--extra-vars", "ansible_python_interpreter=/usr/bin/python3"])
            .env("ANSIBLE_PIPELINING", "1");
        command
    }

    /// With many forks, and else as it comes.
    fn ansible(&self, lab: &Lab) -> Command {
        let ssh = format!("-F none -o UserKnownHostsFile={}", lab.known_hosts().display());
        let mut command = lab.command(self.environment.join("bin/ansible-playbook"));
        command
            .arg("--inventory")
            .arg(self.project.path().join("inventories/c1/hosts"))
            .arg(self.peers.join("ansible/setup.yml"))
            .current_dir(self.project.path())
            .env("ANSIBLE_FORKS", "50")
            .env("ANSIBLE_SSH_COMMON_ARGS", ssh);
        command
    }

    fn pyinfra(&self, lab: &Lab) -> Command {
        let mut command = lab.command(self.environment.join("bin/pyinfra"));
        command
            .arg("--yes")
            .arg(self.project.path().join("inventory.py"))
            .arg("deploy.py")
            .current_dir(self.peers.join("pyinfra"));
        command
    }

    fn ezsync(&self, lab: &Lab) -> Command {
        let mut command = lab.command(env!("CARGO_BIN_EXE_ezsync"));
        command
            .args(["setup", "c1", "--known-hosts"])
            .arg(lab.known_hosts())
            .current_dir(self.project.path())
            .env("XDG_STATE_HOME", self.project.path().join("state"));
        command
    }

    fn site_packages(&self) -> Result<PathBuf> {
        let mut found = fs::read_dir(self.environment.join("lib"))?
            .filter_map(|entry| Some(entry.ok()?.path().join("site-packages")));
        found.find(|folder| folder.exists()).context("no site-packages in the environment")
    }
}

/// The hosts as pyinfra wants them.
fn of_pyinfra(lab: &Lab) -> Result<String> {
    let host = |host: &ezsync_hosts::TestHost| {
        format!(
            "(\"{}\", {{\"ssh_hostname\": \"{}\", \"ssh_user\": \"root\", \"ssh_key\": \"{}\", \
             \"ssh_known_hosts_file\": \"{}\", \"ssh_strict_host_key_checking\": \"yes\"}})",
            host.name,
            host.address,
            lab.key().display(),
            lab.known_hosts().display()
        )
    };
    let hosts: Vec<String> = lab.hosts().iter().map(host).collect();
    let source = hosts.first().context("no hosts")?;
    Ok(format!("chrony = [{source}]\nnodes = [{}]\n", hosts.join(", ")))
}
