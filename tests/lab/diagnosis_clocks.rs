//! Faults that only show on a clock that chronyd really steers.

use std::time::{Duration, Instant};

use ezsync_hosts::{Image, LabSpec};

use crate::support::{Bench, host, line, skipped};

/// How long chronyd may take to follow its source.
const FOLLOWED: Duration = Duration::from_secs(40);

#[test]
fn a_clock_that_is_slewed_and_one_with_two_masters() {
    if skipped() {
        return;
    }
    // Seconds that are only slewed away take minutes.
    let bench =
        Bench::of(&LabSpec { clock_offsets: vec![-20, 0], ..LabSpec::new(Image::Chrony, 3) });
    let lines: Vec<String> = bench.hosts().iter().map(line).collect();
    bench.inventory_of(&lines, "node3");
    let client = "server 10.99.0.13 iburst minpoll 2 maxpoll 6\ndriftfile /var/lib/chrony/drift";
    let second = "server 10.99.0.13\npidfile /run/chrony/second.pid\n\
                  bindcmdaddress /run/chrony/second.sock\ncmdport 0";
    bench.on(
        2,
        "printf 'local stratum 10\\nallow\\n' >/etc/chrony/chrony.conf; systemctl restart chrony",
    );
    for number in [0, 1] {
        let conf = format!("printf '{client}\nrtcsync\n' >/etc/chrony/chrony.conf");
        bench.on(number, &format!("{conf}; systemctl restart chrony"));
    }
    bench.on(1, &format!("printf '{second}\n' >/root/second.conf; chronyd -f /root/second.conf"));
    let begun = Instant::now();
    for number in [0, 1] {
        while !bench.on(number, "chronyc -n -c tracking").contains(",Normal") {
            assert!(begun.elapsed() < FOLLOWED, "{}", bench.on(number, "chronyc -n sources"));
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    let (code, run) = bench.json(&["doctor", "c1"]);
    assert_eq!(code, 2, "{run:#}");
    let slewed = &host(&run, "node1")["verdict"]["cause"];
    assert_eq!(slewed["code"], "slewing", "{run:#}");
    let left = slewed["correction"].as_f64().unwrap();
    assert!((5.0..30.0).contains(&left), "{left}");
    let crowded = &host(&run, "node2")["verdict"]["cause"];
    assert_eq!(crowded["code"], "second_daemon", "{run:#}");
    let what = crowded["what"].as_str().unwrap();
    let process = bench.on(1, "cat /run/chrony/second.pid");
    assert!(what.ends_with(&format!(": chronyd (process {process})")), "{what}");
    assert_eq!(host(&run, "node3")["verdict"]["state"], "local", "{run:#}");
    assert_eq!(host(&run, "node3")["verdict"]["warnings"][0]["code"], "rtcsync_missing", "{run:#}");

    // Without the second one all is well there.
    // What the two have done to the clock is not to be slewed away.
    bench.on(
        1,
        &format!(
            "kill {process}; while [ -e /proc/{process} ]; do sleep 0.1; done
             echo 'makestep 0.001 3' >>/etc/chrony/chrony.conf; systemctl restart chrony"
        ),
    );
    let begun = Instant::now();
    loop {
        let (_, run) = bench.json(&["doctor", "c1", "-l", "node2"]);
        if host(&run, "node2")["verdict"]["state"] == "synchronised" {
            break;
        }
        assert!(begun.elapsed() < FOLLOWED, "{run:#}");
    }

    // As kubeasz leaves it: a chronyd without chronyc.
    bench.on(1, "mv /usr/bin/chronyc /root");
    let (code, run) = bench.json(&["doctor", "c1", "-l", "node2"]);
    assert_eq!(
        (code, &host(&run, "node2")["verdict"]["state"]),
        (0, &"flag_only".into()),
        "{run:#}"
    );
}
