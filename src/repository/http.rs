//! One request over HTTP, with deadlines. What is fetched is not judged here.

use std::io::Read;
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::fetch::AT_ONCE;
use super::pace::Paced;
use super::proxied;
use super::proxy::Proxies;
use super::resolver::Remembering;
use super::shown;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a server may be silent, or trickle. With all tries, one that never answers ends after a minute.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

/// Opens files behind URLs.
#[derive(Debug, Clone)]
pub(super) struct Http {
    proxies: Proxies,
    silence: Duration,
    plain: Agents,
    tls: Agents,
}

/// The ways to what is behind a scheme.
#[derive(Debug, Clone)]
struct Agents {
    direct: Agent,
    by_proxy: Agent,
}

/// An answer, its body still to be read.
pub(super) struct Answer {
    /// Where in the file the body begins, in bytes.
    pub start: u64,
    /// The size of the whole file, when the server says so.
    pub size: Option<u64>,
    /// The body.
    pub body: Box<dyn Read>,
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What happened, in words.
    pub what: String,
    /// What to do about it.
    pub hint: &'static str,
    /// What that means for another try.
    pub kind: Kind,
}

/// What a refusal means for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The server says that there is no such file.
    Missing,
    /// The file ends before the part that was asked for: from its beginning it may go better.
    PastEnd,
    /// Another try may go better.
    Passing,
    /// It will not.
    Lasting,
}

/// What to do where there is no file that a list names.
pub(super) const LACKS: &str = "the mirror lacks a file that its own list names: it is being updated, or is not whole; try again in a while, name another with --mirror NAME=URL, or leave this release or architecture out (--for, --arch)";

pub(super) const TRY_MIRROR: &str =
    "name another place with --mirror NAME=URL, or a proxy with --proxy URL";

impl Http {
    /// A server may be silent for so long.
    pub fn new(proxies: Proxies, silence: Duration) -> Self {
        let agents = |scheme| Agents {
            direct: agent(scheme, None, silence),
            by_proxy: agent(scheme, proxies.for_scheme(scheme), silence),
        };
        Self { plain: agents("http"), tls: agents("https"), silence, proxies }
    }

    /// Opens the file at `url` from the byte `start` on, if the server can do that.
    pub fn open(&self, url: &str, start: u64) -> Result<Answer, Refusal> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let bare = match host.rsplit_once(':') {
            Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
            _ => host,
        };
        let proxy = self.proxies.of(&scheme.to_ascii_lowercase(), bare);
        let agents = if scheme.eq_ignore_ascii_case("https") { &self.tls } else { &self.plain };
        let agent = if proxy.is_some() { &agents.by_proxy } else { &agents.direct };
        let mut request = agent.get(url);
        if start > 0 {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        let answer = request.call().map_err(|error| refusal(&error, proxy))?;
        accept(answer, start, self.silence)
    }
}

fn agent(scheme: &str, proxy: Option<&ureq::Proxy>, silence: Duration) -> Agent {
    // Where someone looks into TLS for a company, his certificate is among the system's.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy.cloned())
        .user_agent(concat!("ezsync/", env!("CARGO_PKG_VERSION")))
        // A file is wanted as it is: its size and its hash are known.
        .accept_encoding("identity")
        .http_status_as_error(false)
        .max_redirects(10)
        // Lists that nobody signs are believed for TLS: no server may send us to a place without it.
        .https_only(scheme == "https")
        .max_idle_connections_per_host(AT_ONCE)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(silence))
        .timeout_per_read(Some(silence))
        .build();
    Agent::with_parts(config, proxied::connector(), Remembering::default())
}

/// The answer as far as it is a file.
fn accept(answer: Response<Body>, start: u64, silence: Duration) -> Result<Answer, Refusal> {
    let status = answer.status();
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let length = text(header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    let (start, size) = match status {
        StatusCode::OK => (0, length),
        StatusCode::PARTIAL_CONTENT => {
            let range = text(header::CONTENT_RANGE).and_then(range);
            let (first, size) =
                range.filter(|(first, _)| *first == start).ok_or_else(|| Refusal {
                    what: "the server sent another part of the file than was asked for".to_owned(),
                    hint: TRY_MIRROR,
                    kind: Kind::Passing,
                })?;
            (first, size)
        }
        status => return Err(of_status(status)),
    };
    let body = Paced::new(answer.into_body().into_reader(), silence);
    Ok(Answer { start, size, body: Box::new(body) })
}

/// `bytes 200-1023/1024`: the first byte, and the size of the whole.
fn range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split('-').next()?.parse().ok()?, size.parse().ok()))
}

fn of_status(status: StatusCode) -> Refusal {
    let kind = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Kind::Missing,
        StatusCode::RANGE_NOT_SATISFIABLE => Kind::PastEnd,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Kind::Passing,
        _ if status.is_server_error() => Kind::Passing,
        _ => Kind::Lasting,
    };
    let reason = status.canonical_reason().unwrap_or_default().to_ascii_lowercase();
    let hint = match status {
        _ if kind == Kind::Missing => LACKS,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "it wants a name and a password, or lets nobody in: --mirror NAME=https://USER:PASSWORD@HOST/..."
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "the proxy wants a name and a password: --proxy http://USER:PASSWORD@HOST:PORT"
        }
        _ => TRY_MIRROR,
    };
    Refusal { what: format!("the server says {} {reason}", status.as_u16()), hint, kind }
}

fn refusal(error: &ureq::Error, proxy: Option<&ureq::Proxy>) -> Refusal {
    use ureq::Error;
    let (what, hint, passing) = match error {
        Error::HostNotFound => ("no address is known for the host".to_owned(), TRY_MIRROR, false),
        Error::Timeout(_) => ("it did not answer in time".to_owned(), TRY_MIRROR, true),
        Error::Tls(_) | Error::Rustls(_) => (
            format!("TLS: {error}"),
            "look at this machine's clock; where a company looks into TLS, its certificate belongs among the system's (or into SSL_CERT_FILE)",
            false,
        ),
        Error::ConnectProxyFailed(_) => {
            (format!("{error}"), "look at --proxy, or https_proxy of the environment", false)
        }
        Error::RequireHttpsOnly(_) => {
            ("it leads on to a place without TLS".to_owned(), TRY_MIRROR, false)
        }
        Error::Io(error) => (error.to_string(), TRY_MIRROR, true),
        other => (other.to_string(), TRY_MIRROR, true),
    };
    let what = match proxy {
        Some(proxy) => format!("{what} (through the proxy {}:{})", proxy.host(), proxy.port()),
        None => what,
    };
    let kind = if passing { Kind::Passing } else { Kind::Lasting };
    Refusal { what: shown(&what), hint, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server's redirect asks of the agent that asked it.
    #[test]
    fn what_is_behind_tls_leads_nowhere_else() {
        let http = Http::new(Proxies::default(), SILENCE);
        for agent in [&http.tls.direct, &http.tls.by_proxy] {
            let error = agent.get("http://127.0.0.1:1/x").call().unwrap_err();
            let refusal = refusal(&error, None);
            assert!(
                refusal.what.contains("without TLS") && refusal.kind == Kind::Lasting,
                "{refusal:?}"
            );
        }
        assert!(!http.plain.direct.config().https_only());
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(range("bytes 200-1023/1024"), Some((200, Some(1024))));
        assert_eq!(range("bytes 200-1023/*"), Some((200, None)));
        assert_eq!(range("bytes */1024"), None);
    }
}
