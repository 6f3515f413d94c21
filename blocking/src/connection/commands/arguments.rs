//! What stands behind a command's name, written without being gathered first.

use std::io::Write;
use std::ops::Bound;

use redis_ipc_core::resp::request;
use redis_ipc_core::write::Writer;

/// One or more words of a request, or none.
pub(super) trait Argument {
    /// How many words.
    fn count(&self) -> usize {
        1
    }

    /// Writes them.
    fn write(&self, w: &mut Writer<'_>);
}

impl Argument for &[u8] {
    fn write(&self, w: &mut Writer<'_>) {
        request::bulk(w, self);
    }
}

impl Argument for &str {
    fn write(&self, w: &mut Writer<'_>) {
        request::bulk(w, self.as_bytes());
    }
}

impl Argument for i64 {
    fn write(&self, w: &mut Writer<'_>) {
        request::bulk_number(w, *self);
    }
}

impl Argument for u64 {
    fn write(&self, w: &mut Writer<'_>) {
        request::bulk_with(w, |w| w.put_decimal(*self));
    }
}

impl Argument for usize {
    fn write(&self, w: &mut Writer<'_>) {
        (*self as u64).write(w);
    }
}

/// One word for each number.
impl Argument for &[f64] {
    fn count(&self) -> usize {
        self.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.iter().for_each(|number| number.write(w));
    }
}

impl Argument for f64 {
    fn write(&self, w: &mut Writer<'_>) {
        request::bulk(w, Decimal::of("", *self).bytes());
    }
}

/// One end of a range of scores: `(` before it leaves it out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Score {
    From(Bound<f64>),
    To(Bound<f64>),
}

impl Argument for Score {
    fn write(&self, w: &mut Writer<'_>) {
        let decimal = match *self {
            Self::From(Bound::Unbounded) => Decimal::of("", f64::NEG_INFINITY),
            Self::To(Bound::Unbounded) => Decimal::of("", f64::INFINITY),
            Self::From(Bound::Included(score)) | Self::To(Bound::Included(score)) => {
                Decimal::of("", score)
            }
            Self::From(Bound::Excluded(score)) | Self::To(Bound::Excluded(score)) => {
                Decimal::of("(", score)
            }
        };
        request::bulk(w, decimal.bytes());
    }
}

/// The shortest text that is read as the same number.
struct Decimal {
    text: [u8; 32],
    length: usize,
}

impl Decimal {
    fn of(mark: &str, number: f64) -> Self {
        let mut text = [0; 32];
        let mut rest = &mut text[..];
        // 17 digits, a point, an exponent and two signs at most.
        let written = write!(rest, "{mark}{number:e}");
        debug_assert!(written.is_ok(), "the text of a number is short");
        let length = 32 - rest.len();
        Self { text, length }
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }
}

/// One word for each.
#[derive(Debug)]
pub(super) struct Each<'a, A>(pub(super) &'a [A]);

impl<A: AsRef<[u8]>> Argument for Each<'_, A> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.0.iter().for_each(|word| word.as_ref().write(w));
    }
}

/// Two words for each.
#[derive(Debug)]
pub(super) struct InPairs<'a, A, B>(pub(super) &'a [(A, B)]);

impl<A: AsRef<[u8]>, B: AsRef<[u8]>> Argument for InPairs<'_, A, B> {
    fn count(&self) -> usize {
        2 * self.0.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        for (name, value) in self.0 {
            name.as_ref().write(w);
            value.as_ref().write(w);
        }
    }
}

/// A number and a word for each.
#[derive(Debug)]
pub(super) struct Scored<'a, A>(pub(super) &'a [(f64, A)]);

impl<A: AsRef<[u8]>> Argument for Scored<'_, A> {
    fn count(&self) -> usize {
        2 * self.0.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        for (score, member) in self.0 {
            score.write(w);
            member.as_ref().write(w);
        }
    }
}

/// A name and a word for each.
#[derive(Debug)]
pub(super) struct Repeated<'a, A>(pub(super) &'static str, pub(super) &'a [A]);

impl<A: AsRef<[u8]>> Argument for Repeated<'_, A> {
    fn count(&self) -> usize {
        2 * self.1.len()
    }

    fn write(&self, w: &mut Writer<'_>) {
        for word in self.1 {
            self.0.write(w);
            word.as_ref().write(w);
        }
    }
}

/// Options of a command, which are the words that they stand for.
pub(super) trait Words {
    fn words(&self) -> impl Argument;
}

impl<W: Words> Argument for &W {
    fn count(&self) -> usize {
        self.words().count()
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.words().write(w);
    }
}

/// Nothing for `None`.
impl<A: Argument> Argument for Option<A> {
    fn count(&self) -> usize {
        self.as_ref().map_or(0, A::count)
    }

    fn write(&self, w: &mut Writer<'_>) {
        if let Some(argument) = self {
            argument.write(w);
        }
    }
}

impl Argument for () {
    fn count(&self) -> usize {
        0
    }

    fn write(&self, _: &mut Writer<'_>) {}
}

macro_rules! one_after_the_other {
    ($($name:ident $place:tt),+) => {
        impl<$($name: Argument),+> Argument for ($($name,)+) {
            fn count(&self) -> usize {
                0 $(+ self.$place.count())+
            }

            fn write(&self, w: &mut Writer<'_>) {
                $(self.$place.write(w);)+
            }
        }
    };
}

one_after_the_other!(A 0, B 1);
one_after_the_other!(A 0, B 1, C 2);
one_after_the_other!(A 0, B 1, C 2, D 3);
one_after_the_other!(A 0, B 1, C 2, D 3, E 4);
one_after_the_other!(A 0, B 1, C 2, D 3, E 4, F 5);
one_after_the_other!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);

#[cfg(test)]
mod tests {
    use super::*;

    fn written(argument: &impl Argument) -> String {
        let mut room = [0; 256];
        let mut w = Writer::new(&mut room);
        argument.write(&mut w);
        let bytes = w.finish().expect("room").to_vec();
        let text = String::from_utf8(bytes).expect("text");
        let words = text.split("\r\n").skip(1).step_by(2);
        let words: Vec<_> = words.collect();
        assert_eq!(words.len(), argument.count());
        words.join(" ")
    }

    #[test]
    fn words_are_written_in_order_and_counted() {
        let keys = ["a", "b"];
        let argument = (&b"key"[..], -3_i64, Each(&keys), Some("NX"), None::<i64>);
        assert_eq!(written(&argument), "key -3 a b NX");
        assert_eq!(
            written(&(InPairs(&[("f", "v")]), u64::MAX)),
            format!("f v {}", u64::MAX)
        );
    }

    #[test]
    fn a_number_is_read_back_as_itself() {
        for number in [
            0.0,
            1.5,
            -f64::MIN_POSITIVE,
            f64::MAX,
            0.1 + 0.2,
            f64::INFINITY,
        ] {
            assert_eq!(written(&number).parse(), Ok(number));
        }
        assert_eq!(
            written(&Score::From(Bound::Excluded(f64::MIN)))
                .parse::<f64>()
                .ok(),
            None
        );
        assert_eq!(written(&Score::From(Bound::Unbounded)), "-inf");
        assert_eq!(written(&Score::To(Bound::Unbounded)), "inf");
        assert_eq!(written(&Score::To(Bound::Excluded(2.0))), "(2e0");
    }
}
