//! Quoting, held against the shells that hosts have.

use std::io::Write;
use std::process::{Command, Stdio};

use ezsync::remote::quote;
use proptest::collection::vec;
use proptest::prelude::*;

const SHELLS: [(&str, &[&str]); 3] = [("dash", &[]), ("bash", &[]), ("busybox", &["ash"])];

/// What each of `words` is after `shell` has read it, all in one script.
fn echoed(shell: &str, args: &[&str], words: &[String]) -> Vec<Vec<u8>> {
    let mut script = String::from("LC_ALL=C\nexport LC_ALL\n");
    for word in words {
        // As our scripts do: as an argument of a function, and within a command for another shell.
        script += &format!("printf '%s\\0' {}\n", quote(word));
        let inner = format!("printf '%s\\0' {}", quote(word));
        script += &format!("sh -c {}\n", quote(&inner));
    }
    let mut command = Command::new(shell);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{shell}: {}", output.status);
    let mut parts: Vec<Vec<u8>> =
        output.stdout.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    parts.pop();
    parts
}

fn check(words: &[String]) {
    for (shell, args) in SHELLS {
        if Command::new(shell).args(args).args(["-c", ":"]).status().is_err() {
            ezsync_hosts::skip(&format!("there is no {shell}"));
            continue;
        }
        let read = echoed(shell, args, words);
        assert_eq!(read.len(), 2 * words.len(), "{shell}: {words:?}");
        for (word, read) in words.iter().flat_map(|word| [word, word]).zip(read) {
            assert_eq!(word.as_bytes(), read, "{shell}");
        }
    }
}

#[test]
fn each_character_alone_is_one_word() {
    let words: Vec<String> = (1..=0x17f).filter_map(char::from_u32).map(String::from).collect();
    check(&words);
    let doubled: Vec<String> = words.iter().map(|word| format!("{word}'{word}\\{word}")).collect();
    check(&doubled);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_without_nul_is_one_word(words in vec(any::<String>(), 1..40)) {
        let words: Vec<String> = words.iter().map(|word| word.replace('\0', "")).collect();
        check(&words);
    }

    #[test]
    fn what_shells_read_is_one_word(words in vec("[-!#$&'()*;<>?\\[\\]\\\\`{}|~\"^= \t\n\ra-c0]{0,60}", 1..40)) {
        check(&words);
    }
}
