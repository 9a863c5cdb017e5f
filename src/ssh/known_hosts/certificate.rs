//! Whether a certificate proves that a host is who it says, by the rules of OpenSSH
//! (PROTOCOL.certkeys, and `sshkey_cert_check_host` in its sources).

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

use crate::ssh::pattern::matches;

/// Checks a certificate that `authority`, which is trusted for the host, has signed. `principal` is
/// the host's name and `now` the time in seconds since 1970.
///
/// # Errors
/// Why it proves nothing.
pub(super) fn check(
    certificate: &Certificate,
    authority: &PublicKey,
    principal: &str,
    now: u64,
) -> Result<(), String> {
    let fault = |text: &str| Err(text.to_owned());
    if certificate.cert_type() != CertType::Host {
        return fault("it is not a certificate of a host");
    }
    if now < certificate.valid_after() {
        return fault("it is not valid yet");
    }
    if now >= certificate.valid_before() {
        return fault("it has expired");
    }
    let named = certificate.valid_principals();
    // Older versions of OpenSSH took this for every host.
    if named.is_empty() {
        return fault("it names no host");
    }
    if !named.iter().any(|pattern| matches(principal, pattern)) {
        return Err(format!("it is not for {principal}"));
    }
    if !certificate.critical_options().is_empty() {
        return fault("it has critical options, of which none is known for hosts");
    }
    if certificate.signature().algorithm() == (Algorithm::Rsa { hash: None }) {
        return fault("it is signed with SHA-1, which is not safe");
    }
    let trusted = [authority.fingerprint(HashAlg::Sha256)];
    certificate.validate_at(now, &trusted).map_err(|_| "its signature is wrong".to_owned())
}
