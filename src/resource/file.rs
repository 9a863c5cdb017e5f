//! Files with a content: `template` and `copy`.

use std::fmt;
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;

use super::{
    Args, Call, Difference, Entry, FileText, Observed, Obstacle, PathKind, PathState, PathWish,
    Resource, Subject, Texts, Work,
};
use crate::problem::Problem;

/// The largest content of a file, in bytes. Files are compared whole: a larger one is not fetched.
pub const CONTENT_MAX: usize = 256 * 1024;

/// The function that puts a file into place.
pub(super) const COMMIT: &str = "file_commit";

/// The bytes of a file and the command that checks them on the host before they are used.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// What the file will hold.
    pub bytes: Zeroizing<Vec<u8>>,
    /// A shell command; `%s` in it is the path of the candidate.
    pub validate: Option<String>,
}

/// How much it is, and not what: it may be a secret.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, validated by {:?}", self.bytes.len(), self.validate)
    }
}

/// A regular file with a content, an owner and a mode.
#[derive(Debug)]
struct File {
    path: String,
    content: Content,
    mode: Option<u32>,
    owner: Option<String>,
    group: Option<String>,
}

/// `content` holds the rendered template or the copied file: the role's loader put it there.
pub(super) fn make(args: &mut Args) -> Result<Arc<dyn Resource>, Problem> {
    let path = args.path("dest", &["path"])?;
    if path.ends_with('/') {
        return Err(args.problem("`dest` must name the file, not its folder"));
    }
    let Some(text) = args.text("content")? else {
        return Err(args.problem("`src` or `content` is missing"));
    };
    let bytes = Zeroizing::new(text.into_bytes());
    if bytes.len() > CONTENT_MAX {
        let message = format!("{path} would have more than {} KiB", CONTENT_MAX / 1024);
        return Err(args.problem(&message).hint("bring large files to the host in a package"));
    }
    let validate = args.text("validate")?;
    if validate.as_ref().is_some_and(|command| !command.contains("%s")) {
        return Err(args.problem("`validate` needs %s where the file's path goes"));
    }
    let file = File {
        path,
        content: Content { bytes, validate },
        mode: args.mode("mode")?,
        owner: args.account("owner")?,
        group: args.account("group")?,
    };
    // The original is always kept.
    args.ignore("backup");
    Ok(Arc::new(file))
}

/// `0644` from bits, `-` for "as it is".
pub(super) fn mode_word(mode: Option<u32>) -> String {
    mode.map_or_else(|| "-".to_owned(), |bits| format!("{bits:04o}"))
}

/// What is wanted at a path, but for its bytes.
pub(super) fn wish(
    kind: PathKind,
    mode: Option<u32>,
    owner: Option<&String>,
    group: Option<&String>,
) -> PathWish {
    let mode = mode.map(|bits| format!("{bits:04o}"));
    PathWish { kind, sha256: None, mode, owner: owner.cloned(), group: group.cloned() }
}

/// The name, `-` for "as it is".
pub(super) fn name_word(name: Option<&String>) -> String {
    name.cloned().unwrap_or_else(|| "-".to_owned())
}

impl File {
    /// What not everyone on the host may read belongs in no diff and no report.
    fn is_secret(&self, stands: Option<&PathState>) -> bool {
        let closed = |mode: u32| mode & 0o004 == 0;
        self.mode.is_some_and(closed) || stands.is_some_and(|stands| closed(stands.mode))
    }
}

impl Resource for File {
    fn file(&self) -> Option<FileText> {
        let text = String::from_utf8_lossy(&self.content.bytes);
        let text = (!self.is_secret(None)).then(|| text.into_owned());
        Some(FileText { path: self.path.clone(), text })
    }

    fn entries(&self) -> Vec<Entry> {
        let wish = wish(PathKind::File, self.mode, self.owner.as_ref(), self.group.as_ref());
        vec![Entry::Path(self.path.clone(), wish, Some(self.content.clone()))]
    }

    fn subjects(&self) -> Vec<Subject> {
        vec![Subject::Path(self.path.clone())]
    }

    fn compare(&self, observed: &Observed) -> Result<Option<Difference>, Obstacle> {
        // A link that leads nowhere is written through.
        let stands = observed.paths.get(&self.path).filter(|stands| !stands.is_broken_link());
        if let Some(stands) = stands.filter(|stands| !stands.kind.starts_with("regular")) {
            let what = format!("{} is a {}, not a file", self.path, stands.kind);
            return Err(Obstacle::at_path(what));
        }
        let before = stands.and_then(|stands| stands.content.as_ref());
        let same_content = before.is_some_and(|bytes| *bytes == *self.content.bytes);
        let same_attributes = stands.is_some_and(|stands| {
            self.mode.is_none_or(|mode| mode == stands.mode)
                && self.owner.as_ref().is_none_or(|owner| stands.owner.is(owner))
                && self.group.as_ref().is_none_or(|group| stands.group.is(group))
        });
        if same_content && same_attributes {
            return Ok(None);
        }
        let verb = match (stands, same_content) {
            (None, _) => "write",
            (Some(_), true) => "set owner and mode of",
            (Some(_), false) => "change",
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let stage = Call::new(
            "file_stage",
            [
                self.path.clone(),
                mode_word(self.mode),
                name_word(self.owner.as_ref()),
                name_word(self.group.as_ref()),
            ],
        );
        Ok(Some(Difference {
            summary: format!("{verb} {}", self.path),
            texts: (!self.is_secret(stands)).then(|| Texts {
                path: self.path.clone(),
                before: before.map(|bytes| text(bytes)).unwrap_or_default(),
                after: text(&self.content.bytes),
            }),
            work: Work {
                prepare: Some(stage),
                activate: Some(Call::new(COMMIT, [self.path.clone()])),
                content: Some(self.content.clone()),
                uploads: Vec::new(),
            },
        }))
    }
}
