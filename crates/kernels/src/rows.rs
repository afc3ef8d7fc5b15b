//! Row-wise operations: bias and activation, layer normalisation, softmax. Knows nothing of models.

use pulp::{Arch, Simd, WithSimd};

/// Adds a bias to each row and applies an activation function.
pub fn add_bias_and_activate(rows: &mut [f32], bias: &[f32], function: Function) {
    match function {
        Function::Nothing => {}
        Function::Same => each_row(rows, bias.len(), AddBias(bias)),
        Function::Gelu => each_row(rows, bias.len(), Gelu(bias)),
        Function::GeluNew => each_row(rows, bias.len(), GeluNew(bias)),
        Function::Relu => each_row(rows, bias.len(), Relu(bias)),
    }
}

/// Activation function after the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Nothing, not even the bias.
    Nothing,
    /// Identity: the bias alone.
    Same,
    /// GELU with the error function.
    Gelu,
    /// GELU, tanh approximation.
    GeluNew,
    /// Negative numbers become 0.
    Relu,
}

/// Layer normalisation: adds `more` and `bias` to each row, normalises it to mean 0 and variance 1,
/// then scales and shifts it.
pub struct Norm<'a> {
    /// Residual added before; the same number of rows, or empty for none.
    pub more: &'a [f32],
    /// Bias added before; empty for none.
    pub bias: &'a [f32],
    /// Factor applied after normalisation.
    pub scale: &'a [f32],
    /// Offset added after scaling.
    pub shift: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

impl Norm<'_> {
    /// Normalises each row, of the length of `scale`.
    pub fn apply(self, rows: &mut [f32]) {
        let width = self.scale.len();
        each_row(rows, width, self);
    }
}

/// Applies softmax to each row.
pub fn softmax(rows: &mut [f32], width: usize) {
    each_row(rows, width, Softmax);
}

/// An operation on each row.
trait EachRow {
    /// `FUSED`: the processor has a fused multiply-add instruction.
    fn row<const FUSED: bool>(&self, number: usize, row: &mut [f32]);
}

fn each_row<T: EachRow>(rows: &mut [f32], width: usize, work: T) {
    if width > 0 {
        Arch::new().dispatch(Each { rows, width, work });
    }
}

struct Each<'a, T> {
    rows: &'a mut [f32],
    width: usize,
    work: T,
}

impl<T: EachRow> WithSimd for Each<'_, T> {
    type Output = ();

    /// Inlined into a function for each kind of processor, so that the compiler uses its SIMD
    /// instructions.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // Only 8 lanes or more (AVX2) guarantee a fused instruction; without one it would be a
        // function call.
        for (number, row) in self.rows.chunks_exact_mut(self.width).enumerate() {
            if S::F32_LANES >= 8 {
                self.work.row::<true>(number, row);
            } else {
                self.work.row::<false>(number, row);
            }
        }
    }
}

struct AddBias<'a>(&'a [f32]);

impl EachRow for AddBias<'_> {
    #[inline(always)]
    fn row<const FUSED: bool>(&self, _: usize, row: &mut [f32]) {
        for (x, bias) in row.iter_mut().zip(self.0) {
            *x += bias;
        }
    }
}

struct Gelu<'a>(&'a [f32]);

impl EachRow for Gelu<'_> {
    /// `x/2 (1 + erf(x / sqrt 2))`; erf by Abramowitz and Stegun, 7.1.26, wrong by less than 2e-7.
    #[inline(always)]
    fn row<const FUSED: bool>(&self, _: usize, row: &mut [f32]) {
        for (x, bias) in row.iter_mut().zip(self.0) {
            let v = *x + bias;
            let z = v.abs() * std::f32::consts::FRAC_1_SQRT_2;
            let t = 1.0 / fma::<FUSED>(0.327_591_1, z, 1.0);
            let p = fma::<FUSED>(1.061_405_4, t, -1.453_152);
            let p = fma::<FUSED>(p, t, 1.421_413_7);
            let p = fma::<FUSED>(p, t, -0.284_496_74);
            let p = fma::<FUSED>(p, t, 0.254_829_6);
            let erf = (1.0 - p * t * exp::<FUSED>(-z * z)).copysign(v);
            *x = 0.5 * v * (1.0 + erf);
        }
    }
}

struct GeluNew<'a>(&'a [f32]);

impl EachRow for GeluNew<'_> {
    /// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, which is `x sigmoid(2 ...)`.
    #[inline(always)]
    fn row<const FUSED: bool>(&self, _: usize, row: &mut [f32]) {
        for (x, bias) in row.iter_mut().zip(self.0) {
            let v = *x + bias;
            let inner = 0.797_884_6 * fma::<FUSED>(0.044_715 * v * v, v, v);
            *x = v / (1.0 + exp::<FUSED>(-2.0 * inner));
        }
    }
}

struct Relu<'a>(&'a [f32]);

impl EachRow for Relu<'_> {
    #[inline(always)]
    fn row<const FUSED: bool>(&self, _: usize, row: &mut [f32]) {
        for (x, bias) in row.iter_mut().zip(self.0) {
            *x = (*x + bias).max(0.0);
        }
    }
}

impl EachRow for Norm<'_> {
    #[inline(always)]
    fn row<const FUSED: bool>(&self, number: usize, row: &mut [f32]) {
        let width = row.len();
        let more = self.more.get(number * width..(number + 1) * width).unwrap_or_default();
        if more.is_empty() || self.bias.is_empty() {
            row.iter_mut().zip(more).for_each(|(x, more)| *x += more);
            row.iter_mut().zip(self.bias).for_each(|(x, bias)| *x += bias);
        }
        for ((x, more), bias) in row.iter_mut().zip(more).zip(self.bias) {
            *x += more + bias;
        }
        #[expect(clippy::cast_precision_loss, reason = "a width is small")]
        let count = width as f32;
        let mean = sum(row, |x| x) / count;
        let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
        let factor = 1.0 / (variance + self.epsilon).sqrt();
        for ((x, scale), shift) in row.iter_mut().zip(self.scale).zip(self.shift) {
            *x = fma::<FUSED>((*x - mean) * factor, *scale, *shift);
        }
    }
}

