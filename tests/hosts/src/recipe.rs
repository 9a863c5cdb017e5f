//! What an image is made of, as data: packages, files, and the script that puts them in place.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use sha2::{Digest, Sha256};

/// The kind of host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    /// A fresh host: sshd and systemd-timesyncd, but no chrony and no Python.
    Bare,
    /// A host where somebody else installed and set up chrony.
    Chrony,
    /// The same, with what Ansible needs on a host.
    Python,
    /// A host that says it is of Red Hat's family, where dnf and rpm install packages: sshd and
    /// systemd-timesyncd, but no chrony. Its programs are Debian's.
    Rpm,
}

/// A Debian release by its code name: bullseye, bookworm, trixie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite(String);

/// All that decides what an image is.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub image: Image,
    pub suite: Suite,
}

/// One file of an image: path, text, mode.
type ImageFile = (&'static str, &'static str, u32);

/// Packages of every image, on top of Debian's minimal set.
const PACKAGES: &[&str] =
    &["systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "busybox", "tzdata"];

/// The script that turns a fresh root into an image, and the one that turns that into [`Image::Rpm`].
const CUSTOMIZE: (&str, &str) = ("customize.sh", include_str!("../image/customize.sh"));
const RPM: (&str, &str) = ("rpm.sh", include_str!("../image/rpm.sh"));

const FILES: &[ImageFile] = &[
    ("etc/apt/sources.list", include_str!("../image/root/etc/apt/sources.list"), 0o644),
    ("etc/apt/apt.conf.d/50lab", include_str!("../image/root/etc/apt/apt.conf.d/50lab"), 0o644),
    ("etc/dpkg/dpkg.cfg.d/lab", include_str!("../image/root/etc/dpkg/dpkg.cfg.d/lab"), 0o644),
    (
        "etc/ssh/sshd_config.d/lab.conf",
        include_str!("../image/root/etc/ssh/sshd_config.d/lab.conf"),
        0o644,
    ),
    ("etc/sudoers.d/ops", include_str!("../image/root/etc/sudoers.d/ops"), 0o440),
    (
        "etc/systemd/system/lab-network.service",
        include_str!("../image/root/etc/systemd/system/lab-network.service"),
        0o644,
    ),
    (
        "etc/systemd/system/chrony.service.d/lab-clock.conf",
        include_str!("../image/root/etc/systemd/system/chrony.service.d/lab-clock.conf"),
        0o644,
    ),
    (
        "etc/systemd/system/systemd-timesyncd.service.d/lab-clock.conf",
        include_str!("../image/root/etc/systemd/system/systemd-timesyncd.service.d/lab-clock.conf"),
        0o644,
    ),
];

const CHRONY_FILES: &[ImageFile] =
    &[("etc/chrony/chrony.conf", include_str!("../image/chrony/etc/chrony/chrony.conf"), 0o644)];

const RPM_FILES: &[ImageFile] = &[
    ("etc/dnf/dnf.conf", include_str!("../image/rpm/root/etc/dnf/dnf.conf"), 0o644),
    ("etc/rpm/macros", include_str!("../image/rpm/root/etc/rpm/macros"), 0o644),
    (
        "etc/systemd/system/chronyd.service.d/lab-clock.conf",
        include_str!("../image/rpm/root/etc/systemd/system/chronyd.service.d/lab-clock.conf"),
        0o644,
    ),
    ("etc/yum.repos.d/lab.repo", include_str!("../image/rpm/root/etc/yum.repos.d/lab.repo"), 0o644),
    ("usr/lib/os-release", include_str!("../image/rpm/root/usr/lib/os-release"), 0o644),
];

/// What the packages of [`Image::Rpm`] are made of.
const RPM_BUILD: &[ImageFile] = &[
    ("files/etc/chrony.conf", include_str!("../image/rpm/build/files/etc/chrony.conf"), 0o644),
    ("files/etc/chrony.keys", include_str!("../image/rpm/build/files/etc/chrony.keys"), 0o640),
    (
        "files/etc/sysconfig/chronyd",
        include_str!("../image/rpm/build/files/etc/sysconfig/chronyd"),
        0o644,
    ),
    (
        "files/usr/lib/systemd/system/chronyd.service",
        include_str!("../image/rpm/build/files/usr/lib/systemd/system/chronyd.service"),
        0o644,
    ),
    ("packages.spec", include_str!("../image/rpm/build/packages.spec"), 0o644),
];

impl Recipe {
    /// The packages that the image is installed with.
    pub fn packages(&self) -> Vec<&'static str> {
        // A firewall and AppArmor are among the faults that tests make. The one has no rules until then, the
        // other is asleep but where the kernel has it.
        let own = match self.image {
            Image::Bare => ["systemd-timesyncd"].as_slice(),
            Image::Chrony => &["chrony", "nftables", "apparmor"],
            Image::Python => &["chrony", "nftables", "apparmor", "python3", "python3-apt"],
            Image::Rpm => &["systemd-timesyncd", "dnf", "rpm", "createrepo-c"],
        };
        PACKAGES.iter().chain(own).copied().collect()
    }

    /// What the image's repository offers, with all that it needs: chrony, a second factor for logins,
    /// another way to become root, and something harmless that a role of a test can install.
    pub fn offered(&self) -> Vec<&'static str> {
        let doas = if self.suite.0 == "bullseye" { "doas" } else { "opendoas" };
        match self.image {
            Image::Bare | Image::Chrony | Image::Python => {
                vec!["chrony", "libpam-google-authenticator", doas, "tree"]
            }
            // Its package is made of Debian's.
            Image::Rpm => vec!["chrony"],
        }
    }

    /// The scripts that turn a fresh root into the image, in their order: name and text.
    pub fn scripts(&self) -> &'static [(&'static str, &'static str)] {
        match self.image {
            Image::Bare | Image::Chrony | Image::Python => &[CUSTOMIZE],
            Image::Rpm => &[CUSTOMIZE, RPM],
        }
    }

    /// Writes the files that go over the image's own into `files`, and what its packages are made of
    /// into `build`.
    pub fn write_files(&self, files: &Path, build: &Path) -> Result<()> {
        for (name, text, mode) in self.files() {
            write_file(&files.join(name), text, mode)?;
        }
        for (name, text, mode) in self.build_files() {
            write_file(&build.join(name), text, *mode)?;
        }
        Ok(())
    }

    /// `SUITE-IMAGE`: the same for every version of the recipe.
    pub fn name(&self) -> String {
        format!("{}-{}", self.suite, self.image)
    }

    /// `SUITE-IMAGE-HASH`: another for every change of the recipe.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        // A zero byte cannot be part of any of these: it keeps them apart.
        let mut add = |part: &str| hash.update([part.as_bytes(), b"\0"].concat());
        self.packages().into_iter().chain(self.offered()).for_each(&mut add);
        for (name, text, mode) in self.files().chain(self.build_files().iter().copied()) {
            [name, text, &mode.to_string()].into_iter().for_each(&mut add);
        }
        self.scripts().iter().for_each(|(_, text)| add(text));
        let digest = hash.finalize();
        let digits: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{digits}", self.name())
    }

    fn files(&self) -> impl Iterator<Item = ImageFile> {
        let own = match self.image {
            Image::Bare => [].as_slice(),
            Image::Chrony | Image::Python => CHRONY_FILES,
            Image::Rpm => RPM_FILES,
        };
        FILES.iter().chain(own).copied()
    }

    fn build_files(&self) -> &'static [ImageFile] {
        match self.image {
            Image::Bare | Image::Chrony | Image::Python => &[],
            Image::Rpm => RPM_BUILD,
        }
    }
}

