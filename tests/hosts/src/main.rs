//! The `ezsync-hosts` program: real hosts for a demo, a shell session or a script.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use ezsync_hosts::{Image, Lab, LabSpec, Suite};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// How often the end of a command is looked for.
const POLL: Duration = Duration::from_millis(50);

/// Brings up real hosts on this machine: systemd-nspawn containers in a network of their own.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Keep hosts up until Ctrl-C
    Up {
        #[command(flatten)]
        hosts: Hosts,
        /// Folder to write `hosts` (an inventory), `key` and `known_hosts` into
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Bring hosts up, run a command in their network, take them down; exits with its code
    ///
    /// The command finds EZSYNC_LAB_KEY and EZSYNC_LAB_KNOWN_HOSTS in its environment.
    Run {
        #[command(flatten)]
        hosts: Hosts,
        /// File to write an inventory of the hosts to
        #[arg(long)]
        inventory: Option<PathBuf>,
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Build all images that are not in the cache
    Images {
        /// Debian release
        #[arg(long, default_value_t)]
        suite: Suite,
    },
    /// Remove what killed processes left behind
    Clean,
    /// Say what this machine lacks to bring hosts up
    Requirements,
}

#[derive(Args)]
struct Hosts {
    /// bare: no chrony and no Python; chrony: set up by somebody else; python: so, for Ansible; rpm: Red Hat's family
    #[arg(long, default_value_t = Image::Bare)]
    image: Image,
    /// Debian release: bullseye, bookworm, trixie
    #[arg(long, default_value_t)]
    suite: Suite,
    /// How many, named node1, node2, ...
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Their names, instead of a number
    #[arg(long, value_delimiter = ',', conflicts_with = "count")]
    names: Vec<String>,
    /// Give hosts clocks of their own, so many seconds from this machine's, one number a host
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    clock_offsets: Vec<i64>,
    /// Serve no package repository: nothing can be installed
    #[arg(long)]
    no_repository: bool,
    /// Give hosts a name server and a default route that swallow all that is sent there
    #[arg(long)]
    swallowed: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.action {
        Action::Up { hosts, dir } => up(hosts, dir.as_deref()),
        Action::Run { hosts, inventory, command } => run(hosts, inventory.as_deref(), command),
        Action::Images { suite } => images(suite),
        Action::Clean => clean(),
        Action::Requirements => requirements(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("ezsync-hosts: {error:#}");
        ExitCode::FAILURE
    })
}

fn up(hosts: &Hosts, dir: Option<&Path>) -> Result<ExitCode> {
    let signals = signals()?;
    let lab = bring_up(hosts)?;
    if let Some(dir) = dir {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let key = dir.join("key");
        // Copies keep the mode, which ssh insists on.
        fs::copy(lab.key(), &key)?;
        fs::copy(lab.known_hosts(), dir.join("known_hosts"))?;
        write_inventory(&lab, &key, &dir.join("hosts"))?;
    }
    for host in lab.hosts() {
        println!("{} {} {}", host.name, host.address, host.address6);
    }
    let network = lab.network();
    println!("Log in: nsenter --net={} \\", network.display());
    println!(
        "  ssh -i {} -o UserKnownHostsFile={} root@ADDRESS",
        lab.key().display(),
        lab.known_hosts().display()
    );
    println!("Ctrl-C takes them down.");
    let _ = signals.recv();
    Ok(ExitCode::SUCCESS)
}

fn run(hosts: &Hosts, inventory: Option<&Path>, command: &[String]) -> Result<ExitCode> {
    let [program, arguments @ ..] = command else { bail!("no command") };
    let signals = signals()?;
    let lab = bring_up(hosts)?;
    if let Some(inventory) = inventory {
        write_inventory(&lab, &lab.key(), inventory)?;
    }
    let mut command = lab.command(program);
    command
        .args(arguments)
        .env("EZSYNC_LAB_KEY", lab.key())
        .env("EZSYNC_LAB_KNOWN_HOSTS", lab.known_hosts());
    let status = wait(&mut command, &signals)?;
    drop(lab);
    // A command that died of a signal: the code that a shell gives.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Runs `command` to its end and hands SIGTERM on to it. Ctrl-C reaches it without us.
fn wait(command: &mut Command, signals: &Receiver<Signal>) -> Result<ExitStatus> {
    let mut child = command.spawn().context("cannot start the command")?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match signals.recv_timeout(POLL) {
            Ok(Signal::TERM) => {
                if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
                    kill_process(pid, Signal::TERM)?;
                }
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?),
        }
    }
}

fn images(suite: &Suite) -> Result<ExitCode> {
    let _signals = signals()?;
    if let Some(reason) = ezsync_hosts::unavailable() {
        bail!(reason);
    }
    for image in [Image::Bare, Image::Chrony, Image::Python, Image::Rpm] {
        ezsync_hosts::ensure_image(image, suite)?;
        println!("{suite}-{image} is there");
    }
    Ok(ExitCode::SUCCESS)
}

fn clean() -> Result<ExitCode> {
    for name in ezsync_hosts::clean()? {
        println!("removed {name}");
    }
    Ok(ExitCode::SUCCESS)
}

fn requirements() -> Result<ExitCode> {
    match ezsync_hosts::unavailable() {
        Some(reason) => bail!(reason),
        None => println!("This machine can bring hosts up."),
    }
    Ok(ExitCode::SUCCESS)
}

fn bring_up(hosts: &Hosts) -> Result<Lab> {
    let start = Instant::now();
    let mut spec = LabSpec::new(hosts.image, hosts.count);
    spec.suite = hosts.suite.clone();
    spec.repository = !hosts.no_repository;
    spec.swallowed = hosts.swallowed;
    spec.clock_offsets.clone_from(&hosts.clock_offsets);
    if !hosts.names.is_empty() {
        spec.names.clone_from(&hosts.names);
    }
    let lab = Lab::up(&spec)?;
    let (count, seconds) = (lab.hosts().len(), start.elapsed().as_secs_f64());
    eprintln!("{count} {} host(s) up after {seconds:.1} s", hosts.image);
    Ok(lab)
}

fn write_inventory(lab: &Lab, key: &Path, file: &Path) -> Result<()> {
    let write = || {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, ezsync_hosts::inventory(lab.hosts(), key))
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

/// Catches Ctrl-C, SIGTERM and SIGHUP from here on: they end a build or a boot with an error, and
/// come out of the receiver.
fn signals() -> Result<Receiver<Signal>> {
    let (sender, receiver) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    drop(guard);
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => Signal::INT,
                    _ = terminate.recv() => Signal::TERM,
                    _ = hang_up.recv() => Signal::TERM,
                };
                ezsync_hosts::interrupt();
                if sender.send(signal).is_err() {
                    break;
                }
            }
        });
    });
    Ok(receiver)
}
