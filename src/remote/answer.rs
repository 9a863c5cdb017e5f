//! What a host prints, cut into sections while it arrives.

use memchr::memmem::find;

/// How much is held of what a host says in answer to one script (bytes). A list of three thousand packages
/// with all that they give has less than half of that.
pub const OUTPUT_MAX: usize = 4 * 1024 * 1024;

/// One section: its heading's words and the bytes below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The first word of the heading.
    pub name: String,
    /// The other words.
    pub args: Vec<String>,
    /// What was printed below, without the line end before the next heading.
    pub body: Vec<u8>,
}

impl Section {
    /// The body as text: what is no UTF-8 becomes `?`, so that it grows by nothing.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.body.len());
        for chunk in self.body.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                text.push('?');
            }
        }
        text
    }

    /// The same of a body that is short on any host: the first 256 KiB of it.
    #[must_use]
    pub fn short_text(&self) -> String {
        let body = self.body.get(..SHORT_MAX).unwrap_or(&self.body).to_vec();
        Self { body, ..Self::default() }.text()
    }

    /// The first word behind the name as a number.
    #[must_use]
    pub fn number(&self) -> Option<usize> {
        self.args.first()?.parse().ok()
    }
}

/// Nothing that is read as lines is longer (bytes): a node with two thousand addresses stays below.
const SHORT_MAX: usize = 256 * 1024;

/// A heading has no more bytes: a line that goes on is none.
const HEADING_MAX: usize = 4096;

/// A heading has no more words: what follows is passed over.
const WORDS_MAX: usize = 64;

/// How much all headings together may take of our memory (bytes). Each 128 KiB of a file that is sent has one.
const HEADINGS_MAX: usize = 2 * 1024 * 1024;

/// What a section, and each of its words, takes of our memory beside its bytes: vectors grow by doubling.
const SECTION_COST: usize = 2 * size_of::<Section>();
const WORD_COST: usize = 2 * size_of::<String>() + 16;

/// Cuts a stream of bytes at its headings: lines that start with the run's own word.
///
/// The host knows that word as well as we do. So nothing here grows without bounds, whatever it says.
#[derive(Debug)]
pub struct Sections {
    heading: Vec<u8>,
    pending: Vec<u8>,
    /// All sections so far; the last one may still grow.
    all: Vec<Section>,
    /// How many bytes of bodies may still be kept.
    room: usize,
    /// How much headings may still take.
    headings: usize,
    cut: bool,
}

/// The bytes before a line that looks like a heading, its text if it is one, and the bytes behind it.
type Split<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

impl Sections {
    /// Cuts at headings that start with `mark`, and keeps [`OUTPUT_MAX`] bytes of what is below them.
    #[must_use]
    pub fn new(mark: &super::Word) -> Self {
        let heading = format!("\n{} ", mark.as_str()).into_bytes();
        // What comes before the first heading (a greeting of the shell, say) is in no section.
        Self {
            heading,
            pending: Vec::new(),
            all: vec![Section::default()],
            room: OUTPUT_MAX,
            headings: HEADINGS_MAX,
            cut: false,
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut rest = pending.as_slice();
        while let Some((before, line, behind)) = self.split(rest) {
            self.grow(before);
            if let Some(line) = line {
                self.begin(line);
            }
            rest = behind;
        }
        // A heading may have arrived in part: its bytes wait for the rest.
        let (sure, rest) = rest.split_at(self.sure_length(rest));
        self.grow(sure);
        self.pending = rest.to_vec();
    }

    /// Takes no more: what waited belongs to the last section.
    pub fn finish(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        self.grow(&rest);
    }

    /// Keeps only the next `bytes` of the bodies: headings are found as before.
    pub fn keep(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Whether more came than was to be kept.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    /// The sections so far, without what came before the first heading. The last may grow.
    #[must_use]
    pub fn all(&self) -> &[Section] {
        self.all.get(1..).unwrap_or_default()
    }

    /// Hands out the sections from `first` up to `last`, which is not handed out: all of them are kept here
    /// no longer, and make room for others.
    pub fn take(&mut self, first: usize, last: usize) -> Vec<Section> {
        let end = (last + 2).min(self.all.len());
        let mut taken: Vec<Section> = self.all.drain((first + 1).min(end)..end).collect();
        for section in &taken {
            self.headings = (self.headings + cost(section)).min(HEADINGS_MAX);
            self.room = (self.room + section.body.len()).min(OUTPUT_MAX);
        }
        taken.pop();
        taken
    }

    /// What came before the first heading.
    #[must_use]
    pub fn preamble(&self) -> String {
        self.all.first().map(Section::text).unwrap_or_default()
    }

    fn grow(&mut self, bytes: &[u8]) {
        let kept = bytes.get(..self.room).unwrap_or(bytes);
        self.cut |= kept.len() < bytes.len();
        self.room -= kept.len();
        if let Some(last) = self.all.last_mut() {
            last.body.extend_from_slice(kept);
        }
    }

    fn begin(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace().map(ToOwned::to_owned).take(WORDS_MAX);
        let name = words.next().unwrap_or_default();
        let section = Section { name, args: words.collect(), body: Vec::new() };
        match self.headings.checked_sub(cost(&section)) {
            Some(left) => {
                self.headings = left;
                self.all.push(section);
            }
            // What follows would stand below the wrong heading.
            None => {
                self.cut = true;
                self.room = 0;
            }
        }
    }

    /// Splits at the first line that looks like a heading. None when there is no such line, or not all of it.
    fn split<'a>(&self, bytes: &'a [u8]) -> Option<Split<'a>> {
        let at = find(bytes, &self.heading)?;
        let behind = bytes.get(at + self.heading.len()..)?;
        let line = behind.get(..HEADING_MAX).unwrap_or(behind);
        match line.iter().position(|byte| *byte == b'\n') {
            Some(end) => Some((bytes.get(..at)?, behind.get(..end), behind.get(end + 1..)?)),
            None if line.len() < HEADING_MAX => None,
            None => Some((bytes.get(..at + self.heading.len())?, None, behind)),
        }
    }

