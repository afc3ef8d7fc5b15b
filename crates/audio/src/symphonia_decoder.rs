//! Decodes all formats except Ogg/Opus with symphonia, and passes Opus in other containers to
//! `opus`. A panic in symphonia ends the file.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Failure;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{
    MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource,
};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::resample::Resampler;
use super::sample_sink::{SampleSink, Stop};
use super::{Error, Kind, RATE, aac, edits, opus, sniff};

/// Maximum chained streams in one file.
const MAX_STREAMS: usize = 1000;
/// Maximum channels; films have eight.
const MAX_CHANNELS: usize = 16;
/// Maximum samples per channel in a packet. FLAC has up to 65,535.
const MAX_FRAMES: u64 = 1 << 16;
/// Unsupported audio formats of MP4 files, by their four-character codes.
const UNSUPPORTED_MP4_CODECS: &[(&[u8], &str)] = &[
    (b"samr", "AMR (an old telephone's recording)"),
    (b"sawb", "AMR-WB (an old telephone's recording)"),
    (b"enca", "encrypted sound"),
    (b"ac-3", "Dolby Digital (AC-3)"),
    (b"ec-3", "Dolby Digital Plus (E-AC-3)"),
    (b"sqcp", "QCELP"),
    (b"sevc", "EVRC"),
];

/// Maximum amplitude: decoders overshoot 1 a little, a much larger value is damage.
const LOUDEST: f32 = 4.0;

/// An open file.
pub(super) struct Source<'a> {
    format: Box<dyn FormatReader + 'a>,
    kind: Kind,
    track: u32,
    decoder: Codec,
    params: AudioCodecParameters,
    seconds: Option<f64>,
    /// The audible part; `None` if that is all of it.
    part: Option<edits::Part>,
    /// The end of the file is missing.
    pub(super) cut: bool,
    /// The header does not give the length.
    endless: bool,
}

/// Decoder of the packets.
enum Codec {
    Native(Box<dyn AudioDecoder>),
    Opus { decoder: Box<opus::Decoder>, skip: usize },
}

/// Opens a file of this kind.
pub(super) fn open(bytes: &[u8], kind: Kind) -> Result<Source<'_>, Error> {
    if kind == Kind::Mp4 && !edits::has_plausible_fragments(bytes) {
        return Err(Error::Damaged { what: kind.name() });
    }
    // If the index at the end is missing, read forwards: this works for some files that are
    // truncated or still being written.
    let whole = attempt(bytes, Box::new(Cursor::new(bytes)), kind);
    whole.or_else(|error| {
        let forwards = Box::new(ReadOnlySource::new(Cursor::new(bytes)));
        let source = attempt(bytes, forwards, kind).map_err(|_| error)?;
        Ok(Source { cut: true, ..source })
    })
}

fn attempt<'a>(
    bytes: &'a [u8],
    media: Box<dyn MediaSource + 'a>,
    kind: Kind,
) -> Result<Source<'a>, Error> {
    let opened = guard(|| {
        let stream = MediaSourceStream::new(media, MediaSourceStreamOptions::default());
        let (format, meta) = (FormatOptions::default(), MetadataOptions::default());
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, format, meta)
            .map_err(|failure| match failure {
                Failure::Unsupported(_) => unsupported_track_error(bytes, kind),
                _ => Error::Damaged { what: kind.name() },
            })?;
        let track = format
            .default_track(TrackType::Audio)
            .ok_or_else(|| unsupported_track_error(bytes, kind))?;
        let track = track.clone();
        let (decoder, params) = codec(&track, kind)?;
        let media = format.media_info();
        let whole = media.time_base.zip(media.duration).and_then(|(base, ticks)| {
            Some(base.calc_duration(ticks)?.as_secs_f64()).filter(|seconds| *seconds > 0.0)
        });
        let part = if kind == Kind::Mp4 { edits::audible_part(bytes) } else { None };
        let seconds = part.and_then(|part| part.keep).or_else(|| seconds(&track)).or(whole);
        let track = track.id;
        let endless =
            kind == Kind::Wav && [Some(&[0xFF; 4][..]), Some(&[0; 4])].contains(&bytes.get(4..8));
        Ok(Source { format, kind, track, decoder, params, seconds, part, cut: false, endless })
    });
    opened.unwrap_or(Err(Error::Damaged { what: kind.name() }))
}