struct Softmax;

impl EachRow for Softmax {
    #[inline(always)]
    fn row<const FUSED: bool>(&self, _: usize, row: &mut [f32]) {
        let mut most = [f32::MIN; LANES];
        let (lanes, rest) = row.as_chunks::<LANES>();
        for lane in lanes {
            for (most, x) in most.iter_mut().zip(lane) {
                *most = if *x > *most { *x } else { *most };
            }
        }
        let most = most.iter().chain(rest).fold(f32::MIN, |most, x| most.max(*x));
        for x in row.iter_mut() {
            *x = exp::<FUSED>(*x - most);
        }
        let share = 1.0 / sum(row, |x| x);
        for x in row.iter_mut() {
            *x *= share;
        }
    }
}

/// Independent partial sums, so that the compiler can vectorise the additions.
const LANES: usize = 32;

#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (lanes, rest) = row.as_chunks::<LANES>();
    for lane in lanes {
        for (sum, x) in sums.iter_mut().zip(lane) {
            *sum += of(*x);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| of(*x)).sum::<f32>()
}

#[inline(always)]
pub(crate) fn fma<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Branch-free exponential function: `2^n e^f` with the polynomial of Cephes' `expf`; the error is
/// a few units in the last place.
#[inline(always)]
fn exp<const FUSED: bool>(x: f32) -> f32 {
    /// 1.5 * 2^23: a float of this size has no fraction bits, so adding it rounds.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let rounded = fma::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let f = fma::<FUSED>(-n, 0.693_359_4, x);
    let f = fma::<FUSED>(-n, -2.121_944_4e-4, f);
    let p = fma::<FUSED>(1.987_569_1e-4, f, 1.398_199_9e-3);
    let p = fma::<FUSED>(p, f, 8.333_452e-3);
    let p = fma::<FUSED>(p, f, 4.166_579_6e-2);
    let p = fma::<FUSED>(p, f, 1.666_666_5e-1);
    let p = fma::<FUSED>(p, f, 0.5);
    let p = fma::<FUSED>(p, f * f, f + 1.0);
    // The low bits of `rounded` are n; shifted into the exponent they give 2^n.
    p * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        let mut seed = 7_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(seed >> 16).unwrap()) / 6_553.6 - 5.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_residual_and_a_bias_are_added_with_and_without_each_other() {
        let (rows, more, bias) = (numbers(64), numbers(64), numbers(32));
        let (scale, shift) = (vec![1.0; 32], vec![0.0; 32]);
        let norm = |mut rows: Vec<f32>, more: &[f32], bias: &[f32]| {
            Norm { more, bias, scale: &scale, shift: &shift, epsilon: 1e-5 }.apply(&mut rows);
            rows
        };
        let added = |more: &[f32], bias: &[f32]| {
            let sum = |(at, x): (usize, &f32)| {
                let more = more.get(at).copied().unwrap_or_default();
                let bias = bias.get(at % 32).copied().unwrap_or_default();
                x + (more + bias)
            };
            rows.iter().enumerate().map(sum).collect::<Vec<_>>()
        };
        for (more, bias) in [(&more[..], &bias[..]), (&more[..], &[]), (&[], &bias[..]), (&[], &[])]
        {
            let together = norm(rows.clone(), more, bias);
            for (one, other) in together.iter().zip(norm(added(more, bias), &[], &[])) {
                assert!((one - other).abs() < 1e-4, "{} {}", more.len(), bias.len());
            }
        }
    }

    #[test]
    fn functions_are_those_of_the_textbook() {
        let given = numbers(203);
        let erf = |x: f64| {
            // The series of erf converges everywhere.
            let mut term = x;
            let mut sum = x;
            for n in 1..200 {
                let n = f64::from(n);
                term *= -x * x / n;
                sum += term / (2.0 * n + 1.0);
            }
            sum * std::f64::consts::FRAC_2_SQRT_PI
        };
        let gelu = |x: f64| 0.5 * x * (1.0 + erf(x / 2f64.sqrt()));
        let new = |x: f64| {
            0.5 * x
                * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        };
        let compare = |function, exact: &dyn Fn(f64) -> f64| {
            let mut ours = given.clone();
            add_bias_and_activate(&mut ours, &vec![0.0; given.len()], function);
            for (x, y) in given.iter().zip(&ours) {
                let exact = exact(f64::from(*x));
                assert!(
                    (f64::from(*y) - exact).abs() < 2e-6,
                    "{function:?}({x}) is {exact}, not {y}"
                );
            }
        };
        compare(Function::Gelu, &gelu);
        compare(Function::GeluNew, &new);
        compare(Function::Relu, &|x| x.max(0.0));
        compare(Function::Same, &|x| x);
    }

    #[test]
    fn rows_become_shares_of_1() {
        let mut rows = numbers(3 * 67);
        softmax(&mut rows, 67);
        for row in rows.chunks(67) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5 && row.iter().all(|x| *x >= 0.0));
        }
        let mut far = [-1e30, 0.0, 1e4];
        softmax(&mut far, 3);
        assert!(far[0] < 1e-30 && far[1] < 1e-30 && (far[2] - 1.0).abs() < 1e-6, "{far:?}");
    }
}
