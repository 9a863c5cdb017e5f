//! Plain HTTP through a proxy, as proxies expect it: `GET http://host/path`.
//!
//! ureq asks every proxy for a tunnel (CONNECT). For TLS that is right, but most proxies refuse tunnels
//! to port 80 (squid's own configuration does), and mirrors of Debian and Ubuntu are plain HTTP: what
//! comes from there is signed.

use std::fmt;

use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector,
    TcpConnector, Transport,
};

/// The way to a host: through a proxy, if there is one, as the scheme wants it.
pub(super) fn connector() -> impl Connector {
    ().chain(ToProxy)
        .chain(ConnectProxyConnector::default())
        .chain(TcpConnector::default())
        .chain(RustlsConnector::default())
}

/// Connects to the proxy itself where plain HTTP is wanted.
#[derive(Debug)]
struct ToProxy;

impl Connector for ToProxy {
    type Out = ByProxy;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _chained: Option<()>,
    ) -> Result<Option<ByProxy>, Error> {
        let Some(proxy) = details.config.proxy().filter(|_| !details.needs_tls()) else {
            return Ok(None);
        };
        // The same way once more, to the proxy: and that without a proxy.
        let plain = Config::builder()
            .tls_config(details.config.tls_config().clone())
            .timeout_per_read(details.config.timeout_per_read())
            .proxy(None)
            .build();
        let to_proxy = ConnectionDetails {
            uri: proxy.uri(),
            addrs: details.resolver.resolve(proxy.uri(), &plain, details.timeout)?,
            config: &plain,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let inner = (details.run_connector)(&to_proxy)?;
        let host = details.uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let secret = proxy.username().map(|name| {
            let secret = format!("{name}:{}", proxy.password().unwrap_or_default());
            format!("Proxy-Authorization: Basic {}\r\n", base64(secret.as_bytes()))
        });
        let target = format!("http://{host}");
        Ok(Some(ByProxy { inner, target, secret: secret.unwrap_or_default() }))
    }
}

/// A connection to a proxy, for one host behind it.
struct ByProxy {
    inner: Box<dyn Transport>,
    target: String,
    /// The header that says who asks; empty where the proxy does not want to know.
    secret: String,
}

impl fmt::Debug for ByProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByProxy").field("target", &self.target).finish_non_exhaustive()
    }
}

impl ByProxy {
    /// The head of a request as the proxy wants it; None for anything that is not one.
    fn asked(&self, head: &[u8]) -> Option<Vec<u8>> {
        let head = std::str::from_utf8(head).ok()?;
        let (first, rest) = head.split_once("\r\n")?;
        let path = first.strip_prefix("GET ").filter(|path| path.starts_with('/'))?;
        Some(format!("GET {}{path}\r\n{}{rest}", self.target, self.secret).into_bytes())
    }
}

impl Transport for ByProxy {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let head = self.inner.buffers().output().get(..amount).map(ToOwned::to_owned);
        let Some(asked) = head.and_then(|head| self.asked(&head)) else {
            return self.inner.transmit_output(amount, timeout);
        };
        match self.inner.buffers().output().get_mut(..asked.len()) {
            Some(room) => room.copy_from_slice(&asked),
            None => return Err(Error::LargeResponseHeader(asked.len(), amount)),
        }
        self.inner.transmit_output(asked.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .chain([0; 2].iter())
            .take(3)
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        for number in 0..4_usize {
            let sign = word >> (18 - 6 * number) & 63;
            let sign = usize::try_from(sign).ok().and_then(|sign| SIGNS.get(sign));
            let filled = number <= chunk.len();
            text.push(sign.filter(|_| filled).map_or('=', |sign| char::from(*sign)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (text, code) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(text.as_bytes()), code);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
