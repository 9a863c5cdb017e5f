//! Services under systemd, OpenRC and the old init scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ezsync::desired::Step;
use ezsync::remote::Outcome;
use serde_json::{Value, json};

use crate::host::Host;
use crate::recovery::{await_that, recover, run_folder, start};
use crate::run::{errand, notifying, task};

const CONF: &str = "/etc/app/app.conf";

fn service(args: Value) -> Step {
    task("service", args)
}

fn conf(text: &str) -> Step {
    notifying(task("copy", json!({"dest": CONF, "content": text})))
}

fn restart() -> Vec<Step> {
    vec![service(json!({"name": "app", "state": "restarted"}))]
}

fn on() -> Step {
    service(json!({"name": "app", "state": "started", "enabled": true}))
}

fn off() -> Step {
    service(json!({"name": "app", "state": "stopped", "enabled": false}))
}

/// A host with systemd's stand-in and a service that reads a file.
fn host_with(host: &Host, states: &[&str]) {
    host.systemd();
    host.write(CONF, "old\n");
    host.service("app", states, CONF);
}

/// What the service has read when it was started.
fn running(host: &Host) -> String {
    host.read("/units/app/running")
}

#[test]
fn a_service_is_started_and_enabled_and_back() {
    for host in Host::each() {
        host_with(&host, &[]);
        assert_eq!(host.apply(|| vec![on()]), ["enable and start app"]);
        assert_eq!(host.calls(), ["systemctl enable app", "systemctl start app"]);
        assert_eq!(host.apply(|| vec![off()]), ["disable and stop app"]);
        assert_eq!(host.calls(), ["systemctl stop app", "systemctl disable app"]);
        // What is not there needs no stopping.
        let absent = json!({"name": "absent", "state": "stopped", "enabled": false});
        assert!(host.apply(|| vec![service(absent.clone())]).is_empty());
    }
}

/// Its package was removed while a policy-rc.d kept that from stopping it: systemd knows of it for as long as it
/// runs.
#[test]
fn a_service_that_outlived_its_package_is_stopped() {
    for host in Host::each() {
        host_with(&host, &["active"]);
        fs::write(host.at("/units/app/gone"), "").unwrap();
        assert_eq!(host.apply(|| vec![off()]), ["stop app"], "{:?}", host.shell);
        assert_eq!(host.calls(), ["systemctl stop app"]);
        // It goes with its package in the middle of a run.
        host_with(&host, &["active", "enabled"]);
        fs::remove_file(host.at("/units/app/gone")).unwrap();
        let gone = task("shell", json!({"cmd": "rm /units/app/enabled; : >/units/app/gone"}));
        let plan = host.plan(vec![gone, off()]);
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed, "{:?}", host.shell);
        assert_eq!(host.calls(), ["systemctl stop app"], "{:?}", host.shell);
        assert!(!host.has("/units/app/active"));
    }
}

#[test]
fn a_static_service_is_neither_enabled_nor_disabled() {
    for host in Host::each() {
        host_with(&host, &["static", "active"]);
        for enabled in [true, false] {
            let args = json!({"name": "app", "enabled": enabled});
            assert!(host.apply(|| vec![service(args.clone())]).is_empty());
        }
    }
}

#[test]
fn services_are_masked_and_unmasked() {
    for host in Host::each() {
        host_with(&host, &["active", "enabled"]);
        let mask = json!({"name": "app", "state": "stopped", "masked": true});
        host.apply(|| vec![service(mask.clone())]);
        assert_eq!(host.calls(), ["systemctl stop app", "systemctl mask app"]);
        let unmask = json!({"name": "app", "state": "started", "masked": false});
        host.apply(|| vec![service(unmask.clone())]);
        assert_eq!(host.calls(), ["systemctl unmask app", "systemctl start app"]);
        // A service may be masked before it is installed.
        let absent = json!({"name": "absent", "masked": true});
        host.apply(|| vec![service(absent.clone())]);
        assert_eq!(host.calls(), ["systemctl mask absent"], "{:?}", host.shell);
    }
}

#[test]
fn a_handler_restarts_a_running_service_once() {
    for host in Host::each() {
        host_with(&host, &["active", "enabled"]);
        let plan = host.plan_with(vec![conf("new\n"), on()], restart());
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed);
        assert_eq!(host.calls(), ["systemctl restart app"], "{:?}", host.shell);
        assert_eq!(running(&host), "new\n");
    }
}

#[test]
fn a_service_that_has_just_been_started_is_not_restarted() {
    for host in Host::each() {
        host_with(&host, &["enabled"]);
        let plan = host.plan_with(vec![conf("new\n"), on()], restart());
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed);
        assert_eq!(host.calls(), ["systemctl start app"], "{:?}", host.shell);
    }
}

