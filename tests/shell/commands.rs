//! Commands and the time zone.

use std::fs;
use std::os::unix::fs::symlink;

use ezsync::desired::Step;
use serde_json::json;

use crate::host::Host;
use crate::run::task;

fn failing() -> Step {
    task("shell", json!({"cmd": "false"}))
}

#[test]
fn a_command_runs_until_it_has_made_what_it_makes() {
    for host in Host::each() {
        let make =
            || vec![task("command", json!({"cmd": "touch '/srv/a b'", "creates": "/srv/a b"}))];
        assert_eq!(host.apply(make), ["run touch '/srv/a b'"]);
        let remove =
            || vec![task("shell", json!({"cmd": "rm *", "removes": "/srv/a b", "chdir": "/srv"}))];
        host.apply(remove);
        assert!(!host.has("/srv/a b"), "{:?}", host.shell);
    }
}

#[test]
fn a_shell_command_may_have_many_lines() {
    for host in Host::each() {
        let args = json!({"_raw_params": "cat <<'END'\n$HOME `id`\nEND\nfalse"});
        let log = host.carry_out(&host.plan(vec![task("shell", args)])).undone();
        assert_eq!(log, "$HOME `id`", "{:?}", host.shell);
    }
}

#[test]
fn the_words_of_a_command_arrive_unchanged() {
    for host in Host::each() {
        host.program("words", "#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 1\n");
        let line = "words '$(touch /pwned)' \"a  b\" ; | & > * '`x`' '' \\\\ ~ ! '#' ^ {a,b} ü";
        let log = host.carry_out(&host.plan(vec![task("command", json!({"cmd": line}))])).undone();
        let wanted = "<$(touch /pwned)><a  b><;><|><&><>><*><`x`><><\\><~><!><#><^><{a,b}><ü>";
        assert_eq!(log, wanted, "{:?}", host.shell);
        assert!(!host.has("/pwned"));
    }
}

fn zones(host: &Host) {
    for zone in ["UTC", "Europe/Berlin"] {
        let file = host.at("/usr/share/zoneinfo").join(zone);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, zone).unwrap();
    }
}

fn berlin() -> Vec<Step> {
    vec![task("timezone", json!({"name": "Europe/Berlin"}))]
}

#[test]
fn the_time_zone_is_set() {
    for host in Host::each() {
        zones(&host);
        host.write("/etc/timezone", "UTC\n");
        assert_eq!(host.apply(berlin), ["set the time zone to Europe/Berlin"]);
        let link = fs::read_link(host.at("/etc/localtime")).unwrap();
        assert_eq!(link.to_str(), Some("/usr/share/zoneinfo/Europe/Berlin"), "{:?}", host.shell);
        assert_eq!(host.read("/etc/timezone"), "Europe/Berlin\n");
    }
}

#[test]
fn the_time_zone_is_put_back_as_it_stood() {
    for host in Host::each() {
        zones(&host);
        let set = || berlin().into_iter().chain([failing()]).collect();
        // No link and no file.
        host.fail(set());
        symlink("../usr/share/zoneinfo/UTC", host.at("/etc/localtime")).unwrap();
        host.fail(set());
        host.write("/etc/timezone", "Etc/UTC\n");
        host.fail(set());
        // A copy of a zone, as old installers left it.
        fs::remove_file(host.at("/etc/localtime")).unwrap();
        host.write("/etc/localtime", "TZif");
        host.fail(set());
    }
}

#[test]
fn an_unknown_time_zone_is_named() {
    for host in Host::each() {
        let obstacle = host.obstacle(berlin());
        assert!(
            obstacle.what.starts_with("test : timezone: the host has no time zones"),
            "{obstacle:?}"
        );
        zones(&host);
        fs::remove_file(host.at("/usr/share/zoneinfo/Europe/Berlin")).unwrap();
        fs::create_dir_all(host.at("/usr/share/zoneinfo/right/Europe")).unwrap();
        host.write("/usr/share/zoneinfo/right/Europe/Berlin", "");
        host.write("/usr/share/zoneinfo/Europe/Bern", "");
        let obstacle = host.obstacle(berlin());
        assert!(obstacle.what.ends_with("no time zone Europe/Berlin in /usr/share/zoneinfo"));
        assert_eq!(obstacle.next, "did you mean Europe/Bern?", "{:?}", host.shell);
    }
}
