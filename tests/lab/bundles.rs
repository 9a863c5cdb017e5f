//! Bundles for the tests, as `ezsync bundle create` makes them on this machine, which has a network.

use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ezsync_hosts::{Image, Suite};

use crate::support::Ran;

/// For Debian 11, 12 and 13 from Debian's mirror, and for the hosts of `Image::Rpm` from their own
/// repository; made once for all tests. None, which is then said, where the mirror cannot be reached.
pub fn all() -> Option<&'static Path> {
    static BUNDLE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let bundle = BUNDLE.get_or_init(|| {
        let debian = debian()?;
        let rpm = rpm();
        let options = ["--for", "debian-11,debian-12,debian-13,rocky-9"];
        Some(create(
            "all",
            &[&options[..], &["--mirror", &debian, "--mirror", &rpm.mirror()]].concat(),
        ))
    });
    bundle.as_deref()
}

/// For the hosts of `Image::Rpm` alone.
pub fn rocky() -> &'static Path {
    static BUNDLE: OnceLock<PathBuf> = OnceLock::new();
    BUNDLE.get_or_init(|| create("rocky", &["--for", "rocky-9", "--mirror", &rpm().mirror()]))
}

/// Debian's mirror, for `--mirror`; none, which is then said, where it cannot be reached.
pub fn debian() -> Option<String> {
    let mirror = ezsync_hosts::mirror();
    if answers(&mirror) {
        return Some(format!("debian={mirror}"));
    }
    ezsync_hosts::skip(&format!("{mirror} cannot be reached"));
    None
}

fn rpm() -> Served {
    let image = ezsync_hosts::ensure_image(Image::Rpm, &Suite::default()).unwrap();
    Served::folder(&image.packages())
}

/// Makes the bundle of that name with these options. What was fetched once is in ezsync's own cache.
pub fn create(name: &str, options: &[&str]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("bundle");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ezsync"));
    command.args(["bundle", "create", "-o"]).arg(&path).args(options);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    path
}

/// Whether somebody answers where `url` leads.
fn answers(url: &str) -> bool {
    let place = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let place = if place.contains(':') { place.to_owned() } else { format!("{place}:80") };
    let mut addresses = place.to_socket_addrs().into_iter().flatten();
    addresses.any(|to| TcpStream::connect_timeout(&to, Duration::from_secs(5)).is_ok())
}

/// A folder that a web server on loopback shows.
struct Served {
    server: Child,
    address: String,
}

impl Served {
    fn mirror(&self) -> String {
        format!("rocky-9=http://{}", self.address)
    }

    fn folder(folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = free.to_string();
        let mut server = Command::new("busybox");
        server.args(["httpd", "-f", "-p", &address, "-h"]).arg(folder).stdin(Stdio::null());
        let served = Self { server: server.spawn().unwrap(), address };
        let start = Instant::now();
        while TcpStream::connect(&served.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "no web server");
            std::thread::sleep(Duration::from_millis(20));
        }
        served
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
