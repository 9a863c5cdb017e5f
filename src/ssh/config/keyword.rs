//! The keywords that OpenSSH knows and we do not follow.

use crate::problem::nearest;

/// Keywords whose absence may be felt: other hosts or other keys would be reached or trusted. With
/// each stand the values with which it says nothing, and what holds instead.
const UNFOLLOWED: &[(&str, &[&str], &str)] = &[
    ("bindinterface", &[], "the system chooses the interface"),
    ("canonicalizehostname", &["no", "false"], "names are taken as they are written"),
    ("canonicalizepermittedcnames", &["none"], "names are taken as they are written"),
    ("casignaturealgorithms", &[], ALGORITHMS),
    ("checkhostip", &["no", "false"], "host keys are checked by name"),
    ("ciphers", &[], ALGORITHMS),
    ("hostbasedauthentication", &["no", "false"], LOGIN),
    ("hostkeyalgorithms", &[], ALGORITHMS),
    ("kexalgorithms", &[], ALGORITHMS),
    ("knownhostscommand", &["none"], "host keys are looked up in files alone"),
    ("macs", &[], ALGORITHMS),
    ("nohostauthenticationforlocalhost", &["no", "false"], "this machine's host key is checked"),
    ("permitlocalcommand", &["no", "false"], "no LocalCommand is run"),
    ("pkcs11provider", &["none"], "keys come from files and agents"),
    ("proxyusefdpass", &["no", "false"], "a ProxyCommand's input and output are the connection"),
    ("pubkeyacceptedalgorithms", &[], ALGORITHMS),
    ("pubkeyacceptedkeytypes", &[], ALGORITHMS),
    ("refuseconnection", &[], "the connection is made"),
    ("rekeylimit", &["default", "none"], "keys are renewed after 1 GiB or an hour"),
    ("remotecommand", &["none"], "ezsync runs its own commands"),
    ("requiredrsasize", &[], ALGORITHMS),
    ("revokedhostkeys", &["none"], "only @revoked lines of known_hosts revoke a key"),
    ("securitykeyprovider", &["internal"], "security keys are used through an agent"),
    ("smartcarddevice", &["none"], "keys come from files and agents"),
    ("verifyhostkeydns", &["no", "false"], "host keys are not looked up in DNS"),
];

const ALGORITHMS: &str = "ezsync has its own choice of algorithms, without SHA-1";
const LOGIN: &str = "keys, passwords and one-time codes are tried";

/// Keywords that mean nothing for what we do: forwarding, terminals, sharing of connections, logs,
/// old ways to log in, what OpenSSH itself passes over.
const HARMLESS: &[&str] = &[
    "addkeystoagent",
    "afstokenpassing",
    "canonicaldomains",
    "canonicalizefallbacklocal",
    "canonicalizemaxdots",
    "channeltimeout",
    "cipher",
    "clearallforwardings",
    "compression",
    "compressionlevel",
    "connectionattempts",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "dynamicforward",
    "enableescapecommandline",
    "enablesshkeysign",
    "escapechar",
    "exitonforwardfailure",
    "fallbacktorsh",
    "fingerprinthash",
    "forkafterauthentication",
    "forwardagent",
    "forwardx11",
    "forwardx11timeout",
    "forwardx11trusted",
    "gatewayports",
    "globalknownhostsfile2",
    "gssapiauthentication",
    "gssapiclientidentity",
    "gssapidelegatecredentials",
    "gssapikexalgorithms",
    "gssapikeyexchange",
    "gssapirenewalforcesrekey",
    "gssapiserveridentity",
    "gssapitrustdns",
    "hostbasedacceptedalgorithms",
    "hostbasedkeytypes",
    "ipqos",
    "kbdinteractivedevices",
    "keepalive",
    "kerberosauthentication",
    "kerberostgtpassing",
    "localcommand",
    "localforward",
    "loglevel",
    "logverbose",
    "obscurekeystroketiming",
    "permitremoteopen",
    "protocol",
    "remoteforward",
    "requesttty",
    "rhostsauthentication",
    "rhostsrsaauthentication",
    "rsaauthentication",
    "sendenv",
    "sessiontype",
    "setenv",
    "stdinnull",
    "streamlocalbindmask",
    "streamlocalbindunlink",
    "syslogfacility",
    "tag",
    "tcpkeepalive",
    "tunnel",
    "tunneldevice",
    "updatehostkeys",
    "useprivilegedport",
    "userknownhostsfile2",
    "useroaming",
    "usersh",
    "versionaddendum",
    "visualhostkey",
    "warnweakcrypto",
    "xauthlocation",
];

