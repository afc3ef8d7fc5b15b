//! Tests of decoding every format: correct length, signal and error.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fixtures::{Encoding, opus, sample, seal, shared, similarity, sound};
use frontdesk_audio::{DecodeSummary, Error, Kind, Limits, Longer, RATE};

mod fixtures;
mod dice;
mod fuzz;
mod heap;

#[global_allocator]
static HEAP: heap::CountingAllocator = heap::CountingAllocator;

const HOUR: Duration = Duration::from_hours(1);

/// Decodes all of it.
fn decode(bytes: &[u8]) -> Result<(Vec<f32>, DecodeSummary), Error> {
    let mut samples = Vec::new();
    let decoded = frontdesk_audio::decode(bytes, &Limits::refuse_beyond(HOUR), |block| {
        assert!(block.len() <= frontdesk_audio::BLOCK);
        samples.extend_from_slice(block);
        ControlFlow::Continue(())
    })?;
    assert!((seconds(samples.len()) - decoded.seconds).abs() < 1e-9);
    Ok((samples, decoded))
}

#[expect(clippy::cast_precision_loss, reason = "there are few")]
fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(RATE)
}

/// Reads the samples of a 16-bit mono WAV file at 16 kHz.
fn plain(wav: &[u8]) -> Vec<f32> {
    let data = wav.windows(4).position(|window| window == b"data").expect("data") + 8;
    let samples = wav[data..].as_chunks::<2>().0.iter();
    samples.map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0).collect()
}

/// Replaces bytes of a file with others of the same length.
fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = file.windows(from.len()).position(|window| window == from).expect("it is there");
    file[at..at + to.len()].copy_from_slice(to);
    file
}

#[test]
fn every_recording_has_the_right_length_and_signal() {
    let mut compared = 0;
    for name in fixtures::manifest() {
        let bytes = shared(&name).expect("it is in the manifest");
        let (samples, decoded) = decode(&bytes).expect("it is a sound");
        assert!(!decoded.cut, "{name}");
        let said =
            frontdesk_audio::probe(&bytes).expect("it is a sound").seconds.expect("it is told");
        assert!((said - decoded.seconds).abs() < 0.02, "{name}: {said} {decoded:?}");
        let original = match name.strip_prefix("derived-ogg-opus/") {
            Some(derived) => derived.replacen('_', "/", usize::from(derived.contains('_'))),
            None if name.starts_with("coqui/LDC") => "coqui/LDC93S1.wav".to_owned(),
            None => name.replace(".flac", ".wav"),
        };
        let original = plain(&shared(&original.replace(".ogg", ".wav")).expect("the original"));
        assert!((seconds(original.len()) - decoded.seconds).abs() < 0.02, "{name}");
        let (alike, lag) = similarity(&above(&original), &above(&samples), 40);
        println!("{name}: {alike:.4} at {lag}");
        if name != "leopard/empty.wav" {
            // Recordings at 8 kHz lack the upper half of the spectrum.
            let narrow = ["coqui/LDC93S1.ogg", "coqui/LDC93S1_8k.wav"].contains(&name.as_str());
            // 16 kbit/s cannot preserve the waveform of a noisy recording; C libopus gives the same
            // samples.
            let least = match () {
                () if narrow => 0.95,
                () if name.starts_with("derived") => 0.8,
                () => 0.99,
            };
            assert!(alike > least && lag.abs() < 32, "{name}: {alike} at {lag}");
        }
        compared += 1;
    }
    assert!(compared == 0 || compared == 28);
}

/// High-pass filter at about 150 Hz, because speech encoders remove rumble.
fn above(samples: &[f32]) -> Vec<f32> {
    let (mut last, mut left) = (0.0, 0.0);
    let step = |&sample: &f32| {
        left = 0.94 * (left + sample - last);
        last = sample;
        left
    };
    samples.iter().map(step).collect()
}

#[test]
fn every_format_has_the_right_length_and_signal() {
    let expected = sound();
    for (name, bytes) in fixtures::samples() {
        if name == "mute.mp4" {
            continue;
        }
        let (samples, decoded) = decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        // Without a container the encoder's padding is unknown; ADPCM fills its last block.
        let long = ["lc.aac", "fragments.mp4", "ima.wav", "ms.wav"].contains(&name.as_str());
        let (early, late) = (1.48, if long { 1.67 } else { 1.52 });
        assert!((early..late).contains(&decoded.seconds), "{name}: {decoded:?}");
        assert!(!decoded.cut, "{name}");
        let (alike, lag) = similarity(&expected, &samples, if long { 600 } else { 40 });
        println!("{name}: {alike:.4} at {lag}, {decoded:?}");
        assert!(alike > 0.96, "{name}: {alike} at {lag}");
        assert!(long || lag.abs() < 32, "{name}: {lag}");
        let probe = frontdesk_audio::probe(&bytes).expect("it is a sound");
        assert_eq!(probe.kind, decoded.kind);
        assert!(probe.seconds.is_none_or(|said| (said - decoded.seconds).abs() < 0.02), "{name}");
    }
}