/// Returns the error for a file without a known audio track.
fn unsupported_track_error(bytes: &[u8], kind: Kind) -> Error {
    let holds = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    let Kind::Mp4 = kind else { return sniff::unsupported(&format!("this {} file", kind.name())) };
    match UNSUPPORTED_MP4_CODECS.iter().find(|(mark, _)| holds(mark)) {
        Some((_, what)) => sniff::unsupported(what),
        None if holds(b"vide") && !holds(b"soun") => {
            Error::NotSound { what: "a video without sound" }
        }
        // Many files have the index at the end.
        None if !holds(b"moov") => Error::Damaged { what: kind.name() },
        None => sniff::unsupported("this MP4 file"),
    }
}

/// Length of a track by its header, in seconds.
fn seconds(track: &Track) -> Option<f64> {
    let rate = track.codec_params.as_ref()?.audio()?.sample_rate;
    #[expect(clippy::cast_precision_loss, reason = "52 bits are enough")]
    let by_frames =
        track.num_frames.zip(rate).map(|(frames, rate)| frames as f64 / f64::from(rate));
    let by_clock = || {
        let time = track.time_base?.calc_duration(track.duration?)?;
        Some(time.as_secs_f64())
    };
    let seconds = by_clock().or(by_frames)?;
    seconds.is_finite().then_some(seconds)
}

/// Creates the decoder of a track.
fn codec(track: &Track, kind: Kind) -> Result<(Codec, AudioCodecParameters), Error> {
    let params = track.codec_params.as_ref().and_then(|params| params.audio());
    let mut params = params.ok_or_else(|| sniff::unsupported(kind.name()))?.clone();
    let channels = params.channels.as_ref().map_or(0, Channels::count);
    if channels > MAX_CHANNELS {
        return Err(sniff::unsupported(&format!("{} with {channels} channels", kind.name())));
    }
    // Decoders allocate memory for the largest packet that the header announces.
    if params.max_frames_per_packet.is_some_and(|frames| frames > MAX_FRAMES) {
        return Err(Error::Damaged { what: kind.name() });
    }
    if params.codec == CODEC_ID_OPUS {
        let mut head = params.extra_data.as_deref().unwrap_or_default().to_vec();
        if let (Kind::Mp4, Some(fields)) = (kind, head.get_mut(10..18)) {
            // MP4 stores the same numbers as big-endian.
            fields[..2].reverse();
            fields[2..6].reverse();
            fields[6..].reverse();
        }
        let head = opus::Head::read(&head)?;
        // In MP4 files the edit list says what to skip.
        let skip = if kind == Kind::Mp4 { 0 } else { head.pre_skip };
        let skip = (skip * (RATE / 1000) / (opus::CLOCK / 1000)) as usize;
        let decoder = Box::new(opus::Decoder::new(head));
        return Ok((Codec::Opus { decoder, skip }, params));
    }
    if params.codec == CODEC_ID_AAC {
        params.extra_data = params.extra_data.as_deref().map(aac::core);
    }
    let options = AudioDecoderOptions::default();
    match symphonia::default::get_codecs().make_audio_decoder(&params, &options) {
        Ok(decoder) => Ok((Codec::Native(decoder), params)),
        Err(Failure::Unsupported(_)) if params.codec == CODEC_ID_AAC => Err(sniff::unsupported(
            "AAC of another profile than LC, or with more than two channels",
        )),
        Err(Failure::Unsupported(_)) => {
            Err(sniff::unsupported(&format!("this codec in {}", kind.name())))
        }
        Err(_) => Err(Error::Damaged { what: kind.name() }),
    }
}

