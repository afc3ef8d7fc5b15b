//! Audio for tests: files in `tests/audio/samples`, shared recordings, and generated audio.

use std::io::Cursor;

use ogg::PacketWriter;
use ogg::writing::PacketWriteEndInfo;
use opus_rs::{Application, OpusEncoder};

/// Reads a file of `tests/audio/samples`.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/audio/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("a sample")
}

/// Reads all files of `tests/audio/samples`, sorted by name.
pub(crate) fn samples() -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/tests/audio/samples", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("the samples").flatten();
    let mut names: Vec<String> =
        files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "make.sh");
    names.sort();
    names.into_iter().map(|name| (name.clone(), sample(&name))).collect()
}

/// Reads a shared recording; `None`, with a note on the terminal, if it is missing.
pub(crate) fn shared(name: &str) -> Option<Vec<u8>> {
    let near = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("FRONTDESK_SHARED").unwrap_or_else(|_| near.to_owned());
    let bytes = std::fs::read(format!("{shared}/data/voice/{name}")).ok();
    if bytes.is_none() {
        println!("skipped: no shared data");
    }
    bytes
}

/// Names of the shared recordings.
pub(crate) fn manifest() -> Vec<String> {
    let Some(bytes) = shared("manifest.csv") else { return Vec::new() };
    let text = String::from_utf8(bytes).expect("the manifest is text");
    text.lines().skip(1).filter_map(|line| Some(line.split_once(',')?.0.to_owned())).collect()
}

/// The audio in all of `tests/audio/samples`, at 16 kHz.
pub(crate) fn sound() -> Vec<f32> {
    let at = |sample: u16| {
        let t = f64::from(sample) / 16_000.0;
        let turn = std::f64::consts::TAU;
        let louder = 0.6 + 0.4 * (turn * 3.0 * t).sin();
        #[expect(clippy::cast_possible_truncation, reason = "it is a sample")]
        let sample = (0.5 * (turn * (300.0 * t + 500.0 * t * t)).sin() * louder) as f32;
        sample
    };
    (0..24_000).map(at).collect()
}

/// Parameters of an encoded recording.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    /// 1 or 2; the second channel is the first at half the volume.
    pub(crate) channels: u8,
    /// Bits per second.
    pub(crate) bits: i32,
    /// `OpusHead`'s gain in 1/256 dB.
    pub(crate) gain: i16,
    /// Serial number of the stream.
    pub(crate) serial: u32,
    /// First granule position.
    pub(crate) begins: u64,
}

impl Default for Encoding {
    fn default() -> Self {
        Self { channels: 1, bits: 16_000, gain: 0, serial: 7, begins: 0 }
    }
}

/// Encodes samples at 16 kHz as `WhatsApp` does: Ogg/Opus, 20 ms a packet.
pub(crate) fn opus(samples: &[f32], encoding: Encoding) -> Vec<u8> {
    let Encoding { channels, bits, gain, serial, begins } = encoding;
    let mut encoder =
        OpusEncoder::new(16_000, usize::from(channels), Application::Voip).expect("an encoder");
    encoder.bitrate_bps = bits;
    // Combined delay of encoder and decoder, at 48 kHz.
    let pre_skip: u16 = 312;
    let mut writer = PacketWriter::new(Cursor::new(Vec::new()));
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend_from_slice(&pre_skip.to_le_bytes());
    head.extend_from_slice(&16_000u32.to_le_bytes());
    head.extend_from_slice(&gain.to_le_bytes());
    head.push(0);
    writer.write_packet(head, serial, PacketWriteEndInfo::EndPage, 0).expect("memory");
    let tags = b"OpusTags\x04\0\0\0test\0\0\0\0".to_vec();
    writer.write_packet(tags, serial, PacketWriteEndInfo::EndPage, 0).expect("memory");
    let end = samples.len() as u64 * 3 + u64::from(pre_skip);
    let packets = end.div_ceil(960);
    let mut frames = samples.chunks(320);
    for packet in 1..=packets {
        let mut frame: Vec<f32> = frames.next().unwrap_or_default().to_vec();
        frame.resize(320, 0.0);
        let input = match channels {
            2 => frame.iter().flat_map(|&sample| [sample, sample * 0.5]).collect(),
            _ => frame,
        };
        let mut data = vec![0; 1500];
        let length = encoder.encode(&input, 320, &mut data).expect("a packet");
        data.truncate(length);
        let (position, mark) = match packet {
            last if last == packets => (end, PacketWriteEndInfo::EndStream),
            full if full % 50 == 0 => (packet * 960, PacketWriteEndInfo::EndPage),
            _ => (packet * 960, PacketWriteEndInfo::NormalPacket),
        };
        writer.write_packet(data, serial, mark, begins + position).expect("memory");
    }
    writer.into_inner().into_inner()
}

/// Returns the offsets of the pages of an Ogg file.
pub(crate) fn pages(file: &[u8]) -> Vec<usize> {
    (0..file.len().saturating_sub(27)).filter(|&at| file[at..].starts_with(b"OggS")).collect()
}

/// Writes the correct checksum into every page.
pub(crate) fn seal(file: &mut [u8]) {
    for at in pages(file) {
        let segments = usize::from(file[at + 26]);
        let Some(lacing) = file.get(at + 27..at + 27 + segments) else { continue };
        let body: usize = lacing.iter().map(|&length| usize::from(length)).sum();
        let Some(page) = file.get_mut(at..at + 27 + segments + body) else { continue };
        page[22..26].fill(0);
        let sum = page.iter().fold(0u32, |sum, &byte| {
            let mut sum = sum ^ (u32::from(byte) << 24);
            for _ in 0..8 {
                sum = if sum >> 31 == 1 { (sum << 1) ^ 0x04C1_1DB7 } else { sum << 1 };
            }
            sum
        });
        page[22..26].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Returns the correlation of two recordings (1 if equal) at the best lag of at most `most`
/// samples, and that lag.
pub(crate) fn similarity(left: &[f32], right: &[f32], most: usize) -> (f64, isize) {
    let at = |lag: isize| {
        let (left, right) = match usize::try_from(lag) {
            Ok(lag) => (left, right.get(lag..).unwrap_or_default()),
            Err(_) => (left.get(lag.unsigned_abs()..).unwrap_or_default(), right),
        };
        let (mut cross, mut own, mut other) = (0.0, 0.0, 0.0);
        for (&left, &right) in left.iter().zip(right) {
            let (left, right) = (f64::from(left), f64::from(right));
            cross += left * right;
            own += left * left;
            other += right * right;
        }
        if own * other > 0.0 { cross / (own * other).sqrt() } else { 0.0 }
    };
    let most = most.cast_signed();
    (-most..=most).map(|lag| (at(lag), lag)).max_by(|a, b| a.0.total_cmp(&b.0)).expect("a lag")
}
