//! Reading a line from the terminal, key by key: unseen if need be, and so that it can be broken
//! off at any time with the terminal as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::termios::SpecialCharacterIndices::{VMIN, VTIME};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// How long a read waits for a key, in the tenths of a second of termios(3).
const WAIT: u8 = 1;

/// A terminal that is gone gives nothing at once, one where nobody types after [`WAIT`].
const GONE: Duration = Duration::from_millis(20);

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const KILL_LINE: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// The terminal while it gives each key to us. Dropping this puts it back as it was.
#[derive(Debug)]
pub(super) struct Keys {
    terminal: Arc<File>,
    before: Termios,
    wanted: Arc<AtomicBool>,
}

impl Keys {
    /// Takes the terminal by its name (`/dev/tty`), as ssh does it: input and output may be
    /// redirected.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn take() -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut keys = before.clone();
        keys.local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG);
        for (index, value) in [(VMIN, 0), (VTIME, WAIT)] {
            if let Some(setting) = keys.control_chars.get_mut(index as usize) {
                *setting = value;
            }
        }
        // What was typed before the question is no answer to it.
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &keys)?;
        let wanted = Arc::new(AtomicBool::new(true));
        Ok(Self { terminal: Arc::new(terminal), before, wanted })
    }

    /// Shows `text`.
    pub(super) fn show(&self, text: &str) -> io::Result<()> {
        (&*self.terminal).write_all(text.as_bytes())
    }

    /// What reads the line; it may be used on another thread.
    pub(super) fn reader(&self, echo: bool) -> Reader {
        let (terminal, wanted) = (Arc::clone(&self.terminal), Arc::clone(&self.wanted));
        Reader { terminal, wanted, echo, line: Zeroizing::default() }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        // There is nobody left to tell.
        let _ = tcsetattr(&*self.terminal, SetArg::TCSANOW, &self.before);
    }
}

/// Reads one line.
pub(super) struct Reader {
    terminal: Arc<File>,
    /// Whether the terminal is still ours.
    wanted: Arc<AtomicBool>,
    echo: bool,
    line: Zeroizing<Vec<u8>>,
}

impl Reader {
    /// Waits for the line. Where a line could be corrected, this one can: backspace takes a letter
    /// away and Ctrl-U all of them.
    ///
    /// # Errors
    /// `Interrupted` for Ctrl-C and when nobody wants the answer any longer; when the terminal is
    /// gone.
    pub(super) fn line(mut self) -> io::Result<SecretString> {
        while self.wanted.load(Ordering::Relaxed) {
            let mut keys = Zeroizing::new([0; 256]);
            let asked = Instant::now();
            let length = match (&*self.terminal).read(&mut *keys) {
                // A signal came that has nothing to do with this.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            if length == 0 && asked.elapsed() < GONE {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            for key in keys.iter().take(length) {
                if self.key(*key)? {
                    (&*self.terminal).write_all(b"\n")?;
                    let line = std::str::from_utf8(&self.line).map_err(io::Error::other)?;
                    return Ok(line.into());
                }
            }
        }
        Err(ErrorKind::Interrupted.into())
    }

    /// Takes one key in, and says whether it ends the line.
    fn key(&mut self, key: u8) -> io::Result<bool> {
        match key {
            b'\r' | b'\n' => return Ok(true),
            INTERRUPT => {
                let _ = (&*self.terminal).write_all(b"^C\n");
                return Err(ErrorKind::Interrupted.into());
            }
            END if self.line.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            BACKSPACE | DELETE => self.take_letter()?,
            KILL_LINE => {
                while !self.line.is_empty() {
                    self.take_letter()?;
                }
            }
            _ if key.is_ascii_control() => {}
            _ => {
                self.line.push(key);
                if self.echo {
                    (&*self.terminal).write_all(&[key])?;
                }
            }
        }
        Ok(false)
    }

    /// Takes the last letter away, which may have several bytes.
    fn take_letter(&mut self) -> io::Result<()> {
        let mut taken = self.line.pop();
        let had = taken.is_some();
        while taken.is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
            taken = self.line.pop();
        }
        if had && self.echo { (&*self.terminal).write_all(b"\x08 \x08") } else { Ok(()) }
    }
}
