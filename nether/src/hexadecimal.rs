//! [`hexadecimal`]: bytes as text, and [`from_hexadecimal`]: the bytes again.

/// Two digits for each byte, in lower case.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a text of two digits for each; `None` if it is none.
#[cfg(any(feature = "eventstore", test))]
pub(crate) fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let byte = |&[high, low]: &[u8; 2]| u8::try_from(digit(high)? * 16 + digit(low)?).ok();
    pairs.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::{from_hexadecimal, hexadecimal};

    #[test]
    fn each_byte_has_two_digits() {
        assert_eq!(hexadecimal(&[0, 0x0a, 0xff]), "000aff");
        assert_eq!(hexadecimal(&[]), "");
        assert_eq!(from_hexadecimal("000aff"), Some(vec![0, 0x0a, 0xff]));
        assert_eq!(from_hexadecimal(""), Some(Vec::new()));
        for text in ["0", "0g", "000", "ä"] {
            assert_eq!(from_hexadecimal(text), None, "{text}");
        }
    }
}