#[test]
fn a_service_that_was_started_before_its_file_came_is_restarted() {
    for host in Host::each() {
        host_with(&host, &["enabled"]);
        let plan = host.plan_with(vec![on(), conf("new\n")], restart());
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed);
        assert_eq!(
            host.calls(),
            ["systemctl start app", "systemctl restart app"],
            "{:?}",
            host.shell
        );
        assert_eq!(running(&host), "new\n");
    }
}

#[test]
fn a_service_is_reloaded_or_started() {
    for host in Host::each() {
        host_with(&host, &["active"]);
        let reload =
            || vec![service(json!({"name": "app", "state": "reloaded", "daemon_reload": true}))];
        assert_eq!(host.carry_out(&host.plan(reload())).outcome(), Outcome::Changed);
        assert_eq!(host.calls(), ["systemctl daemon-reload", "systemctl reload app"]);
        fs::remove_file(host.at("/units/app/active")).unwrap();
        assert_eq!(
            host.carry_out(&host.plan(reload())).outcome(),
            Outcome::Changed,
            "{:?}",
            host.shell
        );
        assert_eq!(host.calls(), ["systemctl daemon-reload", "systemctl start app"]);
    }
}

#[test]
fn a_service_runs_with_its_old_file_after_a_failure() {
    for host in Host::each() {
        host_with(&host, &["active", "enabled"]);
        let before = host.snapshot();
        let plan = host.plan_with(vec![conf("BAD\n"), on()], restart());
        let log = host.carry_out(&plan).undone();
        assert_eq!(log, format!("bad line in {CONF}\nstatus of app"), "{:?}", host.shell);
        crate::run::assert_same(&before, &host.snapshot(), &host);
        assert_eq!(running(&host), "old\n");
        assert!(host.has("/units/app/active"));
        let calls =
            ["systemctl restart app", "systemctl reset-failed app", "systemctl restart app"];
        assert_eq!(host.calls(), calls, "{:?}", host.shell);
    }
}

#[test]
fn all_services_are_put_back() {
    let failing = || task("shell", json!({"cmd": "false"}));
    for host in Host::each() {
        for states in [
            vec!["active", "enabled"],
            vec!["active"],
            vec!["enabled"],
            vec![],
            vec!["masked"],
            vec!["masked", "enabled"],
        ] {
            host_with(&host, &states);
            let steps = [
                service(
                    json!({"name": "app", "state": "started", "enabled": true, "masked": false}),
                ),
                off(),
                service(json!({"name": "app", "state": "stopped", "masked": true})),
            ];
            for step in steps {
                let plan = host.plan(vec![step.clone(), failing()]);
                host.carry_out(&plan).undone();
                for state in ["active", "enabled", "masked"] {
                    let is = host.has(&format!("/units/app/{state}"));
                    assert_eq!(
                        is,
                        states.contains(&state),
                        "{:?} {states:?} {state} {step:?}",
                        host.shell
                    );
                }
            }
            fs::remove_dir_all(host.at("/units/app")).unwrap();
        }
    }
}

#[test]
fn a_service_that_was_not_touched_is_not_restarted_by_the_way_back() {
    for host in Host::each() {
        host_with(&host, &["active"]);
        let plan = host.plan(vec![on(), task("shell", json!({"cmd": "false"}))]);
        host.carry_out(&plan).undone();
        assert_eq!(
            host.calls(),
            ["systemctl enable app", "systemctl disable app"],
            "{:?}",
            host.shell
        );
    }
}

#[test]
fn a_service_that_does_not_exist_fails_and_leaves_nothing() {
    for host in Host::each() {
        host.systemd();
        let log = host.fail(vec![service(json!({"name": "absent", "state": "started"}))]);
        assert!(log.starts_with("Unit absent.service not found."), "{:?}: {log}", host.shell);
        assert_eq!(host.calls(), ["systemctl start absent"], "{:?}", host.shell);
    }
}

#[test]
fn a_service_that_can_be_neither_started_nor_stopped_is_as_it_was() {
    for host in Host::each() {
        host_with(&host, &["refuses", "broken"]);
        let log = host.fail(vec![service(json!({"name": "app", "state": "started"}))]);
        assert!(log.starts_with("app refuses"), "{:?}: {log}", host.shell);
    }
}

#[test]
fn the_daemons_own_words_come_before_the_managers() {
    for host in Host::each() {
        host_with(&host, &["refuses"]);
        host.write(
            "/units/app/journal",
            "\nNov 21 11:00:00 node1 systemd[1]: Starting app\n\
             Nov 21 11:00:00 node1 app[12]: no such card\n\
             Nov 21 11:00:00 node1 systemd[1]: Failed\n",
        );
        let log = host.fail(vec![service(json!({"name": "app", "state": "started"}))]);
        assert_eq!(log, "app refuses\napp: no such card\nstatus of app", "{:?}", host.shell);
    }
}

