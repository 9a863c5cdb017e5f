//! Hosts that only answer: an SSH server that lets everybody in, and says to each script what a real host says
//! to it. It costs so little that ten thousand such hosts fit beside the controller that is measured.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use memchr::memmem::find;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, ssh_key};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream,
};
use russh::{Channel, ChannelId};
use tokio::runtime::Runtime;

/// Stands in scripts and answers for the run's own word, and is as long: each run has another.
pub const MARK: &str = "ezsync-@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";

/// The last lines of every script.
const END_OF_SCRIPT: &[u8] = b"\nexit\n}\n";

/// What a host says to one script, in the pieces in which it comes. With a section `ready` at its end the host goes
/// on to tell the time; else the script has ended by itself.
#[derive(Debug, Clone, Default)]
pub struct Answer(pub Vec<Vec<u8>>);

impl Answer {
    /// The same for a run whose word is `mark`.
    fn with(&self, mark: &str) -> Self {
        let mut whole = self.0.concat();
        let mut at = 0;
        while let Some(found) = find(&whole[at..], MARK.as_bytes()) {
            at += found;
            whole[at..at + MARK.len()].copy_from_slice(mark.as_bytes());
        }
        // A word may be spread over two pieces.
        let mut rest = whole.as_slice();
        let mut pieces = Vec::new();
        for piece in &self.0 {
            let (this, behind) = rest.split_at(piece.len());
            pieces.push(this.to_vec());
            rest = behind;
        }
        Self(pieces)
    }

    /// Whether the script waits to be asked for the time.
    fn tells_time(&self) -> bool {
        self.0.concat().ends_with(format!("\n{MARK} ready\n").as_bytes())
    }
}

/// The word of a script's own run.
pub fn mark_of(script: &str) -> Option<&str> {
    let mark = script.strip_prefix("{\nmark=")?.lines().next()?;
    (mark.len() == MARK.len()).then_some(mark)
}

/// What a host says to a script in which [`MARK`] stands for the run's word.
type Says = dyn Fn(&str) -> Answer + Send + Sync;

/// A server that stands for hosts, for as long as this lives.
pub struct Simulated {
    runtime: Runtime,
    config: Arc<Config>,
}

impl Simulated {
    /// One that does not listen yet.
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let config = Config { keys: vec![host_key()], nodelay: true, ..Config::default() };
        Ok(Self { runtime, config: Arc::new(config) })
    }

    /// The key of all hosts, as known_hosts has it.
    pub fn host_key() -> Result<String, ssh_key::Error> {
        host_key().public_key().to_openssh()
    }

    /// Whoever comes to `listener` meets a host that `says` what it says to a script in which [`MARK`] stands for
    /// the run's word. That may take its time.
    pub fn listen(
        &self,
        listener: TcpListener,
        says: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let _context = self.runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (config, says): (_, Arc<Says>) = (self.config.clone(), Arc::new(says));
        self.runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (config, host) = (config.clone(), Host::new(says.clone()));
                tokio::spawn(async move {
                    // How it ends is the controller's to tell.
                    let _ = socket.set_nodelay(true);
                    if let Ok(session) = run_stream(config, socket, host).await {
                        let _ = session.await;
                    }
                });
            }
        });
        Ok(())
    }
}

fn host_key() -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]))
}

/// One connection, with one script.
struct Host {
    says: Arc<Says>,
    heard: Vec<u8>,
    /// The word of the script that has been answered.
    mark: Option<String>,
}

impl Host {
    fn new(says: Arc<Says>) -> Self {
        Self { says, heard: Vec::new(), mark: None }
    }

    /// Answers the script, once it is there.
    async fn answer(&mut self, id: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        if !self.heard.ends_with(END_OF_SCRIPT) {
            return Ok(());
        }
        let script = String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned();
        let Some(mark) = mark_of(&script).map(ToOwned::to_owned) else {
            return end(id, session, 2);
        };
        let says = self.says.clone();
        let script = script.replace(&mark, MARK);
        let answer = tokio::task::spawn_blocking(move || says(&script)).await;
        let answer = answer.map_err(|_| russh::Error::Disconnect)?;
        for piece in answer.with(&mark).0 {
            session.data(id, Bytes::from(piece))?;
        }
        if !answer.tells_time() {
            return end(id, session, 0);
        }
        self.mark = Some(mark);
        Ok(())
    }
}

impl Handler for Host {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(id)
    }

    async fn data(
        &mut self,
        id: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.heard.extend_from_slice(data);
        let Some(mark) = &self.mark else { return self.answer(id, session).await };
        while let Some(end) = find(&self.heard, b"\n") {
            let line: Vec<u8> = self.heard.drain(..=end).collect();
            if line == b"time\n" {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let (seconds, micros) = (now.as_secs(), now.subsec_micros());
                session.data(id, format!("\n{mark} clock {seconds}.{micros:06}\n").into_bytes())?;
            }
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        end(id, session, 0)
    }
}

/// The script ends with this status.
fn end(id: ChannelId, session: &mut Session, status: u32) -> Result<(), russh::Error> {
    session.exit_status_request(id, status)?;
    session.eof(id)?;
    session.close(id)
}
