//! `ezsync export`: the same time for OpenShift.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::import::input;
use super::{print, say};
use crate::cli::{Export, ExportFormat};
use crate::cluster::{PoolHosts, PoolWish, Pools, Wish};
use crate::exit::Exit;
use crate::facts::Facts;
use crate::openshift::{
    self, Comparison, Content, Document, Format, Pool, Purpose, Settings, Version,
};
use crate::problem::{Place, Problem};
use crate::project::Project;
use crate::sanitise::sanitise_lines;

pub(super) fn export(project: &Project, options: &Export) -> Result<Exit> {
    let wish = Wish {
        inventory: options.inventory.clone(),
        extra: options.extra_vars.clone(),
        ..Wish::default()
    };
    let pools =
        PoolWish { pools: options.pool.clone(), internal_source: options.internal_source.clone() };
    let cluster = Pools::load(project, &options.cluster, &wish, &pools)?;
    for warning in &cluster.warnings {
        say(&format!("warning: {warning}"));
    }
    for note in &cluster.notes {
        say(&format!("note: {}", sanitise_lines(note)));
    }
    let version = version(options, &cluster)?;
    let pools = rendered(&cluster, version)?;
    if let Some(file) = &options.check {
        return check(&pools, &cluster.openshift, version, file);
    }
    let format = match options.format {
        ExportFormat::MachineConfig => Format::MachineConfig,
        ExportFormat::Butane => Format::Butane,
        ExportFormat::Ignition => Format::Ignition,
    };
    let mut notes = Vec::new();
    let documents = openshift::documents(&pools, &cluster.openshift, version, format, &mut notes)?;
    if format == Format::Ignition && options.output.is_none() && documents.len() > 1 {
        let message = format!("{} configurations in one output are no JSON", documents.len());
        return Err(Problem::new(message)
            .hint("write them with -o DIR, or name one --pool")
            .into());
    }
    for note in &notes {
        say(&format!("note: {note}"));
    }
    match &options.output {
        Some(folder) => {
            write(folder, &documents)?;
            // Those of other pools are meant to be there.
            if options.pool.is_empty() {
                warn_of_others(folder, &documents)?;
            }
        }
        None => print(&in_one(&documents))?,
    }
    Ok(Exit::Ok)
}

fn version(options: &Export, cluster: &Pools) -> Result<Version, Problem> {
    match &options.openshift_version {
        Some(text) => {
            Version::parse(text).map_err(|why| Problem::new(format!("--openshift-version: {why}")))
        }
        None => Ok(cluster.openshift.version.unwrap_or(Version::DEFAULT)),
    }
}

/// All pools with what their hosts get, which is the same for each host of a pool.
fn rendered(cluster: &Pools, version: Version) -> Result<Vec<Pool>, Problem> {
    let facts = version.facts(cluster.openshift.chrony_version);
    let contents: Result<Vec<_>, Problem> = cluster
        .pools
        .iter()
        .map(|pool| Ok((pool.settings.clone(), content(cluster, pool, &facts)?, pool.wanted)))
        .collect();
    openshift::pools(contents?, &cluster.openshift, version)
}

fn content(cluster: &Pools, pool: &PoolHosts, facts: &Facts) -> Result<Content, Problem> {
    let mut first: Option<(&String, Content)> = None;
    for (host, vars) in &pool.hosts {
        let desired = cluster.recipe.desired(vars, facts);
        let desired = desired.map_err(|problem| of_image(problem, pool, facts))?;
        let content = Content::new(&cluster.recipe, &desired, facts)?;
        match &first {
            None => first = Some((host, content)),
            Some((name, known)) => known
                .agrees(&pool.settings.name, name, &content, host)
                .map_err(|problem| problem.at(cluster.place_of_host(host)))?,
        }
    }
    let content = first.map(|(_, content)| content).unwrap_or_default();
    for note in &content.notes {
        say(&format!("note: {}: {note}", pool.settings.name));
    }
    Ok(content)
}

/// A problem of no line is one of the chrony that nodes are taken to have.
fn of_image(problem: Problem, pool: &PoolHosts, facts: &Facts) -> Problem {
    if problem.place().is_some() {
        return problem;
    }
    let (name, chrony) = (&pool.settings.name, &facts.chrony.version);
    let message =
        format!("the pool {name}, with chrony {chrony} on its nodes: {}", problem.message());
    Problem::new(message).hint(
        "that is the chrony of the first RHEL of its kind: where `chronyd -v` says more on a node, say so in \
         config.yml, openshift: {chrony_version: \"4.5\"}; else take the setting out",
    )
}

/// Several documents as one text.
fn in_one(documents: &[Document]) -> String {
    let texts: Vec<&str> = documents.iter().map(|document| document.text.as_str()).collect();
    texts.concat()
}

/// All files, or none: they get their names when all are written.
fn write(folder: &Path, documents: &[Document]) -> Result<()> {
    let cannot = || format!("cannot write into {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let taken = documents.iter().map(|document| folder.join(&document.file));
    if let Some(path) = taken.into_iter().find(|path| path.is_dir()) {
        let problem =
            Problem::new("this is a folder, and a file is to be written here: nothing was written");
        return Err(problem
            .at(Place::in_file(&path))
            .hint("move it away, or name another folder")
            .into());
    }
    let mut written = Vec::new();
    for document in documents {
        let mut file = tempfile::Builder::new()
            .prefix(".ezsync.")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder)
            .with_context(cannot)?;
        file.write_all(document.text.as_bytes()).with_context(cannot)?;
        file.as_file().sync_all().with_context(cannot)?;
        written.push((file, folder.join(&document.file)));
    }
    let mut told = String::new();
    for (file, path) in written {
        let cannot = || format!("cannot write {}", path.display());
        file.persist(&path).map_err(|error| error.error).with_context(cannot)?;
        told += &format!("wrote {}\n", path.display());
    }
    print(&told)
}

/// Names what an earlier export has left in `folder`: `oc apply -f` takes it as well.
fn warn_of_others(folder: &Path, documents: &[Document]) -> Result<()> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut others = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let name = entry.with_context(cannot)?.file_name().to_string_lossy().into_owned();
        let is_new = documents.iter().any(|document| document.file == name);
        if !is_new && openshift::is_written_here(&name) {
            others.push(name);
        }
    }
    others.sort();
    if !others.is_empty() {
        let others = others.join(", ");
        let others = sanitise_lines(&others);
        say(&format!(
            "warning: {}: an earlier export has left {others}, which this one does not write: delete them unless \
             they are meant",
            folder.display()
        ));
    }
    Ok(())
}

/// Compares with what a cluster has. Exit code 2 says that it differs, as `status` does of hosts.
fn check(pools: &[Pool], settings: &Settings, version: Version, file: &Path) -> Result<Exit> {
    let text = input(file)?;
    let dumps = openshift::read(&text.file, &text.text, Purpose::Compare)?;
    let beside = openshift::beside(pools, settings, version)?;
    if !beside.is_empty() {
        let beside = beside.join(", ");
        say(&format!("note: --check compares MachineConfigs alone; not compared: {beside}"));
    }
    let mut exit = Exit::Ok;
    for Comparison { name, differences } in openshift::compare(pools, &dumps, version) {
        if differences.is_empty() {
            print(&format!("{name}: as it would be exported\n"))?;
            continue;
        }
        exit = Exit::HostFailed;
        for difference in differences {
            let text = format!("{name}: {}\n{}", difference.what, difference.diff);
            print(&sanitise_lines(&text))?;
        }
    }
    Ok(exit)
}
