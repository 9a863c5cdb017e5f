//! The inventory: hosts, groups, variables and patterns, read from INI and YAML.
