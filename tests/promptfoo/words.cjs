// Counts the words of an answer.
module.exports = (output, context) => {
  const words = output.split(/\s+/).filter(Boolean).length;
  const least = context.config.least;
  return { pass: words >= least, score: words >= least ? 1 : 0, reason: `${words >= least ? "at least" : "fewer than"} ${least} words` };
};
