//! AAC's configuration (ISO 14496-3, 1.6.2.1). HE-AAC is AAC-LC at half the rate (the core) with
//! data to reconstruct the high frequencies. If the configuration allows it, only the core is
//! decoded.

/// Sample rates by index, in Hz.
pub(super) const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
];

/// Object type AAC-LC.
const LOW: u64 = 2;
/// Object type of AAC-LC with spectral band replication (HE-AAC).
const BAND: u64 = 5;
/// Object type of HE-AAC with parametric stereo (HE-AAC v2).
const STEREO: u64 = 29;
/// Index for an explicit sample rate.
const ESCAPE: u64 = 15;

/// Returns the configuration of the core alone; unchanged if there is no extension.
pub(super) fn core(config: &[u8]) -> Box<[u8]> {
    strip(config).unwrap_or_else(|| config.into())
}

fn strip(config: &[u8]) -> Option<Box<[u8]>> {
    let mut bits = Bits { bytes: config, at: 0 };
    let kind = bits.take(5)?;
    let rate = bits.rate()?;
    let channels = bits.take(4)?;
    if kind == BAND || kind == STEREO {
        bits.rate()?;
        if bits.take(5)? != LOW {
            return None;
        }
    } else if kind != LOW {
        return None;
    }
    // Frames of 960 samples, a core coder, an extension: none of them is supported.
    let rest = bits.take(3)?;
    let (index, written) = rate;
    let mut packed = (LOW << 4) | index;
    let mut length = 9;
    if let Some(hertz) = written {
        packed = (packed << 24) | hertz;
        length += 24;
    }
    packed = (packed << 7) | (channels << 3) | rest;
    length += 7;
    let bytes = (packed << (64 - length)).to_be_bytes();
    Some(bytes[..length / 8].into())
}

/// Reads the bits of a configuration, the highest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u64> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u64::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// Reads a rate's index, and the rate if it is explicit.
    fn rate(&mut self) -> Option<(u64, Option<u64>)> {
        match self.take(4)? {
            ESCAPE => Some((ESCAPE, Some(self.take(24)?))),
            index => Some((index, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_high_efficiency_the_core_is_left() {
        // 22,050 Hz, 2 channels; extended to 44,100 Hz.
        assert_eq!(*core(&[0x2B, 0x92, 0x08, 0x00]), [0x13, 0x90]);
        // The same with backward-compatible signalling.
        assert_eq!(*core(&[0x13, 0x90, 0x56, 0xE5, 0xA0]), [0x13, 0x90]);
        // Parametric stereo over a mono core.
        assert_eq!(*core(&[0xEB, 0x8A, 0x08, 0x00]), [0x13, 0x88]);
    }

    #[test]
    fn what_is_not_understood_stays() {
        for config in [&[0x12, 0x10][..], &[0x12], &[], &[0xFF; 8]] {
            assert_eq!(*core(config), *config);
        }
    }
}
