//! Real hosts for the tests and the demo: systemd-nspawn containers in a network namespace of their own.
