//! What a component has written into its status, to be written again on a server that has
//! forgotten it.

/// Fields and their values, in the order of the names. They are few, and so a list serves better
/// than a tree, whose code alone takes 5 kB.
#[derive(Debug, Default)]
pub(super) struct OwnStatus(Vec<(String, String)>);

impl OwnStatus {
    pub(super) fn fields(&self) -> &[(String, String)] {
        &self.0
    }

    /// Keeps fields in mind, and forgets those without a value.
    pub(super) fn note(&mut self, fields: &[(String, Option<String>)]) {
        for (name, value) in fields {
            match (self.place(name), value) {
                (Ok(place), Some(value)) => value.clone_into(&mut self.0[place].1),
                (Err(place), Some(value)) => self.0.insert(place, (name.clone(), value.clone())),
                (_, None) => self.forget(name),
            }
        }
    }

    pub(super) fn forget(&mut self, name: &str) {
        if let Ok(place) = self.place(name) {
            self.0.remove(place);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Where a field is, or where it would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_kept_once_with_its_last_value() {
        let mut status = OwnStatus::default();
        let field = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        status.note(&[
            field("b", Some("1")),
            field("a", Some("2")),
            field("c", Some("3")),
        ]);
        status.note(&[field("b", Some("4")), field("c", None), field("d", None)]);
        let shown = |status: &OwnStatus| format!("{:?}", status.fields());
        assert_eq!(shown(&status), r#"[("a", "2"), ("b", "4")]"#);
        status.forget("a");
        status.forget("x");
        assert_eq!(shown(&status), r#"[("b", "4")]"#);
        status.clear();
        assert_eq!(shown(&status), "[]");
    }
}
