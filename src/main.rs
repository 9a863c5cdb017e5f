//! The `ezsync` program.

fn main() {}
