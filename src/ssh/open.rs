//! Opening a TCP connection, and the time that is left for it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::asking::Pauses;
use super::config::AddressFamily;
use super::error::{ConnectError, Phase};
use super::target::{Endpoint, Socket};
use crate::sanitise::sanitise;

/// The time left for connecting to a host.
pub(super) struct Deadline<'a> {
    endpoint: &'a Endpoint,
    after: Duration,
    end: Instant,
}

impl<'a> Deadline<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, after: Duration) -> Self {
        Self { endpoint, after, end: Instant::now() + after }
    }

    /// Whether it has not passed `wait` from now.
    pub(super) fn allows(&self, wait: Duration) -> bool {
        Instant::now() + wait < self.end
    }

    pub(super) async fn limit<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = T>,
    ) -> Result<T, ConnectError> {
        timeout_at(self.end, work).await.map_err(|_| self.passed(phase))
    }

    /// The same, longer by the time of the pauses in it.
    pub(super) async fn limit_with<T>(
        &self,
        pauses: &Pauses,
        phase: Phase,
        work: impl Future<Output = T>,
    ) -> Result<T, ConnectError> {
        pauses.limit(self.end, work).await.ok_or_else(|| self.passed(phase))
    }

    fn passed(&self, phase: Phase) -> ConnectError {
        ConnectError::TimedOut { endpoint: self.endpoint.clone(), phase, after: self.after }
    }

    /// Opens a TCP connection to the first of the host's addresses that answers. Each gets its
    /// share of the time, so that a dead one does not hide those behind it. Also tells how long that one took.
    pub(super) async fn open(&self, from: &Socket) -> Result<(TcpStream, Duration), ConnectError> {
        let Endpoint { address, port } = self.endpoint;
        let resolve = |reason| ConnectError::Resolve { host: address.clone(), reason };
        let found = self.limit(Phase::Resolve, lookup_host((address.as_str(), *port))).await?;
        let found = found.map_err(|error| resolve(sanitise(&error.to_string()).into_owned()))?;
        let addresses: Vec<SocketAddr> = found.filter(|address| from.may_reach(address)).collect();

        let mut error = resolve(format!("it has none{}", from.wanted()));
        for (index, address) in addresses.iter().enumerate() {
            let left = self.end.saturating_duration_since(Instant::now());
            let waiting = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let begun = Instant::now();
            error = match timeout(left / waiting, connect(*address, from)).await {
                Ok(Ok(socket)) => {
                    let took = begun.elapsed();
                    // Without it requests wait for answers to earlier ones (Nagle's algorithm).
                    let _ = socket.set_nodelay(true);
                    return Ok((socket, took));
                }
                Ok(Err(error)) => self.open_error(&error),
                Err(_) => self.passed(Phase::Connect),
            };
        }
        Err(error)
    }

    fn open_error(&self, error: &io::Error) -> ConnectError {
        let endpoint = self.endpoint.clone();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => ConnectError::Refused(endpoint),
            _ => ConnectError::Network { endpoint, reason: error.to_string() },
        }
    }
}

impl Socket {
    fn may_reach(&self, address: &SocketAddr) -> bool {
        let family = match self.family {
            AddressFamily::Any => true,
            AddressFamily::Inet => address.is_ipv4(),
            AddressFamily::Inet6 => address.is_ipv6(),
        };
        family && self.bind.is_none_or(|bind| bind.is_ipv4() == address.is_ipv4())
    }

    /// Which addresses are wanted, for a message.
    fn wanted(&self) -> &'static str {
        match (self.family, self.bind.map(|bind| bind.is_ipv4())) {
            (AddressFamily::Inet, _) | (AddressFamily::Any, Some(true)) => " for IPv4",
            (AddressFamily::Inet6, _) | (AddressFamily::Any, Some(false)) => " for IPv6",
            (AddressFamily::Any, None) => "",
        }
    }
}

async fn connect(address: SocketAddr, from: &Socket) -> io::Result<TcpStream> {
    let Some(bind) = from.bind else { return TcpStream::connect(address).await };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(bind, 0))?;
    socket.connect(address).await
}
