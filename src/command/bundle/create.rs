//! `ezsync bundle create`: from what is wanted to the file.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use etcetera::BaseStrategy;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::super::drive::interrupt;
use super::super::print;
use super::check;
use super::summary::Summary;
use super::survey::{From, Said};
use crate::bundle;
use crate::cli::{BundleCreate, Cli};
use crate::cluster::PackageSettings;
use crate::exit::Exit;
use crate::interrupt::Interrupts;
use crate::length;
use crate::package::{Architecture, Release, Target};
use crate::problem::{Place, Problem};
use crate::project::Project;
use crate::repository::{self, Cache, Gathered, Means, Mirrors, Own, Proxies, Wanted, release};
use crate::ui;

/// What a bundle is for where nobody says.
const WANTED: &str = "chrony";

pub(super) fn run(cli: &Cli, project: &Project, options: &BundleCreate) -> Result<Exit> {
    let begun = Instant::now();
    check::options(options)?;
    let releases = options
        .releases
        .iter()
        .map(|text| release(text))
        .collect::<Result<Vec<Release>, _>>()
        .map_err(|problem| problem.of("--for"))?;
    check::output(&options.output)?;
    let from = options.from.as_deref().map(|cluster| From::read(project, options, cluster));
    let from = from.transpose()?;
    let means = means(options, &releases, from.as_ref().map(From::settings))?;
    let mut wanted = wanted(options, &releases)?;
    let mut left_out = Vec::new();
    if let Some(from) = &from {
        match from.ask(cli, options, &means)? {
            Said::Trouble(exit) => return Ok(exit),
            Said::Wanted(more, notes) => {
                wanted = merged(wanted, more);
                left_out = notes;
            }
        }
    }
    let gathered = match gather(cli, wanted, means) {
        Ok(gathered) => gathered,
        Err(repository::Error::Input(problem)) => return Err(problem.into()),
        Err(repository::Error::Interrupted) => {
            let output = options.output.display();
            let left = match options.output.exists() {
                true => format!("{output} is as it was"),
                false => format!("{output} was not written"),
            };
            eprintln!("interrupted: what was fetched is kept, and {left}");
            return Ok(Exit::Interrupted);
        }
        Err(failed @ repository::Error::Failed(_)) => return Err(anyhow!("{failed}")),
    };
    let Gathered { manifest, members, notes } = gathered;
    let size = bundle::write(&manifest, &members, &options.output).map_err(|problem| {
        let room: u64 = members.iter().map(|member| member.package.size).sum();
        let hint = format!(
            "it needs at least {} of room there; what was fetched is kept",
            length::bytes(room)
        );
        // Nothing that was typed is wrong.
        anyhow!("{}", if problem.advice().is_none() { problem.hint(hint) } else { problem })
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let notes = [left_out, notes].concat();
    let summary =
        Summary { output: &options.output, size, seconds, manifest: &manifest, notes: &notes };
    print(&match options.access.json {
        true => summary.json()?,
        false => summary.text(options.from.as_deref()),
    })?;
    Ok(Exit::Ok)
}

/// Both, each kind of host once.
fn merged(mut wanted: Vec<Wanted>, more: Vec<Wanted>) -> Vec<Wanted> {
    for it in more {
        match wanted.iter_mut().find(|known| known.target == it.target) {
            None => wanted.push(it),
            Some(known) => {
                known.hosts.extend(it.hosts);
                known.packages.extend(it.packages);
                known.packages.sort();
                known.packages.dedup();
            }
        }
    }
    wanted
}

/// Where and how packages are looked for; `set` is what the cluster's settings say.
fn means(
    options: &BundleCreate,
    releases: &[Release],
    set: Option<&PackageSettings>,
) -> Result<Means> {
    let environment = |name: &str| std::env::var(name).ok();
    let read = |path: &PathBuf| {
        let cannot = |error| Problem::new(format!("--keyring: {error}")).at(Place::in_file(path));
        fs::read(path).map_err(cannot)
    };
    let (mut own, mut ignored) = (Vec::new(), Vec::new());
    for folder in &options.folders {
        own.extend(Own::in_folder(folder, &mut ignored)?);
    }
    // Which releases the hosts have is not known yet.
    let releases = Some(releases).filter(|_| set.is_none());
    let typed =
        Mirrors::parse(&options.mirrors, releases).map_err(|problem| problem.of("--mirror"))?;
    let mut in_settings = Vec::new();
    for (text, place) in set.iter().flat_map(|set| &set.mirrors) {
        in_settings.push(text.clone());
        Mirrors::parse(std::slice::from_ref(text), releases)
            .map_err(|problem| problem.of("package_mirrors").at(place.clone()))?;
    }
    let proxy = set.and_then(|set| set.proxy.as_ref());
    let proxy = proxy.map(|proxy| ("package_proxy", proxy.expose_secret()));
    let proxy = options.proxy.as_deref().map(|proxy| ("--proxy", proxy)).or(proxy);
    Ok(Means {
        mirrors: typed.or(Mirrors::parse(&in_settings, releases)?),
        proxies: Proxies::new(proxy, environment)?,
        keyrings: options.keyrings.iter().map(read).collect::<Result<_, _>>()?,
        own,
        ignored,
        cache: Cache::new(cache_folder()?),
        now: Timestamp::now().as_second(),
    })
}

/// `XDG_CACHE_HOME/ezsync`.
fn cache_folder() -> Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy()
        .context("there is no home folder to keep what is fetched in: set XDG_CACHE_HOME")?;
    Ok(strategy.cache_dir().join("ezsync"))
}

/// What `--for` and `--arch` ask for, each kind of host once.
fn wanted(options: &BundleCreate, releases: &[Release]) -> Result<Vec<Wanted>, Problem> {
    let architectures = match options.architectures.as_slice() {
        [] if releases.is_empty() => Vec::new(),
        [] => vec![own_architecture()?],
        given => given.to_vec(),
    };
    let packages = match options.packages.as_slice() {
        [] => vec![WANTED.to_owned()],
        given => given.to_vec(),
    };
    let pairs = releases.iter().flat_map(|release| {
        let of = |architecture: &Architecture| (release.clone(), *architecture);
        architectures.iter().map(of).collect::<Vec<_>>()
    });
    let mut targets: Vec<Target> =
        pairs.map(|(release, architecture)| Target { release, architecture }).collect();
    targets.sort();
    targets.dedup();
    let of = |target| Wanted { target, packages: packages.clone(), hosts: Vec::new() };
    Ok(targets.into_iter().map(of).collect())
}

/// That of this machine.
fn own_architecture() -> Result<Architecture, Problem> {
    // Rust has names of its own for three of them.
    let name = match std::env::consts::ARCH {
        "arm" => "armv7l",
        "x86" => "i686",
        "powerpc64" => "ppc64le",
        other => other,
    };
    name.parse().map_err(|error: String| {
        Problem::new(error).hint("name the hosts' architecture with --arch, such as amd64")
    })
}

/// Gathers it all, off the threads that show how it goes.
fn gather(cli: &Cli, wanted: Vec<Wanted>, means: Means) -> Result<Gathered, repository::Error> {
    let failed = |error: &dyn std::fmt::Display| {
        repository::Error::Failed(Problem::new(format!(
            "cannot work at several things at once: {error}"
        )))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let interrupts = Interrupts::listen().map_err(|error| failed(&error))?;
    let cancel = CancellationToken::new();
    let gathered = runtime.block_on(async {
        let (events, told) = unbounded_channel();
        let settings = ui::Settings::choose(cli.colours(), cli.verbose > 0);
        let screen = ui::Screen::default();
        let on_interrupt = "no more is fetched";
        let (said, end) = (screen.clone(), cancel.clone());
        let interrupt = tokio::spawn(async move {
            interrupt(&interrupts, end, said, on_interrupt).await;
        });
        let ui = tokio::spawn(ui::show_downloads(told, settings, screen));
        let told_to_end = cancel.clone();
        let work = tokio::task::spawn_blocking(move || {
            repository::gather(&wanted, means, events, &told_to_end)
        });
        let gathered = tokio::select! {
            gathered = work => gathered.unwrap_or_else(|error| Err(failed(&error))),
            // A server that is silent is not waited for.
            () = cancel.cancelled() => Err(repository::Error::Interrupted),
        };
        interrupt.abort();
        match &gathered {
            // Its last events are shown before the result is.
            Ok(_) | Err(repository::Error::Input(_) | repository::Error::Failed(_)) => _ = ui.await,
            Err(repository::Error::Interrupted) => ui.abort(),
        }
        gathered
    });
    runtime.shutdown_background();
    gathered
}
