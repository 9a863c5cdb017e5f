//! Folders, attributes and what must not be there.

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
fn folders_are_made_and_taken_away_again() {
    for host in Host::each() {
        for (path, mode) in [("/srv/a/b c/d ", None), ("/srv/x\\y/$z", Some("0750"))] {
            let args = json!({"path": path, "state": "directory", "mode": mode, "owner": "sync"});
            host.fail(vec![task("file", args.clone()), failing()]);
            host.apply(|| vec![task("file", args.clone())]);
            let wanted = if mode.is_some() { 0o750 } else { 0o755 };
            assert_eq!(host.attributes(path), (wanted, 7, 0), "{:?}", host.shell);
        }
        assert_eq!(host.attributes("/srv/a"), (0o755, 0, 0));
    }
}

#[test]
fn attributes_are_set_and_put_back() {
    for host in Host::each() {
        host.write("/srv/file", "text\n");
        host.chown("/srv/file", 1234, 4321);
        host.chmod("/srv/file", 0o4711);
        symlink("/srv/file", host.at("/srv/link")).unwrap();
        for path in ["/srv/file", "/srv/link"] {
            let args = json!({"path": path, "mode": "0600", "owner": "sync", "group": "staff"});
            host.fail(vec![task("file", args), failing()]);
        }
        let args = json!({"path": "/srv/link", "mode": "0600", "owner": "sync"});
        host.apply(|| vec![task("file", args.clone())]);
        assert_eq!(host.attributes("/srv/file"), (0o600, 7, 4321), "{:?}", host.shell);
    }
}

#[test]
fn what_must_not_be_there_goes_and_comes_back() {
    for host in Host::each() {
        let remove = |path: &str| task("file", json!({"path": path, "state": "absent"}));
        fs::create_dir_all(host.at("/srv/folder/sub")).unwrap();
        host.write("/srv/folder/sub/file", "text\n");
        host.chown("/srv/folder/sub/file", 7, 8);
        host.write("/srv/-a file ", "text\n");
        host.chmod("/srv/-a file ", 0o600);
        symlink("/nowhere", host.at("/srv/broken")).unwrap();
        symlink("/srv/folder", host.at("/srv/link")).unwrap();
        let paths = ["/srv/folder", "/srv/-a file ", "/srv/broken", "/srv/link"];
        for path in paths {
            host.fail(vec![remove(path), failing()]);
        }
        let all = || paths.map(remove).into_iter().collect::<Vec<_>>();
        host.fail(all().into_iter().chain([failing()]).collect());
        host.apply(all);
        for path in paths {
            assert!(!host.has(path), "{:?}: {path}", host.shell);
        }
        assert_eq!(host.original("/srv/-a file ").as_deref(), Some("text\n"));
    }
}

#[test]
fn what_cannot_be_moved_aside_stays_whole() {
    for host in Host::each() {
        fs::create_dir_all(host.at("/srv/folder")).unwrap();
        host.write("/srv/folder/file", "text\n");
        host.program("mv", "#!/bin/sh\ncase $2 in /srv/folder) echo 'mv: it is busy'; exit 1 ;; esac\nexec /host/usr/bin/mv \"$@\"\n");
        let log = host.fail(vec![task("file", json!({"path": "/srv/folder", "state": "absent"}))]);
        assert_eq!(log, "mv: it is busy");
    }
}
