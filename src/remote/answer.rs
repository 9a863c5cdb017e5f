//! What a host prints, cut into sections while it arrives.

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
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first word behind the name as a number.
    #[must_use]
    pub fn number(&self) -> Option<usize> {
        self.args.first()?.parse().ok()
    }
}

/// Cuts a stream of bytes at its headings: lines that start with the run's own word.
#[derive(Debug)]
pub struct Sections {
    heading: Vec<u8>,
    pending: Vec<u8>,
    /// All sections so far; the last one may still grow.
    all: Vec<Section>,
    /// How many bytes of bodies may still be kept.
    room: usize,
    cut: bool,
}

impl Sections {
    /// Cuts at headings that start with `mark`.
    #[must_use]
    pub fn new(mark: &super::Word) -> Self {
        let heading = format!("\n{} ", mark.as_str()).into_bytes();
        // What comes before the first heading (a greeting of the shell, say) is in no section.
        Self {
            heading,
            pending: Vec::new(),
            all: vec![Section::default()],
            room: usize::MAX,
            cut: false,
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while let Some((before, line, rest)) = self.split() {
            self.grow(&before);
            let mut words = line.split_whitespace().map(ToOwned::to_owned);
            let name = words.next().unwrap_or_default();
            self.all.push(Section { name, args: words.collect(), body: Vec::new() });
            self.pending = rest;
        }
        // A heading may have arrived in part: its bytes wait for the rest.
        let sure = self.sure_length();
        let rest = self.pending.split_off(sure);
        let body = std::mem::replace(&mut self.pending, rest);
        self.grow(&body);
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

    /// The bytes before the first whole heading, its text, and the bytes behind it.
    fn split(&self) -> Option<(Vec<u8>, String, Vec<u8>)> {
        let at = find(&self.pending, &self.heading)?;
        let before = self.pending.get(..at)?;
        let behind = self.pending.get(at + self.heading.len()..)?;
        let end = behind.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(behind.get(..end)?).into_owned();
        Some((before.to_vec(), line, behind.get(end + 1..)?.to_vec()))
    }

    /// How many of the pending bytes cannot be the start of a heading.
    fn sure_length(&self) -> usize {
        let at = find(&self.pending, &self.heading).or_else(|| {
            // The longest end of what is there that a heading could begin with.
            let longest = self.heading.len().min(self.pending.len());
            (1..=longest).rev().find_map(|length| {
                let at = self.pending.len() - length;
                self.heading.starts_with(self.pending.get(at..)?).then_some(at)
            })
        });
        at.unwrap_or(self.pending.len())
    }
}

/// Where `needle` begins.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