#[test]
fn units_are_read_again_after_their_files_are_back() {
    for host in Host::each() {
        host_with(&host, &["active"]);
        let plan = host.plan(vec![
            task("copy", json!({"dest": "/etc/app.service", "content": "new\n"})),
            service(json!({"name": "app", "state": "restarted", "daemon_reload": true})),
            task("shell", json!({"cmd": "false"})),
        ]);
        host.carry_out(&plan).undone();
        let calls = host.calls();
        let reloads: Vec<_> = calls.iter().filter(|call| call.ends_with("daemon-reload")).collect();
        assert_eq!(reloads.len(), 2, "{:?}: {calls:?}", host.shell);
        assert_eq!(calls.last().unwrap(), "systemctl restart app");
    }
}

/// An init script that is there; the stand-ins do the rest.
fn init_script(host: &Host, name: &str) {
    fs::create_dir_all(host.at("/etc/init.d")).unwrap();
    let path = format!("/etc/init.d/{name}");
    host.write(&path, "#!/bin/sh\n");
    fs::set_permissions(host.at(&path), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn openrc_is_spoken_to() {
    for host in Host::each() {
        host.fake("rc-service");
        host.fake("rc-update");
        init_script(&host, "app");
        assert_eq!(host.apply(|| vec![on()]), ["enable and start app"]);
        assert_eq!(host.calls(), ["rc-update add app default", "rc-service app start"]);
        // Services of the boot runlevel are enabled as well.
        fs::create_dir_all(host.at("/etc/runlevels/boot")).unwrap();
        let (from, to) = ("/etc/runlevels/default/app", "/etc/runlevels/boot/app");
        fs::rename(host.at(from), host.at(to)).unwrap();
        // The link leads to a path of the host, not of this machine.
        assert!(host.apply(|| vec![on()]).is_empty(), "{:?}", host.shell);
        assert_eq!(host.apply(|| vec![off()]), ["disable and stop app"], "{:?}", host.shell);
        assert_eq!(host.calls(), ["rc-service app stop", "rc-update del app"]);
        let plan = host.plan_with(vec![conf("new\n"), on()], restart());
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed);
        assert_eq!(host.calls(), ["rc-update add app default", "rc-service app start"]);
        let plan = host.plan_with(vec![conf("newer\n"), on()], restart());
        assert_eq!(host.carry_out(&plan).outcome(), Outcome::Changed);
        assert_eq!(host.calls(), ["rc-service app restart"]);
    }
}

#[test]
fn old_init_scripts_are_spoken_to() {
    for (tool, enable, disable) in [
        ("update-rc.d", "update-rc.d app enable", "update-rc.d app disable"),
        ("chkconfig", "chkconfig app on", "chkconfig app off"),
    ] {
        for host in Host::each() {
            host.fake("service");
            host.fake(tool);
            init_script(&host, "app");
            assert_eq!(host.apply(|| vec![on()]), ["enable and start app"], "{:?}", host.shell);
            assert_eq!(host.calls(), [enable, "service app start"]);
            assert_eq!(host.apply(|| vec![off()]), ["disable and stop app"], "{:?}", host.shell);
            assert_eq!(host.calls(), ["service app stop", disable]);
        }
    }
}

/// Whether a service is enabled under its mask is only seen without it, and the power may fail before it is noted.
#[test]
fn what_is_enabled_under_its_mask_stays_so_after_a_cut() {
    for host in Host::each() {
        host.systemd();
        host.service("app", &["enabled", "masked"], "");
        let steps = json!({"name": "app", "masked": false, "enabled": false, "state": "stopped"});
        let plan = host.plan(vec![task("service", steps)]);
        host.fake("systemctl");
        fs::rename(host.at("/usr/bin/systemctl"), host.at("/usr/bin/real-systemctl")).unwrap();
        host.program(
            "systemctl",
            "#!/bin/sh\nreal-systemctl \"$@\"; status=$?\n\
             case \"$*\" in *unmask*) kill -9 $(sed -n 's/^pid\t//p' /var/lib/ezsync/run.*/watchdog /var/lib/ezsync/lock/owner) ;; esac\n\
             exit $status\n",
        );
        let mut running = start(&host, &errand(&host, &plan));
        running.until(&["staged", "result"]);
        let watchdog = format!("{}/watchdog", run_folder(&host).unwrap());
        await_that("the watchdog runs", || host.has(&watchdog) && !host.read(&watchdog).is_empty());
        running.say("go\n");
        running.finish_any();
        assert!(!host.has("/units/app/masked"), "{:?}: it was cut", host.shell);
        fs::rename(host.at("/usr/bin/real-systemctl"), host.at("/usr/bin/systemctl")).unwrap();
        assert_eq!(recover(&host, false).outcome(), Outcome::Changed);
        for state in ["masked", "enabled"] {
            assert!(host.has(&format!("/units/app/{state}")), "{:?}: not {state}", host.shell);
        }
    }
}
