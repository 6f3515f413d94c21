//! Keys, which are any bytes, as text that cannot be mistaken: `user:1`, `"a b"`, `"\xff\n"`.

/// A key for people: as it is if it is plain, else in quotes and with escapes.
pub(crate) fn shown(key: &[u8]) -> String {
    let plain = |letter: char| !letter.is_whitespace() && !matches!(letter, '"' | '\'' | '\\');
    match std::str::from_utf8(key) {
        // What has to be escaped, invisible letters for one, is not plain either.
        Ok(text) if !text.is_empty() && text.chars().all(plain) && escapes_nothing(text) => {
            text.to_owned()
        }
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", key.escape_ascii()),
    }
}

fn escapes_nothing(text: &str) -> bool {
    text.escape_debug().eq(text.chars())
}

/// The bytes of a word as [`shown`] writes it; one that is not in quotes stands for itself. The
/// error is a sentence.
pub(crate) fn read(word: &str) -> Result<Vec<u8>, String> {
    let Some(inner) = word.strip_prefix('"') else {
        return Ok(word.as_bytes().to_vec());
    };
    let wrong = |why: &str| format!("{word}: {why}");
    let mut bytes = Vec::new();
    let mut rest = inner;
    loop {
        let Some(letter) = rest.chars().next() else {
            return Err(wrong("the closing quote is missing"));
        };
        rest = &rest[letter.len_utf8()..];
        match letter {
            '"' if rest.is_empty() => return Ok(bytes),
            '"' => return Err(wrong("there is something behind the closing quote")),
            '\\' => rest = unescape(rest, &mut bytes).ok_or_else(|| wrong(ESCAPES))?,
            letter => bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
}

const ESCAPES: &str = "escapes are \\n \\r \\t \\0 \\\\ \\\" \\' \\xff \\u{1f600}";

/// Takes what stands behind a backslash; what follows it.
fn unescape<'w>(rest: &'w str, bytes: &mut Vec<u8>) -> Option<&'w str> {
    let letter = rest.chars().next()?;
    let behind = &rest[letter.len_utf8()..];
    bytes.push(match letter {
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        '0' => 0,
        '\\' | '"' | '\'' => u8::try_from(letter).ok()?,
        'x' => {
            let (digits, behind) = behind.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            return Some(behind);
        }
        'u' => {
            let (digits, behind) = behind.strip_prefix('{')?.split_once('}')?;
            let letter = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            return Some(behind);
        }
        _ => return None,
    });
    Some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_bytes_are_shown_in_one_way_and_read_again() {
        for (key, words) in [
            (&b"user:1000"[..], "user:1000"),
            (b"{a}{b}", "{a}{b}"),
            (b"-k", "-k"),
            ("ü".as_bytes(), "ü"),
            (b"", "\"\""),
            (b"a b", "\"a b\""),
            (b"a\nb", "\"a\\nb\""),
            (b"a\\nb", "\"a\\\\nb\""),
            (b"\"a\"", "\"\\\"a\\\"\""),
            (b"it's", "\"it's\""),
            (b"\0\xff", "\"\\x00\\xff\""),
            (b"nul\0", "\"nul\\0\""),
            ("\u{202e}".as_bytes(), "\"\\u{202e}\""),
            ("\u{a0}".as_bytes(), "\"\\u{a0}\""),
        ] {
            assert_eq!(shown(key), words);
            assert_eq!(read(words).as_deref(), Ok(key), "{words}");
        }
    }

    #[test]
    fn what_is_in_quotes_and_not_as_it_should_be_is_refused() {
        for word in [
            "\"",
            "\"a",
            "\"a\"b",
            "\"\\\"",
            "\"\\xf\"",
            "\"\\xfg\"",
            "\"\\q\"",
            "\"\\u{d800}\"",
        ] {
            assert!(read(word).is_err(), "{word}");
        }
    }
}
