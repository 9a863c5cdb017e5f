//! Pools with what their MachineConfigs say: a custom pool has the worker's configs as well.

use super::content::Content;
use super::settings::{PoolSettings, Settings, WORKER};
use super::version::Version;
use crate::problem::Problem;

/// A pool and what its own config says.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The pool.
    pub settings: PoolSettings,
    pub(super) content: Content,
    /// What is added to the kernel's command line.
    pub(super) kernel_arguments: Vec<String>,
    /// Whether it was asked for.
    pub wanted: bool,
}

impl Pool {
    /// The name of its config.
    #[must_use]
    pub fn config_name(&self) -> String {
        format!("99-{}-chrony", self.settings.name)
    }
}

/// The pools of a cluster: each with its settings, what its hosts get, and whether it is wanted.
///
/// # Errors
/// A custom pool that cannot be kept from getting what its workers get.
pub fn pools(
    all: Vec<(PoolSettings, Content, bool)>,
    settings: &Settings,
    version: Version,
) -> Result<Vec<Pool>, Problem> {
    let worker = all.iter().find(|(pool, ..)| pool.name == WORKER).cloned();
    let mut pools = Vec::new();
    for (pool, content, wanted) in all {
        let mut kernel_arguments = settings.kernel_arguments.clone();
        let own = pool.kernel_arguments.iter();
        kernel_arguments.extend(own.filter(|it| !settings.kernel_arguments.contains(it)).cloned());
        if let Some((worker, inherited, _)) = worker.as_ref().filter(|_| pool.is_custom()) {
            check_inherited(&pool, &content, inherited, version)?;
            let has = |argument: &String| {
                settings.kernel_arguments.contains(argument)
                    || worker.kernel_arguments.contains(argument)
            };
            // The operator adds them all up.
            kernel_arguments.retain(|argument| !has(argument));
        }
        pools.push(Pool { settings: pool, content, kernel_arguments, wanted });
    }
    Ok(pools)
}

/// What workers get comes to a custom pool too, and may go before what its own config says.
fn check_inherited(
    pool: &PoolSettings,
    own: &Content,
    inherited: &Content,
    version: Version,
) -> Result<(), Problem> {
    let name = &pool.name;
    let problem =
        |message: String, hint: &str| Err(Problem::new(message).at(pool.place.clone()).hint(hint));
    let more = inherited.files.iter().find(|file| own.files.iter().all(|it| it.path != file.path));
    if let Some(file) = more {
        let message = format!("the pool {name} would get {} of the pool worker as well", file.path);
        return problem(
            message,
            "a custom pool has all configs of the worker's: write that file in both",
        );
    }
    if inherited.timezone.is_some() && own.timezone.is_none() {
        let message = format!("the pool {name} would get the time zone of the pool worker");
        return problem(message, "give it a time zone of its own, UTC say");
    }
    let same = own.timezone == inherited.timezone
        && inherited.files.iter().all(|file| own.files.contains(file));
    if !same && !version.custom_pools_win() && name.as_str() < WORKER {
        let message = format!(
            "before OpenShift 4.15 the config that comes last by its name counts: 99-worker-chrony would go \
             before 99-{name}-chrony, and they differ"
        );
        return problem(
            message,
            "give both pools the same settings, or name the pool so that it comes behind `worker`",
        );
    }
    Ok(())
}
