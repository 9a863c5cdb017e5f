//! Clusters with all that templates and settings can make of a configuration.

use std::fs;
use std::sync::LazyLock;

/// Releases at which something changes.
const VERSIONS: [&str; 6] = ["4.8", "4.10", "4.13", "4.14", "4.17", "4.19"];

const HOSTS: &str = "[kube_master]\nm0 ansible_host=10.0.0.10\n\n[kube_node]\nw0 ansible_host=10.0.0.20\n\
                     i0 ansible_host=10.0.0.30\n\n[infra]\ni0\n\n[chrony]\nbastion ansible_host=10.0.1.5\n";

/// What its own templates make a configuration: one for each way to encode it.
const TEMPLATES: [(&str, Option<&str>); 4] = [
    ("the built-in template", None),
    ("a short text", Some("{% for line in time_sources -%}\n{{ line }}\n{% endfor -%}\n")),
    ("signs to be escaped", Some("# é ü \u{1f550}\t%20 +/= \"'\\ {{ '{{' }} #\n")),
    (
        "a long text",
        Some(
            "{% for n in range(end=500) -%}\nserver ntp{{ n }}.example.org iburst\n{% endfor -%}\n",
        ),
    ),
];

/// Settings, the oldest release that takes them, and whether an Ignition configuration can say it all.
const SETTINGS: [(&str, &str, bool); 5] = [
    (
        "ntp_servers: [192.0.2.1, {hostname: pool.example.org, pool: true, maxsources: 3}]\n",
        "4.8",
        true,
    ),
    (
        "ntp_servers: [{hostname: a.example.org, minpoll: -2, maxpoll: 4, prefer: true, port: 1123}]\n\
         step_threshold: 0.1\nstep_limit: -1\nmax_distance: 1\nmin_sources: 1\nhwtimestamp: [\"*\"]\n\
         extra_lines: [log tracking, \"# a comment\"]\ntimezone: America/Argentina/Buenos_Aires\n",
        "4.8",
        true,
    ),
    ("ntp_servers: []\nopenshift: {internal_source: bastion, pools: {infra: }}\n", "4.8", true),
    (
        "ntp_servers: [{hostname: nts.example.org, nts: true, xleave: true, filter: 5}]\nstep_threshold: 0\n",
        "4.13",
        true,
    ),
    (
        "timezone: UTC\nroles: [chrony, motd]\nopenshift:\n  node_disruption_policy: true\n  kernel_arguments: [quiet]\n  \
         pools: {master: {paused: true}, worker: {max_unavailable: 20%}, infra: {max_unavailable: 2, paused: false, \
         kernel_arguments: [tsc=reliable]}}\n  ptp: [{name: ptp, interface: eth0, ptp4l_opts: -s, ptp4l_conf: \"a\\n\"}]\n  \
         dns_forwarders: [{name: a, zones: [a.example, b.example], upstreams: [192.0.2.1, \"[2001:db8::1]:53\"]}]\n",
        "4.17",
        false,
    ),
];

/// One cluster in a project of its own.
struct Bench {
    folder: tempfile::TempDir,
    name: String,
    oldest: &'static str,
    for_ignition: bool,
    is_built_in: bool,
}

/// What was exported of one cluster for one release.
pub struct Exported {
    pub name: String,
    pub machine_config: String,
    pub butane: String,
    /// Empty where an Ignition configuration cannot say it.
    pub ignition: String,
}

/// All of it, exported once for all tests.
pub static ALL: LazyLock<Vec<Exported>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for bench in Bench::all() {
        for version in bench.versions() {
            let export = |format: &str| {
                let args = ["--openshift-version", version, "--format", format];
                crate::export(bench.folder.path(), &args)
            };
            let machine_config = export("machineconfig");
            let name = format!("{}, {version}", bench.name);
            if bench.is_built_in {
                assert_eq!(export("machineconfig"), machine_config, "{name}: not the same twice");
            }
            let ignition = if bench.for_ignition { bench.ignition(version) } else { String::new() };
            all.push(Exported { name, machine_config, butane: export("butane"), ignition });
        }
    }
    all
});

impl Bench {
    /// Every template with all settings.
    fn all() -> Vec<Self> {
        let settings = SETTINGS.iter().enumerate();
        settings
            .flat_map(|it| TEMPLATES.iter().map(move |template| Self::new(it, template)))
            .collect()
    }

    fn new(
        (number, (settings, oldest, for_ignition)): (usize, &(&str, &'static str, bool)),
        (template, text): &(&str, Option<&str>),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("inventories/ocp/hosts", HOSTS);
        write("inventories/ocp/config.yml", settings);
        let motd = "- name: write it\n  copy: {content: \"a\\n\", dest: /etc/motd, mode: \"0444\", owner: core, group: 7}\n";
        write("roles/motd/tasks/main.yml", motd);
        if let Some(text) = text {
            write("templates/chrony/client.conf.tera", text);
        }
        let name = format!("settings {number} with {template}");
        let for_ignition = *for_ignition;
        Self { folder, name, oldest, for_ignition, is_built_in: text.is_none() }
    }

    /// The configurations of all pools: as files, for several in one text are no JSON.
    fn ignition(&self, version: &str) -> String {
        let args = ["--openshift-version", version, "--format", "ignition", "-o", "out"];
        crate::export(self.folder.path(), &args);
        let files = fs::read_dir(self.folder.path().join("out")).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let texts: Vec<String> =
            files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        texts.join("---\n")
    }

    /// The releases that it is exported for: all that take its settings, and with templates of its own the first
    /// that packs nothing and one that does.
    fn versions(&self) -> impl Iterator<Item = &'static str> {
        let minor = |version: &str| version.trim_start_matches("4.").parse::<u16>().unwrap();
        let fit = VERSIONS.into_iter().filter(move |version| minor(version) >= minor(self.oldest));
        fit.filter(|version| self.is_built_in || ["4.8", "4.17"].contains(version))
    }
}
