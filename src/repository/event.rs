//! What happens while packages are gathered.

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The lists of what repositories have are fetched.
    Lists,
    /// What is needed is looked for in them: nothing is fetched.
    Finding,
    /// The packages are fetched.
    Packages,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A new part of the work begins.
    Begun(Phase),
    /// A file is being fetched.
    Fetching {
        /// Its number within the run.
        id: usize,
        /// Its name.
        name: String,
        /// How large it is in bytes, when that is known.
        size: Option<u64>,
        /// How much of it was fetched before, in bytes.
        have: u64,
    },
    /// So many bytes of a file are here, with those of before.
    Received {
        /// The file's number.
        id: usize,
        /// The bytes.
        bytes: u64,
    },
    /// It is tried again.
    Again {
        /// The server, as the start of a URL.
        host: String,
        /// How many tries have failed since the file came further.
        round: u32,
        /// Why the try before ended.
        why: String,
    },
    /// A file is here whole.
    Fetched {
        /// The file's number.
        id: usize,
    },
}
