//! Hosts that are far away: what is saved on the way changes nothing of what comes of it.

use std::time::Duration;

use ezsync_hosts::Image;
use serde_json::Value;

use crate::support::{Bench, host, skipped};

const ROUND_TRIP: Duration = Duration::from_millis(80);

/// Counts how often `dd` runs: by it a far host gathers its answers, and a near one does not use it.
const COUNT: &str = "mv /usr/bin/dd /usr/bin/dd.real
printf '#!/bin/sh\\necho >>/root/gathered\\nexec dd.real \"$@\"\\n' >/usr/bin/dd
chmod 755 /usr/bin/dd; : >/root/gathered";

/// The host's clock, which is this machine's: whether the bounds hold that the run gives, and how far they are apart.
fn bounds(run: &Value, moment: &str) -> (bool, f64) {
    let read = &host(run, "node2")["clock"][moment];
    let of = |name: &str| read[name].as_f64().unwrap();
    (of("seconds").abs() <= of("uncertainty"), of("uncertainty"))
}

#[test]
fn a_far_host_is_set_up_as_a_near_one_is() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 2);
    bench.everywhere(COUNT);
    let gathered = || -> usize { bench.on(1, "wc -l </root/gathered").trim().parse().unwrap() };
    let _line = bench.lab.delay(&bench.hosts()[1], ROUND_TRIP).unwrap();

    for (args, applied, execs) in [
        (["setup", "c1"].as_slice(), true, 1),
        (&["setup", "c1"], false, 1),
        (&["verify", "c1"], false, 1),
    ] {
        let before = gathered();
        let (code, run) = bench.json(args);
        let far = host(&run, "node2");
        assert_eq!((code, &far["applied"], &far["execs"]), (0, &applied.into(), &execs.into()));
        assert!(gathered() > before, "{args:?}: it was not taken for a far one: {far:#}");
        for moment in ["before", "after"] {
            let (holds, uncertainty) = bounds(&run, moment);
            let half = ROUND_TRIP.as_secs_f64() / 2.0;
            assert!(holds && uncertainty >= half, "{moment}: {far:#}");
            // What the host does before it answers counts for nothing.
            assert!(uncertainty < 4.0 * half, "{moment}: {far:#}");
        }
    }
    let (code, run) = bench.json(&["rollback", "c1"]);
    assert_eq!((code, &host(&run, "node2")["applied"]), (0, &true.into()), "{run:#}");
}
