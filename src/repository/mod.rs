//! Where packages come from: the repositories of distributions, read by their signed lists, and folders.
