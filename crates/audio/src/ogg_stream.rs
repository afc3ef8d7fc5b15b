//! Reads Ogg/Opus recordings: assembles packets from pages, follows chained streams, fills holes,
//! and trims both ends (RFC 7845). The length is the sum of the packets; granule positions only
//! show holes and the end.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::Error;
use super::ogg::{Page, Pages, Piece};
use super::opus::{CLOCK, Decoder, Head, MAX_SIZE, duration};
use super::sample_sink::{SampleSink, Stop};
use super::{Kind, RATE};

/// Maximum chained streams in one file.
const MAX_STREAMS: usize = 1000;
/// Maximum audio concealed for one hole, in samples of the clock: one second.
const MAX_CONCEALED_SAMPLES: i64 = CLOCK as i64;

/// A packet and its duration, in samples of the clock.
type TimedPacket<'a> = (Cow<'a, [u8]>, u32);

/// Next element of a recording. All numbers are samples of the clock.
pub(super) enum Item<'a> {
    /// A stream starts.
    Head(Head),
    /// Packets are missing.
    Lost(u32),
    /// A valid packet, and its audible part.
    Packet { data: Cow<'a, [u8]>, skip: u32, keep: u32 },
}

/// Iterates over the recordings of a file.
pub(super) struct Items<'a> {
    pages: Pages<'a>,
    queue: VecDeque<Item<'a>>,
    stream: Option<OggStream>,
    streams: usize,
    /// Part of the file is missing.
    pub(super) cut: bool,
}

/// The current logical stream.
struct OggStream {
    serial: u32,
    pre_skip: i64,
    /// Expected sequence number of the next page.
    next: u32,
    /// Start of a packet that continues in the next page; `None` while the rest of a lost one is
    /// skipped.
    partial: Option<Vec<u8>>,
    /// Complete packets, including the head.
    packets: u64,
    /// Samples so far, including the pre-skip.
    at: i64,
    /// Granule position of the first sample, known after the first page with audio.
    base: Option<i64>,
    /// Data was lost since the last page with a position.
    holed: bool,
    ended: bool,
}

impl<'a> Items<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let pages = Pages::of(bytes);
        Self { pages, queue: VecDeque::new(), stream: None, streams: 0, cut: false }
    }

    /// Reads a page. Fails if the head of a recording is not valid.
    fn read(&mut self, page: &Page<'a>) -> Result<(), Error> {
        if page.first() {
            return self.begin(page);
        }
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.serial == page.serial)
        else {
            return Ok(());
        };
        if page.number != stream.next || std::mem::take(&mut self.pages.holed) {
            stream.holed = true;
            self.cut = true;
            stream.partial = None;
        }
        stream.next = page.number.wrapping_add(1);
        if !page.continues() {
            stream.partial = Some(Vec::new());
        }
        let (packets, whole) = stream.packets(page);
        self.cut |= !whole || page.cut;
        let length = packets.iter().map(|(_, length)| i64::from(*length)).sum();
        let (lost, end) = stream.place(page, length);
        if let Some(lost) = lost {
            stream.at += i64::from(lost);
            self.queue.push_back(Item::Lost(lost));
        }
        for (data, length) in packets {
            let length = i64::from(length);
            let skip = (stream.pre_skip - stream.at).clamp(0, length);
            let keep = (end - stream.at).clamp(skip, length) - skip;
            stream.at += length;
            if let (Ok(skip), Ok(keep)) = (u32::try_from(skip), u32::try_from(keep)) {
                self.queue.push_back(Item::Packet { data, skip, keep });
            }
        }
        stream.ended |= page.last();
        Ok(())
    }

    /// Reads the first page of a stream. Ignores other streams, such as video, beside an Opus
    /// stream.
    fn begin(&mut self, page: &Page<'a>) -> Result<(), Error> {
        let busy = self.stream.as_ref().is_some_and(|stream| stream.packets < 2);
        let Some(head) = page.pieces().next().filter(|piece| piece.data.starts_with(b"OpusHead"))
        else {
            return Ok(());
        };
        if busy {
            return Ok(());
        }
        self.cut |= self.pages.holed && self.streams > 0;
        self.pages.holed = false;
        let head = Head::read(head.data)?;
        self.streams += 1;
        self.stream = Some(OggStream {
            serial: page.serial,
            pre_skip: i64::from(head.pre_skip),
            next: page.number.wrapping_add(1),
            partial: Some(Vec::new()),
            packets: 1,
            at: 0,
            base: None,
            holed: false,
            ended: false,
        });
        self.queue.push_back(Item::Head(head));
        Ok(())
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Some(Ok(item));
            }
            let page = self.pages.next().filter(|_| self.streams <= MAX_STREAMS);
            let Some(page) = page else {
                self.cut |=
                    self.streams > MAX_STREAMS || self.stream.as_ref().is_some_and(|it| !it.ended);
                return None;
            };
            if let Err(error) = self.read(&page) {
                // A later recording that cannot be decoded does not affect earlier ones.
                if self.streams == 0 {
                    return Some(Err(error));
                }
                (self.cut, self.stream) = (true, None);
            }
        }
    }
}

