//! Matrix multiplication. The right side is packed once into panels in the order in which they are
//! read; the left side is packed some rows at a time. The sums of a small tile stay in registers
//! over a whole block of the depth.

use pulp::{Arch, Simd, WithSimd};

/// Depth of a block: what a tile reads of one block fits the L1 cache.
const DEPTH: usize = 384;
/// Rows of the left side packed at once, so that they stay in the L2 cache. Preferably a multiple
/// of every tile height.
const ROWS: usize = 48;

/// A packed right side.
#[derive(Debug, Default, Clone)]
pub struct PackedMatrix {
    /// By block, panel and depth: the adjacent numbers of the panel.
    values: Vec<f32>,
    outputs: usize,
    depth: usize,
}

/// Layout of a right side in a slice: element (`depth`, `output`) is at `depth * depth_step +
/// output * output_step`.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The slice.
    pub values: &'a [f32],
    /// Columns of the product.
    pub outputs: usize,
    /// Rows of the right side.
    pub depth: usize,
    /// Distance between columns, in elements.
    pub output_step: usize,
    /// Distance between rows, in elements.
    pub depth_step: usize,
}

impl PackedMatrix {
    /// Packs a right side.
    ///
    /// # Panics
    /// When the side exceeds its slice.
    pub fn new(side: Side<'_>) -> Self {
        let mut packed = Self::default();
        packed.fill(side);
        packed
    }

    /// Packs another right side into the same memory.
    ///
    /// # Panics
    /// When the side exceeds its slice.
    pub fn fill(&mut self, side: Side<'_>) {
        let width = Arch::new().dispatch(Width);
        let Side { values, outputs, depth, output_step, depth_step } = side;
        (self.outputs, self.depth) = (outputs, depth);
        let panels = outputs.div_ceil(width);
        self.values.clear();
        self.values.resize(panels * width * depth, 0.0);
        let mut rest = &mut self.values[..];
        for start in (0..depth).step_by(DEPTH) {
            let deep = DEPTH.min(depth - start);
            for panel in 0..panels {
                let (own, after) = rest.split_at_mut(deep * width);
                rest = after;
                let first = panel * width;
                let from = &values[(first * output_step + start * depth_step).min(values.len())..];
                let outputs = width.min(outputs - first);
                if output_step == 1 {
                    for (at, to) in own.chunks_exact_mut(width).enumerate() {
                        to[..outputs].copy_from_slice(&from[at * depth_step..][..outputs]);
                    }
                } else {
                    for output in 0..outputs {
                        let column = from[output * output_step..].iter().step_by(depth_step);
                        let to = own[output..].iter_mut().step_by(width);
                        let pairs = to.zip(column.take(deep));
                        pairs.for_each(|(to, x)| *to = *x);
                    }
                }
            }
        }
    }

    /// Columns of the product.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

/// Computes `to = left * right`. The rows of `left` start `left_step` apart and have `depth`
/// elements; those of `to` start `to_step` apart, and elements between them are left unchanged.
/// `room` is a scratch buffer to reuse between calls.
///
/// # Panics
/// When the slices are too short.
pub fn multiply(
    (left, left_step): (&[f32], usize),
    right: &PackedMatrix,
    (to, to_step): (&mut [f32], usize),
    rows: usize,
    room: &mut Vec<f32>,
) {
    assert!(left_step >= right.depth && to_step >= right.outputs, "steps shorter than rows");
    let arch = Arch::new();
    for start in (0..rows).step_by(ROWS) {
        let (left, to) = (&left[start * left_step..], &mut to[start * to_step..]);
        let rows = ROWS.min(rows - start);
        arch.dispatch(Product { left, left_step, right, to, to_step, rows, room });
    }
}

/// Columns of a panel: two SIMD vectors.
struct Width;

impl WithSimd for Width {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        2 * S::F32_LANES
    }
}

struct Product<'a> {
    left: &'a [f32],
    left_step: usize,
    right: &'a PackedMatrix,
    to: &'a mut [f32],
    to_step: usize,
    rows: usize,
    room: &'a mut Vec<f32>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    /// The tile height makes the sums fill most registers: AVX-512 and NEON have 32, AVX2 has 16.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::F32_LANES == 8 {
            self.run::<S, 6>(simd);
        } else {
            self.run::<S, 12>(simd);
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn run<S: Simd, const TALL: usize>(self, simd: S) {
        let Self { left, left_step, right, to, to_step, rows, room } = self;
        let width = 2 * S::F32_LANES;
        let mut rest = &right.values[..];
        for start in (0..right.depth).step_by(DEPTH) {
            let deep = DEPTH.min(right.depth - start);
            pack_left::<TALL>(&left[start..], left_step, rows, deep, room);
            for column in (0..right.outputs).step_by(width) {
                let (panel, after) = rest.split_at(deep * width);
                rest = after;
                let columns = width.min(right.outputs - column);
                for (number, tile) in room.chunks_exact(TALL * deep).enumerate() {
                    let sums = tile_sums::<S, TALL>(simd, tile, panel);
                    let first = number * TALL;
                    for (row, sums) in sums.iter().enumerate().take(rows - first) {
                        let to = &mut to[(first + row) * to_step + column..][..columns];
                        store(simd, sums, to, start > 0);
                    }
                }
            }
        }
    }
}

