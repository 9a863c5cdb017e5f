//! The table.

use crate::measure::{load, median};

/// What one run cost.
pub struct Sample {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of the controller's CPU.
    pub cpu: f64,
    /// Seconds of all hosts' CPU: logins, and what was run there.
    pub hosts: f64,
}

/// All runs of one tool on hosts that are as it left them, or are not.
pub struct Row {
    name: &'static str,
    second: bool,
    samples: Vec<Sample>,
    /// The most memory at one time, in KiB; 0 where nobody looked.
    pub memory: u64,
}

impl Row {
    pub fn new(name: &'static str, second: bool) -> Self {
        Self { name, second, samples: Vec::new(), memory: 0 }
    }

    pub fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(of).collect())
    }
}

/// Prints it: medians, and ratios of them.
pub fn print(rows: &[Row], hosts: usize, rounds: usize) {
    println!("{hosts} hosts, {rounds} rounds, medians; load of the machine at the end: {}", load());
    println!(
        "                                         wall   x ssh  x ezsync   CPU here  of all hosts  memory"
    );
    let wall = |name: &str, second: bool| {
        let row = rows.iter().find(|row| row.name == name && row.second == second);
        row.map_or(f64::NAN, |row| row.median(|sample| sample.wall))
    };
    for second in [false, true] {
        println!("{}", if second { "nothing to change" } else { "first run" });
        let mut of_kind: Vec<&Row> = rows.iter().filter(|row| row.second == second).collect();
        of_kind.sort_by(|a, b| {
            b.median(|sample| sample.wall).total_cmp(&a.median(|sample| sample.wall))
        });
        for row in of_kind {
            let own = row.median(|sample| sample.wall);
            let memory = match row.memory {
                0 => String::new(),
                kibibytes => format!("{:.0} MB", kibibytes as f64 / 1024.0),
            };
            println!(
                "  {:<34} {own:6.2} s  {:6.2}  {:8.1} {:8.2} s    {:8.2} s  {memory:>7}",
                title(row.name),
                own / wall("ssh", true),
                own / wall("ezsync", second),
                row.median(|sample| sample.cpu),
                row.median(|sample| sample.hosts),
            );
        }
    }
}

fn title(name: &str) -> &str {
    match name {
        "plain" => "Ansible, 50 forks",
        "ansible" => "Ansible, 50 forks, told to be fast",
        "mitogen" => "Ansible with Mitogen, 50 forks",
        "pyinfra" => "pyinfra",
        "ssh" => "ssh HOST true, all in parallel",
        "ezsync" => "ezsync setup, verified",
        _ => name,
    }
}
