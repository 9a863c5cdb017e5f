//! A node's chrony.conf line by line: the settings that give the same, and what none stands for.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::{Map, Number, Value, json};

use super::dumped::{DumpedFile, MODE};
use super::ignition::Account;
use crate::facts::LEAP_SECONDS_LIST;
use crate::sanitise::is_unsafe;
use crate::template::literal;

/// Says why config.yml may not have some settings.
pub type Check<'a> = &'a dyn Fn(&Map<String, Value>) -> Result<(), String>;

/// What chrony's template writes by itself.
const OWN_LINES: [&str; 2] = ["driftfile /var/lib/chrony/drift", "rtcsync"];

/// The settings that give a configuration, and the lines that none stands for.
pub(super) fn read(file: &DumpedFile, check: Check<'_>) -> (Map<String, Value>, Vec<String>) {
    let text = String::from_utf8_lossy(&file.bytes);
    let mut lines = Lines::new(check);
    if file.mode != MODE {
        lines.others.push(format!("mode {:04o}: ezsync writes it with 0644", file.mode));
    }
    if let Some(owner) = owner(file) {
        lines.others.push(format!("{owner}: ezsync writes it as root"));
    }
    if matches!(text, Cow::Owned(_)) {
        lines.others.push("it is not UTF-8: what is not is shown as \u{fffd}".to_owned());
    }
    if text.contains('\r') {
        lines.others.push("it has carriage returns, which ezsync does not write".to_owned());
    }
    // chronyd's own marks of a comment (CPS_NormalizeLine).
    let all = text.lines().map(str::trim);
    for line in all.filter(|line| !line.is_empty() && !line.starts_with(['#', '!', ';', '%'])) {
        lines.line(line);
    }
    lines.finish()
}

/// Whose a file is, when it is not root's.
pub(super) fn owner(file: &DumpedFile) -> Option<String> {
    let said = [("user", &file.user), ("group", &file.group)];
    let said: Vec<String> = said
        .iter()
        .filter(|(_, account)| account.is_some())
        .map(|(which, account)| format!("{which} {}", Account::shown(account.as_ref())))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// A configuration line by line.
struct Lines<'a> {
    check: Check<'a>,
    servers: Vec<Server>,
    /// Their names in small letters.
    names: HashSet<String>,
    /// When the clock is stepped: from how many seconds off, and in how many updates; none: never.
    step: Option<(f64, i64)>,
    /// Whether a step cannot be said.
    odd_step: bool,
    interfaces: Vec<String>,
    extra: Vec<Value>,
    min_sources: Option<(String, Value)>,
    single: Map<String, Value>,
    own: Vec<&'static str>,
    others: Vec<String>,
}

/// A server with the line that names it.
struct Server {
    line: String,
    name: String,
    family: Option<&'static str>,
    setting: Value,
}

impl<'a> Lines<'a> {
    fn new(check: Check<'a>) -> Self {
        Self {
            check,
            servers: Vec::new(),
            names: HashSet::new(),
            step: None,
            odd_step: false,
            interfaces: Vec::new(),
            extra: Vec::new(),
            min_sources: None,
            single: Map::new(),
            own: Vec::new(),
            others: Vec::new(),
        }
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let normal = words.join(" ");
        if let Some(own) = OWN_LINES.iter().find(|own| own.eq_ignore_ascii_case(&normal)) {
            self.own.push(own);
            return;
        }
        let Some((directive, args)) = words.split_first() else { return };
        let taken = match (directive.to_ascii_lowercase().as_str(), args) {
            _ if normal.contains(|c| is_unsafe(c) || c == char::REPLACEMENT_CHARACTER) => {
                Err("it has characters that cannot be shown".to_owned())
            }
            (directive @ ("server" | "pool"), [name, options @ ..]) => {
                self.server(&normal, directive, name, options)
            }
            ("makestep", args) => self.step(args),
            ("maxdistance", [number]) => self.single("max_distance", number_of(number)),
            ("minsources", [number]) => {
                // It is held against the servers when all are known.
                self.min_sources = number_of(number).map(|number| (normal, number));
                self.min_sources.as_ref().map(drop).ok_or_else(String::new)
            }
            ("hwtimestamp", [name]) => self.interface(name),
            ("leapsectz", ["right/UTC"]) | ("leapseclist", [LEAP_SECONDS_LIST]) => {
                self.single("leap_seconds", Some(json!(true)))
            }
            ("keyfile", ["/etc/chrony.keys"]) => {
                Err("the package's own line, which does nothing without keys: leave it out"
                    .to_owned())
            }
            ("local" | "allow", _) => Err("no node of a pool serves time".to_owned()),
            _ => self.extra(&normal),
        };
        if let Err(why) = taken {
            self.other(line, &why);
        }
    }

