//! A lab: some hosts, their network, and the package repository that they install from.

mod power;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cgroup::Cgroup;
use crate::delay::DelayLine;
use crate::host::{self, Health, Identity, Place, Running};
use crate::image::{self, CachedImage};
use crate::leftovers::{self, Claim};
use crate::network::{CONTROLLER, Network};
use crate::nspawn::{make_room, without_clock_rights};
use crate::recipe::{Image, Suite};
use crate::requirements::unavailable;
use crate::run;
use crate::uml::Login;

const SERVE: &str = include_str!("../image/serve.sh");

/// The last number of the first host's address.
const FIRST_ADDRESS: u8 = 11;

/// The lab's subnet has addresses for this many hosts.
const MOST_HOSTS: usize = 200;

/// How long a script of [`Lab::shell`] may take.
const SHELL_DEADLINE: Duration = Duration::from_secs(300);

/// What to bring up.
#[derive(Debug, Clone)]
pub struct LabSpec {
    /// Kind of hosts.
    pub image: Image,
    /// Debian release of the hosts, and of the package repository.
    pub suite: Suite,
    /// Other images for single hosts, by their number from 0. These find no packages.
    pub others: Vec<(usize, Image, Suite)>,
    /// Host names.
    pub names: Vec<String>,
    /// Whether the package repository is served; without it apt's connections are refused.
    pub repository: bool,
    /// Whether hosts have a name server and a default route, which swallow all that is sent there, as
    /// behind a firewall that drops. Else they have neither, and fail at once.
    pub swallowed: bool,
    /// How far each host's own clock is from this machine's, in seconds. Hosts for which there is
    /// none share this machine's clock and may not set it.
    pub clock_offsets: Vec<i64>,
    /// Whether the kernel of the hosts that have a clock of their own, and so a kernel of their own, has
    /// AppArmor.
    pub apparmor: bool,
}

impl LabSpec {
    /// `count` hosts, `node1` and so on, with a package repository, of Debian bookworm.
    #[must_use]
    pub fn new(image: Image, count: usize) -> Self {
        Self {
            image,
            suite: Suite::default(),
            others: Vec::new(),
            names: (1..=count).map(|number| format!("node{number}")).collect(),
            repository: true,
            swallowed: false,
            clock_offsets: Vec::new(),
            apparmor: false,
        }
    }
}

/// A host of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestHost {
    /// Host name.
    pub name: String,
    /// IPv4 address, 10.99.0.11 and up.
    pub address: IpAddr,
    /// IPv6 address, fd00:99::11 and up.
    pub address6: IpAddr,
    /// systemd-nspawn's name for it: short, for the names of network links are.
    pub(crate) machine: String,
}

/// Hosts that run. They are removed, with all that belongs to them, when this value is dropped.
#[derive(Debug)]
pub struct Lab {
    hosts: Vec<TestHost>,
    /// In the order of `hosts`; `None` for a host that was stopped.
    running: Vec<Mutex<Option<Running>>>,
    server: Option<Child>,
    network: Network,
    cgroup: Cgroup,
    claim: Claim,
    image: CachedImage,
    other_images: Vec<(usize, CachedImage)>,
    /// Where each host lives, in the order of `hosts`: it can be booted again from there.
    places: Vec<Place>,
}

impl Lab {
    /// Brings hosts up and waits until they have booted and accept SSH connections. Builds the image
    /// when it is not in the cache; removes what killed processes left behind.
    ///
    /// # Errors
    /// When this machine lacks something (see [`crate::requirements`]), or something fails: with the
    /// last lines that it said. Nothing is left behind.
    pub fn up(spec: &LabSpec) -> Result<Self> {
        if let Some(reason) = unavailable() {
            bail!(reason);
        }
        let hosts = hosts(&spec.names)?;
        leftovers::clean()?;
        let image = image::ensure(spec.image, &spec.suite)?;
        let other = |(host, image, suite): &(usize, Image, Suite)| {
            Ok((*host, image::ensure(*image, suite)?))
        };
        let other_images: Vec<(usize, CachedImage)> =
            spec.others.iter().map(other).collect::<Result<_>>()?;
        let claim = leftovers::claim()?;
        let mut lab = Self {
            running: Vec::new(),
            server: None,
            network: Network::named(&claim.name),
            cgroup: Cgroup::of_lab(&claim.name)?,
            claim,
            hosts,
            image,
            other_images,
            places: Vec::new(),
        };
        // From here on dropping the lab removes what stands.
        lab.network.create()?;
        lab.cgroup.create()?;
        if spec.repository {
            lab.serve_packages()?;
        }
        make_room();
        lab.boot(spec)?;
        Ok(lab)
    }

    /// The hosts, in the order of their addresses.
    #[must_use]
    pub fn hosts(&self) -> &[TestHost] {
        &self.hosts
    }

    /// The folder with the packages that the hosts may install, and apt's index of them, as they are served.
    #[must_use]
    pub fn packages(&self) -> PathBuf {
        self.image.packages()
    }

