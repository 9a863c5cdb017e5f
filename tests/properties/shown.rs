//! Text from elsewhere, made safe.

use ezsync::sanitise::{is_unsafe, sanitise, sanitise_json, sanitise_lines};
use proptest::prelude::*;

proptest! {
    #[test]
    fn nothing_that_is_shown_does_anything(text in any::<String>()) {
        prop_assert!(!sanitise(&text).contains(is_unsafe));
        let keeps = |c: char| !is_unsafe(c) || c == '\n' || c == '\t';
        prop_assert!(sanitise_lines(&text).chars().all(keeps));
        // What is safe is not touched, and once is enough.
        let once = sanitise(&text).into_owned();
        prop_assert_eq!(sanitise(&once), once.as_str());
        let lines = sanitise_lines(&text).into_owned();
        prop_assert_eq!(sanitise_lines(&lines), lines.as_str());
    }

    #[test]
    fn json_means_the_same(text in any::<String>(), key in any::<String>()) {
        let value = serde_json::json!({ key: [text] });
        let json = sanitise_json(serde_json::to_string_pretty(&value).unwrap());
        prop_assert!(json.chars().all(|c| !is_unsafe(c) || c == '\n'));
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
    }
}