impl OggStream {
    /// Returns the audio packets that end in a page, with their durations, and whether all of them
    /// are valid.
    fn packets<'a>(&mut self, page: &Page<'a>) -> (Vec<TimedPacket<'a>>, bool) {
        let (mut packets, mut whole) = (Vec::new(), true);
        for piece in page.pieces() {
            let Some(data) = self.join(piece) else { continue };
            self.packets += 1;
            let tags = self.packets == 2 && data.starts_with(b"OpusTags");
            if tags || data.is_empty() {
                continue;
            }
            match duration(&data).filter(|_| data.len() <= MAX_SIZE) {
                Some(length) => packets.push((data, length)),
                None => whole = false,
            }
        }
        (packets, whole)
    }

    /// Joins the pieces of a packet; returns it when it is complete.
    fn join<'a>(&mut self, piece: Piece<'a>) -> Option<Cow<'a, [u8]>> {
        let Some(partial) = self.partial.as_mut() else {
            // The rest of a packet whose start is lost.
            if piece.ends {
                self.partial = Some(Vec::new());
            }
            return None;
        };
        if piece.ends && partial.is_empty() {
            return Some(Cow::Borrowed(piece.data));
        }
        // Cover art in the tags is larger than any audio packet: keep only its start.
        if partial.len() <= MAX_SIZE {
            partial.extend_from_slice(piece.data);
        }
        piece.ends.then(|| Cow::Owned(std::mem::take(partial)))
    }

    /// Compares a page's position with the samples so far. Returns how many are missing before it,
    /// and where the audio ends.
    fn place(&mut self, page: &Page<'_>, length: i64) -> (Option<u32>, i64) {
        let unknown = (None, i64::MAX);
        let Some(granule) = page.granule else { return unknown };
        if length == 0 && !page.last() {
            return unknown;
        }
        let first = self.base.is_none();
        let mut base = self.base.unwrap_or_else(|| (granule - length).max(0));
        let mut lost = None;
        if std::mem::take(&mut self.holed) && !first && !page.last() {
            let missing = granule - base - self.at - length;
            lost = u32::try_from(missing.min(MAX_CONCEALED_SAMPLES)).ok().filter(|&lost| lost > 0);
            base = granule - length - self.at - lost.map_or(0, i64::from);
        }
        self.base = Some(base);
        let end = granule - base;
        // A position that goes back, or leaves no audio, is invalid.
        let believed = page.last() && end >= self.at && end > self.pre_skip;
        (lost, if believed { end } else { i64::MAX })
    }
}

/// Returns the first head of a file, and its audible length in seconds.
pub(super) fn measure(bytes: &[u8]) -> Result<(Head, f64), Error> {
    let (mut head, mut samples) = (None, 0u64);
    for item in Items::of(bytes) {
        match item? {
            Item::Head(found) => head = head.or(Some(found)),
            Item::Lost(lost) => samples += u64::from(lost),
            Item::Packet { keep, .. } => samples += u64::from(keep),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "52 bits are thousands of years")]
    let seconds = samples as f64 / f64::from(CLOCK);
    Ok((head.ok_or(Error::Damaged { what: Kind::Opus.name() })?, seconds))
}

/// Decodes a file.
pub(super) fn play(bytes: &[u8], sink: &mut SampleSink<'_>) -> Result<(), Stop> {
    let mut items = Items::of(bytes);
    let (mut decoder, mut mono) = (None, Vec::new());
    for item in items.by_ref() {
        sink.check()?;
        match (item?, decoder.as_mut()) {
            (Item::Head(head), _) => decoder = Some(Decoder::new(head)),
            (Item::Lost(lost), Some(decoder)) => {
                decoder.conceal(at_rate(lost), &mut mono);
                sink.push(&mono)?;
            }
            (Item::Packet { data, skip, keep }, Some(decoder)) => {
                sink.cut |= !decoder.decode(&data, &mut mono);
                let heard = at_rate(skip)..at_rate(skip + keep);
                sink.push(mono.get(heard).unwrap_or_default())?;
            }
            (_, None) => {}
        }
    }
    sink.cut |= items.cut;
    Ok(())
}

/// Converts samples of the clock to samples at [`RATE`].
fn at_rate(samples: u32) -> usize {
    (samples * (RATE / 1000) / (CLOCK / 1000)) as usize
}
