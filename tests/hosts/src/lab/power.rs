//! Switching hosts off and on again: as a person does it, and as a power cut does.

use std::sync::{MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};

use super::{Lab, SHELL_DEADLINE, TestHost};
use crate::host::{Health, Running};

impl Lab {
    /// Switches the host off, as if its power failed. It stays off. What a host with a disk of its own has
    /// not written there is lost; the others' files are this machine's, which loses nothing.
    ///
    /// # Errors
    /// When its processes do not end.
    pub fn stop(&self, host: &TestHost) -> Result<()> {
        let mut slot = self.power(host)?;
        self.cgroup.child(&host.machine).kill()?;
        slot.take().map_or(Ok(()), Running::reap)
    }

    /// Tells the host to switch itself off, and waits until it has.
    ///
    /// # Errors
    /// When it is off, or does not end within a minute.
    pub fn shut_down(&self, host: &TestHost) -> Result<()> {
        let mut slot = self.power(host)?;
        let running = slot.as_mut().with_context(|| format!("{} was stopped", host.name))?;
        // The connection may end before the command does.
        running.entry().shell("systemctl poweroff --no-block", SHELL_DEADLINE)?;
        running.wait_until_off()?;
        *slot = None;
        self.cgroup.child(&host.machine).kill()
    }

    /// Boots a host that is off, from its disk as it was left, and waits until it accepts SSH connections
    /// and has started all that it starts. Its address and its key are what they were.
    ///
    /// # Errors
    /// When it is not off, or does not come up.
    pub fn start(&self, host: &TestHost) -> Result<()> {
        let number = self.number(host)?;
        let mut slot = self.power(host)?;
        if slot.is_some() {
            bail!("{} is not off", host.name);
        }
        let place = self.places.get(number).context("a host without a folder")?;
        // What its systemd had there; another one begins anew.
        place.cgroup.remove();
        self.network.remove_link(&host.link())?;
        let (image, login) = (self.image_of(number), self.login(host));
        // A thread of its own: it moves into the lab's network and ends there.
        let boot = || place.boot(host, image, login, Health::Any);
        let booted = std::thread::scope(|scope| scope.spawn(boot).join());
        *slot = Some(booted.unwrap_or_else(|_| bail!("a boot thread panicked"))?);
        Ok(())
    }

    /// The host loses its power and gets it back.
    ///
    /// # Errors
    /// As [`Lab::stop`] and [`Lab::start`].
    pub fn power_cut(&self, host: &TestHost) -> Result<()> {
        self.stop(host)?;
        self.start(host)
    }

    /// The host is rebooted in order.
    ///
    /// # Errors
    /// As [`Lab::shut_down`] and [`Lab::start`].
    pub fn reboot(&self, host: &TestHost) -> Result<()> {
        self.shut_down(host)?;
        self.start(host)
    }

    fn power(&self, host: &TestHost) -> Result<MutexGuard<'_, Option<Running>>> {
        Ok(self.slot(host)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
