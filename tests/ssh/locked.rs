//! Keys that need a passphrase: when it is asked for, how often, and what that costs.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ezsync::ssh::{Client, ConnectError, Prompt, Question};
use secrecy::SecretString;

use crate::sshd::{SECRET, Sshd, agent, run, with_agent};

/// Gives the answers one after the other, and keeps what was asked.
#[derive(Debug)]
pub struct Script {
    answers: Mutex<Vec<&'static str>>,
    pub asked: Mutex<Vec<Question>>,
    patience: Duration,
}

impl Script {
    pub fn new(answers: &[&'static str]) -> Arc<Self> {
        Self::slow(answers, Duration::ZERO)
    }

    /// Thinks about each answer for so long.
    pub fn slow(answers: &[&'static str], patience: Duration) -> Arc<Self> {
        let answers = Mutex::new(answers.iter().rev().copied().collect());
        Arc::new(Self { answers, asked: Mutex::default(), patience })
    }

    pub fn questions(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| format!("{}{}", asked.before, asked.text)).collect()
    }
}

impl Prompt for Script {
    fn ask(
        &self,
        question: Question,
    ) -> Pin<Box<dyn Future<Output = io::Result<SecretString>> + Send + '_>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(question);
            tokio::time::sleep(self.patience).await;
            let answer = self.answers.lock().unwrap().pop();
            answer.map(Into::into).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }
}

fn client(server: &Sshd, script: &Arc<Script>) -> Client {
    server.know(&server.host_line("ed25519"));
    Client::with_prompt(script.clone())
}

#[tokio::test]
async fn keys_of_every_format_are_opened() {
    let Some(server) = Sshd::start("") else { return };
    let formats: [(&str, &[&str]); 6] = [
        ("ed25519", &[]),
        ("ed25519", &["-Z", "aes256-gcm@openssh.com"]),
        ("ecdsa", &["-m", "PKCS8"]),
        ("rsa", &["-m", "PKCS8"]),
        ("rsa", &["-m", "PEM"]),
        ("ecdsa", &["-Z", "aes256-cbc"]),
    ];
    for (kind, options) in formats {
        let key = server.user_key(kind, "", true);
        let mut lock = Command::new("ssh-keygen");
        run(lock.args(["-q", "-p", "-P", "", "-N", SECRET]).args(options).arg("-f").arg(&key));
        let mut target = server.target(&key);
        let asked = Script::new(&[SECRET]);
        client(&server, &asked).connect(&target).await.unwrap();
        assert_eq!(asked.questions(), [format!("Passphrase for the key {}: ", key.display())]);
        // Without its public half nobody knows what to show to the server.
        std::fs::remove_file(key.with_extension("pub")).unwrap();
        client(&server, &Script::new(&[SECRET])).connect(&target).await.unwrap();
        // Given, nobody is asked.
        target.credentials.passphrase = Some(SECRET.into());
        server.client().connect(&target).await.unwrap();
        target.credentials.passphrase = Some("wrong".into());
        let error = server.client().connect(&target).await.unwrap_err();
        assert!(error.to_string().contains("(the passphrase is wrong)"), "{options:?}: {error}");
        assert!(error.hint().contains("ansible_ssh_private_key_passphrase"), "{}", error.hint());
        std::fs::remove_file(&key).unwrap();
    }
}

#[tokio::test]
async fn old_encryption_is_named_with_the_way_on() {
    let Some(server) = Sshd::start("") else { return };
    let key = server.user_key("ecdsa", "", true);
    let mut lock = Command::new("ssh-keygen");
    run(lock.args(["-q", "-p", "-P", "", "-N", SECRET, "-m", "PEM", "-f"]).arg(&key));
    let mut keys = vec![key];
    for (number, text) in TRIPLE_DES.iter().enumerate() {
        keys.push(server.path(&format!("triple_des_{number}")));
        std::fs::write(&keys[number + 1], text).unwrap();
    }
    let mut target = server.bare();
    target.credentials.identity_files = keys;
    let error = server.client().connect(&target).await.unwrap_err().to_string();
    assert_eq!(error.matches("(it is encrypted in an old way").count(), 3, "{error}");
    assert!(
        error.contains("encrypted in an old way; bring it up to date: ssh-keygen -p"),
        "{error}"
    );
}

/// Keys by `openssl pkcs8 -topk8 -v2 des3` and `-v1 PBE-SHA1-3DES`.
const TRIPLE_DES: [&str; 2] = [
    "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAg8tO9IM49xRgICCAAw
DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIETXYV94B8vIEgZDbhe0Dx6cLRtcY
fjXRfNMx4k+/XS1YXTH97wgpWuV0+BPV6xOd+xA6CaL8/DRs/59Kv9nupPaZSlF9
9ljQqfzEBG/2hG6MbM9FSSXvnysTJbJ/ZWNvtScXdsqlFOB/6M9+EnM8TLNFRsQi
89Vh/t/N3tqYiaude0pMHc6X7F5rjGTqHkc/OTR2DD/BQ0zEMAM=
-----END ENCRYPTED PRIVATE KEY-----
",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQILyC8e5tZWnkCAggABIGQlliVKMXCRSYZ4Bi2
HahW9o5rdkpl2nI5qT8plaxpLXDYYRDzshFw0vkLKwfoyNnlQ4BjQ2T6HtF0Ak23
i+a9Q6vp5T1/y1BYZqjU5UYOGCv2b+EZMaVp1DqpNP5/+buLy3bSJurjLqdo3EbE
KmBoTIZFi7kzHMQW6JRMLGOySa+SvYn8E89VUw3A4WxomkXU
-----END ENCRYPTED PRIVATE KEY-----
",
];

