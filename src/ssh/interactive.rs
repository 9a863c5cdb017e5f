//! keyboard-interactive (RFC 4256): the server asks, and gets the password that was given or what
//! the person says, such as a one-time code.

use russh::MethodSet;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Response, Prompt};
use secrecy::{ExposeSecret, SecretString};

use super::asking::{Question, Turn};
use super::auth::{End, Login};
use super::rejected::{UnusableKey, UnusableReason};
use super::target::Method;
use crate::sanitise::{sanitise, sanitise_lines};

/// The method's name.
const NAME: &str = "keyboard-interactive";

/// A server that asks more often than this in one attempt is not served.
const MAX_ROUNDS: usize = 16;

/// How much of a server's words is shown to the person (characters).
const WORDS_MAX: usize = 1024;

/// One attempt.
struct Dialogue<'a> {
    /// The password that was given, until it is used.
    password: Option<SecretString>,
    /// The right to ask, from the first question on: hosts do not talk across each other.
    turn: Option<Turn<'a>>,
    /// Whether the person may be asked.
    may_ask: bool,
    /// Whether the person was.
    asked: bool,
}

/// One request of the server: what is to be read first, and the questions.
struct Request {
    before: String,
    prompts: Vec<Prompt>,
}

impl<'a> Login<'a> {
    /// Answers the server's questions. Wrong answers of the person may be mended; a password that
    /// was given is not shown twice.
    pub(super) async fn keyboard_interactive(&mut self, may_ask: bool) -> bool {
        self.lacks("password", self.credentials().no_password.clone());
        let given = self.credentials().password.clone();
        if given.is_none() && !may_ask {
            return false;
        }
        // Who gave a password may be asked for what else the server wants, such as a code.
        let may_ask = may_ask || self.means.asker.is_there() && !self.credentials().batch_mode;
        for _ in 0..self.credentials().password_prompts.max(1) {
            // With its question open a connection is not listened to. Where the person will have
            // to answer, the wait for others is before that: then a server that has hung up
            // meanwhile is noticed.
            let turn = match given {
                Some(_) => None,
                None => {
                    let _pause = self.means.pauses.begin();
                    let Some(turn) = self.turn().await else { return false };
                    Some(turn)
                }
            };
            let mut dialogue = Dialogue { password: given.clone(), turn, may_ask, asked: false };
            if self.attempt(&mut dialogue).await {
                return true;
            }
            if !dialogue.asked || !self.may_try(Method::KeyboardInteractive) {
                break;
            }
        }
        false
    }

    async fn attempt(&mut self, dialogue: &mut Dialogue<'a>) -> bool {
        let user = self.target.user.clone();
        let mut response = self.handle.authenticate_keyboard_interactive_start(user, None).await;
        for _ in 0..MAX_ROUNDS {
            let (name, instructions, prompts) = match response {
                Ok(Response::InfoRequest { name, instructions, prompts }) => {
                    (name, instructions, prompts)
                }
                Ok(Response::Success) => return true,
                Ok(Response::Failure { remaining_methods, partial_success }) => {
                    let failure = AuthResult::Failure { remaining_methods, partial_success };
                    return self.accepted(Some(NAME), Ok(failure));
                }
                Err(_) if dialogue.asked => {
                    self.end = Some(End::WhileAsking { answered: true });
                    return false;
                }
                Err(_) => {
                    let methods = MethodSet::empty();
                    let failure =
                        AuthResult::Failure { remaining_methods: methods, partial_success: false };
                    return self.accepted(Some(NAME), Ok(failure));
                }
            };
            let request = Request { before: before(&name, &instructions), prompts };
            match self.answers(request, dialogue).await {
                Ok(answers) => {
                    response = self.handle.authenticate_keyboard_interactive_respond(answers).await;
                }
                Err(reason) => return self.give_up(reason),
            }
        }
        self.give_up(format!("the server has asked more than {MAX_ROUNDS} times"))
    }

    /// Takes down, once, `why` a secret that is set is not there where the server wants it.
    pub(super) fn lacks(&mut self, secret: &str, why: Option<String>) {
        let reason = why.map(UnusableReason::Other);
        let lacking = reason.map(|reason| UnusableKey { name: secret.to_owned(), reason });
        self.unusable.extend(lacking.filter(|lacking| !self.unusable.contains(lacking)));
    }

    /// Ends the login: a wrong answer could lock the user out, and without one the server waits.
    fn give_up(&mut self, reason: String) -> bool {
        let reason = UnusableReason::Other(reason);
        self.unusable.push(UnusableKey { name: NAME.to_owned(), reason });
        self.end.get_or_insert(End::ByUs);
        false
    }

    async fn answers(
        &mut self,
        request: Request,
        dialogue: &mut Dialogue<'a>,
    ) -> Result<Vec<String>, String> {
        let Request { mut before, prompts } = request;
        let alone = prompts.len() == 1;
        let mut answers = Vec::new();
        for prompt in prompts {
            let text: String = prompt.prompt.trim().chars().take(WORDS_MAX).collect();
            let named = names_the_password(&text);
            let is_password = !prompt.echo && (named || (alone && !dialogue.may_ask));
            if let Some(password) = dialogue.password.take_if(|_| is_password) {
                answers.push(password.expose_secret().to_owned());
                continue;
            }
            let asks = format!("({}) {}", self.me(), sanitise(&text));
            let question = Question {
                before: std::mem::take(&mut before),
                text: format!("{asks} "),
                echo: prompt.echo,
            };
            let answer = self.ask(question, dialogue).await;
            answers.push(answer.ok_or_else(|| format!("nobody answers its question: {asks}"))?);
        }
        Ok(answers)
    }

    /// The person's answer, when there is somebody to ask.
    async fn ask(&mut self, question: Question, dialogue: &mut Dialogue<'a>) -> Option<String> {
        if !dialogue.may_ask {
            return None;
        }
        let _pause = self.means.pauses.begin();
        if dialogue.turn.is_none() {
            dialogue.turn = self.turn().await;
        }
        dialogue.asked = true;
        let answer = dialogue.turn.as_ref()?.ask(question).await.ok()?;
        Some(answer.expose_secret().to_owned())
    }
}

/// Whether a question is for the password, and not for a one-time one (as pam_oath asks).
fn names_the_password(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("password") && !["one-time", "one time"].iter().any(|once| text.contains(once))
}

/// What a server has to say before it asks.
fn before(name: &str, instructions: &str) -> String {
    let mut text = String::new();
    for part in [name.trim(), instructions.trim()].into_iter().filter(|part| !part.is_empty()) {
        let part: String = part.chars().take(WORDS_MAX).collect();
        text += &sanitise_lines(&part);
        text.push('\n');
    }
    text
}
