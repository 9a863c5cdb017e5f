//! The bytes below a connection: a socket, a channel through a jump host, or a command.

use tokio::io::{AsyncRead, AsyncWrite};

/// Anything that can be read and written.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The bytes below a connection, whatever they are.
pub(super) type Stream = Box<dyn Duplex>;
