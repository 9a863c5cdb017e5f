//! XML, element by element: as much of it as a repository's lists use.

use std::io::BufRead;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape};

use super::Malformed;

/// Elements in elements in elements: a repository's lists have no more than five.
const MAX_DEPTH: usize = 16;

/// What comes next in a text of XML.
pub(super) enum Part {
    /// An element begins: its name without a prefix, and its attributes.
    Start(String, Attributes),
    /// An element has ended: its name without a prefix, and its own text.
    End(String, String),
}

/// The attributes of an element, by their names without a prefix.
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// The value of one; nothing where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    fn of(start: &BytesStart) -> Result<Self, Malformed> {
        let read = |attribute: Result<quick_xml::events::attributes::Attribute, _>| {
            let attribute = attribute.map_err(malformed)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?;
            Ok((attribute.key.local_name().as_ref().to_owned(), value.into_owned()))
        };
        start.attributes().map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// Tells all parts of a text of XML, in order.
pub(super) fn walk(
    text: impl BufRead,
    mut take: impl FnMut(Part) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::from_reader(text);
    // Then each element has an end: there is no `Empty`.
    reader.config_mut().expand_empty_elements = true;
    let mut buffer = Vec::new();
    let mut open: Vec<String> = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(malformed)? {
            Event::Start(start) | Event::Empty(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(Malformed("its elements are too deep".to_owned()));
                }
                open.push(String::new());
                let name = start.local_name().as_ref().to_owned();
                take(Part::Start(name, Attributes::of(&start)?))?;
            }
            Event::End(end) => {
                let text = open.pop().unwrap_or_default();
                take(Part::End(end.local_name().as_ref().to_owned(), text))?;
            }
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::CData(text) => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                match reference.resolve_char_ref().map_err(malformed)? {
                    Some(sign) => append(&mut open, sign.encode_utf8(&mut [0; 4])),
                    None => match escape::resolve_predefined_entity(&reference) {
                        Some(sign) => append(&mut open, sign),
                        None => return Err(Malformed(format!("there is no &{};", &*reference))),
                    },
                }
            }
            Event::Eof if open.is_empty() => return Ok(()),
            Event::Eof => return Err(Malformed("it ends in the middle".to_owned())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn append(open: &mut [String], text: &str) {
    if let Some(innermost) = open.last_mut() {
        innermost.push_str(text);
    }
}

fn malformed(error: impl std::fmt::Display) -> Malformed {
    Malformed(error.to_string())
}