/// Keywords that people write, for who has slipped: blocks, and what is followed.
const USUAL: [&str; 32] = [
    "AddressFamily",
    "BatchMode",
    "BindAddress",
    "CertificateFile",
    "ConnectTimeout",
    "ConnectionAttempts",
    "GlobalKnownHostsFile",
    "HashKnownHosts",
    "Host",
    "HostKeyAlias",
    "HostName",
    "IdentitiesOnly",
    "IdentityAgent",
    "IdentityFile",
    "IgnoreUnknown",
    "Include",
    "KbdInteractiveAuthentication",
    "Match",
    "NumberOfPasswordPrompts",
    "PasswordAuthentication",
    "Port",
    "PreferredAuthentications",
    "ProxyCommand",
    "ProxyJump",
    "PubkeyAuthentication",
    "ServerAliveCountMax",
    "ServerAliveInterval",
    "StrictHostKeyChecking",
    "User",
    "UserKnownHostsFile",
    "ForwardAgent",
    "ControlMaster",
];

/// What to do about a keyword (in lower case) that nobody knows, `written` like this.
pub(super) fn advice(keyword: &str, written: &str) -> String {
    let lower = USUAL.map(str::to_lowercase);
    let near = nearest(keyword, &lower.each_ref().map(String::as_str));
    match near.and_then(|near| USUAL.into_iter().find(|usual| usual.to_lowercase() == near)) {
        Some(usual) => format!("did you mean {usual}?"),
        None => format!(
            "if it is for another ssh, such as a Mac's, write above it: IgnoreUnknown {written}"
        ),
    }
}

/// What a line that we do not follow means for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing.
    Harmless,
    /// Something else holds, in words.
    Instead(&'static str),
    /// OpenSSH does not know the keyword either.
    Unknown,
}

/// Judges a keyword (in lower case) with the first of its arguments.
pub(super) fn meaning(keyword: &str, value: &str) -> Meaning {
    if HARMLESS.binary_search(&keyword).is_ok() {
        return Meaning::Harmless;
    }
    match UNFOLLOWED.iter().find(|(name, ..)| *name == keyword) {
        Some((_, silent, _)) if silent.iter().any(|silent| value.eq_ignore_ascii_case(silent)) => {
            Meaning::Harmless
        }
        Some((.., instead)) => Meaning::Instead(instead),
        None => Meaning::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(HARMLESS.is_sorted(), "binary search needs it");
    }

    #[test]
    fn what_says_nothing_is_harmless() {
        assert_eq!(meaning("checkhostip", "NO"), Meaning::Harmless);
        assert!(matches!(meaning("checkhostip", "yes"), Meaning::Instead(_)));
        assert_eq!(meaning("forwardx11", "yes"), Meaning::Harmless);
        assert_eq!(meaning("prot", "2"), Meaning::Unknown);
        assert!(
            USUAL.iter().all(|usual| {
                !matches!(meaning(&usual.to_lowercase(), "x"), Meaning::Instead(_))
            })
        );
    }

    #[test]
    fn slips_and_other_peoples_keywords_get_advice() {
        for (written, expected) in [
            ("Hots", "did you mean Host?"),
            ("IdentiyFile", "did you mean IdentityFile?"),
            (
                "UseKeychain",
                "if it is for another ssh, such as a Mac's, write above it: IgnoreUnknown UseKeychain",
            ),
        ] {
            assert_eq!(advice(&written.to_lowercase(), written), expected);
        }
    }
}
