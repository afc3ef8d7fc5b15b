//! Prints how reliable a confidence is.

use crate::eval::Reliability;

/// Prints the bins, and how far the confidence is off.
pub(super) fn show(seen: &Reliability) {
    bins(seen);
    println!(
        "  on average it is off by {:.1} points (calibration error); Brier score {:.3}",
        seen.error * 100.0,
        seen.brier
    );
}

/// Prints what is said and what is seen, a line for each bin.
pub(super) fn bins(seen: &Reliability) {
    println!("  {:>10} {:>9} {:>8} {:>8}", "confidence", "questions", "said", "seen");
    for bin in &seen.bins {
        let range = format!("{:.1}-{:.1}", bin.from, bin.to);
        let (said, seen) = (bin.said * 100.0, bin.seen * 100.0);
        println!("  {range:>10} {:9} {said:7.1}% {seen:7.1}%", bin.count);
    }
}
