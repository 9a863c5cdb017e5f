//! shellcheck's word on the shell that is shipped.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ezsync::desired::{Desired, Step};
use ezsync::facts::{Facts, Platform};
use ezsync::plan::Plan;
use ezsync::remote::{
    Glance, Request, Sight, Word, apply_script, command_script, ping_script, probe_script,
    source_script, stock_script, watch_script,
};
use ezsync::resource::Observed;
use serde_json::json;

use crate::run::{first_errand, task};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/remote/sh");

fn shellcheck() -> Option<Command> {
    let there = Command::new("shellcheck").arg("--version").stdout(Stdio::null()).status();
    if there.is_err() {
        ezsync_hosts::skip("shellcheck is not installed");
        return None;
    }
    let mut command = Command::new("shellcheck");
    command.args(["--shell=sh", "--norc"]);
    Some(command)
}

#[test]
fn each_file_passes() {
    let Some(mut shellcheck) = shellcheck() else { return };
    let files = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension() == Some("sh".as_ref())).collect();
    assert!(files.len() > 5);
    let output = shellcheck.args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn each_whole_script_passes() {
    let steps: Vec<Step> = vec![
        task("package", json!({"name": ["a", "b"]})),
        task(
            "copy",
            json!({"dest": "/etc/a b", "content": "it's $HOME", "validate": "test -s %s"}),
        ),
        task("service", json!({"name": "a", "state": "restarted"})),
        task("timezone", json!({"name": "UTC"})),
    ];
    let desired = Desired { steps, ..Desired::default() };
    let request = Request::new(&desired.subjects().collect(), &["it's".to_owned()]);
    let observed = Observed { zones: vec!["UTC".to_owned()], ..Observed::default() };
    let plan = Plan::new(&desired, &observed).unwrap();
    let mark = Word::random().unwrap();
    let chrony = Facts::typical(Platform::Debian).chrony;
    for script in [
        probe_script(&request, &mark),
        probe_script(&request.clone().with_bundle(vec!["/bin/sh".to_owned()]), &mark),
        apply_script(&first_errand(&plan), &mark, &mark),
        watch_script(&Glance::Burst, Sight::of(&chrony), &mark),
        watch_script(&Glance::Examine(vec![[10, 0, 0, 1].into()]), Sight::of(&chrony), &mark),
        source_script(&[[10, 0, 0, 2].into()], &mark),
        ping_script(&mark),
        stock_script(&mark),
        command_script("it's $HOME", &mark),
    ] {
        let Some(mut shellcheck) = shellcheck() else { return };
        // Rules that the files switch off where they mean it, in comments that do not travel:
        // functions of a script that this plan does not call, or calls without arguments, a format for another program, words
        // that are to be split, `-ef`. The library is one quoted word; its files are checked by themselves.
        let mut child = shellcheck
            .args(["--exclude=SC1078,SC1079,SC2317,SC3013,SC2016,SC2329,SC2046,SC2086,SC2034,SC2119,SC2120,SC2154", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(Path::new(FOLDER).is_dir());
}