impl Source<'_> {
    /// Length by the header, in seconds.
    pub(super) fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// Sample rate by the header, in Hz; 0 if unknown.
    pub(super) fn rate(&self) -> u32 {
        self.params.sample_rate.unwrap_or_default()
    }

    /// Channels by the header; 0 if unknown.
    pub(super) fn channels(&self) -> u16 {
        let count = self.params.channels.as_ref().map_or(0, Channels::count);
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// Decodes it.
    pub(super) fn play(mut self, sink: &mut SampleSink<'_>) -> Result<(), Stop> {
        let mut mixer = Mixer { what: self.kind.name(), resampler: None, mono: Vec::new() };
        let mut streams = 0;
        sink.cut |= self.cut;
        if let Some(part) = self.part {
            sink.only(part.skip, part.keep);
        }
        loop {
            sink.check()?;
            match guard(|| self.format.next_packet()) {
                Some(Ok(Some(packet))) if packet.track_id == self.track => {
                    let rate = self.decode(&packet, &mut mixer.mono, sink);
                    mixer.flow(rate, sink)?;
                }
                Some(Ok(Some(_))) => {}
                Some(Ok(None)) => break,
                Some(Err(Failure::ResetRequired)) if streams < MAX_STREAMS => {
                    streams += 1;
                    if !self.reopen() {
                        sink.cut = true;
                        break;
                    }
                }
                // A WAV that was written to a pipe has the maximum length in its header.
                Some(Err(Failure::IoError(_))) if self.endless => break,
                _ => {
                    sink.cut = true;
                    break;
                }
            }
        }
        mixer.finish(sink)
    }

    /// Opens the track and decoder of the next chained stream.
    fn reopen(&mut self) -> bool {
        let opened = guard(|| {
            let track = self.format.default_track(TrackType::Audio)?;
            let (decoder, _) = codec(track, self.kind).ok()?;
            Some((track.id, decoder))
        });
        let Some((track, decoder)) = opened.flatten() else { return false };
        (self.track, self.decoder) = (track, decoder);
        true
    }

    /// Decodes a packet to mono and returns its sample rate. A packet that cannot be decoded gives
    /// no samples.
    fn decode(&mut self, packet: &Packet, mono: &mut Vec<f32>, sink: &mut SampleSink<'_>) -> u32 {
        mono.clear();
        match &mut self.decoder {
            Codec::Opus { decoder, skip } => {
                sink.cut |= !decoder.decode(&packet.data, mono);
                let dropped = mono.len().min(*skip);
                *skip -= dropped;
                mono.drain(..dropped);
                RATE
            }
            Codec::Native(decoder) => {
                let heard = guard(|| {
                    let buffer = decoder.decode(packet).ok()?;
                    let channels = buffer.spec().channels().count();
                    let rate = buffer.spec().rate();
                    let mut samples = Vec::new();
                    buffer.copy_to_vec_interleaved::<f32>(&mut samples);
                    Some((samples, channels, rate))
                });
                let Some((samples, channels, rate)) = heard.flatten() else {
                    sink.cut = true;
                    return 0;
                };
                mix(&samples, channels, mono);
                rate
            }
        }
    }
}

/// Runs third-party code; `None` if it panics.
fn guard<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Mixes all channels with equal weight into one.
fn mix(samples: &[f32], channels: usize, mono: &mut Vec<f32>) {
    match channels {
        0 => {}
        1 => mono.extend_from_slice(samples),
        _ => {
            #[expect(clippy::cast_precision_loss, reason = "there are few channels")]
            let share = 1.0 / channels as f32;
            let frames = samples.chunks_exact(channels);
            mono.extend(frames.map(|frame| frame.iter().sum::<f32>() * share));
        }
    }
}

/// Passes decoded samples through the resampler.
struct Mixer {
    what: &'static str,
    resampler: Option<Resampler>,
    mono: Vec<f32>,
}

impl Mixer {
    /// Resamples `mono`, which has this rate. The rate may change within a file.
    fn flow(&mut self, rate: u32, sink: &mut SampleSink<'_>) -> Result<(), Stop> {
        if self.mono.is_empty() {
            return Ok(());
        }
        for sample in &mut self.mono {
            // The filter panics on NaN, also if it arises inside from huge values.
            *sample = if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 };
        }
        if self.resampler.as_ref().is_none_or(|resampler| resampler.rate() != rate) {
            self.finish(sink)?;
            self.resampler = Some(Resampler::new(rate, self.what)?);
        }
        match self.resampler.as_mut() {
            Some(resampler) => resampler.push(&self.mono, sink),
            None => Ok(()),
        }
    }

    /// Flushes the resampler.
    fn finish(&mut self, sink: &mut SampleSink<'_>) -> Result<(), Stop> {
        match self.resampler.take() {
            Some(mut resampler) => resampler.finish(sink),
            None => Ok(()),
        }
    }
}