#[test]
fn a_file_is_what_its_bytes_say() {
    let not = |bytes: &[u8]| match decode(bytes) {
        Err(Error::NotSound { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(not(b"\xFF\xD8\xFF\xE0\0\x10JFIF"), "a JPEG picture");
    assert_eq!(not(b"\x89PNG\r\n\x1A\n"), "a PNG picture");
    assert_eq!(not(b"RIFF\x10\0\0\0WEBPVP8 "), "a WebP picture");
    assert_eq!(not(b"\0\0\0\x18ftypheic\0\0\0\0"), "a HEIF picture");
    assert_eq!(not(b"<!DOCTYPE html><title>404</title>"), "a web page");
    assert_eq!(not(b"<?xml version='1.0'?><Error/>"), "an XML document");
    assert_eq!(not(br#"{"error":{"code":190}}"#), "a JSON document");
    assert_eq!(not("Olá, tudo bem?".as_bytes()), "a text");
    assert_eq!(not(&[0; 5000]), "a file of zeros");
    assert_eq!(not(&[0x80; 5000]), "a file of an unknown format");
    assert_eq!(not(&sample("mute.mp4")), "a video without sound");
    assert_eq!(decode(b"").unwrap_err(), Error::Empty);
    let error = decode(b"\xFF\xD8\xFF\xE0").unwrap_err();
    assert_eq!(error.to_string(), "this is a JPEG picture, not a sound");
}

#[test]
fn what_is_not_decoded_is_named() {
    let refused = |bytes: &[u8]| match decode(bytes) {
        Err(error @ Error::Unsupported { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let amr = refused(b"#!AMR\n\x3C\x91\x17\x16\xBE\x66");
    assert_eq!(
        amr,
        "AMR (an old telephone's recording) cannot be decoded here: a transcription endpoint may take the file as it is"
    );
    assert!(refused(b"#!AMR-WB\n\x44").starts_with("AMR-WB"));
    assert_eq!(refused(&replaced(&sample("lc.3gp"), b"mp4a", b"samr")), amr);
    assert!(refused(b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9").starts_with("Windows Media"));
    let note = opus(&sound(), Encoding::default());
    let mut many = replaced(&note, b"OpusHead\x01\x01", b"OpusHead\x01\x06");
    let family = many.windows(8).position(|window| window == b"OpusHead").expect("a head") + 18;
    many[family] = 1;
    seal(&mut many);
    assert!(matches!(decode(&many), Err(Error::Damaged { .. } | Error::Unsupported { .. })));
}

#[test]
fn tags_before_an_mp3_are_skipped() {
    // A picture of 2 MB, full of apparent frames.
    let mut tagged = b"ID3\x04\0\0\0\x7A\x12\0".to_vec();
    tagged.extend(std::iter::repeat_n([0xFF, 0xFB, 0x90, 0], 600_000).flatten());
    tagged.truncate(10 + (0x7A << 14 | 0x12 << 7));
    tagged.extend(sample("cbr.mp3"));
    let (samples, decoded) = decode(&tagged).expect("it is a sound");
    assert_eq!((decoded.kind, samples.len()), (Kind::Mp3, 24_000));
}

#[test]
fn both_channels_of_a_stereo_note_are_heard() {
    let encoding = Encoding { channels: 2, bits: 40_000, ..Encoding::default() };
    let (samples, _) = decode(&opus(&sound(), encoding)).expect("it is a sound");
    assert_eq!(samples.len(), 24_000);
    assert!(similarity(&sound(), &samples, 60).0 > 0.98);
    // The second channel is half as loud.
    let ratio = loudness(&samples) / loudness(&sound());
    assert!((0.6..0.9).contains(&ratio), "{ratio}");
}

fn loudness(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>().sqrt()
}

#[test]
fn the_gain_of_the_head_is_applied() {
    let loud = |gain| {
        let encoding = Encoding { gain, ..Encoding::default() };
        loudness(&decode(&opus(&sound(), encoding)).expect("a sound").0)
    };
    let ratio = loud(-6 * 256) / loud(0);
    assert!((ratio - 0.501).abs() < 0.01, "{ratio}");
    assert!(loud(i16::MAX).is_finite());
}

#[test]
fn a_chain_is_one_recording() {
    let mut chain = opus(&sound(), Encoding::default());
    let encoding = Encoding { channels: 2, serial: 8, bits: 40_000, ..Encoding::default() };
    chain.extend(opus(&sound(), encoding));
    // The same serial number again.
    chain.extend(opus(&sound(), Encoding::default()));
    let (samples, decoded) = decode(&chain).expect("it is a sound");
    assert_eq!((samples.len(), decoded.cut), (72_000, false));
    assert_eq!(frontdesk_audio::probe(&chain).expect("a sound").seconds, Some(4.5));
    for part in samples.chunks(24_000) {
        assert!(similarity(&sound(), part, 60).0 > 0.97);
    }
}

#[test]
fn a_recording_may_begin_late() {
    let late = Encoding { begins: 48_000 * 3600, ..Encoding::default() };
    assert_eq!(decode(&opus(&sound(), late)).expect("a sound").0.len(), 24_000);
}

#[test]
fn a_cut_note_still_has_words() {
    let long: Vec<f32> = sound().repeat(4);
    let note = opus(&long, Encoding::default());
    for part in [2, 3, 5, 9] {
        let (samples, decoded) = decode(&note[..note.len() - note.len() / part]).expect("a sound");
        assert!(decoded.cut);
        let least = 96_000 - 96_000 / part - 8000;
        assert!(samples.len() > least, "{} of {part}", samples.len());
        let alike = similarity(&long, &samples, 4);
        assert!(alike.0 > 0.95, "{alike:?} of {part}");
    }
    for name in ["cbr.mp3", "lc.aac", "a.flac", "alaw.wav", "flac.ogg", "opus.webm", "video.mov"] {
        let file = sample(name);
        let decoded = decode(&file[..file.len() * 3 / 4]);
        // The index of a video is at the end.
        match decoded {
            Ok((samples, decoded)) => {
                assert!(decoded.cut, "{name}: {decoded:?}");
                assert!(samples.len() > 12_000, "{name}: {}", samples.len());
            }
            Err(error) => assert_eq!((name, error), ("video.mov", Error::Damaged { what: "MP4" })),
        }
    }
}

#[test]
fn a_hole_is_filled_and_told() {
    let note = opus(&sound().repeat(4), Encoding::default());
    let pages = fixtures::pages(&note);
    let mut lost = note[..pages[3]].to_vec();
    lost.extend_from_slice(&note[pages[4]..]);
    let mut flipped = note.clone();
    flipped[pages[3] + 200] ^= 1;
    for damaged in [lost, flipped] {
        let (samples, decoded) = decode(&damaged).expect("a sound");
        assert!(decoded.cut);
        assert_eq!(samples.len(), 96_000);
        let tail = 64_000..;
        assert!(similarity(&sound().repeat(4)[tail.clone()], &samples[tail], 60).0 > 0.95);
    }
}

#[test]
fn heads_that_lie_do_no_harm() {
    let note = opus(&sound(), Encoding::default());
    let head = note.windows(8).position(|window| window == b"OpusHead").expect("a head");
    for (at, bytes) in [
        (9, &[0][..]),
        (9, &[255]),
        (8, &[255]),
        (10, &[255, 255]),
        (12, &[0, 0, 0, 0]),
        (12, &[255, 255, 255, 255]),
        (16, &[255, 127]),
        (16, &[0, 128]),
        (18, &[1]),
        (18, &[255]),
    ] {
        let mut file = note.clone();
        file[head + at..head + at + bytes.len()].copy_from_slice(bytes);
        seal(&mut file);
        match decode(&file) {
            Ok((samples, _)) => assert!(samples.len() <= 24_200),
            Err(error) => assert!(!matches!(error, Error::NotSound { .. }), "{error}"),
        }
    }
    // Positions that go back to nothing, are negative or out of range, in every page.
    for granule in [0, 1, u64::MAX, u64::MAX - 1, i64::MAX as u64, 1 << 60, 48_000] {
        for page in fixtures::pages(&note) {
            let mut file = note.clone();
            file[page + 6..page + 14].copy_from_slice(&granule.to_le_bytes());
            seal(&mut file);
            let (samples, _) = decode(&file).expect("there is a sound in it");
            assert!((15_000..24_700).contains(&samples.len()), "{granule}: {}", samples.len());
        }
    }
}

#[test]
fn waves_that_lie_do_no_harm() {
    dice::hush();
    let wav = frontdesk_audio::wav::write(&sound());
    for (at, bytes) in [
        (22, &[0, 0][..]),
        (22, &[255, 255]),
        (24, &[0, 0, 0, 0]),
        (24, &[255, 255, 255, 255]),
        (24, &[1, 0, 0, 0]),
        // 191,999 Hz has no common divisor with 16 kHz.
        (24, &[255, 237, 2, 0]),
        (32, &[0, 0]),
        (34, &[0, 0]),
        (34, &[255, 255]),
        (40, &[255, 255, 255, 255]),
        (40, &[0, 0, 0, 0]),
        (16, &[255, 255, 255, 255]),
        (4, &[0, 0, 0, 0]),
    ] {
        let mut file = wav.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        let (peak, result) = heap::peak(|| decode(&file));
        println!("{at}: {peak}");
        assert!(peak < 48 << 20, "{at}: {peak}");
        if let Ok((samples, _)) = result {
            assert!(samples.len() <= 48_000 * 4, "{at}: {}", samples.len());
        }
    }
}

#[test]
fn a_long_note_is_refused_at_once_or_decoded_in_little_memory() {
    let part = opus(&sound().repeat(400), Encoding { bits: 6000, ..Encoding::default() });
    let note = part.repeat(18);
    let start = Instant::now();
    let refused = frontdesk_audio::decode(&note, &Limits::refuse_beyond(HOUR), |_| {
        panic!("nothing is given")
    });
    assert_eq!(refused, Err(Error::TooLong { seconds: 10_800, limit: 3600 }));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let limits = Limits { longer: Longer::Stop, ..Limits::refuse_beyond(HOUR) };
    let (peak, decoded) =
        heap::peak(|| frontdesk_audio::decode(&note, &limits, |_| ControlFlow::Continue(())));
    let decoded = decoded.expect("a sound");
    assert_eq!((decoded.seconds, decoded.stopped, decoded.cut), (3600.0, true, false));
    assert!(peak < 2 << 20, "{peak}");
}

#[test]
fn the_limit_holds_where_no_header_tells_the_length() {
    let second = Duration::from_secs(1);
    let file = sample("fragments.mp4");
    assert_eq!(frontdesk_audio::probe(&file).expect("a sound").seconds, None);
    let refused = frontdesk_audio::samples(&file, &Limits::refuse_beyond(second));
    assert_eq!(refused, Err(Error::TooLong { seconds: 2, limit: 1 }));
    let limits = Limits { longer: Longer::Stop, ..Limits::refuse_beyond(second) };
    assert_eq!(frontdesk_audio::samples(&file, &limits).expect("a sound").len(), 16_000);
    assert_eq!(
        frontdesk_audio::samples(&sample("lc.m4a"), &limits).expect("a sound").len(),
        16_000
    );
}

#[test]
fn decoding_can_be_broken_off() {
    let asked = AtomicUsize::new(0);
    let cancelled = || asked.fetch_add(1, Ordering::Relaxed) > 20;
    let limits = Limits { cancelled: Some(&cancelled), ..Limits::refuse_beyond(HOUR) };
    for file in [opus(&sound(), Encoding::default()), sample("cbr.mp3")] {
        asked.store(0, Ordering::Relaxed);
        assert_eq!(frontdesk_audio::samples(&file, &limits), Err(Error::Cancelled));
    }
    let enough = frontdesk_audio::decode(&sample("a.flac"), &Limits::refuse_beyond(HOUR), |_| {
        ControlFlow::Break(())
    });
    assert!(enough.is_ok_and(|decoded| decoded.stopped));
}

#[test]
fn what_is_written_is_read_again() {
    let (samples, _) = decode(&frontdesk_audio::wav::write(&sound())).expect("a sound");
    assert_eq!(samples.len(), 24_000);
    let furthest = samples.iter().zip(sound()).map(|(read, wrote)| (read - wrote).abs());
    assert!(furthest.fold(0.0, f32::max) < 1.0 / 32_000.0);
    assert_eq!(decode(&frontdesk_audio::wav::write(&[])), Err(Error::Empty));
}

/// Runs for a few seconds, or `FRONTDESK_FUZZ_SECONDS`.
#[test]
fn damaged_recordings_do_no_harm() {
    let set = std::env::var("FRONTDESK_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let mut files: Vec<Vec<u8>> = fixtures::samples().into_iter().map(|(_, file)| file).collect();
    files.extend(fixtures::manifest().iter().filter_map(|name| shared(name)));
    let report = fuzz::run(&files, 1, Duration::from_secs(set.unwrap_or(3)));
    println!("{report:?}");
    assert_eq!(report.escaped, 0);
    assert!(report.inputs > 10 && report.decoded > 0);
    assert!(report.peak.0 < 64 << 20);
    assert!(report.slowest.0 < Duration::from_secs(30));
}