#[tokio::test]
async fn one_answer_is_for_all_hosts() {
    let Some(server) = Sshd::start("") else { return };
    let asked = Script::slow(&[SECRET], Duration::from_millis(300));
    let client = client(&server, &asked);
    let key = server.user_key("ed25519", SECRET, true);
    let logins = (0..8).map(|_| {
        let (client, target) = (client.clone(), server.target(&key));
        tokio::spawn(async move { client.connect(&target).await.map(drop) })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap().unwrap();
    }
    assert_eq!(asked.questions().len(), 1);
}

#[tokio::test]
async fn three_wrong_answers_are_enough_for_all_hosts() {
    let Some(server) = Sshd::start("") else { return };
    let asked = Script::new(&["one", "two", "three", SECRET]);
    let client = client(&server, &asked);
    let target = server.target(server.user_key("ed25519", SECRET, true));
    for _ in 0..2 {
        let error = client.connect(&target).await.unwrap_err().to_string();
        assert!(error.contains("(the passphrase is wrong)"), "{error}");
    }
    let questions = asked.questions();
    assert_eq!(questions.len(), 3);
    assert!(questions[2].starts_with("That is not its passphrase.\nPassphrase"), "{questions:?}");
}

#[tokio::test]
async fn nobody_is_asked_in_vain() {
    let Some(server) = Sshd::start("") else { return };
    let asked = Script::new(&[]);
    let client = client(&server, &asked);
    // Another key does it as well.
    let key = server.user_key("ed25519", SECRET, true);
    let mut target = server.target(&key);
    target.credentials.identity_files.push(server.path("user"));
    client.connect(&target).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (_agent, socket) = agent(folder.path(), &[&server.path("user")]);
    client.connect(&with_agent(server.target(&key), socket)).await.unwrap();
    // The server does not want the key.
    let strange = server.user_key("ecdsa", SECRET, false);
    client.connect(&server.target(strange)).await.unwrap_err();
    // Nor the next one: that would bring a question for a password for each of many hosts.
    client.connect(&server.target(server.user_key("rsa", "", false))).await.unwrap_err();
    // Nobody wants to be asked.
    let mut target = server.target(&key);
    target.credentials.batch_mode = true;
    client.connect(&target).await.unwrap_err();
    assert_eq!(asked.questions(), [""; 0]);
}

#[tokio::test]
async fn a_locked_key_that_is_wanted_keeps_its_place_before_the_agents_others() {
    let Some(server) = Sshd::start("") else { return };
    let folder = tempfile::tempdir().unwrap();
    let others: Vec<_> = (0..7)
        .map(|number| {
            let path = server.path(&format!("other_{number}"));
            std::fs::rename(server.user_key("ed25519", "", false), &path).unwrap();
            path
        })
        .collect();
    let others: Vec<_> = others.iter().map(AsRef::as_ref).collect();
    let (_agent, socket) = agent(folder.path(), &others);
    let target = with_agent(server.target(server.user_key("ecdsa", SECRET, true)), socket);
    client(&server, &Script::new(&[SECRET])).connect(&target).await.unwrap();

    // With IdentitiesOnly the others are not even tried.
    let mut target = target;
    target.credentials.identity_files = vec![server.path("user")];
    target.credentials.identities_only = true;
    server.client().connect(&target).await.unwrap();
    target.credentials.identity_files = vec![server.path("other_0")];
    let error = server.client().connect(&target).await.unwrap_err();
    let ConnectError::Authentication(rejected) = error else { panic!("{error}") };
    assert_eq!(rejected.tried, [server.path("other_0").display().to_string()]);
}

#[tokio::test]
async fn thinking_costs_the_host_nothing() {
    let Some(server) = Sshd::start("") else { return };
    let mut target = server.target(server.user_key("ed25519", SECRET, true));
    target.connect_timeout = Duration::from_secs(2);
    let asked = Script::slow(&[SECRET], Duration::from_secs(3));
    client(&server, &asked).connect(&target).await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_wait_for_the_answer_is_called_again() {
    let Some(server) = Sshd::start("LoginGraceTime 1\n") else { return };
    let target = server.target(server.user_key("ed25519", SECRET, true));
    let asked = Script::slow(&[SECRET], Duration::from_secs(3));
    client(&server, &asked).connect(&target).await.unwrap();
    assert_eq!(asked.questions().len(), 1);
}

#[tokio::test]
async fn a_password_is_asked_for_where_keys_do_not_suffice() {
    for settings in ["AuthenticationMethods publickey,password\n", "PubkeyAuthentication no\n"] {
        let settings = format!("KbdInteractiveAuthentication no\n{settings}");
        let Some(server) = Sshd::start(&settings) else { return };
        let asked = Script::new(&["one", "two"]);
        let error = client(&server, &asked).connect(&server.user()).await.unwrap_err().to_string();
        assert_eq!(asked.questions(), ["root@127.0.0.1's password: "; 3], "{error}");
        assert!(error.contains("password, password; the server accepts password"), "{error}");
    }
}