    /// Private key (ed25519) that root, ops (passwordless sudo) and nosudo accept on every host.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.claim.folder.join("key")
    }

    /// `known_hosts` file with every host's key, by name and by both addresses.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.claim.folder.join("known_hosts")
    }

    /// The file that stands for the lab's network namespace, for `nsenter --net=FILE`.
    #[must_use]
    pub fn network(&self) -> PathBuf {
        self.network.path()
    }

    /// A command that runs `program` on this machine in the lab's network, where its address is
    /// 10.99.0.1, and without the right to set the clock.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = without_clock_rights("nsenter");
        command.arg(format!("--net={}", self.network.path().display())).arg(program);
        command
    }

    /// A socket that waits for connections at `address` in the lab's network.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn listen(&self, address: SocketAddr) -> Result<TcpListener> {
        let network = &self.network;
        // A thread that has moved there ends there; its socket stays.
        std::thread::scope(|scope| {
            let listen = scope.spawn(|| {
                network.enter()?;
                Ok(TcpListener::bind(address)?)
            });
            listen.join().unwrap_or_else(|_| bail!("a thread panicked"))
        })
    }

    /// Runs `script` as root on the host; without SSH where it shares this machine's clock.
    ///
    /// # Errors
    /// When the host was stopped, or the script has not ended after five minutes. A script that fails
    /// is no error: see the output's status.
    pub fn shell(&self, host: &TestHost, script: &str) -> Result<Output> {
        let slot = self.slot(host)?.lock().unwrap_or_else(PoisonError::into_inner);
        let running = slot.as_ref().with_context(|| format!("{} was stopped", host.name))?;
        // Not under the lock: scripts on one host may run side by side.
        let entry = running.entry();
        drop(slot);
        entry.shell(script, SHELL_DEADLINE)
    }

    /// Pulls the host's network cable.
    ///
    /// # Errors
    /// When the host was stopped.
    pub fn cut(&self, host: &TestHost) -> Result<()> {
        self.network.set_link(&host.link(), false)
    }

    /// Plugs the host's network cable in again and waits until its sshd can be reached: the kernel takes its
    /// time, and who asks for the host's hardware address in vain is told for seconds that it is not there.
    ///
    /// # Errors
    /// When the host was stopped, or does not answer.
    pub fn mend(&self, host: &TestHost) -> Result<()> {
        self.network.set_link(&host.link(), true)?;
        host::wait_for_sshd(&self.network, host.address)
    }

    /// Lets no more than so many megabits a second through to the host.
    ///
    /// # Errors
    /// When the host was stopped.
    pub fn slow(&self, host: &TestHost, megabits: u32) -> Result<()> {
        self.network.slow_link(&host.link(), megabits)
    }

    /// Makes the way to the host and back take `round_trip` longer, for as long as the value lives that this
    /// gives.
    ///
    /// # Errors
    /// When the host was stopped, or has a delay line already.
    pub fn delay(&self, host: &TestHost, round_trip: Duration) -> Result<DelayLine> {
        DelayLine::new(&self.network, &host.machine, round_trip)
    }

    fn slot(&self, host: &TestHost) -> Result<&Mutex<Option<Running>>> {
        self.running
            .get(self.number(host)?)
            .with_context(|| format!("{} was never booted", host.name))
    }

    fn number(&self, host: &TestHost) -> Result<usize> {
        let number = self.hosts.iter().position(|own| own == host);
        number.with_context(|| format!("{} is no host of this lab", host.name))
    }

    fn login(&self, host: &TestHost) -> Login {
        Login {
            network: self.network.clone(),
            key: self.key(),
            known_hosts: self.known_hosts(),
            address: host.address,
        }
    }

    fn image_of(&self, number: usize) -> &CachedImage {
        let other = self.other_images.iter().find(|(host, _)| *host == number);
        other.map_or(&self.image, |(_, image)| image)
    }

    /// Boots the hosts.
    fn boot(&mut self, spec: &LabSpec) -> Result<()> {
        let folder = &self.claim.folder;
        let (_, authorized_key) = make_key(&folder.join("key"))?;
        let hosts_file = hosts_file(&self.hosts);
        let mut known_hosts = String::new();
        for (number, host) in self.hosts.iter().enumerate() {
            let place = Place {
                folder: folder.join(&host.machine),
                cgroup: self.cgroup.child(&host.machine),
                clock_offset: spec.clock_offsets.get(number).copied(),
                apparmor: spec.apparmor,
            };
            fs::create_dir(&place.folder)?;
            let (private, public) = make_key(&place.folder.join("host_key"))?;
            let identity = Identity {
                hosts_file: &hosts_file,
                authorized_key: &authorized_key,
                host_key: (&private, &public),
                swallowed: spec.swallowed,
            };
            place.prepare(host, &identity).context("cannot lay out a host's folder")?;
            known_hosts += &format!("{},{},{} {public}", host.name, host.address, host.address6);
            self.places.push(place);
        }
        fs::write(self.known_hosts(), known_hosts)?;

        // A thread for each: it moves into the lab's network and ends there.
        let booted: Vec<Result<Running>> = std::thread::scope(|scope| {
            let hosts = std::iter::zip(&self.hosts, &self.places).enumerate();
            let threads: Vec<_> = hosts
                .map(|(number, (host, place))| {
                    let (image, login) = (self.image_of(number), self.login(host));
                    scope.spawn(move || place.boot(host, image, login, Health::Whole))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| bail!("a boot thread panicked")))
                .collect()
        });
        let mut first_error = Ok(());
        for running in booted {
            match running {
                Ok(running) => self.running.push(Mutex::new(Some(running))),
                Err(error) => first_error = first_error.and(Err(error)),
            }
        }
        first_error
    }

    fn serve_packages(&mut self) -> Result<()> {
        let cgroup = self.cgroup.child("repository");
        cgroup.create()?;
        let server = Command::new("sh")
            .args(["-c", SERVE, "serve"])
            .arg(cgroup.path())
            .arg(self.network.path())
            .arg(self.image.packages())
            .arg(format!("{CONTROLLER}:80"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the web server of the package repository")?;
        self.server = Some(server);
        let address: SocketAddr = format!("{CONTROLLER}:80").parse()?;
        let network = &self.network;
        std::thread::scope(|scope| {
            let wait = scope.spawn(|| {
                network.enter()?;
                run::wait_for("answer of the package repository", Duration::from_secs(20), || {
                    let second = Duration::from_secs(1);
                    Ok(TcpStream::connect_timeout(&address, second).ok().map(drop))
                })
            });
            wait.join().unwrap_or_else(|_| bail!("a thread panicked"))
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let removed = leftovers::remove(&self.claim.name, &self.claim.folder);
        if let Err(error) = removed {
            eprintln!("ezsync-hosts: the lab {} is not all gone: {error:#}", self.claim.name);
            return;
        }
        // All are killed: this ends at once.
        for slot in self.running.drain(..) {
            let running = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            let _ = running.map(Running::reap);
        }
        let _ = self.server.as_mut().map(Child::wait);
    }
}

impl TestHost {
    /// The host's end of the cable on the bridge, as systemd-nspawn names it.
    pub(crate) fn link(&self) -> String {
        format!("vb-{}", self.machine)
    }

    /// The address of a network card that is its own in the lab: locally administered (the 2), and
    /// ending in the machine's number.
    pub(crate) fn mac(&self) -> String {
        let number = match self.address {
            IpAddr::V4(address) => address.octets(),
            IpAddr::V6(_) => [0; 4],
        };
        let [a, b, c, d] = number;
        format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }
}

/// Gives each name an address.
pub fn hosts(names: &[String]) -> Result<Vec<TestHost>> {
    if names.is_empty() || names.len() > MOST_HOSTS {
        bail!("a lab has 1 to {MOST_HOSTS} hosts, not {}", names.len());
    }
    let mut hosts: Vec<TestHost> = Vec::new();
    for (name, number) in std::iter::zip(names, FIRST_ADDRESS..) {
        if !is_host_name(name) || hosts.iter().any(|host| host.name == *name) {
            bail!("{name:?} is no host name, or is there twice");
        }
        // The same digits in both addresses, so that they are easy to tell.
        let digits = u16::from_str_radix(&number.to_string(), 16)?;
        hosts.push(TestHost {
            name: name.clone(),
            address: Ipv4Addr::new(10, 99, 0, number).into(),
            address6: Ipv6Addr::new(0xfd00, 0x99, 0, 0, 0, 0, 0, digits).into(),
            machine: format!("h{number}"),
        });
    }
    Ok(hosts)
}

fn is_host_name(name: &str) -> bool {
    let of_letters =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(of_letters)
}

fn hosts_file(hosts: &[TestHost]) -> String {
    let mut text = String::from("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    for host in hosts {
        text += &format!("{} {}\n", host.address, host.name);
    }
    text
}

/// Makes a key pair at `path` and gives the private and the public key.
fn make_key(path: &std::path::Path) -> Result<(String, String)> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "ezsync-lab", "-f"]).arg(path);
    run::check(&mut command, Duration::from_secs(20))?;
    Ok((fs::read_to_string(path)?, fs::read_to_string(path.with_extension("pub"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_get_addresses_in_order() {
        let names = LabSpec::new(Image::Bare, 200).names;
        let hosts = hosts(&names).unwrap();
        assert_eq!(hosts[0].name, "node1");
        assert_eq!(hosts[0].address.to_string(), "10.99.0.11");
        assert_eq!(hosts[0].address6.to_string(), "fd00:99::11");
        assert_eq!(hosts[199].address.to_string(), "10.99.0.210");
        assert_eq!(hosts[199].address6.to_string(), "fd00:99::210");
    }

    #[test]
    fn bad_names_and_counts_are_refused() {
        for bad in [vec![], vec!["a", "a"], vec!["-a"], vec!["a b"], vec!["a/b"], vec![""]] {
            let names: Vec<String> = bad.iter().map(ToString::to_string).collect();
            assert!(hosts(&names).is_err(), "{bad:?}");
        }
        assert!(hosts(&LabSpec::new(Image::Bare, 201).names).is_err());
    }
}
