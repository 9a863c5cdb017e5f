//! A file of known_hosts: its first line is also a host's name.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use ezsync::ssh::HostKeys;
use ezsync::ssh::known_hosts::{HostKeyPolicy, KnownHosts, Name, Verdict};
use ezsync_fuzz::{Folder, bounded, safe};
use libfuzzer_sys::fuzz_target;
use russh::keys::{PublicKey, PublicKeyOrCertificate};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

static FOLDER: LazyLock<Folder> = LazyLock::new(Folder::new);
static SHOWN: LazyLock<PublicKeyOrCertificate> =
    LazyLock::new(|| PublicKeyOrCertificate::PublicKey {
        key: PublicKey::from_openssh(KEY).expect("a key"),
        hash_alg: None,
    });

fuzz_target!(|bytes: &[u8]| {
    let file = FOLDER.write("known_hosts", bytes);
    let policy = HostKeyPolicy::AcceptNew;
    let read = |hash| {
        let files: Vec<PathBuf> = vec![file.clone()];
        let settings = HostKeys { policy, files, global_files: Vec::new(), alias: None, hash };
        bounded(64 << 20, || KnownHosts::read(&settings)).expect("known hosts")
    };
    let text = String::from_utf8_lossy(bytes);
    let address = text.lines().next().unwrap_or_default();
    for (name, hash) in [
        (Name::new("web1.example", 22, None), false),
        (Name::new("10.0.0.1", 2222, None), true),
        (Name::new(address, 22, None), false),
    ] {
        let known = read(hash);
        let _ = (known.algorithms(&name), known.has_authority(&name));
        let strict = HostKeyPolicy::Strict;
        let (before, _) =
            bounded(64 << 20, || known.judge(&name, &SHOWN, strict)).expect("a verdict");
        let (verdict, _) = known.judge(&name, &SHOWN, policy).expect("a verdict");
        match &verdict {
            // What was learned is known from then on, and nobody else is known by it.
            Verdict::Learned => {
                assert_eq!(before, Verdict::Unknown);
                let (again, _) = read(hash).judge(&name, &SHOWN, strict).expect("a verdict");
                assert_eq!(again, Verdict::Known, "{:?}", name.best());
                let other = Name::new("nobody.invalid", 22, None);
                let (other_now, _) = read(hash).judge(&other, &SHOWN, strict).expect("a verdict");
                let (other_then, _) = known.judge(&other, &SHOWN, strict).expect("a verdict");
                assert_eq!(other_now, other_then);
            }
            _ => assert_eq!(verdict, before),
        }
        if let Verdict::Changed(keys) = &verdict {
            keys.iter().for_each(|key| safe(&key.to_string()));
        }
    }
});
