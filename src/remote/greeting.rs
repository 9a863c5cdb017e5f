//! What is heard of a host before the other user's shell is there.

use memchr::memmem::find;

use super::Word;

/// What is said before the program starts.
pub(super) const BEGUN: &str = "begun";
/// What the other user's shell says.
pub(super) const READY: &str = "ready";
/// What is said in the place of the program when there is none.
pub(super) const MISSING: &str = "missing";

/// How much may come before the shell is there (bytes): who says more is no prompt.
const HEARD_MAX: usize = 64 * 1024;

/// A prompt has no more bytes.
const PROMPT_MAX: usize = 1024;

/// What a program is recognised by when it asks.
#[derive(Debug)]
pub(super) enum Prompt {
    /// The word that it was told to ask with.
    Word(String),
    /// su's, in whatever language: a line that ends in a colon and goes no further. One that begins with
    /// one of these names and a colon is an error that arrives in pieces (`su: `, `sh: 1: exec: `).
    Colon(Vec<String>),
    /// doas's own, or that of PAM behind it.
    Doas,
}

/// Listens to what comes before the shell.
#[derive(Debug)]
pub struct Greeting {
    prompt: Prompt,
    begun: String,
    ready: String,
    missing: String,
    stdout: Words,
    stderr: Words,
    asked: bool,
}

/// What came by one stream.
#[derive(Debug, Default)]
struct Words {
    bytes: Vec<u8>,
    /// The program has started: the bytes are those since then.
    begun: bool,
    /// What stands before this was searched already: a host may say what it says a byte at a time.
    searched: usize,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that means something yet.
    Nothing,
    /// It may be that the password is asked for: it is when nothing more comes, see [`Greeting::settle`].
    MayBeAsked,
    /// The program is not on the host, or cannot be run.
    Missing,
    /// The password is asked for.
    Asked,
    /// It is asked for once more: it was wrong.
    AskedAgain,
    /// The shell is there; these bytes are its own.
    Ready(Vec<u8>),
}

/// Where something was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or the terminal.
    Out,
    /// Standard error.
    Err,
}

impl Greeting {
    pub(super) fn new(prompt: Prompt, word: &Word) -> Self {
        let said = |what: &str| format!("{}-{what}", word.as_str());
        let (stdout, stderr) = (Words::default(), Words::default());
        let (begun, ready, missing) = (said(BEGUN), said(READY), said(MISSING));
        Self { prompt, begun, ready, missing, stdout, stderr, asked: false }
    }

    /// Takes the next bytes.
    pub fn hear(&mut self, stream: Stream, bytes: &[u8]) -> Heard {
        match stream {
            Stream::Out => self.stdout.take(bytes, &self.begun),
            Stream::Err => self.stderr.take(bytes, &self.begun),
        }
        if let Some(rest) = behind_line(self.stdout.new_part(), &self.ready) {
            return Heard::Ready(rest.to_vec());
        }
        if behind_line(self.stdout.new_part(), &self.missing).is_some() {
            return Heard::Missing;
        }
        match (self.is_asking(), &self.prompt) {
            (true, Prompt::Word(_)) => self.settle(),
            (true, _) => Heard::MayBeAsked,
            (false, _) => {
                for words in [&mut self.stdout, &mut self.stderr] {
                    words.note_searched([&self.begun, &self.ready, &self.missing], &self.prompt);
                }
                Heard::Nothing
            }
        }
    }

    /// What may have been a prompt is one: nothing has come behind it for a moment.
    pub fn settle(&mut self) -> Heard {
        self.stdout.clear();
        self.stderr.clear();
        match std::mem::replace(&mut self.asked, true) {
            false => Heard::Asked,
            true => Heard::AskedAgain,
        }
    }

    /// Whether the program has been started.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.stdout.begun || self.stderr.begun
    }

    /// Whether the password was asked for.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.asked
    }

    /// The limit (bytes) when more was printed than comes before any shell.
    #[must_use]
    pub fn too_much(&self) -> Option<usize> {
        let heard = self.stdout.bytes.len() + self.stderr.bytes.len();
        (heard > HEARD_MAX).then_some(HEARD_MAX)
    }

    /// What was printed since the program has started, or since the last question.
    #[must_use]
    pub fn said(&self) -> String {
        let text = [self.stdout.bytes.as_slice(), self.stderr.bytes.as_slice()].join(&b'\n');
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    fn is_asking(&self) -> bool {
        let asks = |words: &Words| match &self.prompt {
            Prompt::Word(word) => find(words.new_part(), word.as_bytes()).is_some(),
            Prompt::Colon(names) => {
                let last = words.last_line();
                let names_itself = |name: &String| {
                    last.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
                };
                last.ends_with([':', '\u{ff1a}']) && !names.iter().any(names_itself)
            }
            Prompt::Doas => {
                let last = words.last_line().to_lowercase();
                last == "password:" || last.starts_with("doas (") && last.ends_with(") password:")
            }
        };
        [&self.stdout, &self.stderr].iter().any(|words| words.begun && asks(words))
    }
}