    /// How many of `bytes` cannot be the start of a heading.
    fn sure_length(&self, bytes: &[u8]) -> usize {
        let at = find(bytes, &self.heading).or_else(|| {
            // The longest end of what is there that a heading could begin with.
            let longest = self.heading.len().min(bytes.len());
            (1..=longest).rev().find_map(|length| {
                let at = bytes.len() - length;
                self.heading.starts_with(bytes.get(at..)?).then_some(at)
            })
        });
        at.unwrap_or(bytes.len())
    }
}

/// How much `section` takes of our memory beside its body.
fn cost(section: &Section) -> usize {
    let words = section.args.iter().map(|word| WORD_COST + word.len());
    SECTION_COST + section.name.len() + words.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Word;
    use crate::remote::tests::own_seconds;

    fn cutter() -> Sections {
        Sections::new(&Word::from_bytes(&[0xab; 4]))
    }

    fn held(sections: &Sections) -> usize {
        let mut bytes = sections.pending.capacity();
        for section in sections.all() {
            bytes += size_of::<Section>() + section.body.len();
            bytes += section.args.iter().map(|word| 24 + word.capacity()).sum::<usize>();
        }
        bytes
    }

    #[test]
    fn whatever_a_host_says_is_held_within_bounds() {
        for (piece, what) in [
            ("\nezsync-abababab x\n", "sections without a body"),
            ("\nezsync-abababab a b c d e f g h i j k l m n o p q r s t u v w x y z\n", "words"),
            ("text\n", "one body"),
            ("\nezsync-abababab x\nbody\n", "sections with a body"),
            ("\nezsync-abababab a word more ", "a heading that goes on"),
            ("\nezsync-abababab", "the beginning of a heading"),
        ] {
            let mut sections = cutter();
            let chunk = piece.repeat(32 * 1024 / piece.len());
            let begun = own_seconds();
            for _ in 0..300 {
                sections.feed(chunk.as_bytes());
            }
            sections.finish();
            assert!(sections.was_cut(), "{what}");
            assert!(held(&sections) <= OUTPUT_MAX + HEADINGS_MAX, "{what}: {}", held(&sections));
            assert!(own_seconds() - begun < 60, "{what}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_for_a_heading_is_none() {
        for size in [1, 100, 100_000] {
            let long = "x".repeat(HEADING_MAX);
            let text =
                format!("\nezsync-abababab one\n\nezsync-abababab {long}\n\nezsync-abababab two\n");
            let mut sections = cutter();
            text.as_bytes().chunks(size).for_each(|chunk| sections.feed(chunk));
            let names: Vec<&str> = sections.all().iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names, ["one", "two"]);
            assert_eq!(sections.all()[0].text(), format!("\nezsync-abababab {long}\n"));
        }
    }

    #[test]
    fn what_is_taken_makes_room() {
        let mut sections = cutter();
        sections.feed(b"\nezsync-abababab kept 1\n");
        let body = "x".repeat(OUTPUT_MAX / 2);
        for _ in 0..10 {
            let look = format!(
                "\nezsync-abababab a\n{body}\nezsync-abababab b\n\nezsync-abababab looked\n"
            );
            sections.feed(look.as_bytes());
            let taken = sections.take(1, 3);
            let names: Vec<&str> = taken.iter().map(|section| section.name.as_str()).collect();
            assert_eq!((names, taken[0].body.len()), (vec!["a", "b"], body.len()));
            assert_eq!(sections.all().len(), 1);
        }
        assert!(!sections.was_cut());
    }

    #[test]
    fn what_is_no_text_grows_by_nothing() {
        let section = Section { body: b"a\xff\xfeb\xe5\xaf".to_vec(), ..Section::default() };
        assert_eq!(section.text(), "a??b?");
    }
}