    fn other(&mut self, line: &str, why: &str) {
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        self.others.push(format!("{line}{why}"));
    }

    /// Whether config.yml may say this by itself.
    fn check(&self, settings: &[(&str, Value)]) -> Result<(), String> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        // The setting's name would say it a second time.
        let bare =
            |why: String| why.split_once(": ").map_or(why.clone(), |(_, why)| why.to_owned());
        (self.check)(&settings.collect()).map_err(bare)
    }

    fn single(&mut self, setting: &str, value: Option<Value>) -> Result<(), String> {
        let value = value.ok_or_else(String::new)?;
        self.check(&[(setting, value.clone())])?;
        self.single.insert(setting.to_owned(), value);
        Ok(())
    }

    fn step(&mut self, args: &[&str]) -> Result<(), String> {
        self.odd_step = true;
        let [threshold, limit] = args else { return Err(String::new()) };
        let number = threshold.parse().ok().filter(|number: &f64| number.is_finite());
        let (Some(threshold), Ok(limit)) = (number, limit.parse()) else {
            return Err(String::new());
        };
        // For step_threshold 0 is never, and less than that is the default.
        if threshold <= 0.0 {
            return Err("it steps however little the clock is off".to_owned());
        }
        self.step = (limit != 0).then_some((threshold, limit));
        if limit != 0 {
            self.check(&[("step_threshold", json!(threshold)), ("step_limit", json!(limit))])?;
        }
        self.odd_step = false;
        Ok(())
    }

    fn interface(&mut self, name: &str) -> Result<(), String> {
        let name = literal(name);
        self.check(&[("hwtimestamp", json!([name]))])?;
        if self.interfaces.contains(&name) {
            return Err("a second time".to_owned());
        }
        self.interfaces.push(name);
        Ok(())
    }

    fn extra(&mut self, line: &str) -> Result<(), String> {
        let line = json!(literal(line));
        self.check(&[("extra_lines", json!([line]))])?;
        self.extra.push(line);
        Ok(())
    }

    /// A server, when all of its options have a name here and none is a key, which no MachineConfig may hold.
    fn server(
        &mut self,
        line: &str,
        directive: &str,
        name: &str,
        options: &[&str],
    ) -> Result<(), String> {
        let (mut options, family) = server_options(options)?;
        if directive == "pool" {
            options.insert("pool".to_owned(), json!(true));
        }
        // ezsync's default is the other way round than chrony's.
        if options.shift_remove("iburst").is_none() {
            options.insert("iburst".to_owned(), json!(false));
        }
        let setting = if options.is_empty() {
            json!(literal(name))
        } else {
            let mut server = Map::from_iter([("hostname".to_owned(), json!(literal(name)))]);
            server.extend(options);
            Value::Object(server)
        };
        self.check(&[("ntp_servers", json!([setting]))])?;
        if !self.names.insert(name.to_ascii_lowercase()) {
            return Err("a second time".to_owned());
        }
        let (line, name) = (line.to_owned(), name.to_owned());
        self.servers.push(Server { line, name, family, setting });
        Ok(())
    }

    /// The family that all servers are held to; one that only some are held to is no setting.
    fn family(&mut self) -> Option<&'static str> {
        let wanted = self.servers.iter().find_map(|server| server.family)?;
        let of = |address: IpAddr| if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let fits = |server: &Server| match server.name.parse() {
            Ok(address) => of(address) == wanted && server.family.is_none_or(|it| it == wanted),
            Err(_) => server.family == Some(wanted),
        };
        if self.servers.iter().all(fits) {
            return Some(wanted);
        }
        let (held, free): (Vec<Server>, Vec<Server>) =
            std::mem::take(&mut self.servers).into_iter().partition(|it| it.family.is_some());
        self.servers = free;
        for server in held {
            self.other(&server.line, "ip_family is for all servers, and others have another");
        }
        None
    }

    fn finish(mut self) -> (Map<String, Value>, Vec<String>) {
        let family = self.family();
        let servers: Vec<Value> = self.servers.iter().map(|it| it.setting.clone()).collect();
        let mut settings = Map::from_iter([("ntp_servers".to_owned(), json!(servers))]);
        if let Some(family) = family {
            settings.insert("ip_family".to_owned(), json!(family));
            if self.servers.iter().any(|server| server.name.parse::<IpAddr>().is_err()) {
                self.others.push(
                    "ip_family: it came with chrony 4.6: export takes it with openshift.chrony_version, or with \
                     addresses in the place of names"
                        .to_owned(),
                );
            }
        }
        settings.extend(std::mem::take(&mut self.single));
        if let Some((line, count)) = self.min_sources.take() {
            match self.check(&[("ntp_servers", json!(servers)), ("min_sources", count.clone())]) {
                Ok(()) => drop(settings.insert("min_sources".to_owned(), count)),
                Err(why) => self.other(&line, &why),
            }
        }
        match self.step {
            _ if self.odd_step => {}
            None => drop(settings.insert("step_threshold".to_owned(), json!(0))),
            Some((threshold, limit)) => {
                if (threshold - 1.0).abs() > f64::EPSILON {
                    settings.insert("step_threshold".to_owned(), json!(threshold));
                }
                if limit != 3 {
                    settings.insert("step_limit".to_owned(), json!(limit));
                }
            }
        }
        if !self.interfaces.is_empty() {
            settings.insert("hwtimestamp".to_owned(), json!(self.interfaces));
        }
        if !self.extra.is_empty() {
            settings.insert("extra_lines".to_owned(), json!(self.extra));
        }
        if self.servers.is_empty() {
            self.others.push(
                "it follows nobody, which no pool can be told: name servers, or openshift.internal_source"
                    .to_owned(),
            );
        }
        for own in OWN_LINES.iter().filter(|own| !self.own.contains(own)) {
            self.others.push(format!("it has no `{own}`, which ezsync writes"));
        }
        (settings, self.others)
    }
}

/// A number that JSON has.
fn number_of(text: &str) -> Option<Value> {
    let integer = text.parse::<i64>().ok().map(Value::from);
    integer.or_else(|| Number::from_f64(text.parse().ok()?).map(Value::Number))
}

/// The options of a server by their names, and the family that it is held to.
fn server_options(words: &[&str]) -> Result<(Map<String, Value>, Option<&'static str>), String> {
    let mut options = Map::new();
    let mut family = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.to_ascii_lowercase();
        let value = match name.as_str() {
            "ipv4" | "ipv6" => {
                family = Some(if name == "ipv4" { "IPv4" } else { "IPv6" });
                continue;
            }
            "iburst" | "prefer" | "trust" | "xleave" | "nts" => json!(true),
            "minpoll" | "maxpoll" | "filter" | "port" | "maxsources" => {
                let number = words.next().and_then(|word| word.parse::<i64>().ok());
                json!(number.ok_or_else(|| format!("{name} without a number"))?)
            }
            "key" => return Err("whoever may read a MachineConfig would read the key".to_owned()),
            _ => return Err(format!("there is no setting for {word}")),
        };
        options.insert(name, value);
    }
    Ok((options, family))
}
