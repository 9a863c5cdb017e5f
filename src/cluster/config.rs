//! A cluster's config.yml, with the places of what stands in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::settings::Part;
use crate::problem::{Place, Problem};
use crate::project::{self, Project};
use crate::template::Layer;
use crate::yaml::{self, Key, Kind, Node};

/// The settings of config.yml.
#[derive(Debug, Default)]
pub(super) struct Config {
    file: String,
    text: String,
    /// The settings by name.
    pub vars: Arc<Layer>,
    /// Each key with what stands there.
    keys: Vec<(Key, Node)>,
}

impl Config {
    /// The file that belongs to inventories from elsewhere (`-i`): it stands beside the first that
    /// has one, or is the cluster's own.
    pub fn path(project: &Project, cluster: &str, sources: &[String]) -> PathBuf {
        let beside = |source: &String| {
            let is_list = source.contains(',') && !Path::new(source).exists();
            let source = Path::new(source);
            if is_list {
                return None;
            }
            let folder = if source.is_dir() { Some(source) } else { source.parent() };
            folder.map(|folder| folder.join("config.yml")).filter(|path| path.exists())
        };
        let own = || project.path(&format!("inventories/{cluster}/config.yml"));
        sources.iter().find_map(beside).unwrap_or_else(own)
    }

    /// Reads the file. One that is not there is an empty one.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let project::Text { file, text } = project::read_required(path)?;
        let node = yaml::parse(&file, &text)?;
        let place = Place::in_source(file.clone(), &text, node.line, node.column);
        let keys = match &node.kind {
            Kind::Map(entries) => entries.clone(),
            _ => Vec::new(),
        };
        match node.into_value() {
            Value::Object(vars) => Ok(Self { file, text, vars: Layer::written(vars), keys }),
            Value::Null => Ok(Self { file, text, ..Self::default() }),
            _ => Err(Problem::new("config.yml must be a map of settings")
                .at(place)
                .hint("write one `name: value` a line")),
        }
    }

    /// The file, its text, and what stands under `name` there.
    pub fn section(&self, name: &str) -> Option<(&str, &str, &Node)> {
        let (_, node) = self.keys.iter().find(|(key, _)| key.name == name)?;
        Some((&self.file, &self.text, node))
    }

    /// Where a setting stands, or a part of it.
    pub fn place_of(&self, name: &str, part: Part<'_>) -> Option<Place> {
        let (key, node) = self.keys.iter().find(|(key, _)| key.name == name)?;
        let item = part.item.and_then(|number| item(node, number));
        let field = part.field.and_then(|name| field(item.unwrap_or(node), name));
        let at_item = item.map(|item| (item.line, item.column));
        let at_field = field.map(|key| (key.line, key.column));
        let (line, column) = at_field.or(at_item).unwrap_or((key.line, key.column));
        Some(Place::in_source(self.file.clone(), &self.text, line, column))
    }
}

fn item(node: &Node, number: usize) -> Option<&Node> {
    match &node.kind {
        Kind::List(items) => items.get(number),
        _ => None,
    }
}

fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Key> {
    match &node.kind {
        Kind::Map(entries) => entries.iter().map(|(key, _)| key).find(|key| key.name == name),
        _ => None,
    }
}
