//! Paths without a content of ours: folders, modes of files, and what must not be there.

use std::sync::Arc;

use super::file::{mode_word, name_word, wish};
use super::{
    Args, Call, Difference, Entry, Observed, Obstacle, PathKind, PathState, Resource, Subject, Work,
};
use crate::problem::Problem;

/// The function that removes what stands at a path.
pub(super) const REMOVE: &str = "path_remove";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Directory,
    File,
    Absent,
}

/// A path in a wanted state.
#[derive(Debug)]
struct Path {
    path: String,
    state: State,
    mode: Option<u32>,
    owner: Option<String>,
    group: Option<String>,
}

pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let path = args.path("path", &["dest", "name"])?;
    let state = match args.word("state")?.as_deref() {
        None | Some("file") => State::File,
        Some("directory") => State::Directory,
        Some("absent") => State::Absent,
        Some(other) => {
            return Err(
                args.problem(&format!("`state` must be directory, file or absent, not {other}"))
            );
        }
    };
    let path = path.trim_end_matches('/').to_owned();
    if path.is_empty() {
        return Err(args.problem("`path` must not be the root of the file system"));
    }
    let mode = args.mode("mode")?;
    let (owner, group) = (args.account("owner")?, args.account("group")?);
    Ok(Arc::new(Path { path, state, mode, owner, group }))
}

impl Path {
    fn attributes_differ(&self, stands: &PathState) -> bool {
        self.mode.is_some_and(|mode| mode != stands.mode)
            || self.owner.as_ref().is_some_and(|owner| !stands.owner.is(owner))
            || self.group.as_ref().is_some_and(|group| !stands.group.is(group))
    }

    fn attributes(&self) -> Vec<String> {
        vec![
            self.path.clone(),
            mode_word(self.mode),
            name_word(self.owner.as_ref()),
            name_word(self.group.as_ref()),
        ]
    }
}

impl Resource for Path {
    fn entries(&self) -> Vec<Entry> {
        let kind = match self.state {
            State::Directory => PathKind::Directory,
            State::File => PathKind::File,
            State::Absent => PathKind::Absent,
        };
        let wish = wish(kind, self.mode, self.owner.as_ref(), self.group.as_ref());
        vec![Entry::Path(self.path.clone(), wish, None)]
    }

    fn subjects(&self) -> Vec<Subject> {
        vec![Subject::Path(self.path.clone())]
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle> {
        let path = &self.path;
        let of_path = |function| Some(Call::new(function, [path.clone()]));
        let (verb, work) = match (self.state, observed.paths.get(path)) {
            (State::Absent, None) => return Ok(None),
            (State::Absent, Some(_)) => {
                let (prepare, activate) = (of_path("path_stage"), of_path(REMOVE));
                let work = Work { prepare, activate, ..Work::default() };
                ("remove", work)
            }
            (State::Directory, None) => {
                let prepare = Some(Call::new("directory_make", self.attributes()));
                let work = Work { prepare, ..Work::default() };
                ("make folder", work)
            }
            (State::Directory, Some(stands)) if !stands.is_directory() => {
                return Err(Obstacle::at_path(format!(
                    "{path} is a {}, not a folder",
                    stands.kind
                )));
            }
            (State::File, Some(stands)) if stands.is_broken_link() => {
                return Err(Obstacle::at_path(format!("{path} is a link that leads nowhere")));
            }
            (State::File, None) => {
                return Err(Obstacle::at_path(format!(
                    "{path} does not exist: use copy or template to write it"
                )));
            }
            (_, Some(stands)) if self.attributes_differ(stands) => {
                let activate = Some(Call::new("attributes_set", self.attributes()));
                let prepare = of_path("attributes_stage");
                let work = Work { prepare, activate, ..Work::default() };
                ("set owner and mode of", work)
            }
            _ => return Ok(None),
        };
        Ok(Some(Difference { summary: format!("{verb} {path}"), texts: None, work }))
    }
}
