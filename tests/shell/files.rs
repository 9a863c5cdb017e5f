//! Files with a content: written, replaced, checked and put back.

use std::time::{Duration, UNIX_EPOCH};

use ezsync::remote::Outcome;
use ezsync::resource::CONTENT_MAX;
use serde_json::json;

use crate::host::Host;
use crate::run::{notifying, task};

const CONF: &str = "/etc/app/app.conf";

/// A step that fails when all before it is done.
fn failing() -> ezsync::desired::Step {
    task("shell", json!({"cmd": "echo it broke; false"}))
}

/// Lets the host note each call of `chmod`: the mode before, the mode asked for.
fn watch_chmod(host: &Host) {
    host.program(
        "chmod",
        "#!/bin/sh\nprintf '%s %s\\n' \"$(stat -c %a \"$2\")\" \"$1\" >>/calls\n\
         exec /host/usr/bin/chmod \"$@\"\n",
    );
}

#[test]
fn a_new_file_has_the_usual_mode_and_its_text() {
    for host in Host::each() {
        let steps = || vec![task("copy", json!({"dest": CONF, "content": "one\ntwo"}))];
        assert_eq!(host.apply(steps), ["write /etc/app/app.conf"]);
        assert_eq!(host.read(CONF), "one\ntwo");
        assert_eq!(host.attributes(CONF), (0o644, 0, 0));
        assert!(host.has(&format!("/var/lib/ezsync/originals{CONF}.none")));
    }
}

#[test]
fn a_replaced_file_keeps_its_attributes() {
    for host in Host::each() {
        // Users without a name are users as well.
        for (mode, user, group) in [(0o640, 7, 8), (0o600, 1234, 4321)] {
            host.write(CONF, format!("old {user}\n"));
            host.chown(CONF, user, group);
            host.chmod(CONF, mode);
            host.apply(|| vec![task("copy", json!({"dest": CONF, "content": "new\n"}))]);
            assert_eq!(host.attributes(CONF), (mode, user, group), "{:?}", host.shell);
            assert_eq!(host.read(CONF), "new\n");
        }
    }
}

#[test]
fn wanted_attributes_are_set_by_name_and_by_number() {
    for host in Host::each() {
        for (owner, group) in [("sync", "staff"), ("7", "8"), ("12", "34")] {
            let args = json!({
                "dest": CONF, "content": "text\n", "owner": owner, "group": group, "mode": "0640"
            });
            host.apply(|| vec![task("template", args.clone())]);
            let user = if owner == "12" { (0o640, 12, 34) } else { (0o640, 7, 8) };
            assert_eq!(host.attributes(CONF), user, "{:?}", host.shell);
        }
        let args = json!({"dest": CONF, "content": "text\n", "group": "staff"});
        host.apply(|| vec![task("template", args.clone())]);
        assert_eq!(host.attributes(CONF), (0o640, 12, 8));
        let args = json!({"dest": CONF, "content": "text\n", "owner": "root"});
        host.apply(|| vec![task("template", args.clone())]);
        assert_eq!(host.attributes(CONF), (0o640, 0, 8));
    }
}

#[test]
fn an_unknown_owner_changes_nothing() {
    for host in Host::each() {
        host.write(CONF, "old\n");
        let log = host.fail(vec![task(
            "copy",
            json!({"dest": CONF, "content": "new\n", "owner": "nobody-here"}),
        )]);
        assert!(log.contains("nobody-here"), "{log}");
    }
}

#[test]
fn a_secret_is_never_open() {
    for host in Host::each() {
        watch_chmod(&host);
        let secret =
            || vec![task("copy", json!({"dest": CONF, "content": "secret", "mode": "0600"}))];
        host.apply(secret);
        // The second time it replaces a file that everybody may read.
        host.write(CONF, "old\n");
        host.chmod(CONF, 0o644);
        host.apply(secret);
        let calls: Vec<_> = host.calls().into_iter().filter(|call| !call.contains("700")).collect();
        assert_eq!(calls, ["600 0600", "600 0600"], "{:?}", host.shell);
    }
}

#[test]
fn a_link_stays_a_link() {
    for host in Host::each() {
        host.write("/srv/real.conf", "old\n");
        host.chmod("/srv/real.conf", 0o600);
        for (link, target) in [("a", "/srv/real.conf"), ("b", "../../srv/real.conf")] {
            let path = format!("/etc/app/{link}");
            std::os::unix::fs::symlink(target, host.at(&path)).unwrap();
            let args = json!({"dest": path, "content": format!("new by {link}\n")});
            host.apply(|| vec![task("copy", args.clone())]);
            assert_eq!(host.read("/srv/real.conf"), format!("new by {link}\n"));
            assert_eq!(host.attributes("/srv/real.conf").0, 0o600);
            let link = std::fs::read_link(host.at(&path)).unwrap();
            assert_eq!(link, std::path::Path::new(target), "{:?}", host.shell);
        }
        assert_eq!(host.original("/srv/real.conf").as_deref(), Some("old\n"));
    }
}

