//! Dot products of one vector with many, stored as 16-bit integers: half the memory of floats, and
//! memory bandwidth is the bottleneck.

use pulp::{Arch, Simd, WithSimd};

use crate::rows::fma;

/// Independent partial sums, so that the compiler can vectorise the additions.
const LANES: usize = 32;

/// Largest integer of a quantised row.
const MAX_VALUE: f32 = 32_767.0;

/// Quantises a vector, appends it to `rows` and returns its scale. The error of a number is at most
/// half the scale, 1.5e-5 of the vector's largest number. Returns NaN if a number is NaN or
/// infinite.
pub fn quantize(vector: &[f32], rows: &mut Vec<i16>) -> f32 {
    if vector.iter().any(|x| !x.is_finite()) {
        rows.resize(rows.len() + vector.len(), 0);
        return f32::NAN;
    }
    let most = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let (scale, factor) =
        if most > 0.0 { (most / MAX_VALUE, MAX_VALUE / most) } else { (0.0, 0.0) };
    // The factor of a tiny maximum is infinite: store the vector as zeros.
    let (scale, factor) = if factor.is_finite() { (scale, factor) } else { (0.0, 0.0) };
    #[expect(clippy::cast_possible_truncation, reason = "a cast of floats stops at the ends")]
    rows.extend(vector.iter().map(|x| (x * factor).round() as i16));
    scale
}

/// Computes the dot product of a vector with each row, without the row's scale.
///
/// # Panics
/// When `rows` does not hold one row for each sum.
pub fn dots(vector: &[f32], rows: &[i16], sums: &mut [f32]) {
    assert_eq!(rows.len(), vector.len() * sums.len(), "as many rows as sums");
    if !vector.is_empty() {
        Arch::new().dispatch(Dots { vector, rows, sums });
    }
}

struct Dots<'a> {
    vector: &'a [f32],
    rows: &'a [i16],
    sums: &'a mut [f32],
}

impl WithSimd for Dots<'_> {
    type Output = ();

    /// Inlined into a function for each kind of processor, so that the compiler uses its SIMD
    /// instructions.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (sum, row) in self.sums.iter_mut().zip(self.rows.chunks_exact(self.vector.len())) {
            *sum = if S::F32_LANES >= 8 {
                dot::<true>(self.vector, row)
            } else {
                dot::<false>(self.vector, row)
            };
        }
    }
}

#[inline(always)]
fn dot<const FUSED: bool>(vector: &[f32], row: &[i16]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (vector, vector_rest) = vector.as_chunks::<LANES>();
    let (row, row_rest) = row.as_chunks::<LANES>();
    for (a, b) in vector.iter().zip(row) {
        for lane in 0..LANES {
            sums[lane] = fma::<FUSED>(a[lane], f32::from(b[lane]), sums[lane]);
        }
    }
    let rest = vector_rest.iter().zip(row_rest).map(|(a, b)| a * f32::from(*b));
    sums.iter().sum::<f32>() + rest.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random numbers around 0, and a far larger one.
    fn vector(length: usize, seed: u32) -> Vec<f32> {
        let mut seed = seed.wrapping_mul(747_796_405).wrapping_add(1);
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(seed >> 16).unwrap()) / 65_536.0 - 0.5
        };
        (0..length).map(|at| if at == 3 { 2.0 } else { next() }).collect()
    }

    #[test]
    fn whole_numbers_give_the_products_of_the_floats() {
        for length in [1, 7, 32, 33, 384, 391] {
            let question = vector(length, 1);
            let vectors: Vec<Vec<f32>> = (2..9).map(|seed| vector(length, seed)).collect();
            let mut rows = Vec::new();
            let scales: Vec<f32> =
                vectors.iter().map(|vector| quantize(vector, &mut rows)).collect();
            let mut sums = vec![0.0; vectors.len()];
            dots(&question, &rows, &mut sums);
            for ((sum, scale), vector) in sums.iter().zip(&scales).zip(&vectors) {
                let pairs = || question.iter().zip(vector);
                let exact: f64 = pairs().map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                let most: f64 = question.iter().map(|a| f64::from(a.abs() * scale) / 2.0).sum();
                let off = (f64::from(sum * scale) - exact).abs();
                assert!(off <= most + 1e-5, "{length}: {off} is more than {most}");
            }
        }
    }

    #[test]
    fn odd_vectors_have_odd_scales() {
        let mut rows = Vec::new();
        assert!(quantize(&[1.0, f32::NAN], &mut rows).is_nan());
        assert!(quantize(&[1.0, f32::INFINITY], &mut rows).is_nan());
        assert_eq!(quantize(&[0.0, 0.0], &mut rows).to_bits(), 0);
        assert_eq!(quantize(&[f32::from_bits(1), 0.0], &mut rows).to_bits(), 0);
        assert!((quantize(&[f32::MAX, -f32::MAX], &mut rows) - f32::MAX / MAX_VALUE).abs() < 1e30);
        assert_eq!(rows[8..], [32_767, -32_767]);
        dots(&[], &[], &mut []);
    }
}