impl Words {
    /// Takes the next bytes, and forgets what came before the line `begun`. On a terminal, where
    /// both streams are one, that comes twice.
    fn take(&mut self, bytes: &[u8], begun: &str) {
        self.bytes.extend_from_slice(bytes);
        while let Some(behind) = behind_line(self.new_part(), begun) {
            self.bytes = behind.to_vec();
            self.searched = 0;
            self.begun = true;
        }
    }

    /// What has not been searched yet.
    fn new_part(&self) -> &[u8] {
        self.bytes.get(self.searched..).unwrap_or_default()
    }

    /// Where a prompt may stand.
    fn end(&self) -> &[u8] {
        self.bytes.get(self.bytes.len().saturating_sub(PROMPT_MAX)..).unwrap_or_default()
    }

    /// What stands behind the last line end.
    fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(self.end());
        text.rsplit(['\n', '\r']).next().unwrap_or_default().trim().to_owned()
    }

    /// Passes over what cannot be the beginning of one of the `lines`, or of the prompt.
    fn note_searched(&mut self, lines: [&String; 3], prompt: &Prompt) {
        let new = self.new_part();
        let longest = lines.iter().map(|line| line.len()).max().unwrap_or_default();
        let longest = match prompt {
            Prompt::Word(word) => longest.max(word.len()),
            Prompt::Colon(_) | Prompt::Doas => longest,
        };
        let unfinished = lines.iter().filter_map(|line| find(new, line.as_bytes())).min();
        self.searched += unfinished.unwrap_or(new.len().saturating_sub(longest));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.searched = 0;
    }
}

