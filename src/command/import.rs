//! `ezsync import`: from OpenShift's objects, and from a node's own file, back to settings.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Result;

use super::print;
use crate::cli::{Import, ImportMachineConfig};
use crate::cluster;
use crate::exit::Exit;
use crate::openshift;
use crate::problem::{Place, Problem};
use crate::project::Text;
use crate::sanitise::{sanitise, sanitise_lines};
use crate::yaml;

/// The longest dump that is read, in bytes: a cluster keeps 1.5 MiB in an object, and hardly forty MachineConfigs.
const DUMP_MAX: u64 = 64 * 1024 * 1024;

/// What `file` holds, or standard input where it is `-`.
pub(super) fn input(file: &Path) -> Result<Text, Problem> {
    if file == Path::new("-") {
        return text_of(io::stdin(), "standard input".to_owned());
    }
    let name = file.display().to_string();
    match File::open(file) {
        Ok(from) => text_of(from, name),
        Err(error) => Err(unreadable(name, &error)),
    }
}

fn text_of(from: impl Read, file: String) -> Result<Text, Problem> {
    let mut text = String::new();
    match from.take(DUMP_MAX + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 > DUMP_MAX => {
            let message = format!("it has more than {} MiB", DUMP_MAX / 1024 / 1024);
            let hint = "dump less at a time: oc get mc -o yaml NAME";
            Err(Problem::new(message).at(whole(file)).hint(hint))
        }
        Ok(_) => Ok(Text { file, text }),
        Err(error) => Err(unreadable(file, &error)),
    }
}

fn unreadable(file: String, error: &io::Error) -> Problem {
    let message = match error.kind() {
        io::ErrorKind::InvalidData => "this file is not UTF-8 text".to_owned(),
        _ => format!("cannot read it: {error}"),
    };
    Problem::new(message).at(whole(file))
}

fn whole(file: String) -> Place {
    Place { file, line: 0, column: 0, text: String::new() }
}

pub(super) fn import(import: &Import) -> Result<Exit> {
    let Import::MachineConfig(ImportMachineConfig { files }) = import;
    let mut dumps = openshift::Dumps::default();
    let mut names = Vec::new();
    for file in files {
        let text = input(file)?;
        let more = openshift::read(&text.file, &text.text, openshift::Purpose::Import)?;
        dumps.add_all(more).map_err(|name| {
            Problem::new(format!("{name} stands in two files")).at(Place::in_file(file))
        })?;
        names.push(text.file);
    }
    let dumps = dumps.or_nothing(&names.join(", "))?;
    let mut text = String::new();
    for config in &dumps.configs {
        for file in &config.files {
            let bytes = String::from_utf8_lossy(&file.bytes);
            let end = if bytes.ends_with('\n') || bytes.is_empty() { "" } else { "\n" };
            let title = config.title(file);
            let mode = (!config.is_of_node).then(|| format!(" ({:04o})", file.mode));
            text += &format!("# --- {}{}\n", sanitise(&title), mode.unwrap_or_default());
            text += &format!("{}{end}", sanitise_lines(&bytes));
        }
    }
    let imported = openshift::import(&dumps, &|settings| {
        cluster::check(settings.clone()).map_err(|problem| problem.message().to_owned())
    });
    for (title, settings) in &imported.files {
        text += &format!("# --- {}\n", sanitise(title));
        text += &sanitise_lines(&yaml::write(settings)?);
    }
    let others: Vec<&String> = imported.others.iter().chain(&dumps.others).collect();
    if !others.is_empty() {
        text += "# --- no setting stands for\n";
    }
    for other in others {
        text += &format!("# {}\n", sanitise(other));
    }
    print(&text)?;
    Ok(Exit::Ok)
}
