//! Jump hosts: one connection to each, for all hosts behind it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use super::client::Client;
use super::error::ConnectError;
use super::session::Session;
use super::target::Jump;

/// A jump host that could not be reached is not tried again so soon: each attempt may cost a
/// deadline, and thousands of hosts may be behind it.
const AS_IT_WAS: Duration = Duration::from_secs(60);

/// The connections to all jump hosts.
#[derive(Debug, Default)]
pub(super) struct Gateways(Mutex<HashMap<String, Arc<Gateway>>>);

/// One jump host. Who holds the lock connects; the others wait and find what came of it.
#[derive(Debug, Default)]
struct Gateway(AsyncMutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    Open(Arc<Session>),
    Failed(Arc<ConnectError>, Instant),
}

impl Gateways {
    /// The connection to a jump host: the one that stands, or a new one.
    ///
    /// # Errors
    /// It cannot be reached now, or could not be a moment ago.
    pub(super) async fn session(
        &self,
        client: &Client,
        jump: &Jump,
    ) -> Result<Arc<Session>, ConnectError> {
        let gateway = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(jump.target.way()).or_default())
        };
        let failed = |cause| ConnectError::Jump { host: jump.name.clone(), cause };
        let mut state = gateway.0.lock().await;
        match &*state {
            State::Open(session) if !session.is_lost() => return Ok(Arc::clone(session)),
            State::Failed(cause, since) if since.elapsed() < AS_IT_WAS => {
                return Err(failed(Arc::clone(cause)));
            }
            _ => {}
        }
        // The way to a jump host may lead over others.
        match Box::pin(client.connect(&jump.target)).await {
            Ok(session) => {
                let session = Arc::new(session);
                *state = State::Open(Arc::clone(&session));
                Ok(session)
            }
            Err(cause) => {
                let cause = Arc::new(cause);
                *state = State::Failed(Arc::clone(&cause), Instant::now());
                Err(failed(cause))
            }
        }
    }
}
