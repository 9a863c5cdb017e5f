//! How soon hosts are in time. What it takes on an idle machine `cargo bench --bench sync` says.

use ezsync_hosts::Image;
use serde_json::Value;

use crate::support::{Bench, line, skipped};

/// Ten seconds are promised; a machine that runs other tests besides gets as many again.
const LIMIT: f64 = 20.0;

/// Every client was waited for, and was in time soon.
fn assert_soon(run: &Value) {
    for host in run["hosts"].as_array().unwrap() {
        if host["part"] == "client" {
            let seconds = host["synchronised_after"].as_f64();
            assert!(seconds.is_some_and(|seconds| seconds < LIMIT), "{host:#}");
        }
    }
}

#[test]
fn clients_are_in_time_soon_after_their_restart_and_after_their_sources() {
    if skipped() {
        return;
    }
    let bench = Bench::new(Image::Chrony, 4);
    let members: Vec<String> = bench.hosts()[..3].iter().map(line).collect();
    bench.inventory(&members);
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_soon(&run);

    // Clients whose daemons were started when nobody served. After eight requests in vain they ask
    // rarely.
    bench.on(0, "systemctl stop chrony");
    for client in [1, 2] {
        bench.on(client, "systemctl restart chrony");
    }
    let given_up = "for n in $(seq 120); do chronyc -n -c sources | \
                    grep -q ',[4-6],0,' && exit; sleep 0.5; done; exit 1";
    for client in [1, 2] {
        bench.on(client, given_up);
    }
    let starts = bench.starts();
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_soon(&run);
    assert_eq!(bench.starts()[1..3], starts[1..3]);

    // And with a public server, which the fourth host plays.
    bench.on(
        3,
        "printf 'local stratum 3\\nallow\\n' >/etc/chrony/chrony.conf; systemctl restart chrony",
    );
    bench.write(
        "inventories/c1/config.yml",
        "ntp_servers: [10.99.0.14]\nclient_options: {maxpoll: 5}\n",
    );
    let (code, run) = bench.json(&["setup", "c1"]);
    assert_eq!(code, 0, "{run:#}");
    assert_soon(&run);
    assert!(bench.starts()[1..3].iter().zip(&starts[1..3]).all(|(now, then)| now != then));
}
