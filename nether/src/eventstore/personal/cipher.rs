//! Encrypts and decrypts one value: XChaCha20-Poly1305, whose nonces are long enough to be drawn at random.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::eventstore::backend::StoreError;
use crate::eventstore::personal::keys::SubjectKey;
use crate::eventstore::personal::random::fill;

const NONCE: usize = 24;

/// The nonce, and the value encrypted. It belongs to the subject, whose name is authenticated with it.
pub(super) fn encrypt(
    key: &SubjectKey,
    subject: &str,
    value: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut sealed = vec![0; NONCE];
    fill(&mut sealed)?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(key.as_bytes()));
    let of_subject = Payload {
        msg: value,
        aad: subject.as_bytes(),
    };
    let encrypted = cipher.encrypt(XNonce::from_slice(&sealed), of_subject);
    let encrypted = encrypted.map_err(|_| StoreError::Codec {
        what: format!("a personal value of `{subject}` cannot be stored"),
        reason: "it is too long to be encrypted".to_owned(),
    })?;
    sealed.extend(encrypted);
    Ok(sealed)
}

/// The value.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is not one of that subject, encrypted with that key.
pub(super) fn decrypt(
    key: &SubjectKey,
    subject: &str,
    sealed: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let decrypted = sealed.split_at_checked(NONCE).and_then(|(nonce, sealed)| {
        let cipher = XChaCha20Poly1305::new(Key::from_slice(key.as_bytes()));
        let of_subject = Payload {
            msg: sealed,
            aad: subject.as_bytes(),
        };
        cipher.decrypt(XNonce::from_slice(nonce), of_subject).ok()
    });
    decrypted.ok_or_else(|| StoreError::Corrupt {
        reason: format!(
            "a personal value of `{subject}` cannot be decrypted with the key of `{subject}`: the value, or the key, is not what was stored"
        ),
        readable_up_to: None,
    })
}

#[cfg(test)]
mod tests {
    use super::{decrypt, encrypt};
    use crate::eventstore::personal::SubjectKey;

    #[test]
    fn a_value_is_decrypted_with_its_key_and_subject_alone() {
        let key = SubjectKey::random().unwrap();
        let sealed = encrypt(&key, "42", b"Ann").unwrap();
        assert_eq!(decrypt(&key, "42", &sealed).unwrap(), b"Ann");
        assert_ne!(encrypt(&key, "42", b"Ann").unwrap(), sealed);
        decrypt(&key, "43", &sealed).unwrap_err();
        decrypt(&SubjectKey::random().unwrap(), "42", &sealed).unwrap_err();
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            decrypt(&key, "42", &damaged).unwrap_err();
            decrypt(&key, "42", &sealed[..index]).unwrap_err();
        }
        assert!(!format!("{key:?}").contains(char::is_numeric));
    }
}
