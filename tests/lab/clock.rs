//! Hosts with clocks of their own, which chronyd really sets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ezsync_hosts::{Image, LabSpec};

use crate::support::{Bench, host, skipped};

/// A year, in seconds.
const YEAR: i64 = 365 * 24 * 3600;

/// How far a host's clock is from this machine's, to the second or so that asking takes.
fn offset(bench: &Bench, host: usize) -> i64 {
    let theirs: i64 = bench.on(host, "date +%s").parse().unwrap();
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    theirs - i64::try_from(ours).unwrap()
}

#[test]
fn a_clock_that_is_a_year_off_is_set_and_the_kernel_says_so() {
    if skipped() {
        return;
    }
    let bench =
        Bench::of(&LabSpec { clock_offsets: vec![-3600, YEAR], ..LabSpec::new(Image::Chrony, 2) });
    assert!((YEAR - 60..YEAR + 60).contains(&offset(&bench, 1)), "{}", offset(&bench, 1));
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    // The cluster agrees with its source, which nobody has told that it is an hour late.
    for number in [0, 1] {
        let offset = offset(&bench, number);
        assert!((-3660..-3540).contains(&offset), "host {number}: {offset} s");
    }
    assert_eq!(host(&run, "node1")["verdict"]["state"], "local");
    assert_eq!(host(&run, "node2")["verdict"]["state"], "synchronised");
    assert_eq!(host(&run, "node2")["verdict"]["timedatectl"], "yes", "{run:#}");
    assert_eq!(bench.on(1, "timedatectl show -p NTPSynchronized"), "NTPSynchronized=yes");
}
