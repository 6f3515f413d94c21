//! JSON objects for machines: one a line, members in a fixed order.

use std::fmt::{Display, Write};

/// A JSON object as it grows.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// A member that is a text.
    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, quoted(value))
    }

    /// A member that is a text, or null.
    pub(crate) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A member that is JSON already, a number for instance.
    pub(crate) fn raw(mut self, name: &str, json: impl Display) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        // Writing into a String cannot fail.
        let _ = write!(self.0, "{}:{json}", quoted(name));
        self
    }

    pub(crate) fn end(self) -> String {
        self.0 + "}"
    }
}

/// A text as JSON writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// JSON of any layout on one line: between values, line ends are blanks as good as others, and
/// inside a text JSON allows none.
pub(crate) fn on_one_line(json: &str) -> String {
    json.trim().replace(['\n', '\r'], " ")
}

/// A text for people on one line: whatever would move the cursor or change the terminal is shown
/// as an escape.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_their_order_and_texts_are_escaped() {
        let object = Object::new()
            .text("b", "say \"hi\"\n")
            .raw("a", 5)
            .optional("c", None)
            .end();
        assert_eq!(object, r#"{"b":"say \"hi\"\n","a":5,"c":null}"#);
        assert_eq!(Object::new().end(), "{}");
    }

    #[test]
    fn json_of_several_lines_becomes_one() {
        assert_eq!(on_one_line("{\r\n \"a\": 1\n}\n"), "{   \"a\": 1 }");
    }

    #[test]
    fn a_text_cannot_play_with_the_terminal() {
        assert_eq!(visible("a\u{1b}[31m\nü"), "a\\u{1b}[31m\\nü");
    }
}