#[test]
fn a_link_to_nothing_is_written_through() {
    for host in Host::each() {
        std::os::unix::fs::symlink("/srv/new.conf", host.at("/etc/app/link")).unwrap();
        let args = json!({"dest": "/etc/app/link", "content": "text\n"});
        host.apply(|| vec![task("copy", args.clone())]);
        assert_eq!(host.read("/srv/new.conf"), "text\n", "{:?}", host.shell);
    }
}

#[test]
fn a_missing_folder_is_named() {
    for host in Host::each() {
        let args = json!({"dest": "/etc/no where/app.conf", "content": "text\n"});
        let log = host.fail(vec![task("copy", args)]);
        assert_eq!(log, "the folder /etc/no where does not exist", "{:?}", host.shell);
        std::os::unix::fs::symlink("/srv/no/file", host.at("/etc/app/link")).unwrap();
        let args = json!({"dest": "/etc/app/link", "content": "text\n"});
        let log = host.fail(vec![task("copy", args)]);
        assert_eq!(log, "/etc/app/link leads to a folder that does not exist", "{:?}", host.shell);
    }
}

#[test]
fn a_file_may_stand_in_the_root_folder() {
    for host in Host::each() {
        let args = json!({"dest": "/top.conf", "content": "text\n"});
        host.apply(|| vec![task("copy", args.clone())]);
        assert_eq!(host.read("/top.conf"), "text\n");
        host.write("/top.conf", "old\n");
        host.fail(vec![task("copy", args), failing()]);
    }
}

#[test]
fn what_does_not_pass_its_check_is_not_used() {
    for host in Host::each() {
        host.write(CONF, "old\n");
        let log = host.fail(vec![
            task("copy", json!({"dest": "/etc/app/first", "content": "good\n"})),
            task("file", json!({"path": "/etc/new/sub", "state": "directory"})),
            task("copy", json!({"dest": "/etc/new/sub/file", "content": "good\n"})),
            task(
                "copy",
                json!({
                    "dest": CONF, "content": "BAD \"line\"\n",
                    "validate": "if grep -q BAD %s; then cat %s >&2; echo 'a bad line'; exit 3; fi",
                }),
            ),
        ]);
        assert_eq!(log, "BAD \"line\"\na bad line", "{:?}", host.shell);
    }
}

#[test]
fn what_passes_its_check_is_used() {
    for host in Host::each() {
        let args = json!({
            "dest": "/etc/app/it's a file", "content": "GOOD\n", "validate": "grep -q '^GOOD$' %s"
        });
        host.apply(|| vec![task("copy", args.clone())]);
        assert_eq!(host.read("/etc/app/it's a file"), "GOOD\n");
    }
}

#[test]
fn all_is_put_back_when_a_later_step_fails() {
    for host in Host::each() {
        host.write("/etc/app/old", "old\n\n");
        host.chown("/etc/app/old", 7, 4321);
        host.chmod("/etc/app/old", 0o640);
        let old = std::fs::File::options().write(true).open(host.at("/etc/app/old")).unwrap();
        let then = |nanoseconds| UNIX_EPOCH + Duration::new(1_000_000, nanoseconds);
        old.set_modified(then(42)).unwrap();
        let steps = || {
            vec![
                task("file", json!({"path": "/etc/new/a/b ", "state": "directory"})),
                task("copy", json!({"dest": "/etc/new/a/b /file", "content": "text\n"})),
                task("copy", json!({"dest": "/etc/app/old", "content": "new\n", "mode": "0600"})),
                task("copy", json!({"dest": "/etc/app/young", "content": "new\n"})),
                failing(),
            ]
        };
        assert_eq!(host.fail(steps()), "it broke", "{:?}", host.shell);
        // A file system without hard links: a copy does as well, in busybox to the second.
        old.set_modified(then(0)).unwrap();
        host.program("ln", "#!/bin/sh\nexit 1\n");
        assert_eq!(host.fail(steps()), "it broke", "{:?}", host.shell);
    }
}

#[test]
fn what_cannot_be_put_back_is_not_lost() {
    for host in Host::each() {
        host.write(CONF, "old\n");
        let mv = "#!/bin/sh\ncase $2 in *.old) echo busy; exit 1 ;; esac\nexec /host/usr/bin/mv \"$@\"\n";
        host.program("mv", mv);
        let steps = vec![task("copy", json!({"dest": CONF, "content": "new\n"})), failing()];
        let outcome = host.carry_out_untidy(&host.plan(steps)).outcome();
        let Outcome::NotUndone(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.number, Some(2));
        let kept = failure.log.rsplit_once("is kept as ").expect("it says where").1.trim();
        assert_eq!(host.read(kept), "old\n", "{:?}", host.shell);
    }
}

