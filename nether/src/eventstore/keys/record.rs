//! [`KeyRecord`]: an idempotency key as it is written down: a line of JSON, and behind it the body of the
//! answer as it is.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::eventstore::backend::StoreError;
use crate::idempotency::{KeyOwner, StoredAnswer};

/// An idempotency key as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyRecord {
    pub(super) head: RecordHead,
    body: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordHead {
    pub(super) fingerprint: [u8; 32],
    owner: [u8; 32],
    is_verified: bool,
    /// When it was claimed, and when its time is over: milliseconds since 1970.
    pub(super) at: u64,
    pub(super) until: u64,
    #[serde(flatten)]
    pub(super) state: RecordState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RecordState {
    Claimed(Claimant),
    Answered(AnswerHead),
}

/// The claim of a key, and the process that has made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claimant {
    /// The id of its process, which no other process has.
    pub(super) process: Uuid,
    /// The number of the claim in its process, so that no two claims are written alike.
    pub(super) claim: u64,
    /// Whether no other process could have the store open meanwhile.
    pub(super) is_alone: bool,
}

/// An answer, but for its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AnswerHead {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    has_body: bool,
}

impl KeyRecord {
    /// A key that is claimed.
    pub(super) fn claimed(
        fingerprint: [u8; 32],
        owner: KeyOwner,
        (at, until): (u64, u64),
        claimant: Claimant,
    ) -> Self {
        KeyRecord {
            head: RecordHead {
                fingerprint,
                owner: owner.hash,
                is_verified: owner.is_verified,
                at,
                until,
                state: RecordState::Claimed(claimant),
            },
            body: Vec::new(),
        }
    }

    /// The key once it is answered.
    pub(super) fn answered(mut self, answer: StoredAnswer, until: u64) -> Self {
        self.head.until = until;
        self.head.state = RecordState::Answered(AnswerHead {
            status: answer.status,
            headers: answer.headers,
            has_body: answer.body.is_some(),
        });
        self.body = answer.body.unwrap_or_default();
        self
    }

    /// From the content of its document.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if it cannot be read.
    pub(super) fn read(content: &[u8]) -> Result<Self, StoreError> {
        let end = content.iter().position(|byte| *byte == b'\n');
        let (head, body) = content.split_at(end.unwrap_or(content.len()));
        let head = serde_json::from_slice(head).map_err(|error| StoreError::Codec {
            what: "an idempotency key cannot be read".to_owned(),
            reason: error.to_string(),
        })?;
        let body = body.get(1..).unwrap_or_default().to_vec();
        Ok(KeyRecord { head, body })
    }

    /// The content of its document.
    pub(super) fn written(&self) -> Vec<u8> {
        let mut content =
            serde_json::to_vec(&self.head).expect("it is made of numbers, texts and lists");
        content.push(b'\n');
        content.extend_from_slice(&self.body);
        content
    }

    pub(super) fn owner(&self) -> KeyOwner {
        KeyOwner {
            hash: self.head.owner,
            is_verified: self.head.is_verified,
        }
    }

    /// The answer, if it has one.
    pub(super) fn answer(self) -> Option<StoredAnswer> {
        let RecordState::Answered(answer) = self.head.state else {
            return None;
        };
        Some(StoredAnswer {
            status: answer.status,
            headers: answer.headers,
            body: answer.has_body.then_some(self.body),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Claimant, KeyRecord};
    use crate::idempotency::{KeyOwner, StoredAnswer};

    #[test]
    fn what_is_written_is_read_again() {
        let claimant = Claimant {
            process: Uuid::from_u128(7),
            claim: 2,
            is_alone: true,
        };
        let owner = KeyOwner {
            hash: [3; 32],
            is_verified: true,
        };
        let claimed = KeyRecord::claimed([9; 32], owner, (5, 6), claimant);
        assert_eq!(KeyRecord::read(&claimed.written()).unwrap(), claimed);
        assert_eq!(claimed.owner(), owner);
        for body in [None, Some(Vec::new()), Some(b"{}\n\n\xff".to_vec())] {
            let answer = StoredAnswer {
                status: 201,
                headers: vec![("etag".to_owned(), b"\xff".to_vec())],
                body,
            };
            let answered = claimed.clone().answered(answer.clone(), 8);
            let read = KeyRecord::read(&answered.written()).unwrap();
            assert_eq!(read, answered);
            assert_eq!(read.answer(), Some(answer));
        }
        assert!(KeyRecord::read(b"nonsense").is_err());
    }
}
