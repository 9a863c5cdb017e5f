//! What is heard of a host before the other user's shell is there. `<` and `>` stand for the words of the
//! run's own which say that the program has begun and that the shell is ready; the first byte says by which
//! method, and in what pieces it comes.
#![no_main]

use std::sync::LazyLock;

use ezsync::remote::{Become, Heard, Method, Stream, Word};
use ezsync_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

static WORD: LazyLock<Word> = LazyLock::new(|| Word::random().expect("random bytes"));

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let method = match kind % 3 {
        0 => Method::Sudo,
        1 => Method::Su,
        _ => Method::Doas,
    };
    let (user, password) = ("root".to_owned(), Some("secret".to_owned().into()));
    let wanted = Become { method, user, password, exe: None, flags: None, no_password: None };
    let opening = wanted.opening(kind & 64 != 0, &WORD);
    let mut greeting = opening.greeting.expect("a password is asked for");
    let word = WORD.as_str();
    let mut said = Vec::new();
    for byte in bytes {
        match byte {
            b'<' => said.extend_from_slice(format!("{word}-begun\n").as_bytes()),
            b'>' => said.extend_from_slice(format!("{word}-ready\n").as_bytes()),
            b'?' => said.extend_from_slice(format!("{word}-password:").as_bytes()),
            byte => said.push(*byte),
        }
    }
    let size = usize::from(kind >> 3) + 1;
    let mut asked = 0;
    bounded(4 * said.len() + (1 << 20), || {
        for piece in said.chunks(size) {
            let mut heard = greeting.hear(Stream::Out, piece);
            // Nothing may come behind it for a moment, or the next piece at once.
            if heard == Heard::MayBeAsked && piece.len() % 2 == 0 {
                heard = greeting.settle();
            }
            match heard {
                Heard::Ready(_) | Heard::Missing => return,
                Heard::Asked | Heard::AskedAgain => asked += 1,
                Heard::Nothing | Heard::MayBeAsked => {}
            }
            if greeting.too_much().is_some() {
                return;
            }
        }
        let _ = greeting.said();
    });
    // Nobody is shown a password before the program has begun.
    assert!(asked == 0 || String::from_utf8_lossy(&said).contains(&format!("{word}-begun")));
    assert_eq!(greeting.was_asked(), asked > 0);
});