#[test]
fn the_first_original_is_kept_for_good() {
    for host in Host::each() {
        host.write(CONF, "theirs\n");
        host.chmod(CONF, 0o600);
        for content in ["first\n", "second\n"] {
            let args = json!({"dest": CONF, "content": content});
            host.apply(|| vec![task("copy", args.clone())]);
        }
        assert_eq!(host.original(CONF).as_deref(), Some("theirs\n"));
        assert_eq!(host.attributes(&format!("/var/lib/ezsync/originals{CONF}")).0, 0o600);
        assert_eq!(host.attributes("/var/lib/ezsync").0, 0o700);
        // What is ours is no original either.
        for content in ["first\n", "second\n"] {
            let args = json!({"dest": "/etc/app/new", "content": content});
            host.apply(|| vec![task("copy", args.clone())]);
        }
        assert_eq!(host.original("/etc/app/new"), None);
        assert!(host.has("/var/lib/ezsync/originals/etc/app/new.none"));
    }
}

#[test]
fn half_an_original_is_none() {
    for host in Host::each() {
        host.write(CONF, "theirs\n");
        // The disk is full in the middle of the copy.
        host.program("ln", "#!/bin/sh\nexit 1\n");
        host.program("cp", "#!/bin/sh\nfor to; do :; done\necho the >\"$to\"\nexit 1\n");
        host.fail(vec![task("copy", json!({"dest": CONF, "content": "ours\n"}))]);
        assert_eq!(host.original(CONF), None, "{:?}", host.shell);
    }
}

#[test]
fn the_largest_content_arrives_and_replaces_a_larger_one() {
    for host in Host::each() {
        let text = "0123456789abcde\n".repeat(CONTENT_MAX / 16);
        let args = json!({"dest": CONF, "content": text});
        host.apply(|| vec![task("copy", args.clone())]);
        assert_eq!(host.read(CONF), text);
        host.write(CONF, text.clone() + "more\n");
        host.apply(|| vec![task("copy", args.clone())]);
        assert_eq!(host.read(CONF), text);
    }
}

#[test]
fn files_get_their_selinux_labels() {
    for host in Host::each() {
        host.program("restorecon", "#!/bin/sh\necho \"$1\" >>/calls\nexit 1\n");
        host.apply(|| vec![task("copy", json!({"dest": CONF, "content": "text\n"}))]);
        let calls = host.calls();
        assert_eq!(calls.len(), 2, "{:?}: {calls:?}", host.shell);
        assert!(calls[0].starts_with("/etc/app/.app.conf.ezsync-"), "{calls:?}");
        assert_eq!(calls[1], CONF);
    }
}

#[test]
fn two_tasks_may_write_one_file() {
    for host in Host::each() {
        let steps = || {
            vec![
                task("copy", json!({"dest": CONF, "content": "first\n"})),
                task("copy", json!({"dest": CONF, "content": "second\n"})),
            ]
        };
        host.carry_out(&host.plan(steps()));
        assert_eq!(host.read(CONF), "second\n", "{:?}", host.shell);
        host.write(CONF, "old\n");
        host.fail(steps().into_iter().chain([failing()]).collect());
    }
}

#[test]
fn every_character_arrives() {
    let ascii: String = (1..=127_u8).map(char::from).collect();
    let texts = [
        ascii.as_str(),
        "$(touch /pwned) `touch /pwned` ${HOME} $HOME \\$HOME",
        "'; touch /pwned; echo '",
        "\"; touch /pwned; echo \"",
        "line\n\n'\n\"\n\\\n\ttab\r\ncarriage\\",
        "!history ^caret ~ ~root # no comment\n# nor this\n  indented\n",
        "EOF\n}\nexit\nundo() {\n",
        "%s %d %% \\n \\0 \\c -n -e",
        "żółć 日本語 \u{202e}\u{a0}🕰",
        "no line end",
        "",
        "\n",
        "\n\n\n",
    ];
    for host in Host::each() {
        for (number, text) in texts.iter().enumerate() {
            let path = format!("/etc/app/{number}");
            let args = json!({"dest": path, "content": text});
            host.apply(|| vec![task("copy", args.clone())]);
            assert_eq!(host.read(&path), *text, "{:?}", host.shell);
        }
        let names: String = (32..127_u8).map(char::from).filter(|c| *c != '/').collect();
        for name in [names.as_str(), "$(touch pwned)", " blanks ", "-rf", "ü 日本", "a'b\"c\\d"]
        {
            let path = format!("/etc/app/{name}");
            let args = json!({"dest": path, "content": "text\n", "mode": "0600"});
            host.apply(|| vec![notifying(task("copy", args.clone()))]);
            assert_eq!(host.read(&path), "text\n", "{:?}", host.shell);
        }
        assert!(!host.has("/pwned") && !host.has("/root/pwned"));
    }
}
