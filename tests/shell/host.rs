//! A throwaway root for one shell: its files are real, this machine's are out of reach.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

const FAKES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shell/fakes");

/// What POSIX gives a host, and what every distribution adds. Not one program more: what a script
/// must find out about, a test puts there.
const TOOLS: &str = "[ basename cat chgrp chmod chown cp cut date dd df dirname env false find \
    getent grep head id ln ls mkdir mktemp mv printf readlink rm rmdir sed sha256sum sleep sort \
    stat sync tail test timeout touch tr true uname wc";

/// A shell that a host may have as `sh`, with the tools that come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Debian's, with GNU tools.
    Dash,
    /// Red Hat's, with GNU tools.
    Bash,
    /// Alpine's, with busybox's own tools.
    Ash,
}

/// One host of the tests.
pub struct Host {
    pub shell: Shell,
    root: TempDir,
}

impl Host {
    /// A fresh host for each shell. None, with a word why, where such roots cannot be made.
    pub fn each() -> Vec<Self> {
        let missing = ["dash", "bash", "busybox", "setpriv", "unshare", "chroot"]
            .into_iter()
            .find(|tool| !which(tool).is_some_and(|path| path.exists()));
        if let Some(reason) = missing
            .map(|tool| format!("{tool} is not installed"))
            .or_else(|| (!is_root()).then(|| "this needs root".to_owned()))
        {
            ezsync_hosts::skip(&reason);
            return Vec::new();
        }
        [Shell::Dash, Shell::Bash, Shell::Ash].into_iter().map(Self::new).collect()
    }

    fn new(shell: Shell) -> Self {
        let root = tempfile::tempdir().unwrap();
        let host = Self { shell, root };
        for folder in ["dev", "proc", "host/usr", "usr/bin", "etc", "root", "run", "srv"] {
            fs::create_dir_all(host.at(folder)).unwrap();
        }
        for folder in ["var/lib", "etc/app", "usr/share"] {
            fs::create_dir_all(host.at(folder)).unwrap();
        }
        for (link, target) in [
            ("bin", "usr/bin"),
            ("sbin", "usr/bin"),
            ("usr/sbin", "bin"),
            ("lib", "/host/usr/lib"),
            ("lib64", "/host/usr/lib64"),
            ("usr/lib", "/host/usr/lib"),
            ("usr/lib64", "/host/usr/lib64"),
        ] {
            symlink(target, host.at(link)).unwrap();
        }
        for tool in TOOLS.split_whitespace() {
            let from = if shell == Shell::Ash && tool != "getent" { "busybox" } else { tool };
            host.link_tool(tool, from);
        }
        let sh = match shell {
            Shell::Dash => "dash",
            Shell::Bash => "bash",
            Shell::Ash => "busybox",
        };
        host.link_tool("sh", sh);
        host.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsync:x:7:8::/:/bin/sh\n");
        host.write("/etc/group", "root:x:0:\nstaff:x:8:\n");
        host.write(
            "/etc/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"A \\\"B\\\"\"\n",
        );
        host
    }

    /// Puts a program of this machine there, as `name`.
    pub fn link_tool(&self, name: &str, from: &str) {
        let path = which(from).unwrap_or_else(|| panic!("{from} is not installed"));
        let path = fs::canonicalize(path).unwrap();
        symlink(format!("/host{}", path.display()), self.at("usr/bin").join(name)).unwrap();
    }