/// Writes a file with its mode, whatever the umask, and the folder that it is in (0755).
pub fn write_file(path: &Path, text: &str, mode: u32) -> Result<()> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        }
        fs::write(path, text)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare",
            Self::Chrony => "chrony",
            Self::Python => "python",
            Self::Rpm => "rpm",
        })
    }
}

impl FromStr for Image {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "bare" => Ok(Self::Bare),
            "chrony" => Ok(Self::Chrony),
            "python" => Ok(Self::Python),
            "rpm" => Ok(Self::Rpm),
            _ => bail!("there are the images bare, chrony, python and rpm"),
        }
    }
}

impl Default for Suite {
    fn default() -> Self {
        Self("bookworm".to_owned())
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Suite {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            bail!("a suite is a Debian release's code name, such as bookworm");
        }
        Ok(Self(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(image: Image, suite: &str) -> Recipe {
        Recipe { image, suite: suite.parse().unwrap() }
    }

    #[test]
    fn the_key_names_the_image_and_tells_recipes_apart() {
        let bare = recipe(Image::Bare, "bookworm").key();
        let chrony = recipe(Image::Chrony, "bookworm").key();
        assert!(bare.starts_with("bookworm-bare-"), "{bare}");
        assert!(chrony.starts_with("bookworm-chrony-"), "{chrony}");
        assert_ne!(bare.rsplit('-').next(), chrony.rsplit('-').next());
    }

    #[test]
    fn suites_are_plain_words() {
        for bad in ["", "../x", "Bookworm", "a b", "12"] {
            assert!(bad.parse::<Suite>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_file_of_the_tree_is_in_the_recipe() {
        fn count(folder: &Path) -> usize {
            fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("image");
        assert_eq!(count(&image.join("root")), FILES.len());
        assert_eq!(count(&image.join("chrony")), CHRONY_FILES.len());
        assert_eq!(count(&image.join("rpm/root")), RPM_FILES.len());
        assert_eq!(count(&image.join("rpm/build")), RPM_BUILD.len());
    }
}
