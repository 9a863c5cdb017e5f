//! Looking in on a host: the script that says who is there, and the one that runs a command.

use std::fs;

use ezsync::facts::{Facts, Platform};
use ezsync::remote::{
    Glance, Greeted, Sight, Word, command_script, command_status, ping_script, watch_script,
};

use crate::host::{Host, Shell};
use crate::run::{Answer, Running};

/// Starts the script for a command of the user's.
fn start(host: &Host, command: &str) -> Running {
    let mark = Word::random().unwrap();
    Running::start(host, command_script(command, &mark).as_bytes(), &mark)
}

fn out(answer: &Answer) -> String {
    answer.sections[0].text()
}

#[test]
fn a_command_has_its_own_output_and_end() {
    for host in Host::each() {
        for (command, stdout, stderr, status) in [
            ("echo out; echo err >&2", "out\n", "err\n", 0),
            ("printf 'no line end'; exit 7", "no line end", "", 7),
            ("read x; echo \"$?\"", "1\n", "", 0),
            ("echo \"it's $((1 + 1))\" | tr 2 3", "it's 3\n", "", 0),
            ("kill -9 $$", "", "", 137),
            ("(exit 255)", "", "", 255),
            // What a command prints is taken for no word of ours.
            ("echo; echo 'ezsync-00 ended 0'; exit 4", "\nezsync-00 ended 0\n", "", 4),
            // Nothing of ours is in its way.
            ("echo ${mark-} ${running-} ${LC_ALL-}; [ ! -e /proc/self/fd/3 ]", "\n", "", 0),
        ] {
            let answer = start(&host, command).finish();
            let shell = host.shell;
            assert_eq!(out(&answer), stdout, "{shell:?} {command}");
            assert_eq!(answer.stderr, stderr, "{shell:?} {command}");
            assert_eq!(command_status(&answer.sections), Some(status), "{shell:?} {command}");
        }
        let missing = start(&host, "no-such-program").finish();
        assert_eq!(command_status(&missing.sections), Some(127));
        assert!(missing.stderr.contains("not found"), "{}", missing.stderr);
    }
}

#[test]
fn a_command_that_nobody_waits_for_is_ended() {
    for host in Host::each() {
        // With setsid all that it started is ended with it; else the command alone.
        for (command, has_setsid) in [("sleep 1000; echo over", true), ("exec sleep 1000", false)] {
            if has_setsid {
                let from = if host.shell == Shell::Ash { "busybox" } else { "setsid" };
                host.link_tool("setsid", from);
            } else {
                fs::remove_file(host.at("usr/bin/setsid")).unwrap();
            }
            for word in ["", "end\n"] {
                let mut running = start(&host, command);
                running.until(&["begun"]);
                running.say(word);
                if word.is_empty() {
                    running.hang_up();
                }
                let answer = running.finish();
                let status = command_status(&answer.sections);
                assert_eq!(status, Some(143), "{:?} {command:?} {word:?}", host.shell);
                assert_eq!(out(&answer), "");
            }
        }
    }
}

#[test]
fn a_host_says_who_it_is() {
    for host in Host::each() {
        host.write("/etc/os-release", "NAME=Test\nPRETTY_NAME=\"Test's Linux 7\"\n");
        let mark = Word::random().unwrap();
        let mut running = Running::start(&host, ping_script(&mark).as_bytes(), &mark);
        running.until(&["ready"]);
        running.say("ping\n");
        let answer = running.finish();
        assert!(answer.sections.iter().any(|section| section.name == "pong"));
        let said = Greeted::of(&answer.sections);
        assert!(["root", "0"].contains(&said.user.as_str()), "{said:?}");
        assert_eq!(said.distribution, "Test's Linux 7");
        assert!(
            said.shell.starts_with("/usr/bin/") || said.shell.starts_with("/host/"),
            "{said:?}"
        );

        host.write("/etc/os-release", "NAME=Test\n");
        let mut running = Running::start(&host, ping_script(&mark).as_bytes(), &mark);
        running.hang_up();
        let said = Greeted::of(&running.finish().sections);
        assert!(said.distribution.starts_with("Linux "), "{said:?}");
    }
}

/// On a terminal the end of the input is not heard.
#[test]
fn a_watch_ends_at_its_word() {
    for host in Host::each() {
        let mark = Word::random().unwrap();
        let script =
            watch_script(&Glance::Look, Sight::of(&Facts::typical(Platform::Debian).chrony), &mark);
        let mut running = Running::start(&host, script.as_bytes(), &mark);
        running.until(&["looked"]);
        running.say("end\n");
        let looks = running.finish().sections;
        assert_eq!(looks.iter().filter(|section| section.name == "looked").count(), 1);
    }
}
