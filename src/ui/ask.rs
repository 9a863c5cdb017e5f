//! Asking the person at the terminal for a secret.

use std::io;

use secrecy::SecretString;

/// Asks `question` on the terminal and reads the answer without showing it. It blocks.
///
/// The terminal is opened by its name (`/dev/tty`), as ssh does it: input and output may be
/// redirected.
///
/// # Errors
/// When there is no terminal, or the answer breaks off.
pub fn secret(question: &str) -> io::Result<SecretString> {
    rpassword::prompt_password(question).map(Into::into)
}
