//! [`SentFrames`]: where the bytes that a web socket sends stand between its frames (RFC 6455, section 5.2).

/// The most bytes of the head of a frame.
const LONGEST: usize = 14;

/// The kind of a frame that says that no other one comes.
const CLOSE: u8 = 8;

/// Where in the frames of a web socket the last byte stands that was sent.
#[derive(Debug, Default)]
pub(crate) struct SentFrames {
    place: FramePlace,
    /// Whether another frame goes on with the last message.
    is_fragmented: bool,
    is_closed: bool,
}

#[derive(Debug, Clone, Copy)]
enum FramePlace {
    /// In the head of the answer that the frames come behind: so many bytes of its end have come.
    Http(u8),
    /// In the head of a frame, of which so many bytes have come; or between two frames.
    Head([u8; LONGEST], usize),
    /// In a frame of which so many bytes are still to come.
    Payload(u64),
}

impl Default for FramePlace {
    fn default() -> Self {
        FramePlace::Http(0)
    }
}

impl SentFrames {
    /// Whether another message may begin.
    pub(crate) fn is_between(&self) -> bool {
        !self.is_fragmented && matches!(self.place, FramePlace::Head(_, 0))
    }

    /// Whether the last frame was sent.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Takes note of bytes that were sent.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            match self.place {
                FramePlace::Payload(left) => {
                    let passed = left.min(bytes.len() as u64);
                    bytes = &bytes[passed as usize..];
                    self.place = within(left - passed);
                    continue;
                }
                FramePlace::Http(come) => self.place = in_http(come, *byte),
                FramePlace::Head(mut head, come) => {
                    head[come] = *byte;
                    self.place = match length(&head[..=come]) {
                        None => FramePlace::Head(head, come + 1),
                        Some(length) => {
                            self.begin(head[0]);
                            within(length)
                        }
                    };
                }
            }
            bytes = rest;
        }
    }

    /// Takes note of a frame, by its first byte.
    fn begin(&mut self, first: u8) {
        let (kind, is_last) = (first & 0xf, first & 0x80 != 0);
        self.is_closed |= kind == CLOSE;
        // Control frames may stand between those of a message.
        if kind < CLOSE {
            self.is_fragmented = !is_last;
        }
    }
}

/// Before so many bytes of a frame.
fn within(left: u64) -> FramePlace {
    match left {
        0 => FramePlace::Head([0; LONGEST], 0),
        left => FramePlace::Payload(left),
    }
}

/// Behind one more byte of the head of an answer, which ends with an empty line.
fn in_http(come: u8, byte: u8) -> FramePlace {
    match (byte, come) {
        (b'\n', 3) => within(0),
        (b'\r', 0 | 2) | (b'\n', 1) => FramePlace::Http(come + 1),
        (b'\r', _) => FramePlace::Http(1),
        _ => FramePlace::Http(0),
    }
}

/// How many bytes come behind the head of a frame, if that is complete.
fn length(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let (short, is_masked) = (second & 0x7f, second & 0x80 != 0);
    let extended = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let masked = if is_masked { 4 } else { 0 };
    if head.len() < 2 + extended + masked {
        return None;
    }
    let number = head[2..2 + extended].iter();
    let number = number.fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some(if extended == 0 { short.into() } else { number })
}

#[cfg(test)]
mod tests {
    use super::SentFrames;

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\r\n\r\n";

    #[test]
    fn frames_end_where_their_length_says() {
        let long = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[0; 65536]].concat();
        let medium = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
        for frame in [
            &b"\x81\x02hi"[..],
            b"\x89\x00",
            b"\x81\x82mask\0\0",
            &medium,
            &long,
        ] {
            let mut sent = SentFrames::default();
            sent.pass(HEAD);
            for _ in 0..2 {
                assert!(sent.is_between());
                let (begin, end) = frame.split_at(frame.len() - 1);
                for part in begin.chunks(300) {
                    sent.pass(part);
                    assert!(!sent.is_between(), "{:?}", &frame[..2]);
                }
                sent.pass(end);
            }
            assert!(sent.is_between() && !sent.is_closed());
            sent.pass(&[frame, b"\x88\x02\x03\xe8"].concat());
            assert!(sent.is_between() && sent.is_closed());
        }
    }

    #[test]
    fn a_message_ends_with_its_last_frame() {
        let mut sent = SentFrames::default();
        sent.pass(HEAD);
        sent.pass(b"\x01\x01a");
        assert!(!sent.is_between());
        sent.pass(b"\x89\x00");
        assert!(!sent.is_between(), "a ping is in the message");
        sent.pass(b"\x80\x01b");
        assert!(sent.is_between());
    }

    #[test]
    fn nothing_is_a_frame_before_the_answer_has_ended() {
        let mut sent = SentFrames::default();
        for byte in &HEAD[..HEAD.len() - 1] {
            sent.pass(&[*byte]);
            assert!(!sent.is_between());
        }
        sent.pass(b"\n");
        assert!(sent.is_between());
    }
}