    /// `path` of the host as a path of this machine.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// Writes a file with mode 0644.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::write(self.at(path), text).unwrap();
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether anything stands at `path`, be it a broken link.
    pub fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.at(path)).is_ok()
    }

    pub fn chmod(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), Permissions::from_mode(mode)).unwrap();
    }

    pub fn chown(&self, path: &str, user: u32, group: u32) {
        std::os::unix::fs::chown(self.at(path), Some(user), Some(group)).unwrap();
    }

    /// Mode, owner and group.
    pub fn attributes(&self, path: &str) -> (u32, u32, u32) {
        let meta = fs::metadata(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        (meta.mode() & 0o7777, meta.uid(), meta.gid())
    }

    /// Puts `fakes/NAME` on the host.
    pub fn fake(&self, name: &str) {
        let text = fs::read(Path::new(FAKES).join(name)).unwrap();
        self.program(name, &text);
    }

    /// Puts a program of the test's own on the host, instead of what stands there.
    pub fn program(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.at("usr/bin").join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// Lets systemd's stand-in run the host.
    pub fn systemd(&self) {
        fs::create_dir_all(self.at("run/systemd/system")).unwrap();
        fs::create_dir_all(self.at("etc/systemd/system")).unwrap();
        self.fake("systemctl");
    }

    /// A service for the stand-ins, in the states `states` (`active`, `enabled`, ...), that reads
    /// `conf` when it starts.
    pub fn service(&self, name: &str, states: &[&str], conf: &str) {
        let unit = self.at("units").join(name);
        fs::create_dir_all(&unit).unwrap();
        // Without a file systemd is not asked about it.
        fs::create_dir_all(self.at("etc/systemd/system")).unwrap();
        self.write(&format!("/etc/systemd/system/{name}.service"), "");
        for state in states {
            fs::write(unit.join(state), "").unwrap();
        }
        if !conf.is_empty() {
            fs::write(unit.join("conf"), conf).unwrap();
            let _ = fs::copy(self.at(conf), unit.join("running"));
        }
    }

    /// What the recording stand-ins were called with, and forgets it.
    pub fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.at("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.at("calls"));
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// The host's shell, ready to read a script.
    pub fn shell(&self) -> Command {
        // The mounts are the command's own and go with it.
        let enter = "mount --bind -o ro /usr \"$0/host/usr\" && mount --bind /dev \"$0/dev\" && \
                     mount --bind /proc \"$0/proc\" && exec chroot \"$0\" /bin/sh";
        // The clock is this machine's: nothing in here may set it.
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", "unshare"]);
        command.args(["--mount", "sh", "-c", enter]).arg(self.root.path());
        command.env_clear().env("PATH", "/usr/bin:/usr/sbin").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// All that stands on the host but the stand-ins' notes and our own folder: path, and kind,
    /// mode, owner, time and content.
    pub fn snapshot(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.root.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = format!("/{}", path.strip_prefix(self.root.path()).unwrap().display());
                let left_out = ["/host", "/dev", "/proc", "/units", "/calls", "/var/lib/ezsync"];
                if left_out.contains(&name.as_str()) {
                    continue;
                }
                let meta = fs::symlink_metadata(&path).unwrap();
                let what = if meta.is_dir() {
                    folders.push(path.clone());
                    "folder".to_owned()
                } else if meta.is_symlink() {
                    format!("link to {}", fs::read_link(&path).unwrap().display())
                } else {
                    let content = fs::read(&path).unwrap();
                    let content = String::from_utf8_lossy(&content).into_owned();
                    format!("{}.{} {content:?}", meta.mtime(), meta.mtime_nsec())
                };
                let (mode, user, group) = (meta.mode() & 0o7777, meta.uid(), meta.gid());
                all.insert(name, format!("{mode:o} {user}:{group} {what}"));
            }
        }
        all
    }

    /// Asserts that no run has left files behind: candidates, saved files, its folder.
    pub fn assert_tidy(&self) {
        let mut names: Vec<String> = self.snapshot().into_keys().collect();
        let runs = fs::read_dir(self.at("var/lib/ezsync"));
        names.extend(runs.into_iter().flatten().map(|entry| {
            format!("/var/lib/ezsync/{}", entry.unwrap().file_name().to_string_lossy())
        }));
        names.retain(|name| name.contains("ezsync-") || name.contains("/run."));
        assert!(names.is_empty(), "{:?}: left behind: {names:#?}", self.shell);
    }

    /// The number of the newest change that was kept; 0 when there is none.
    pub fn newest(&self) -> u64 {
        let changes = fs::read_dir(self.at("var/lib/ezsync/changes")).into_iter().flatten();
        let number = |name: std::ffi::OsString| name.to_str()?.parse().ok();
        changes.filter_map(|entry| number(entry.ok()?.file_name())).max().unwrap_or_default()
    }

    /// What the originals folder keeps for `path`.
    pub fn original(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.at(&format!("/var/lib/ezsync/originals{path}"))).ok()
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn which(tool: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
        .into_iter()
        .map(|folder| Path::new(folder).join(tool))
        .find(|path| path.exists())
}