/// What stands behind the line that ends in `text`.
fn behind_line<'a>(bytes: &'a [u8], text: &str) -> Option<&'a [u8]> {
    let at = find(bytes, text.as_bytes())?;
    let behind = bytes.get(at + text.len()..)?;
    let end = behind.iter().position(|byte| *byte == b'\n')?;
    behind.get(end + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::tests::own_seconds;
    use crate::remote::{Become, Method};

    /// The command line that opens a shell by `method`, and what is heard of it.
    fn opening(method: Method) -> (String, Greeting) {
        let (user, password) = ("root".to_owned(), Some("geheim".into()));
        let become_ = Become { method, user, password, no_password: None, exe: None, flags: None };
        let opening = become_.opening(false, &Word::from_bytes(&[7]));
        (opening.command, opening.greeting.unwrap())
    }

    #[test]
    fn sudo_asks_with_our_word_and_a_lecture_does_not_disturb() {
        let (_, mut greeting) = opening(Method::Sudo);
        begin(&mut greeting);
        assert_eq!(
            greeting.hear(Stream::Err, b"We trust you:\n\n  #1) Respect:\n"),
            Heard::Nothing
        );
        assert_eq!(greeting.hear(Stream::Err, b"ezsync-07-pass"), Heard::Nothing);
        assert_eq!(greeting.hear(Stream::Err, b"word:"), Heard::Asked);
        assert_eq!(greeting.hear(Stream::Err, b"\n"), Heard::Nothing);
        assert_eq!(greeting.hear(Stream::Err, b"ezsync-07-password:"), Heard::AskedAgain);
        assert_eq!(greeting.hear(Stream::Out, b"\nezsync-07-rea"), Heard::Nothing);
        assert_eq!(greeting.hear(Stream::Out, b"dy"), Heard::Nothing);
        assert_eq!(greeting.hear(Stream::Out, b"\r\nmore"), Heard::Ready(b"more".to_vec()));
    }

    /// The program starts.
    fn begin(greeting: &mut Greeting) {
        for stream in [Stream::Out, Stream::Err] {
            assert_eq!(greeting.hear(stream, b"ezsync-07-begun\n"), Heard::Nothing);
        }
    }

    #[test]
    fn what_a_login_shell_prints_is_no_prompt() {
        for method in [Method::Sudo, Method::Su, Method::Doas] {
            let (command, mut greeting) = opening(method);
            // Neither a profile's words nor the command line, which `set -x` shows.
            for stream in [Stream::Out, Stream::Err] {
                let echoed = format!("+ {}", command);
                for text in [&echoed, "\n", "Password:", "ezsync-07-beg", "un\r\n", "Hello\n"] {
                    let heard = greeting.hear(stream, text.as_bytes());
                    assert_eq!(heard, Heard::Nothing, "{method:?} {text}");
                }
            }
            assert_eq!(greeting.said(), "Hello\n\nHello");
            let (prompt, expected): (&[u8], _) = match method {
                Method::Sudo => (b"ezsync-07-password:", Heard::Asked),
                Method::Su => (b"Password: ", Heard::MayBeAsked),
                Method::Doas => (b"\rdoas (ops@node1) password: ", Heard::MayBeAsked),
            };
            assert_eq!(greeting.hear(Stream::Err, prompt), expected, "{method:?}");
        }
    }

    #[test]
    fn what_comes_a_byte_at_a_time_is_heard_in_time() {
        for method in [Method::Sudo, Method::Su] {
            let (_, mut greeting) = opening(method);
            begin(&mut greeting);
            let began = own_seconds();
            while greeting.too_much().is_none() {
                assert_eq!(greeting.hear(Stream::Out, b"x"), Heard::Nothing);
            }
            // Searching all of it each time takes minutes.
            assert!(own_seconds() - began < 20, "{method:?}");
            let mut last = Heard::Nothing;
            for byte in b"ezsync-07-ready\n" {
                last = greeting.hear(Stream::Out, &[*byte]);
            }
            assert_eq!(last, Heard::Ready(Vec::new()));
        }
    }

    #[test]
    fn prompts_of_su_are_known_in_any_language_and_those_of_doas_are_its_own() {
        for (text, su, doas) in [
            ("Password: ", true, true),
            ("密码：", true, false),
            ("\rdoas (ops@node1) password: ", true, true),
            ("Last login:\n", false, false),
            ("warning: this is a test", false, false),
            ("Bienvenue:\r\nMot de passe : ", true, false),
            ("Verification code: ", true, false),
            // What an error may look like while it arrives.
            ("sh: 1: exec: ", false, false),
            ("su: ", false, false),
            ("doas: ", true, false),
            ("/opt/su: ", true, false),
        ] {
            for (method, asks) in [(Method::Su, su), (Method::Doas, doas)] {
                let (_, mut greeting) = opening(method);
                begin(&mut greeting);
                let expected = if asks { Heard::MayBeAsked } else { Heard::Nothing };
                assert_eq!(
                    greeting.hear(Stream::Err, text.as_bytes()),
                    expected,
                    "{method:?} {text}"
                );
            }
        }
    }

    #[test]
    fn a_prompt_goes_no_further() {
        let (_, mut greeting) = opening(Method::Su);
        begin(&mut greeting);
        assert_eq!(greeting.hear(Stream::Err, b"Notice:"), Heard::MayBeAsked);
        assert_eq!(greeting.hear(Stream::Err, b" none\r\n"), Heard::Nothing);
        assert!(!greeting.was_asked());
        assert_eq!(greeting.hear(Stream::Err, b"Password: "), Heard::MayBeAsked);
        assert_eq!(greeting.settle(), Heard::Asked);
        assert_eq!(greeting.hear(Stream::Err, b"Password: "), Heard::MayBeAsked);
        assert_eq!(greeting.settle(), Heard::AskedAgain);
    }

    #[test]
    fn a_program_that_is_not_there_is_told_before_anything_may_be_a_prompt() {
        for exe in ["su:", "/opt/su", "/etc", "/etc/passwd", "nosuch-program"] {
            let (user, password) = ("root".to_owned(), Some("geheim".into()));
            let exe = Some(exe.to_owned());
            let become_ =
                Become { method: Method::Su, user, password, exe, flags: None, no_password: None };
            let opening = become_.opening(false, &Word::from_bytes(&[7]));
            let output = std::process::Command::new("sh").args(["-c", &opening.command]).output();
            let output = output.unwrap();
            let mut greeting = opening.greeting.unwrap();
            assert_eq!(greeting.hear(Stream::Err, &output.stderr), Heard::Nothing);
            assert_eq!(greeting.hear(Stream::Out, &output.stdout), Heard::Missing);
        }
    }
}