/// Interleaves the rows of each tile; missing rows are zeros.
#[inline(always)]
fn pack_left<const TALL: usize>(
    left: &[f32],
    step: usize,
    rows: usize,
    deep: usize,
    room: &mut Vec<f32>,
) {
    room.clear();
    room.resize(rows.div_ceil(TALL) * TALL * deep, 0.0);
    for (number, tile) in room.chunks_exact_mut(TALL * deep).enumerate() {
        for row in 0..TALL.min(rows - number * TALL) {
            let from = &left[(number * TALL + row) * step..][..deep];
            for (to, x) in tile[row..].iter_mut().step_by(TALL).zip(from) {
                *to = *x;
            }
        }
    }
}

/// Computes the sums of a tile, in registers.
#[inline(always)]
fn tile_sums<S: Simd, const TALL: usize>(
    simd: S,
    left: &[f32],
    right: &[f32],
) -> [[S::f32s; 2]; TALL] {
    let (left, _) = left.as_chunks::<TALL>();
    let (right, _) = S::as_simd_f32s(right).0.as_chunks::<2>();
    let mut sums = [[simd.splat_f32s(0.0); 2]; TALL];
    for (left, right) in left.iter().zip(right) {
        for row in 0..TALL {
            let x = simd.splat_f32s(left[row]);
            sums[row][0] = simd.mul_add_e_f32s(x, right[0], sums[row][0]);
            sums[row][1] = simd.mul_add_e_f32s(x, right[1], sums[row][1]);
        }
    }
    sums
}

/// Writes a row of a tile, or adds it to the sum of earlier blocks.
#[inline(always)]
fn store<S: Simd>(simd: S, sums: &[S::f32s; 2], to: &mut [f32], add: bool) {
    if let ([first, second], []) = S::as_mut_simd_f32s(to) {
        *first = if add { simd.add_f32s(*first, sums[0]) } else { sums[0] };
        *second = if add { simd.add_f32s(*second, sums[1]) } else { sums[1] };
        return;
    }
    // The last panel may be wider than the rest of the row.
    let mut whole = [0.0; 64];
    let (vectors, _) = S::as_mut_simd_f32s(&mut whole);
    vectors[0] = sums[0];
    vectors[1] = sums[1];
    for (to, sum) in to.iter_mut().zip(whole) {
        *to = if add { *to + sum } else { sum };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        let mut seed = 7_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(seed >> 16).unwrap()) / 65_536.0 - 0.5
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn products_are_sums_of_products_at_any_size() {
        for (rows, depth, outputs) in
            [(1, 1, 1), (5, 7, 3), (12, 32, 32), (13, 384, 64), (50, 385, 33), (100, 800, 70)]
        {
            let (left_step, to_step) = (depth + 3, outputs + 2);
            let (left, right) = (numbers(rows * left_step), numbers(depth * outputs));
            for (output_step, depth_step) in [(depth, 1), (1, outputs)] {
                let side = Side { values: &right, outputs, depth, output_step, depth_step };
                let packed = PackedMatrix::new(side);
                let mut to = vec![9.0; rows * to_step];
                multiply((&left, left_step), &packed, (&mut to, to_step), rows, &mut Vec::new());
                for (row, to) in to.chunks(to_step).enumerate() {
                    for (output, ours) in to[..outputs].iter().enumerate() {
                        let one = |at: usize| {
                            let right = right[at * depth_step + output * output_step];
                            f64::from(left[row * left_step + at]) * f64::from(right)
                        };
                        let sum: f64 = (0..depth).map(one).sum();
                        let far = (f64::from(*ours) - sum).abs();
                        assert!(
                            far < 1e-4,
                            "{rows} x {depth} x {outputs}: {far} at {row}, {output}"
                        );
                    }
                    assert_eq!(to[outputs..], [9.0; 2], "what is between the rows was written to");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "steps shorter than rows")]
    fn a_step_that_is_too_short_is_refused() {
        let values = numbers(12);
        let side = Side { values: &values, outputs: 3, depth: 4, output_step: 4, depth_step: 1 };
        let packed = PackedMatrix::new(side);
        multiply((&values, 3), &packed, (&mut [0.0; 9], 3), 3, &mut Vec::new());
    }
}
